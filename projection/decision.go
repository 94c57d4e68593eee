package projection

import (
	"slices"

	"gait/ledger"
)

// decisionNeeded adds the decision that a checkpoint asks for, perhaps in the place of
// something else that the job waits for.
func decisionNeeded(j Job, f Fact, p ledger.CheckpointAdded) (Job, *Refusal) {
	ask := askOf(KindDecision, j, f, p)
	if f.basis().expired(ask.Expires) {
		return j, refuse(InvalidTransition, j.details(), "the decision would expire at %s, and it is %s", ask.Expires, ledger.FormatTime(f.reading().UTC()))
	}
	if p.Replaces != "" {
		before, no := takeOut(&j, p.Replaces)
		if no != nil {
			return j, no
		}
		// Who asked for what is replaced, or imported it, may not approve the replacement either.
		ask.Claimed, ask.Continued, ask.Askers = before.Claimed, before.Continued, before.askers()
		if len(ask.Askers) > MaxAskers {
			return j, refuse(TooManyDecisions, j.details(), "more than %d actors asked for what this decision would take the place of", MaxAskers)
		}
	}
	if len(j.Decisions) >= ledger.MaxOpenDecisions {
		return j, refuse(TooManyDecisions, j.details(),
			"job %s has asked for %d decisions since it last ran, approved ones included: the most that one resume can use up", j.ID, len(j.Decisions))
	}
	j.Decisions = append(j.Decisions, ask)
	if j.Status == DecisionNeeded {
		return j, nil
	}
	return j.to(ReasonDecisionNeeded), nil
}

// askers returns who asked for an ask, and for what it took the place of, each once.
func (a Ask) askers() []Asker {
	if own := (Asker{a.Actor, a.AskedKey}); !slices.Contains(a.Askers, own) {
		return append(slices.Clone(a.Askers), own)
	}
	return slices.Clone(a.Askers)
}

// takeOut removes what a new decision takes the place of, and returns it: the decision or
// block of a checkpoint id, or the pause or hold if that was denied.
func takeOut(j *Job, replaced string) (Ask, *Refusal) {
	for i, a := range j.Decisions {
		if a.CheckpointID == replaced {
			j.Decisions = slices.Delete(j.Decisions, i, i+1)
			return a, nil
		}
	}
	if s := j.Stop; s != nil && (s.CheckpointID == replaced || replaced == ledger.ReplacesPause && s.CheckpointID == "" && s.Verdict == Denied) {
		j.Stop = nil
		return *s, nil
	}
	if replaced == ledger.ReplacesPause {
		return Ask{}, refuse(DecisionNotOpen, j.details(), "no pause or hold of job %s was denied, so that nothing takes its place", j.ID)
	}
	return Ask{}, refuse(DecisionNotOpen, j.details().naming(replaced), "checkpoint %s is not a decision or block that job %s waits for", replaced, j.ID)
}

// asAsked returns what the event that asked says of who decides, until when, and about
// what, leaving aside what it replaced.
func (a Ask) asAsked() ledger.Decision {
	d := ledger.Decision{Approvers: slices.Clone(a.Approvers), Quorum: a.Quorum, Subject: a.Subject}
	d.ExpiresAt, _ = ledger.ParseTime(a.Expires) // zero if it never expires
	return d
}

// ReplacedBy returns how a new decision names the ask that it takes the place of.
func (a Ask) ReplacedBy() string {
	if a.CheckpointID == "" {
		return ledger.ReplacesPause
	}
	return a.CheckpointID
}

// namesContent records the secret of the job's content, which one event names.
func (j *Job) namesContent(key ledger.Hash) *Refusal {
	if key.IsZero() {
		return nil
	}
	if !j.ContentKey.IsZero() {
		return refuse(InvalidTransition, Details{}, "the content of job %s has a secret already", j.ID)
	}
	j.ContentKey = key
	return nil
}
