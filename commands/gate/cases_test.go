package gate_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"gait/commands/gate"
	"gait/ledger"
)

// The cases of each profile pass, and name each of its policies.
func TestProfiles(t *testing.T) {
	for _, name := range gate.ProfileNames {
		t.Run(name, func(t *testing.T) {
			profile, ok := gate.ProfileNamed(name)
			if !ok {
				t.Fatal("there is no such profile")
			}
			policy, err := gate.ParsePolicy(profile.Policy)
			if err != nil {
				t.Fatal(err)
			}
			suite, err := gate.ParseSuite(profile.Cases)
			if err != nil {
				t.Fatal(err)
			}
			named := map[string]bool{}
			for _, r := range gate.RunCases(policy, suite) {
				if r.Problem != "" {
					t.Errorf("%s: %s", r.Name, r.Problem)
				}
				for _, id := range r.Decision.DeterminedBy {
					named[id] = true
				}
			}
			for _, p := range gate.Check(profile.Policy, nil).Policies {
				if !named[p.ID] {
					t.Errorf("no case shows what policy %s does", p.ID)
				}
			}
		})
	}
	if _, ok := gate.ProfileNamed("../coding"); ok {
		t.Error("../coding is a profile")
	}
}

// A case that is not met says what the gate answered, and a file that could pass by mistake
// is refused.
func TestCases(t *testing.T) {
	policy, err := gate.ParsePolicy([]byte(allowAll))
	if err != nil {
		t.Fatal(err)
	}
	const head = `{"cases":[{"name":"a","intent":{"tool":"x","arguments":{}},`
	for expect, want := range map[string]string{
		`"expect":{"verdict":"allow"}}]}`:                                         "",
		`"expect":{"verdict":"allow","determined_by":["all"]}}]}`:                 "",
		`"expect":{"verdict":"block"}}]}`:                                         "the gate says allow",
		`"expect":{"verdict":"allow","reason_code":"approved"}}]}`:                "the reason is policy_permits",
		`"expect":{"verdict":"allow","determined_by":["other"]}}]}`:               "it was determined by [all], not [other]",
		`"job":{"status":"paused"},"expect":{"verdict":"allow"}}]}`:               "the gate says block (not_running",
		`"cleared":true,"expect":{"verdict":"allow","reason_code":"approved"}}]}`: "",
	} {
		suite, err := gate.ParseSuite([]byte(head + expect))
		if err != nil {
			t.Errorf("%s: %v", expect, err)
			continue
		}
		got := gate.RunCases(policy, suite)[0].Problem
		if want == "" && got != "" || !strings.HasPrefix(got, want) {
			t.Errorf("%s: problem %q, want %q", expect, got, want)
		}
	}
	for _, bad := range []string{
		`{"cases":[]}`, `{}`, `[]`, ``, `{"cases":[{"name":"a"}]}`, head + `"expect":{"verdict":"deny"}}]}`, head + `"expect":{"verdikt":"allow"}}]}`,
		head + `"job":{"label":{}},"expect":{"verdict":"allow"}}]}`, head + `"roles":["boss"],"expect":{"verdict":"allow"}}]}`,
		head + `"job":{"open_grants":65},"expect":{"verdict":"allow"}}]}`, head + `"job":{"status":"gone"},"expect":{"verdict":"allow"}}]}`,
		head + `"name":"b","expect":{"verdict":"allow"}}]}`, head + `"expect":{"verdict":"allow"}}]} x`,
	} {
		if _, err := gate.ParseSuite([]byte(bad)); err == nil {
			t.Errorf("ParseSuite(%s) takes it", bad)
		}
	}
	suites, err := gate.LoadCases(fstest.MapFS{"b.json": {Data: []byte(head + `"expect":{"verdict":"allow"}}]}`)}, "a.txt": {Data: []byte("x")}})
	if err != nil || len(suites) != 1 || suites[0].Name != "b" {
		t.Errorf("LoadCases = %v, %v", suites, err)
	}
	if _, err := gate.LoadCases(fstest.MapFS{"b.json": {Data: []byte("{")}}); err == nil || !strings.Contains(err.Error(), "b.json") {
		t.Errorf("LoadCases of a bad file: %v", err)
	}
}

// A case's actor, roles, environment and time are what the policy sees.
func TestCaseFacts(t *testing.T) {
	policy, err := gate.ParsePolicy([]byte(`permit (principal == Actor::"ann", action, resource) when {
		principal.proven && principal.roles.contains("operator") && principal in Role::"operator" && context.environment.fingerprint == "fp" &&
		context.time < datetime("2026-02-01") && context.job.labels.a == "b" && context.job.identity == "ann" && context.job.allows == 3 };`))
	if err != nil {
		t.Fatal(err)
	}
	const facts = `{"cases":[{"name":"a","intent":{"tool":"x","arguments":{}},"actor":"ann","roles":["operator"],"environment":{"fingerprint":"fp"},
		"time":"2026-01-05T00:00:00Z","job":{"labels":{"a":"b"},"identity":"ann","allows":3},"expect":{"verdict":"allow"}}]}`
	suite, err := gate.ParseSuite([]byte(facts))
	if err != nil {
		t.Fatal(err)
	}
	if r := gate.RunCases(policy, suite)[0]; r.Problem != "" {
		t.Error(r.Problem)
	}
	for _, change := range [][2]string{{`"ann","roles"`, `"bob","roles"`}, {`"operator"`, `"worker"`}, {`"fp"`, `"fq"`}, {"2026-01-05", "2026-02-01"}, {`"a":"b"`, `"a":"c"`}, {`"allows":3`, `"allows":2`}} {
		suite, err := gate.ParseSuite([]byte(strings.Replace(facts, change[0], change[1], 1)))
		if err != nil {
			t.Fatal(err)
		}
		if d := gate.RunCases(policy, suite)[0].Decision; d.Verdict != ledger.GateBlock {
			t.Errorf("%s: %s", change[1], d.Verdict)
		}
	}
}
