package projection

import (
	"context"
	"slices"

	"gait/ledger"
)

// What a job waits for, as WaitingFor says it.
const (
	WaitsForWorker     = "worker"
	WaitsForLease      = "lease"      // that a worker takes the lease again, which has ended
	WaitsForDependency = "dependency" // that the jobs are completed which it comes after
	WaitsForTime       = "time"       // that it is due
	WaitsForDecision   = "decision"   // a verdict on what is undecided
	WaitsForHold       = "hold"       // an approval of the hold, and of nothing else that is undecided
	WaitsForReversal   = "reversal"   // a new verdict on what was denied
	WaitsForEffects    = "effects"    // what became of its grants: that is unknown, or their lease has ended
	WaitsForResume     = "resume"
	WaitsForCancel     = "cancel"
	WaitsForNothing    = "none"
)

// WaitsFor lists everything a job can wait for.
var WaitsFor = []string{
	WaitsForWorker, WaitsForLease, WaitsForDependency, WaitsForTime, WaitsForDecision, WaitsForHold, WaitsForReversal, WaitsForEffects,
	WaitsForResume, WaitsForCancel, WaitsForNothing,
}

// WaitingFor says what must come next, as it was recorded: one of WaitsFor. What has expired
// or was revoked since makes no difference, and neither does what became of other jobs:
// WaitingForAt and WaitingNow say that.
func (j Job) WaitingFor() string {
	if word := goesOn(j, Basis{}); word != "" {
		return word
	}
	waiting := afterVerdicts(j)
	for _, a := range j.Unsettled() {
		switch {
		case a.Verdict == Undecided && !a.Hold:
			return WaitsForDecision
		case a.Verdict == Undecided:
			waiting = WaitsForHold
		case waiting != WaitsForHold:
			waiting = WaitsForReversal
		}
	}
	return waiting
}

// WaitingForAt says what must come next, as judged on a basis: one of WaitsFor. What expired or
// was denied waits for a decision that takes its place. A job that comes after others waits for
// them until it is leased: WaitingNow looks whether they are completed.
func (j Job) WaitingForAt(b Basis) string {
	if word := goesOn(j, b); word != "" {
		return word
	}
	waiting := afterVerdicts(j)
	for _, d := range j.UnsettledAt(b) {
		switch {
		case d.waitsForReversal():
			if waiting != WaitsForHold {
				waiting = WaitsForReversal
			}
		case d.Hold:
			waiting = WaitsForHold
		default:
			return WaitsForDecision
		}
	}
	return waiting
}

func (d Judgement) waitsForReversal() bool {
	return d.Outcome == OutcomeDenied || d.Outcome == OutcomeExpired
}

// WaitingWith is WaitingForAt, given the jobs that the job comes after.
func (j Job) WaitingWith(b Basis, after []Dependency) string {
	if j.Awaits() && !slices.ContainsFunc(after, func(d Dependency) bool { return d.Status != Completed }) {
		j.After = nil
	}
	return j.WaitingForAt(b)
}

// WaitingNow is WaitingForAt, and looks in a log whether the jobs are completed that the job
// comes after.
func WaitingNow(ctx context.Context, log ledger.EventReader, j Job, b Basis) (string, error) {
	if !j.Awaits() {
		return j.WaitingForAt(b), nil
	}
	after, err := Dependencies(ctx, log, j)
	return j.WaitingWith(b, after), err
}

// Awaits reports whether other jobs have a say in what the job waits for: it runs, comes after
// them, and was never leased, and so no worker has asked yet whether they are completed.
func (j Job) Awaits() bool { return j.Status == Running && j.Lease == nil && len(j.After) > 0 }

// ApprovedAt reports whether a job is stopped, waits for nothing but a resume, and others have
// approved all that stops it, as judged on a basis. A pause or block without an approval is
// lifted by the actor who resumes the job, and by nothing else.
func ApprovedAt(j Job, b Basis) bool {
	if j.WaitingForAt(b) != WaitsForResume {
		return false
	}
	asked := false
	for a := range j.asks {
		if _, asked = j.approvedBy(a, b); !asked {
			return false
		}
	}
	return asked
}

// goesOn says what a job that is not stopped waits for; "" if it is stopped.
func goesOn(j Job, b Basis) string {
	switch {
	case j.Status.Final():
		return WaitsForNothing
	case j.Status == EmergencyStopped:
		return WaitsForCancel
	case j.Status == Running && slices.ContainsFunc(j.Grants, func(g Grant) bool { return g.Unknown || orphans(&j, b) }):
		return WaitsForEffects
	case j.Status == Running:
		return toWork(j, b)
	}
	return ""
}

// orphans reports whether the job's grants are orphans, since it runs and its newest lease has
// ended: the worker that may have done them is gone. Without a reading no time is judged.
func orphans(j *Job, b Basis) bool {
	return j.Status == Running && j.Lease != nil && !j.Lease.Lives(b.Reading)
}

// toWork says what a running job waits for. Without a reading no time is judged.
func toWork(j Job, b Basis) string {
	switch l := j.Lease; {
	case l == nil && len(j.After) > 0:
		return WaitsForDependency
	case l == nil && !b.Reading.IsZero() && j.NotBefore != "" && !b.expired(j.NotBefore):
		return WaitsForTime
	case orphans(&j, b):
		return WaitsForLease
	}
	return WaitsForWorker
}

// afterVerdicts says what a stopped job waits for of which nothing waits for a verdict.
func afterVerdicts(j Job) string {
	if len(j.Grants) > 0 {
		return WaitsForEffects
	}
	return WaitsForResume
}
