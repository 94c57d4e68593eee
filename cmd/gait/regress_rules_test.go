package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"

	"gait/ledger"
	"gait/projection"
)

// runIn runs gait in this process, by other rules if rules is not nil, with its root
// and home in a directory.
func runIn(t *testing.T, dir string, rules projection.Rules, args ...string) (out string, code int) {
	t.Helper()
	return runUnder(t.Context(), t, dir, rules, args...)
}

// runUnder is runIn under a context.
func runUnder(ctx context.Context, t *testing.T, dir string, rules projection.Rules, args ...string) (out string, code int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	a := newApp(func(code int) { t.Fatalf("gait ended itself with %d", code) })
	a.stdout, a.stderr, a.rules = &stdout, &stderr, rules
	a.getenv = func(name string) string {
		return map[string]string{"GAIT_ROOT": filepath.Join(dir, "jobs"), "GAIT_HOME": filepath.Join(dir, "home"), "GAIT_ACTOR": "worker_1"}[name]
	}
	code = runLine(ctx, a, args)
	return stdout.String() + stderr.String(), code
}

// If a rule of the state machine changes, regress run names the fixture, the event
// and the field.
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

// A run that is interrupted before a candidate was compared has found no regression.
func TestInterruptedRegressRunFindsNoRegression(t *testing.T) {
	dir := t.TempDir()
	fixtures := filepath.Join(dir, "fixtures")
	for _, line := range [][]string{
		{"job", "submit", "--id", "job_1"},
		{"job", "cancel", "job_1"},
		{"regress", "init", "--from", "job_1", "--name", "cancelled", "--dir", fixtures},
	} {
		if out, code := runIn(t, dir, nil, line...); code != 0 {
			t.Fatalf("gait %s: %d\n%s", strings.Join(line, " "), code, out)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	interrupts := func(j projection.Job, f projection.Fact) (projection.Job, *projection.Refusal) {
		cancel()
		return projection.Next(j, f)
	}
	out, code := runUnder(ctx, t, dir, interrupts, "regress", "run", "--dir", fixtures, "--candidate", filepath.Join(dir, "jobs"), "--json")
	if code != exitIO || !strings.Contains(out, `"error_code":"interrupted"`) {
		t.Errorf("exit %d, want %d and interrupted in\n%s", code, exitIO, out)
	}
}
