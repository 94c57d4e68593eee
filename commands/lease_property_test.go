package commands_test

import (
	"context"
	"time"

	"pgregory.net/rapid"

	"gait/commands"
	"gait/ledger"
	"gait/projection"
)

// someEpoch draws the epoch that a request names; see leasedStep.
var someEpoch = rapid.SampledFrom([]int64{0, 0, 0, 0, 0, 1, 2, 9})

// someLease draws a command about leases.
func someLease(t *rapid.T) commands.Command {
	switch rapid.IntRange(0, 7).Draw(t, "about the lease") {
	case 0:
		return commands.LeaseRenew{TTL: rapid.SampledFrom([]int64{0, 0, 7}).Draw(t, "ttl")}
	case 1:
		return commands.LeaseRelease{Outcome: rapid.SampledFrom(ledger.LeaseOutcomes).Draw(t, "outcome"), Epoch: rapid.SampledFrom([]int64{0, 0, 0, 2}).Draw(t, "epoch")}
	case 2, 3:
		return commands.EndAttempt{Cause: rapid.SampledFrom(ledger.AttemptCauses).Draw(t, "cause"), Number: rapid.SampledFrom([]int64{0, 0, 0, 2}).Draw(t, "number")}
	}
	return commands.LeaseTake{TTL: ledger.MinLeaseTTL, Worker: "host_1"}
}

// leasedStep lets time pass now and then, so that leases end, or the clock goes back; and in half
// of the steps while a lease lives the request is one of its holder, who names it.
func leasedStep(t *rapid.T, b *bench, j projection.Job, r commands.Request) commands.Request {
	if passed := rapid.SampledFrom([]int{0, 0, 0, 0, 0, 1, 4, 6, -3}).Draw(t, "seconds"); passed != 0 {
		b.now = b.now.Add(time.Duration(passed) * time.Second)
	}
	_, takes := r.Command.(commands.LeaseTake)
	if j.Lease != nil && !takes && r.RequestID == "" && rapid.Bool().Draw(t, "by the holder") {
		r.Lease, r.Actor = j.Lease.Epoch, j.Lease.By
	}
	return r
}

// An observedLease is the newest lease of a job, as a simple reader of its events derives it.
type observedLease struct {
	epoch int64 // 0: the job never had one
	by    string
	until time.Time
	ended bool
	ttl   int64
}

func (l observedLease) lives(at time.Time) bool { return l.epoch > 0 && !l.ended && at.Before(l.until) }

