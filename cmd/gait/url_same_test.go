package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/ledger/ledgertest"
)

// notThroughURL are commands that need the root, which a URL does not name, or another
// role than operator, which the token of the test is for.
var notThroughURL = []string{"serve token list", "job approve c --actor Root_1"}

// Commands print the same through the daemon in the root, through its socket as a URL, and,
// with a token of their actor, through its address.
func TestSameThroughURL(t *testing.T) {
	b := newGait(t)
	b.env = append(b.env, "GAIT_ACTOR=operator_1")
	for _, line := range []string{
		"job submit --id a --identity agent_1", "job submit --id b", "job checkpoint add a --summary <&>",
		"job checkpoint add a --type decision-needed --summary which --required-action choose --actor worker_1", "job approve a --actor reviewer_1 --reason fine",
		"job pause b", "keys rotate --reason planned", "job checkpoint add a --summary behind", "ledger commit-index",
		"serve token add --actor operator_1 --role operator --out token",
	} {
		if out, err := b.command(strings.Fields(line)...).CombinedOutput(); err != nil {
			t.Fatalf("gait %s: %v\n%s", line, err, out)
		}
	}
	var said struct{ Address string }
	if err := json.Unmarshal([]byte(b.serve("--listen", "127.0.0.1:0", "--json").ready), &said); err != nil {
		t.Fatal(err)
	}
	lines := slices.DeleteFunc(slices.Clone(sameLines), func(line string) bool { return slices.Contains(notThroughURL, line) })
	lines = ledgertest.Pick(t, lines, 8)
	plain := b.env
	b.env = append(slices.Clone(plain), "GAIT_DAEMON=require")
	want := b.play("socket_", lines)
	for name, env := range map[string][]string{
		"unix_": {"GAIT_URL=unix:" + b.dir + "/gait-out/jobs/gait.sock"},
		"http_": {"GAIT_URL=http://" + said.Address, "GAIT_TOKEN_FILE=" + b.dir + "/token"},
	} {
		b.env = append(slices.Clone(plain), env...)
		for line, got := range b.play(name, lines) {
			if diff := cmp.Diff(want[line], got); diff != "" {
				t.Errorf("gait %s: through the root -, through %s +\n%s", line, env[0], diff)
			}
		}
	}
}
