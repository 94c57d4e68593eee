package commands

import (
	"time"

	"gait/ledger"
	"gait/projection"
)

// LeaseTake takes the right to act for a job, until a time. What the job waits for must be
// completed.
type LeaseTake struct {
	TTL    int64  `json:"ttl"`    // in seconds, from the event on, and from each later event of the holder
	Worker string `json:"worker"` // the name of the process or machine that acts, not of its actor
}

var leaseTakeRow = add(verb[LeaseTake]{
	Row:     Row{Verb: "lease take", Quiet: true, ReasonElsewhere: sayElsewhere, Roles: []ledger.Role{ledger.RoleWorker}},
	check:   LeaseTake.check,
	summary: func(c LeaseTake, _ projection.Job) string { return c.Worker },
	depends: func(_ LeaseTake, j projection.Job) []string { return j.After },
	decide:  LeaseTake.decide,
})

// sayElsewhere is how to give a reason for what is done with a lease.
const sayElsewhere = "say it in a checkpoint"

// Verb returns "lease take".
func (LeaseTake) Verb() string { return leaseTakeRow.Verb }

func (LeaseTake) row() *Row { return leaseTakeRow }

func (c LeaseTake) check(Request) error {
	return checkAll(ledger.FieldWorker.Check(c.Worker), checkPayload(ledger.Leased{Epoch: 1, TTL: c.TTL, Until: someTime, Worker: c.Worker}))
}

// someTime stands for a time that an engine fills in.
var someTime = time.Unix(0, 0).UTC()

func (c LeaseTake) decide(j projection.Job, by Request) (ledger.Payload, *projection.Refusal) {
	p := ledger.Leased{Epoch: 1, TTL: c.TTL, Until: by.moment.until(c.TTL), Worker: c.Worker}
	if j.Lease != nil {
		p.Epoch = j.Lease.Epoch + 1
	}
	depends := by.moment.dependencies(j)
	for _, d := range depends {
		p.After = append(p.After, d.Leaf)
	}
	decided, no := propose(j, by, p)
	if no == nil {
		no = projection.CheckAfter(j, depends)
	}
	if no != nil {
		return nil, no
	}
	return decided, nil
}

// until returns when a lease ends that is given now, for some seconds.
func (m Moment) until(ttl int64) time.Time {
	return m.basis().Reading.Add(time.Duration(ttl) * time.Second)
}

// dependencies returns the jobs that a job waits for, in the order of their ids.
func (m Moment) dependencies(j projection.Job) []projection.Dependency {
	all := make([]projection.Dependency, len(j.After))
	for i, id := range j.After {
		all[i] = projection.Dependency{JobID: id}
		if i < len(m.Depends) && m.Depends[i].JobID == id {
			all[i] = m.Depends[i]
		}
	}
	return all
}
