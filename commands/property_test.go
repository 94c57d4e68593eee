package commands_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gait/commands"
	"gait/ledger"
	"gait/projection"
)

var (
	someJob    = rapid.SampledFrom([]string{"job_1", "job_1", "job_2", "job_3"})
	someActor  = rapid.SampledFrom([]string{"worker_1", "worker_2", "reviewer", "agent_7"})
	someReason = rapid.SampledFrom([]string{"", "because", `say "why"`})
	someID     = rapid.SampledFrom([]string{"", "", "cp_0001", "cp_0002", "cp_0003", "cp_0005"})
	somePolicy = rapid.SampledFrom([]ledger.Hash{{}, {}, one, two, knownPolicy, knownPolicy, knownPolicy, knownPolicy})
	someEnv    = rapid.SampledFrom([]string{env, env, env, "envfp:there"})
	someWho    = rapid.SampledFrom([]string{"", "", "agent_7", "agent_8"})
	someRef    = rapid.SampledFrom([]string{"", "", "policy v1"})
	someType   = rapid.SampledFrom([]ledger.CheckpointType{
		ledger.CheckpointPlan, ledger.CheckpointProgress, ledger.CheckpointDecisionNeeded,
		ledger.CheckpointDecisionNeeded, ledger.CheckpointBlocked, ledger.CheckpointCompleted, ledger.CheckpointFailed,
	})
)

// someCommand draws a command. Those that end a job are rare.
func someCommand(t *rapid.T) commands.Command {
	switch n := rapid.IntRange(0, 56).Draw(t, "command"); {
	case n > 44:
		return someLease(t)
	case n < 7:
		c := commands.AddCheckpoint{Type: someType.Draw(t, "type"), Summary: "s"}
		if final := c.Type == ledger.CheckpointCompleted || c.Type == ledger.CheckpointFailed; final && n > 1 {
			c.Type = ledger.CheckpointPlan
		}
		if c.Type == ledger.CheckpointDecisionNeeded {
			c.RequiredAction = "decide"
		}
		return c
	case n < 10:
		return commands.Pause{Hold: rapid.Bool().Draw(t, "hold")}
	case n < 16:
		return commands.Approve{CheckpointID: someID.Draw(t, "checkpoint")}
	case n < 19:
		return commands.Deny{CheckpointID: someID.Draw(t, "checkpoint")}
	case n < 26:
		return commands.Resume{
			EnvironmentFingerprint: someEnv.Draw(t, "env"), AllowEnvMismatch: rapid.Bool().Draw(t, "allow"),
			Identity: someWho.Draw(t, "identity"), PolicyDigest: somePolicy.Draw(t, "policy"), PolicyRef: someRef.Draw(t, "ref"),
		}
	case n == 26:
		return commands.Stop{}
	case n == 27:
		return commands.EraseContent{Digest: one}
	case n > 37:
		return commands.GateSettle{Grant: someGrant, Outcome: rapid.SampledFrom(ledger.EffectOutcomes).Draw(t, "outcome")}
	case n > 28:
		return someEval(t)
	}
	return commands.Cancel{}
}

func someRequest(t *rapid.T) commands.Request {
	r := commands.Request{JobID: someJob.Draw(t, "job"), Actor: someActor.Draw(t, "actor"), Reason: someReason.Draw(t, "reason"), Command: someCommand(t)}
	if c, ok := r.Command.(commands.Resume); ok && c.AllowEnvMismatch && r.Reason == "" {
		r.Reason = "moved"
	}
	if _, ok := r.Command.(commands.EraseContent); ok && r.Reason == "" {
		r.Reason = "personal data"
	}
	if commands.RowOf(r.Command).ReasonElsewhere != "" {
		r.Reason = ""
	}
	r.Lease = someEpoch.Draw(t, "lease")
	if _, renews := r.Command.(commands.LeaseRenew); renews {
		r.Lease = max(r.Lease, 1)
	}
	switch rapid.IntRange(0, 15).Draw(t, "option") {
	case 0:
		r.DryRun = true
	case 1:
		revision := rapid.Int64Range(1, 9).Draw(t, "revision")
		r.IfRevision = &revision
	case 2, 3:
		r.RequestID = rapid.SampledFrom([]string{"r-1", "r-2", "r-3"}).Draw(t, "request id")
	}
	return r
}

