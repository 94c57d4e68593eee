package packspec

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"

	"gait/ledger"
	"gait/ledger/jcs"
	"gait/packspec/container"
	"gait/packspec/finding"
)

// The formats of the evidence layer.
const (
	FirstFormat     = 1 // job packs of older versions, and range packs
	IndexedFormat   = 2 // job packs, which may have a commitment to the index
	ContinuedFormat = 3 // those of a job that was continued, or of a ledger that was moved
	AuthorityFormat = 4 // those of a ledger with authority
	ContentFormat   = 5 // those with content of the job
	GateFormat      = 6 // those of a job about which the gate was asked, with or without content and authority, and those with policies
	WorkFormat      = 7 // those of a job with events of version 1.6.0: leases, attempts, what it waits for; with or without all of that

	// SecondRangeFormat is that of range packs of a ledger that was moved, and of those
	// with the request ids that event 0 names.
	SecondRangeFormat = 2

	// AuthorityRangeFormat is that of range packs of a ledger with authority.
	AuthorityRangeFormat = 3
)

// VERIFY.md is the same in every job pack of a format. In the first format it is another
// text if the ledger's key was rotated.
var (
	//go:embed VERIFY.md
	verifyText []byte
	//go:embed VERIFY_ROTATED.md
	verifyRotatedText []byte
	//go:embed VERIFY_INDEXED.md
	verifyIndexedText []byte
	//go:embed VERIFY_CONTINUED.md
	verifyContinuedText []byte
	//go:embed VERIFY_AUTHORITY.md
	verifyAuthorityText []byte
	//go:embed VERIFY_CONTENT.md
	verifyContentText []byte
	//go:embed VERIFY_GATE.md
	verifyGateText []byte
	//go:embed VERIFY_WORK.md
	verifyWorkText []byte
)

// text returns VERIFY.md of a job pack.
func (s shape) text() []byte {
	switch {
	case s.format == WorkFormat:
		return verifyWorkText
	case s.format == GateFormat:
		return verifyGateText
	case s.format == ContentFormat:
		return verifyContentText
	case s.format == AuthorityFormat:
		return verifyAuthorityText
	case s.format == ContinuedFormat:
		return verifyContinuedText
	case s.format != FirstFormat:
		return verifyIndexedText
	case s.rotations > 0:
		return verifyRotatedText
	}
	return verifyText
}

// VERIFY.md is the same in every range pack of a format.
var (
	//go:embed VERIFY_RANGE.md
	verifyRangeText []byte
	//go:embed VERIFY_RANGE_MOVED.md
	verifyRangeMovedText []byte
	//go:embed VERIFY_RANGE_AUTHORITY.md
	verifyRangeAuthorityText []byte
)

// Evidence is evidence.json: the tree that the proofs are for, and the other entries
// of the evidence layer.
type Evidence struct {
	Entries []string `json:"entries"` // the other entries of the layer, in order
	Format  int64    `json:"format"`
	Origin  string   `json:"origin"`
	Root    string   `json:"root"` // of the checkpoint's tree, hexadecimal
	Size    int64    `json:"size"` // of that tree
}

func newEvidence(c ledger.Checkpoint, s shape) Evidence {
	others := slices.DeleteFunc(s.names(layerEvidence), func(name string) bool { return name == entryEvidence })
	return Evidence{Entries: others, Format: s.format, Origin: c.Origin, Root: c.Root.String(), Size: c.Size}
}

// parseEvidence reads evidence.json of a job pack with the entries of a shape, whose
// format it sets. It fails with a *finding.Failure or wraps ledger.ErrUnsupportedVersion.
func parseEvidence(b []byte, s *shape) (e Evidence, err error) {
	if s.format, err = evidenceFormat(b, WorkFormat); err != nil {
		return e, err
	}
	if err := container.ParseCanonical(b, &e); err != nil {
		return e, finding.Failf(finding.LevelCanonical, finding.CodeNotCanonical, entryEvidence, "%s", err)
	}
	root, err := ledger.ParseHash(e.Root)
	if err != nil {
		return e, finding.Failf(finding.LevelCanonical, finding.CodeNotCanonical, entryEvidence, "root: %s", err)
	}
	if err := ledger.FieldOrigin.Check(e.Origin); err != nil {
		return e, finding.Failf(finding.LevelCanonical, finding.CodeNotCanonical, entryEvidence, "%s", err)
	}
	if s.format == FirstFormat && s.committed {
		return e, finding.Failf(finding.LevelCanonical, finding.CodeNotCanonical, entryEvidence, "evidence of format 1 has no commitment to the index")
	}
	if s.format < GateFormat && (s.format == ContentFormat) != (len(s.contents) > 0) {
		return e, finding.Failf(finding.LevelCanonical, finding.CodeNotCanonical, entryEvidence, "format %d: a pack with content has format %d, and no other has", s.format, ContentFormat)
	}
	if s.format < ContentFormat && (s.format == AuthorityFormat) != s.authority {
		return e, finding.Failf(finding.LevelCanonical, finding.CodeNotCanonical, entryEvidence, "format %d: evidence with authority events has format %d, and no other has", s.format, AuthorityFormat)
	}
	if s.format < ContinuedFormat && s.continued {
		return e, finding.Failf(finding.LevelCanonical, finding.CodeNotCanonical, entryEvidence, "evidence of format %d has no %s", s.format, entryContinued)
	}
	want, err := jcs.Marshal(newEvidence(ledger.Checkpoint{Origin: e.Origin, Size: e.Size, Root: root}, *s))
	if err != nil {
		return e, err
	}
	if string(want) != string(b) || e.Size < 1 || e.Size > maxSize {
		return e, finding.Differs(finding.LevelCanonical, finding.CodeNotCanonical, entryEvidence, "not of this format", finding.Quote(string(want)), finding.Quote(string(b)))
	}
	return e, nil
}

// evidenceFormat returns the format of evidence, or FirstFormat if it names none: then it
// is malformed. For a format above newest it returns ledger.ErrUnsupportedVersion, so
// that such evidence is not reported as malformed.
func evidenceFormat(b []byte, newest int64) (int64, error) {
	var probe struct {
		Format int64 `json:"format"`
	}
	if json.Unmarshal(b, &probe) != nil {
		probe.Format = 0 // reading the evidence reports the problem
	}
	if probe.Format > newest {
		return 0, fmt.Errorf("evidence of format %d: %w", probe.Format, ledger.ErrUnsupportedVersion)
	}
	return max(FirstFormat, probe.Format), nil
}

// maxSize is the size of the largest tree that a checkpoint can have.
const maxSize = 1<<53 - 1
