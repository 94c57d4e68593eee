package commands

import (
	"cmp"
	"strings"
	"time"

	"gait/ledger"
	"gait/ledger/authority"
	"gait/projection"
)

// A Command is a request to change a job, with its arguments. The
// implementations are those of this package.
//
//sumtype:decl
type Command interface {
	// Verb returns the command's name, such as "checkpoint add".
	Verb() string
	// row returns the command's row of the table.
	row() *Row
}

// A Moment is what a command is decided at, beside the state of its job.
type Moment struct {
	At        time.Time        // of the event
	Reading   time.Time        // what the clock read; zero: At
	Authority *authority.State // in force; nil if the ledger has none
	Keys      []ledger.Hash    // that signed the command, verified; none if its actor is a claim
	Gate      *GateInput       // what the gate decides on; nil for other commands

	// Depends are the jobs that the command depends on, as they are: those that its job waits
	// for if it takes a lease, in their order.
	Depends []projection.Dependency

	unread bool // the authority cannot be read: only what ends a job is decided
}

// Decide returns the payload of the event that carries a request out, or why
// there is none, for a job as it is at a moment. It is pure, and what an Engine
// asks.
func Decide(j projection.Job, m Moment, r Request) (ledger.Payload, *projection.Refusal) {
	r.moment = m
	return r.Command.row().decide(r.Command, j, r)
}

// propose asks whether the actor may do what p says, and then the state machine whether p
// may follow, as the actor's fact.
func propose(j projection.Job, by Request, p ledger.Payload) (ledger.Payload, *projection.Refusal) {
	m := by.moment
	if no := m.may(by, p); no != nil {
		return nil, &projection.Refusal{
			Code: projection.RefusalCode(no.Code), Reason: no.Reason,
			Details: denied(no, projection.Details{JobID: j.ID, Status: j.Status, Actor: by.Actor}),
		}
	}
	f := projection.Fact{At: m.At, Reading: m.Reading, Actor: by.Actor, Keys: m.Keys, Payload: p, Call: m.call(), Lease: by.Lease, Authority: m.Authority}
	if _, no := projection.Next(j, f); no != nil {
		return nil, no
	}
	return p, nil
}

// denied adds to the details of a refusal what a denial says of what is missing.
func denied(no *authority.Denial, d projection.Details) projection.Details {
	d.Role, d.Needed, d.Cause, d.Actor = string(no.Role), int64(no.Needed), string(no.Cause), cmp.Or(no.Actor, d.Actor)
	d.Holders = strings.Join(no.Holders[:min(len(no.Holders), maxHolders)], ", ")
	if len(no.Holders) > maxHolders {
		d.Holders += ", …"
	}
	return d
}

// maxHolders is how many actors with a role an error names.
const maxHolders = 5

// basis returns what verdicts are judged by.
func (m Moment) basis() projection.Basis {
	b := projection.Basis{Authority: m.Authority, Reading: m.Reading}
	if b.Reading.IsZero() {
		b.Reading = m.At
	}
	return b
}

// may asks the authority whether a request may lead to an event with a payload.
func (m Moment) may(by Request, p ledger.Payload) *authority.Denial {
	if m.unread {
		return nil
	}
	return m.Authority.May(authority.Act{Actor: by.actor(), Keys: m.Keys, Payload: p})
}
