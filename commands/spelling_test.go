package commands_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/authoritytest"
)

// The documents say which arguments a signed command always has: those that the shortest
// command of each verb has.
func TestDocsSayWhichArgumentsAreAlwaysThere(t *testing.T) {
	h := ledger.Hash{1}
	always := map[string][]string{}
	for _, c := range []commands.Command{
		commands.Submit{EnvironmentFingerprint: "e"},
		commands.Resume{EnvironmentFingerprint: "e"},
		commands.AddCheckpoint{Type: ledger.CheckpointProgress, Summary: "s"},
		commands.Approve{Target: h},
		commands.Deny{Target: h},
		commands.EraseContent{Digest: h},
		commands.AddActor{Actor: "a", Keys: []string{authoritytest.Key(t, "a").String()}, Roles: []ledger.Role{ledger.RoleWorker}},
		commands.RevokeActor{Actor: "a"},
		commands.SetAuthority{Admins: 1, Mode: ledger.ModeAll},
		commands.Pause{},
		commands.Cancel{},
		commands.Stop{},
		commands.LeaseTake{TTL: ledger.MinLeaseTTL, Worker: "w"},
		commands.LeaseRenew{},
		commands.LeaseRelease{Outcome: ledger.LeaseDone},
		commands.EndAttempt{Cause: ledger.AttemptLost},
	} {
		r := commands.Request{Actor: "a", RequestID: "r", Command: c}
		if _, is := c.(commands.LeaseRenew); is {
			r.Lease = 1
		}
		if !commands.RowOf(c).OfLedger {
			r.JobID = "job_1"
		}
		if _, is := c.(commands.EraseContent); is {
			r.Reason = "asked to"
		}
		if _, is := c.(commands.RevokeActor); is {
			r.Reason = "left"
		}
		signed, err := commands.CommandOf(r, "gait.example/log1", epoch, 0)
		if err != nil {
			t.Fatalf("%s: %v", c.Verb(), err)
		}
		var arguments map[string]any
		if err := json.Unmarshal(signed.Arguments, &arguments); err != nil {
			t.Fatal(err)
		}
		names := strings.Join(slices.Sorted(maps.Keys(arguments)), ", ")
		always[names] = append(always[names], c.Verb())
	}
	always[""] = slices.Sorted(slices.Values(append(always[""], "rotate")))
	said := map[string]string{"": "none", "environment_fingerprint, policy_digest": `environment_fingerprint (not ""), policy_digest ("" for none)`}
	for file, before := range map[string]string{"../ledger/authority/doc.go": "//\t", "../packspec/SPEC.md": ""} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for names, verbs := range always {
			row := before + strings.Join(verbs, ", ")
			if len(row) >= 29+len(before) { // a line of its own
				row = fmt.Sprintf("%s\n%s", row, strings.TrimSuffix(before, "\t"))
				words := cmp.Or(said[names], names)
				if !regexp.MustCompile("\n" + regexp.QuoteMeta(row) + `\s+` + regexp.QuoteMeta(words) + "\n").Match(text) {
					t.Errorf("%s does not have %q and %q", file, row, words)
				}
				continue
			}
			words, other := said[names]
			if !other {
				words = names
			}
			row = fmt.Sprintf("%-*s%s\n", 29+len(before), row, words)
			if !strings.Contains(string(text), "\n"+row) {
				t.Errorf("%s does not have %q", file, row)
			}
		}
	}
}
