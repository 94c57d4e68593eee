package commands_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"gait/commands"
	"gait/ledger"
	"gait/projection"
)

// gateStates says how a job gets into each row of testdata/gate.txt. The id of the job's oldest
// grant is filled in.
var gateStates = map[string]func(g *gateBench){
	"running":              func(*gateBench) {},
	"running,open":         (*gateBench).opens,
	"running,unknown":      (*gateBench).unknowns,
	"running,done":         func(g *gateBench) { g.opens(); g.must(g.filled(settle("", ledger.EffectDone))) },
	"running,not_done":     func(g *gateBench) { g.opens(); g.must(g.filled(byHand("", ledger.EffectNotDone))) },
	"running,cleared":      func(g *gateBench) { g.asks(); g.must(approve("reviewer"), g.goesOn()) },
	"paused":               func(g *gateBench) { g.must(pause()) },
	"paused,open":          func(g *gateBench) { g.opens(); g.must(pause()) },
	"paused,unknown":       func(g *gateBench) { g.unknowns(); g.must(pause()) },
	"paused,cleared":       func(g *gateBench) { g.asks(); g.must(approve("reviewer"), g.goesOn(), pause()) },
	"decision_needed":      (*gateBench).asks,
	"decision_needed,open": func(g *gateBench) { g.opens(); g.asks() },
	"blocked":              func(g *gateBench) { g.asks(); g.must(deny("reviewer")) },
	"emergency_stopped":    func(g *gateBench) { g.must(by("boss", commands.Stop{})) },
	"emergency_stopped,open": func(g *gateBench) {
		g.opens()
		g.must(by("boss", commands.Stop{}))
	},
	"completed": func(g *gateBench) { g.must(checkpoint(ledger.CheckpointCompleted)) },
	"failed":    func(g *gateBench) { g.must(checkpoint(ledger.CheckpointFailed)) },
	"failed,open": func(g *gateBench) {
		g.opens()
		g.must(checkpoint(ledger.CheckpointFailed))
	},
	"cancelled": func(g *gateBench) { g.must(by("boss", commands.Cancel{})) },
	"cancelled,unknown": func(g *gateBench) {
		g.unknowns()
		g.must(by("boss", commands.Cancel{}))
	},
}

func (g *gateBench) opens() { g.allows(g.eval("read", 1, "call-1")) }
func (g *gateBench) asks()  { g.requiresApproval(g.eval("pay", 1, "call-2")) }
func (g *gateBench) unknowns() {
	g.opens()
	g.must(g.filled(settle("", ledger.EffectUnknown)))
}

// filled names the oldest grant of the job in a request that settles one.
func (g *gateBench) filled(r commands.Request) commands.Request {
	if c, ok := r.Command.(commands.GateSettle); ok && c.Grant == "" {
		c.Grant = someGrant
		if grants := g.job("job_1").Grants; len(grants) > 0 {
			c.Grant = grants[0].ID
		}
		r.Command = c
	}
	return r
}

// gateColumns says which request stands for each column.
var gateColumns = map[string]func(g *gateBench) commands.Request{
	"allow":     func(g *gateBench) commands.Request { return g.eval("read", 1, "call-1") },
	"reused":    func(g *gateBench) commands.Request { return g.eval("read", 2, "call-1") },
	"other":     func(g *gateBench) commands.Request { return g.eval("read", 2, "call-3") },
	"ask":       func(g *gateBench) commands.Request { return g.eval("pay", 1, "call-2") },
	"forbid":    func(g *gateBench) commands.Request { return g.eval("drop", 1, "call-4") },
	"done":      func(*gateBench) commands.Request { return settle("", ledger.EffectDone) },
	"unknown":   func(*gateBench) commands.Request { return settle("", ledger.EffectUnknown) },
	"not_done":  func(*gateBench) commands.Request { return settle("", ledger.EffectNotDone) },
	"by_hand":   func(*gateBench) commands.Request { return byHand("", ledger.EffectNotDone) },
	"progress":  func(*gateBench) commands.Request { return checkpoint(ledger.CheckpointProgress) },
	"completed": func(*gateBench) commands.Request { return checkpoint(ledger.CheckpointCompleted) },
	"failed":    func(*gateBench) commands.Request { return checkpoint(ledger.CheckpointFailed) },
	"pause":     func(*gateBench) commands.Request { return pause() },
	"resume":    (*gateBench).goesOn,
	"stop":      func(*gateBench) commands.Request { return by("boss", commands.Stop{}) },
	"cancel":    func(*gateBench) commands.Request { return by("boss", commands.Cancel{}) },
}

// gateCell carries out the request of a column for a job in the state of a row, and says what
// came of it: an answer of the gate, "=" if the status stays, the status that follows, or "no:"
// and why it was refused.
func gateCell(t *testing.T, row, column string) string {
	g := newGateBench(t)
	gateStates[row](g)
	before, size := g.job("job_1"), g.size()
	r := g.filled(gateColumns[column](g))
	result, err := g.do(r)
	if written := g.size() - size; written != 1 {
		t.Errorf("%s of a job that is %s writes %d events, want 1", column, row, written)
	}
	after := g.job("job_1")
	g.log.check(t)
	if no, refused := errors.AsType[*commands.RefusedError](err); refused {
		if after.Status != before.Status || after.Revision != before.Revision {
			t.Errorf("%s of a job that is %s is refused, and changes it", column, row)
		}
		return "no:" + string(no.Refusal.Code)
	} else if err != nil {
		t.Fatalf("%s of a job that is %s: %v", column, row, err)
	}
	if after.Revision != before.Revision+1 {
		t.Errorf("%s of a job that is %s takes %d revisions, want 1", column, row, after.Revision-before.Revision)
	}
	if _, evaluates := r.Command.(commands.GateEval); evaluates {
		a := commands.AnswerOf(result, err)
		checkAnswer(t, g.bench, result, err, a)
		if asks := a.Verdict == ledger.GateRequireApproval; !asks && after.Status != before.Status || asks && after.Status != projection.DecisionNeeded {
			t.Errorf("%s of a job that is %s leads to %s", column, row, after.Status)
		}
		return string(a.Verdict) + ":" + a.ReasonCode
	}
	if after.Status == before.Status {
		return "="
	}
	return string(after.Status)
}

// What follows from each request about the gate, and from each that grants can keep from what
// it would lead to, in each state of a job and its grants.
func TestGateTransitions(t *testing.T) {
	const file = "testdata/gate.txt"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	columns, rows := strings.Fields(lines[0])[1:], map[string]bool{}
	for column := range gateColumns {
		if !slices.Contains(columns, column) {
			t.Errorf("%s has no column %s", file, column)
		}
	}
	for _, line := range lines[1:] {
		fields := strings.Fields(line)
		rows[fields[0]] = true
		for i, want := range fields[1:] {
			t.Run(fields[0]+"/"+columns[i], func(t *testing.T) {
				if got := gateCell(t, fields[0], columns[i]); got != want {
					t.Errorf("%s of a job that is %s = %s, want %s", columns[i], fields[0], got, want)
				}
			})
		}
	}
	for row := range gateStates {
		if !rows[row] {
			t.Errorf("%s has no row %s", file, row)
		}
	}
}
