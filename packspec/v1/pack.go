package v1

import (
	"compress/flate"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"

	"gait/ledger"
	"gait/ledger/jcs"
	"gait/packspec/container"
	"gait/packspec/finding"
)

// The entries that PackSpec v1 names, besides the manifest.
const (
	EventsEntry  = "job_events.jsonl"
	PayloadEntry = "job_payload.json"
	StateEntry   = "job_state.json"

	// recordsEntry is an addition of later producers: a list of the other entries, in
	// which each record has the hash of the one before.
	recordsEntry = "proof_records.jsonl"
)

// required are the entries that every pack has.
var required = []string{EventsEntry, PayloadEntry, StateEntry, container.ManifestEntry}

// A Pack is an open pack of PackSpec v1. Its container is well formed, and its entries
// are those that its manifest lists.
type Pack struct {
	Manifest container.Manifest
	r        io.ReaderAt
	entries  []entry
}

// Is reports whether a file is a pack of PackSpec v1 by a producer other than gait. Such
// a pack names another producer in its manifest and has no entry of ours, the names that
// only packs of gait have. A pack of gait that lost its evidence still names gait as its
// producer, so Is returns false for it.
func Is(r io.ReaderAt, size int64, ours []string) (bool, error) {
	entries, err := readDirectory(r, size)
	if _, bad := errors.AsType[*finding.FormatError](err); bad {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		if slices.Contains(ours, e.name) {
			return false, nil
		}
	}
	p := &Pack{r: r, entries: entries}
	if !p.has(container.ManifestEntry) {
		return false, nil
	}
	b, err := p.read(container.ManifestEntry)
	if _, broken := flateError(err); broken {
		return true, nil // Open reports that it is broken
	}
	if err != nil {
		return false, err
	}
	var probe struct {
		ProducerVersion string `json:"producer_version"`
	}
	return json.Unmarshal(b, &probe) == nil && !strings.HasPrefix(probe.ProducerVersion, container.ProducerPrefix), nil
}

// flateError reports whether err says that deflated content is broken.
func flateError(err error) (error, bool) {
	_, corrupt := errors.AsType[flate.CorruptInputError](err)
	return err, corrupt || errors.Is(err, io.ErrUnexpectedEOF)
}

// Open reads a pack's container. It calls accept once with the manifest and the sizes of
// the entries, before it reads any other entry: a small file can hold a large amount of
// data, and the manifest says who signed it. Errors: a *finding.FormatError if the file
// is not such a pack, that of accept, ledger.ErrUnsupportedVersion, and the reader's own.
func Open(r io.ReaderAt, size int64, accept func(*Pack) error) (*Pack, error) {
	entries, err := readDirectory(r, size)
	if err != nil {
		return nil, err
	}
	p := &Pack{r: r, entries: entries}
	for _, name := range required {
		if !p.has(name) {
			return nil, finding.AsFormat(finding.Failf(finding.LevelContainer, finding.CodeEntries, name, "the pack has no such entry"))
		}
	}
	if err := entries[p.index(container.ManifestEntry)].digest(r); err != nil {
		return nil, err
	}
	b, err := p.read(container.ManifestEntry)
	if err != nil {
		return nil, err
	}
	if p.Manifest, err = parseManifest(b); err != nil {
		return nil, finding.AsFormat(err)
	}
	if err := accept(p); err != nil {
		return nil, finding.AsFormat(err)
	}
	for i := range entries {
		if err := entries[i].digest(r); err != nil {
			return nil, err
		}
	}
	sums := make([]container.Entry, len(entries))
	for i, e := range entries {
		sums[i] = container.Entry{Name: e.name, Sum: e.sum}
	}
	return p, finding.AsFormat(container.CheckContents(p.Manifest.Contents, sums))
}

// Entries returns the number of entries, and of those that PackSpec v1 does not name.
func (p *Pack) Entries() (all, unknown int) {
	for _, e := range p.entries {
		if _, known := limits[e.name]; !known {
			unknown++
		}
	}
	return len(p.entries), unknown
}

