package connect

import (
	"context"

	"gait/ledger"
	"gait/projection"
)

// A Waited is a job as a wait saw it last.
type Waited struct {
	Job   projection.Job // zero if it could not be read
	Stop  ledger.Event   // what stopped it; zero if it runs
	Basis projection.Basis
	After []projection.Dependency // the jobs that it comes after; nil if they have no say in what it waits for
}

// Wait follows a job until a condition holds for it. The job must be there. Errors are
// those of Follow, and those of projection.Condition.Holds.
func Wait(ctx context.Context, o Options, job string, want projection.Condition) (Waited, error) {
	w := &waiter{id: job, want: want}
	err := Follow(ctx, o, w)
	return w.seen, err
}

// LookAt returns a job as it is now. The job must be there.
func LookAt(ctx context.Context, l *Ledger, id string) (seen Waited, err error) {
	if seen.Job, err = l.Job(ctx, id); err != nil {
		return Waited{}, err
	}
	if seen.Stop, err = projection.LastStop(ctx, l.Log, seen.Job); err != nil {
		return Waited{}, err
	}
	if seen.Basis, err = l.Basis(ctx); err != nil {
		return Waited{}, err
	}
	if seen.Job.Awaits() {
		if seen.After, err = projection.Dependencies(ctx, l.Log, seen.Job); err != nil {
			return Waited{}, err
		}
	}
	return seen, nil
}

// A waiter is the Follower behind Wait.
type waiter struct {
	id   string
	want projection.Condition
	seen Waited
}

func (w *waiter) Look(ctx context.Context, l *Ledger) (int64, error) {
	seen, err := LookAt(ctx, l, w.id)
	if err != nil {
		return 0, err
	}
	w.seen = seen
	return l.Log.Head().Size, nil
}

func (w *waiter) Show() (bool, error) { return w.want.Holds(w.seen.Job, w.seen.Basis) }
