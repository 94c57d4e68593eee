package main

import (
	"crypto/sha256"
	"encoding/hex"

	"gait/packspec/regress"
)

// What became of a fixture.
const (
	statusPass        = "pass"
	statusRegression  = "regression"
	statusBadFixture  = "bad_fixture"
	statusNotVerified = "not_verified"
)

// A fixtureResult is the result of one fixture.
type fixtureResult struct {
	Name        string               `json:"name"`
	Why         string               `json:"why,omitempty"`
	Status      string               `json:"status"`
	Error       string               `json:"error,omitempty"`
	Comparisons []regress.Comparison `json:"comparisons"`
	JobID       string               `json:"job_id,omitempty"`    // the recorded job
	Candidate   string               `json:"candidate,omitempty"` // the job compared with it
	Ignored     []string             `json:"ignored,omitempty"`   // what may differ, in addition to what is masked
	Unused      []string             `json:"unused,omitempty"`    // the part of Ignored that matches nothing
	Note        string               `json:"note,omitempty"`      // a remark on the comparison
	path        string
	resource    regress.Resource // the fixture, for an attestation
	code        string           // the code of the finding.Failure, if it does not verify
}

// without returns the result of a fixture whose candidate cannot be compared.
func (r fixtureResult) without(err error) fixtureResult {
	r.Status, r.Error = statusRegression, "the candidate: "+err.Error()
	return r
}

func (r fixtureResult) bad(err error) fixtureResult {
	r.Status, r.Error = statusBadFixture, err.Error()
	return r
}

// A regressRun holds the results of all fixtures.
type regressRun struct {
	results []fixtureResult
	subject []regress.Resource // the candidate, if there was one
}

// resource names an artifact and the digest of its bytes.
func resource(name string, text []byte) regress.Resource {
	sum := sha256.Sum256(text)
	return regress.Resource{Name: name, Digest: map[string]string{"sha256": hex.EncodeToString(sum[:])}}
}

// lines says what is wrong with a result: a line for each comparison that failed.
func (r fixtureResult) lines() (lines []string) {
	if r.Error != "" {
		return []string{r.Error}
	}
	for _, c := range r.Comparisons {
		if c.Divergence != nil {
			lines = append(lines, c.Name+": "+c.Divergence.String())
		}
	}
	return lines
}
