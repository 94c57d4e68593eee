package commands_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/commands"
	"gait/commands/gate"
	"gait/ledger"
	"gait/projection"
)

// A grant is for one intent, once; it is open until it is settled.
func TestGateAllowsOnce(t *testing.T) {
	g := newGateBench(t)
	first := g.allows(g.eval("read", 1, ""))
	if first.Grant == "" || first.Intent == nil || first.PolicyDigest != g.policy || len(first.DeterminedBy) == 0 || first.Engine == "" {
		t.Errorf("the answer lacks something: %+v", first)
	}
	again := g.blocks(g.eval("read", 1, ""), gate.CodeEffectsUnsettled)
	if diff := cmp.Diff([]string{first.Grant}, again.Unsettled); diff != "" {
		t.Errorf("what must be settled first (-want +got):\n%s", diff)
	}
	second := g.allows(g.eval("read", 2, ""))
	g.must(settle(first.Grant, ledger.EffectDone))
	if third := g.allows(g.eval("read", 1, "")); third.Grant == first.Grant || third.Grant == second.Grant {
		t.Error("two grants have one id")
	}
	j := g.job("job_1")
	if len(j.Grants) != 2 || j.Allows != 3 || j.Blocks != 1 {
		t.Errorf("%d grants, %d allows, %d blocks, want 2, 3, 1", len(j.Grants), j.Allows, j.Blocks)
	}
}

func TestGateBlocksByPolicy(t *testing.T) {
	g := newGateBench(t)
	g.blocks(g.eval("drop", 1, ""), gate.CodeForbids)
	other := g.eval("read", 1, "")
	c := other.Command.(commands.GateEval)
	c.Policy = one
	other.Command = c
	g.blocks(other, gate.CodePolicyMismatch)
	c.Policy = g.policy
	other.Command = c
	g.allows(other)
	unbound := by("boss", commands.Submit{EnvironmentFingerprint: env, ProducerVersion: "gait/test"})
	unbound.JobID = "job_2"
	g.must(unbound)
	r := g.eval("read", 1, "")
	r.JobID = "job_2"
	g.blocks(r, gate.CodePolicyMissing)
}

// One approval permits one intent once.
func TestGateAsksForApproval(t *testing.T) {
	g := newGateBench(t)
	asked := g.requiresApproval(g.eval("pay", 1, "call-1"))
	if asked.CheckpointID != "cp_0001" || g.job("job_1").Status != projection.DecisionNeeded {
		t.Fatalf("the answer is %+v, the job %s", asked, g.job("job_1").Status)
	}
	for range 2 { // written, and then repeated
		if a := g.blocks(g.eval("pay", 1, "call-1"), gate.CodeNotRunning); a.CheckpointID != "cp_0001" {
			t.Errorf("a block while the decision is open names %q", a.CheckpointID)
		}
	}
	for _, r := range []commands.Request{g.eval("pay", 2, "call-1"), g.eval("read", 1, "")} {
		if a := g.blocks(r, gate.CodeNotRunning); a.CheckpointID != "" {
			t.Errorf("a block of another intent names %q", a.CheckpointID)
		}
	}
	g.must(approve("reviewer"))
	g.blocks(g.eval("pay", 1, "call-1"), gate.CodeNotRunning)
	g.must(g.goesOn())
	g.requiresApproval(g.eval("pay", 2, "call-2")) // the approval was for other arguments
	g.must(approve("reviewer"), g.goesOn())
	a := g.wants(g.eval("pay", 1, "call-1"), ledger.GateAllow, gate.CodeApproved)
	g.blocks(g.eval("pay", 1, "call-1"), gate.CodeEffectsUnsettled)
	g.must(settle(a.Grant, ledger.EffectDone))
	g.requiresApproval(g.eval("pay", 1, "call-3")) // it was used up
}

