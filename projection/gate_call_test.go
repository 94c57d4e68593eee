package projection_test

import (
	"testing"

	"gait/ledger"
)

var intent3 = ledger.Content{Digest: ledger.Hash{3}, MediaType: "application/json", Size: 42}

// amends is an approval of another intent in the place of the one that was asked about.
func amends(what ledger.Content) func(*court) ledger.Payload {
	return func(c *court) ledger.Payload {
		p := c.approval()
		p.Amended = what
		return p
	}
}

// withClearanceOf is a grant of what the job's newest cleared intent is, for a call.
func withClearanceOf(what ledger.Content, callID string) func(*court) ledger.Payload {
	return func(c *court) ledger.Payload {
		p := c.allow(what, callID)
		p.Clearance = c.fold.Job.Cleared[len(c.fold.Job.Cleared)-1].Resume
		return p
	}
}

// A call id stands for one intent, whatever became of that.
func TestCallStandsForOneIntent(t *testing.T) {
	for name, steps := range map[string][]gateStep{
		"a call stands for one intent": {
			{"wim", allows(intent, "c1"), ""},
			{"olga", settles("not_done", "I looked"), ""},
			{"wim", allows(intent2, "c1"), no},
			{"wim", asks(intent2, "c1"), no},
			{"wim", asks(intent, "c1"), ""},
			{"vera", approves, ""},
			{"olga", resumes, ""},
			{"wim", allows(intent2, "c1"), no},
			{"wim", asks(intent2, "c1"), no},
			{"wim", allows(intent, "c1"), ""},
		},
		"a call stands for what was approved in the place of its intent": {
			{"wim", asks(intent, "c1"), ""},
			{"vera", amends(intent2), ""},
			{"olga", resumes, ""},
			{"wim", asks(intent, "c2"), ""},
			{"vera", approves, ""},
			{"olga", resumes, ""},
			{"wim", allows(intent2, "c2"), no},
			{"wim", allows(intent3, "c1"), no},
			{"wim", changed(allows(intent2, "c1"), func(p *ledger.GateDecided) { p.Facts.NotDoneExit = 3 }), ""},
			{"wim", settledWith("not_done", func(p *ledger.EffectSettled) { p.Intent = one }), no},
			{"wim", settles("not_done", ""), ""},
			{"wim", allows(intent, "c1"), no},
			{"wim", asks(intent, "c1"), no},
			{"wim", asks(intent2, "c1"), ""},
		},
		"an intent that was approved is asked about again in the place of another": {
			{"wim", asks(intent, "c1"), ""},
			{"vera", amends(intent2), ""},
			{"olga", resumes, ""},
			{"wim", asks(intent2, "c1"), ""},
			{"vera", approves, ""},
			{"olga", resumes, ""},
			{"wim", allows(intent, "c1"), no},
			{"wim", withClearanceOf(intent2, "c1"), ""},
		},
	} {
		t.Run(name, func(t *testing.T) { atTheGate(t).runs(steps) })
	}
}
