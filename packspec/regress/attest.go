package regress

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"golang.org/x/mod/sumdb/dirhash"

	"gait/ledger"
	"gait/packspec/attest"
)

// predicateType is the type of the predicate of an attestation.
const predicateType = "https://in-toto.io/attestation/test-result/v0.1"

// A Resource names an artifact by its digests. It is an in-toto ResourceDescriptor v1.
type Resource struct {
	Name    string            `json:"name"`
	Digest  map[string]string `json:"digest"`            // by algorithm, in lower-case hex
	Content []byte            `json:"content,omitempty"` // the bytes that were digested, if they are few
}

// A TestResult is the predicate test-result v0.1 of in-toto: the result of a run of
// tests. A test is named "<fixture>/<comparison>".
type TestResult struct {
	Result        string     `json:"result"`        // PASSED or FAILED
	Configuration []Resource `json:"configuration"` // the fixtures
	Passed        []string   `json:"passedTests"`
	Failed        []string   `json:"failedTests"`
}

// Add adds the result of a test. One failed test makes the whole result FAILED.
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

// Attest returns an in-toto Statement with the result of tests of the subjects, in a DSSE
// envelope that an Ed25519 key signs.
func Attest(subject []Resource, result TestResult, by ledger.Signer) ([]byte, error) {
	return attest.Seal(statement{attest.StatementType, subject, predicateType, result}, by)
}

// Resource returns the fixture as part of a test's configuration. Its digest is Go's
// Hash1 over regress.yaml, pack.zip and all of expect/.
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
