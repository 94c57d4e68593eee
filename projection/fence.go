package projection

import (
	"gait/ledger"
)

// A demand says what a fact asks of the job's lease.
type demand struct {
	nothing bool // whatever lease it names
	named   bool // while one lives, the fact names it
	living  bool // the one that it names lives
	held    bool // it takes a lease, named and living
	ends    bool // it ends the job: who held the newest lease does that under it, or after giving it back
}

// demandOf returns what a fact asks of the job's lease. The types that it leaves out are those
// of people, who need no lease.
func demandOf(j Job, f Fact) demand {
	switch p := f.Payload.(type) {
	case ledger.Refused: // it names the lease that its command named
		return demand{nothing: true}
	case ledger.CheckpointAdded:
		ends := p.CheckpointType == ledger.CheckpointCompleted || p.CheckpointType == ledger.CheckpointFailed
		return demand{named: true, living: ends, ends: ends && !j.Status.Final() && j.Status != EmergencyStopped}
	case ledger.GateDecided:
		acts := p.Verdict != ledger.GateBlock && p.Continues.IsZero()
		return demand{named: true, living: acts, held: acts && j.Lease != nil}
	case ledger.EffectSettled:
		at := grantAt(j.Grants, p.Grant)
		return demand{named: at >= 0 && !f.trusted && j.Grants[at].ownedBy(f)}
	case ledger.AttemptEnded:
		return demand{named: true}
	case ledger.LeaseRenewed:
		return demand{living: true, held: true}
	case ledger.LeaseReleased:
		return demand{living: true}
	default:
		return demand{}
	}
}

// fence refuses a fact that names a lease which is not the newest one or not its actor's, and
// one that lacks the lease it takes.
func fence(j Job, f Fact) *Refusal {
	want, l := demandOf(j, f), j.Lease
	if want.nothing {
		return nil
	}
	switch lives := l.Lives(f.reading()); {
	case f.Lease == 0 && want.held && l == nil:
		return fenced(j, "job %s was never leased, and this takes a lease", j.ID)
	case f.Lease == 0 && want.held && !lives:
		return fenced(j, "job %s has no lease, %s: this takes a new one", j.ID, l.past())
	case f.Lease == 0 && (want.held || want.named) && lives:
		return fenced(j, "job %s is leased to %s of %s until %s, and this names no lease", j.ID, l.Worker, l.By, l.Until)
	case f.Lease == 0 && want.ends && !f.trusted && l.lostBy(f):
		return fenced(j, "job %s has no lease any more, %s: who held it takes a new one to end the job", j.ID, l.past())
	case f.Lease == 0:
		return nil
	case l == nil:
		return fenced(j, "job %s was never leased, and this names lease %d", j.ID, f.Lease)
	case l.Epoch != f.Lease:
		return fenced(j, "the newest lease of job %s is lease %d, and this names lease %d", j.ID, l.Epoch, f.Lease)
	case !f.trusted && !l.HeldBy(f.basis(), f.Actor, f.key()):
		return fenced(j, "lease %d of job %s is held by %s, not by %s", l.Epoch, j.ID, l.holder(), f.Actor)
	case want.living && !lives:
		return fenced(j, "job %s has no lease any more, %s", j.ID, l.past())
	}
	return nil
}

func fenced(j Job, format string, args ...any) *Refusal {
	return refuse(Fenced, leaseDetails(j), format, args...)
}

// past says in words how a lease ended.
func (l *Lease) past() string {
	switch l.Ended {
	case LeaseReleased:
		return "since the last one was released"
	case LeaseLeft:
		return "since the job does not run, or did not since the last one"
	}
	return "since the last one ended at " + l.Until
}

// lostBy reports whether a fact is by who held a lease that has ended, and who did not give it back.
func (l *Lease) lostBy(f Fact) bool {
	back := l != nil && l.Ended == LeaseReleased && l.Outcome != ledger.LeaseLost
	return !back && l.HeldBy(f.basis(), f.Actor, f.key())
}

// holder names the holder of a lease.
func (l *Lease) holder() string {
	if l.By == "" {
		return "an actor of the ledger before"
	}
	return l.By
}

// leaseAfter renews the lease if the fact is its holder's, and ends it if the job has left the
// status running. before is the job before the fact.
func leaseAfter(before, j Job, f Fact) Job {
	if j.Lease == nil || j.Lease.Ended != "" {
		return j
	}
	renews := f.Lease == j.Lease.Epoch && before.Lease.Lives(f.reading())
	if !renews && j.Status == Running {
		return j
	}
	l := *j.Lease
	if renews {
		l.Until = endOf(f.reading(), l.TTL)
	}
	if j.Status != Running {
		l.Ended = LeaseLeft
	}
	j.Lease = &l
	return j
}
