package commands

import (
	"cmp"

	"gait/ledger"
	"gait/projection"
)

// LeaseRenew keeps the lease that the request names alive, without saying anything else of
// the job. Any other event of its holder does so too.
type LeaseRenew struct {
	TTL int64 `json:"ttl,omitempty"` // in seconds; 0: as it was
}

var leaseRenewRow = add(verb[LeaseRenew]{
	Row:    Row{Verb: "lease renew", ReasonElsewhere: sayElsewhere, Roles: []ledger.Role{ledger.RoleWorker}},
	check:  LeaseRenew.check,
	decide: LeaseRenew.decide,
})

// Verb returns "lease renew".
func (LeaseRenew) Verb() string { return leaseRenewRow.Verb }

func (LeaseRenew) row() *Row { return leaseRenewRow }

func (c LeaseRenew) check(by Request) error {
	if by.Lease == 0 {
		return &ledger.FieldError{Field: "lease", Problem: "missing: it is the lease that is renewed"}
	}
	if c.TTL == 0 {
		return nil
	}
	return checkPayload(ledger.LeaseRenewed{Epoch: 1, TTL: c.TTL, Until: someTime, Worker: "worker"})
}

func (c LeaseRenew) decide(j projection.Job, by Request) (ledger.Payload, *projection.Refusal) {
	p := ledger.LeaseRenewed{Epoch: by.Lease, TTL: cmp.Or(c.TTL, ledger.MinLeaseTTL)}
	if l := j.Lease; l != nil {
		p.TTL, p.Worker = cmp.Or(c.TTL, l.TTL), l.Worker
	}
	p.Until = by.moment.until(p.TTL)
	return propose(j, by, p)
}
