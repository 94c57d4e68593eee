package gate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"gait/ledger"
	"gait/projection"
)

// MaxCases bounds a file of test cases, in bytes.
const MaxCases = 4 << 20

// A Suite is a file of test cases of a policy.
type Suite struct {
	Name   string `json:"-"`                // of the file
	Policy string `json:"policy,omitempty"` // file with the policy, as seen from the suite's directory; "": the caller says
	Cases  []Case `json:"cases"`
}

// A Case is an intent and facts, and what the gate has to answer.
type Case struct {
	Name        string          `json:"name"`
	Intent      json.RawMessage `json:"intent"`
	Actor       string          `json:"actor,omitempty"`  // default: worker_1
	Proven      bool            `json:"proven,omitempty"` // a key in force signed
	Roles       []ledger.Role   `json:"roles,omitempty"`  // of the actor, who is proven then
	Job         CaseJob         `json:"job,omitzero"`
	Environment CaseEnvironment `json:"environment,omitzero"`
	Time        time.Time       `json:"time,omitzero"`    // default: 2026-01-01T12:00:00Z
	Cleared     bool            `json:"cleared,omitzero"` // the intent was approved
	Expect      Expectation     `json:"expect"`
}

// A CaseJob is the job of a case. It runs, unless the case says otherwise.
type CaseJob struct {
	ID          string            `json:"id,omitempty"` // default: job_1
	Status      projection.Status `json:"status,omitempty"`
	Labels      map[string]string `json:"labels,omitempty"`
	Identity    string            `json:"identity,omitempty"`
	PolicyRef   string            `json:"policy_ref,omitempty"`
	Environment string            `json:"environment_fingerprint,omitempty"`
	SubmittedBy string            `json:"submitted_by,omitempty"`
	Checkpoints int64             `json:"checkpoints,omitempty"`
	Approvals   int64             `json:"approvals,omitempty"`
	Refusals    int64             `json:"refusals,omitempty"`
	Allows      int64             `json:"allows,omitempty"`
	Blocks      int64             `json:"blocks,omitempty"`
	OpenGrants  int               `json:"open_grants,omitempty"`
}

// CaseEnvironment is what the worker of a case says.
type CaseEnvironment struct {
	Fingerprint string `json:"fingerprint,omitempty"`
	NotDoneExit int64  `json:"not_done_exit,omitempty"`
}

// An Expectation is what the gate has to answer.
type Expectation struct {
	Verdict      ledger.GateVerdict `json:"verdict"`
	ReasonCode   string             `json:"reason_code,omitempty"`   // "": any
	DeterminedBy []string           `json:"determined_by,omitempty"` // in any order; none: any
}

// A CaseResult says whether the gate answered as a case expects.
type CaseResult struct {
	Suite, Name string
	Decision    Decision
	Problem     string // "": it did
}

// LoadCases reads the files in a directory whose names end in .json, by name.
func LoadCases(dir fs.FS) ([]Suite, error) {
	files, err := fs.Glob(dir, "*.json")
	if err != nil {
		return nil, err
	}
	suites := make([]Suite, len(files))
	for i, file := range files {
		info, err := fs.Stat(dir, file)
		if err == nil && info.Size() > MaxCases {
			err = fmt.Errorf("it has %d bytes, more than %d", info.Size(), MaxCases)
		}
		var b []byte
		if err == nil {
			b, err = fs.ReadFile(dir, file)
		}
		if err == nil {
			suites[i], err = ParseSuite(b)
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", file, err)
		}
		suites[i].Name = strings.TrimSuffix(path.Base(file), ".json")
	}
	return suites, nil
}

// ParseSuite reads a file of test cases. It refuses members of other names, so that a case
// cannot pass because a fact of it is misspelt, and a case that expects nothing.
func ParseSuite(b []byte) (s Suite, err error) {
	if !jsontext.Value(b).IsValid() { // also refuses a member that is there twice
		return s, fmt.Errorf("it is not valid JSON, or an object has a member twice")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return s, err
	}
	if len(s.Cases) == 0 {
		return s, fmt.Errorf("it has no cases")
	}
	names := map[string]bool{}
	for _, c := range s.Cases {
		switch {
		case c.Name == "":
			return s, fmt.Errorf("a case has no name")
		case names[c.Name]:
			return s, fmt.Errorf("two cases are named %.80q", c.Name)
		case !slices.Contains(ledger.GateVerdicts, c.Expect.Verdict):
			return s, fmt.Errorf("case %.80q expects the verdict %.80q, which is none", c.Name, c.Expect.Verdict)
		case c.Intent == nil:
			return s, fmt.Errorf("case %.80q has no intent", c.Name)
		case c.Job.Status != "" && !slices.Contains(projection.Statuses, c.Job.Status):
			return s, fmt.Errorf("case %.80q: a job is never %.80q", c.Name, c.Job.Status)
		case c.Job.OpenGrants < 0 || c.Job.OpenGrants > ledger.MaxOpenGrants:
			return s, fmt.Errorf("case %.80q: a job has 0 to %d open grants", c.Name, ledger.MaxOpenGrants)
		}
		for _, role := range c.Roles {
			if !slices.Contains(ledger.Roles, role) {
				return s, fmt.Errorf("case %.80q: there is no role %.80q", c.Name, role)
			}
		}
		names[c.Name] = true
	}
	return s, nil
}

// RunCases asks the gate each case of a suite.
func RunCases(policy *Policy, s Suite) []CaseResult {
	results := make([]CaseResult, len(s.Cases))
	for i, c := range s.Cases {
		d := Evaluate(c.Input(policy))
		results[i] = CaseResult{Suite: s.Name, Name: c.Name, Decision: d, Problem: c.Expect.problem(d)}
	}
	return results
}

// problem says how a decision is not what is expected.
func (e Expectation) problem(d Decision) string {
	want := slices.Sorted(slices.Values(e.DeterminedBy))
	switch {
	case d.Verdict != e.Verdict:
		return fmt.Sprintf("the gate says %s (%s: %s), not %s", d.Verdict, d.ReasonCode, d.Detail, e.Verdict)
	case e.ReasonCode != "" && d.ReasonCode != e.ReasonCode:
		return fmt.Sprintf("the reason is %s (%s), not %s", d.ReasonCode, d.Detail, e.ReasonCode)
	case len(want) > 0 && !slices.Equal(want, d.DeterminedBy):
		return fmt.Sprintf("it was determined by [%s], not [%s]", strings.Join(d.DeterminedBy, " "), strings.Join(want, " "))
	}
	return ""
}
