package packspec

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
	"gait/projection"
)

// entryRecords is what later producers of PackSpec v1 add: a list of the other
// entries, each record naming the hash of the one before.
const entryRecords = "proof_records.jsonl"

// A v1Pack is an open pack of PackSpec v1: its container is sound, and its
// entries are those its manifest lists.
type v1Pack struct {
	r        io.ReaderAt
	entries  []v1Entry
	manifest Manifest
}

// isV1 reports whether a file is a pack of PackSpec v1 by a producer other than
// gait: one that says so, and holds nothing that only packs of gait hold. A pack
// of gait that lost its evidence is none: its manifest names its producer.
func isV1(r io.ReaderAt, size int64) (bool, error) {
	entries, err := readV1Directory(r, size)
	if _, bad := errors.AsType[*FormatError](err); bad {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, e := range entries {
		if slices.Contains(jobNames(0, layerEvidence, layerText), e.name) {
			return false, nil
		}
	}
	p := &v1Pack{r: r, entries: entries}
	if !p.has(entryManifest) {
		return false, nil
	}
	b, err := p.read(entryManifest)
	if _, broken := flateError(err); broken {
		return true, nil // which opening it will say
	}
	if err != nil {
		return false, err
	}
	var probe struct {
		ProducerVersion string `json:"producer_version"`
	}
	if json.Unmarshal(b, &probe) != nil {
		return false, nil
	}
	return !strings.HasPrefix(probe.ProducerVersion, producerPrefix), nil
}

// flateError reports whether err says that deflated content is broken.
func flateError(err error) (error, bool) {
	_, corrupt := errors.AsType[flate.CorruptInputError](err)
	return err, corrupt || errors.Is(err, io.ErrUnexpectedEOF)
}

// openV1 reads the container. It fails with a *FormatError, with
// ledger.ErrUnsupportedVersion, and with the reader's own errors.
func openV1(r io.ReaderAt, size int64) (*v1Pack, error) {
	entries, err := readV1Directory(r, size)
	if err != nil {
		return nil, err
	}
	for i := range entries {
		if err := entries[i].digest(r); err != nil {
			return nil, err
		}
	}
	p := &v1Pack{r: r, entries: entries}
	for _, name := range jobNames(0, layerViews) {
		if !p.has(name) {
			return nil, &FormatError{*failure(LevelContainer, CodeEntries, name, "the pack has no such entry")}
		}
	}
	b, err := p.read(entryManifest)
	if err != nil {
		return nil, err
	}
	if p.manifest, err = parseV1Manifest(b); err != nil {
		return nil, asFormat(err)
	}
	sums := make([]entry, len(entries))
	for i, e := range entries {
		sums[i] = e.entry
	}
	return p, asFormat(checkContents(p.manifest.Contents, sums))
}

func (p *v1Pack) index(name string) int {
	return slices.IndexFunc(p.entries, func(e v1Entry) bool { return e.name == name })
}

func (p *v1Pack) has(name string) bool { return p.index(name) >= 0 }

// open returns the content of an entry that is there.
func (p *v1Pack) open(name string) io.Reader {
	e := p.entries[p.index(name)]
	return io.LimitReader(e.open(p.r), e.size)
}

// read returns the content of an entry that has a small limit.
func (p *v1Pack) read(name string) ([]byte, error) {
	b, err := io.ReadAll(p.open(name))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return b, nil
}

// parseV1Manifest reads a manifest as PackSpec v1 has it. What differs from
// ours: times have any number of decimals, any producer, other types of entry,
// and pack_id is the digest of the manifest with an empty pack_id in it.
func parseV1Manifest(b []byte) (Manifest, error) {
	if err := checkVersion(b); err != nil {
		return Manifest{}, err
	}
	var m Manifest
	bad := func(format string, args ...any) (Manifest, error) {
		return Manifest{}, failure(LevelContainer, CodeManifest, entryManifest, format, args...)
	}
	if err := parseCanonical(b, &m); err != nil {
		return bad("%s", err)
	}
	if m.SchemaID != ManifestSchemaID || m.SchemaVersion != ManifestSchemaVersion || m.PackType != TypeJob || m.ProducerVersion == "" {
		return bad("%.60q %.20q of type %.20q is not a job pack's manifest", m.SchemaID, m.SchemaVersion, m.PackType)
	}
	if err := checkV1Time(m.CreatedAt); err != nil {
		return bad("created_at: %s", err)
	}
	if err := ledger.FieldJobID.Check(m.SourceRef); err != nil {
		return bad("source_ref: %s", err)
	}
	for i, c := range m.Contents {
		_, err := ledger.ParseHash(c.SHA256)
		if problem := checkName(c.Path); problem != "" || err != nil || !typeForm.MatchString(c.Type) {
			return bad("contents: %.60q has no digest, no type, or no name: %s", c.Path, problem)
		}
		if i > 0 && m.Contents[i-1].Path >= c.Path {
			return bad("contents are not in order of path, each once")
		}
	}
	id, err := v1ID(m)
	if err == nil && m.PackID != id.String() {
		err = differs(LevelContainer, CodeManifest, entryManifest, "pack_id is not the manifest's", id.String(), quote(m.PackID))
	}
	return m, err
}

var typeForm = regexp.MustCompile(`^[a-z]{1,16}$`)

// v1ID is the digest that names the pack: of the canonical manifest without
// signatures and with an empty pack_id.
func v1ID(m Manifest) (ledger.Hash, error) {
	m.Signatures = nil
	b, err := projection.Canonical(struct {
		Manifest
		PackID string `json:"pack_id"`
	}{Manifest: m})
	return sha256.Sum256(b), err
}

// checkV1Time takes a time as PackSpec v1 spells it: RFC 3339, UTC, up to nine
// decimals and no zeros at the end of them.
func checkV1Time(s string) error {
	_, err := parseV1Time(s)
	return err
}

func parseV1Time(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil || t.Format(time.RFC3339Nano) != s || !strings.HasSuffix(s, "Z") || t.Year() < 1 || t.IsZero() {
		return time.Time{}, fmt.Errorf("%.40q is not a UTC time of RFC 3339", s)
	}
	return t.UTC(), nil
}
