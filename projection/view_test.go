package projection_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/ledger"
	"gait/ledger/jcs"
	"gait/projection"
)

var update = flag.Bool("update", false, "write the golden files again")

// golden compares got, line by line, with a file in testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

func line(t *testing.T, v any) []byte {
	t.Helper()
	b, err := jcs.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return append(b, '\n')
}

// A life is a job that has every kind of event.
func life(t *testing.T, after func(*story)) *story {
	s := &story{t: t}
	tellOn := func(actor string, p ledger.Payload) {
		s.add(actor, p)
		after(s)
	}
	tellOn("boss", ledger.Submitted{
		EnvironmentFingerprint: env, Identity: "agent_7", PolicyDigest: one, PolicyRef: "policy v1",
		ProducerVersion: "gait/test", Labels: []ledger.Label{{Key: "team", Value: "tools"}, {Key: "ticket", Value: `T <1> & "2"`}},
	})
	s.checkpoint(ledger.CheckpointPlan)
	after(s)
	tellOn("worker_1", ledger.Refused{Command: "resume", Exit: 6, Refusal: "invalid_transition", Reason: "too early"})
	s.checkpoint(decision)
	after(s)
	s.verdict(projection.Denied, "reviewer")
	after(s)
	s.checkpoint(decision)
	after(s)
	s.verdict(projection.Approved, "reviewer")
	after(s)
	s.verdict(projection.Approved, "reviewer")
	after(s)
	tellOn("worker_1", ledger.Paused{Reason: "über café ☕"})
	s.checkpoint(progress)
	after(s)
	moved := s.resumed()
	moved.ActualFingerprint, moved.CurrentPolicyDigest, moved.PolicyChanged, moved.Reason = "envfp:there", two, true, "moved"
	tellOn("worker_1", moved)
	s.checkpoint(ledger.CheckpointBlocked)
	after(s)
	tellOn("worker_1", s.resumed())
	tellOn("boss", ledger.Stopped{Reason: "smoke"})
	tellOn("boss", ledger.Cancelled{})
	return s
}

func TestViews(t *testing.T) {
	var statuses, events bytes.Buffer
	var checkpoints []projection.Checkpoint
	var approvals []projection.Approval
	s := life(t, func(s *story) {
		statuses.Write(line(t, s.at.Job.StatusView()))
		e := s.events[len(s.events)-1]
		shown := line(t, projection.EventViewOf(e))
		events.Write(shown)
		if got := append(projection.AppendEventView(nil, e), '\n'); !bytes.Equal(got, shown) {
			t.Errorf("AppendEventView = %s, want %s", got, shown)
		}
		if c, ok := projection.CheckpointOf(e); ok {
			checkpoints = append(checkpoints, c)
		}
		if a, ok := projection.ApprovalOf(e); ok {
			approvals = append(approvals, a)
		}
	})
	golden(t, "status.jsonl", statuses.Bytes())
	golden(t, "events.jsonl", events.Bytes())
	golden(t, "view.json", line(t, s.at.Job.View(checkpoints, approvals)))
	golden(t, "view_empty.json", line(t, tell(t).at.Job.View(nil, nil)))
	golden(t, "cache.json", append(full(t).view, '\n'))
}

// A final job has no open decisions, even if some were open when it ended.
func TestStatusOfAFinalJob(t *testing.T) {
	s := tell(t)
	s.checkpoint(decision)
	s.add("boss", ledger.Stopped{})
	if got := s.at.Job.StatusView(); len(got.OpenDecisions) != 1 || got.WaitingFor != "cancel" {
		t.Errorf("a stopped job has %d open decisions and waits for %s, want 1, cancel", len(got.OpenDecisions), got.WaitingFor)
	}
	s.add("boss", ledger.Cancelled{})
	if got := s.at.Job.StatusView(); len(got.OpenDecisions) != 0 || got.OpenDecisions == nil || got.WaitingFor != "none" {
		t.Errorf("a cancelled job has open decisions %v and waits for %s, want an empty list, none", got.OpenDecisions, got.WaitingFor)
	}
}

func TestWaitingFor(t *testing.T) {
	tests := []struct {
		want  string
		given func(*story)
	}{
		{"worker", func(*story) {}},
		{"resume", paused},
		{"resume", func(s *story) { s.checkpoint(ledger.CheckpointBlocked) }},
		{"decision", asked},
		{"resume", decided},
		{"decision", func(s *story) { asked(s); paused(s) }},
		{"reversal", func(s *story) { asked(s); s.verdict(projection.Denied, "reviewer") }},
		{"reversal", func(s *story) { paused(s); s.verdict(projection.Denied, "reviewer") }},
		{"decision", func(s *story) { asked(s); s.verdict(projection.Denied, "reviewer"); asked(s) }},
		{"decision", func(s *story) { paused(s); s.verdict(projection.Denied, "reviewer"); asked(s) }},
		{"cancel", func(s *story) { s.add("boss", ledger.Stopped{}) }},
		{"none", cancelled},
		{"none", func(s *story) { s.checkpoint(ledger.CheckpointCompleted) }},
		{"none", func(s *story) { s.checkpoint(ledger.CheckpointFailed) }},
	}
	for i, tt := range tests {
		s := tell(t)
		tt.given(s)
		if got := s.at.Job.WaitingFor(); got != tt.want {
			t.Errorf("%d: a job that is %s (%s) waits for %s, want %s", i, s.at.Job.Status, s.at.Job.ReasonCode, got, tt.want)
		}
	}
}

// sha256sum computed the hashes.
func TestSafetyInvariants(t *testing.T) {
	const base = "control_boundary=runtime_go default_privacy=reference_receipts fail_closed=true"
	tests := []struct {
		name string
		job  projection.Job
		want string
		hash string
	}{
		{"unbound", projection.Job{}, base, "075f96bf56c92d7a413eafe9b15fc5f7f7d814b83af4ef377e28951eac59aa88"},
		{
			"bound",
			projection.Job{Identity: "agent_7", PolicyDigest: one, PolicyRef: "policy v1"},
			base + " identity=agent_7 policy_digest=7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed policy_ref=policy v1",
			"590227a3a7ace9d04badfe1073437ab4b5467b2c7ccc09be3b93bef1ab0150c4",
		},
	}
	for _, tt := range tests {
		if got := strings.Join(tt.job.SafetyInvariants(), " "); got != tt.want {
			t.Errorf("%s: invariants %q, want %q", tt.name, got, tt.want)
		}
		if hash := tt.job.SafetyInvariantHash(); hash != tt.hash {
			t.Errorf("%s: hash %s, want %s", tt.name, hash, tt.hash)
		}
	}
}

// The invariants follow the changes made by a resume.
func TestSafetyInvariantsAfterResume(t *testing.T) {
	s := tell(t)
	before := s.at.Job.SafetyInvariantHash()
	boundAndPaused(s)
	if got, want := s.at.Job.SafetyInvariantHash(), "590227a3a7ace9d04badfe1073437ab4b5467b2c7ccc09be3b93bef1ab0150c4"; got != want || got == before {
		t.Errorf("hash after a resume that binds the job = %s, want %s", got, want)
	}
}
