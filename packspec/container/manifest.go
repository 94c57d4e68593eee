// Package container has the outer parts that packs of gait and of PackSpec v1 share:
// parts of a zip file, names of entries, the manifest, and the reading of canonical JSON
// and of lines. The headers and the end of a zip are also those of backups.
package container

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"gait/ledger"
	"gait/ledger/jcs"
	"gait/packspec/finding"
)

// Values that every manifest of this version has.
const (
	ManifestSchemaID      = "gait.pack.manifest"
	ManifestSchemaVersion = "1.0.0"
	ProducerVersion       = ProducerPrefix + "1" // the pack format, not the build: bytes depend on the ledger alone
	TypeJob               = "job"
	TypeRange             = "range"
)

// ProducerPrefix begins the producer_version of packs of gait, and of no other packs.
const ProducerPrefix = "gait-pack/"

// The largest manifests. A range pack's is larger, since it lists each tile.
const (
	MaxManifest    = 4 << 20
	MaxJobManifest = 64 << 10
)

// A Manifest lists a pack's entries with their digests. It is signed.
type Manifest struct {
	SchemaID        string      `json:"schema_id"`
	SchemaVersion   string      `json:"schema_version"`
	CreatedAt       string      `json:"created_at"` // time of the job's last event
	ProducerVersion string      `json:"producer_version"`
	PackID          string      `json:"pack_id,omitempty"` // digest of the manifest without this and the signatures
	PackType        string      `json:"pack_type"`
	SourceRef       string      `json:"source_ref"` // the job's id, or the range: "0-255"
	Contents        []Content   `json:"contents"`   // every other entry, by path
	Signatures      []Signature `json:"signatures,omitzero"`
}

// A Content is one entry of a pack.
type Content struct {
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
	Type   string `json:"type"` // json, jsonl or blob
}

// A Signature is a signature over a manifest's digest.
type Signature struct {
	Alg          string `json:"alg"`           // ed25519
	KeyID        string `json:"key_id"`        // SHA-256 of the 32 public key bytes
	Sig          string `json:"sig"`           // base64
	SignedDigest string `json:"signed_digest"` // digest of the manifest without signatures
}

// AlgEd25519 is the only algorithm of signatures.
const AlgEd25519 = "ed25519"

// NewManifest returns the unsigned manifest of a pack with these entries.
func NewManifest(packType, ref, createdAt string, entries []Entry) (Manifest, error) {
	m := Manifest{
		SchemaID: ManifestSchemaID, SchemaVersion: ManifestSchemaVersion, CreatedAt: createdAt,
		ProducerVersion: ProducerVersion, PackType: packType, SourceRef: ref, Contents: []Content{},
	}
	for _, e := range entries {
		if e.Name != ManifestEntry {
			m.Contents = append(m.Contents, Content{Path: e.Name, SHA256: e.Sum.String(), Type: contentType(e.Name)})
		}
	}
	id, err := m.ID()
	m.PackID = id.String()
	return m, err
}

func contentType(name string) string {
	switch {
	case strings.HasSuffix(name, ".json"):
		return "json"
	case strings.HasSuffix(name, ".jsonl"):
		return "jsonl"
	}
	return "blob"
}

// ID returns the digest that names the pack. It does not depend on the signatures.
func (m Manifest) ID() (ledger.Hash, error) {
	m.PackID, m.Signatures = "", nil
	return digestOf(m)
}

// Digest returns the digest that signatures are over.
func (m Manifest) Digest() (ledger.Hash, error) {
	m.Signatures = nil
	return digestOf(m)
}

func digestOf(m Manifest) (ledger.Hash, error) {
	b, err := jcs.Marshal(m)
	return sha256.Sum256(b), err
}

// Sign returns m with one signature, by the ledger's key.
func (m Manifest) Sign(s ledger.Signer) (Manifest, error) {
	digest, err := m.Digest()
	if err != nil {
		return Manifest{}, err
	}
	sig, err := s.Sign(digest[:])
	if err != nil {
		return Manifest{}, fmt.Errorf("signing the manifest: %w", err)
	}
	m.Signatures = []Signature{{
		Alg: AlgEd25519, KeyID: s.VerifierKey().ID().String(),
		Sig: base64.StdEncoding.EncodeToString(sig), SignedDigest: digest.String(),
	}}
	return m, nil
}

// SignedSize returns the size of the canonical JSON of m once it is signed, which does
// not depend on digests and signature.
func (m Manifest) SignedSize() (int64, error) {
	m.Signatures = []Signature{{
		Alg: AlgEd25519, KeyID: ledger.Hash{}.String(),
		Sig: base64.StdEncoding.EncodeToString(make([]byte, ed25519.SignatureSize)), SignedDigest: ledger.Hash{}.String(),
	}}
	b, err := jcs.Marshal(m)
	return int64(len(b)), err
}

