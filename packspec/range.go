package packspec

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"gait/ledger"
	"gait/projection"
)

// TypeRange is the pack_type of a pack of a contiguous run of the ledger.
const TypeRange = "range"

// The entries of a range pack beside those it shares with a job pack, the
// rotations, tiles and bundles.
const entryCheckpoint = ledger.CheckpointFile

// rangeFixed are the entries that every range pack has, in order.
var rangeFixed = []string{entryVerify, entryCheckpoint, entryEvidence, entryCreated, entryCreatedProof, entryKey, entryManifest}

// RangeEvidence is evidence.json of a range pack.
type RangeEvidence struct {
	Entries []string   `json:"entries"` // the other fixed entries of the layer, in order
	Format  int64      `json:"format"`
	From    ledger.Seq `json:"from"` // the first event, at the start of a bundle
	Origin  string     `json:"origin"`
	Root    string     `json:"root"` // of the checkpoint's tree, hexadecimal
	Size    int64      `json:"size"` // of that tree
	To      ledger.Seq `json:"to"`   // the last event, at the end of a bundle or of the tree
}

func newRangeEvidence(c ledger.Checkpoint, cover ledger.Coverage) RangeEvidence {
	return RangeEvidence{Entries: []string{entryCheckpoint, entryCreated, entryCreatedProof, entryKey}, Format: EvidenceFormat,
		From: cover.From(), Origin: c.Origin, Root: c.Root.String(), Size: c.Size, To: cover.To()}
}

// parseRangeEvidence reads evidence.json of a range pack. It fails with a
// *Failure, or wraps ledger.ErrUnsupportedVersion.
func parseRangeEvidence(b []byte) (e RangeEvidence, cover ledger.Coverage, err error) {
	bad := func(format string, args ...any) (RangeEvidence, ledger.Coverage, error) {
		return e, cover, failure(LevelCanonical, CodeNotCanonical, entryEvidence, format, args...)
	}
	if err := checkEvidenceFormat(b); err != nil {
		return e, cover, err
	}
	if err := parseCanonical(b, &e); err != nil {
		return bad("%s", err)
	}
	root, err := ledger.ParseHash(e.Root)
	if err != nil {
		return bad("root: %s", err)
	}
	if err := ledger.FieldOrigin.Check(e.Origin); err != nil {
		return bad("%s", err)
	}
	if e.Size < 1 || e.Size > maxSize || e.From < 0 || e.To < e.From || int64(e.To) >= e.Size {
		return bad("events %d to %d of %d", e.From, e.To, e.Size)
	}
	cover = ledger.Cover(e.Size, e.From, e.To)
	if cover.Last-cover.First >= maxEntries {
		return bad("%d bundles, at most %d entries", cover.Last-cover.First+1, maxEntries)
	}
	want, err := projection.Canonical(newRangeEvidence(ledger.Checkpoint{Origin: e.Origin, Size: e.Size, Root: root}, cover))
	if err != nil {
		return e, cover, err
	}
	if !bytes.Equal(want, b) {
		return e, cover, differs(LevelCanonical, CodeNotCanonical, entryEvidence, "not of this format", quote(string(want)), quote(string(b)))
	}
	return e, cover, nil
}

// rangeRef is the source_ref of a range pack.
func rangeRef(cover ledger.Coverage) string { return fmt.Sprintf("%d-%d", cover.From(), cover.To()) }

// rangeNames returns the entries of a range pack, in order.
func rangeNames(cover ledger.Coverage, rotations int) []string {
	return slices.Sorted(slices.Values(slices.Concat(rangeFixed, cover.Files(), rotationNames(rotations))))
}

// A RangeSource is the log a range pack is made from.
type RangeSource interface {
	Source
	File(ledger.TileName) ([]byte, error)
}

// ErrRange says that the ledger does not have the events asked for, or that
// they are more than a pack holds.
var ErrRange = errors.New("no such range")

// BuildRange writes the pack of the events from one to another to w, rounded
// outward to whole bundles; to below 0 is the newest event. What is said of
// BuildJob goes for it too; it fails with ErrRange in place of ErrJobNotFound.
func BuildRange(w io.Writer, src RangeSource, from, to ledger.Seq, signer ledger.Signer) (Built, error) {
	if src.Key() != signer.VerifierKey() {
		return Built{}, fmt.Errorf("building a pack of %s: the key given is %s, not the ledger's", src.Origin(), signer.VerifierKey())
	}
	s, err := lookAtRange(src, from, to)
	if err != nil {
		return Built{}, fmt.Errorf("building a range pack: %w", err)
	}
	m, err := s.write(w, signer)
	if err != nil {
		return Built{}, fmt.Errorf("building a range pack: %w", err)
	}
	return Built{Manifest: m, Checkpoint: s.log.Checkpoint, Cosigned: s.cosigned, Coverage: s.log.Coverage}, nil
}