// After random commands for several jobs, the fold accepts what was decided, and
// every step keeps the rules, which an oracle checks independently.
func TestRandomHistories(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		b := newBench(t)
		b.engine.Content = knownContent()
		for i := range 3 {
			c := commands.Submit{
				EnvironmentFingerprint: env, ProducerVersion: "gait/test", Identity: someWho.Draw(rt, "identity"),
				PolicyDigest: somePolicy.Draw(rt, "policy"), PolicyRef: someRef.Draw(rt, "ref"),
			}
			r := by("worker_1", c)
			r.JobID = fmt.Sprintf("job_%d", i+1)
			b.must(r)
		}
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			step(rt, b, someRequest(rt))
		}
		b.log.check(rt)
		for i := range 3 {
			checkPrefixes(rt, b.log, fmt.Sprintf("job_%d", i+1))
		}
	})
}

// step carries out one request and checks what it led to.
func step(t *rapid.T, b *bench, r commands.Request) {
	before, size := b.job(r.JobID), b.size()
	r = leasedStep(t, b, before, r)
	if c, ok := r.Command.(commands.GateSettle); ok && len(before.Grants) > 0 && r.RequestID == "" {
		c.Grant = before.Grants[rapid.IntRange(0, len(before.Grants)-1).Draw(t, "grant")].ID
		r.Command = c
	}
	result, err := b.do(r)
	after := b.job(r.JobID)
	written := b.size() - size

	no, refused := errors.AsType[*commands.RefusedError](err)
	_, stale := errors.AsType[*commands.RevisionError](err)
	_, taken := errors.AsType[*commands.RequestIDError](err)
	_, unrepeated := errors.AsType[*commands.UnrepeatedError](err)
	_, quiet := errors.AsType[*commands.UnrecordedError](err)
	if _, asks := r.Command.(commands.GateEval); asks {
		checkAnswer(b.t, b, result, err, commands.AnswerOf(result, err))
	}
	switch {
	case err != nil && !refused && !stale && !taken && !unrepeated && !quiet:
		t.Fatalf("%s: %v", r.Command.Verb(), err)
	case r.DryRun || stale || taken || unrepeated || quiet || result.Replayed || result.Repeated || refused && no.Result.Repeated:
		if diff := cmp.Diff(before, after); diff != "" || written != 0 {
			t.Fatalf("%s writes nothing, but wrote %d events (-before +after):\n%s", r.Command.Verb(), written, diff)
		}
	case refused:
		if written != 1 || after.Refusals != before.Refusals+1 || after.JobSeq != before.JobSeq+1 {
			t.Fatalf("refused %s wrote %d events, %d refusals after %d", r.Command.Verb(), written, after.Refusals, before.Refusals)
		}
		after.Refusals, after.JobSeq, after.LastRefusal = before.Refusals, before.JobSeq, before.LastRefusal
		after.LastBlock = before.LastBlock
		if diff := cmp.Diff(before, after); diff != "" {
			t.Fatalf("refused %s changed the job (-before +after):\n%s", r.Command.Verb(), diff)
		}
	default:
		if written != 1 || after.Revision != before.Revision+1 || result.Receipt.Revision != after.Revision {
			t.Fatalf("%s wrote %d events, revision %d after %d", r.Command.Verb(), written, after.Revision, before.Revision)
		}
		keepsRules(t, b, r, before, after, result)
	}
}

func columnOf(c commands.Command) string {
	if add, ok := c.(commands.AddCheckpoint); ok {
		return string(add.Type)
	}
	if p, ok := c.(commands.Pause); ok && p.Hold {
		return "hold"
	}
	if _, ok := c.(commands.EraseContent); ok {
		return "erase"
	}
	return c.Verb()
}

// keepsRules holds a change of state to the table and to the oracle.
func keepsRules(t *rapid.T, b *bench, r commands.Request, before, after projection.Job, result commands.Result) {
	keepsLeases(t, b, r, before, after, result.Event)
	if keepsGateRules(t, r, before, after, result) || keepsLeaseRules(t, r, before, after, result) {
		return
	}
	if _, erases := r.Command.(commands.EraseContent); before.Status.Final() && !erases {
		t.Fatalf("%s changed a job that is %s", r.Command.Verb(), before.Status)
	}
	if may := mayFollow(b.t, before.Status, columnOf(r.Command)); !slices.Contains(may, after.Status) {
		t.Fatalf("%s led from %s to %s, which the table does not know", r.Command.Verb(), before.Status, after.Status)
	}
	seen := observe(t, b.log, r.JobID, before.JobSeq)
	switch p := result.Event.Payload().(type) {
	case ledger.Resumed:
		seen.resumes(t, p)
	case ledger.Approved:
		ask, ok := seen.asks[p.Target]
		if !ok || r.Actor == ask.actor || r.Actor == seen.identity {
			t.Fatalf("%s approved what %q asked for in a job of %q (known: %t)", r.Actor, ask.actor, seen.identity, ok)
		}
	}
}

