package packspec

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"gait/ledger"
	"gait/ledger/jcs"
	"gait/packspec/container"
	"gait/packspec/finding"
)

// The entry of a range pack that a job pack does not have, apart from rotations, tiles
// and bundles.
const entryCheckpoint = ledger.CheckpointFile

// rangeFixed are the entries that every range pack has, in order.
var rangeFixed = []string{entryVerify, entryCheckpoint, entryEvidence, entryCreated, entryCreatedProof, entryKey, container.ManifestEntry}

// A rangeShape says what a range pack has besides what every range pack has.
type rangeShape struct {
	format    int64 // of its evidence
	rotations int   // of the ledger's key
	requests  bool  // whether it has the request ids that event 0 names
	proofs    bool  // whether it has the proofs that continued events name
	authority bool  // whether it has authority events
}

// more returns the entries that only some range packs have, in order.
func (s rangeShape) more() (names []string) {
	if s.authority {
		names = append(names, entryAuthority)
	}
	if s.proofs {
		names = append(names, entryProofs)
	}
	if s.requests {
		names = append(names, entryRequests)
	}
	return names
}

// named sets what entries of a pack show of its shape.
func (s *rangeShape) named(entries []string) {
	s.requests, s.proofs = slices.Contains(entries, entryRequests), slices.Contains(entries, entryProofs)
	s.authority = slices.Contains(entries, entryAuthority)
}

// text returns VERIFY.md of a range pack.
func (s rangeShape) text() []byte {
	switch s.format {
	case SecondRangeFormat:
		return verifyRangeMovedText
	case AuthorityRangeFormat:
		return verifyRangeAuthorityText
	}
	return verifyRangeText
}

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

func newRangeEvidence(c ledger.Checkpoint, cover ledger.Coverage, s rangeShape) RangeEvidence {
	e := RangeEvidence{
		Entries: []string{entryCheckpoint, entryCreated, entryCreatedProof, entryKey}, Format: s.format,
		From: cover.From(), Origin: c.Origin, Root: c.Root.String(), Size: c.Size, To: cover.To(),
	}
	e.Entries = append(e.Entries, s.more()...)
	slices.Sort(e.Entries)
	return e
}

