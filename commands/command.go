package commands

import (
	"time"

	"gait/ledger"
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

// Decide returns the payload of the event that carries a request out, or why
// there is none, for a job as it is at a moment. It is pure, and what an Engine
// asks.
func Decide(j projection.Job, at time.Time, r Request) (ledger.Payload, *projection.Refusal) {
	r.at = at
	return r.Command.row().decide(r.Command, j, r)
}

// propose asks the state machine whether p may follow, as the actor's fact.
func propose(j projection.Job, by Request, p ledger.Payload) (ledger.Payload, *projection.Refusal) {
	if _, no := projection.Next(j, projection.Fact{At: by.at, Actor: by.Actor, Payload: p}); no != nil {
		return nil, no
	}
	return p, nil
}
