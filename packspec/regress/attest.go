package regress

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"golang.org/x/mod/sumdb/dirhash"

	"gait/ledger"
	"gait/projection"
)

// The types by which an attestation goes.
const (
	statementType = "https://in-toto.io/Statement/v1"
	predicateType = "https://in-toto.io/attestation/test-result/v0.1"
	payloadType   = "application/vnd.in-toto+json"
)

// A Resource is an artifact by its digests, an in-toto ResourceDescriptor v1.
type Resource struct {
	Name    string            `json:"name"`
	Digest  map[string]string `json:"digest"`            // by algorithm, in lower-case hex
	Content []byte            `json:"content,omitempty"` // what the digest is of, where that is small
}

// A TestResult is the predicate test-result v0.1 of in-toto: what a run of tests
// came to. Tests go by "<fixture>/<comparison>".
type TestResult struct {
	Result        string     `json:"result"`        // PASSED or FAILED
	Configuration []Resource `json:"configuration"` // the fixtures
	Passed        []string   `json:"passedTests"`
	Failed        []string   `json:"failedTests"`
}

// Add says what a test came to: one that failed makes the result FAILED.
func (r *TestResult) Add(test string, passed bool) {
	if passed {
		r.Passed = append(r.Passed, test)
		return
	}
	r.Failed, r.Result = append(r.Failed, test), "FAILED"
}

// A statement is an in-toto Statement v1.
type statement struct {
	Type          string     `json:"_type"`
	Subject       []Resource `json:"subject"`
	PredicateType string     `json:"predicateType"`
	Predicate     TestResult `json:"predicate"`
}

// An envelope is a DSSE envelope, version 1.
type envelope struct {
	PayloadType string              `json:"payloadType"`
	Payload     string              `json:"payload"` // base64
	Signatures  []envelopeSignature `json:"signatures"`
}

type envelopeSignature struct {
	KeyID string `json:"keyid"` // SHA-256 of the 32 public key bytes, in hex
	Sig   string `json:"sig"`   // base64
}

// Attest returns the in-toto Statement that tests of the subjects had a result, in a
// DSSE envelope with a signature by an Ed25519 key. What is signed begins with
// "DSSEv1 ", which no checkpoint and no manifest's digest does.
func Attest(subject []Resource, result TestResult, by ledger.Signer) ([]byte, error) {
	payload, err := projection.Canonical(statement{statementType, subject, predicateType, result})
	if err != nil {
		return nil, fmt.Errorf("attesting: %w", err)
	}
	sig, err := by.Sign(fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(payload), payload))
	if err != nil {
		return nil, fmt.Errorf("signing the attestation: %w", err)
	}
	b, err := json.Marshal(envelope{payloadType, base64.StdEncoding.EncodeToString(payload),
		[]envelopeSignature{{by.VerifierKey().ID().String(), base64.StdEncoding.EncodeToString(sig)}}})
	return append(b, '\n'), err
}

// Resource returns the fixture as what a test was configured with: its digest is
// Go's Hash1 over regress.yaml, pack.zip and all of expect/.
func (f *Fixture) Resource(name string) (Resource, error) {
	names, err := f.expected()
	if err != nil {
		return Resource{}, err
	}
	h1, err := dirhash.Hash1(append(names, ConfigFile, PackFile), func(name string) (io.ReadCloser, error) {
		if err := plainFile(f.dir, name); err != nil {
			return nil, err
		}
		return f.dir.Open(name)
	})
	if err != nil {
		return Resource{}, fmt.Errorf("digest of the fixture: %w", err)
	}
	sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(h1, "h1:"))
	return Resource{Name: name, Digest: map[string]string{"dirHash": hex.EncodeToString(sum)}}, err
}
