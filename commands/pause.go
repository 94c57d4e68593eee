package commands

import (
	"gait/ledger"
	"gait/projection"
)

// Pause pauses a job until somebody resumes it.
type Pause struct{}

// Verb returns "pause".
func (Pause) Verb() string { return "pause" }

func (Pause) check() error { return nil }

func (Pause) summary(projection.Job) string { return "" }

func (Pause) decide(j projection.Job, by Request) (ledger.Payload, *projection.Refusal) {
	return propose(j, by, ledger.Paused{Reason: by.Reason})
}
