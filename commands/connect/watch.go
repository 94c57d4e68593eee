package connect

import (
	"context"
	"time"

	"gait/ledger/root"
	"gait/projection"
)

// watchGap is how long a job that changes all the time is not looked at again.
const watchGap = 200 * time.Millisecond

// WatchJob calls visit with a job as it is, and again when it has changed, until visit
// reports that it is done. The job must be there. Of several changes within a fraction of a
// second visit may see only the last one. A lease that ends by time is no change.
//
// WatchJob sees a change within half a second, through a daemon and without. Between two
// looks it has no ledger open, and costs next to nothing. The daemon may stop, be killed or
// start at any moment. Errors are those of Follow.
func WatchJob(ctx context.Context, o Options, id string, visit func(projection.Job) (done bool)) error {
	o.Mode, o.Create = root.Read, false
	return Follow(ctx, o, &jobWatcher{id: id, visit: visit})
}

// A jobWatcher is the Follower behind WatchJob.
type jobWatcher struct {
	id    string
	visit func(projection.Job) bool
	job   projection.Job // as it was seen last
	shown int64          // the job_seq of what visit was called with
}

func (w *jobWatcher) pace() (job string, gap time.Duration) { return w.id, watchGap }

func (w *jobWatcher) Look(ctx context.Context, l *Ledger) (int64, error) {
	j, err := l.Job(ctx, w.id)
	if err != nil {
		return 0, err
	}
	w.job = j
	return l.Log.Head().Size, nil
}

func (w *jobWatcher) Show() (bool, error) {
	if w.job.JobSeq == w.shown {
		return false, nil
	}
	w.shown = w.job.JobSeq
	return w.visit(w.job), nil
}