// Total returns the size of all entries.
func (p *Pack) Total() (size int64) {
	for _, e := range p.entries {
		size += e.size
	}
	return size
}

// Size returns the size of an entry. It panics if there is no such entry.
func (p *Pack) Size(name string) int64 { return p.entries[p.index(name)].size }

func (p *Pack) index(name string) int {
	return slices.IndexFunc(p.entries, func(e entry) bool { return e.name == name })
}

func (p *Pack) has(name string) bool { return p.index(name) >= 0 }

// open returns the content of an entry. It panics if there is no such entry.
func (p *Pack) open(name string) io.Reader {
	e := p.entries[p.index(name)]
	return io.LimitReader(e.open(p.r), e.size)
}

// read returns the content of an entry. Its size limit must be small.
func (p *Pack) read(name string) ([]byte, error) {
	b, err := io.ReadAll(p.open(name))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return b, nil
}

// parseManifest reads a manifest of PackSpec v1. It differs from gait's: times have any
// number of decimals, producer and types of entries are free, and pack_id is the digest
// of the manifest with an empty pack_id.
func parseManifest(b []byte) (container.Manifest, error) {
	if err := container.CheckVersion(b); err != nil {
		return container.Manifest{}, err
	}
	var m container.Manifest
	bad := func(format string, args ...any) (container.Manifest, error) {
		return container.Manifest{}, finding.Failf(finding.LevelContainer, finding.CodeManifest, container.ManifestEntry, format, args...)
	}
	if err := container.ParseCanonical(b, &m); err != nil {
		return bad("%s", err)
	}
	if m.SchemaID != container.ManifestSchemaID || m.SchemaVersion != container.ManifestSchemaVersion || m.PackType != container.TypeJob || m.ProducerVersion == "" {
		return bad("%.60q %.20q of type %.20q is not a job pack's manifest", m.SchemaID, m.SchemaVersion, m.PackType)
	}
	if err := checkTime(m.CreatedAt); err != nil {
		return bad("created_at: %s", err)
	}
	if err := ledger.FieldJobID.Check(m.SourceRef); err != nil {
		return bad("source_ref: %s", err)
	}
	for i, c := range m.Contents {
		_, err := ledger.ParseHash(c.SHA256)
		if problem := container.CheckName(c.Path); problem != "" || err != nil || !typeForm.MatchString(c.Type) {
			return bad("contents: %.60q has no digest, no type, or no name: %s", c.Path, problem)
		}
		if i > 0 && m.Contents[i-1].Path >= c.Path {
			return bad("contents are not in order of path, each once")
		}
	}
	id, err := packID(m)
	if err == nil && m.PackID != id.String() {
		err = finding.Differs(finding.LevelContainer, finding.CodeManifest, container.ManifestEntry, "pack_id is not the manifest's", id.String(), finding.Quote(m.PackID))
	}
	return m, err
}

var typeForm = regexp.MustCompile(`^[a-z]{1,16}$`)

// packID returns the digest of the canonical manifest without signatures and with an
// empty pack_id.
func packID(m container.Manifest) (ledger.Hash, error) {
	m.Signatures = nil
	b, err := jcs.Marshal(struct {
		container.Manifest
		PackID string `json:"pack_id"`
	}{Manifest: m})
	return sha256.Sum256(b), err
}

// checkTime accepts a time as PackSpec v1 writes it: RFC 3339, UTC, with up to nine
// decimals and without trailing zeros.
func checkTime(s string) error {
	_, err := parseTime(s)
	return err
}

func parseTime(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || t.Format(time.RFC3339Nano) != s || !strings.HasSuffix(s, "Z") || t.Year() < 1 || t.IsZero() {
		return time.Time{}, fmt.Errorf("%.40q is not a UTC time of RFC 3339", s)
	}
	return t.UTC(), nil
}
