package packspec

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"gait/ledger"
	"gait/ledger/mpt"
	"gait/packspec/container"
	"gait/packspec/finding"
	"gait/packspec/v1"
	"gait/projection"
)

// What every pack of this version says of itself.
const (
	ProducerVersion = container.ProducerVersion
	TypeJob         = container.TypeJob
	TypeRange       = container.TypeRange // of a contiguous run of the ledger
)

// The entries of a job pack, beside the manifest.
const (
	entryVerify       = "VERIFY.md"
	entryEvidence     = "evidence.json"
	entryHeadProof    = "head.tlog-proof"
	entryJobEvents    = v1.EventsEntry
	entryPayload      = v1.PayloadEntry
	entryState        = v1.StateEntry
	entryCreated      = "ledger_created.json"
	entryCreatedProof = "ledger_created.tlog-proof"
	entryEvents       = "ledger_events.jsonl"
	entryKey          = "ledger_key.vkey"

	// The commitment to the index: all three or none, and none in evidence of format 1.
	entryCommitment      = "index_committed.json"
	entryCommitmentProof = "index_committed.tlog-proof"
	entryIndexProof      = "index.mpt-proof"

	// The proof of a job that another ledger held before, in evidence of format 3.
	entryContinued = "continued.json"

	// The authority events, and the path of the authority in the index of the commitment: in
	// packs of a ledger with authority.
	entryAuthority      = "authority_events.jsonl"
	entryAuthorityProof = "authority.mpt-proof"

	// The keys of the request ids that event 0 names, in a range pack.
	entryRequests = "requests.keys"
)

// A shape says which entries a job pack has besides those that every job pack has.
type shape struct {
	format    int64 // of its evidence
	rotations int   // of the ledger's key
	committed bool  // whether it has a commitment to the index
	continued bool  // whether it has the proof of a job that another ledger held before
	authority bool  // whether it has authority events

	contents []string // the entries with content of the job, and with policies, in order
}

// hasPolicies reports whether the pack has a policy.
func (s shape) hasPolicies() bool {
	return slices.ContainsFunc(s.contents, func(name string) bool { return strings.HasPrefix(name, policyPrefix) })
}

// A layer is a part of a pack, by its purpose.
type layer int

const (
	layerViews    layer = iota // PackSpec v1, derived from the evidence
	layerEvidence              // the ledger's own bytes and proofs
	layerIndex                 // the parts of the evidence that only some packs have
	layerContinued
	layerAuthority
	layerAuthorityIndex
	layerContent // of the job, and policies, which evidence.json does not list
	layerText    // for people
)

// jobEntries are the entries of a job pack, in order, with their size limits.
var jobEntries = []struct {
	name  string
	layer layer
	max   int64
}{
	{entryVerify, layerText, 64 << 10},
	{entryAuthorityProof, layerAuthorityIndex, int64(mpt.MaxProof)},
	{entryAuthority, layerAuthority, maxAuthority},
	{entryContinued, layerContinued, projection.MaxContinuedProofSize},
	{entryEvidence, layerEvidence, 16 << 10},
	{entryHeadProof, layerEvidence, ledger.MaxProofSize},
	{entryIndexProof, layerIndex, int64(mpt.MaxProof)},
	{entryCommitment, layerIndex, ledger.MaxEventSize},
	{entryCommitmentProof, layerIndex, ledger.MaxProofSize},
	{entryJobEvents, layerViews, maxArchive},
	{entryPayload, layerViews, 16 << 10},
	{entryState, layerViews, maxArchive},
	{entryCreated, layerEvidence, ledger.MaxEventSize},
	{entryCreatedProof, layerEvidence, ledger.MaxProofSize},
	{entryEvents, layerEvidence, maxArchive},
	{entryKey, layerEvidence, 1 << 10},
	{container.ManifestEntry, layerViews, container.MaxManifest},
}

