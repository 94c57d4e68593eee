package commands

import (
	"gait/commands/gate"
	"gait/projection"
)

// A GateInput is what of a decision of the gate does not follow from its job and its request:
// an Engine reads it.
type GateInput struct {
	Policy    *gate.Policy // that the job is bound to; nil if PolicyErr says why not, or if the job is bound to none
	PolicyErr error
	Intent    gate.Intent // that the request names; zero if IntentErr says why not
	IntentErr error
	Call      projection.Call // the newest state of the call that the request names
	Grant     string          // the id of the grant, if the answer is allow: a ULID
}

// call returns the state of the call that a command is about. It is not known if no engine
// has read it.
func (m Moment) call() projection.Call {
	if m.Gate == nil {
		return projection.Call{}
	}
	return m.Gate.Call
}
