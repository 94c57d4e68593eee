package commands_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/commands"
	"gait/ledger"
	"gait/projection"
)

func approveNamed(actor, id string) commands.Request {
	return by(actor, commands.Approve{CheckpointID: id})
}

func denyNamed(actor, id string) commands.Request {
	return by(actor, commands.Deny{CheckpointID: id})
}

func TestApproveBeforeThereIsADecision(t *testing.T) {
	b := newBench(t)
	b.must(submit())
	b.refused(approve("reviewer"), projection.InvalidTransition, 6)
	b.refused(approveNamed("reviewer", "cp_0001"), projection.InvalidTransition, 6)
	b.must(decision())
	b.refused(resume(), projection.ApprovalRequired, 4)

	// Nor for the decision after the one that is open.
	b.refused(approveNamed("reviewer", "cp_0002"), projection.DecisionNotOpen, 6)
	b.must(decision(), approveNamed("reviewer", "cp_0001"))
	b.refused(resume(), projection.ApprovalRequired, 4)
	b.must(approve("reviewer"), resume())
}

func TestOneApprovalForTwoDecisions(t *testing.T) {
	b := newBench(t)
	b.must(submit(), decision(), approve("reviewer"), decision())
	b.refused(resume(), projection.ApprovalRequired, 4)
	b.refused(approveNamed("reviewer", "cp_0001"), projection.AlreadyDecided, 6)
	b.must(approve("reviewer"), resume(), decision())

	// An approval that a resume used up does not count for a later decision.
	b.refused(resume(), projection.ApprovalRequired, 4)
	b.refused(approveNamed("reviewer", "cp_0002"), projection.DecisionNotOpen, 6)
	b.must(approve("reviewer"), resume())
}

func TestSelfApproval(t *testing.T) {
	identity := by("boss", commands.Submit{EnvironmentFingerprint: env, Identity: "agent_7", ProducerVersion: "gait/test"})
	tests := []struct {
		name  string
		given []commands.Request
		when  commands.Request
	}{
		{"the worker who asked for the decision", []commands.Request{submit(), decision()}, approve("worker_1")},
		{"the worker who asked for the decision named", []commands.Request{submit(), decision()}, approveNamed("worker_1", "cp_0001")},
		{"who paused", []commands.Request{submit(), pause()}, approve("worker_1")},
		{"who was blocked", []commands.Request{submit(), blocked()}, approve("worker_1")},
		{"the job's identity, of a decision", []commands.Request{identity, decision()}, approve("agent_7")},
		{"the job's identity, of a pause", []commands.Request{identity, pause()}, approve("agent_7")},
		{"the job's identity, of a block", []commands.Request{identity, blocked()}, approve("agent_7")},
		{"the worker who asked, after another denied it", []commands.Request{submit(), decision(), deny("reviewer")}, approve("worker_1")},
		{"the worker who asked, after denying it", []commands.Request{submit(), decision(), deny("worker_1")}, approve("worker_1")},
		{"an identity bound by a resume", []commands.Request{
			submit(), pause(),
			by("worker_1", commands.Resume{EnvironmentFingerprint: env, Identity: "agent_7"}), decision(),
		}, approve("agent_7")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			b.must(tt.given...)
			b.refused(tt.when, projection.SelfApproval, 3)
			other := tt.when
			other.Actor = "reviewer_2"
			b.must(other)
		})
	}
}

func TestWhatAVerdictJudges(t *testing.T) {
	tests := []struct {
		name  string
		given []commands.Request
		when  commands.Request
		want  int    // which of the given requests, from 0, is judged
		id    string // the verdict's checkpoint id
	}{
		{"the one open decision", []commands.Request{submit(), decision()}, approve("reviewer"), 1, "cp_0001"},
		{"the decision named", []commands.Request{submit(), decision(), decision()}, approveNamed("reviewer", "cp_0002"), 2, "cp_0002"},
		{"the one that is left", []commands.Request{submit(), decision(), decision(), approveNamed("reviewer", "cp_0001")}, deny("reviewer"), 2, "cp_0002"},
		{"the open one before the pause", []commands.Request{submit(), decision(), pause()}, approve("reviewer"), 1, "cp_0001"},
		{"the open one before the denied one", []commands.Request{submit(), decision(), deny("reviewer"), decision()}, approve("reviewer"), 3, "cp_0002"},
		{"the denied one before the pause", []commands.Request{submit(), decision(), deny("reviewer"), pause()}, approve("reviewer"), 1, "cp_0001"},
		{"the pause, once decisions are approved", []commands.Request{submit(), decision(), pause(), approve("reviewer")}, approve("reviewer"), 2, ""},
		{"the pause", []commands.Request{submit(), pause()}, deny("reviewer"), 1, ""},
		{"the block", []commands.Request{submit(), blocked()}, approve("reviewer"), 1, ""},
		{"the newest stop", []commands.Request{submit(), blocked(), pause()}, approve("reviewer"), 2, ""},
		{"the stop that was denied", []commands.Request{submit(), pause(), deny("reviewer"), pause()}, approve("reviewer"), 1, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			var leaves []ledger.Hash
			for _, r := range tt.given {
				leaves = append(leaves, b.must(r).Receipt.Leaf)
			}
			got, ok := projection.ApprovalOf(b.must(tt.when).Event)
			if !ok || got.Target != leaves[tt.want].String() || got.CheckpointID != tt.id {
				t.Errorf("verdict on %s %q, want on %s %q", got.Target, got.CheckpointID, leaves[tt.want], tt.id)
			}
		})
	}
}

