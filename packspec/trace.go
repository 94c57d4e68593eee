package packspec

import (
	"encoding/json"
	"fmt"

	"gait/ledger"
	"gait/ledger/jcs"
	"gait/packspec/container"
	"gait/packspec/finding"
)

// The schema of a trace.
const (
	TraceSchemaID      = "gait.gate.trace"
	TraceSchemaVersion = "1.0.0"
)

// MaxTraceSize is the size of the largest trace, in bytes.
const MaxTraceSize = 4 << 20

// A Trace shows one decision of the gate and, if it is an allow that was settled, what became
// of its effect. It is one canonical JSON object and a line feed. Events and proofs are texts,
// byte for byte. The event has the actor's command and signatures, if it was signed.
type Trace struct {
	Authority       string          `json:"authority,omitempty"` // as the event's
	Created         string          `json:"created"`             // event 0
	CreatedProof    string          `json:"created_proof"`       // C2SP tlog-proof that the tree has it
	Event           string          `json:"event"`               // a gate_decided or dispatch_blocked event
	LedgerKey       string          `json:"ledger_key"`          // the verifier key in force: a convenience, never trusted
	Origin          string          `json:"origin"`              // as the event's
	PolicyDigest    string          `json:"policy_digest,omitempty"`
	Proof           string          `json:"proof"` // that the same tree has the event
	Rotations       []RotationProof `json:"rotations,omitempty"`
	SchemaID        string          `json:"schema_id"`
	SchemaVersion   string          `json:"schema_version"`
	Settlement      string          `json:"settlement,omitempty"`       // the newest effect_settled event of the grant
	SettlementProof string          `json:"settlement_proof,omitempty"` // that the same tree has it
}

// Encode returns the trace as a file.
func (t Trace) Encode() ([]byte, error) {
	b, err := jcs.Marshal(t)
	return append(b, '\n'), err
}

// ParseTrace reads what Encode writes. It fails with a *finding.Failure, or wraps
// ledger.ErrUnsupportedVersion. It checks no event and no proof.
func ParseTrace(b []byte) (t Trace, err error) {
	bad := func(format string, args ...any) error {
		return finding.Failf(finding.LevelCanonical, finding.CodeNotCanonical, "", format, args...)
	}
	var head struct {
		ID      string `json:"schema_id"`
		Version string `json:"schema_version"`
	}
	if json.Unmarshal(b, &head) == nil && head.ID == TraceSchemaID && head.Version != TraceSchemaVersion && head.Version != "" {
		return t, fmt.Errorf("a trace of version %.20q: %w", head.Version, ledger.ErrUnsupportedVersion)
	}
	switch {
	case len(b) > MaxTraceSize:
		return t, bad("%d bytes, at most %d", len(b), MaxTraceSize)
	case len(b) == 0 || b[len(b)-1] != '\n':
		return t, bad("it does not end with a line feed")
	}
	if err := container.ParseCanonical(b[:len(b)-1], &t); err != nil {
		return t, bad("%s", err)
	}
	switch {
	case t.SchemaID != TraceSchemaID || t.SchemaVersion != TraceSchemaVersion:
		return t, bad("it is no %s", TraceSchemaID)
	case (t.Settlement == "") != (t.SettlementProof == ""):
		return t, bad("a settlement goes with its proof, and a proof with its settlement")
	case len(t.Rotations) > ledger.MaxRotations:
		return t, bad("%d rotations, at most %d", len(t.Rotations), ledger.MaxRotations)
	}
	return t, nil
}

// SameDecision reports whether a file is a trace of the same decision: of the event with the
// same leaf hash.
func (t Trace) SameDecision(file []byte) bool {
	other, err := ParseTrace(file)
	if err != nil {
		return false
	}
	was, err := ledger.Interpret([]byte(other.Event))
	if err != nil {
		return false
	}
	now, err := ledger.Interpret([]byte(t.Event))
	return err == nil && was.LeafHash() == now.LeafHash()
}