// names returns the names of the entries of these layers, in order.
func (s shape) names(layers ...layer) []string {
	var names []string
	if slices.Contains(layers, layerEvidence) {
		names = rotationNames(s.rotations)
		if s.committed {
			layers = append(slices.Clone(layers), layerIndex)
		}
		if s.continued {
			layers = append(slices.Clone(layers), layerContinued)
		}
		if s.authority {
			layers = append(slices.Clone(layers), layerAuthority)
		}
		if s.authority && s.committed {
			layers = append(slices.Clone(layers), layerAuthorityIndex)
		}
	}
	for _, e := range jobEntries {
		if slices.Contains(layers, e.layer) {
			names = append(names, e.name)
		}
	}
	if slices.Contains(layers, layerContent) {
		names = append(names, s.contents...)
	}
	slices.Sort(names)
	return names
}

// sizeLimit returns the size limit of the entry with this name.
func sizeLimit(name string) int64 {
	for _, e := range jobEntries {
		if e.name == name {
			return e.max
		}
	}
	if strings.HasPrefix(name, policyPrefix) {
		return maxPolicy
	}
	if limit := tileLimit(name); limit > 0 {
		return limit
	}
	return maxArchive
}

// A Pack is an open pack. Its container is well formed and its entries are those that
// its manifest lists. Nothing else about it was checked.
type Pack struct {
	r        io.ReaderAt
	entries  []entry
	manifest container.Manifest
}

// Open reads a pack's container. Errors: a *finding.FormatError if the file is not a
// pack, ledger.ErrUnsupportedVersion if it has a newer version, and the reader's own.
// The Pack goes on reading from r.
func Open(r io.ReaderAt, size int64) (*Pack, error) {
	entries, err := readArchive(r, size)
	if err != nil {
		return nil, err
	}
	p := &Pack{r: r, entries: entries}
	if err := p.open(); err != nil {
		return nil, finding.AsFormat(err)
	}
	return p, nil
}

func (p *Pack) open() error {
	i := slices.IndexFunc(p.entries, func(e entry) bool { return e.Name == container.ManifestEntry })
	if i < 0 {
		return finding.Failf(finding.LevelContainer, finding.CodeEntries, container.ManifestEntry, "the pack has no manifest")
	}
	b, err := p.read(container.ManifestEntry)
	if err != nil {
		return err
	}
	if p.manifest, err = container.ParseManifest(b); err != nil {
		return err
	}
	if p.manifest.PackType != TypeRange && len(b) > container.MaxJobManifest {
		return finding.Failf(finding.LevelContainer, finding.CodeEntries, container.ManifestEntry, "%d bytes, at most %d", len(b), container.MaxJobManifest)
	}
	if err := p.checkNames(); err != nil {
		return err
	}
	return container.CheckContents(p.manifest.Contents, listed(p.entries))
}

// checkNames requires the entries to be exactly those of the pack's type. A job pack
// without evidence has only the views.
func (p *Pack) checkNames() error {
	want := shape{}.names(layerViews)
	switch {
	case p.manifest.PackType == TypeRange:
		var err error
		if want, err = p.rangeNames(); err != nil {
			return err
		}
	case p.hasEvidence():
		b, err := p.read(entryEvidence)
		if err != nil {
			return err
		}
		if _, err := evidenceFormat(b, WorkFormat); err != nil {
			return err // another format has other entries
		}
		want = p.shape().names(layerViews, layerEvidence, layerText, layerContent)
	}
	for i := range max(len(want), len(p.entries)) {
		switch {
		case i >= len(p.entries) || i < len(want) && p.entries[i].Name > want[i]:
			return finding.Failf(finding.LevelContainer, finding.CodeEntries, want[i], "the pack has no such entry")
		case i >= len(want) || p.entries[i].Name < want[i]:
			return finding.Failf(finding.LevelContainer, finding.CodeEntries, p.entries[i].Name, "not an entry of a %s pack", p.manifest.PackType)
		}
	}
	return nil
}

// shape returns the shape of a job pack, as its entries show it. The format is not known
// yet.
func (p *Pack) shape() shape {
	s := shape{rotations: p.rotations(), continued: p.has(entryContinued), authority: p.has(entryAuthority) || p.has(entryAuthorityProof), contents: p.contentNames()}
	for _, name := range []string{entryCommitment, entryCommitmentProof, entryIndexProof} {
		s.committed = s.committed || p.has(name)
	}
	return s
}

