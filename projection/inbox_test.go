package projection_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/projection"
)

// The inbox has what keeps a stopped job from resuming, with who may not approve it.
func TestInboxOf(t *testing.T) {
	decision := projection.Ask{Kind: projection.KindDecision, CheckpointID: "cp_0001", Actor: "asker", Created: "t1", Summary: "which?", RequiredAction: "choose"}
	denied := projection.Ask{Kind: projection.KindDecision, CheckpointID: "cp_0002", Actor: "worker", Created: "t2", Verdict: projection.Denied, VerdictBy: "boss"}
	approved := projection.Ask{Kind: projection.KindDecision, CheckpointID: "cp_0003", Actor: "worker", Verdict: projection.Approved}
	hold := projection.Ask{Kind: projection.KindPause, Actor: "ops", Created: "t3", Hold: true}
	j := projection.Job{ID: "a", Status: projection.DecisionNeeded, Identity: "worker", Decisions: []projection.Ask{decision, denied, approved}, Stop: &hold}
	zero := hold.Target.String()
	want := []projection.InboxItem{
		{JobID: "a", WaitingFor: "decision", Kind: "decision", CheckpointID: "cp_0001", AskedBy: "asker", Since: "t1", Summary: "which?", RequiredAction: "choose", Target: zero, NotBy: []string{"asker", "worker"}},
		{JobID: "a", WaitingFor: "reversal", Kind: "decision", CheckpointID: "cp_0002", AskedBy: "worker", Since: "t2", Target: zero, DeniedBy: "boss", NotBy: []string{"worker"}},
		{JobID: "a", WaitingFor: "hold", Kind: "pause", AskedBy: "ops", Since: "t3", Target: zero, NotBy: []string{"ops", "worker"}},
	}
	if diff := cmp.Diff(want, projection.InboxOf(j)); diff != "" {
		t.Errorf("InboxOf (-want +got):\n%s", diff)
	}
	for _, status := range []projection.Status{projection.Running, projection.Completed, projection.EmergencyStopped} {
		j.Status = status
		if got := projection.InboxOf(j); len(got) > 0 {
			t.Errorf("a job that is %s has %d things in the inbox", status, len(got))
		}
	}
}
