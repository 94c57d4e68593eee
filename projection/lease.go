package projection

import (
	"slices"
	"time"

	"gait/ledger"
	"gait/ledger/authority"
	"gait/ledger/jcs"
)

// A Lease is the newest lease of a job: the right of one worker to act for it, for a time.
// The job keeps it when it has ended, since the epochs of leases only grow.
type Lease struct {
	Epoch     int64               `json:"epoch"`               // counts the job's leases, from 1
	By        string              `json:"by,omitempty"`        // who took it; "" if that was in a ledger before
	Key       ledger.Hash         `json:"key,omitzero"`        // that signed for it; zero: a claim
	Worker    string              `json:"worker,omitempty"`    // the process or machine that acts, as its actor calls it
	TTL       int64               `json:"ttl,omitempty"`       // in seconds: how much longer an event of the holder makes it last
	Since     string              `json:"since,omitempty"`     // the reading of the event that gave it
	Until     string              `json:"until,omitempty"`     // from this reading on it has ended
	Ended     LeaseEnd            `json:"ended,omitempty"`     // why an event ended it; "": none did
	Outcome   ledger.LeaseOutcome `json:"outcome,omitempty"`   // if it was released
	Attempted bool                `json:"attempted,omitempty"` // an attempt has ended under it, and its holder said so
}

// A LeaseEnd says how an event ended a lease.
type LeaseEnd string

// The ends of leases.
const (
	LeaseReleased LeaseEnd = "released" // it was given back, or taken away
	LeaseLeft     LeaseEnd = "left"     // the job has left the status running
)

// Lives reports whether a lease lives when a clock reads a time. No lease does not.
func (l *Lease) Lives(reading time.Time) bool {
	return l != nil && l.Ended == "" && ledger.FormatTime(reading) < l.Until
}

// HeldBy reports whether an actor, who signs with a key or with none, holds a lease: by name,
// by any name that the key was ever enrolled under, or by the key.
func (l *Lease) HeldBy(b Basis, actor string, key ledger.Hash) bool {
	return l != nil && l.By != "" && b.is(l.By, l.Key, actor, key)
}

// is reports whether two actors, each with the key that they signed with or none, are one.
func (b Basis) is(by string, signed ledger.Hash, actor string, key ledger.Hash) bool {
	alike := func(other string) bool { return authority.Alike(other, by) }
	return alike(actor) || !key.IsZero() && key == signed ||
		slices.ContainsFunc(b.Authority.Owners(key), alike) ||
		slices.ContainsFunc(b.Authority.Owners(signed), func(other string) bool { return authority.Alike(other, actor) })
}

// Epoch returns the epoch of the job's newest lease, or 0 if it never had one.
func (j Job) Epoch() int64 {
	if j.Lease == nil {
		return 0
	}
	return j.Lease.Epoch
}

// leased gives a lease. The grants of the leases before, and of none, are open no more: what
// became of them is unknown.
func leased(j Job, f Fact, p ledger.Leased) (Job, *Refusal) {
	now := f.reading()
	switch {
	case j.Status != Running:
		return j, cannot(j, "be leased")
	case j.Lease.Lives(now):
		return j, refuse(LeaseHeld, leaseDetails(j), "job %s is leased to %s of %s until %s: lease %d", j.ID, j.Lease.Worker, j.Lease.By, j.Lease.Until, j.Lease.Epoch)
	case f.Lease != 0:
		return j, refuse(InvalidTransition, leaseDetails(j), "a new lease of job %s is taken without naming lease %d, which has ended", j.ID, f.Lease)
	case p.Epoch != j.Epoch()+1:
		return j, refuse(InvalidTransition, leaseDetails(j), "the next lease of job %s has epoch %d, not %d", j.ID, j.Epoch()+1, p.Epoch)
	case j.NotBefore != "" && !f.basis().expired(j.NotBefore):
		d := leaseDetails(j)
		d.NotBefore = j.NotBefore
		return j, refuse(NotDue, d, "job %s is not due before %s, and it is %s", j.ID, j.NotBefore, ledger.FormatTime(now))
	case len(p.After) != len(j.After):
		return j, refuse(InvalidTransition, leaseDetails(j), "job %s waits for %d others, and the lease names the events that completed %d", j.ID, len(j.After), len(p.After))
	}
	if no := lasts(j, f, p.TTL, p.Until); no != nil {
		return j, no
	}
	j.Lease = &Lease{
		Epoch: p.Epoch, By: f.Actor, Key: f.key(), Worker: p.Worker, TTL: p.TTL,
		Since: ledger.FormatTime(now), Until: ledger.FormatTime(p.Until),
	}
	if len(j.Grants) > 0 {
		j.Grants = slices.Clone(j.Grants)
	}
	for i := range j.Grants {
		j.Grants[i].Unknown = true
	}
	return j, nil
}

