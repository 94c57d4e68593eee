package commands

import (
	"gait/ledger"
	"gait/projection"
)

// Deny gives a denying verdict on the decision named, or on what
// projection.Judged finds waiting.
type Deny struct {
	CheckpointID string `json:"checkpoint_id,omitempty"`
}

// Verb returns "deny".
func (Deny) Verb() string { return "deny" }

func (c Deny) check() error { return checkOptional(ledger.FieldCheckpointID, c.CheckpointID) }

func (c Deny) summary(projection.Job) string { return c.CheckpointID }

func (c Deny) decide(j projection.Job, by Request) (ledger.Payload, *projection.Refusal) {
	ask, no := projection.Judged(j, projection.Denied, c.CheckpointID)
	if no != nil {
		return nil, no
	}
	return propose(j, by, ledger.Denied{CheckpointID: ask.DecisionID(), Reason: reasonOr(by, "denied"), Target: ask.Target})
}
