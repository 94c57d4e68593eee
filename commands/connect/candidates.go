package connect

import (
	"context"
	"time"

	"gait/commands/daemon"
	"gait/ledger/root"
	"gait/projection"
)

// A CandidateQuery says which jobs a worker could claim.
type CandidateQuery = daemon.CandidateQuery

// Candidates returns the ids of jobs that a worker could claim now, the oldest first: each
// could be leased, or was approved and waits only for a resume. That is a hint: the lease
// decides. Through a daemon no other client is told of them for two seconds, and q.Wait counts.
// Here there is no other client, and nothing to wait for.
func (l *Ledger) Candidates(ctx context.Context, q CandidateQuery) ([]string, error) {
	if l.daemon != nil {
		return l.daemon.client.Candidates(ctx, q)
	}
	f, err := q.Filter()
	if err != nil {
		return nil, err
	}
	b, err := l.Basis(ctx)
	if err != nil {
		return nil, err
	}
	most := max(q.Limit, 1)
	ids, claims := []string{}, projection.ClaimQuery{Labels: f.Labels, Statuses: f.Statuses, Limit: most, Basis: b}
	for {
		jobs, more, err := projection.Claims(ctx, l.root.Log, claims)
		if err != nil {
			return nil, err
		}
		for _, j := range jobs {
			if !q.Skips(j.ID) && len(ids) < most {
				ids = append(ids, j.ID)
			}
		}
		if !more || len(ids) == most {
			return ids, nil
		}
		claims.After, claims.Limit = projection.ClaimPlace(jobs[len(jobs)-1]), max(most, skipPage)
	}
}

// skipPage is how many jobs are looked at at once behind those that are skipped.
const skipPage = 64

// askWait is how long a daemon is asked to wait at once.
const askWait = 30 * time.Second

// WaitCandidates returns what Candidates does, once there is one. While it waits it has no
// ledger open, and costs next to nothing; q.Wait does not count. Without a daemon a job that
// becomes claimable as time passes is seen within some five seconds. The daemon may stop, be
// killed or start at any moment. Errors are those of Follow.
func WaitCandidates(ctx context.Context, o Options, q CandidateQuery) ([]string, error) {
	o.Mode, o.Create = root.Read, false
	q.Wait = askWait
	w := watch{options: o}
	f := &candidateWaiter{query: q}
	for {
		seen, err := w.look(ctx, f)
		if err != nil || len(f.found) > 0 {
			return f.found, err
		}
		if !w.here { // the daemon has waited, or has others behind those that are skipped
			continue
		}
		if seen != w.seen {
			w.seen, w.idle = seen, 0
		}
		if err := w.pause(ctx, func(*daemonLog) bool { return true }); err != nil {
			return nil, err
		}
	}
}

// A candidateWaiter is what looks for WaitCandidates.
type candidateWaiter struct {
	query CandidateQuery
	found []string
}

// Look asks for candidates.
func (w *candidateWaiter) Look(ctx context.Context, l *Ledger) (seen int64, err error) {
	w.found, err = l.Candidates(ctx, w.query)
	return l.Log.Head().Size, err
}

// Show has nothing to show.
func (w *candidateWaiter) Show() (bool, error) { return len(w.found) > 0, nil }
