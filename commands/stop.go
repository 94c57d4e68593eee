package commands

import (
	"gait/ledger"
	"gait/projection"
)

// Stop is the emergency stop: after it a job can only be cancelled.
type Stop struct{}

// Verb returns "stop".
func (Stop) Verb() string { return "stop" }

func (Stop) check() error { return nil }

func (Stop) summary(projection.Job) string { return "" }

func (Stop) decide(j projection.Job, by Request) (ledger.Payload, *projection.Refusal) {
	return propose(j, by, ledger.Stopped{Reason: by.Reason})
}
