package projection

import (
	"fmt"
	"strings"

	"gait/ledger"
)

// Judged returns what a verdict goes to: the decision named by checkpointID,
// or, where that is empty, the one undecided decision, else the one that is
// denied, else the pause or block.
func Judged(j Job, v Verdict, checkpointID string) (Ask, *Refusal) {
	if !j.stopped() {
		return Ask{}, cannot(j, fmt.Sprintf("be %s: nothing waits for a verdict", v))
	}
	if checkpointID != "" {
		return named(j, checkpointID)
	}
	for _, want := range []Verdict{Undecided, Denied} {
		var open []Ask
		for _, a := range j.Decisions {
			if a.Verdict == want {
				open = append(open, a)
			}
		}
		switch {
		case len(open) == 1:
			return open[0], nil
		case len(open) > 1:
			return Ask{}, several(j, open)
		}
	}
	if j.Stop != nil {
		return *j.Stop, nil
	}
	if len(j.Decisions) == 1 {
		return j.Decisions[0], nil
	}
	return Ask{}, refuse(CheckpointRequired, "name the decision with --checkpoint", "every decision of job %s is approved", j.ID)
}

func named(j Job, checkpointID string) (Ask, *Refusal) {
	for _, a := range j.Decisions {
		if a.CheckpointID == checkpointID {
			return a, nil
		}
	}
	return Ask{}, refuse(DecisionNotOpen, "gait job status --id "+j.ID+" lists the open decisions",
		"checkpoint %s is not an open decision of job %s", checkpointID, j.ID)
}

func several(j Job, open []Ask) *Refusal {
	ids := make([]string, len(open))
	for i, a := range open {
		ids[i] = a.CheckpointID
	}
	return refuse(CheckpointRequired, "name one: --checkpoint "+ids[0],
		"job %s has %d open decisions: %s", j.ID, len(open), strings.Join(ids, ", "))
}

// verdict applies an approval or denial of the event whose leaf hash is target.
func verdict(j Job, f Fact, v Verdict, checkpointID string, target ledger.Hash) (Job, *Refusal) {
	if !j.stopped() {
		return j, cannot(j, fmt.Sprintf("be %s: nothing waits for a verdict", v))
	}
	ask := j.find(target, checkpointID)
	if ask == nil {
		return j, refuse(NothingToApprove, "gait job status --id "+j.ID+" shows what waits", "job %s has nothing that waits with leaf hash %s", j.ID, target)
	}
	if ask.Verdict == v {
		return j, refuse(AlreadyDecided, "gait job status --id "+j.ID+" shows what else waits", "%s of job %s was %s already, by %s", ask.what(), j.ID, v, ask.VerdictBy)
	}
	if v == Approved && (f.Actor == ask.Actor || f.Actor == j.Identity || ask.Claimed && f.Actor == j.Imported.Actor) {
		return j, selfApproval(j, *ask, f.Actor)
	}
	ask.Verdict, ask.VerdictBy, ask.VerdictSeq, ask.VerdictLeaf = v, f.Actor, j.JobSeq+1, ledger.Hash{}
	if v == Denied {
		return j.to(Blocked, StopDecisionDenied, ReasonDenied), nil
	}
	j.Approvals++
	j.ReasonCode = ReasonApproved
	return j, nil
}

func selfApproval(j Job, a Ask, actor string) *Refusal {
	why := "who asked for it"
	switch {
	case actor == a.Actor:
	case a.Claimed && actor == j.Imported.Actor:
		why = "who imported the job"
	default:
		why = "the job's own identity"
	}
	return refuse(SelfApproval, "have somebody else approve it: --actor <NAME>", "%s of job %s cannot be approved by %s, %s", a.what(), j.ID, actor, why)
}

// find returns, in place, the ask whose event has this leaf hash: a decision
// by its checkpoint, too, since one import can ask for many.
func (j Job) find(target ledger.Hash, checkpointID string) *Ask {
	for i := range j.Decisions {
		if a := &j.Decisions[i]; a.Target == target && a.CheckpointID == checkpointID {
			return a
		}
	}
	if j.Stop != nil && j.Stop.Target == target && checkpointID == "" {
		return j.Stop
	}
	return nil
}

// what names the ask in a sentence.
func (a Ask) what() string {
	if a.Kind == KindDecision {
		return "decision " + a.CheckpointID
	}
	return "the " + a.Kind
}

// DecisionID returns the checkpoint id by which verdicts name the ask: that of
// a decision, and none for a pause or block.
func (a Ask) DecisionID() string {
	if a.Kind != KindDecision {
		return ""
	}
	return a.CheckpointID
}
