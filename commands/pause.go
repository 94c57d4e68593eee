package commands

import (
	"gait/ledger"
	"gait/projection"
)

// Pause pauses a job until it is resumed. With Hold it cannot be resumed before another
// actor approves the pause.
type Pause struct {
	Hold bool `json:"hold,omitempty"`
}

var pauseRow = add(verb[Pause]{
	Row:     Row{Verb: "pause", Roles: []ledger.Role{ledger.RoleOperator}},
	summary: Pause.summary,
	decide:  Pause.decide,
})

// Verb returns "pause".
func (Pause) Verb() string { return pauseRow.Verb }

func (Pause) row() *Row { return pauseRow }

func (c Pause) summary(projection.Job) string {
	if c.Hold {
		return "hold"
	}
	return ""
}

func (c Pause) decide(j projection.Job, by Request) (ledger.Payload, *projection.Refusal) {
	return propose(j, by, ledger.Paused{Hold: c.Hold, Reason: by.Reason})
}
