package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// At a terminal the subject is shown and the verdict asked for, before anything is
// recorded; --yes and --json leave that out.
func TestVerdictIsAskedForAtTheTerminal(t *testing.T) {
	b := newGait(t)
	plan := filepath.Join(b.dir, "plan.json")
	if err := os.WriteFile(plan, []byte(`{"price":900,"note":"\u001b[2J"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"job", "submit", "--id", "a", "--json"},
		{"job", "checkpoint", "add", "--id", "a", "--actor", "agent", "--type", "decision-needed", "--summary", "prices", "--required-action", "approve", "--subject", plan, "--json"},
	} {
		if code, _ := b.run(args...); code != 0 {
			t.Fatalf("gait %s exits %d", strings.Join(args, " "), code)
		}
	}
	for _, tt := range []struct {
		verb, answer string
		code, count  int64
	}{{"approve", "n\n", 6, 0}, {"deny", "\n", 6, 0}, {"approve", "y\n", 0, 1}} {
		x := openTerminal(t, b.command("job", tt.verb, "--id", "a", "--actor", "cfo"))
		x.cmd.Stderr = x.tty
		x.start()
		x.await(" it as cfo? [y/N] ")
		x.write(tt.answer)
		if code := x.exit(); int64(code) != tt.code {
			t.Errorf("%s, answered %q, exits %d, want %d", tt.verb, tt.answer, code, tt.code)
		}
		if shown := x.shown.String(); !strings.Contains(shown, `  |   "price": 900,`) || strings.Contains(shown, "\x1b[2J") {
			t.Errorf("the terminal shows %q, want the subject with its control characters escaped", shown)
		}
		if _, now := b.run("job", "status", "a", "--json"); now.Job.Revision != 2+tt.count {
			t.Errorf("after %q the job is at revision %d, want %d", tt.answer, now.Job.Revision, 2+tt.count)
		}
	}
	x := openTerminal(t, b.command("job", "deny", "--id", "a", "--actor", "cfo", "--yes"))
	x.cmd.Stderr = x.tty
	x.start()
	if code := x.exit(); code != 0 {
		t.Errorf("with --yes it exits %d, want 0 without a question", code)
	}
}
