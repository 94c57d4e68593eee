package projection

import (
	"context"

	"gait/ledger"
)

// A ClaimQuery says which jobs a worker could take.
type ClaimQuery struct {
	Labels   []ledger.Label // the job has all of them
	Statuses []Status       // the job has one of them; none: it is running
	After    Place          // begin behind it; zero: at the beginning
	Limit    int            // at least 1
	Basis    Basis          // by which leases and times are judged; its Reading is not zero
}

// Query returns the list of the jobs that a worker could take.
func (q ClaimQuery) Query() Query {
	f := Filter{Labels: q.Labels, Statuses: q.Statuses, Basis: q.Basis, Waiting: []string{WaitsForWorker, WaitsForLease, WaitsForResume}, free: true}
	if len(f.Statuses) == 0 {
		f.Statuses = []Status{Running}
	}
	return Query{Filter: f, Sort: ByCreated, Reverse: true, After: q.After, Limit: q.Limit}
}

// Claims returns the first jobs that a worker could take, up to q.Limit, and whether more would
// follow: those that could be leased now, since they run, no lease of theirs lives, they are
// due, the jobs that they come after are completed, and none of their grants is unknown, or open
// after their lease has ended. With other statuses than running it also returns those that
// ApprovedAt is true of: they are resumed first. The job that was created first comes first.
//
// It is a hint: by the time a worker takes the lease, another one may have it.
func Claims(ctx context.Context, log Lister, q ClaimQuery) (jobs []Job, more bool, err error) {
	return List(ctx, log, q.Query())
}
