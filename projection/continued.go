package projection

import (
	"cmp"
	"slices"

	"gait/ledger"
)

// A Continued says in which ledger a job was before, as views show it.
type Continued struct {
	Actor       string `json:"actor"`        // who continued it here
	ContinuedAt string `json:"continued_at"` // when
	Origin      string `json:"origin"`       // of the ledger before
	Size        int64  `json:"tree_size"`    // of its signed tree in which the job's last event is proved
	Leaf        string `json:"leaf_hash"`    // of that event
	JobSeq      int64  `json:"job_seq"`      // of that event
	Revision    int64  `json:"revision"`     // of the job there
	Proof       string `json:"proof"`        // digest of the content that shows all this

	ImportedBy string `json:"imported_by,omitempty"` // who imported what waits for a verdict
	Decisions  int64  `json:"decision_count"`        // how many decisions were asked for again
	Unasked    int64  `json:"unasked,omitempty"`     // how many of them were not yet
}

// continued returns the job as another ledger left it. What stopped it there stops it
// here. A pause or block that no verdict had settled has to be approved, and decisions
// are asked for again by the events that follow.
func continued(j Job, f Fact, p ledger.Continued) (Job, *Refusal) {
	if j.Status != "" {
		return j, refuse(InvalidTransition, Details{}, "job %s is here already", j.ID)
	}
	at, reason := standing{Status(p.Status), StopReason(p.StopReason)}, ReasonCode(p.StatusReasonCode)
	if no := possible(at, reason); no != nil {
		return j, no
	}
	j.Status, j.StopReason, j.ReasonCode = at.status, at.stop, reason
	if no := consistent(j, p); no != nil {
		return j, no
	}
	j.Created, j.ProducerVersion, j.EnvironmentFingerprint = ledger.FormatTime(p.CreatedAt), p.ProducerVersion, p.EnvironmentFingerprint
	j.SubmittedBy = p.SubmittedBy
	j.Identity, j.Labels, j.PolicyDigest, j.PolicyRef = p.Identity, slices.Clone(p.Labels), p.PolicyDigest, p.PolicyRef
	j.Checkpoints, j.Approvals, j.Refusals, j.Attempts = p.Checkpoints, p.Approvals, p.Refusals, p.Attempts
	awaits(&j, p.After, p.NotBefore, p.Input)
	if p.Epoch > 0 {
		j.Lease = &Lease{Epoch: p.Epoch, Ended: LeaseLeft}
	}
	j.Continued = &Continued{
		Actor: f.Actor, ContinuedAt: f.when(), Origin: p.Origin, Size: p.Size, Leaf: p.Leaf.String(), JobSeq: p.JobSeq, Revision: p.Revision,
		Proof: p.Proof.Digest.String(), ImportedBy: p.ImportedBy, Decisions: p.Decisions, Unasked: p.Decisions,
	}
	if j.Status == DecisionNeeded && !p.Hold || !j.stopped() {
		return j, nil
	}
	j.Stop = &Ask{Kind: KindBlock, JobSeq: j.JobSeq + 1, Actor: cmp.Or(p.StoppedBy, f.Actor), Created: f.when(), Hold: p.Hold, Continued: true}
	if j.Status == PausedStatus {
		j.Stop.Kind = KindPause
	}
	return j, nil
}

// possible refuses a status, stop reason and reason code that no job has.
func possible(s standing, reason ReasonCode) *Refusal {
	_, _, sets := reason.Standing()
	for _, known := range standings {
		if known == s && (sets || reason == ReasonApproved) {
			return nil
		}
	}
	return refuse(InvalidTransition, Details{}, "a job cannot be %s for %s with reason code %s", s.status, s.stop, reason)
}

// consistent refuses a state of a job that contradicts itself.
func consistent(j Job, p ledger.Continued) *Refusal {
	switch {
	case p.Decisions > 0 && !j.stopped(), p.Decisions == 0 && j.Status == DecisionNeeded:
		return refuse(InvalidTransition, Details{}, "a job that is %s has %d decisions to ask for again", j.Status, p.Decisions)
	case p.Hold && !j.stopped():
		return refuse(InvalidTransition, Details{}, "a job that is %s is not on hold", j.Status)
	case p.StoppedBy != "" && !p.Hold && j.Status != PausedStatus && j.Status != Blocked:
		return refuse(InvalidTransition, Details{}, "a job that is %s has no pause or block", j.Status)
	case j.StopReason == StopDecisionDenied && p.Decisions == 0 && !p.Hold:
		return refuse(InvalidTransition, Details{}, "nothing that the job was denied waits for another verdict")
	}
	return nil
}

// askedAgain adds a decision that the ledger before had asked for. It changes no status.
func askedAgain(j Job, f Fact, p ledger.CheckpointAdded) (Job, *Refusal) {
	return askAgain(j, askOf(KindDecision, j, f, p))
}

// askAgain adds a decision that is asked for again.
func askAgain(j Job, ask Ask) (Job, *Refusal) {
	if j.Continued == nil || j.Continued.Unasked == 0 {
		return j, refuse(InvalidTransition, j.details(), "job %s has no decision to be asked for again", j.ID)
	}
	after := *j.Continued
	after.Unasked--
	ask.Continued = true
	j.Continued, j.Decisions = &after, append(j.Decisions, ask)
	return j, nil
}
