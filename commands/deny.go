package commands

import (
	"gait/ledger"
	"gait/projection"
)

// Deny gives a denying verdict on the decision named, or on the ask
// that projection.VerdictTarget returns.
type Deny struct {
	CheckpointID string `json:"checkpoint_id,omitempty"`
}

var denyRow = add(verb[Deny]{
	Row:     Row{Verb: "deny", Roles: []string{RoleApprover}},
	check:   Deny.check,
	summary: Deny.summary,
	decide:  Deny.decide,
})

// Verb returns "deny".
func (Deny) Verb() string { return denyRow.Verb }

func (Deny) row() *Row { return denyRow }

func (c Deny) check(Request) error { return checkOptional(ledger.FieldCheckpointID, c.CheckpointID) }

func (c Deny) summary(projection.Job) string { return c.CheckpointID }

func (c Deny) decide(j projection.Job, by Request) (ledger.Payload, *projection.Refusal) {
	ask, no := projection.VerdictTarget(j, projection.Denied, c.CheckpointID)
	if no != nil {
		return nil, no
	}
	return propose(j, by, ledger.Denied{CheckpointID: ask.DecisionID(), Reason: reasonOr(by, "denied"), Target: ask.Target})
}
