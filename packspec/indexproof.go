package packspec

import (
	"encoding/json"
	"fmt"

	"gait/ledger"
	"gait/ledger/jcs"
	"gait/packspec/container"
	"gait/packspec/finding"
)

// The schema of an index proof.
const (
	IndexProofSchemaID      = "gait.index.proof"
	IndexProofSchemaVersion = "1.0.0"
)

// MaxIndexProofSize is the size of the largest index proof, in bytes.
const MaxIndexProofSize = 4 << 20

// An IndexClaim is what an index proof shows.
type IndexClaim string

// The claims.
const (
	ClaimNewest IndexClaim = "newest" // Event was the job's newest event when the index was committed to
	ClaimAbsent IndexClaim = "absent" // there was no such job then
)

// An IndexProof shows where a job ended when the ledger committed to its index, or that
// there was no such job then. It is one canonical JSON object and a line feed. Events and
// proofs are texts, byte for byte.
type IndexProof struct {
	Claim           IndexClaim      `json:"claim"`
	Commitment      string          `json:"commitment"`       // an index_committed event
	CommitmentProof string          `json:"commitment_proof"` // C2SP tlog-proof that the tree has it
	Created         string          `json:"created"`          // event 0
	CreatedProof    string          `json:"created_proof"`    // that the same tree has it
	Event           string          `json:"event,omitempty"`  // with ClaimNewest
	JobID           string          `json:"job_id"`
	Path            []byte          `json:"path"` // of the job's key in the index, as package mpt encodes it
	Rotations       []RotationProof `json:"rotations,omitempty"`
	SchemaID        string          `json:"schema_id"`
	SchemaVersion   string          `json:"schema_version"`
}

// A RotationProof is a key_rotated event and the tlog-proof of it that both keys signed.
type RotationProof struct {
	Event string `json:"event"`
	Proof string `json:"proof"`
}

// Encode returns the proof as a file.
func (p IndexProof) Encode() ([]byte, error) {
	b, err := jcs.Marshal(p)
	return append(b, '\n'), err
}

// ParseIndexProof reads what Encode writes. It fails with a *finding.Failure, or wraps
// ledger.ErrUnsupportedVersion. It checks no event and no proof.
func ParseIndexProof(b []byte) (p IndexProof, err error) {
	bad := func(format string, args ...any) error {
		return finding.Failf(finding.LevelCanonical, finding.CodeNotCanonical, "", format, args...)
	}
	var head struct {
		ID      string `json:"schema_id"`
		Version string `json:"schema_version"`
	}
	if json.Unmarshal(b, &head) == nil && head.ID == IndexProofSchemaID && head.Version != IndexProofSchemaVersion && head.Version != "" {
		return p, fmt.Errorf("an index proof of version %.20q: %w", head.Version, ledger.ErrUnsupportedVersion)
	}
	if len(b) == 0 || b[len(b)-1] != '\n' {
		return p, bad("it does not end with a line feed")
	}
	if err := container.ParseCanonical(b[:len(b)-1], &p); err != nil {
		return p, bad("%s", err)
	}
	switch {
	case p.SchemaID != IndexProofSchemaID || p.SchemaVersion != IndexProofSchemaVersion:
		return p, bad("it is no %s", IndexProofSchemaID)
	case p.Claim != ClaimNewest && p.Claim != ClaimAbsent:
		return p, bad("%.40q is not a claim", p.Claim)
	case (p.Claim == ClaimNewest) != (p.Event != ""):
		return p, bad("an event goes with the claim %s, and with no other", ClaimNewest)
	case len(p.Rotations) > ledger.MaxRotations:
		return p, bad("%d rotations, at most %d", len(p.Rotations), ledger.MaxRotations)
	}
	if err := ledger.FieldJobID.Check(p.JobID); err != nil {
		return p, bad("%s", err)
	}
	return p, nil
}