func TestVerdictNeedsACheckpoint(t *testing.T) {
	b := newBench(t)
	b.must(submit(), decision(), decision())
	b.refused(approve("reviewer"), projection.CheckpointRequired, 6)
	b.refused(deny("reviewer"), projection.CheckpointRequired, 6)
	b.refused(approveNamed("reviewer", "cp_0003"), projection.DecisionNotOpen, 6)
	b.must(denyNamed("reviewer", "cp_0001"), denyNamed("reviewer", "cp_0002"))
	b.refused(approve("reviewer"), projection.CheckpointRequired, 6)
	b.must(approveNamed("reviewer", "cp_0001"), approve("reviewer"))
	b.refused(deny("reviewer"), projection.CheckpointRequired, 6)
	b.must(resume())

	// A checkpoint that asks for nothing, and a block, are not named.
	b.must(checkpoint(ledger.CheckpointProgress), blocked())
	b.refused(approveNamed("reviewer", "cp_0003"), projection.DecisionNotOpen, 6)
	b.refused(approveNamed("reviewer", "cp_0004"), projection.DecisionNotOpen, 6)
}

func TestLastVerdictCounts(t *testing.T) {
	b := newBench(t)
	b.must(submit(), decision(), deny("reviewer"))
	b.refused(resume(), projection.ApprovalRequired, 4)
	b.must(approve("reviewer_2"))
	b.must(denyNamed("reviewer", "cp_0001"))
	b.refused(resume(), projection.ApprovalRequired, 4)
	last := b.must(approveNamed("reviewer", "cp_0001"))
	if got := last.Job; got.StopReason != projection.StopDecisionDenied || got.ReasonCode != projection.ReasonApproved || got.Approvals != 2 {
		t.Errorf("job after deny, approve, deny, approve: %s, %s, %d approvals, want decision_denied, approval_recorded, 2",
			got.StopReason, got.ReasonCode, got.Approvals)
	}
	consumes(t, b.must(resume()), last)
}

// consumes checks that a resume used up exactly these approvals, in this order.
func consumes(t *testing.T, resumed commands.Result, approvals ...commands.Result) {
	t.Helper()
	var want []ledger.Hash
	for _, a := range approvals {
		want = append(want, a.Receipt.Leaf)
	}
	if diff := cmp.Diff(want, resumed.Event.Payload().(ledger.Resumed).Consumes); diff != "" {
		t.Errorf("approvals a resume used up (-want +got):\n%s", diff)
	}
}

func TestResumeUsesUpApprovals(t *testing.T) {
	b := newBench(t)
	b.must(submit(), decision(), decision(), decision(), pause())
	second := b.must(approveNamed("reviewer", "cp_0002"))
	b.must(approveNamed("reviewer", "cp_0003")) // replaced by a later verdict
	first := b.must(approveNamed("reviewer", "cp_0001"))
	stop := b.must(approve("reviewer"))
	b.must(denyNamed("reviewer", "cp_0003"))
	third := b.must(approveNamed("reviewer", "cp_0003"))
	resumed := b.must(resume())
	consumes(t, resumed, second, first, stop, third)
	if j := resumed.Job; len(j.Decisions) != 0 || j.Stop != nil || len(j.UsableApprovals(projection.Basis{})) != 0 {
		t.Errorf("a resumed job keeps asks: %v, %v", j.Decisions, j.Stop)
	}
	b.must(pause())
	consumes(t, b.must(resume()))
}

// An approval of a pause does not count after another pause replaced it.
func TestApprovalOfAnEarlierPause(t *testing.T) {
	b := newBench(t)
	b.must(submit(), blocked(), approve("reviewer"), pause())
	consumes(t, b.must(resume()))
}

