package worker

import (
	"context"
	"time"

	"gait/ledger"
	"gait/projection"
)

// A Runner runs one job.
type Runner struct {
	Job      Job
	Launcher Launcher
	Options  Options
}

// Run runs the job until it needs no supervisor, cannot go on, or ctx is done. The outcome of an
// error is empty if Run never got the lease, or could not say on the ledger what became of the
// attempt.
func (r *Runner) Run(ctx context.Context) (Outcome, error) {
	x := &run{Runner: r, ctx: ctx, refused: -1}
	waited := Outcome("") // what was waited for before
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		outcome, err := x.lead()
		switch {
		case outcome == "" && waited != "" && passing(err):
			// The ledger cannot be reached just now, or another worker has the job.
			r.Options.logf("taking the lease again: %v", err)
			if !sleep(ctx, pause) {
				return Interrupted, nil
			}
		case err != nil || !r.Options.WaitForPeople || outcome != Waiting && outcome != Paused:
			return outcome, err
		default:
			r.Options.logf("the job is %s: its supervisor waits, without a lease", outcome)
			if r.Options.Waits != nil {
				r.Options.Waits()
			}
			waited, pause = outcome, firstPause
		}
		if outcome, err = x.wait(waited); outcome != "" || err != nil {
			return outcome, err
		}
	}
}

// A run is one call of Run.
type run struct {
	*Runner

	ctx      context.Context // of the call
	failures int             // attempts that failed
	spent    time.Duration   // under leases that have ended
	refused  int64           // the JobSeq of the job after it could not be resumed: it is not tried again before the job has changed
}

func (x *run) interrupted() bool { return x.ctx.Err() != nil }

// lead takes the lease and runs attempts until it has ended.
func (x *run) lead() (Outcome, error) {
	for {
		sent := x.Options.Now()
		s, err := x.Job.Take(x.ctx)
		switch {
		case !s.Holder && x.interrupted():
			return Interrupted, nil
		case err != nil:
			return "", err
		case s.Holder:
			x.failures = max(x.failures, s.Lost)
			outcome, err := x.hold(s, sent)
			x.spent += x.Options.Now().Sub(sent)
			return outcome, err
		case !x.resumable(s):
			return outcomeOf(s), nil
		}
		if outcome, err := x.resume(s); outcome != "" || err != nil {
			return outcome, err
		}
	}
}

// resumable reports whether the job is to be resumed. s was not seen by Watch.
func (x *run) resumable(s State) bool {
	return x.Options.AutoResume && s.Approved && s.JobSeq != x.refused
}

// resume resumes the job. There is an outcome if it is not resumed, and is as it was.
func (x *run) resume(s State) (Outcome, error) {
	x.Options.logf("all that the job was stopped for is approved: resuming it")
	_, err := x.Job.Resume(x.ctx)
	if err == nil {
		return "", nil
	}
	now, again := x.Job.Look(x.ctx)
	switch {
	case again != nil || passing(err):
		return "", err
	case now.Status != s.Status || !now.Approved:
		return "", nil
	}
	x.refused = now.JobSeq
	if !x.Options.WaitForPeople {
		return outcomeOf(now), err
	}
	x.Options.logf("the job is not resumed: %v", err)
	return outcomeOf(now), nil
}

// hold runs attempts under the lease of s, which was asked for at a time.
func (x *run) hold(s State, sent time.Time) (Outcome, error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(x.ctx))
	t := newTerm(ctx, x, s, sent)
	defer t.helpers.Wait()
	defer cancel()
	t.helpers.Go(t.watch)
	return t.attempts()
}

// wait waits until the job can go on after a decision, a pause or a settlement. It holds no
// lease and no child, and returns no outcome then.
func (x *run) wait(outcome Outcome) (Outcome, error) {
	looked := x.refused // the JobSeq of the newest state that was looked at
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		var s State
		err := x.Job.Watch(x.ctx, func(now State) bool {
			s = now
			return ready(now) || x.Options.AutoResume && now.JobSeq > looked
		})
		if err == nil && !ready(s) {
			looked = s.JobSeq
			s, err = x.Job.Look(x.ctx)
			looked = max(looked, s.JobSeq)
		}
		switch {
		case x.interrupted():
			return Interrupted, nil
		case err != nil && !passing(err):
			return outcome, err
		case err == nil && (s.Status.Final() || s.Status == projection.EmergencyStopped):
			return outcomeOf(s), nil
		case err == nil && (ready(s) || x.resumable(s)):
			return "", nil
		case err == nil: // it goes on to wait
			pause = firstPause
			continue
		}
		x.Options.logf("watching the job: %v", err)
		if !sleep(x.ctx, pause) {
			return Interrupted, nil
		}
	}
}

// ready reports whether waiting for people is over, but for a resume.
func ready(s State) bool {
	return s.Status.Final() || s.Status == projection.EmergencyStopped || s.Status == projection.Running && s.OpenGrants == 0
}

// outcomeOf says what became of a job of which Run has no lease any longer.
func outcomeOf(s State) Outcome {
	switch s.Status {
	case projection.Completed:
		return Completed
	case projection.Failed:
		return Failed
	case projection.Cancelled:
		return Cancelled
	case projection.EmergencyStopped:
		return Stopped
	case projection.Running:
		return LeaseLost
	case projection.PausedStatus, projection.DecisionNeeded, projection.Blocked:
	}
	if s.Asked {
		return Waiting
	}
	return Paused
}

// Pauses between tries of what failed and may succeed later.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
)

// sleep waits, and reports whether ctx is not done.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// passing reports whether the same can succeed later: what failed is the way to the ledger, or
// its disk, and not the job.
func passing(err error) bool {
	f, _ := ledger.FaultOf(err)
	switch f.Category {
	case ledger.CategoryContention, ledger.CategoryUnknown, ledger.CategoryIO:
		return true
	case ledger.CategoryInvalid, ledger.CategoryPolicy, ledger.CategoryApproval, ledger.CategoryRegress, ledger.CategoryVerification,
		ledger.CategoryDependency, ledger.CategoryUnsafe, ledger.CategoryConflict, ledger.CategoryInternal:
	}
	return f.Retryable
}
