package projection

import (
	"fmt"

	"gait/ledger"
)

// A StopReason says why a job does not run.
type StopReason string

// The stop reasons.
const (
	StopNone             StopReason = "none"
	StopPausedByUser     StopReason = "paused_by_user"
	StopDecisionNeeded   StopReason = "decision_needed"
	StopDecisionDenied   StopReason = "decision_denied"
	StopBlocked          StopReason = "blocked"
	StopCompleted        StopReason = "completed"
	StopFailed           StopReason = "failed"
	StopCancelledByUser  StopReason = "cancelled_by_user"
	StopEmergencyStopped StopReason = "emergency_stopped"
)

// A ReasonCode says which event gave a job its status, or what an event did.
type ReasonCode string

// The reason codes of statuses and events.
const (
	ReasonSubmitted        ReasonCode = "submitted"
	ReasonPaused           ReasonCode = "paused"
	ReasonDecisionNeeded   ReasonCode = "decision_needed"
	ReasonBlocked          ReasonCode = "blocked"
	ReasonCompleted        ReasonCode = "completed"
	ReasonFailed           ReasonCode = "failed"
	ReasonCancelled        ReasonCode = "cancelled"
	ReasonEmergencyStop    ReasonCode = "emergency_stop_preempted"
	ReasonApproved         ReasonCode = "approval_recorded"
	ReasonDenied           ReasonCode = "decision_denied"
	ReasonResumed          ReasonCode = "resumed"
	ReasonResumedPolicy    ReasonCode = "resumed_with_policy_transition"
	ReasonResumedEnv       ReasonCode = "resumed_with_env_override"
	ReasonResumedEnvPolicy ReasonCode = "resumed_with_env_override_policy_transition"
	ReasonImported         ReasonCode = "imported" // of the event only: the status keeps the claimed one
	ReasonContentErased    ReasonCode = "content_erased"
	ReasonGateAllowed      ReasonCode = "gate_allowed"
	ReasonGateBlocked      ReasonCode = "gate_blocked"
	ReasonDispatchBlocked  ReasonCode = "dispatch_blocked"
	ReasonEffectSettled    ReasonCode = "effect_settled"
	ReasonLeased           ReasonCode = "leased"
	ReasonLeaseRenewed     ReasonCode = "lease_renewed"
	ReasonLeaseReleased    ReasonCode = "lease_released"
	ReasonAttemptEnded     ReasonCode = "attempt_ended"
	ReasonContinued        ReasonCode = "continued" // of the event only: the status keeps the one before
)

// A standing is the status of a job with its stop reason.
type standing struct {
	status Status
	stop   StopReason
}

// standings gives the status and the stop reason that follow from each reason code
// that changes them. ReasonApproved changes only the reason code.
var standings = map[ReasonCode]standing{
	ReasonSubmitted:        {Running, StopNone},
	ReasonResumed:          {Running, StopNone},
	ReasonResumedPolicy:    {Running, StopNone},
	ReasonResumedEnv:       {Running, StopNone},
	ReasonResumedEnvPolicy: {Running, StopNone},
	ReasonPaused:           {PausedStatus, StopPausedByUser},
	ReasonDecisionNeeded:   {DecisionNeeded, StopDecisionNeeded},
	ReasonBlocked:          {Blocked, StopBlocked},
	ReasonDenied:           {Blocked, StopDecisionDenied},
	ReasonCompleted:        {Completed, StopCompleted},
	ReasonFailed:           {Failed, StopFailed},
	ReasonCancelled:        {Cancelled, StopCancelledByUser},
	ReasonEmergencyStop:    {EmergencyStopped, StopEmergencyStopped},
}

// Standing returns the status and stop reason of a job after an event with the
// reason code, or false if such an event leaves them as they are.
func (r ReasonCode) Standing() (status Status, stop StopReason, ok bool) {
	s, ok := standings[r]
	return s.status, s.stop, ok
}

// to returns j after an event with the reason code, which must be in standings.
func (j Job) to(reason ReasonCode) Job {
	s := standings[reason]
	j.Status, j.StopReason, j.ReasonCode = s.status, s.stop, reason
	return j
}

// A Meaning is what an event means for its job, whatever the job's state is.
type Meaning struct {
	Code   ReasonCode // what the event did
	Stops  bool       // the event keeps the job from running
	Reason string     // the actor's reason; empty if none was given
}

// MeaningOf returns what an event means. It is the only switch over event types for
// everything that does not depend on the job: events as views show them, what stopped
// a job, and the reasons in a history. The zero Event means nothing.
func MeaningOf(e ledger.Event) Meaning {
	switch p := e.Payload().(type) {
	case nil:
		return Meaning{}
	case ledger.Submitted:
		return Meaning{Code: ReasonSubmitted}
	case ledger.CheckpointAdded:
		working := p.CheckpointType == ledger.CheckpointPlan || p.CheckpointType == ledger.CheckpointProgress
		return Meaning{Code: CheckpointReason(p.CheckpointType), Stops: !working && p.Continues.IsZero()}
	case ledger.Paused:
		return Meaning{Code: ReasonPaused, Stops: true, Reason: p.Reason}
	case ledger.Approved:
		return Meaning{Code: ReasonApproved, Reason: p.Reason}
	case ledger.Denied:
		return Meaning{Code: ReasonDenied, Stops: true, Reason: p.Reason}
	case ledger.Resumed:
		return Meaning{Code: ResumeReason(p), Reason: p.Reason}
	case ledger.Cancelled:
		return Meaning{Code: ReasonCancelled, Stops: true, Reason: p.Reason}
	case ledger.Stopped:
		return Meaning{Code: ReasonEmergencyStop, Stops: true, Reason: p.Reason}
	case ledger.Refused:
		return Meaning{Code: ReasonCode(p.Refusal), Reason: p.Reason}
	case ledger.Imported:
		return Meaning{Code: ReasonImported, Reason: p.Reason}
	case ledger.Continued:
		return Meaning{Code: ReasonContinued, Stops: Status(p.Status) != Running}
	case ledger.ContentErased:
		return Meaning{Code: ReasonContentErased, Reason: p.Reason}
	case ledger.GateDecided:
		return gateMeaning(p)
	case ledger.DispatchBlocked:
		return Meaning{Code: ReasonDispatchBlocked}
	case ledger.EffectSettled:
		return Meaning{Code: ReasonEffectSettled, Reason: p.Reason}
	case ledger.Leased:
		return Meaning{Code: ReasonLeased}
	case ledger.LeaseRenewed:
		return Meaning{Code: ReasonLeaseRenewed}
	case ledger.LeaseReleased:
		return Meaning{Code: ReasonLeaseReleased}
	case ledger.AttemptEnded:
		return Meaning{Code: ReasonAttemptEnded}
	case ledger.LedgerCreated, ledger.KeyRotated, ledger.IndexCommitted, ledger.LedgerMoved,
		ledger.ActorEnrolled, ledger.ActorRevoked, ledger.AuthoritySet: // these belong to no job
		return Meaning{Code: ReasonCode(p.Type())}
	}
	panic(fmt.Sprintf("projection: no meaning for %T", e.Payload()))
}
