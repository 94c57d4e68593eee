package v1

import (
	"fmt"
	"slices"
	"strings"

	"gait/ledger"
	"gait/packspec/finding"
	"gait/projection"
)

// A fold applies the rules of the tool that wrote the events of a PackSpec v1 job, and
// compares the result with job_state.json. Those rules differ from gait's: a checkpoint
// may be added in any status and sets the status, a verdict names no decision, and a job
// may resume once it has as many approvals as decisions that it asked for.
type fold struct {
	job   string
	state State // what the events give; events have no summaries of checkpoints
	claim State // job_state.json
	bound map[string]bool

	checkpoints, approvals, asked int
	ran                           int // the number of checkpoints when the job last began to run
	stoppedBy, stoppedAt          string

	stateErr, viewErr error
}

// add folds the next event.
func (f *fold) add(e Event) {
	if f.stateErr != nil {
		return
	}
	before := f.state
	if problem := f.follow(e); problem != "" {
		f.state = before
		f.stateErr = finding.Failf(finding.LevelStateMachine, finding.CodeTransition, EventsEntry, "revision %d: %s", e.Revision, problem)
		return
	}
	f.state.Revision, f.state.UpdatedAt = e.Revision, e.CreatedAt
}

func (f *fold) follow(e Event) string {
	switch {
	case e.Revision != f.state.Revision+1:
		return fmt.Sprintf("the one before is %d", f.state.Revision)
	case e.JobID != f.job:
		return "an event of another job: " + finding.Quote(e.JobID)
	case (e.Type == "submitted") != (e.Revision == 1):
		return "a job begins with its submission, and with nothing else"
	}
	switch e.Type {
	case "submitted":
		return f.submitted(e)
	case "checkpoint_added":
		return f.checkpoint(e)
	case "paused":
		return f.stop(e, projection.ReasonPaused, projection.Running, projection.DecisionNeeded)
	case "emergency_stop_acknowledged":
		return f.stop(e, projection.ReasonEmergencyStop,
			projection.Running, projection.PausedStatus, projection.DecisionNeeded, projection.Blocked)
	case "cancelled":
		return f.stop(e, projection.ReasonCancelled, projection.Running,
			projection.PausedStatus, projection.DecisionNeeded, projection.Blocked, projection.EmergencyStopped)
	case "approved":
		return f.approved(e)
	case "resumed":
		return f.resumed(e)
	case "dispatch_blocked":
		if f.state.Status != string(projection.EmergencyStopped) {
			return "a dispatch can be blocked only after an emergency stop"
		}
		return ""
	}
	return finding.Quote(e.Type) + " is not an event of PackSpec v1"
}

func (f *fold) to(e Event, reason projection.ReasonCode) {
	status, stop, _ := reason.Standing()
	f.state.Status, f.state.StopReason, f.state.StatusReasonCode = string(status), string(stop), string(reason)
	f.stoppedBy, f.stoppedAt = e.Actor, e.CreatedAt
}

func (f *fold) stop(e Event, reason projection.ReasonCode, from ...projection.Status) string {
	if !slices.Contains(from, projection.Status(f.state.Status)) {
		return fmt.Sprintf("%s cannot follow status %s", e.Type, f.state.Status)
	}
	if e.ReasonCode != string(reason) {
		return fmt.Sprintf("reason_code %s is not %s", finding.Quote(e.ReasonCode), reason)
	}
	f.to(e, reason)
	return ""
}

func (f *fold) submitted(e Event) string {
	f.state.CreatedAt, f.state.EnvironmentFingerprint = e.CreatedAt, e.text("environment_fingerprint")
	f.bind(e, "policy_digest", "policy_ref")
	f.to(e, projection.ReasonSubmitted)
	return ""
}

// bind records the policy and identity that an event names.
func (f *fold) bind(e Event, digest, ref string) {
	for _, b := range []struct {
		name, key string
		field     *string
	}{{"identity", "identity", &f.state.Identity}, {"policy_digest", digest, &f.state.PolicyDigest}, {"policy_ref", ref, &f.state.PolicyRef}} {
		if v := e.text(b.key); v != "" {
			*b.field = v
			f.bound[b.name+"="+v] = true
		}
	}
}

func (f *fold) checkpoint(e Event) string {
	kind, action := ledger.CheckpointType(e.text("checkpoint_type")), e.text("required_action")
	id := ledger.CheckpointID(int64(f.checkpoints) + 1)
	code := "checkpoint_" + strings.ReplaceAll(string(kind), "-", "_")
	switch {
	case e.text("checkpoint_id") != id:
		return fmt.Sprintf("checkpoint_id %s is not %s", finding.Quote(e.text("checkpoint_id")), id)
	case e.ReasonCode != code:
		return fmt.Sprintf("reason_code %s is not %s", finding.Quote(e.ReasonCode), code)
	case (kind == ledger.CheckpointDecisionNeeded) != (action != ""):
		return "required_action goes with a decision"
	}
	switch kind {
	case ledger.CheckpointPlan, ledger.CheckpointProgress:
	case ledger.CheckpointDecisionNeeded:
		f.asked++
		f.to(e, projection.ReasonDecisionNeeded)
	case ledger.CheckpointBlocked:
		f.to(e, projection.ReasonBlocked)
	case ledger.CheckpointCompleted:
		f.to(e, projection.ReasonCompleted)
	default:
		return finding.Quote(string(kind)) + " is not a type of checkpoint"
	}
	f.matchCheckpoint(projection.Checkpoint{ID: id, Created: e.CreatedAt, Type: string(kind), RequiredAction: action, ReasonCode: code, Actor: e.Actor})
	f.checkpoints++
	return ""
}