// lasts requires that a lease lasts for its time from when the clock read the fact's time.
func lasts(j Job, f Fact, ttl int64, until time.Time) *Refusal {
	if want := endOf(f.reading(), ttl); ledger.FormatTime(until) != want {
		return refuse(InvalidTransition, leaseDetails(j), "a lease of %d seconds lasts until %s, not %s", ttl, want, ledger.FormatTime(until))
	}
	return nil
}

// endOf returns the end of a lease that an event with this reading makes last.
func endOf(reading time.Time, ttl int64) string {
	return ledger.FormatTime(reading.Add(time.Duration(ttl) * time.Second))
}

// leaseRenewed makes the lease last longer. That its holder names it, and that it lives, fence
// asks.
func leaseRenewed(j Job, f Fact, p ledger.LeaseRenewed) (Job, *Refusal) {
	if p.Epoch != j.Lease.Epoch || p.Worker != j.Lease.Worker {
		return j, otherLease(j, p.Epoch)
	}
	if no := lasts(j, f, p.TTL, p.Until); no != nil {
		return j, no
	}
	l := *j.Lease
	l.TTL = p.TTL // and Until follows, as from any event of the holder
	j.Lease = &l
	return j, nil
}

// otherLease refuses an event about another lease than the job's newest one.
func otherLease(j Job, epoch int64) *Refusal {
	return refuse(InvalidTransition, leaseDetails(j), "the newest lease of job %s is lease %d of %s, until %s: not what is said of lease %d", j.ID, j.Lease.Epoch, j.Lease.Worker, j.Lease.Until, epoch)
}

// leaseReleased ends the lease. Its holder names it. Another actor, who names none, says that it
// is lost: an operator, unless their name is a claim in a ledger that lets claims do that.
func leaseReleased(j Job, f Fact, p ledger.LeaseReleased) (Job, *Refusal) {
	l := j.Lease
	switch {
	case !l.Lives(f.reading()):
		return j, refuse(InvalidTransition, leaseDetails(j), "job %s has no lease to release", j.ID)
	case p.Epoch != l.Epoch, p.Worker != l.Worker, p.TTL != l.TTL, ledger.FormatTime(p.Until) != l.Until:
		return j, otherLease(j, p.Epoch)
	case (p.Outcome == ledger.LeaseLost) != (f.Lease == 0):
		return j, refuse(InvalidTransition, leaseDetails(j), "the holder of a lease names it, and says that it is done or gives up; another actor names none, and says that it is lost")
	case f.Lease == 0 && !f.trusted && !byHand(f.basis(), f.Actor, f.key()):
		d := leaseDetails(j)
		d.Actor, d.Role = f.Actor, string(ledger.RoleOperator)
		return j, refuse(RoleRequired, d, "lease %d of job %s is held by %s: it takes an operator to take it away, and %s is none", l.Epoch, j.ID, l.By, f.Actor)
	}
	ended := *l
	ended.Ended, ended.Outcome = LeaseReleased, p.Outcome
	j.Lease = &ended
	return j, nil
}

// attemptEnded counts an attempt. It changes nothing else, but that the lease knows of it.
func attemptEnded(j Job, f Fact, p ledger.AttemptEnded) (Job, *Refusal) {
	switch {
	case j.Status.Final():
		return j, cannot(j, "have an attempt that ends")
	case p.Number != j.Attempts+1:
		return j, refuse(InvalidTransition, j.details(), "the next attempt of job %s is number %d, not %d", j.ID, j.Attempts+1, p.Number)
	}
	if no := j.namesContent(p.ContentKey); no != nil {
		return j, no
	}
	j.Attempts++
	if f.Lease != 0 && p.Cause != ledger.AttemptLost { // that one was under a lease before
		l := *j.Lease
		l.Attempted = true
		j.Lease = &l
	}
	return j, nil
}

// leaseDetails returns the details of a refusal that is about the job's lease.
func leaseDetails(j Job) Details {
	d := j.details()
	if l := j.Lease; l != nil {
		d.Epoch, d.Holder, d.Worker, d.Until = l.Epoch, l.By, l.Worker, l.Until
	}
	return d
}

func (l *Lease) walk(w *jcs.Walker) {
	w.Begin()
	w.Flag("attempted", &l.Attempted, jcs.UnlessZero)
	jcs.Text(w, "by", &l.By, jcs.UnlessZero)
	jcs.Text(w, "ended", &l.Ended, jcs.UnlessZero)
	w.Int("epoch", &l.Epoch, jcs.Always)
	w.Hash("key", (*[32]byte)(&l.Key), jcs.UnlessZero)
	jcs.Text(w, "outcome", &l.Outcome, jcs.UnlessZero)
	jcs.Text(w, "since", &l.Since, jcs.UnlessZero)
	w.Int("ttl", &l.TTL, jcs.UnlessZero)
	jcs.Text(w, "until", &l.Until, jcs.UnlessZero)
	jcs.Text(w, "worker", &l.Worker, jcs.UnlessZero)
	w.End()
}
