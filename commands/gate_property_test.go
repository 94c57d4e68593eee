package commands_test

import (
	"crypto/sha256"
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"gait/commands"
	"gait/ledger"
	"gait/projection"
)

// knownPolicy is the digest of a policy that the content of random histories has.
var knownPolicy = ledger.Hash(sha256.Sum256([]byte(gatePolicy)))

// knownContent is the content of random histories: the policy, and a few intents that all jobs
// share.
func knownContent() *memContent {
	m := &memContent{}
	m.putPlain(gatePolicy)
	for _, tool := range []string{"read", "pay", "drop"} {
		for n := range 3 {
			m.put("job_1", intent(tool, n))
		}
	}
	return m
}

// someEval draws what a worker asks of the gate.
func someEval(t *rapid.T) commands.GateEval {
	tool := rapid.SampledFrom([]string{"read", "read", "read", "pay", "pay", "drop"}).Draw(t, "tool")
	n := rapid.IntRange(0, 2).Draw(t, "intent")
	c := commands.GateEval{Tool: tool, Intent: new(memContent).put("job_1", intent(tool, n)), CallID: rapid.SampledFrom([]string{"", "", "c1", "c2", "c3"}).Draw(t, "call")}
	switch rapid.IntRange(0, 9).Draw(t, "odd") {
	case 0:
		c.Intent, c.Problem = ledger.Content{}, "intent_unreadable"
	case 1:
		c.Policy = rapid.SampledFrom([]ledger.Hash{one, knownPolicy}).Draw(t, "given")
	case 2:
		c.Facts = commands.GateFacts{EnvironmentFingerprint: env, NotDoneExit: 7}
	}
	return c
}

// keepsGateRules holds what a command of the gate has written to the rules of grants, and
// reports whether it was one. No other command ends a job well, or lets it run again, while it
// has grants.
func keepsGateRules(t *rapid.T, r commands.Request, before, after projection.Job, result commands.Result) bool {
	switch p := result.Event.Payload().(type) {
	case ledger.GateDecided:
		keepsDecision(t, p, before, after)
	case ledger.DispatchBlocked:
		if before.Status != projection.EmergencyStopped || after.Status != before.Status || len(after.Grants) != len(before.Grants) {
			t.Fatalf("dispatch is blocked of a job that is %s", before.Status)
		}
	case ledger.EffectSettled:
		_, was := before.Grant(p.Grant)
		g, is := after.Grant(p.Grant)
		unknown := p.Outcome == ledger.EffectUnknown
		if !was || is != unknown || is && !g.Unknown || after.Status != before.Status {
			t.Fatalf("%s settles %s, which was open: %t, and is: %t", p.Outcome, p.Grant, was, is)
		}
		if by, _ := before.Grant(p.Grant); p.Outcome == ledger.EffectNotDone && by.By == r.Actor && (by.NotDoneExit == 0 || by.Unknown) {
			t.Fatalf("%s says of its own grant that nothing was done", r.Actor)
		}
	default:
		goesOn := after.Status == projection.Completed || before.Status != projection.Running && after.Status == projection.Running
		if goesOn && len(before.Grants) > 0 {
			t.Fatalf("%s of a job with grants leads to %s", r.Command.Verb(), after.Status)
		}
		return false
	}
	return true
}

func keepsDecision(t *rapid.T, p ledger.GateDecided, before, after projection.Job) {
	unsettled := slices.ContainsFunc(before.Grants, func(g projection.Grant) bool {
		return g.Unknown || g.CallID == p.CallID && (p.CallID != "" || g.Intent.Digest == p.Intent.Digest)
	})
	what := fmt.Sprintf("%s of %s, call %q, of a job that is %s with %d grants", p.Verdict, p.Tool, p.CallID, before.Status, len(before.Grants))
	switch p.Verdict {
	case ledger.GateBlock:
		if after.Status != before.Status || len(after.Grants) != len(before.Grants) || len(after.Cleared) != len(before.Cleared) {
			t.Fatalf("%s changes the job", what)
		}
	case ledger.GateRequireApproval:
		if before.Status != projection.Running || unsettled || p.Tool != "pay" || after.Status != projection.DecisionNeeded {
			t.Fatal(what)
		}
	case ledger.GateAllow:
		cleared := slices.ContainsFunc(before.Cleared, func(c projection.Cleared) bool {
			return c.Resume == p.Clearance && c.Ask.Subject.Digest == p.Intent.Digest
		})
		if before.Status != projection.Running || unsettled || before.PolicyDigest != knownPolicy || p.Tool == "drop" || (p.Tool == "pay") != cleared || after.Status != before.Status {
			t.Fatal(what)
		}
		if g, open := after.Grant(p.Grant); !open || g.Intent.Digest != p.Intent.Digest || len(after.Cleared) == len(before.Cleared) && cleared {
			t.Fatalf("%s leaves no grant, or the approval", what)
		}
	}
}
