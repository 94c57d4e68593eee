package packspec

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"gait/ledger"
	"gait/projection"
)

// A v1Record is a line of proof_records.jsonl, as far as it is looked at: which
// entry it is of, and how it is chained to the one before.
type v1Record struct {
	Event struct {
		Path      string `json:"entry_path"`
		SHA256    string `json:"entry_sha256"`
		Size      int64  `json:"entry_size_bytes"`
		PackType  string `json:"pack_type"`
		SourceRef string `json:"source_ref"`
	} `json:"event"`
	Integrity v1Integrity `json:"integrity"`
}

type v1Integrity struct {
	Previous  string `json:"previous_record_hash"`
	Hash      string `json:"record_hash"`
	KeyID     string `json:"signing_key_id"`
	Signature string `json:"signature"`
}

// checkRecords holds proof_records.jsonl, where there is one, to the entries: a
// record for each but itself and the manifest, in order, each with the hash of
// the record before. A record that a trusted key is said to have signed must be
// signed by it. Returns how many there are.
func (p *v1Pack) checkRecords(trusted []TrustedKey) (int, error) {
	if !p.has(entryRecords) {
		return 0, nil
	}
	b, err := p.read(entryRecords)
	if err != nil {
		return 0, err
	}
	lines := bytes.Split(bytes.TrimSuffix(b, []byte("\n")), []byte("\n"))
	bad := func(i int, what, want, got string) error {
		return differs(LevelCanonical, CodeRecord, entryRecords, fmt.Sprintf("record %d: %s", i+1, what), quote(want), quote(got))
	}
	at, previous := 0, ""
	for _, e := range p.entries {
		if e.name == entryManifest || e.name == entryRecords {
			continue
		}
		if at >= len(lines) {
			return 0, bad(at, "missing", e.name, "")
		}
		r, hash, err := parseV1Record(lines[at])
		if err != nil {
			return 0, failure(LevelCanonical, CodeRecord, entryRecords, "record %d: %s", at+1, err)
		}
		for _, c := range [][3]string{
			{"entry_path", e.name, r.Event.Path}, {"entry_sha256", e.sum.String(), r.Event.SHA256},
			{"entry_size_bytes", fmt.Sprint(e.size), fmt.Sprint(r.Event.Size)}, {"pack_type", p.manifest.PackType, r.Event.PackType},
			{"source_ref", p.manifest.SourceRef, r.Event.SourceRef}, {"previous_record_hash", previous, r.Integrity.Previous},
			{"record_hash", hash, r.Integrity.Hash},
		} {
			if c[1] != c[2] {
				return 0, bad(at, c[0], c[1], c[2])
			}
		}
		if !r.signed(trusted) {
			return 0, bad(at, "signature", "one by "+r.Integrity.KeyID, r.Integrity.Signature)
		}
		previous, at = hash, at+1
	}
	if at < len(lines) {
		return 0, bad(at, "one too many", "", string(lines[at]))
	}
	return at, nil
}

// parseV1Record reads a record and returns the hash that it must have: that of
// the canonical record whose integrity holds the hash before and nothing else.
func parseV1Record(line []byte) (r v1Record, hash string, err error) {
	if again, err := projection.Recode(line); err != nil || !bytes.Equal(again, line) {
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
	b, err := projection.Canonical(whole)
	if err != nil {
		return r, "", err
	}
	return r, "sha256:" + ledger.Hash(sha256.Sum256(b)).String(), nil
}

// signed reports whether no trusted key contradicts the record's signature.
func (r v1Record) signed(trusted []TrustedKey) bool {
	_, key, ok := anyOrigin(trusted, r.Integrity.KeyID)
	if !ok {
		return true
	}
	text, ok := strings.CutPrefix(r.Integrity.Signature, "base64:")
	sig, err := base64.StdEncoding.Strict().DecodeString(text)
	return ok && err == nil && key.Verify([]byte(r.Integrity.Hash), sig)
}
