package v1

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"gait/ledger"
	"gait/ledger/jcs"
	"gait/packspec/container"
	"gait/packspec/finding"
)

// A KeyByID returns the trusted key with this id, the SHA-256 of its public key bytes,
// if there is one.
type KeyByID func(id string) (ledger.VerifierKey, bool)

// A record is a line of proof_records.jsonl, with only the fields that are checked:
// those about its entry, and those that chain it to the record before.
type record struct {
	Event struct {
		Path      string `json:"entry_path"`
		SHA256    string `json:"entry_sha256"`
		Size      int64  `json:"entry_size_bytes"`
		PackType  string `json:"pack_type"`
		SourceRef string `json:"source_ref"`
	} `json:"event"`
	Integrity integrity `json:"integrity"`
}

type integrity struct {
	Previous  string `json:"previous_record_hash"`
	Hash      string `json:"record_hash"`
	KeyID     string `json:"signing_key_id"`
	Signature string `json:"signature"`
}

// CheckRecords checks proof_records.jsonl, if the pack has it, against the entries. It
// must have a record for each entry except itself and the manifest, in order, each with
// the hash of the record before. If a record names a trusted key as its signer, its
// signature must hold. CheckRecords returns the number of records.
func (p *Pack) CheckRecords(keys KeyByID) (int, error) {
	if !p.has(recordsEntry) {
		return 0, nil
	}
	b, err := p.read(recordsEntry)
	if err != nil {
		return 0, err
	}
	lines := bytes.Split(bytes.TrimSuffix(b, []byte("\n")), []byte("\n"))
	bad := func(i int, what, want, got string) error {
		return finding.Differs(finding.LevelCanonical, finding.CodeRecord, recordsEntry, fmt.Sprintf("record %d: %s", i+1, what), finding.Quote(want), finding.Quote(got))
	}
	at, previous := 0, ""
	for _, e := range p.entries {
		if e.name == container.ManifestEntry || e.name == recordsEntry {
			continue
		}
		if at >= len(lines) {
			return 0, bad(at, "missing", e.name, "")
		}
		r, hash, err := parseRecord(lines[at])
		if err != nil {
			return 0, finding.Failf(finding.LevelCanonical, finding.CodeRecord, recordsEntry, "record %d: %s", at+1, err)
		}
		for _, c := range [][3]string{
			{"entry_path", e.name, r.Event.Path},
			{"entry_sha256", e.sum.String(), r.Event.SHA256},
			{"entry_size_bytes", fmt.Sprint(e.size), fmt.Sprint(r.Event.Size)},
			{"pack_type", p.Manifest.PackType, r.Event.PackType},
			{"source_ref", p.Manifest.SourceRef, r.Event.SourceRef},
			{"previous_record_hash", previous, r.Integrity.Previous},
			{"record_hash", hash, r.Integrity.Hash},
		} {
			if c[1] != c[2] {
				return 0, bad(at, c[0], c[1], c[2])
			}
		}
		if !r.signed(keys) {
			return 0, bad(at, "signature", "one by "+r.Integrity.KeyID, r.Integrity.Signature)
		}
		previous, at = hash, at+1
	}
	if at < len(lines) {
		return 0, bad(at, "one too many", "", string(lines[at]))
	}
	return at, nil
}

// parseRecord reads a record and returns the hash that it must have: that of the
// canonical record with only previous_record_hash in its integrity.
func parseRecord(line []byte) (r record, hash string, err error) {
	if again, err := jcs.Recode(line); err != nil || !bytes.Equal(again, line) {
		return r, "", fmt.Errorf("it is not canonical JSON")
	}
	var whole map[string]any
	if err := json.Unmarshal(line, &whole); err != nil {
		return r, "", fmt.Errorf("it does not read: %w", err)
	}
	if err := json.Unmarshal(line, &r); err != nil {
		return r, "", fmt.Errorf("it does not read: %w", err)
	}
	whole["integrity"] = map[string]string{"previous_record_hash": r.Integrity.Previous}
	b, err := jcs.Marshal(whole)
	if err != nil {
		return r, "", err
	}
	return r, "sha256:" + ledger.Hash(sha256.Sum256(b)).String(), nil
}

// signed returns false if the record names a trusted key and its signature does not
// hold under that key.
func (r record) signed(keys KeyByID) bool {
	key, ok := keys(r.Integrity.KeyID)
	if !ok {
		return true
	}
	text, ok := strings.CutPrefix(r.Integrity.Signature, "base64:")
	sig, err := base64.StdEncoding.Strict().DecodeString(text)
	return ok && err == nil && key.Verify([]byte(r.Integrity.Hash), sig)
}
