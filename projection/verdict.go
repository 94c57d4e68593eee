package projection

import (
	"fmt"
	"strings"

	"gait/ledger"
)

// VerdictTarget returns the ask that a verdict is about: the decision named by
// checkpointID or, if that is empty, the one undecided decision, else the one that is
// denied, else the pause or block.
func VerdictTarget(j Job, v Verdict, checkpointID string) (Ask, *Refusal) {
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
	return Ask{}, refuse(CheckpointRequired, j.details(), "every decision of job %s is approved", j.ID)
}

func named(j Job, checkpointID string) (Ask, *Refusal) {
	for _, a := range j.Decisions {
		if a.CheckpointID == checkpointID {
			return a, nil
		}
	}
	return Ask{}, refuse(DecisionNotOpen, j.details().naming(checkpointID), "checkpoint %s is not an open decision of job %s", checkpointID, j.ID)
}

func several(j Job, open []Ask) *Refusal {
	ids := make([]string, len(open))
	for i, a := range open {
		ids[i] = a.CheckpointID
	}
	return refuse(CheckpointRequired, j.details().naming(ids[0]), "job %s has %d open decisions: %s", j.ID, len(open), strings.Join(ids, ", "))
}

// verdict applies an approval or denial of the event whose leaf hash is target.
func verdict(j Job, f Fact, v Verdict, checkpointID string, target ledger.Hash) (Job, *Refusal) {
	if !j.stopped() {
		return j, cannot(j, fmt.Sprintf("be %s: nothing waits for a verdict", v))
	}
	ask := j.find(target, checkpointID)
	if ask == nil {
		return j, refuse(NothingToApprove, j.details(), "job %s has nothing that waits with leaf hash %s", j.ID, target)
	}
	if ask.Verdict == v {
		return j, refuse(AlreadyDecided, j.details(), "%s of job %s was %s already, by %s", ask.what(), j.ID, v, ask.VerdictBy)
	}
	if v == Approved && (f.Actor == ask.Actor || f.Actor == j.Identity || f.Actor == j.importerOf(*ask)) {
		return j, selfApproval(j, *ask, f.Actor)
	}
	ask.Verdict, ask.VerdictBy, ask.VerdictSeq, ask.VerdictLeaf = v, f.Actor, j.JobSeq+1, ledger.Hash{}
	if v == Denied {
		return j.to(ReasonDenied), nil
	}
	j.Approvals++
	j.ReasonCode = ReasonApproved
	return j, nil
}

// importerOf returns who imported an ask, here or in the ledger before, or "".
func (j Job) importerOf(a Ask) string {
	switch {
	case a.Claimed:
		return j.Imported.Actor
	case a.Continued:
		return j.Continued.ImportedBy
	}
	return ""
}

func selfApproval(j Job, a Ask, actor string) *Refusal {
	why := "who asked for it"
	switch {
	case actor == a.Actor:
	case actor == j.importerOf(a):
		why = "who imported the job"
	default:
		why = "the job's own identity"
	}
	d := j.details()
	d.Actor = actor
	return refuse(SelfApproval, d, "%s of job %s cannot be approved by %s, %s", a.what(), j.ID, actor, why)
}

// find returns a pointer to the ask whose event has this leaf hash. For a decision
// the checkpoint id must match too, since one import can ask for several.
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

// what returns the words for the ask in a sentence.
func (a Ask) what() string {
	switch {
	case a.Kind == KindDecision:
		return "decision " + a.CheckpointID
	case a.Hold:
		return "the hold"
	}
	return "the " + string(a.Kind)
}

// DecisionID returns the checkpoint id by which verdicts name the ask: that of a
// decision, or "" for a pause or block.
func (a Ask) DecisionID() string {
	if a.Kind != KindDecision {
		return ""
	}
	return a.CheckpointID
}
