package packspec

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"gait/ledger"
)

// The entries of a job pack.
const (
	entryVerify       = "VERIFY.md"
	entryEvidence     = "evidence.json"
	entryHeadProof    = "head.tlog-proof"
	entryJobEvents    = "job_events.jsonl"
	entryPayload      = "job_payload.json"
	entryState        = "job_state.json"
	entryCreated      = "ledger_created.json"
	entryCreatedProof = "ledger_created.tlog-proof"
	entryEvents       = "ledger_events.jsonl"
	entryKey          = "ledger_key.vkey"
	entryManifest     = "pack_manifest.json"
)

// A layer is what an entry is for.
type layer int

const (
	layerViews    layer = iota // PackSpec v1, derived from the evidence
	layerEvidence              // the ledger's own bytes and proofs
	layerText                  // for people
)

// jobEntries are the entries of a job pack in their order, with their size limits.
var jobEntries = []struct {
	name  string
	layer layer
	max   int64
}{
	{entryVerify, layerText, 64 << 10},
	{entryEvidence, layerEvidence, 16 << 10},
	{entryHeadProof, layerEvidence, ledger.MaxProofSize},
	{entryJobEvents, layerViews, maxArchive},
	{entryPayload, layerViews, 16 << 10},
	{entryState, layerViews, maxArchive},
	{entryCreated, layerEvidence, ledger.MaxEventSize},
	{entryCreatedProof, layerEvidence, ledger.MaxProofSize},
	{entryEvents, layerEvidence, maxArchive},
	{entryKey, layerEvidence, 1 << 10},
	{entryManifest, layerViews, maxManifest},
}

// jobNames returns the names of the entries of some layers, in order, where the
// ledger's key was rotated so many times.
func jobNames(rotations int, layers ...layer) []string {
	var names []string
	if slices.Contains(layers, layerEvidence) {
		names = rotationNames(rotations)
	}
	for _, e := range jobEntries {
		if slices.Contains(layers, e.layer) {
			names = append(names, e.name)
		}
	}
	slices.Sort(names)
	return names
}

// sizeLimit returns the size limit of an entry of that name.
func sizeLimit(name string) int64 {
	for _, e := range jobEntries {
		if e.name == name {
			return e.max
		}
	}
	if limit := tileLimit(name); limit > 0 {
		return limit
	}
	return maxArchive
}

// A Pack is an open pack: its container is sound and its entries are those its
// manifest lists. Nothing else about it has been checked.
type Pack struct {
	r        io.ReaderAt
	entries  []entry
	manifest Manifest
}

// Open reads a pack's container. It fails with a *FormatError where the file
// is not a pack, with ledger.ErrUnsupportedVersion where it is one of a newer
// version, and with the reader's own errors. The Pack reads from r.
func Open(r io.ReaderAt, size int64) (*Pack, error) {
	entries, err := readArchive(r, size)
	if err != nil {
		return nil, err
	}
	p := &Pack{r: r, entries: entries}
	if err := p.open(); err != nil {
		return nil, asFormat(err)
	}
	return p, nil
}

// asFormat makes a *Failure a *FormatError and leaves other errors.
func asFormat(err error) error {
	if f, ok := errors.AsType[*Failure](err); ok {
		return &FormatError{*f}
	}
	return err
}

func (p *Pack) open() error {
	i := slices.IndexFunc(p.entries, func(e entry) bool { return e.name == entryManifest })
	if i < 0 {
		return failure(LevelContainer, CodeEntries, entryManifest, "the pack has no manifest")
	}
	b, err := p.read(entryManifest)
	if err != nil {
		return err
	}
	if p.manifest, err = parseManifest(b); err != nil {
		return err
	}
	if p.manifest.PackType != TypeRange && len(b) > maxJobManifest {
		return failure(LevelContainer, CodeEntries, entryManifest, "%d bytes, at most %d", len(b), maxJobManifest)
	}
	if err := p.checkNames(); err != nil {
		return err
	}
	return checkContents(p.manifest.Contents, p.entries)
}

// checkNames holds the entries to the fixed set of a job pack: all of them,
// or, in a pack without evidence, the views.
func (p *Pack) checkNames() error {
	want := jobNames(0, layerViews)
	switch {
	case p.manifest.PackType == TypeRange:
		var err error
		if want, err = p.rangeNames(); err != nil {
			return err
		}
	case p.hasEvidence():
		want = jobNames(p.rotations(), layerViews, layerEvidence, layerText)
	}
	for i := range max(len(want), len(p.entries)) {
		switch {
		case i >= len(p.entries) || i < len(want) && p.entries[i].name > want[i]:
			return failure(LevelContainer, CodeEntries, want[i], "the pack has no such entry")
		case i >= len(want) || p.entries[i].name < want[i]:
			return failure(LevelContainer, CodeEntries, p.entries[i].name, "not an entry of a %s pack", p.manifest.PackType)
		}
	}
	return nil
}

// checkContents holds entries to their manifest's list. Both are in order.
func checkContents(listed []Content, entries []entry) error {
	for _, e := range entries {
		if e.name == entryManifest {
			continue
		}
		if len(listed) == 0 || listed[0].Path != e.name {
			return failure(LevelContainer, CodeEntries, e.name, "the manifest does not list it in its place")
		}
		if listed[0].SHA256 != e.sum.String() {
			return differs(LevelContainer, CodeDigest, e.name, "its SHA-256 is not the manifest's", listed[0].SHA256, e.sum.String())
		}
		listed = listed[1:]
	}
	if len(listed) > 0 {
		return failure(LevelContainer, CodeEntries, listed[0].Path, "the manifest lists it and the pack does not hold it")
	}
	return nil
}

