package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"gait/ledger"
	"gait/projection"
)

// runIn runs gait in this process, by other rules where there are some, with its root
// and home in a directory.
func runIn(t *testing.T, dir string, rules projection.Rules, args ...string) (out string, code int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	a := newApp(func(code int) { t.Fatalf("gait ended itself with %d", code) })
	a.stdout, a.stderr, a.rules = &stdout, &stderr, rules
	a.getenv = func(name string) string {
		return map[string]string{"GAIT_ROOT": filepath.Join(dir, "jobs"), "GAIT_HOME": filepath.Join(dir, "home"), "GAIT_ACTOR": "worker_1"}[name]
	}
	code = a.run(t.Context(), args)
	return stdout.String() + stderr.String(), code
}

// One rule of the state machine is another, and regress run names the fixture, the
// event and the field.
func TestRegressFindsAChangedRule(t *testing.T) {
	dir := t.TempDir()
	fixtures := filepath.Join(dir, "fixtures")
	for _, line := range [][]string{
		{"job", "submit", "--id", "job_1"},
		{"job", "pause", "job_1"},
		{"job", "deny", "job_1", "--actor", "reviewer_1", "--reason", "not yet"},
		{"job", "cancel", "job_1"},
		{"regress", "init", "--from", "job_1", "--name", "denied", "--dir", fixtures},
		{"regress", "run", "--dir", fixtures},
	} {
		if out, code := runIn(t, dir, nil, line...); code != 0 {
			t.Fatalf("gait %s: %d\n%s", strings.Join(line, " "), code, out)
		}
	}
	launders := func(j projection.Job, f projection.Fact) (projection.Job, *projection.Refusal) {
		next, no := projection.Next(j, f)
		if _, denied := f.Payload.(ledger.Denied); denied && no == nil {
			next.StopReason = j.StopReason
		}
		return next, no
	}
	out, code := runIn(t, dir, launders, "regress", "run", "--dir", fixtures)
	want := `denied: replay: event 3 (denied), /stop_reason: the job stands otherwise after it: expected "decision_denied", found "paused_by_user"`
	if code != exitRegress || !strings.Contains(out, want) {
		t.Errorf("exit %d, want %d and %s in\n%s", code, exitRegress, want, out)
	}
}
