package packspec

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"gait/ledger"
	"gait/projection"
)

// What every manifest of this version says of itself.
const (
	ManifestSchemaID      = "gait.pack.manifest"
	ManifestSchemaVersion = "1.0.0"
	ProducerVersion       = producerPrefix + "1" // the pack format, not the build: bytes depend on the ledger alone
	TypeJob               = "job"
)

// producerPrefix begins the producer_version of every pack of gait, and of no other.
const producerPrefix = "gait-pack/"

// How large a manifest may be: a range pack lists each of its tiles.
const (
	maxManifest    = 4 << 20
	maxJobManifest = 64 << 10
)

// A Manifest lists what a pack holds, each with its digest, and is signed.
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

// A Signature is one over a manifest's digest.
type Signature struct {
	Alg          string `json:"alg"`           // ed25519
	KeyID        string `json:"key_id"`        // SHA-256 of the 32 public key bytes
	Sig          string `json:"sig"`           // base64
	SignedDigest string `json:"signed_digest"` // digest of the manifest without signatures
}

const algEd25519 = "ed25519"

// newManifest returns the unsigned manifest of a pack with these entries.
func newManifest(packType, ref, createdAt string, entries []entry) (Manifest, error) {
	m := Manifest{SchemaID: ManifestSchemaID, SchemaVersion: ManifestSchemaVersion, CreatedAt: createdAt,
		ProducerVersion: ProducerVersion, PackType: packType, SourceRef: ref, Contents: []Content{}}
	for _, e := range entries {
		if e.name != entryManifest {
			m.Contents = append(m.Contents, Content{Path: e.name, SHA256: e.sum.String(), Type: contentType(e.name)})
		}
	}
	id, err := m.id()
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

// id is the digest that names the pack, whoever signs it.
func (m Manifest) id() (ledger.Hash, error) {
	m.PackID, m.Signatures = "", nil
	return digestOf(m)
}

// digest is what signatures are over.
func (m Manifest) digest() (ledger.Hash, error) {
	m.Signatures = nil
	return digestOf(m)
}

func digestOf(m Manifest) (ledger.Hash, error) {
	b, err := projection.Canonical(m)
	return sha256.Sum256(b), err
}

// sign returns m with one signature, by the ledger's key.
func (m Manifest) sign(s ledger.Signer) (Manifest, error) {
	digest, err := m.digest()
	if err != nil {
		return Manifest{}, err
	}
	sig, err := s.Sign(digest[:])
	if err != nil {
		return Manifest{}, fmt.Errorf("signing the manifest: %w", err)
	}
	m.Signatures = []Signature{{Alg: algEd25519, KeyID: s.VerifierKey().ID().String(),
		Sig: base64.StdEncoding.EncodeToString(sig), SignedDigest: digest.String()}}
	return m, nil
}

// parseManifest reads a manifest in canonical form. It fails with a *Failure,
// or wraps ledger.ErrUnsupportedVersion.
func parseManifest(b []byte) (Manifest, error) {
	if err := checkVersion(b); err != nil {
		return Manifest{}, err
	}
	var m Manifest
	if err := parseCanonical(b, &m); err != nil {
		return Manifest{}, failure(LevelContainer, CodeManifest, entryManifest, "%s", err)
	}
	if problem := m.check(); problem != "" {
		return Manifest{}, failure(LevelContainer, CodeManifest, entryManifest, "%s", problem)
	}
	id, err := m.id()
	if err != nil {
		return Manifest{}, err
	}
	if m.PackID != id.String() {
		return Manifest{}, differs(LevelContainer, CodeManifest, entryManifest, "pack_id is not the manifest's", id.String(), quote(m.PackID))
	}
	return m, nil
}

// parseCanonical reads a JSON value that is written as v would be.
func parseCanonical(b []byte, v any) error {
	if crowded(b) {
		return fmt.Errorf("it has more values than its fields have room for")
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("it does not read: %w", err)
	}
	again, err := projection.Canonical(v)
	if err != nil {
		return err
	}
	if !bytes.Equal(again, b) {
		return fmt.Errorf("it is not canonical JSON of exactly its fields")
	}
	return nil
}

// crowded reports whether a large document holds more values than any that is
// genuine: an empty value takes far more memory than text. Nothing that packs
// hold has one in a dozen bytes.
func crowded(b []byte) bool {
	const small, room = 64 << 10, 12
	if len(b) <= small {
		return false
	}
	values, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ',' || c == '{' || c == '['):
			values++
		}
	}
	return values > len(b)/room
}

var (
	versionForm  = regexp.MustCompile(`^(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})$`)
	packTypeForm = regexp.MustCompile(`^[a-z][a-z_]{0,31}$`)
)

// checkVersion tells a manifest of another version, or of a type of pack that
// this version does not know, from one that is malformed.
func checkVersion(b []byte) error {
	var probe struct {
		SchemaID      string `json:"schema_id"`
		SchemaVersion string `json:"schema_version"`
		PackType      string `json:"pack_type"`
	}
	if json.Unmarshal(b, &probe) != nil || probe.SchemaID != ManifestSchemaID {
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

// check returns what is wrong with the fields, or "".
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
	if len(m.Contents) > maxEntries {
		return fmt.Sprintf("%d contents, at most %d", len(m.Contents), maxEntries)
	}
	for i, c := range m.Contents {
		if problem := checkName(c.Path); problem != "" {
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
