package commands

import (
	"gait/ledger"
	"gait/projection"
)

// Approve gives an approving verdict on the decision named, or on the ask
// that projection.VerdictTarget returns.
type Approve struct {
	CheckpointID string `json:"checkpoint_id,omitempty"`
}

var approveRow = add(verb[Approve]{
	Row:     Row{Verb: "approve", Roles: []string{RoleApprover}},
	check:   Approve.check,
	summary: Approve.summary,
	decide:  Approve.decide,
})

// Verb returns "approve".
func (Approve) Verb() string { return approveRow.Verb }

func (Approve) row() *Row { return approveRow }

func (c Approve) check(Request) error { return checkOptional(ledger.FieldCheckpointID, c.CheckpointID) }

func (c Approve) summary(projection.Job) string { return c.CheckpointID }

func (c Approve) decide(j projection.Job, by Request) (ledger.Payload, *projection.Refusal) {
	ask, no := projection.VerdictTarget(j, projection.Approved, c.CheckpointID)
	if no != nil {
		return nil, no
	}
	return propose(j, by, ledger.Approved{CheckpointID: ask.DecisionID(), Reason: reasonOr(by, "approved"), Target: ask.Target})
}

// reasonOr is the reason of a verdict, which always has one.
func reasonOr(by Request, word string) string {
	if by.Reason == "" {
		return word
	}
	return by.Reason
}
