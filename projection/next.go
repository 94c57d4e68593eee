package projection

import (
	"fmt"
	"slices"
	"time"

	"gait/ledger"
)

// A Fact is what an event says, apart from its place in the ledger.
type Fact struct {
	At      time.Time
	Actor   string
	Payload ledger.Payload
}

// Next returns the job after the fact, or the refusal that says why the fact
// cannot follow. It is the only code that knows what may follow what. The job
// given is not changed, and the one returned shares no memory with it. Leaf
// hashes of the new event are filled in by Apply, which knows them.
func Next(j Job, f Fact) (Job, *Refusal) {
	next, no := follow(j.Clone(), f)
	if no != nil {
		return j, no
	}
	next.JobSeq = j.JobSeq + 1
	if _, refused := f.Payload.(ledger.Refused); !refused {
		next.Revision, next.Updated, next.LastRefusal = j.Revision+1, ledger.FormatTime(f.At), nil
	}
	return next, nil
}

func follow(j Job, f Fact) (Job, *Refusal) {
	switch p := f.Payload.(type) {
	case ledger.Submitted:
		return submitted(j, f, p)
	case ledger.Imported:
		return imported(j, f, p)
	}
	if j.Status == "" {
		return j, refuse(InvalidTransition, "submit the job first", "the job was never submitted")
	}
	switch p := f.Payload.(type) {
	case ledger.CheckpointAdded:
		return checkpointAdded(j, f, p)
	case ledger.Paused:
		return paused(j, f)
	case ledger.Approved:
		return verdict(j, f, Approved, p.CheckpointID, p.Target)
	case ledger.Denied:
		return verdict(j, f, Denied, p.CheckpointID, p.Target)
	case ledger.Resumed:
		return resumed(j, p)
	case ledger.Cancelled:
		if j.Status.Final() {
			return j, cannot(j, "be cancelled")
		}
		return j.to(Cancelled, StopCancelledByUser, ReasonCancelled), nil
	case ledger.Stopped:
		if j.Status.Final() || j.Status == EmergencyStopped {
			return j, cannot(j, "be stopped")
		}
		return j.to(EmergencyStopped, StopEmergencyStopped, ReasonEmergencyStop), nil
	case ledger.Refused:
		j.Refusals++
		last := lastRefusal(f.Actor, p)
		j.LastRefusal = &last
		return j, nil
	}
	return j, refuse(InvalidTransition, "", "%T is not an event of a job", f.Payload)
}

func (j Job) to(s Status, stop, reason string) Job {
	j.Status, j.StopReason, j.ReasonCode = s, stop, reason
	return j
}

// cannot is the refusal of the transition table.
func cannot(j Job, what string) *Refusal {
	hint := "gait job status --id " + j.ID + " shows what it waits for"
	switch {
	case j.Status.Final():
		hint = fmt.Sprintf("a job that is %s stays so; submit a new one to go on", j.Status)
	case j.Status == EmergencyStopped:
		hint = "after an emergency stop a job can only be cancelled: gait job cancel --id " + j.ID
	}
	return refuse(InvalidTransition, hint, "job %s is %s and cannot %s", j.ID, j.Status, what)
}

func submitted(j Job, f Fact, p ledger.Submitted) (Job, *Refusal) {
	if j.Status != "" {
		return j, refuse(InvalidTransition, "choose another id", "job %s was submitted before", j.ID)
	}
	j = j.to(Running, StopNone, ReasonSubmitted)
	j.Created = ledger.FormatTime(f.At)
	j.ProducerVersion = p.ProducerVersion
	j.EnvironmentFingerprint = p.EnvironmentFingerprint
	j.Identity = p.Identity
	j.Labels = slices.Clone(p.Labels)
	j.PolicyDigest = hexOrEmpty(p.PolicyDigest)
	j.PolicyRef = p.PolicyRef
	return j, nil
}

func hexOrEmpty(h ledger.Hash) string {
	if h.IsZero() {
		return ""
	}
	return h.String()
}

// stopped reports whether the job waits in a state it can be resumed from.
func (j Job) stopped() bool {
	return j.Status == PausedStatus || j.Status == DecisionNeeded || j.Status == Blocked
}

// Late reports whether a checkpoint of this type would be late: work that was
// done though the job was stopped. It is recorded and changes no status.
func (j Job) Late(t ledger.CheckpointType) bool {
	return j.stopped() && (t == ledger.CheckpointPlan || t == ledger.CheckpointProgress)
}