// A failer is a test, or one step of a property.
type failer interface {
	Context() context.Context
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// observeLease reads the first n events of a job. It requires that at no event two leases live.
func observeLease(t failer, log *hookedLog, job string, n int64) (l observedLease, attempts int64) {
	var f projection.Folder
	for e, err := range log.JobEvents(t.Context(), job, 1) {
		if err != nil {
			t.Fatal(err)
		}
		if e.JobSeq() > n {
			break
		}
		if err := f.Add(e); err != nil {
			t.Fatal(err)
		}
		if e.Type() == ledger.TypeRefused {
			continue
		}
		seconds := func(ttl int64) time.Time { return e.Reading().Add(time.Duration(ttl) * time.Second) }
		switch p := e.Payload().(type) {
		case ledger.Leased:
			if l.lives(e.Reading()) || p.Epoch != l.epoch+1 {
				t.Fatalf("lease %d is given while lease %d lives: %t", p.Epoch, l.epoch, l.lives(e.Reading()))
			}
			l = observedLease{epoch: p.Epoch, by: e.Actor(), until: seconds(p.TTL), ttl: p.TTL}
			if !p.Until.Equal(l.until) {
				t.Fatalf("lease %d is given until %s, want %s", p.Epoch, p.Until, l.until)
			}
			continue
		case ledger.LeaseReleased:
			l.ended = true
			continue
		case ledger.LeaseRenewed:
			l.ttl = p.TTL
		case ledger.AttemptEnded:
			attempts++
		}
		if e.Lease() == l.epoch && l.lives(e.Reading()) {
			l.until = seconds(l.ttl)
		}
		l.ended = l.ended || f.Job.Status != projection.Running
	}
	return l, attempts
}

// keepsLeases holds an event, and the job after it, to what a simple reader says of its leases.
func keepsLeases(t *rapid.T, b *bench, r commands.Request, before, after projection.Job, e ledger.Event) {
	l, attempts := observeLease(t, b.log, r.JobID, before.JobSeq)
	at, worker := e.Reading(), before.Lease
	lives := l.lives(at)
	if lives != before.Lease.Lives(at) || (worker == nil) != (l.epoch == 0) || worker != nil && worker.Epoch != l.epoch || attempts != before.Attempts {
		t.Fatalf("the job has the lease %+v and %d attempts, and its events say %+v and %d", worker, before.Attempts, l, attempts)
	}
	if e.Lease() != r.Lease {
		t.Fatalf("the event names the lease %d, want %d", e.Lease(), r.Lease)
	}
	if r.Lease != 0 && (r.Lease != l.epoch || e.Actor() != l.by) {
		t.Fatalf("%s of %s under lease %d is taken, and the lease is %d of %s", e.Type(), e.Actor(), r.Lease, l.epoch, l.by)
	}
	bound := false // it takes the lease, if one lives
	switch p := e.Payload().(type) {
	case ledger.CheckpointAdded:
		bound = true
		ends := p.CheckpointType == ledger.CheckpointCompleted || p.CheckpointType == ledger.CheckpointFailed
		if ends && r.Lease != 0 && !lives {
			t.Fatalf("the job is %s under a lease that has ended", after.Status)
		}
	case ledger.GateDecided:
		bound = true
		if p.Verdict != ledger.GateBlock && l.epoch > 0 && !(lives && r.Lease == l.epoch) {
			t.Fatalf("the gate answers %s under lease %d, and lease %d lives: %t", p.Verdict, r.Lease, l.epoch, lives)
		}
	case ledger.EffectSettled:
		g, _ := before.Grant(p.Grant)
		bound = g.By == e.Actor()
	case ledger.AttemptEnded:
		bound = true
	case ledger.Leased:
		for _, g := range after.Grants {
			if !g.Unknown {
				t.Fatalf("grant %s is open under lease %d, and was given under lease %d", g.ID, p.Epoch, g.Epoch)
			}
		}
	}
	if bound && lives && r.Lease == 0 {
		t.Fatalf("%s of %s names no lease, and lease %d lives", e.Type(), e.Actor(), l.epoch)
	}
	now, _ := observeLease(t, b.log, r.JobID, after.JobSeq)
	if after.Lease.Lives(at) != now.lives(at) || after.Lease != nil && now.lives(at) && after.Lease.Until != ledger.FormatTime(now.until) {
		t.Fatalf("after %s the lease is %+v, and the events say %+v", e.Type(), after.Lease, now)
	}
}

// keepsLeaseRules holds what a command about leases has written to its rules, and reports whether
// it was one.
func keepsLeaseRules(t *rapid.T, r commands.Request, before, after projection.Job, result commands.Result) bool {
	same := after.Status == before.Status && after.Checkpoints == before.Checkpoints && len(after.Grants) == len(before.Grants)
	switch p := result.Event.Payload().(type) {
	case ledger.Leased:
		same = same && before.Status == projection.Running && after.Lease.Lives(result.Event.Reading())
	case ledger.LeaseRenewed:
		same = same && after.Lease.Lives(result.Event.Reading())
	case ledger.LeaseReleased:
		same = same && !after.Lease.Lives(result.Event.Reading()) && (p.Outcome == ledger.LeaseLost) == (r.Lease == 0)
	case ledger.AttemptEnded:
		same = same && after.Attempts == before.Attempts+1 && p.Number == after.Attempts && !before.Status.Final()
	default:
		return false
	}
	if !same {
		t.Fatalf("%s of a job that is %s leads to one that is %s with the lease %+v", r.Command.Verb(), before.Status, after.Status, after.Lease)
	}
	return true
}
