package commands

import (
	"cmp"
	"fmt"
	"slices"

	"gait/ledger"
	"gait/projection"
)

// LeaseRelease gives the lease of a job back, or takes it away from a holder that is gone. Its
// holder names the lease in the request, and is done or gave up; another actor, who is an
// operator, names none there and says that it is lost.
type LeaseRelease struct {
	Outcome ledger.LeaseOutcome `json:"outcome"`
	Epoch   int64               `json:"epoch,omitempty"` // of the lease that is meant; 0: the one that lives
}

var leaseReleaseRow = add(verb[LeaseRelease]{
	Row:     Row{Verb: "lease release", ReasonElsewhere: sayElsewhere, Roles: []ledger.Role{ledger.RoleWorker, ledger.RoleOperator}},
	check:   LeaseRelease.check,
	summary: LeaseRelease.summary,
	decide:  LeaseRelease.decide,
})

// Verb returns "lease release".
func (LeaseRelease) Verb() string { return leaseReleaseRow.Verb }

func (LeaseRelease) row() *Row { return leaseReleaseRow }

func (c LeaseRelease) check(Request) error {
	if !slices.Contains(ledger.LeaseOutcomes, c.Outcome) {
		return &ledger.FieldError{Field: "outcome", Problem: fmt.Sprintf("%.40q is not one of %s", c.Outcome, ledger.OneOf(ledger.LeaseOutcomes))}
	}
	if c.Epoch < 0 {
		return &ledger.FieldError{Field: "epoch", Problem: fmt.Sprintf("%d is not the epoch of a lease", c.Epoch)}
	}
	return nil
}

func (c LeaseRelease) summary(projection.Job) string {
	if c.Epoch != 0 {
		return fmt.Sprintf("%s %d", c.Outcome, c.Epoch)
	}
	return string(c.Outcome)
}

func (c LeaseRelease) decide(j projection.Job, by Request) (ledger.Payload, *projection.Refusal) {
	p := ledger.LeaseReleased{Epoch: cmp.Or(c.Epoch, by.Lease), Outcome: c.Outcome}
	if l := j.Lease; l != nil {
		p.Epoch, p.TTL, p.Worker = cmp.Or(p.Epoch, l.Epoch), l.TTL, l.Worker
		p.Until, _ = ledger.ParseTime(l.Until) //nolint:errcheck // it was decoded from an event
	}
	return propose(j, by, p)
}
