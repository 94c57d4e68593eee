package projection

import (
	"slices"

	"gait/ledger"
)

// A Work is what views show of how workers do a job. A job that no worker has leased, and that
// comes after nothing, has none of it.
type Work struct {
	After        []string          `json:"after,omitempty"`         // ids of the jobs that it comes after
	AttemptCount int64             `json:"attempt_count,omitempty"` // how many have ended
	Input        *ledger.Content   `json:"input,omitempty"`         // what it works on
	Lease        *LeaseView        `json:"lease,omitempty"`         // the newest one
	NotBefore    string            `json:"not_before,omitempty"`    // when it may be leased
	Steps        *ledger.StepCount `json:"progress,omitempty"`      // how far it has come
}

// A LeaseView is the newest lease of a job.
type LeaseView struct {
	Epoch   int64               `json:"epoch"`
	Actor   string              `json:"actor,omitempty"`   // who took it; "" if that was in a ledger before
	Key     string              `json:"key,omitempty"`     // that signed for it, as ssh-keygen -l shows it; "": a claim
	Worker  string              `json:"worker,omitempty"`  // who acts under it
	TTL     int64               `json:"ttl,omitempty"`     // in seconds
	Since   string              `json:"since,omitempty"`   // what the clock read
	Until   string              `json:"until,omitempty"`   // when it ends, if no event comes before
	Ended   LeaseEnd            `json:"ended,omitempty"`   // why an event ended it
	Outcome ledger.LeaseOutcome `json:"outcome,omitempty"` // if it was released
	Expired bool                `json:"expired,omitempty"` // no event ended it, and its time is over; not in what was recorded
}

// workOf returns what views show of how workers do a job, on a basis.
func workOf(j Job, b Basis) Work {
	w := Work{After: slices.Clone(j.After), AttemptCount: j.Attempts, Input: contentView(j.Input), Lease: j.Lease.view(b), NotBefore: j.NotBefore}
	if steps := j.Steps; steps != (ledger.StepCount{}) {
		w.Steps = &steps
	}
	return w
}

func (l *Lease) view(b Basis) *LeaseView {
	if l == nil {
		return nil
	}
	return &LeaseView{
		Epoch: l.Epoch, Actor: l.By, Key: fingerprint(l.Key), Worker: l.Worker, TTL: l.TTL, Since: l.Since, Until: l.Until,
		Ended: l.Ended, Outcome: l.Outcome, Expired: !b.Reading.IsZero() && l.Ended == "" && !l.Lives(b.Reading),
	}
}

// StatusViewWith is StatusViewAt, given the jobs that the job comes after.
func (j Job) StatusViewWith(b Basis, after []Dependency) StatusView {
	v := j.StatusViewAt(b)
	v.WaitingFor = j.WaitingWith(b, after)
	v.Dependencies = after
	return v
}
