package commands

import (
	"gait/ledger"
	"gait/projection"
)

// Stop is the emergency stop: after it a job can only be cancelled.
type Stop struct{}

var stopRow = add(verb[Stop]{
	Row:    Row{Verb: "stop", EndsJob: true, Roles: []ledger.Role{ledger.RoleOperator}},
	decide: Stop.decide,
})

// Verb returns "stop".
func (Stop) Verb() string { return stopRow.Verb }

func (Stop) row() *Row { return stopRow }

func (Stop) decide(j projection.Job, by Request) (ledger.Payload, *projection.Refusal) {
	return propose(j, by, ledger.Stopped{Reason: by.Reason})
}
