package packspec

import (
	_ "embed"
	"encoding/json"
	"fmt"

	"gait/ledger"
	"gait/projection"
)

// EvidenceFormat is the evidence layer's format.
const EvidenceFormat = 1

// verifyText and verifyRotatedText are VERIFY.md, the same in every job pack of
// the format, of a ledger whose key was never rotated or was.
var (
	//go:embed VERIFY.md
	verifyText []byte
	//go:embed VERIFY_ROTATED.md
	verifyRotatedText []byte
)

// jobText returns VERIFY.md of a job pack with so many rotations.
func jobText(rotations int) []byte {
	if rotations > 0 {
		return verifyRotatedText
	}
	return verifyText
}

// verifyRangeText is VERIFY.md in every range pack of the format.
//
//go:embed VERIFY_RANGE.md
var verifyRangeText []byte

// Evidence is evidence.json: of which tree the proofs are, and what else the layer holds.
type Evidence struct {
	Entries []string `json:"entries"` // the other entries of the layer, in order
	Format  int64    `json:"format"`
	Origin  string   `json:"origin"`
	Root    string   `json:"root"` // of the checkpoint's tree, hexadecimal
	Size    int64    `json:"size"` // of that tree
}

func newEvidence(c ledger.Checkpoint, rotations int) Evidence {
	return Evidence{Entries: jobNames(rotations, layerEvidence)[1:], Format: EvidenceFormat, Origin: c.Origin, Root: c.Root.String(), Size: c.Size}
}

// parseEvidence reads evidence.json of a pack with so many rotations. It fails with a *Failure, or wraps
// ledger.ErrUnsupportedVersion.
func parseEvidence(b []byte, rotations int) (Evidence, error) {
	if err := checkEvidenceFormat(b); err != nil {
		return Evidence{}, err
	}
	var e Evidence
	if err := parseCanonical(b, &e); err != nil {
		return Evidence{}, failure(LevelCanonical, CodeNotCanonical, entryEvidence, "%s", err)
	}
	root, err := ledger.ParseHash(e.Root)
	if err != nil {
		return Evidence{}, failure(LevelCanonical, CodeNotCanonical, entryEvidence, "root: %s", err)
	}
	if err := ledger.FieldOrigin.Check(e.Origin); err != nil {
		return Evidence{}, failure(LevelCanonical, CodeNotCanonical, entryEvidence, "%s", err)
	}
	want, err := projection.Canonical(newEvidence(ledger.Checkpoint{Origin: e.Origin, Size: e.Size, Root: root}, rotations))
	if err != nil {
		return Evidence{}, err
	}
	if string(want) != string(b) || e.Size < 1 || e.Size > maxSize {
		return Evidence{}, differs(LevelCanonical, CodeNotCanonical, entryEvidence, "not of this format", quote(string(want)), quote(string(b)))
	}
	return e, nil
}

// checkEvidenceFormat tells evidence of another format from what is malformed.
func checkEvidenceFormat(b []byte) error {
	var probe struct {
		Format int64 `json:"format"`
	}
	if json.Unmarshal(b, &probe) == nil && probe.Format > 0 && probe.Format != EvidenceFormat {
		return fmt.Errorf("evidence of format %d: %w", probe.Format, ledger.ErrUnsupportedVersion)
	}
	return nil
}

// maxSize is the largest tree, as checkpoints bound it.
const maxSize = 1<<53 - 1
