package commands

import (
	"gait/ledger"
	"gait/projection"
)

// Cancel ends a job for good.
type Cancel struct{}

// Verb returns "cancel".
func (Cancel) Verb() string { return "cancel" }

func (Cancel) check() error { return nil }

func (Cancel) summary(projection.Job) string { return "" }

func (Cancel) decide(j projection.Job, by Request) (ledger.Payload, *projection.Refusal) {
	return propose(j, by, ledger.Cancelled{Reason: by.Reason})
}
