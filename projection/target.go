package projection

import "gait/ledger"

// VerdictOn returns the ask that a verdict is about, as VerdictTarget does. If target is
// not zero, it is the leaf hash of the event that asked: the verdict is about no other.
func VerdictOn(j Job, b Basis, v Verdict, checkpointID string, target ledger.Hash) (Ask, *Refusal) {
	if !target.IsZero() && j.stopped() {
		if asks := askedBy(j, target, checkpointID); len(asks) == 1 {
			return asks[0], nil
		}
	}
	ask, no := VerdictTarget(j, b, v, checkpointID)
	if no == nil && !target.IsZero() && ask.Target != target {
		return Ask{}, refuse(DecisionNotOpen, j.details(), "%s of job %s is not what the verdict is about: event %s asked for that, and it does not wait", ask.what(), j.ID, target)
	}
	return ask, no
}

// askedBy returns what the event with a leaf hash asked for, under the checkpoint id if
// that is not empty. An import can ask for several decisions.
func askedBy(j Job, target ledger.Hash, checkpointID string) (asks []Ask) {
	for _, a := range j.Decisions {
		if a.Target == target && (checkpointID == "" || a.CheckpointID == checkpointID) {
			asks = append(asks, a)
		}
	}
	if j.Stop != nil && j.Stop.Target == target && checkpointID == "" {
		asks = append(asks, *j.Stop)
	}
	return asks
}