// A call that was done is not done again, however often and whenever its worker asks; one of
// which nothing was done is.
func TestGateKnowsCalls(t *testing.T) {
	g := newGateBench(t)
	a := g.allows(g.eval("read", 1, "call-1"))
	done := settle(a.Grant, ledger.EffectDone)
	c := done.Command.(commands.GateSettle)
	c.Result = g.content.put("job_1", "42")
	done.Command = c
	g.must(done)
	for range 2 {
		again := g.blocks(g.eval("read", 1, "call-1"), gate.CodeAlreadyDone)
		if again.Outcome != ledger.EffectDone || again.Result == nil || again.Result.Digest != c.Result.Digest {
			t.Errorf("the answer to a call that was done is %+v, want its result", again)
		}
		g.engine = &commands.Engine{Log: g.log, Now: g.engine.Now, Entropy: g.engine.Entropy, Content: g.content} // which knows nothing
	}
	a = g.allows(g.eval("read", 1, "call-2"))
	g.must(byHand(a.Grant, ledger.EffectNotDone))
	a = g.allows(g.eval("read", 1, "call-2"))
	g.must(settle(a.Grant, ledger.EffectUnknown))
	for _, r := range []commands.Request{g.eval("read", 1, "call-2"), g.eval("read", 9, "call-9"), g.eval("read", 9, "")} {
		if b := g.blocks(r, gate.CodeEffectsUnsettled); len(b.Unsettled) != 1 || b.Unsettled[0] != a.Grant {
			t.Errorf("the grants to settle are %q, want %s", b.Unsettled, a.Grant)
		}
	}
	g.must(byHand(a.Grant, ledger.EffectDone))
	g.blocks(g.eval("read", 1, "call-2"), gate.CodeAlreadyDone)
}

// A call id stands for one intent: whatever became of that, another one is neither allowed nor
// said to be done under it.
func TestGateKnowsReusedCalls(t *testing.T) {
	outcomes := map[string]func(g *gateBench, grant string){
		"open":     func(*gateBench, string) {},
		"unknown":  func(g *gateBench, grant string) { g.must(settle(grant, ledger.EffectUnknown)) },
		"done":     func(g *gateBench, grant string) { g.must(settle(grant, ledger.EffectDone)) },
		"not done": func(g *gateBench, grant string) { g.must(byHand(grant, ledger.EffectNotDone)) },
	}
	for name, becomes := range outcomes {
		t.Run(name, func(t *testing.T) {
			g := newGateBench(t)
			a := g.allows(g.eval("read", 1, "call-1"))
			becomes(g, a.Grant)
			for range 2 {
				for _, r := range []commands.Request{g.eval("read", 2, "call-1"), g.eval("pay", 1, "call-1")} {
					if b := g.blocks(r, gate.CodeCallReused); b.Outcome != "" || b.Result != nil || b.Grant != "" {
						t.Errorf("the answer about another intent is %+v", b)
					}
				}
				g.engine = &commands.Engine{Log: g.log, Now: g.engine.Now, Entropy: g.engine.Entropy, Content: g.content} // which knows nothing
			}
			g.log.check(t)
		})
	}
}

// Calls that are decided in one batch, or while the one before is written, see each other.
func TestGateKnowsCallsThatAreNotDurable(t *testing.T) {
	s := newStage(t)
	content := &memContent{}
	s.engine.Content = content
	release := s.log.onCommit
	s.log.onCommit = nil
	policy := content.putPlain(gatePolicy)
	s.must(pause(), by("boss", commands.Resume{EnvironmentFingerprint: env, PolicyDigest: policy}))
	s.log.onCommit = release
	for len(s.decided) > 0 {
		<-s.decided
	}
	r := by("worker_1", commands.GateEval{Tool: "read", Intent: content.put("job_1", intent("read", 1)), CallID: "call-1"})
	first := s.start(t.Context(), r)
	<-s.began
	rest := s.start(t.Context(), r, r, r)
	s.log.onCommit = nil
	s.through <- struct{}{}
	s.wait.Wait()
	if a := commands.AnswerOf(first.results[0], first.errs[0]); a.Verdict != ledger.GateAllow {
		t.Errorf("the first = %+v, want allow", a)
	}
	for i := range rest.results {
		if a := commands.AnswerOf(rest.results[i], rest.errs[i]); a.Verdict != ledger.GateBlock || a.ReasonCode != gate.CodeEffectsUnsettled {
			t.Errorf("the same call at the same time = %s (%s), want block (effects_unsettled)", a.Verdict, a.ReasonCode)
		}
	}
	s.log.check(t)
}