// rangeNames returns the entries that a range pack must have by what it says it
// covers.
func (p *Pack) rangeNames() ([]string, error) {
	if !p.hasEvidence() {
		return nil, failure(LevelContainer, CodeEntries, entryEvidence, "the pack has no such entry")
	}
	b, err := p.read(entryEvidence)
	if err != nil {
		return nil, err
	}
	_, cover, err := parseRangeEvidence(b)
	if err != nil {
		return nil, err
	}
	if want := rangeRef(cover); p.manifest.SourceRef != want {
		return nil, differs(LevelContainer, CodeManifest, entryManifest, "source_ref", want, quote(p.manifest.SourceRef))
	}
	return rangeNames(cover, p.rotations()), nil
}

// rotations counts the rotations of the ledger's key that the pack holds.
func (p *Pack) rotations() (n int) {
	for event, _ := rotationEntries(1); p.has(event) && n < ledger.MaxRotations; event, _ = rotationEntries(n + 1) {
		n++
	}
	return n
}

func (p *Pack) entry(name string) (entry, bool) {
	i, ok := slices.BinarySearchFunc(p.entries, name, func(e entry, name string) int { return strings.Compare(e.name, name) })
	if !ok {
		return entry{}, false
	}
	return p.entries[i], true
}

func (p *Pack) has(name string) bool {
	_, ok := p.entry(name)
	return ok
}

func (p *Pack) hasEvidence() bool { return p.has(entryEvidence) }

// errNoEntry says that a range pack does not hold a tile.
var errNoEntry = errors.New("the pack does not hold it")

// tile reads a tile or a bundle of a range pack.
func (p *Pack) tile(name ledger.TileName) ([]byte, error) {
	path := name.String()
	if !p.has(path) {
		return nil, fmt.Errorf("%s: %w", path, errNoEntry)
	}
	return p.read(path)
}

// section returns an entry's content, which is there.
func (p *Pack) section(name string) *io.SectionReader {
	e, ok := p.entry(name)
	if !ok {
		panic("packspec: no entry " + name)
	}
	return io.NewSectionReader(p.r, e.start(), e.size)
}

// buffered returns an entry's content through a buffer that holds any event
// with its line feed.
func (p *Pack) buffered(name string) *bufio.Reader {
	s := p.section(name)
	return newLines(s, min(s.Size(), ledger.MaxEventSize))
}

// newLines returns a reader for nextLine of lines of at most so many bytes.
func newLines(r io.Reader, most int64) *bufio.Reader {
	return bufio.NewReaderSize(r, int(most)+1)
}

// read returns the content of an entry that has a small limit.
func (p *Pack) read(name string) ([]byte, error) {
	b, err := io.ReadAll(p.section(name))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return b, nil
}

// Manifest returns the pack's manifest.
func (p *Pack) Manifest() Manifest { return p.manifest }

// Events returns the job's events from the evidence, decoded and otherwise
// unchecked; none for a pack without evidence. It may be ranged over again.
// Errors wrap ledger.ErrMalformed or ledger.ErrUnsupportedVersion, or are the reader's.
func (p *Pack) Events() ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		if !p.hasEvidence() {
			return
		}
		in := p.buffered(entryEvents)
		for n := 1; ; n++ {
			line, err := nextLine(in)
			if errors.Is(err, io.EOF) {
				return
			}
			var e ledger.Event
			if err == nil {
				e, err = ledger.Decode(line)
			}
			if err != nil {
				yield(ledger.Event{}, fmt.Errorf("line %d: %w", n, err))
				return
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

// Events returns the events of a pack of gait's own format, decoded and otherwise
// unchecked where it is a job's; a range pack's are held to its tiles. Verify it
// first: nothing here is. Errors are those of Open, and those of the events.
func Events(r io.ReaderAt, size int64) (ledger.Events, error) {
	p, err := Open(r, size)
	if err != nil {
		return nil, err
	}
	if p.manifest.PackType != TypeRange {
		return p.Events(), nil
	}
	b, err := p.read(entryEvidence)
	if err != nil {
		return nil, err
	}
	e, cover, err := parseRangeEvidence(b)
	if err != nil {
		return nil, asFormat(err)
	}
	root, err := ledger.ParseHash(e.Root)
	return ledger.TileLog{Coverage: cover, Checkpoint: ledger.Checkpoint{Origin: e.Origin, Size: e.Size, Root: root}, Read: p.tile}.Events(), err
}

// nextLine returns a line without its line feed, or io.EOF after the last one.
func nextLine(in *bufio.Reader) ([]byte, error) {
	line, err := in.ReadSlice('\n')
	switch {
	case err == nil:
		return bytes.Clone(line[:len(line)-1]), nil
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, fmt.Errorf("%w: more than %d bytes", ledger.ErrMalformed, ledger.MaxEventSize)
	case errors.Is(err, io.EOF) && len(line) > 0:
		return nil, fmt.Errorf("%w: it does not end", ledger.ErrMalformed)
	}
	return nil, err
}

// quote makes text from a pack fit to be shown: ASCII, quoted, and not long.
func quote(s string) string {
	if len(s) > 80 {
		s = s[:80] + "…"
	}
	return strconv.QuoteToASCII(s)
}