// parseRangeEvidence reads evidence.json of a range pack. It fails with a
// *finding.Failure or wraps ledger.ErrUnsupportedVersion.
func parseRangeEvidence(b []byte) (e RangeEvidence, cover ledger.Coverage, err error) {
	bad := func(format string, args ...any) (RangeEvidence, ledger.Coverage, error) {
		return e, cover, finding.Failf(finding.LevelCanonical, finding.CodeNotCanonical, entryEvidence, format, args...)
	}
	var s rangeShape
	if s.format, err = evidenceFormat(b, AuthorityRangeFormat); err != nil {
		return e, cover, err
	}
	if err := container.ParseCanonical(b, &e); err != nil {
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
	if cover.Last-cover.First >= container.MaxEntries {
		return bad("%d bundles, at most %d entries", cover.Last-cover.First+1, container.MaxEntries)
	}
	s.named(e.Entries)
	if s.proofs && s.format < SecondRangeFormat {
		return bad("only a range of format %d has %s", SecondRangeFormat, entryProofs)
	}
	if s.requests && (s.format < SecondRangeFormat || e.From != 0) {
		return bad("only a range from event 0, of format %d, has %s", SecondRangeFormat, entryRequests)
	}
	if s.authority != (s.format == AuthorityRangeFormat) {
		return bad("a range of format %d has %s, and no other has", AuthorityRangeFormat, entryAuthority)
	}
	want, err := jcs.Marshal(newRangeEvidence(ledger.Checkpoint{Origin: e.Origin, Size: e.Size, Root: root}, cover, s))
	if err != nil {
		return e, cover, err
	}
	if !bytes.Equal(want, b) {
		return e, cover, finding.Differs(finding.LevelCanonical, finding.CodeNotCanonical, entryEvidence, "not of this format", finding.Quote(string(want)), finding.Quote(string(b)))
	}
	return e, cover, nil
}

// rangeRef returns the source_ref of a range pack.
func rangeRef(cover ledger.Coverage) string { return fmt.Sprintf("%d-%d", cover.From(), cover.To()) }

// rangeNames returns the entries of a range pack, in order.
func rangeNames(cover ledger.Coverage, s rangeShape) []string {
	names := slices.Concat(rangeFixed, cover.Files(), rotationNames(s.rotations), s.more())
	return slices.Sorted(slices.Values(names))
}

// ErrRange says that the ledger does not have the requested events, or that they are
// more than a pack can hold.
var ErrRange = ledger.NewError("no such range", ledger.Fault{Code: "invalid_range", Category: ledger.CategoryInvalid})

// RangeOptions say how to pack a range. The zero RangeOptions are fine for a ledger that
// continues no other.
type RangeOptions struct {
	// Content opens the content that event 0 names, of used request ids, for a range from
	// event 0. If it is nil or returns ledger.ErrContentMissing, the pack lacks it.
	Content func(digest ledger.Hash) (io.ReadCloser, error)

	// Proof returns the content that a continued event names, as that of JobOptions does. If
	// it is nil or returns ledger.ErrContentMissing for one, the pack has none of them.
	Proof func(digest ledger.Hash, limit int64) ([]byte, error)
}

// BuildRange writes the pack of a range of events to w, rounded outward to whole
// bundles. If to is negative, the range ends with the newest event. Otherwise it works
// as BuildJob does, and fails with ErrRange instead of ErrJobNotFound.
func BuildRange(ctx context.Context, w io.WriterAt, src ledger.Reader, from, to ledger.Seq, signer ledger.Signer, o RangeOptions) (BuiltPack, error) {
	if src.Keys().Current() != signer.VerifierKey() {
		return BuiltPack{}, fmt.Errorf("building a pack of %s: the key given is %s, not the ledger's", src.Origin(), signer.VerifierKey())
	}
	s, err := snapshotRange(ctx, src, from, to, o)
	defer s.close()
	if err != nil {
		return BuiltPack{}, fmt.Errorf("building a range pack: %w", err)
	}
	m, size, err := s.write(w, signer)
	if err != nil {
		return BuiltPack{}, fmt.Errorf("building a range pack: %w", err)
	}
	return BuiltPack{Manifest: m, Size: size, Checkpoint: s.log.Checkpoint, Cosigned: s.cosigned, Coverage: s.log.Coverage}, nil
}

// CoverRange returns the coverage that BuildRange would choose.
func CoverRange(ctx context.Context, src ledger.Reader, from, to ledger.Seq) (ledger.Coverage, error) {
	s, err := beginRange(ctx, src, from, to)
	if err != nil {
		return ledger.Coverage{}, fmt.Errorf("covering events %d to %d: %w", from, to, err)
	}
	return s.log.Coverage, nil
}

// A rangeSnapshot is a part of a log as of one checkpoint.
type rangeSnapshot struct {
	snapshot
	log      ledger.TileLog
	signed   []byte
	last     ledger.Event
	requests io.ReadCloser // the content of used request ids; nil if the pack has none

	proofs  int64 // the size of those that continued events name; 0 if the pack has none
	lacking bool  // one of them is not at hand
	read    func(ledger.Hash, int64) ([]byte, error)
}

func (s *rangeSnapshot) close() {
	if s != nil && s.requests != nil {
		_ = s.requests.Close() // it was only read
	}
}

// shape returns the shape of the pack, once its events are read.
func (s *rangeSnapshot) shape() rangeShape {
	sh := rangeShape{format: FirstFormat, rotations: len(s.rotations), requests: s.requests != nil, proofs: s.proofs > 0}
	if sh.requests || sh.proofs || moved(s.rotations) || movesOn(s.last, s.checkpoint.Size) {
		sh.format = SecondRangeFormat
	}
	if sh.authority = s.authority != nil; sh.authority {
		sh.format = AuthorityRangeFormat
	}
	return sh
}

// movesOn reports whether a tree ends with a ledger_moved: the place that it names has not
// signed yet.
func movesOn(last ledger.Event, size int64) bool {
	return last.Type() == ledger.TypeLedgerMoved && int64(last.Seq()) == size-1
}

// snapshotRange reads the events and checks them against the tree, so that no pack is
// written that would not verify.
func snapshotRange(ctx context.Context, src ledger.Reader, from, to ledger.Seq, o RangeOptions) (*rangeSnapshot, error) {
	s, err := beginRange(ctx, src, from, to)
	if err != nil {
		return nil, err
	}
	if s.createdProof, err = src.ProofIn(ctx, s.signed, 0); err != nil {
		return nil, err
	}
	for s.last, err = range s.log.Events() {
		if err == nil {
			err = s.noteProof(s.last, o)
		}
		if err != nil {
			return nil, err
		}
	}
	if s.authority, err = readAuthority(ctx, src, ledger.HeadAfter(s.last).Authority); err != nil {
		return nil, err
	}
	r := ledger.InheritedRequests(s.created)
	if r == nil || s.log.From() > 0 || o.Content == nil {
		return s, nil
	}
	s.requests, err = o.Content(r.Digest)
	if errors.Is(err, ledger.ErrContentMissing) {
		s.requests, err = nil, nil
	}
	return s, err
}

// beginRange chooses the checkpoint and the coverage.
func beginRange(ctx context.Context, src ledger.Reader, from, to ledger.Seq) (*rangeSnapshot, error) {
	newest, signed := src.Checkpoint()
	if to < 0 {
		to = ledger.Seq(newest.Size - 1)
	}
	if from < 0 || from > to || int64(to) >= newest.Size {
		return nil, fmt.Errorf("%w: events %d to %d, the ledger has 0 to %d", ErrRange, from, to, newest.Size-1)
	}
	s := &rangeSnapshot{snapshot: snapshot{head: ledger.JobHead{Seq: to}}}
	err := s.readKeys(ctx, src)
	if err != nil {
		return nil, err
	}
	if s.signed, err = s.chooseCheckpoint(ctx, src, signed); err != nil {
		return nil, err
	}
	s.log = ledger.TileLog{
		Coverage: ledger.Cover(s.checkpoint.Size, from, to), Checkpoint: s.checkpoint,
		Read: func(name ledger.TileName) ([]byte, error) { return src.File(ctx, name) },
	}
	if s.log.Last-s.log.First >= container.MaxEntries || len(rangeNames(s.log.Coverage, rangeShape{rotations: len(s.rotations), requests: true, proofs: true, authority: true})) > container.MaxEntries {
		return nil, fmt.Errorf("%w: %d events are more than one pack holds", ErrRange, s.log.To()-s.log.From()+1)
	}
	return s, nil
}

// contents returns the content of each entry except the manifest and the files of the
// log.
func (s *rangeSnapshot) contents() (map[string][]byte, error) {
	summary, err := jcs.Marshal(newRangeEvidence(s.checkpoint, s.log.Coverage, s.shape()))
	if err != nil {
		return nil, err
	}
	all := map[string][]byte{
		entryVerify:       s.shape().text(),
		entryCheckpoint:   s.signed,
		entryEvidence:     summary,
		entryCreated:      s.created.Bytes(),
		entryCreatedProof: []byte(s.createdProof.String()),
		entryKey:          []byte(s.keys.Current().String() + "\n"),
	}
	s.addRotations(all)
	s.addAuthority(all)
	return all, nil
}

func (s *rangeSnapshot) write(w io.WriterAt, signer ledger.Signer) (container.Manifest, int64, error) {
	contents, err := s.contents()
	if err != nil {
		return container.Manifest{}, 0, err
	}
	p := packWriter{
		archiveWriter: archiveWriter{w: w}, packType: TypeRange, ref: rangeRef(s.log.Coverage), createdAt: ledger.FormatTime(s.last.Time()),
		names: rangeNames(s.log.Coverage, s.shape()), signer: signer,
	}
	for _, name := range p.names {
		content, ok := contents[name]
		switch {
		case name == container.ManifestEntry:
			err = p.reserveManifest()
		case ok:
			err = p.add(name, content)
		case name == entryRequests:
			err = s.addRequests(&p)
		case name == entryProofs:
			err = s.addProofs(&p)
		default:
			err = s.addFile(&p, name)
		}
		if err != nil {
			return container.Manifest{}, 0, err
		}
	}
	return p.finish()
}

// addRequests adds the content of used request ids.
func (s *rangeSnapshot) addRequests(p *packWriter) error {
	r := ledger.InheritedRequests(s.created)
	section, err := p.reserve(entryRequests, r.Size())
	if err != nil {
		return err
	}
	for _, err := range ledger.ReadRequests(io.TeeReader(s.requests, section), *r) {
		if err != nil {
			return err
		}
	}
	return section.done()
}

// addFile adds a file of the log.
func (s *rangeSnapshot) addFile(p *packWriter, path string) error {
	name, err := ledger.ParseTileName(path)
	if err != nil {
		return err
	}
	b, err := s.log.Read(name)
	if err != nil {
		return err
	}
	return p.add(path, b)
}

// tileLimit returns the size limit of an entry that only range packs have, or 0.
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