// After an emergency stop no policy is asked, and each attempt is journalled; after the end of a
// job it is refused.
func TestGateOfStoppedJobs(t *testing.T) {
	g := newGateBench(t)
	retried := g.eval("read", 1, "call-1")
	retried.RequestID = "r-1"
	g.allows(retried)
	g.must(by("boss", commands.Stop{}))
	reads := g.content.reads
	for i := range 3 {
		g.blocks(g.eval("read", i, ""), gate.CodeEmergencyStopped)
	}
	size := g.size()
	g.blocks(retried, gate.CodeEmergencyStopped) // whose request id was used by an allow
	g.blocks(g.eval("drop", 1, ""), gate.CodeEmergencyStopped)
	if written := g.size() - size; written != 2 || g.content.reads > reads+5 {
		t.Errorf("%d events after 2 attempts, %d reads of content", written, g.content.reads-reads)
	}
	if e, err := g.log.Event(t.Context(), ledger.Seq(g.size()-2)); err != nil || e.Type() != ledger.TypeDispatchBlocked || e.RequestID() != "" {
		t.Errorf("the retry is journalled as %s with request id %q, %v", e.Type(), e.RequestID(), err)
	}
	g.must(by("boss", commands.Cancel{}))
	for _, r := range []commands.Request{g.eval("read", 1, ""), retried} {
		size := g.size()
		if a := g.blocks(r, gate.CodeNotRunning); a.Repeated || g.size() != size+1 {
			t.Errorf("an attempt after the end: repeated %t, %d events", a.Repeated, g.size()-size)
		}
	}
}

// A block of a job that does not run is written once, as long as nothing else happens. One of a
// job that runs is written each time.
func TestGateBlocksAreCoalesced(t *testing.T) {
	g := newGateBench(t)
	for range 2 {
		if g.blocks(g.eval("drop", 1, ""), gate.CodeForbids).Repeated {
			t.Error("a block of a job that runs is not written")
		}
	}
	g.must(pause())
	variants := []commands.Request{g.eval("read", 1, ""), g.eval("read", 2, ""), g.eval("drop", 2, ""), g.eval("drop", 2, "call-1")}
	other := g.eval("drop", 2, "call-1")
	other.Actor = "worker_2"
	for i, r := range append(variants, other) {
		if a := g.blocks(r, gate.CodeNotRunning); a.Repeated {
			t.Errorf("block %d is taken for the one before", i)
		}
		for range 2 {
			if a := g.blocks(r, gate.CodeNotRunning); !a.Repeated {
				t.Errorf("block %d is written again", i)
			}
		}
	}
	g.must(checkpoint(ledger.CheckpointProgress))
	if g.blocks(other, gate.CodeNotRunning).Repeated {
		t.Error("a block after another event is taken for the one before it")
	}
	g.must(by("boss", commands.Stop{}))
	g.blocks(other, gate.CodeEmergencyStopped)
	if !g.blocks(other, gate.CodeEmergencyStopped).Repeated {
		t.Error("a block after an emergency stop is written again")
	}
}

