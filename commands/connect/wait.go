package connect

import (
	"context"

	"gait/ledger"
	"gait/projection"
)

// Wait follows a job until a condition holds for it, and returns the job with
// the event that stopped it, if it does not run. The job must be there. Errors
// are those of Follow, and those of projection.Condition.Holds; the job is then
// the one that was seen last, or zero if none was.
func Wait(ctx context.Context, o Options, job string, want projection.Condition) (projection.Job, ledger.Event, error) {
	w := &waiter{id: job, want: want}
	err := Follow(ctx, o, w)
	return w.job, w.stop, err
}

// A waiter is the Follower behind Wait.
type waiter struct {
	id   string
	want projection.Condition
	job  projection.Job
	stop ledger.Event
	at   projection.Basis
}

func (w *waiter) Look(ctx context.Context, l *Ledger) (seen int64, err error) {
	job, err := l.Job(ctx, w.id)
	if err != nil {
		return 0, err
	}
	stop, err := projection.LastStop(ctx, l.Log, job)
	if err != nil {
		return 0, err
	}
	at, err := l.Basis(ctx)
	if err != nil {
		return 0, err
	}
	w.job, w.stop, w.at = job, stop, at
	return l.Log.Head().Size, nil
}

func (w *waiter) Show() (bool, error) { return w.want.Holds(w.job, w.at) }
