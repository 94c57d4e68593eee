package packspec_test

import (
	"errors"
	"strings"
	"testing"

	"gait/ledger"
	"gait/packspec"
	"gait/packspec/finding"
	"gait/projection"
)

// A continued job asks again for the decisions that it waited for, word by word, if its proof
// has all events of the job. The last event alone does not show them.
func TestOtherDecisionAsked(t *testing.T) {
	for name, tt := range map[string]struct {
		ask   func(*projection.AskedAgain)
		last  bool // the proof has the last event alone
		holds bool
	}{
		"the same":             {func(*projection.AskedAgain) {}, false, true},
		"another summary":      {asking(func(p *ledger.CheckpointAdded) { p.Summary = "may we?" }), false, false},
		"another action":       {asking(func(p *ledger.CheckpointAdded) { p.RequiredAction = "say no" }), false, false},
		"another actor":        {func(a *projection.AskedAgain) { a.Actor = "worker_2" }, false, false},
		"another event":        {asking(func(p *ledger.CheckpointAdded) { p.Continues = ledger.Hash{1} }), false, false},
		"unshown, by the last": {asking(func(p *ledger.CheckpointAdded) { p.Summary = "may we?" }), true, true},
	} {
		c := continuedOf(t, false, !tt.last, func(tree ledger.Checkpoint) int64 { return tree.Size }, func(_ testing.TB, c *continuation, _ *ledger.Continued) { c.ask = tt.ask })
		var b packspec.Buffer
		if _, err := packspec.BuildRange(t.Context(), &b, c.l.Log, 0, -1, c.l.Key, packspec.RangeOptions{Proof: c.options().Content}); err != nil {
			t.Fatal(err)
		}
		for kind, pack := range map[string][]byte{"job": c.build(t, "job_1"), "range": b.Bytes()} {
			r := verify(t, pack, c.l.Key, c.old)
			if r.Verified != tt.holds || !tt.holds && (r.Failure.Code != finding.CodeContinued || !strings.Contains(r.Failure.Reason, "asks for another decision than the job waited for in "+originBefore)) {
				t.Errorf("%s, %s pack: verified %t, %v, want %t", name, kind, r.Verified, r.Failure, tt.holds)
			}
		}
		jobs := packspec.ContinuedJobs{Options: packspec.Options{Trusted: trusting(c.l.Key, c.old)}, Content: c.options().Content}
		var all error
		for e, err := range c.l.Events(t.Context(), 0) {
			if all = errors.Join(err, jobs.Add(e)); all != nil {
				break
			}
		}
		if _, lie := errors.AsType[*packspec.ContinuedError](all); lie == tt.holds || tt.holds && all != nil {
			t.Errorf("%s, the whole ledger: %v", name, all)
		}
	}
}

// asking changes what a decision asks for.
func asking(change func(*ledger.CheckpointAdded)) func(*projection.AskedAgain) {
	return func(a *projection.AskedAgain) {
		p := a.Payload.(ledger.CheckpointAdded)
		change(&p)
		a.Payload = p
	}
}
