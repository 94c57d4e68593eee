package projection_test

import (
	"testing"

	"gait/ledger"
	"gait/ledger/authority"
	"gait/ledger/authoritytest"
	"gait/projection"
)

// TestLookAlikesAreOne checks that no one approves what was asked for, submitted or to be
// done under a name that looks like the approver's, and was claimed before the approver was
// enrolled.
func TestLookAlikesAreOne(t *testing.T) {
	l, root, vera := authoritytest.New(t), authoritytest.Key(t, "root"), authoritytest.Key(t, "vera")
	l.Begin("root", root)
	l.Enroll("root", root, "vera", vera, ledger.RoleApprover)
	l.Set("root", root, ledger.ModeVerdicts)
	chain := &authority.Chain{}
	for _, e := range l.Events[1:] {
		if err := chain.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name                       string
		submitter, identity, asker string
		want                       projection.RefusalCode // "": the approval counts
	}{
		{"others", "agent", "agent_7", "worker", ""},
		{"the asker", "agent", "agent_7", "VERA", projection.SelfApproval},
		{"the asker, percent-encoded", "agent", "agent_7", "ver%61", projection.SelfApproval},
		{"the submitter", "Vera", "agent_7", "worker", projection.SelfApproval},
		{"the identity", "agent", "veRa", "worker", projection.SelfApproval},
		{"a name that begins alike", "vera_2", "vera_3", "vera_4", ""},
	} {
		job := projection.Job{ID: "job_1"}
		for _, f := range []projection.Fact{
			{Actor: tt.submitter, Payload: ledger.Submitted{EnvironmentFingerprint: "env", Identity: tt.identity, ProducerVersion: "gait/1"}},
			{Actor: tt.asker, Payload: ledger.CheckpointAdded{CheckpointID: "cp_0001", CheckpointType: ledger.CheckpointDecisionNeeded, RequiredAction: "decide", Summary: "s"}},
		} {
			f.At = authoritytest.Start
			var no *projection.Refusal
			if job, no = projection.Next(job, f); no != nil {
				t.Fatal(no)
			}
		}
		_, no := projection.Next(job, projection.Fact{
			At: authoritytest.Start, Actor: "vera", Keys: []ledger.Hash{vera.ID()}, Authority: chain.Newest(),
			Payload: ledger.Approved{CheckpointID: "cp_0001", Reason: "fine", Target: job.Decisions[0].Target},
		})
		var got projection.RefusalCode
		if no != nil {
			got = no.Code
		}
		if got != tt.want {
			t.Errorf("%s: an approval by vera is refused with %q, want %q", tt.name, got, tt.want)
		}
	}
}
