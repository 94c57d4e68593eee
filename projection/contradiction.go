package projection

import (
	"slices"
	"time"

	"gait/ledger"
)

// contradiction returns the field of a continued event about which the job's last event
// in the other ledger says something else, or "". Most events say little: only who folds
// all events of the job there knows its whole state.
func contradiction(last ledger.Event, c ledger.Continued) string {
	switch {
	case c.JobSeq != last.JobSeq():
		return "job_seq"
	case c.Revision != last.Revision():
		return "revision"
	case c.Refusals < last.JobSeq()-last.Revision():
		return "refusal_count"
	}
	if field := ofLease(last, c); field != "" {
		return field
	}
	stands := ""
	reason := MeaningOf(last).Code
	if _, _, changed := reason.Standing(); changed {
		stands = otherStanding(c, reason)
	}
	switch p := last.Payload().(type) {
	case ledger.CheckpointAdded:
		return ofCheckpoint(p, c)
	case ledger.Paused:
		return firstOf(stands, unless(c.Hold || !p.Hold, "hold"))
	case ledger.Approved:
		return firstOf(unless(c.StatusReasonCode == string(ReasonApproved), "status_reason_code"), unless(c.Approvals > 0, "approval_count"))
	case ledger.Resumed:
		return firstOf(stands, otherBinding(c, ledger.Continued{
			EnvironmentFingerprint: p.ExpectedFingerprint, Identity: p.Identity, PolicyDigest: p.CurrentPolicyDigest, PolicyRef: p.CurrentPolicyRef,
		}))
	case ledger.GateDecided:
		return ofGate(p, c)
	case ledger.DispatchBlocked:
		return unless(c.Status == string(EmergencyStopped), "status")
	case ledger.Refused:
		return unless(c.Refusals > 0, "refusal_count")
	case ledger.Submitted, ledger.Imported, ledger.Continued:
		return ofFirst(last, c)
	default: // it says how the job stands, or nothing
	}
	if last.Type().OfLedger() {
		return "type"
	}
	return stands
}

// ofLease returns the field about which an event says something else of the job's lease and of
// its attempts, or "". The epoch may be a later one: there may have been leases that are lost.
func ofLease(last ledger.Event, c ledger.Continued) string {
	runs := unless(c.Status == string(Running), "status")
	switch p := last.Payload().(type) {
	case ledger.Refused: // it names the lease that its command named
		return ""
	case ledger.Leased:
		return firstOf(unless(c.Epoch >= p.Epoch, "epoch"), runs)
	case ledger.LeaseRenewed:
		return firstOf(unless(c.Epoch >= p.Epoch, "epoch"), runs)
	case ledger.LeaseReleased:
		return firstOf(unless(c.Epoch >= p.Epoch, "epoch"), runs)
	case ledger.AttemptEnded:
		return firstOf(unless(c.Attempts == p.Number, "attempt_count"), unless(c.Epoch >= last.Lease(), "epoch"))
	default:
		return unless(c.Epoch >= last.Lease(), "epoch")
	}
}

// ofCheckpoint is contradiction for a checkpoint.
func ofCheckpoint(p ledger.CheckpointAdded, c ledger.Continued) string {
	if p.CheckpointID != ledger.CheckpointID(c.Checkpoints) {
		return "checkpoint_count"
	}
	if p.Late {
		return ""
	}
	want := map[ledger.CheckpointType]Status{
		ledger.CheckpointDecisionNeeded: DecisionNeeded, ledger.CheckpointBlocked: Blocked,
		ledger.CheckpointCompleted: Completed, ledger.CheckpointFailed: Failed,
	}[p.CheckpointType]
	return unless(want == "" || !p.Continues.IsZero() || c.Status == string(want), "status")
}

// ofGate is contradiction for a decision of the gate.
func ofGate(p ledger.GateDecided, c ledger.Continued) string {
	policy := unless(p.PolicyDigest == c.PolicyDigest, "policy_digest")
	switch {
	case p.Verdict == ledger.GateAllow:
		return firstOf(unless(c.Status == string(Running), "status"), policy)
	case p.Verdict == ledger.GateRequireApproval:
		return firstOf(policy, ofCheckpoint(ledger.CheckpointAdded{CheckpointID: p.CheckpointID, CheckpointType: ledger.CheckpointDecisionNeeded, Continues: p.Continues}, c))
	}
	return unless(!Status(c.Status).Final() && c.Status != string(EmergencyStopped), "status")
}

// ofFirst is contradiction for the first event of a job.
func ofFirst(first ledger.Event, c ledger.Continued) string {
	was := Job{}
	was, no := follow(was, Fact{At: first.Time(), Actor: first.Actor(), Payload: first.Payload(), text: first.TimeText()})
	if no != nil {
		return "type"
	}
	return firstOf(
		otherBinding(c, ledger.Continued{EnvironmentFingerprint: was.EnvironmentFingerprint, Identity: was.Identity, PolicyDigest: was.PolicyDigest, PolicyRef: was.PolicyRef}),
		unless(c.Status == string(was.Status), "status"),
		unless(c.StopReason == string(was.StopReason), "stop_reason"),
		unless(c.StatusReasonCode == string(was.ReasonCode), "status_reason_code"),
		unless(ledger.FormatTime(c.CreatedAt) == was.Created, "created_at"),
		unless(c.ProducerVersion == was.ProducerVersion, "producer_version"),
		unless(slices.Equal(c.Labels, was.Labels), "labels"),
		unless(c.Checkpoints == was.Checkpoints, "checkpoint_count"),
		unless(c.Approvals == was.Approvals, "approval_count"),
		unless(c.Refusals == was.Refusals, "refusal_count"),
		unless(c.Hold || was.Stop == nil || !was.Stop.unsettled(), "hold"),
		unless(was.Continued == nil || c.Decisions == was.Continued.Decisions, "decision_count"),
		unless(c.Decisions >= int64(len(was.Decisions)), "decision_count"),
		unless(c.Epoch >= was.Epoch(), "epoch"),
		unless(c.Attempts == was.Attempts, "attempt_count"),
		unless(slices.Equal(c.After, was.After), "after"),
		unless(spelt(c.NotBefore) == was.NotBefore, "not_before"),
		unless(c.Input == was.Input, "input"),
	)
}

// spelt spells a time as a job does; "" if it is zero.
func spelt(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return ledger.FormatTime(t)
}

// otherStanding returns the field in which a job does not stand as it does after an event
// with a reason code, or "".
func otherStanding(c ledger.Continued, reason ReasonCode) string {
	s := standings[reason]
	return firstOf(
		unless(c.Status == string(s.status), "status"), unless(c.StopReason == string(s.stop), "stop_reason"),
		unless(c.StatusReasonCode == string(reason), "status_reason_code"),
	)
}

// otherBinding returns the field in which a job is not bound as in another state, or "".
func otherBinding(c, want ledger.Continued) string {
	return firstOf(
		unless(c.EnvironmentFingerprint == want.EnvironmentFingerprint, "environment_fingerprint"), unless(c.Identity == want.Identity, "identity"),
		unless(c.PolicyDigest == want.PolicyDigest, "policy_digest"), unless(c.PolicyRef == want.PolicyRef, "policy_ref"),
	)
}

// unless returns field if ok is false, or "".
func unless(ok bool, field string) string {
	if ok {
		return ""
	}
	return field
}

// firstOf returns the first field that is not "".
func firstOf(fields ...string) string {
	for _, field := range fields {
		if field != "" {
			return field
		}
	}
	return ""
}
