package packspec

import (
	"encoding/json"

	"gait/ledger"
)

// OutcomeOpen is the outcome of a grant that no event settles.
const OutcomeOpen = "open"

// A Decision is what an event says of a decision of the gate, and what became of its grant. The
// arguments of the tool are named by the digest of the intent only, but for the fields that the
// policy says may be shown.
type Decision struct {
	Seq            ledger.Seq         `json:"seq"`
	JobSeq         int64              `json:"job_seq"`
	Revision       int64              `json:"revision"`
	CreatedAt      string             `json:"created_at"`
	Type           ledger.Type        `json:"type"` // gate_decided or dispatch_blocked
	Actor          string             `json:"actor"`
	ActorVerified  bool               `json:"actor_verified,omitempty"` // the event is signed
	Verdict        ledger.GateVerdict `json:"verdict"`
	ReasonCode     string             `json:"reason_code"`
	Tool           string             `json:"tool"`
	Intent         string             `json:"intent,omitempty"`         // its digest
	IntentSize     int64              `json:"intent_size,omitempty"`    // in bytes, if the event says it
	IntentContent  json.RawMessage    `json:"intent_content,omitempty"` // of a pack that has it: as JSON, or as text if it is none
	Shown          map[string]string  `json:"shown,omitempty"`          // fields of the intent: path → value as JSON
	CallID         string             `json:"call_id,omitempty"`
	PolicyDigest   string             `json:"policy_digest,omitempty"`
	DeterminedBy   []string           `json:"determined_by,omitempty"`
	Engine         string             `json:"engine,omitempty"`
	Grant          string             `json:"grant,omitempty"`
	Clearance      string             `json:"clearance,omitempty"` // leaf hash of the resume after which the intent was cleared
	Outcome        string             `json:"outcome,omitempty"`   // of an allow: OutcomeOpen, or as the newest event that settles it
	Settlement     *Settlement        `json:"settlement,omitempty"`
	CheckpointID   string             `json:"checkpoint_id,omitempty"` // of the decision that was asked for
	RequiredAction string             `json:"required_action,omitempty"`
	Approvers      []string           `json:"approvers,omitempty"`
	Quorum         int64              `json:"quorum,omitempty"`
	ExpiresAt      string             `json:"expires_at,omitempty"`
}

// A Settlement is the newest event that says what became of a grant.
type Settlement struct {
	Seq           ledger.Seq      `json:"seq"`
	JobSeq        int64           `json:"job_seq"`
	CreatedAt     string          `json:"created_at"`
	Actor         string          `json:"actor"`
	ActorVerified bool            `json:"actor_verified,omitempty"`
	Reason        string          `json:"reason,omitempty"`
	Result        string          `json:"result,omitempty"`         // its digest
	ResultSize    int64           `json:"result_size,omitempty"`    // in bytes
	ResultContent json.RawMessage `json:"result_content,omitempty"` // as IntentContent
}

// DecisionOf returns what an event says of a decision of the gate, or nil if it is none.
func DecisionOf(e ledger.Event) *Decision {
	d := &Decision{
		Seq: e.Seq(), JobSeq: e.JobSeq(), Revision: e.Revision(), CreatedAt: e.TimeText(), Type: e.Type(), Actor: e.Actor(),
		ActorVerified: len(e.CommandSigs()) > 0, Verdict: ledger.GateBlock,
	}
	switch p := e.Payload().(type) {
	case ledger.GateDecided:
		d.decided(p)
	case ledger.DispatchBlocked:
		d.ReasonCode, d.Tool, d.Intent, d.CallID = p.ReasonCode, p.Tool, p.Intent.OrEmpty(), p.CallID
	default: // no other event is a decision of the gate
		return nil
	}
	return d
}

func (d *Decision) decided(p ledger.GateDecided) {
	d.Verdict, d.ReasonCode, d.Tool, d.CallID, d.Grant = p.Verdict, p.ReasonCode, p.Tool, p.CallID, p.Grant
	d.Intent, d.IntentSize = p.Intent.Digest.OrEmpty(), p.Intent.Size
	d.PolicyDigest, d.DeterminedBy, d.Engine, d.Clearance = p.PolicyDigest.OrEmpty(), p.DeterminedBy, p.Engine, p.Clearance.OrEmpty()
	d.CheckpointID, d.RequiredAction, d.Approvers, d.Quorum = p.CheckpointID, p.RequiredAction, p.Approvers, p.Quorum
	if !p.ExpiresAt.IsZero() {
		d.ExpiresAt = ledger.FormatTime(p.ExpiresAt)
	}
	for _, field := range p.Facts.Shown {
		if d.Shown == nil {
			d.Shown = map[string]string{}
		}
		d.Shown[field.Key] = field.Value
	}
	if d.Grant != "" {
		d.Outcome = OutcomeOpen
	}
}

// Settle adds what an event says of the decision's grant, if it settles that.
func (d *Decision) Settle(e ledger.Event) {
	p, is := e.Payload().(ledger.EffectSettled)
	if !is || d.Grant == "" || p.Grant != d.Grant {
		return
	}
	d.Outcome = string(p.Outcome)
	d.Settlement = &Settlement{
		Seq: e.Seq(), JobSeq: e.JobSeq(), CreatedAt: e.TimeText(), Actor: e.Actor(), ActorVerified: len(e.CommandSigs()) > 0,
		Reason: p.Reason, Result: p.Result.Digest.OrEmpty(), ResultSize: p.Result.Size,
	}
}

// ofGate reports whether an event is one of the gate: a decision, or what became of a grant.
func ofGate(e ledger.Event) bool { return isDecision(e) || e.Type() == ledger.TypeEffectSettled }

// isDecision reports whether an event is a decision of the gate.
func isDecision(e ledger.Event) bool {
	return e.Type() == ledger.TypeGateDecided || e.Type() == ledger.TypeDispatchBlocked
}

// grantOf returns the grant that an event gives, or "".
func grantOf(e ledger.Event) string {
	p, _ := e.Payload().(ledger.GateDecided)
	return p.Grant
}

// policyOf returns the digest of the policy that a decision names, or "".
func policyOf(e ledger.Event) string {
	p, _ := e.Payload().(ledger.GateDecided)
	return p.PolicyDigest.OrEmpty()
}