// rangeNames returns the entries that a range pack must have, given the range that its
// evidence states.
func (p *Pack) rangeNames() ([]string, error) {
	if !p.hasEvidence() {
		return nil, finding.Failf(finding.LevelContainer, finding.CodeEntries, entryEvidence, "the pack has no such entry")
	}
	b, err := p.read(entryEvidence)
	if err != nil {
		return nil, err
	}
	e, cover, err := parseRangeEvidence(b)
	if err != nil {
		return nil, err
	}
	if want := rangeRef(cover); p.manifest.SourceRef != want {
		return nil, finding.Differs(finding.LevelContainer, finding.CodeManifest, container.ManifestEntry, "source_ref", want, finding.Quote(p.manifest.SourceRef))
	}
	s := rangeShape{rotations: p.rotations()}
	s.named(e.Entries)
	return rangeNames(cover, s), nil
}

// rotations counts the rotations of the ledger's key that the pack holds.
func (p *Pack) rotations() (n int) {
	for event, _ := rotationEntries(1); p.has(event) && n < ledger.MaxRotations; event, _ = rotationEntries(n + 1) {
		n++
	}
	return n
}

func (p *Pack) entry(name string) (entry, bool) {
	i, ok := slices.BinarySearchFunc(p.entries, name, func(e entry, name string) int { return strings.Compare(e.Name, name) })
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

// errNoEntry says that a range pack does not have a tile.
var errNoEntry = errors.New("the pack does not hold it")

// tile reads a tile or a bundle of a range pack.
func (p *Pack) tile(name ledger.TileName) ([]byte, error) {
	path := name.String()
	if !p.has(path) {
		return nil, fmt.Errorf("%s: %w", path, errNoEntry)
	}
	return p.read(path)
}

// section returns the content of an entry. It panics if there is no such entry.
func (p *Pack) section(name string) *io.SectionReader {
	e, ok := p.entry(name)
	if !ok {
		panic("packspec: no entry " + name)
	}
	return io.NewSectionReader(p.r, e.Start(), e.Size)
}

// buffered returns an entry's content through a buffer large enough for any event
// with its line feed.
func (p *Pack) buffered(name string) *bufio.Reader { return buffered(p.section(name)) }

func buffered(s *io.SectionReader) *bufio.Reader {
	return container.NewLines(s, min(s.Size(), ledger.MaxEventSize))
}

// read returns the content of an entry. Its size limit must be small.
func (p *Pack) read(name string) ([]byte, error) {
	b, err := io.ReadAll(p.section(name))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return b, nil
}

// Manifest returns the pack's manifest.
func (p *Pack) Manifest() container.Manifest { return p.manifest }

// Events returns the job's events from the evidence, decoded and otherwise unchecked.
// A pack without evidence has none. It may be ranged over again. Errors wrap
// ledger.ErrMalformed or ledger.ErrUnsupportedVersion, or are the reader's own.
func (p *Pack) Events() ledger.Events {
	if !p.hasEvidence() {
		return func(func(ledger.Event, error) bool) {}
	}
	return ledger.DecodeAhead(p.lines, func(n int64, line []byte) (ledger.Event, error) {
		e, err := ledger.Interpret(line)
		return e, atLine(n, err)
	})
}

// lines yields the lines of ledger_events.jsonl.
func (p *Pack) lines(yield func([]byte, error) bool) {
	n := int64(0)
	for r := range lineRuns(p.section(entryEvents)) {
		for _, line := range r.lines {
			if n++; !yield(line, nil) {
				return
			}
		}
		if r.err != nil {
			yield(nil, atLine(n, r.err))
		}
	}
}

// atLine adds the number of a line, counted from 0, to an error.
func atLine(n int64, err error) error {
	if err != nil {
		err = fmt.Errorf("line %d: %w", n+1, err)
	}
	return err
}

// Events returns the events of a pack of gait's own format. Those of a job pack are
// decoded and otherwise unchecked; those of a range pack are checked against its tiles.
// Call Verify first: nothing is verified here. Errors are those of Open and of the
// events.
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
		return nil, finding.AsFormat(err)
	}
	root, err := ledger.ParseHash(e.Root)
	return ledger.TileLog{Coverage: cover, Checkpoint: ledger.Checkpoint{Origin: e.Origin, Size: e.Size, Root: root}, Read: p.tile}.Events(), err
}
