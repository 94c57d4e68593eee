package commands

import (
	"fmt"
	"slices"

	"gait/ledger"
	"gait/projection"
)

// AddCheckpoint records a worker's progress.
type AddCheckpoint struct {
	Type           ledger.CheckpointType `json:"type"`
	Summary        string                `json:"summary"`
	RequiredAction string                `json:"required_action,omitempty"`
}

var addCheckpointRow = add(verb[AddCheckpoint]{
	Row:     Row{Verb: "checkpoint add", ReasonElsewhere: "say it in the summary", Roles: []string{RoleWorker}},
	check:   AddCheckpoint.check,
	summary: AddCheckpoint.summary,
	decide:  AddCheckpoint.decide,
})

// Verb returns "checkpoint add".
func (AddCheckpoint) Verb() string { return addCheckpointRow.Verb }

func (AddCheckpoint) row() *Row { return addCheckpointRow }

func (c AddCheckpoint) check(Request) error {
	if !slices.Contains(ledger.CheckpointTypes, c.Type) {
		return &ledger.FieldError{Field: "type", Problem: fmt.Sprintf("%.40q is not one of %s", c.Type, ledger.OneOf(ledger.CheckpointTypes))}
	}
	if c.Type == ledger.CheckpointDecisionNeeded && c.RequiredAction == "" {
		return &ledger.FieldError{Field: "required_action", Problem: "a decision-needed checkpoint says what must be decided"}
	}
	return checkAll(ledger.FieldSummary.Check(c.Summary), checkOptional(ledger.FieldRequiredAction, c.RequiredAction))
}

func (c AddCheckpoint) summary(projection.Job) string { return c.Summary }

func (c AddCheckpoint) decide(j projection.Job, by Request) (ledger.Payload, *projection.Refusal) {
	return propose(j, by, ledger.CheckpointAdded{
		CheckpointID: ledger.CheckpointID(j.Checkpoints + 1), CheckpointType: c.Type,
		Late: j.Late(c.Type), RequiredAction: c.RequiredAction, Summary: c.Summary,
	})
}
