package projection_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gait/ledger"
	"gait/projection"
)

// gateAct draws something that is done at the gate, or to a job with grants.
func (c trial) gateAct() act {
	a := c.actor("wim", "wil", "both", "tom")
	what := rapid.IntRange(0, 11).Draw(c.T, "gate")
	switch {
	case what < 4:
		a.payload = c.eval()
	case what < 8:
		if c.chance(40) {
			a = c.actor("olga", "sam", "mia", "Wim", "wim2")
		}
		a.payload = c.settlement()
	case what == 8 && c.chance(30):
		a.payload = ledger.DispatchBlocked{Tool: "pay", Intent: one, ReasonCode: "emergency_stopped"}
	case what == 9 && c.chance(20):
		a.payload = completes(c.court)
	case what == 10 && c.chance(10):
		a = c.actor("olga", "tom")
		a.payload = ledger.Stopped{Reason: "now"}
	default:
		return c.act()
	}
	return a
}

// eval draws a decision of the gate.
func (c trial) eval() ledger.GateDecided {
	p := c.allow(rapid.SampledFrom([]ledger.Content{intent, intent2, other}).Draw(c.T, "intent"), c.one("", "c1", "c2", "c3"))
	switch rapid.IntRange(0, 9).Draw(c.T, "verdict") {
	case 0:
		return c.blocks(p.Intent, p.CallID, "policy_forbids")
	case 1, 2, 3:
		p = c.requires(p.Intent, p.CallID)
		d := c.decision()
		p.Approvers, p.Quorum, p.ExpiresAt = d.Approvers, d.Quorum, d.ExpiresAt
	default:
		if c.chance(30) {
			p.Facts.NotDoneExit = 3
		}
		if cleared := c.fold.Job.Cleared; len(cleared) > 0 && c.chance(70) {
			which := rapid.SampledFrom(cleared).Draw(c.T, "clearance")
			if p.Clearance = which.Resume; c.chance(80) {
				p.Intent = which.Ask.Subject
				if which.Ask.Amended != (ledger.Content{}) {
					p.Intent = which.Ask.Amended
				}
			}
		}
	}
	if c.chance(3) {
		p.PolicyDigest = rapid.SampledFrom([]ledger.Hash{one, two}).Draw(c.T, "policy")
	}
	if p.CallID != "" && c.chance(3) {
		p.CallPrev = rapid.SampledFrom([]ledger.Hash{{}, one}).Draw(c.T, "call before")
	}
	return p
}

// settlement draws what became of a grant, mostly of one that is not settled.
func (c trial) settlement() ledger.EffectSettled {
	p := c.settle(rapid.SampledFrom(ledger.EffectOutcomes).Draw(c.T, "outcome"), c.one("", "I looked"))
	if grants := c.fold.Job.Grants; len(grants) > 0 {
		g := rapid.SampledFrom(grants).Draw(c.T, "grant")
		if p.Grant, p.CallID, p.CallPrev, p.Intent = g.ID, g.CallID, g.Last, g.Intent.Digest; g.CallID == "" {
			p.CallPrev, p.Intent = ledger.Hash{}, ledger.Hash{}
		}
	}
	if p.CallID != "" && c.chance(5) {
		p.CallPrev = one
	}
	if p.CallID != "" && c.chance(5) {
		p.Intent = rapid.SampledFrom([]ledger.Hash{one, two}).Draw(c.T, "settled intent")
	}
	return p
}

// Whatever the gate, workers, operators and approvers do, in whatever mode: a decision, and what
// is said of a grant, gets the verdict of a reference, which only reads the list of events.
// The job has the grants and the cleared intents that the list gives.
func TestGateAgreesWithReference(t *testing.T) {
	seen := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		c := trial{newCourt(t), rt}
		enrolAt := rapid.SampledFrom([]int{0, 8, 99}).Draw(rt, "enrol at")
		for step := range rapid.IntRange(5, 60).Draw(rt, "steps") {
			switch {
			case step == enrolAt:
				c.enroll()
			case enrolAt < step && c.chance(10):
				c.changeAuthority()
			case c.fold.Job.Status == "":
				a := c.actor("olga", "mia")
				a.payload = policied
				c.verdict(a)
			default:
				c.late += rapid.SampledFrom([]time.Duration{0, 0, 0, time.Minute, 30 * time.Minute}).Draw(rt, "later")
				c.judge(seen, c.gateAct())
				c.sameGate()
			}
		}
		if c.fold.Job.Status != "" {
			c.refold()
			c.refoldTrusted()
		}
	})
	for _, code := range []string{"", "invalid_transition", "effects_unsettled", "grant_not_found", "role_required"} {
		if seen[code] == 0 && !testing.Short() {
			t.Errorf("no act came to %q: too few to tell anything", code)
		}
	}
}

// sameGate requires that the job has the grants and the clearances that its events give.
func (c trial) sameGate() {
	var got, want []string
	for _, g := range c.fold.Job.Grants {
		got = append(got, fmt.Sprint("grant ", g.ID, g.CallID, g.By, g.Leaf, g.Unknown, g.UnknownBy, g.NotDoneExit))
	}
	for _, cl := range c.fold.Job.Cleared {
		got = append(got, fmt.Sprint("cleared ", cl.Ask.Target, cl.Resume))
	}
	grants, cleared := reference(c.Events).gate()
	for _, g := range grants {
		want = append(want, fmt.Sprint("grant ", g.given.Grant, g.given.CallID, g.event.Actor(), g.event.LeafHash(), g.isUnknown(), g.unknown, g.given.Facts.NotDoneExit))
	}
	for _, cl := range cleared {
		want = append(want, fmt.Sprint("cleared ", cl.ask.event.LeafHash(), cl.resume.LeafHash()))
	}
	if !slices.Equal(got, want) {
		c.T.Fatalf("the job has\n%v, want\n%v", got, want)
	}
}

// refoldTrusted requires that a fold without the authority shows the same of the gate.
func (c trial) refoldTrusted() {
	f := projection.Believer()
	for _, e := range c.Events {
		if e.JobID() == "" {
			continue
		}
		if err := f.Add(e); err != nil {
			c.T.Fatalf("event %d without the authority: %v", e.Seq(), err)
		}
	}
	shown := func(j projection.Job) string {
		v := j.StatusView()
		return jsonOf(c.t.(*testing.T), []any{v.Grants, v.Cleared, v.AllowCount, v.BlockCount, j.LastBlock})
	}
	if got, want := shown(f.Job), shown(c.fold.Job); got != want {
		c.T.Fatalf("without the authority the job shows\n%s, want\n%s", got, want)
	}
}