// An oracle is the state of a job as a simple reader of its events derives it.
type oracle struct {
	identity string
	asks     map[ledger.Hash]*observedAsk // since the job last ran
	used     map[ledger.Hash]bool         // approvals that resumes used up
}

type observedAsk struct {
	actor    string
	decision bool
	hold     bool
	verdict  ledger.Type
	leaf     ledger.Hash // of the verdict
}

// observe reads the first n events of a job.
func observe(t *rapid.T, log *hookedLog, job string, n int64) oracle {
	o := oracle{asks: map[ledger.Hash]*observedAsk{}, used: map[ledger.Hash]bool{}}
	for e, err := range log.JobEvents(t.Context(), job, 1) {
		if err != nil {
			t.Fatal(err)
		}
		if e.JobSeq() > n {
			break
		}
		switch p := e.Payload().(type) {
		case ledger.Submitted:
			o.identity = p.Identity
		case ledger.CheckpointAdded:
			decision := p.CheckpointType == ledger.CheckpointDecisionNeeded
			if decision || p.CheckpointType == ledger.CheckpointBlocked {
				o.asks[e.LeafHash()] = &observedAsk{actor: e.Actor(), decision: decision}
			}
		case ledger.GateDecided:
			if p.Verdict == ledger.GateRequireApproval {
				o.asks[e.LeafHash()] = &observedAsk{actor: e.Actor(), decision: true}
			}
		case ledger.Paused:
			o.asks[e.LeafHash()] = &observedAsk{actor: e.Actor(), hold: p.Hold}
		case ledger.Approved:
			o.asks[p.Target].verdict, o.asks[p.Target].leaf = e.Type(), e.LeafHash()
		case ledger.Denied:
			o.asks[p.Target].verdict, o.asks[p.Target].leaf = e.Type(), e.LeafHash()
		case ledger.Resumed:
			o.identity = p.Identity
			for _, leaf := range p.Consumes {
				o.used[leaf] = true
			}
			clear(o.asks)
		}
	}
	return o
}

// resumes checks that a resume ignores nothing that is open or denied, and that
// each approval it uses up was in force and not used before.
func (o oracle) resumes(t *rapid.T, p ledger.Resumed) {
	standing := map[ledger.Hash]bool{}
	for _, ask := range o.asks {
		switch {
		case ask.verdict == ledger.TypeApproved:
			standing[ask.leaf] = ask.decision
		case ask.decision, ask.hold, ask.verdict == ledger.TypeDenied:
			t.Fatalf("a job resumed past an ask whose last verdict is %q", ask.verdict)
		}
	}
	for i, leaf := range p.Consumes {
		if _, ok := standing[leaf]; !ok || o.used[leaf] || slices.Contains(p.Consumes[:i], leaf) {
			t.Fatalf("a resume used up %s, which does not stand or was used up before", leaf)
		}
		delete(standing, leaf)
	}
	for leaf, decision := range standing {
		if decision {
			t.Fatalf("a resume left the approval %s over", leaf)
		}
	}
}

// checkPrefixes folds every prefix of a job, and twice the rest from there. The
// prefix must not change, and both results must be equal.
func checkPrefixes(t *rapid.T, log *hookedLog, job string) {
	var at projection.Folder
	type kept struct {
		f    projection.Folder
		view []byte
	}
	var prefixes []kept
	for e, err := range log.JobEvents(t.Context(), job, 1) {
		if err != nil {
			t.Fatal(err)
		}
		fork := projection.Folder{Job: at.Job.Clone(), Head: at.Head}
		if err := fork.Add(e); err != nil {
			t.Fatal(err)
		}
		if err := at.Add(e); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(at.Job, fork.Job); diff != "" {
			t.Fatalf("two folds of one history differ:\n%s", diff)
		}
		prefixes = append(prefixes, kept{at, encode(t, at)})
	}
	for _, p := range prefixes {
		if !bytes.Equal(encode(t, p.f), p.view) {
			t.Fatalf("the fold at job_seq %d changed when another went on from it", p.f.Head.JobSeq)
		}
		j, ok := projection.DecodeJob(p.view, p.f.Head)
		if err := projection.ReadTexts(t.Context(), log, &j); !ok || err != nil || cmp.Diff(p.f.Job, j) != "" {
			t.Fatalf("the view at job_seq %d reads back as another job, or without the texts of decisions: %t, %v", p.f.Head.JobSeq, ok, err)
		}
	}
}

func encode(t *rapid.T, f projection.Folder) []byte {
	return projection.EncodeJob(f.Job, f.Head.Leaf)
}
