package worker

import (
	"context"
	"sync"
	"time"

	"gait/commands/process"
	"gait/ledger"
	"gait/projection"
)

// A term is the time in which Run holds one lease. All but its helpers run in one goroutine.
type term struct {
	*run

	ctx     context.Context // of the term's calls: unlike that of Run, not done before the term ends
	helpers sync.WaitGroup

	epoch    int64
	state    State         // the newest that was seen
	ahead    time.Duration // how far the ledger's clock is ahead of this one, at most
	gone     bool          // the ledger says that the lease has ended
	deadline time.Time     // of all attempts; zero: none
	child    Child         // nil between attempts

	silence *time.Timer // fires when half of the lease has passed since the holder was heard
	silent  bool        // it has fired

	states   chan State   // what watch saw last
	renewals chan renewal // how a renewal went
	renewing bool         // one is on its way
	failing  bool         // the last one failed
	retryAt  time.Time    // when to try the next one, after that
}

// A renewal is what a renewal led to.
type renewal struct {
	state State
	sent  time.Time
	err   error
}

// newTerm makes a term of a lease that was asked for at a time.
func newTerm(ctx context.Context, x *run, s State, sent time.Time) *term {
	t := &term{run: x, ctx: ctx, epoch: s.Epoch, state: s, states: make(chan State, 1), renewals: make(chan renewal, 1)}
	t.silence = time.NewTimer(s.TTL / 2)
	t.compare(s, sent)
	if x.Options.Deadline > 0 {
		t.deadline = sent.Add(x.Options.Deadline - x.spent)
	}
	return t
}

// compare compares the clocks: the ledger's read s.Until less the TTL at some time after sent. So
// the lease is never thought to live longer than it does.
func (t *term) compare(s State, sent time.Time) { t.ahead = s.Until.Add(-s.TTL).Sub(sent) }

// left returns how long the lease still lives.
func (t *term) left() time.Duration { return t.state.Until.Add(-t.ahead).Sub(t.Options.Now()) }

// see takes a state that was read, if it is newer.
func (t *term) see(s State) {
	if s.JobSeq < t.state.JobSeq {
		return
	}
	if !s.Until.Equal(t.state.Until) {
		t.silent = false
		t.silence.Reset(s.TTL / 2)
	}
	t.state = s
	if t.child != nil && t.lives() {
		t.child.Expire(max(0, t.left()))
	}
}

// lives reports whether, as far as is known, the lease has not ended but by time.
func (t *term) lives() bool { return !t.gone && t.state.Holder && t.state.Epoch == t.epoch }

// A wake is why stay returned.
type wake int

const (
	byChild     wake = iota // it has ended
	byTime                  // it is time
	byLease                 // the lease has ended, or is about to and cannot be renewed
	byStatus                // the job does not run any longer
	byInterrupt             // ctx is done
)

// margin is the last part of a lease in which, if it cannot be renewed, it is given up: the child
// must be gone when another worker can take the job.
func (t *term) margin() time.Duration { return min(t.Options.Grace, t.state.TTL/4) }

// tick is how often stay looks at the clock: timers stand still while the machine sleeps.
const tick = time.Second

// stay keeps the lease until a child has ended, if there is one, a time has come, if it is not
// zero, or something has happened that ends the attempt.
func (t *term) stay(ctx context.Context, exited <-chan process.Exit, until time.Time) (wake, process.Exit) {
	for {
		now := t.Options.Now()
		if why, over := t.over(); over {
			return why, process.Exit{}
		}
		if !until.IsZero() && !now.Before(until) {
			return byTime, process.Exit{}
		}
		pause := t.keep(now)
		if !until.IsZero() {
			pause = min(pause, until.Sub(now))
		}
		timer := time.NewTimer(pause)
		select {
		case e := <-exited:
			timer.Stop()
			return byChild, e
		case <-ctx.Done():
			timer.Stop()
			return byInterrupt, process.Exit{}
		case s := <-t.states:
			t.see(s)
		case r := <-t.renewals:
			t.renewed(r)
		case <-t.silence.C:
			t.silent = true
		case <-timer.C:
		}
		timer.Stop()
	}
}

// over reports whether the attempt has to end, since the job does not run or the lease has ended. A
// supervisor that was frozen finds out here, by the clock, before it does anything else.
func (t *term) over() (wake, bool) {
	left := t.left()
	switch {
	case t.state.Status != projection.Running:
		return byStatus, true
	case !t.lives() || left <= 0 || t.failing && left <= t.margin():
		return byLease, true
	}
	return 0, false
}

// keep begins to renew the lease if half of it has passed in silence, by the ledger's clock or by
// this machine's timers: a clock that was set back is set right again. It returns when to look
// again.
func (t *term) keep(now time.Time) time.Duration {
	left := t.left()
	if half := left - t.state.TTL/2; half > 0 && !t.silent {
		return min(tick, half)
	}
	if t.renewing || now.Before(t.retryAt) {
		return tick
	}
	t.renewing = true
	ctx, cancel := context.WithTimeout(t.ctx, max(time.Second, left-t.margin()))
	t.helpers.Go(func() {
		defer cancel()
		r := renewal{sent: now}
		if r.state, r.err = t.Job.Renew(ctx); isFenced(r.err) {
			if s, err := t.Job.Look(ctx); err == nil {
				r.state = s // it says why
			}
		}
		t.renewals <- r
	})
	return tick
}

// renewed takes in how a renewal went.
func (t *term) renewed(r renewal) {
	t.renewing, t.failing = false, r.err != nil
	switch {
	case r.err == nil:
		t.compare(r.state, r.sent)
		t.see(r.state)
	case isFenced(r.err):
		t.see(r.state)
		t.gone = true
	default:
		t.retryAt = t.Options.Now().Add(max(time.Second/4, t.state.TTL/20))
		t.Options.logf("renewing the lease: %v", r.err)
	}
}

// settle waits for a renewal that is on its way: after the job's last event it would be refused.
func (t *term) settle() {
	if t.renewing {
		t.renewed(<-t.renewals)
	}
}

// watchAfter is how old an attempt must be before the job is watched: short ones need not be.
const watchAfter = firstPause

// watch passes on what the job comes to be, until the term ends.
func (t *term) watch() {
	for pause := watchAfter; sleep(t.ctx, pause); pause = min(2*pause, time.Second) {
		err := t.Job.Watch(t.ctx, func(s State) bool {
			select {
			case <-t.states: // only the newest counts
			default:
			}
			t.states <- s
			return false
		})
		if err != nil && t.ctx.Err() == nil {
			t.Options.logf("watching the job: %v", err)
		}
	}
}

// isFenced reports whether a write was refused since the lease has ended.
func isFenced(err error) bool {
	f, ok := ledger.FaultOf(err)
	return err != nil && ok && f.Code == "fenced"
}