// CoverRange returns what BuildRange would cover.
func CoverRange(src RangeSource, from, to ledger.Seq) (ledger.Coverage, error) {
	s, err := beginRange(src, from, to)
	if err != nil {
		return ledger.Coverage{}, fmt.Errorf("covering events %d to %d: %w", from, to, err)
	}
	return s.log.Coverage, nil
}

// A rangeSnapshot is a part of a log as of one checkpoint.
type rangeSnapshot struct {
	snapshot
	log    ledger.TileLog
	signed []byte
	last   ledger.Event
}

// lookAtRange reads the events and holds them against the tree: a pack that
// would not verify is never written.
func lookAtRange(src RangeSource, from, to ledger.Seq) (*rangeSnapshot, error) {
	s, err := beginRange(src, from, to)
	if err != nil {
		return nil, err
	}
	if s.createdProof, err = src.ProofIn(s.signed, 0); err != nil {
		return nil, err
	}
	for s.last, err = range s.log.Events() {
		if err != nil {
			return nil, err
		}
	}
	return s, nil
}

// beginRange chooses the checkpoint and what is covered.
func beginRange(src RangeSource, from, to ledger.Seq) (*rangeSnapshot, error) {
	newest, signed := src.Checkpoint()
	if to < 0 {
		to = ledger.Seq(newest.Size - 1)
	}
	if from < 0 || from > to || int64(to) >= newest.Size {
		return nil, fmt.Errorf("%w: events %d to %d, the ledger has 0 to %d", ErrRange, from, to, newest.Size-1)
	}
	s := &rangeSnapshot{snapshot: snapshot{head: ledger.JobHead{Seq: to}}}
	err := s.readKeys(src)
	if err != nil {
		return nil, err
	}
	if s.signed, err = s.choose(src, signed); err != nil {
		return nil, err
	}
	s.log = ledger.TileLog{Coverage: ledger.Cover(s.checkpoint.Size, from, to), Checkpoint: s.checkpoint, Read: src.File}
	if s.log.Last-s.log.First >= maxEntries || len(rangeNames(s.log.Coverage, len(s.rotations))) > maxEntries {
		return nil, fmt.Errorf("%w: %d events are more than one pack holds", ErrRange, s.log.To()-s.log.From()+1)
	}
	return s, nil
}

// contents returns what each entry but the manifest holds.
func (s *rangeSnapshot) contents() (map[string]content, error) {
	summary, err := projection.Canonical(newRangeEvidence(s.checkpoint, s.log.Coverage))
	if err != nil {
		return nil, err
	}
	all := map[string]content{
		entryVerify:       text(verifyRangeText),
		entryCheckpoint:   text(s.signed),
		entryEvidence:     text(summary),
		entryCreated:      text(s.created.Bytes()),
		entryCreatedProof: text([]byte(s.createdProof.String())),
		entryKey:          text([]byte(s.keys.Current().String() + "\n")),
	}
	s.addRotations(all)
	for _, path := range s.log.Files() {
		name, err := ledger.ParseTileName(path)
		if err != nil {
			return nil, err
		}
		all[path] = func(w io.Writer) error {
			b, err := s.log.Read(name)
			if err != nil {
				return err
			}
			return text(b)(w)
		}
	}
	return all, nil
}

func (s *rangeSnapshot) write(w io.Writer, signer ledger.Signer) (Manifest, error) {
	contents, err := s.contents()
	if err != nil {
		return Manifest{}, err
	}
	entries, err := measureAll(rangeNames(s.log.Coverage, len(s.rotations)), contents)
	if err != nil {
		return Manifest{}, err
	}
	m, err := newManifest(TypeRange, rangeRef(s.log.Coverage), ledger.FormatTime(s.last.Time), entries)
	if err != nil {
		return Manifest{}, err
	}
	if m, err = m.sign(signer); err != nil {
		return Manifest{}, err
	}
	return m, writePack(w, m, entries, contents)
}

// tileLimit returns the size limit of an entry of a range pack alone, or 0.
func tileLimit(name string) int64 {
	switch {
	case name == entryCheckpoint:
		return ledger.MaxNoteSize
	case strings.HasPrefix(name, "tile/entries/"):
		return ledger.MaxBundleSize
	case strings.HasPrefix(name, "tile/"):
		return ledger.TileWidth * int64(len(ledger.Hash{}))
	case strings.HasPrefix(name, "keys/"):
		return ledger.MaxProofSize
	}
	return 0
}