// What is approved in the place of an intent is an intent of the same tool.
func TestGateAmended(t *testing.T) {
	g := newGateBench(t)
	g.requiresApproval(g.eval("pay", 900, "call-1"))
	amend := func(text string) commands.Request {
		return by("reviewer", commands.Approve{Amended: g.content.put("job_1", text)})
	}
	for _, text := range []string{"", "pay less", `{"arguments":{}}`, intent("read", 1), `{"tool":"pay","arguments":{"n":100}}`, intent("pay", 1) + " ", strings.Repeat("x", ledger.MaxIntent+1)} {
		var invalid *commands.InvalidError
		if err := g.fails(amend(text)); !errors.As(err, &invalid) {
			t.Errorf("amended to %.40q = %v, want an *InvalidError", text, err)
		}
	}
	g.must(amend(intent("pay", 100)), g.goesOn())
	blocked := g.blocks(g.eval("pay", 900, "call-1"), gate.CodeIntentAmended)
	if blocked.Amended == nil || blocked.Amended.Digest != g.content.put("job_1", intent("pay", 100)).Digest {
		t.Errorf("the answer names %v as what was approved", blocked.Amended)
	}
	g.wants(g.eval("pay", 100, "call-1"), ledger.GateAllow, gate.CodeApproved)
}

// What an approver puts in the place of what a worker asks about is any content.
func TestOtherDecisionsAreAmendedFreely(t *testing.T) {
	g := newGateBench(t)
	r := decision()
	add := r.Command.(commands.AddCheckpoint)
	add.Subject = g.content.put("job_1", "pay more")
	r.Command = add
	g.must(r, by("reviewer", commands.Approve{Amended: g.content.put("job_1", "pay less")}))
}

// What is no intent is a block, and what was given is kept if it is no more than an intent may
// be.
func TestGateIntentProblems(t *testing.T) {
	g := newGateBench(t)
	named := func(c ledger.Content) commands.Request {
		return by("worker_1", commands.GateEval{Tool: "read", Intent: c})
	}
	long := strings.Repeat("x", ledger.MaxIntent+1)
	for _, tt := range []struct {
		name string
		r    commands.Request
		code string
		kept bool
	}{
		{"no JSON", named(g.content.put("job_1", "read")), gate.CodeIntentInvalid, true},
		{"another spelling", named(g.content.put("job_1", `{"tool":"read","arguments":{"n":1}}`)), gate.CodeIntentInvalid, true},
		{"empty", named(g.content.put("job_1", "")), gate.CodeIntentInvalid, true},
		{"of another tool", named(g.content.put("job_1", intent("drop", 1))), gate.CodeIntentTool, true},
		{"too large", named(g.content.put("job_1", long)), gate.CodeIntentTooLarge, false},
		{"not kept", named(ledger.Content{Digest: two, Size: 9}), gate.CodeIntentUnreadable, false},
		{"too large to be sent", by("worker_1", commands.GateEval{Tool: "read", Problem: gate.CodeIntentTooLarge}), gate.CodeIntentTooLarge, false},
		{"unreadable to the worker", by("worker_1", commands.GateEval{Tool: "read", Problem: gate.CodeIntentUnreadable}), gate.CodeIntentUnreadable, false},
	} {
		size := g.size()
		a := g.blocks(tt.r, tt.code)
		if g.size() != size+1 || (a.Intent != nil) != tt.kept {
			t.Errorf("%s: %d events, intent %v, want 1 and kept: %t", tt.name, g.size()-size, a.Intent, tt.kept)
		}
	}
}

