package commands

import (
	"gait/ledger"
	"gait/projection"
)

// Cancel ends a job for good.
type Cancel struct{}

var cancelRow = add(verb[Cancel]{
	Row:    Row{Verb: "cancel", EndsJob: true, Roles: []ledger.Role{ledger.RoleOperator}},
	decide: Cancel.decide,
})

// Verb returns "cancel".
func (Cancel) Verb() string { return cancelRow.Verb }

func (Cancel) row() *Row { return cancelRow }

func (Cancel) decide(j projection.Job, by Request) (ledger.Payload, *projection.Refusal) {
	return propose(j, by, ledger.Cancelled{Reason: by.Reason})
}
