package commands

import (
	"cmp"
	"fmt"
	"slices"

	"gait/ledger"
	"gait/projection"
)

// EndAttempt says how an attempt of a supervised worker ended.
type EndAttempt struct {
	Cause  ledger.AttemptCause `json:"cause"`
	Exit   *int64              `json:"exit,omitempty"`   // the exit code; of a process that died of signal n it is 128 + n
	Log    ledger.Content      `json:"log,omitzero"`     // content of the job: the end of what the attempt wrote
	Number int64               `json:"number,omitempty"` // of the attempt; 0: the job's next one, and no other is taken
}

var endAttemptRow = add(verb[EndAttempt]{
	Row:     Row{Verb: "attempt end", ReasonElsewhere: sayElsewhere, Roles: []ledger.Role{ledger.RoleWorker}},
	check:   EndAttempt.check,
	summary: func(c EndAttempt, _ projection.Job) string { return string(c.Cause) },
	decide:  EndAttempt.decide,
})

// Verb returns "attempt end".
func (EndAttempt) Verb() string { return endAttemptRow.Verb }

func (EndAttempt) row() *Row { return endAttemptRow }

func (c EndAttempt) check(Request) error {
	if !slices.Contains(ledger.AttemptCauses, c.Cause) {
		return &ledger.FieldError{Field: "cause", Problem: fmt.Sprintf("%.40q is not one of %s", c.Cause, ledger.OneOf(ledger.AttemptCauses))}
	}
	return checkPayload(ledger.AttemptEnded{Number: cmp.Or(c.Number, 1), Cause: c.Cause, Exit: c.Exit, Log: c.Log})
}

func (c EndAttempt) decide(j projection.Job, by Request) (ledger.Payload, *projection.Refusal) {
	return propose(j, by, ledger.AttemptEnded{Number: cmp.Or(c.Number, j.Attempts+1), Cause: c.Cause, Exit: c.Exit, Log: c.Log})
}