// The arguments of the commands are checked before anything is read.
func TestGateCommandsAreChecked(t *testing.T) {
	b := newBench(t)
	c := ledger.Content{Digest: one, Size: 1}
	for name, command := range map[string]commands.Command{
		"no tool":               commands.GateEval{Intent: c},
		"a tool with a space":   commands.GateEval{Tool: "a b", Intent: c},
		"a long tool":           commands.GateEval{Tool: strings.Repeat("x", ledger.MaxTool+1), Intent: c},
		"no intent":             commands.GateEval{Tool: "read"},
		"intent and problem":    commands.GateEval{Tool: "read", Intent: c, Problem: gate.CodeIntentTooLarge},
		"another problem":       commands.GateEval{Tool: "read", Problem: "policy_permits"},
		"a negative size":       commands.GateEval{Tool: "read", Intent: ledger.Content{Digest: one, Size: -1}},
		"no digest":             commands.GateEval{Tool: "read", Intent: ledger.Content{Size: 1}},
		"a call with a newline": commands.GateEval{Tool: "read", Intent: c, CallID: "a\nb"},
		"exit 256":              commands.GateEval{Tool: "read", Intent: c, Facts: commands.GateFacts{NotDoneExit: 256}},
		"exit -1":               commands.GateEval{Tool: "read", Intent: c, Facts: commands.GateFacts{NotDoneExit: -1}},
		"no grant":              commands.GateSettle{Outcome: ledger.EffectDone},
		"no ULID":               commands.GateSettle{Grant: "01JA", Outcome: ledger.EffectDone},
		"no outcome":            commands.GateSettle{Grant: "01JA0000000000000000000000"},
		"another outcome":       commands.GateSettle{Grant: "01JA0000000000000000000000", Outcome: "maybe"},
	} {
		var invalid *commands.InvalidError
		if err := b.fails(by("worker_1", command)); !errors.As(err, &invalid) {
			t.Errorf("%s = %v, want an *InvalidError", name, err)
		}
	}
	if err := b.fails(by("worker_1", commands.GateEval{Tool: "read", Intent: c})); !errors.Is(err, commands.ErrJobNotFound) {
		t.Errorf("a job that does not exist = %v, want ErrJobNotFound", err)
	}
}

// Parsed policies are kept, the last ones used; one that cannot be read is read again.
func TestPoliciesAreCached(t *testing.T) {
	g := newGateBench(t)
	g.content.mu.Lock()
	bytes := g.content.kept[g.policy]
	delete(g.content.kept, g.policy)
	g.content.mu.Unlock()
	for range 2 {
		g.blocks(g.eval("read", 1, ""), gate.CodePolicyUnreadable)
	}
	g.content.keep(g.policy, string(bytes))
	reads := func(r commands.Request) int {
		before := g.content.reads
		if a := g.ask(r); a.Verdict != ledger.GateAllow {
			t.Fatalf("%s (%s)", a.Verdict, a.Detail)
		}
		return g.content.reads - before - 1 // that of the intent
	}
	for i, want := range []int{1, 0, 0} {
		if got := reads(g.eval("read", i, "")); got != want {
			t.Errorf("decision %d took %d reads of the policy, want %d", i, got, want)
		}
	}
	for i := range 16 {
		r := g.submits()
		c := r.Command.(commands.Submit)
		c.PolicyDigest = g.content.putPlain(gatePolicy + fmt.Sprint("// ", i))
		r.Command, r.JobID = c, fmt.Sprintf("other_%d", i)
		g.must(r)
		eval := by("worker_1", commands.GateEval{Tool: "read", Intent: g.content.put(r.JobID, intent("read", 1))})
		eval.JobID = r.JobID
		if got := reads(eval); got != 1 {
			t.Errorf("another policy took %d reads, want 1", got)
		}
	}
	if got := reads(g.eval("read", 9, "")); got != 1 {
		t.Errorf("the policy that was not used lately took %d reads, want 1", got)
	}
	if got := reads(g.eval("read", 10, "")); got != 0 {
		t.Errorf("and then %d, want 0", got)
	}
}

// Intents are read by their callers: one that takes long keeps no other command waiting.
func TestIntentsAreReadByTheirCallers(t *testing.T) {
	g := newGateBench(t)
	reading, goOn := make(chan struct{}), make(chan struct{})
	g.content.fail = func(operation string) error {
		if operation == "ReadOf" {
			close(reading)
			<-goOn
		}
		return nil
	}
	r := g.eval("read", 1, "")
	r.JobID = "job_1"
	answered := make(chan commands.GateAnswer)
	go func() { answered <- commands.AnswerOf(g.engine.Do(context.Background(), r)) }()
	<-reading
	g.must(checkpoint(ledger.CheckpointProgress))
	close(goOn)
	if a := <-answered; a.Verdict != ledger.GateAllow {
		t.Errorf("the answer is %s (%s)", a.Verdict, a.Detail)
	}
}
