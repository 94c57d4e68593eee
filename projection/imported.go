package projection

import (
	"slices"

	"gait/ledger"
)

// An Import says where a job was kept before, as views show it.
type Import struct {
	Actor       string `json:"actor"`       // who imported it
	ImportedAt  string `json:"imported_at"` // when it was imported
	PackID      string `json:"pack_id"`
	PackSHA256  string `json:"pack_sha256"`
	PackKeyID   string `json:"pack_key_id,omitempty"` // of the key that the pack names as its signer
	PackTrusted bool   `json:"pack_trusted"`          // that signature verified, under a key that the importer trusted
	Revision    int64  `json:"revision"`              // of the job in the pack
	UpdatedAt   string `json:"updated_at"`            // when the job last changed there
	Checkpoints int64  `json:"checkpoint_count"`      // how many of the job's checkpoints are claims of the pack
	Approvals   int64  `json:"approval_count"`        // how many of its approvals are
}

// claimableReasons are the reason codes that a pack of PackSpec v1 can claim. A
// status can be claimed if one of them leads to it.
var claimableReasons = []ReasonCode{
	ReasonSubmitted, ReasonPaused, ReasonDecisionNeeded, ReasonBlocked, ReasonCompleted, ReasonCancelled,
	ReasonEmergencyStop, ReasonApproved, ReasonResumed, ReasonResumedPolicy, ReasonResumedEnv, ReasonResumedEnvPolicy,
}

func claimable(s standing) bool {
	return slices.ContainsFunc(claimableReasons, func(r ReasonCode) bool { return s.status != "" && standings[r] == s })
}

// imported returns the job that a pack claims. A running job continues to run, since
// any actor may submit one. A stopped job needs an approval here, whatever was
// approved elsewhere, by another actor than the one who imported it: of each
// decision asked for since it last ran, or else of the pause or block.
func imported(j Job, f Fact, p ledger.Imported) (Job, *Refusal) {
	if j.Status != "" {
		return j, refuse(InvalidTransition, Details{}, "job %s is here already", j.ID)
	}
	claim, reason := standing{Status(p.Status), StopReason(p.StopReason)}, ReasonCode(p.StatusReasonCode)
	if !claimable(claim) || !slices.Contains(claimableReasons, reason) {
		return j, refuse(InvalidTransition, Details{}, "a job cannot be %s for %s with reason code %s", p.Status, p.StopReason, p.StatusReasonCode)
	}
	j.Status, j.StopReason, j.ReasonCode = claim.status, claim.stop, reason
	j.Created, j.ProducerVersion, j.EnvironmentFingerprint = ledger.FormatTime(p.CreatedAt), p.ProducerVersion, p.EnvironmentFingerprint
	j.SubmittedBy, j.SubmittedKey = f.Actor, f.key()
	j.Identity, j.PolicyDigest, j.PolicyRef = p.Identity, p.PolicyDigest, p.PolicyRef
	list := importedCheckpoints(p)
	j.Checkpoints, j.Approvals = int64(len(list)), int64(len(p.Approvals))
	if len(list) > 0 {
		j.LastCheckpoint = &list[len(list)-1]
	}
	j.Imported = &Import{
		Actor: f.Actor, ImportedAt: f.when(), PackID: p.PackID.String(), PackSHA256: p.PackSHA256.String(),
		PackKeyID: p.PackKeyID.OrEmpty(), PackTrusted: p.PackTrusted, Revision: p.Revision, UpdatedAt: ledger.FormatTime(p.UpdatedAt),
		Checkpoints: j.Checkpoints, Approvals: j.Approvals,
	}
	return claimedAsks(j, p, list)
}

// claimedAsks sets what keeps an imported job from running: its open decisions, or
// else the pause or block it is in.
func claimedAsks(j Job, p ledger.Imported, list []Checkpoint) (Job, *Refusal) {
	stop := Ask{JobSeq: j.JobSeq + 1, Actor: p.StoppedBy, Created: ledger.FormatTime(p.StoppedAt), Claimed: true}
	for i, c := range list {
		if p.Checkpoints[i].Open {
			j.Decisions = append(j.Decisions, Ask{
				CheckpointID: c.ID, Kind: KindDecision, JobSeq: j.JobSeq + 1, Actor: c.Actor,
				Created: c.Created, Summary: c.Summary, RequiredAction: c.RequiredAction, Claimed: true,
			})
		}
		if c.Type == string(ledger.CheckpointBlocked) {
			stop.CheckpointID = c.ID
		}
	}
	switch {
	case len(j.Decisions) > 0 && !j.stopped(), len(j.Decisions) == 0 && j.Status == DecisionNeeded:
		return j, refuse(InvalidTransition, Details{}, "a job that is %s has %d open decisions", j.Status, len(j.Decisions))
	case len(j.Decisions) > ledger.MaxOpenDecisions:
		return j, refuse(TooManyDecisions, Details{JobID: j.ID}, "job %s has %d decisions since it last ran, at most %d can be open", j.ID, len(j.Decisions), ledger.MaxOpenDecisions)
	case p.StoppedAt.IsZero() == j.stopped():
		return j, refuse(InvalidTransition, Details{}, "stopped_at goes with a job that is stopped, and this one is %s", j.Status)
	}
	switch j.Status {
	case PausedStatus:
		stop.Kind, stop.CheckpointID = KindPause, ""
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
		list[i] = Checkpoint{
			ID: ledger.CheckpointID(int64(i) + 1), Created: ledger.FormatTime(c.CreatedAt), Type: string(c.CheckpointType),
			Summary: c.Summary, RequiredAction: c.RequiredAction, ReasonCode: string(CheckpointReason(c.CheckpointType)), Actor: c.Actor, Claimed: true,
		}
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
