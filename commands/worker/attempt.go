package worker

import (
	"context"
	"fmt"
	"time"

	"gait/commands/process"
	"gait/ledger"
	"gait/projection"
)

// An ending is how an attempt ended.
type ending struct {
	wake wake
	time ledger.AttemptCause // of byTime: timeout or deadline
	exit process.Exit
	tail []byte
}

// attempts runs attempts until the lease has ended or is given back.
func (t *term) attempts() (Outcome, error) {
	if !t.deadline.IsZero() && !t.Options.Now().Before(t.deadline) {
		return t.fail("no time for another attempt", nil)
	}
	if t.failures > t.Options.Retries {
		if t.state.OpenGrants > 0 {
			return t.giveBack(ledger.LeaseGaveUp, Waiting), nil
		}
		how := "no try is left"
		if t.state.Lost > 0 {
			how = fmt.Sprintf("lost, %d in a row", t.state.Lost)
		}
		return t.fail(how, nil)
	}
	for {
		e, outcome, err := t.attempt()
		if outcome == "" && err == nil {
			outcome, err = t.conclude(e)
		}
		if outcome == "" && err == nil {
			outcome, err = t.retry(e)
		}
		if outcome != "" || err != nil {
			return outcome, err
		}
	}
}

// attempt runs the command once. There is an outcome only if it did not start.
func (t *term) attempt() (ending, Outcome, error) {
	e := ending{wake: byInterrupt}
	if t.interrupted() {
		return e, t.giveBack(ledger.LeaseGaveUp, Interrupted), nil
	}
	if _, over := t.over(); over {
		return e, t.lost(), nil // it was frozen since it took the lease
	}
	n := t.state.Attempts + 1
	child, err := t.Launcher.Start(t.run.ctx, t.state, n)
	switch {
	case child == nil && t.interrupted():
		return e, t.giveBack(ledger.LeaseGaveUp, Interrupted), nil
	case err != nil:
		t.Options.logf("attempt %d could not be started: %v", n, err)
		_, _ = t.write("saying that the attempt did not start", func(ctx context.Context) (State, error) {
			return t.Job.EndAttempt(ctx, ledger.AttemptNotStarted, nil, nil)
		})
		return e, t.giveBack(ledger.LeaseGaveUp, NotStarted), err
	}
	t.Options.logf("attempt %d has started", n)
	t.child = child
	child.Expire(max(0, t.left()))
	due, cause := t.due()
	exited := make(chan process.Exit, 1)
	t.helpers.Go(func() { exited <- child.Wait() })
	if e.wake, e.exit = t.stay(t.run.ctx, exited, due); e.wake != byChild {
		e.exit = t.end(e.wake, exited)
	}
	t.child = nil
	e.time, e.tail = cause, child.Tail()
	return e, "", nil
}

// due returns when the next attempt has taken too long, and what that is; zero if it never has.
func (t *term) due() (time.Time, ledger.AttemptCause) {
	due := t.deadline
	if t.Options.Timeout > 0 {
		if at := t.Options.Now().Add(t.Options.Timeout); due.IsZero() || at.Before(due) {
			return at, ledger.AttemptTimeout
		}
	}
	return due, ledger.AttemptDeadline
}

// end ends the child, and keeps the lease meanwhile if it still has it.
func (t *term) end(why wake, exited <-chan process.Exit) process.Exit {
	if why == byStatus && t.byItself() {
		if e, ok := t.linger(exited); ok {
			return e
		}
	}
	t.child.Terminate(t.Options.Grace)
	why, e := t.stay(t.ctx, exited, time.Time{})
	if why != byChild {
		e = <-exited
	}
	return e
}

// byItself reports whether it was the worker who had the job stop running: it asked for a
// decision, or says that the job is done or has failed. Then it is about to end.
func (t *term) byItself() bool {
	return t.state.Asked || t.state.Status == projection.Completed || t.state.Status == projection.Failed
}

// linger gives a child the time to end by itself, and reports whether it did.
func (t *term) linger(exited <-chan process.Exit) (process.Exit, bool) {
	late := time.NewTimer(t.Options.Grace)
	defer late.Stop()
	for t.byItself() {
		select {
		case e := <-exited:
			return e, true
		case s := <-t.states:
			t.see(s)
		case r := <-t.renewals:
			t.renewed(r)
		case <-t.run.ctx.Done():
			return process.Exit{}, false
		case <-late.C:
			return process.Exit{}, false
		}
	}
	return process.Exit{}, false
}

