package projection_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"gait/ledger"
	"gait/projection"
)

// leaseAct draws something that workers do to a job, or others do to workers, and the lease
// that it names: mostly one that its actor has or had.
func (c trial) leaseAct() act {
	a := c.actor("wim", "wil", "both", "tom")
	c.lease = 0
	if l := c.fold.Job.Lease; l != nil && c.chance(85) {
		if c.lease = l.Epoch; c.chance(70) {
			a = act{actor: l.By}
			if !l.Key.IsZero() {
				a.keys = c.signs(l.By)
			}
		}
		if c.chance(15) {
			c.lease = rapid.Int64Range(1, l.Epoch+1).Draw(c.T, "epoch")
		}
	}
	what := rapid.IntRange(0, 15).Draw(c.T, "lease")
	switch {
	case what < 5:
		if c.chance(80) {
			c.lease = 0
		}
		a.payload = c.take()
	case what == 5:
		a.payload = c.renewal()
	case what == 6:
		if c.chance(40) {
			a, c.lease = c.actor("olga", "tom", "wim"), 0
		}
		a.payload = c.release()
	case what == 7:
		n := c.fold.Job.Attempts + 1
		if c.chance(5) {
			n++
		}
		a.payload = ledger.AttemptEnded{Cause: rapid.SampledFrom(ledger.AttemptCauses).Draw(c.T, "cause"), Number: n}
	case what == 8:
		kind := rapid.SampledFrom([]ledger.CheckpointType{progress, progress, progress, ledger.CheckpointFailed, ledger.CheckpointCompleted}).Draw(c.T, "type")
		a.payload = c.checkpoint(kind, ledger.Decision{}).payload
	case what < 12:
		a.payload = c.eval()
	case what == 12:
		a.payload = c.settlement()
	case what == 13 && c.chance(10):
		a, c.lease = c.actor("olga"), 0
		a.payload = rapid.SampledFrom([]ledger.Payload{ledger.Stopped{Reason: "now"}, ledger.Cancelled{Reason: "enough"}}).Draw(c.T, "end")
	default:
		if c.chance(70) {
			c.lease = 0
		}
		return c.gateAct()
	}
	return a
}

// until returns the end of a lease that is taken or renewed now, mostly.
func (c trial) until(ttl int64) time.Time {
	at := c.basis().Reading.Add(time.Duration(ttl) * time.Second)
	if c.chance(3) {
		at = at.Add(time.Millisecond)
	}
	return at
}

func (c trial) take() ledger.Leased {
	p := ledger.Leased{Epoch: c.fold.Job.Epoch() + 1, TTL: rapid.SampledFrom([]int64{5, 60, 600}).Draw(c.T, "ttl"), Worker: c.one("host-1", "host-2")}
	if c.chance(3) {
		p.Epoch++
	}
	for range c.fold.Job.After {
		p.After = append(p.After, one)
	}
	if c.chance(2) {
		p.After = append(p.After, two)
	}
	p.Until = c.until(p.TTL)
	return p
}

func (c trial) renewal() ledger.LeaseRenewed {
	p := ledger.LeaseRenewed{Epoch: 1, TTL: rapid.SampledFrom([]int64{5, 60, 600}).Draw(c.T, "ttl"), Worker: "host-1"}
	if l := c.fold.Job.Lease; l != nil && c.chance(95) {
		p.Epoch, p.Worker = l.Epoch, l.Worker
	}
	p.Until = c.until(p.TTL)
	return p
}

func (c trial) release() ledger.LeaseReleased {
	p := ledger.LeaseReleased{Epoch: 1, TTL: 60, Worker: "host-1", Outcome: ledger.LeaseLost, Until: c.until(60)}
	if l := c.fold.Job.Lease; l != nil && c.chance(95) {
		p.Epoch, p.TTL, p.Worker = l.Epoch, l.TTL, l.Worker
		p.Until, _ = ledger.ParseTime(l.Until)
	}
	if c.lease != 0 && c.chance(95) || c.chance(5) {
		p.Outcome = rapid.SampledFrom([]ledger.LeaseOutcome{ledger.LeaseDone, ledger.LeaseGaveUp}).Draw(c.T, "outcome")
	}
	return p
}

