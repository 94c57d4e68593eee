package projection

import (
	"slices"

	"gait/ledger"
)

// An Import says where a job was before, as views show it.
type Import struct {
	Actor       string `json:"actor"`       // who imported it
	ImportedAt  string `json:"imported_at"` // and when
	PackID      string `json:"pack_id"`
	PackSHA256  string `json:"pack_sha256"`
	PackKeyID   string `json:"pack_key_id,omitempty"` // of the key said to have signed the pack
	PackTrusted bool   `json:"pack_trusted"`          // that signature held, under a key that the importer trusted
	Revision    int64  `json:"revision"`              // of the job in the pack
	UpdatedAt   string `json:"updated_at"`            // when the job had last changed there
	Checkpoints int64  `json:"checkpoint_count"`      // so many of the job's checkpoints are claims of the pack
	Approvals   int64  `json:"approval_count"`        // and so many of its approvals
}

// claimable are the statuses that a pack of PackSpec v1 can claim, with the stop
// reason that goes with each.
var claimable = map[Status]string{Running: StopNone, PausedStatus: StopPausedByUser, DecisionNeeded: StopDecisionNeeded, Blocked: StopBlocked,
	Completed: StopCompleted, Cancelled: StopCancelledByUser, EmergencyStopped: StopEmergencyStopped}

var claimableReasons = []string{ReasonSubmitted, ReasonPaused, ReasonDecisionNeeded, ReasonBlocked, ReasonCompleted, ReasonCancelled,
	ReasonEmergencyStop, ReasonApproved, ReasonResumed, ReasonResumedPolicy, ReasonResumedEnv, ReasonResumedEnvPolicy}

// imported takes a job over as its pack claims it to be. A job that runs goes on
// running: anyone may submit one. A job that is stopped needs an approval here,
// whatever was approved there, by somebody else than who imported it: of each
// decision asked for since it last ran, or else of the pause or block.
func imported(j Job, f Fact, p ledger.Imported) (Job, *Refusal) {
	if j.Status != "" {
		return j, refuse(InvalidTransition, "", "job %s is here already", j.ID)
	}
	status := Status(p.Status)
	if stop, ok := claimable[status]; !ok || stop != p.StopReason || !slices.Contains(claimableReasons, p.StatusReasonCode) {
		return j, refuse(InvalidTransition, "", "a job cannot be %s for %s with reason code %s", p.Status, p.StopReason, p.StatusReasonCode)
	}
	j = j.to(status, p.StopReason, p.StatusReasonCode)
	j.Created, j.ProducerVersion, j.EnvironmentFingerprint = ledger.FormatTime(p.CreatedAt), p.ProducerVersion, p.EnvironmentFingerprint
	j.Identity, j.PolicyDigest, j.PolicyRef = p.Identity, hexOrEmpty(p.PolicyDigest), p.PolicyRef
	list := importedCheckpoints(p)
	j.Checkpoints, j.Approvals = int64(len(list)), int64(len(p.Approvals))
	if len(list) > 0 {
		j.LastCheckpoint = &list[len(list)-1]
	}
	j.Imported = &Import{Actor: f.Actor, ImportedAt: ledger.FormatTime(f.At), PackID: p.PackID.String(), PackSHA256: p.PackSHA256.String(),
		PackKeyID: hexOrEmpty(p.PackKeyID), PackTrusted: p.PackTrusted, Revision: p.Revision, UpdatedAt: ledger.FormatTime(p.UpdatedAt),
		Checkpoints: j.Checkpoints, Approvals: j.Approvals}
	return claimedAsks(j, p, list)
}

// claimedAsks makes what keeps an imported job from running: its open
// decisions, or else the pause or block it is in.
func claimedAsks(j Job, p ledger.Imported, list []Checkpoint) (Job, *Refusal) {
	stop := Ask{JobSeq: j.JobSeq + 1, Actor: p.StoppedBy, Created: ledger.FormatTime(p.StoppedAt), Claimed: true}
	for i, c := range list {
		if p.Checkpoints[i].Open {
			j.Decisions = append(j.Decisions, Ask{CheckpointID: c.ID, Kind: KindDecision, JobSeq: j.JobSeq + 1, Actor: c.Actor,
				Created: c.Created, Summary: c.Summary, RequiredAction: c.RequiredAction, Claimed: true})
		}
		if c.Type == string(ledger.CheckpointBlocked) {
			stop.CheckpointID, stop.Summary = c.ID, c.Summary
		}
	}
	switch {
	case len(j.Decisions) > 0 && !j.stopped(), len(j.Decisions) == 0 && j.Status == DecisionNeeded:
		return j, refuse(InvalidTransition, "", "a job that is %s has %d open decisions", j.Status, len(j.Decisions))
	case len(j.Decisions) > ledger.MaxOpenDecisions:
		return j, refuse(TooManyDecisions, "have them decided where it is", "job %s has %d decisions since it last ran, at most %d can be open", j.ID, len(j.Decisions), ledger.MaxOpenDecisions)
	case p.StoppedAt.IsZero() == j.stopped():
		return j, refuse(InvalidTransition, "", "stopped_at goes with a job that is stopped, and this one is %s", j.Status)
	}
	switch j.Status {
	case PausedStatus:
		stop.Kind, stop.CheckpointID, stop.Summary = KindPause, "", ""
	case Blocked:
		stop.Kind = KindBlock
	default:
		return j, nil
	}
	stop.Claimed = len(j.Decisions) == 0
	j.Stop = &stop
	return j, nil
}

// importedCheckpoints returns the checkpoints that a pack claims.
func importedCheckpoints(p ledger.Imported) []Checkpoint {
	list := make([]Checkpoint, len(p.Checkpoints))
	for i, c := range p.Checkpoints {
		list[i] = Checkpoint{ID: ledger.CheckpointID(int64(i) + 1), Created: ledger.FormatTime(c.CreatedAt), Type: string(c.CheckpointType),
			Summary: c.Summary, RequiredAction: c.RequiredAction, ReasonCode: CheckpointReason(c.CheckpointType), Actor: c.Actor, Claimed: true}
	}
	return list
}

// importedApprovals returns the approvals that a pack claims.
func importedApprovals(p ledger.Imported) []Approval {
	list := make([]Approval, len(p.Approvals))
	for i, a := range p.Approvals {
		list[i] = Approval{CreatedAt: ledger.FormatTime(a.CreatedAt), Actor: a.Actor, Reason: a.Reason, Verdict: Approved, Claimed: true}
	}
	return list
}
