package commands

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"gait/ledger"
	"gait/ledger/jcs"
	"gait/projection"
)

// AddCheckpoint records a worker's progress, or asks for a decision. The fields that
// follow RequiredAction and precede Attachments belong to a decision.
type AddCheckpoint struct {
	Type           ledger.CheckpointType `json:"type"`
	Summary        string                `json:"summary"`
	RequiredAction string                `json:"required_action,omitempty"`

	Approvers []string       `json:"approvers,omitempty"` // in any order: who may decide; none: anyone who may
	ExpiresAt time.Time      `json:"expires_at,omitzero"` // UTC, whole milliseconds; as JSON it is spelled as events spell it
	Quorum    int64          `json:"quorum,omitempty"`    // how many must approve; 0 stands for one
	Replaces  string         `json:"replaces,omitempty"`  // the decision, block or pause that it takes the place of
	Subject   ledger.Content `json:"subject,omitzero"`    // what is decided about

	Attachments []ledger.Attachment `json:"attachments,omitempty"`
	Progress    ledger.StepCount    `json:"progress,omitzero"` // how far the job has come
}

var addCheckpointRow = add(verb[AddCheckpoint]{
	Row:     Row{Verb: "checkpoint add", ReasonElsewhere: "say it in the summary", Roles: []ledger.Role{ledger.RoleWorker}},
	check:   AddCheckpoint.check,
	summary: AddCheckpoint.summary,
	encode:  AddCheckpoint.encode,
	decode:  decodeAddCheckpoint,
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
	if err := checkAll(ledger.FieldSummary.Check(c.Summary), checkOptional(ledger.FieldRequiredAction, c.RequiredAction)); err != nil {
		return err
	}
	p := c.payload()
	if p.Decision.IsZero() && len(p.Attachments) == 0 && p.Progress == (ledger.StepCount{}) {
		return nil
	}
	return checkAll(checkOnce("approvers", p.Approvers), checkPayload(p))
}

func (c AddCheckpoint) summary(projection.Job) string { return c.Summary }

// A checkpointArguments spells the time of an AddCheckpoint as events do.
type checkpointArguments struct {
	AddCheckpoint

	ExpiresAt string `json:"expires_at,omitempty"` // hides that of AddCheckpoint
}

func (c AddCheckpoint) encode() (json.RawMessage, error) {
	c.Approvers = slices.Sorted(slices.Values(c.Approvers))
	a := checkpointArguments{AddCheckpoint: c}
	if !c.ExpiresAt.IsZero() {
		a.ExpiresAt = ledger.FormatTime(c.ExpiresAt)
	}
	return jcs.Marshal(a)
}

func decodeAddCheckpoint(b json.RawMessage) (AddCheckpoint, error) {
	a, err := decodeObject[checkpointArguments](b)
	if err != nil || a.ExpiresAt == "" {
		return a.AddCheckpoint, err
	}
	a.AddCheckpoint.ExpiresAt, err = ledger.ParseTime(a.ExpiresAt)
	return a.AddCheckpoint, err
}

// payload returns the event that the command leads to as the job's first checkpoint.
func (c AddCheckpoint) payload() ledger.CheckpointAdded {
	return ledger.CheckpointAdded{
		CheckpointID: ledger.CheckpointID(1), CheckpointType: c.Type, RequiredAction: c.RequiredAction, Summary: c.Summary,
		Decision: ledger.Decision{
			Approvers: slices.Sorted(slices.Values(c.Approvers)), ExpiresAt: c.ExpiresAt, Quorum: c.Quorum, Replaces: c.Replaces, Subject: c.Subject,
		},
		Attachments: slices.Clone(c.Attachments), Progress: c.Progress,
	}
}

func (c AddCheckpoint) decide(j projection.Job, by Request) (ledger.Payload, *projection.Refusal) {
	p := c.payload()
	p.CheckpointID, p.Late = ledger.CheckpointID(j.Checkpoints+1), j.Late(c.Type)
	return propose(j, by, p)
}