// sameLease requires that the job has the lease that its events give, and that at most one of
// all leases lives.
func (c trial) sameLease() {
	all := reference(c.Events).tenures()
	now := c.Events[len(c.Events)-1].Reading()
	living := 0
	for _, t := range all {
		if t.lives(now) {
			living++
		}
	}
	j, newest := c.fold.Job, last(all)
	if living > 1 || j.Epoch() != int64(len(all)) {
		c.T.Fatalf("%d of %d leases live, and the newest one of the job has epoch %d", living, len(all), j.Epoch())
	}
	if newest == nil {
		return
	}
	for _, at := range []time.Time{now, now.Add(-time.Minute), now.Add(time.Minute), now.Add(time.Hour), newest.until} {
		if got, want := j.Lease.Lives(at), newest.lives(at); got != want {
			c.T.Fatalf("lease %d lives at %s: %t, want %t: %+v", j.Epoch(), ledger.FormatTime(at), got, want, j.Lease)
		}
	}
	l := j.Lease
	if l.By != newest.event.Actor() || l.Until != ledger.FormatTime(newest.until) || l.TTL != newest.ttl || (l.Ended != "") != newest.over {
		c.T.Fatalf("the lease is %+v, want by %s until %s, over: %t", l, newest.event.Actor(), ledger.FormatTime(newest.until), newest.over)
	}
}

// checkEpochs requires of the events alone: a lease is given only when no other one lives, and
// what names a lease names the newest one, unless it is a refusal.
func (c trial) checkEpochs() {
	for i, e := range c.Events {
		newest := last(reference(c.Events[:i]).tenures())
		if e.Type() == "leased" && newest.lives(e.Reading()) {
			c.T.Fatalf("event %d gives a lease while one lives", i)
		}
		if e.Lease() != 0 && e.Type() != "refused" && (newest == nil || e.Lease() != newest.given.Epoch) {
			c.T.Fatalf("event %d names lease %d, which is not the newest", i, e.Lease())
		}
	}
}

// Whatever workers, operators and clocks do: what names a lease, or should, gets the verdict of a
// reference, which only reads the list of events. At most one lease lives at any event, and
// nothing lands under an older one but a refusal.
func TestLeasesAgreeWithReference(t *testing.T) {
	seen := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		c := trial{newCourt(t), rt}
		enrolAt := rapid.SampledFrom([]int{0, 8, 99}).Draw(rt, "enrol at")
		begun := policied
		if c.chance(20) {
			begun.After = []string{"job_0"}
		}
		if c.chance(20) {
			begun.NotBefore = c.basis().Reading.Add(time.Minute)
		}
		for step := range rapid.IntRange(5, 60).Draw(rt, "steps") {
			c.lease = 0
			switch {
			case step == enrolAt:
				c.enroll()
			case enrolAt < step && c.chance(5):
				c.changeAuthority()
			case c.fold.Job.Status == "":
				a := c.actor("olga", "mia")
				a.payload = begun
				c.verdict(a)
			default:
				c.late += rapid.SampledFrom([]time.Duration{0, 0, 0, 3 * time.Second, 30 * time.Second, 2 * time.Minute, -20 * time.Second, -3 * time.Minute}).Draw(rt, "later")
				c.judge(seen, c.leaseAct())
				c.sameGate()
				c.sameLease()
			}
		}
		c.checkEpochs()
		if c.fold.Job.Status != "" {
			c.refold()
			c.refoldTrusted()
		}
	})
	for _, code := range []string{"", "fenced", "lease_held", "invalid_transition", "effects_unsettled", "not_due", "role_required"} {
		if seen[code] == 0 && !testing.Short() {
			t.Errorf("no act came to %q: too few to tell anything", code)
		}
	}
}

// refusedUnder requires that a refusal may name any lease, and changes none.
func (c *court) refusedUnder(lease int64) {
	c.t.Helper()
	before := *c.fold.Job.Lease
	c.lease = lease
	c.by("wil", ledger.Refused{Command: "checkpoint add", Exit: 3, Refusal: string(projection.Fenced)})
	if got := *c.fold.Job.Lease; got != before {
		c.t.Errorf("a refusal under lease %d leads to %+v, want %+v", lease, got, before)
	}
	if !slices.Contains([]int64{0, 1, 2, 7}, c.Events[len(c.Events)-1].Lease()) {
		c.t.Error("the refusal does not name its lease")
	}
}
