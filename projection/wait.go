package projection

import (
	"fmt"
	"slices"
	"strings"

	"gait/ledger"
)

// A Condition is a state of a job that a caller can wait for.
type Condition struct {
	text     string
	statuses []Status // the job has one of them; nil if the condition is about decisions
	approved bool     // also requires that nothing is denied
}

// ParseCondition reads a condition:
//
//	status=completed,failed   the job has one of these statuses
//	decided                   no decision waits for a verdict
//	approved                  nothing is undecided or denied: the job may be resumed
//
// It fails with a *ConditionError.
func ParseCondition(text string) (Condition, error) {
	if text == "decided" || text == "approved" {
		return Condition{text: text, approved: text == "approved"}, nil
	}
	list, ok := strings.CutPrefix(text, "status=")
	if !ok {
		return Condition{}, &ConditionError{Text: text}
	}
	c := Condition{text: text}
	for name := range strings.SplitSeq(list, ",") {
		if !slices.Contains(Statuses, Status(name)) {
			return Condition{}, &ConditionError{Text: text, Status: &name}
		}
		c.statuses = append(c.statuses, Status(name))
	}
	return c, nil
}

// String returns the condition as ParseCondition reads it.
func (c Condition) String() string { return c.text }

// Holds reports whether the condition holds for a job, with verdicts judged on a basis. It
// fails with a *NeverError if waiting is useless, because the condition can no longer hold
// for the job, with a *DeniedError if a decision that should be approved was denied, and
// with an *ExpiredError if one has expired.
func (c Condition) Holds(j Job, b Basis) (bool, error) {
	switch {
	case c.statuses != nil:
		if slices.Contains(c.statuses, j.Status) {
			return true, nil
		}
		if !slices.ContainsFunc(c.statuses, j.Status.Reaches) {
			return false, &NeverError{Want: c.text, Job: j}
		}
		return false, nil
	case j.Status.Final() || j.Status == EmergencyStopped:
		return false, &NeverError{Want: c.text, Job: j}
	}
	for _, d := range j.UnsettledAt(b) {
		switch {
		case !d.waitsForReversal():
			return false, nil
		case !c.approved:
		case d.Outcome == OutcomeExpired:
			return false, &ExpiredError{CheckpointID: d.CheckpointID, At: d.Expires, Job: j}
		default:
			return false, denial(j, d, b)
		}
	}
	return true, nil
}

// A ConditionError says that a text is not a condition.
type ConditionError struct {
	Text   string
	Status *string // the part that is not a status; nil if the text has no known form
}

func (e *ConditionError) Error() string {
	if e.Status != nil {
		return fmt.Sprintf("%.40q is not a status", *e.Status)
	}
	return fmt.Sprintf("%.80q is not a condition", e.Text)
}

// Fault returns the code for a text of no known form, or for a name that is not a status.
func (e *ConditionError) Fault() ledger.Fault {
	if e.Status != nil {
		return ledger.Fault{Code: "invalid_status", Category: ledger.CategoryInvalid}
	}
	return ledger.Fault{Code: "invalid_condition", Category: ledger.CategoryInvalid}
}

// A NeverError says that a condition can no longer hold for a job.
type NeverError struct {
	Want string
	Job  Job
}

func (e *NeverError) Error() string {
	return fmt.Sprintf("job %s is %s: %s can no longer hold", e.Job.ID, e.Job.Status, e.Want)
}

// Fault returns the error's code, never_holds.
func (e *NeverError) Fault() ledger.Fault {
	return ledger.Fault{Code: "never_holds", Category: ledger.CategoryInvalid}
}

// A DeniedError says that a decision that should be approved was denied.
type DeniedError struct {
	By       string // the actor who denied it
	Job      Job
	Replaces string // what only a new decision lifts, as that names it; "": another verdict does
}

func denial(j Job, d Judgement, b Basis) *DeniedError {
	e := &DeniedError{By: d.VerdictBy, Job: j}
	if d.Closed(b) {
		e.Replaces = d.ReplacedBy()
	}
	return e
}

func (e *DeniedError) Error() string {
	return fmt.Sprintf("job %s is not approved: %s denied it", e.Job.ID, e.By)
}

// Fault returns the error's code, decision_denied.
func (e *DeniedError) Fault() ledger.Fault {
	return ledger.Fault{Code: "decision_denied", Category: ledger.CategoryApproval}
}

// An ExpiredError says that a decision that should be approved has expired.
type ExpiredError struct {
	CheckpointID string
	At           string // since when
	Job          Job
}

func (e *ExpiredError) Error() string {
	return fmt.Sprintf("job %s is not approved: decision %s has expired, at %s", e.Job.ID, e.CheckpointID, e.At)
}

// Fault returns the error's code, decision_expired.
func (e *ExpiredError) Fault() ledger.Fault {
	return ledger.Fault{Code: string(DecisionExpired), Category: ledger.CategoryApproval}
}
