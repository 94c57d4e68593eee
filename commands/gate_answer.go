package commands

import (
	"gait/ledger"
)

// A GateAnswer is what the gate answers, with all that its caller needs to go on. Only an
// answer whose Verdict is allow permits the tool to run.
type GateAnswer struct {
	Verdict    ledger.GateVerdict `json:"verdict"`
	ReasonCode string             `json:"reason_code"`
	Detail     string             `json:"detail,omitempty"` // why, in words

	Grant        string          `json:"grant,omitempty"`         // of an allow, or the one that led to a block
	CheckpointID string          `json:"checkpoint_id,omitempty"` // of the decision that is asked for, or that a job which does not run waits for about this intent
	CallID       string          `json:"call_id,omitempty"`
	Tool         string          `json:"tool,omitempty"`
	Intent       *ledger.Content `json:"intent,omitempty"`
	Amended      *ledger.Content `json:"amended,omitempty"` // the intent that was approved in the place of this one

	PolicyDigest ledger.Hash `json:"policy_digest,omitzero"`
	DeterminedBy []string    `json:"determined_by,omitempty"`
	Engine       string      `json:"engine,omitempty"`

	Outcome   ledger.EffectOutcome `json:"outcome,omitempty"`   // of the call, if it is settled
	Result    *ledger.Content      `json:"result,omitempty"`    // of the call
	Unsettled []string             `json:"unsettled,omitempty"` // grants that must be settled first
	Repeated  bool                 `json:"repeated,omitempty"`  // the event was written for an earlier request
}

// contentOf returns a content unless it is zero.
func contentOf(c ledger.Content) *ledger.Content {
	if c == (ledger.Content{}) {
		return nil
	}
	return &c
}