func TestDenialIsNotLaundered(t *testing.T) {
	tests := []struct {
		name  string
		given []commands.Request
	}{
		{"denied pause, paused again", []commands.Request{pause(), deny("reviewer"), pause()}},
		{"denied pause, blocked", []commands.Request{pause(), deny("reviewer"), blocked()}},
		{"denied pause, a new decision approved", []commands.Request{pause(), deny("reviewer"), decision(), approve("reviewer")}},
		{"denied block, paused", []commands.Request{blocked(), deny("reviewer"), pause()}},
		{"denied block, a new decision approved", []commands.Request{blocked(), deny("reviewer"), decision(), approve("reviewer"), pause()}},
		{"denied decision, paused", []commands.Request{decision(), deny("reviewer"), pause()}},
		{"denied decision, blocked", []commands.Request{decision(), deny("reviewer"), blocked()}},
		{"denied decision, the same question again", []commands.Request{decision(), deny("reviewer"), decision(), approveNamed("reviewer", "cp_0002")}},
		{"open decision, paused", []commands.Request{decision(), pause()}},
		{"open decision, blocked, pause approved", []commands.Request{decision(), blocked(), pause()}},
		{"one of two open", []commands.Request{decision(), decision(), approveNamed("reviewer", "cp_0001"), pause()}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			b.must(submit())
			b.must(tt.given...)
			b.refused(resume(), projection.ApprovalRequired, 4)
			b.refused(checkpoint(ledger.CheckpointCompleted), projection.InvalidTransition, 6)
			if got := len(b.job("job_1").Unsettled()); got != 1 {
				t.Errorf("unsettled asks = %d, want 1", got)
			}
			b.must(approve("reviewer_2"), resume(), checkpoint(ledger.CheckpointCompleted))
		})
	}
}

func TestDeniedPauseAndDecisionBothCount(t *testing.T) {
	b := newBench(t)
	b.must(submit(), decision(), pause(), deny("reviewer"), approve("reviewer"), deny("reviewer"))
	if asks := b.job("job_1").Unsettled(); len(asks) != 1 || asks[0].Kind != projection.KindPause {
		t.Fatalf("unsettled = %+v, want the pause", asks)
	}
	b.must(denyNamed("reviewer", "cp_0001"))
	b.refused(resume(), projection.ApprovalRequired, 4)
	b.must(approve("reviewer"))
	b.refused(resume(), projection.ApprovalRequired, 4)
	b.must(approve("reviewer"), resume())
}

func TestNothingAfterFinal(t *testing.T) {
	for _, state := range []string{"completed", "failed", "cancelled"} {
		b := newBench(t)
		b.must(submit())
		b.must(states[state]...)
		revision := b.job("job_1").Revision
		for name, r := range columns {
			if name == "erase" { // it changes no job
				continue
			}
			b.refused(r, projection.InvalidTransition, 6)
			if got := b.job("job_1"); got.Revision != revision || string(got.Status) != state {
				t.Errorf("%s after %s: status %s, revision %d, want %s, %d", name, state, got.Status, got.Revision, state, revision)
			}
		}
	}
}

func TestEmergencyStopIsLeftByCancelOnly(t *testing.T) {
	b := newBench(t)
	b.must(submit(), pause(), by("boss", commands.Stop{}))
	b.refused(by("boss", commands.Stop{}), projection.InvalidTransition, 6)
	b.refused(checkpoint(ledger.CheckpointProgress), projection.InvalidTransition, 6)
	b.refused(approve("reviewer"), projection.InvalidTransition, 6)
	b.refused(resume(), projection.InvalidTransition, 6)
	if got := b.job("job_1").WaitingFor(); got != "cancel" {
		t.Errorf("a stopped job waits for %s, want cancel", got)
	}
	b.must(by("boss", commands.Cancel{}))
}

func TestTooManyDecisions(t *testing.T) {
	b := newBench(t)
	b.must(submit())
	for range ledger.MaxOpenDecisions {
		b.must(decision())
	}
	no := b.refused(decision(), projection.TooManyDecisions, 6)
	if got := no.Result.Event.Payload().(ledger.Refused).Summary; got == "" {
		t.Error("the refused decision's summary is lost")
	}
	if view := b.job("job_1").StatusView(); len(view.OpenDecisions) != ledger.MaxOpenDecisions {
		t.Errorf("open decisions = %d, want %d", len(view.OpenDecisions), ledger.MaxOpenDecisions)
	}
	for i := range ledger.MaxOpenDecisions {
		b.must(approveNamed("reviewer", fmt.Sprintf("cp_%04d", i+1)))
	}
	b.must(resume(), decision())
}

func TestRefusalsSayWhatToDo(t *testing.T) {
	b := newBench(t)
	b.must(submit(), decision())
	for name, r := range map[string]commands.Request{
		"resume":  resume(),
		"approve": approve("worker_1"),
		"unknown": approveNamed("reviewer", "cp_0009"),
		"cp":      checkpoint(ledger.CheckpointCompleted),
	} {
		_, err := b.do(r)
		no, ok := err.(*commands.RefusedError)
		if !ok || no.Refusal.Details.JobID != "job_1" || no.Error() == "" {
			t.Errorf("%s: %#v, want a refusal with a sentence and the details of the job", name, err)
		}
	}
}
