package worker

import (
	"context"
	"time"

	"gait/ledger"
	"gait/projection"
)

// How long one call may take: what is left of the lease, but within these.
const (
	shortestCall = 5 * time.Second
	longestCall  = 30 * time.Second
)

// call returns the context of one call.
func (t *term) call() (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.ctx, min(max(t.left(), shortestCall), longestCall))
}

// look reads the job's state, if it can.
func (t *term) look() {
	ctx, cancel := t.call()
	defer cancel()
	s, err := t.Job.Look(ctx)
	if err != nil {
		t.Options.logf("reading the job: %v", err)
		return
	}
	t.see(s)
}

// write carries out one write under the lease, and tries again while what failed may pass, the
// lease lives and nothing interrupts. It reports whether it was written. If it was not, and there is
// no error, the job has changed meanwhile: t.state says how.
func (t *term) write(what string, do func(context.Context) (State, error)) (written bool, err error) {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		ctx, cancel := t.call()
		s, err := do(ctx)
		cancel()
		if err == nil {
			t.see(s)
			return true, nil
		}
		t.Options.logf("%s: %v", what, err)
		before := t.state
		t.look()
		switch {
		case isFenced(err):
			t.gone = true
			return false, nil
		case moved(before, t.state): // it may even have been this write
			return false, nil
		case !passing(err) || t.left() <= 0 || !sleep(t.run.ctx, pause):
			return false, err
		}
	}
}

// finish completes or fails the job. Nothing is left to do then.
func (t *term) finish(what string, do func(context.Context) (State, error)) (Outcome, error) {
	_, err := t.write(what, do)
	switch {
	case t.state.Status != projection.Running:
		return outcomeOf(t.state), nil
	case !t.lives():
		return LeaseLost, nil
	case t.state.OpenGrants > 0:
		return t.giveBack(ledger.LeaseGaveUp, Waiting), nil
	}
	return t.unsaid(err)
}

// moved reports whether a write under the lease means something else in another state.
func moved(a, b State) bool {
	return a.Status != b.Status || a.Epoch != b.Epoch || a.Holder != b.Holder || a.Attempts != b.Attempts
}

// unsaid is what follows if the ledger did not take what was said about the job, although it is as
// it was.
func (t *term) unsaid(err error) (Outcome, error) {
	if t.left() <= 0 {
		return LeaseLost, err
	}
	t.giveBack(ledger.LeaseGaveUp, "")
	if err == nil {
		return LeaseLost, nil
	}
	return "", err
}

// giveBack releases the lease, if it can: otherwise it ends by time. It returns the outcome, or what
// became of the job meanwhile.
func (t *term) giveBack(how ledger.LeaseOutcome, o Outcome) Outcome {
	written, _ := t.write("giving the lease back", func(ctx context.Context) (State, error) { return t.Job.Release(ctx, how) })
	if !written && t.state.Status != projection.Running {
		return outcomeOf(t.state)
	}
	return o
}

// lost says what became of a job whose lease has ended.
func (t *term) lost() Outcome {
	if t.state.Status == projection.Running {
		t.look()
	}
	if t.state.Status == projection.Running && t.state.Left && t.state.Epoch == t.epoch { // it has been resumed meanwhile
		return Paused
	}
	return outcomeOf(t.state)
}