// ParseManifest reads a manifest of a pack of gait, in canonical form. It fails with a
// *finding.Failure or wraps ledger.ErrUnsupportedVersion.
func ParseManifest(b []byte) (Manifest, error) {
	if err := CheckVersion(b); err != nil {
		return Manifest{}, err
	}
	var m Manifest
	if err := ParseCanonical(b, &m); err != nil {
		return Manifest{}, finding.Failf(finding.LevelContainer, finding.CodeManifest, ManifestEntry, "%s", err)
	}
	if problem := m.check(); problem != "" {
		return Manifest{}, finding.Failf(finding.LevelContainer, finding.CodeManifest, ManifestEntry, "%s", problem)
	}
	id, err := m.ID()
	if err != nil {
		return Manifest{}, err
	}
	if m.PackID != id.String() {
		return Manifest{}, finding.Differs(finding.LevelContainer, finding.CodeManifest, ManifestEntry, "pack_id is not the manifest's", id.String(), finding.Quote(m.PackID))
	}
	return m, nil
}

var (
	versionForm  = regexp.MustCompile(`^(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})$`)
	packTypeForm = regexp.MustCompile(`^[a-z][a-z_]{0,31}$`)
)

// CheckVersion returns ledger.ErrUnsupportedVersion for a manifest of another version or
// of an unknown type of pack, so that it is not reported as malformed.
func CheckVersion(b []byte) error {
	var probe struct {
		SchemaID      string `json:"schema_id"`
		SchemaVersion string `json:"schema_version"`
		PackType      string `json:"pack_type"`
	}
	if json.Unmarshal(b, &probe) != nil {
		probe.SchemaID = "" // parsing the manifest reports the problem
	}
	if probe.SchemaID != ManifestSchemaID {
		return nil
	}
	if versionForm.MatchString(probe.SchemaVersion) && probe.SchemaVersion != ManifestSchemaVersion {
		return fmt.Errorf("a pack manifest of version %s: %w", probe.SchemaVersion, ledger.ErrUnsupportedVersion)
	}
	if packTypeForm.MatchString(probe.PackType) && probe.PackType != TypeJob && probe.PackType != TypeRange {
		return fmt.Errorf("a pack of type %s: %w", probe.PackType, ledger.ErrUnsupportedVersion)
	}
	return nil
}

// check returns what is wrong with the fields, or "" if nothing is.
func (m Manifest) check() string {
	if m.SchemaID != ManifestSchemaID || m.SchemaVersion != ManifestSchemaVersion || m.PackType != TypeJob && m.PackType != TypeRange {
		return fmt.Sprintf("%.60q %.20q of type %.20q is not a manifest of ours", m.SchemaID, m.SchemaVersion, m.PackType)
	}
	if _, err := ledger.ParseTime(m.CreatedAt); err != nil {
		return "created_at: " + err.Error()
	}
	if err := ledger.FieldJobID.Check(m.SourceRef); err != nil {
		return "source_ref: " + err.Error()
	}
	if len(m.Contents) > MaxEntries {
		return fmt.Sprintf("%d contents, at most %d", len(m.Contents), MaxEntries)
	}
	for i, c := range m.Contents {
		if problem := CheckName(c.Path); problem != "" {
			return "contents: " + problem
		}
		if i > 0 && m.Contents[i-1].Path >= c.Path {
			return "contents are not in order of path, each once"
		}
		if _, err := ledger.ParseHash(c.SHA256); err != nil || c.Type != contentType(c.Path) {
			return fmt.Sprintf("contents: %s has no digest, or not its type", c.Path)
		}
	}
	return ""
}

// CheckContents checks entries against the list in their manifest. Both are in order.
func CheckContents(listed []Content, entries []Entry) error {
	for _, e := range entries {
		if e.Name == ManifestEntry {
			continue
		}
		if len(listed) == 0 || listed[0].Path != e.Name {
			return finding.Failf(finding.LevelContainer, finding.CodeEntries, e.Name, "the manifest does not list it in its place")
		}
		if listed[0].SHA256 != e.Sum.String() {
			return finding.Differs(finding.LevelContainer, finding.CodeDigest, e.Name, "its SHA-256 is not the manifest's", listed[0].SHA256, e.Sum.String())
		}
		listed = listed[1:]
	}
	if len(listed) > 0 {
		return finding.Failf(finding.LevelContainer, finding.CodeEntries, listed[0].Path, "the manifest lists it and the pack does not hold it")
	}
	return nil
}
