package commands_test

import (
	"errors"
	"testing"
	"time"

	"gait/commands"
	"gait/commands/gate"
	"gait/ledger"
)

// identified returns a request with an id.
func identified(r commands.Request, id string) commands.Request {
	r.RequestID = id
	return r
}

// An allow is given again to the request that got it, for as long as nothing can have come of
// it that its caller does not know.
func TestAllowIsRepeated(t *testing.T) {
	g := newGateBench(t)
	r := identified(g.eval("read", 1, "call-1"), "r-1")
	first := g.allows(r)
	for range 2 {
		if again := g.allows(r); again.Grant != first.Grant || !again.Repeated {
			t.Errorf("the answer again is %+v, want the grant %s repeated", again, first.Grant)
		}
		g.engine = &commands.Engine{Log: g.log, Now: g.engine.Now, Entropy: g.engine.Entropy, Content: g.content}
	}
	g.now = g.now.Add(30 * time.Second)
	g.allows(r)
	other := r
	other.Actor = "worker_2"
	var conflict *commands.RequestIDError
	if err := g.fails(other); !errors.As(err, &conflict) {
		t.Errorf("the request id of another actor = %v, want a *RequestIDError", err)
	}
	g.blocks(other, conflict.Fault().Code)
}

func TestAllowIsNotRepeated(t *testing.T) {
	for _, tt := range []struct {
		name string
		then func(g *gateBench, grant string)
		code string
	}{
		{"after more than a minute", func(g *gateBench, _ string) { g.now = g.now.Add(61 * time.Second) }, gate.CodeEffectsUnsettled},
		{"by a clock that went back", func(g *gateBench, _ string) { g.now = g.now.Add(-61 * time.Second) }, gate.CodeEffectsUnsettled},
		{"when it is unknown", func(g *gateBench, grant string) { g.must(settle(grant, ledger.EffectUnknown)) }, gate.CodeEffectsUnsettled},
		{"when another one is unknown", func(g *gateBench, _ string) {
			g.must(settle(g.allows(g.eval("read", 2, "")).Grant, ledger.EffectUnknown))
		}, gate.CodeEffectsUnsettled},
		{"when it is done", func(g *gateBench, grant string) { g.must(settle(grant, ledger.EffectDone)) }, gate.CodeAlreadyDone},
		{"when it is not done", func(g *gateBench, grant string) { g.must(byHand(grant, ledger.EffectNotDone)) }, commands.CodeGrantSettled},
		{"when the call has another grant", func(g *gateBench, grant string) {
			g.must(byHand(grant, ledger.EffectNotDone))
			g.must(settle(g.allows(g.eval("read", 1, "call-1")).Grant, ledger.EffectDone))
		}, commands.CodeGrantSettled},
		{"when the job is paused", func(g *gateBench, _ string) { g.must(pause()) }, gate.CodeNotRunning},
		{"when the job is stopped", func(g *gateBench, _ string) { g.must(by("boss", commands.Stop{})) }, gate.CodeEmergencyStopped},
		{"when the job has failed", func(g *gateBench, _ string) { g.must(checkpoint(ledger.CheckpointFailed)) }, gate.CodeNotRunning},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newGateBench(t)
			r := identified(g.eval("read", 1, "call-1"), "r-1")
			grant := g.allows(r).Grant
			tt.then(g, grant)
			g.blocks(r, tt.code)
			g.blocks(r, tt.code)
			g.log.check(t)
		})
	}
}

// Without a call's id it cannot be told what became of a grant that was settled: it was not
// necessarily done.
func TestSettledWithoutCallIsNotDone(t *testing.T) {
	g := newGateBench(t)
	r := identified(g.eval("read", 1, ""), "r-1")
	g.must(byHand(g.allows(r).Grant, ledger.EffectNotDone))
	if a := g.blocks(r, commands.CodeGrantSettled); a.Outcome != "" || a.Result != nil || len(a.Unsettled) > 0 {
		t.Errorf("the answer says more than is known: %+v", a)
	}
	g.allows(identified(r, "r-2"))
}

// A block and a question are answered again as they were.
func TestOtherAnswersAreRepeated(t *testing.T) {
	g := newGateBench(t)
	drop := identified(g.eval("drop", 1, ""), "r-1")
	g.blocks(drop, gate.CodeForbids)
	if a := g.blocks(drop, gate.CodeForbids); !a.Repeated {
		t.Error("a block is written again for its request id")
	}
	grant := g.allows(g.eval("read", 1, "call-1")).Grant
	blocked := identified(g.eval("read", 1, "call-1"), "r-2")
	g.blocks(blocked, gate.CodeEffectsUnsettled)
	if a := g.blocks(blocked, gate.CodeEffectsUnsettled); !a.Repeated || len(a.Unsettled) != 1 || a.Unsettled[0] != grant {
		t.Errorf("the block again is %+v", a)
	}
	done := settle(grant, ledger.EffectDone)
	c := done.Command.(commands.GateSettle)
	c.Result = g.content.put("job_1", "42")
	done.Command = c
	g.must(done)
	told := identified(g.eval("read", 1, "call-1"), "r-3")
	g.blocks(told, gate.CodeAlreadyDone)
	if a := g.blocks(told, gate.CodeAlreadyDone); !a.Repeated || a.Outcome != ledger.EffectDone || a.Result == nil || *a.Result != c.Result {
		t.Errorf("the block again is %+v", a)
	}
	pay := identified(g.eval("pay", 1, ""), "r-4")
	asked := g.requiresApproval(pay)
	if a := g.requiresApproval(pay); !a.Repeated || a.CheckpointID != asked.CheckpointID {
		t.Errorf("the question again is %+v", a)
	}
}

// A client that asks what a request id has led to is not told of an allow: only the engine can
// say whether it is given again.
func TestOutcomeTellsNoAllow(t *testing.T) {
	g := newGateBench(t)
	r := identified(g.eval("read", 1, ""), "r-1")
	r.JobID = "job_1"
	g.allows(r)
	if result, used, err := commands.Outcome(t.Context(), g.log, r); used || err != nil || result.Replayed {
		t.Errorf("Outcome of an allow = %+v, %t, %v, want that the id is not used", result, used, err)
	}
	drop := identified(g.eval("drop", 1, ""), "r-2")
	drop.JobID = "job_1"
	g.blocks(drop, gate.CodeForbids)
	if result, used, err := commands.Outcome(t.Context(), g.log, drop); !used || err != nil || commands.AnswerOf(result, err).ReasonCode != gate.CodeForbids {
		t.Errorf("Outcome of a block = %+v, %t, %v", result, used, err)
	}
}

// A dry run permits nothing.
func TestDryRunPermitsNothing(t *testing.T) {
	g := newGateBench(t)
	for tool, code := range map[string]string{"read": commands.CodeDryRun, "pay": commands.CodeDryRun, "drop": gate.CodeForbids} {
		r := g.eval(tool, 1, "")
		r.DryRun = true
		size := g.size()
		if a := g.blocks(r, code); a.Grant != "" || a.CheckpointID != "" || g.size() != size {
			t.Errorf("a dry run for %s = %+v, %d events", tool, a, g.size()-size)
		}
	}
}