// matchCheckpoint compares the state's checkpoint with its event, which has no summary.
func (f *fold) matchCheckpoint(want projection.Checkpoint) {
	if f.checkpoints >= len(f.claim.Checkpoints) {
		f.view("checkpoints", want.ID, "")
		return
	}
	got := f.claim.Checkpoints[f.checkpoints]
	want.Summary = got.Summary
	if got != want {
		f.view("checkpoint "+want.ID, fmt.Sprintf("%+v", want), finding.Quote(fmt.Sprintf("%+v", got)))
	}
}

func (f *fold) approved(e Event) string {
	want := Approval{CreatedAt: e.CreatedAt, Actor: e.Actor, Reason: e.text("reason")}
	if want.Actor == "" || e.ReasonCode != string(projection.ReasonApproved) {
		return "an approval has an actor, and the reason_code " + string(projection.ReasonApproved)
	}
	if f.approvals >= len(f.claim.Approvals) {
		f.view("approvals", "one more, by "+want.Actor, "")
	} else if got := f.claim.Approvals[f.approvals]; got != want {
		f.view(fmt.Sprintf("approval %d", f.approvals+1), fmt.Sprintf("%+v", want), finding.Quote(fmt.Sprintf("%+v", got)))
	}
	f.approvals++
	f.state.StatusReasonCode = string(projection.ReasonApproved)
	return ""
}

func (f *fold) resumed(e Event) string {
	reasons := []projection.ReasonCode{projection.ReasonResumed, projection.ReasonResumedPolicy, projection.ReasonResumedEnv, projection.ReasonResumedEnvPolicy}
	switch projection.Status(f.state.Status) {
	case projection.PausedStatus, projection.DecisionNeeded, projection.Blocked:
	default:
		return "resumed cannot follow status " + f.state.Status
	}
	if f.asked > f.approvals {
		return fmt.Sprintf("resumed with %d decisions asked for and %d approvals", f.asked, f.approvals)
	}
	if !slices.Contains(reasons, projection.ReasonCode(e.ReasonCode)) {
		return fmt.Sprintf("reason_code %s is not that of a resume", finding.Quote(e.ReasonCode))
	}
	if before := f.state.Identity; before != "" && e.text("identity") != "" && e.text("identity") != before {
		return "resumed as another identity: " + finding.Quote(e.text("identity"))
	}
	f.bind(e, "current_policy_digest", "current_policy_ref")
	f.to(e, projection.ReasonCode(e.ReasonCode))
	f.ran = f.checkpoints
	return ""
}

// view records the first difference between job_state.json and what the events give.
func (f *fold) view(what, want, got string) {
	if f.viewErr == nil {
		f.viewErr = finding.Differs(finding.LevelViews, finding.CodeView, StateEntry, what, want, got)
	}
}

// finish compares the remaining fields of job_state.json with the events.
func (f *fold) finish() {
	if f.stateErr == nil && f.state.Revision == 0 {
		f.stateErr = finding.Failf(finding.LevelStateMachine, finding.CodeTransition, EventsEntry, "no events")
	}
	if f.stateErr != nil {
		return
	}
	for _, c := range [][3]string{
		{"job_id", f.job, f.claim.JobID},
		{"created_at", f.state.CreatedAt, f.claim.CreatedAt},
		{"updated_at", f.state.UpdatedAt, f.claim.UpdatedAt},
		{"status", f.state.Status, f.claim.Status},
		{"stop_reason", f.state.StopReason, f.claim.StopReason},
		{"status_reason_code", f.state.StatusReasonCode, f.claim.StatusReasonCode},
		{"environment_fingerprint", f.state.EnvironmentFingerprint, f.claim.EnvironmentFingerprint},
		{"policy_digest", f.state.PolicyDigest, f.claim.PolicyDigest},
		{"policy_ref", f.state.PolicyRef, f.claim.PolicyRef},
		{"identity", f.state.Identity, f.claim.Identity},
		{"revision", fmt.Sprint(f.state.Revision), fmt.Sprint(f.claim.Revision)},
		{"number of checkpoints", fmt.Sprint(f.checkpoints), fmt.Sprint(len(f.claim.Checkpoints))},
		{"number of approvals", fmt.Sprint(f.approvals), fmt.Sprint(len(f.claim.Approvals))},
	} {
		if c[1] != c[2] {
			f.view(c[0], finding.Quote(c[1]), finding.Quote(c[2]))
		}
	}
	if err := f.claim.checkSafety(f.bound); f.viewErr == nil {
		f.viewErr = err
	}
}
