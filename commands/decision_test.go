package commands_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gait/commands"
	"gait/ledger"
)

// about returns a decision with every argument set.
func about() commands.AddCheckpoint {
	return commands.AddCheckpoint{
		Type: ledger.CheckpointDecisionNeeded, Summary: "refund", RequiredAction: "approve the refund",
		Approvers: []string{"role:approver", "cfo"}, ExpiresAt: epoch.Add(24 * time.Hour), Quorum: 2, Replaces: "cp_0001",
		Subject:     ledger.Content{Digest: one, MediaType: "application/json", Name: "refund.json", Size: 42},
		Attachments: []ledger.Attachment{{Content: ledger.Content{Digest: two, Size: 7}, Role: ledger.AttachState}},
	}
}

// wantMore requires that what a decision says of who decides, until when and about what
// belongs to its digest, and that a decision without that has the digest given.
func wantMore(t *testing.T, r commands.Request, without ledger.Hash) {
	t.Helper()
	c, _ := r.Command.(commands.AddCheckpoint)
	seen := map[ledger.Hash]string{without: "none of them"}
	all := about()
	for name, set := range map[string]func(){
		"approvers": func() { c.Approvers = all.Approvers }, "expires_at": func() { c.ExpiresAt = all.ExpiresAt }, "quorum": func() { c.Quorum = all.Quorum },
		"replaces": func() { c.Replaces = all.Replaces }, "subject": func() { c.Subject = all.Subject }, "attachments": func() { c.Attachments = all.Attachments },
		"progress": func() { c.Progress = ledger.StepCount{Done: 3, Total: 14} },
	} {
		c, _ = r.Command.(commands.AddCheckpoint)
		set()
		other := r
		other.Command = c
		got, err := commands.Digest(other)
		if same, known := seen[got]; known || err != nil {
			t.Errorf("a decision with %s has the digest of one with %s (%v)", name, same, err)
		}
		seen[got] = name
	}
}

// The arguments of a decision are spelled as the event spells them, its approvers in order.
func TestDecisionArguments(t *testing.T) {
	text, err := commands.Encode(commands.Request{JobID: "job_1", Actor: "w", Command: about()})
	want := `{"actor":"w","arguments":{"approvers":["cfo","role:approver"],` +
		`"attachments":[{"digest":"` + two.String() + `","role":"state","size":7}],"expires_at":"2026-11-23T20:32:58.058Z","quorum":2,"replaces":"cp_0001",` +
		`"required_action":"approve the refund","subject":{"digest":"` + one.String() + `","media_type":"application/json","name":"refund.json","size":42},` +
		`"summary":"refund","type":"decision-needed"},"job_id":"job_1","verb":"checkpoint add"}`
	if diff := cmp.Diff(want, string(text)); diff != "" || err != nil {
		t.Fatalf("Encode: %v (-want +got):\n%s", err, diff)
	}
	r, err := commands.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	sorted := about()
	sorted.Approvers = []string{"cfo", "role:approver"}
	if diff := cmp.Diff(commands.Command(sorted), r.Command); diff != "" {
		t.Errorf("Parse (-want +got):\n%s", diff)
	}
}

// A decision is checked before anything is decided.
func TestDecisionIsChecked(t *testing.T) {
	for name, spoil := range map[string]func(*commands.AddCheckpoint){
		"approvers: \"cfo\" is given twice": func(c *commands.AddCheckpoint) { c.Approvers = []string{"cfo", "ops", "cfo"} },
		"approvers":                         func(c *commands.AddCheckpoint) { c.Approvers = []string{"role:boss"} },
		"quorum":                            func(c *commands.AddCheckpoint) { c.Quorum = 17 },
		"quorum: 1":                         func(c *commands.AddCheckpoint) { c.Quorum = 1 },
		"replaces":                          func(c *commands.AddCheckpoint) { c.Replaces = "cp_1" },
		"checkpoint_type":                   func(c *commands.AddCheckpoint) { c.Type = ledger.CheckpointProgress },
		"digest":                            func(c *commands.AddCheckpoint) { c.Subject.Digest = ledger.Hash{} },
		"media_type":                        func(c *commands.AddCheckpoint) { c.Subject.MediaType = "json" },
		"role":                              func(c *commands.AddCheckpoint) { c.Attachments[0].Role = "" },
		"expires_at":                        func(c *commands.AddCheckpoint) { c.ExpiresAt = c.ExpiresAt.Add(time.Microsecond) },
	} {
		c := about()
		spoil(&c)
		err := commands.Request{JobID: "job_1", Actor: "w", Command: c}.Check()
		if _, ok := errors.AsType[*commands.InvalidError](err); !ok || !errors.Is(err, ledger.ErrMalformed) || !strings.Contains(err.Error(), name) {
			t.Errorf("Check of a decision whose %s is wrong = %v", name, err)
		}
	}
}

// A verdict that names the event it is about goes to no other.
func TestVerdictNamesItsTarget(t *testing.T) {
	b := newBench(t)
	b.must(submit())
	first, second := b.must(decision()), b.must(decision())
	on := func(c commands.Command) commands.Request { return by("reviewer", c) }
	b.refused(on(commands.Approve{Target: one}), "checkpoint_required", 6) // two wait, and it is neither
	b.refused(on(commands.Approve{CheckpointID: "cp_0001", Target: second.Event.LeafHash()}), "decision_not_open", 6)
	b.refused(on(commands.Deny{CheckpointID: "cp_0001", Target: second.Event.LeafHash()}), "decision_not_open", 6)
	result := b.must(on(commands.Approve{Target: second.Event.LeafHash()}))
	want := ledger.Approved{CheckpointID: "cp_0002", Reason: "approved", Target: second.Event.LeafHash()}
	if diff := cmp.Diff(ledger.Payload(want), result.Event.Payload()); diff != "" {
		t.Errorf("approval of one of two decisions (-want +got):\n%s", diff)
	}
	b.refused(on(commands.Deny{Target: one}), "decision_not_open", 6)
	b.must(on(commands.Deny{CheckpointID: "cp_0001", Target: first.Event.LeafHash()}))
}