func checkpointAdded(j Job, f Fact, p ledger.CheckpointAdded) (Job, *Refusal) {
	cp := Checkpoint{ID: p.CheckpointID, Created: ledger.FormatTime(f.At), Type: string(p.CheckpointType), Summary: p.Summary,
		RequiredAction: p.RequiredAction, ReasonCode: CheckpointReason(p.CheckpointType), Actor: f.Actor}
	if want := ledger.CheckpointID(j.Checkpoints + 1); p.CheckpointID != want {
		return j, refuse(InvalidTransition, "", "the job's next checkpoint is %s, not %s", want, p.CheckpointID)
	}
	if p.Late != j.Late(p.CheckpointType) {
		return j, refuse(InvalidTransition, "", "late is %t for a %s checkpoint of a job that is %s", p.Late, p.CheckpointType, j.Status)
	}
	next, no := checkpointStatus(j, f, p)
	if no != nil {
		return j, no
	}
	next.Checkpoints++
	next.LastCheckpoint = &cp
	return next, nil
}

// checkpointStatus is the checkpoints' part of the transition table.
func checkpointStatus(j Job, f Fact, p ledger.CheckpointAdded) (Job, *Refusal) {
	if j.Status.Final() || j.Status == EmergencyStopped {
		return j, cannotTake(j, p)
	}
	if p.CheckpointType == ledger.CheckpointPlan || p.CheckpointType == ledger.CheckpointProgress {
		return j, nil
	}
	ask := Ask{CheckpointID: p.CheckpointID, JobSeq: j.JobSeq + 1, Actor: f.Actor, Created: ledger.FormatTime(f.At),
		Summary: p.Summary, RequiredAction: p.RequiredAction}
	switch p.CheckpointType {
	case ledger.CheckpointFailed:
		return j.to(Failed, StopFailed, ReasonFailed), nil
	case ledger.CheckpointCompleted:
		if j.Status == Running {
			return j.to(Completed, StopCompleted, ReasonCompleted), nil
		}
	case ledger.CheckpointDecisionNeeded:
		if j.Status != PausedStatus {
			ask.Kind = KindDecision
			return decisionNeeded(j, ask)
		}
	case ledger.CheckpointBlocked:
		if j.Status != PausedStatus {
			ask.Kind = KindBlock
			return blocked(j, ask), nil
		}
	}
	return j, cannotTake(j, p)
}

func cannotTake(j Job, p ledger.CheckpointAdded) *Refusal {
	return cannot(j, "take a "+string(p.CheckpointType)+" checkpoint")
}

func decisionNeeded(j Job, ask Ask) (Job, *Refusal) {
	if len(j.Decisions) >= ledger.MaxOpenDecisions {
		return j, refuse(TooManyDecisions, "have them decided and resume the job, which uses the approvals up",
			"job %s has asked for %d decisions since it last ran, approved ones included: the most that one resume can use up", j.ID, len(j.Decisions))
	}
	j.Decisions = append(j.Decisions, ask)
	if j.Status == DecisionNeeded {
		return j, nil
	}
	return j.to(DecisionNeeded, StopDecisionNeeded, ReasonDecisionNeeded), nil
}

func blocked(j Job, ask Ask) Job {
	j = j.replaceStop(ask)
	if j.Status == Blocked {
		return j
	}
	return j.to(Blocked, StopBlocked, ReasonBlocked)
}

// replaceStop makes ask the job's pause or block, unless the one before keeps
// the job from resuming: that is lifted by an approval and by nothing else.
func (j Job) replaceStop(ask Ask) Job {
	if j.Stop == nil || !j.Stop.unsettled() {
		j.Stop = &ask
	}
	return j
}

func paused(j Job, f Fact) (Job, *Refusal) {
	if j.Status != Running && j.Status != DecisionNeeded && j.Status != Blocked {
		return j, cannot(j, "be paused")
	}
	j = j.replaceStop(Ask{Kind: KindPause, JobSeq: j.JobSeq + 1, Actor: f.Actor, Created: ledger.FormatTime(f.At)})
	return j.to(PausedStatus, StopPausedByUser, ReasonPaused), nil
}

// CheckpointReason returns the reason code of a checkpoint's event.
func CheckpointReason(t ledger.CheckpointType) string {
	if t == ledger.CheckpointDecisionNeeded {
		return "checkpoint_decision_needed"
	}
	return "checkpoint_" + string(t)
}