// conclude says on the ledger how an attempt ended, and what follows. Without an outcome the
// attempt has failed, and there may be another one.
func (t *term) conclude(e ending) (Outcome, error) {
	t.settle()
	t.look()
	if t.state.Status.Final() || t.state.Epoch != t.epoch {
		return t.lost(), nil // nothing more can be said of the attempt
	}
	cause := t.cause(e)
	t.Options.logf("attempt %d: %s, exit %d", t.state.Attempts+1, cause, e.exit.Code)
	_, err := t.write("saying how the attempt ended", func(ctx context.Context) (State, error) {
		return t.Job.EndAttempt(ctx, cause, &e.exit, e.tail)
	})
	switch {
	case t.state.Status != projection.Running:
		return outcomeOf(t.state), nil
	case !t.gone && (t.state.Left || e.wake == byStatus): // it has been resumed meanwhile
		if cause == ledger.AttemptAsked {
			return Waiting, nil
		}
		return Paused, nil
	case err != nil:
		return t.unsaid(err)
	case !t.lives() || t.left() <= 0:
		return LeaseLost, nil
	case e.wake == byLease: // it could not be renewed, but still lives
		return t.giveBack(ledger.LeaseGaveUp, LeaseLost), nil
	case e.wake == byInterrupt:
		return t.giveBack(ledger.LeaseGaveUp, Interrupted), nil
	case t.state.OpenGrants > 0: // the gate would block all that another attempt wants to do
		t.Options.logf("it is not known what became of %d effects", t.state.OpenGrants)
		return t.giveBack(ledger.LeaseGaveUp, Waiting), nil
	case e.wake == byTime || e.exit.Code != 0:
		return "", nil
	case t.Options.NoComplete:
		return t.giveBack(ledger.LeaseDone, Left), nil
	}
	return t.finish("completing the job", func(ctx context.Context) (State, error) {
		return t.Job.Complete(ctx, "the command exited with 0")
	})
}

// cause is the cause that the ledger keeps of an ending.
func (t *term) cause(e ending) ledger.AttemptCause {
	switch {
	case t.state.Status == projection.EmergencyStopped:
		return ledger.AttemptStopped
	case t.state.Status != projection.Running && t.state.Asked, t.state.Left && e.wake == byChild && e.exit.Code == AskedExit:
		return ledger.AttemptAsked
	}
	switch e.wake {
	case byTime:
		return e.time
	case byLease:
		return ledger.AttemptLeaseLost
	case byStatus:
		return ledger.AttemptPaused
	case byInterrupt:
		return ledger.AttemptInterrupted
	case byChild:
	}
	if e.exit.Signal != 0 {
		return ledger.AttemptSignaled
	}
	return ledger.AttemptExited
}

// retry pauses before another attempt, or says that the job has failed.
func (t *term) retry(e ending) (Outcome, error) {
	t.failures++
	code, how := e.exit.Code, fmt.Sprintf("exit %d", e.exit.Code)
	if e.wake == byTime {
		code, how = TimeoutExit, string(e.time)
	}
	now := t.Options.Now()
	pause := t.Options.Backoff.pause(t.failures, t.Options.part())
	switch {
	case e.wake == byTime && e.time == ledger.AttemptDeadline,
		!t.deadline.IsZero() && !now.Add(pause).Before(t.deadline):
		how += ", and no time for another attempt"
	case !t.Options.again(code):
		how += ", which is not tried again"
	case t.failures <= t.Options.Retries:
		t.Options.logf("%s: another attempt in %s", how, pause.Round(time.Millisecond))
		switch why, _ := t.stay(t.run.ctx, nil, now.Add(pause)); why {
		case byTime, byChild:
			return "", nil
		case byInterrupt:
			return t.giveBack(ledger.LeaseGaveUp, Interrupted), nil
		case byLease, byStatus:
		}
		return t.lost(), nil
	}
	return t.fail(how, e.tail)
}

// fail says that the job has failed, and how its last attempt ended.
func (t *term) fail(how string, tail []byte) (Outcome, error) {
	return t.finish("failing the job", func(ctx context.Context) (State, error) {
		return t.Job.Fail(ctx, fmt.Sprintf("attempt %d: %s", t.state.Attempts, how), tail)
	})
}
