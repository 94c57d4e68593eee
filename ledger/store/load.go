package store

import (
	"context"

	"gait/ledger"
	"gait/ledger/mpt"
)

// Load returns what the log holds under the ids of jobs and requests, all of one
// commit. The view of a job is the one that Append was given with the job's last event,
// or nil.
//
// If the index is proved, then so is the answer: each id is looked up in the index, and
// what is under it must be the leaf hash of the event that is returned, or of the one
// that the job's head is made from. It fails with an *ledger.IndexError if not.
func (l *indexReader) Load(ctx context.Context, jobs, requests []string, calls ...ledger.CallID) (ledger.Records, error) {
	return settled(ctx, l, func(at *indexReader) (ledger.Records, error) {
		st := at.now.Load()
		if err := st.index.check(); err != nil {
			return ledger.Records{}, err
		}
		q := lookup{log: at, st: st, jobs: jobs, requests: requests}
		if st.index.proved() {
			if err := q.search(ctx); err != nil {
				return ledger.Records{}, ofPages(err)
			}
		}
		if err := q.read(ctx); err != nil {
			return ledger.Records{}, err
		}
		return q.records(ctx)
	})
}

// settled returns what read returns. If that is an error, it may be because a commit
// came in between, so read is called once more with a log that stays as it is.
func settled[T any](ctx context.Context, l *indexReader, read func(*indexReader) (T, error)) (T, error) {
	found, err := read(l)
	if err == nil || isIO(err) || l.live == nil {
		return found, err
	}
	at, snap, err := l.live.pin(ctx)
	if err != nil {
		return found, err
	}
	defer snap.Close()
	return read(at)
}

// A lookup finds jobs and requests by their ids, in one state of a log.
type lookup struct {
	log            *indexReader
	st             *state
	jobs, requests []string
	leaves         []ledger.Hash // under the keys of jobs and of requests, in the index; zero if there is none
	rows           [][]byte      // of jobs and of requests; nil if there is none
}

// search finds all ids in the index.
func (q *lookup) search(ctx context.Context) error {
	keys := make([]mpt.Key, 0, len(q.jobs)+len(q.requests))
	for _, id := range q.jobs {
		keys = append(keys, ledger.JobKey(id))
	}
	for _, id := range q.requests {
		keys = append(keys, ledger.RequestKey(id))
	}
	q.leaves = make([]ledger.Hash, len(keys))
	tree, pages := q.st.index.tree, q.log.pages()
	if err := tree.Warm(ctx, pages, keys); err != nil {
		return err
	}
	for i, key := range keys {
		value, _, err := tree.Get(ctx, pages, key)
		if err != nil {
			return err
		}
		q.leaves[i] = ledger.Hash(value)
	}
	return nil
}

// read reads the rows of the ids that may have one, in one trip.
func (q *lookup) read(ctx context.Context) error {
	n := len(q.jobs) + len(q.requests)
	q.rows = make([][]byte, n)
	keys, places := make([][]byte, 0, n), make([]int, 0, n)
	for i := range n {
		if q.leaves != nil && q.leaves[i].IsZero() {
			continue
		}
		if q.leaves != nil && q.leaves[i] == q.st.inherits.leaf {
			q.rows[i] = encodeSeq(0) // event 0 used it, of which there is no row
			continue
		}
		places = append(places, i)
		if i < len(q.jobs) {
			keys = append(keys, headKey(q.jobs[i]))
		} else {
			keys = append(keys, requestKey(q.requests[i-len(q.jobs)]))
		}
	}
	if len(keys) == 0 {
		return ctx.Err()
	}
	values, err := q.log.read.GetMany(ctx, keys)
	if err != nil {
		return err
	}
	for i, place := range places {
		q.rows[place] = values[i]
	}
	if q.st.old {
		var jobs [][]byte
		jobs, err = withViews(ctx, q.log.read, q.jobs, q.rows[:len(q.jobs)])
		copy(q.rows, jobs)
	}
	return err
}

// records returns what was found, each with its event.
func (q *lookup) records(ctx context.Context) (ledger.Records, error) {
	found := ledger.Records{Jobs: make(map[string]ledger.JobEntry, len(q.jobs)), Requests: map[string]ledger.Event{}}
	rows := make([]jobRow, len(q.jobs))
	seqs := make([]ledger.Seq, len(q.rows))
	for i := range q.rows {
		var err error
		if i < len(q.jobs) {
			rows[i], err = q.job(i)
			seqs[i] = rows[i].head.Seq
		} else {
			seqs[i], err = q.request(i)
		}
		if err != nil {
			return ledger.Records{}, err
		}
	}
	events, err := q.events(ctx, seqs)
	if err != nil {
		return ledger.Records{}, err
	}
	for i, e := range events {
		switch {
		case q.rows[i] == nil:
		case i < len(q.jobs):
			found.Jobs[q.jobs[i]] = rows[i].entry(q.jobs[i], q.st, e)
		default:
			found.Requests[q.requests[i-len(q.jobs)]] = e
		}
	}
	return found, nil
}

// job reads the row of a job, and compares it with the index.
func (q *lookup) job(i int) (jobRow, error) {
	if q.rows[i] == nil {
		return jobRow{}, q.missing(i, "job", q.jobs[i])
	}
	row, err := decodeJobRow(q.jobs[i], q.rows[i])
	if err == nil && q.leaves != nil && row.head.Leaf != q.leaves[i] {
		err = mismatch(-1, "job %s ends with leaf hash %s, its row says %s", q.jobs[i], q.leaves[i], row.head.Leaf)
	}
	return row, err
}

// request reads the row of a request id.
func (q *lookup) request(i int) (ledger.Seq, error) {
	id := q.requests[i-len(q.jobs)]
	if q.rows[i] == nil {
		return 0, q.missing(i, "request id", id)
	}
	seq, ok := decodeSeq(q.rows[i])
	if !ok {
		return 0, corrupt(-1, "expected the event of request id %q, found %s", id, rowSaid(q.rows[i]))
	}
	return seq, nil
}

// missing fails if the index has an id that has no row.
func (q *lookup) missing(i int, what, id string) error {
	if q.leaves == nil || q.leaves[i].IsZero() {
		return nil
	}
	return mismatch(-1, "%s %s has no row, and leaf hash %s", what, id, q.leaves[i])
}

// events reads the events that the rows name. If the index is proved, their leaf
// hashes must be those in the index. Otherwise the events of requests are checked
// against the tree, and those of jobs are not read.
func (q *lookup) events(ctx context.Context, seqs []ledger.Seq) ([]ledger.Event, error) {
	events := make([]ledger.Event, len(seqs))
	if q.leaves != nil {
		return events, q.indexed(ctx, seqs, events)
	}
	for i := len(q.jobs); i < len(seqs); i++ {
		if q.rows[i] == nil {
			continue
		}
		var err error
		if events[i], err = q.log.event(ctx, seqs[i]); err != nil {
			return nil, err
		}
	}
	return events, nil
}

// indexed reads the events that the rows name and compares them with the index.
func (q *lookup) indexed(ctx context.Context, seqs []ledger.Seq, events []ledger.Event) error {
	keys, places := make([][]byte, 0, len(seqs)), make([]int, 0, len(seqs))
	for i, seq := range seqs {
		if q.rows[i] != nil {
			keys, places = append(keys, eventKey(seq)), append(places, i)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	values, err := q.log.read.GetMany(ctx, keys)
	if err != nil {
		return err
	}
	for k, i := range places {
		if leaf := ledger.LeafHash(values[k]); values[k] == nil || leaf != q.leaves[i] {
			return mismatch(seqs[i], "expected leaf hash %s, found %s", q.leaves[i], leaf)
		}
		if events[i], err = decode(seqs[i], values[k]); err != nil {
			return err
		}
	}
	return nil
}

// entry returns the job of a row, and of its last event if the index is proved. Then it
// has no view unless the view was written with the ledger's key.
func (r jobRow) entry(id string, st *state, last ledger.Event) ledger.JobEntry {
	if st.index.proved() {
		if head := headOf(last); head != r.head {
			r.head, r.view = head, nil
		}
	}
	if !st.believesViews() && !r.authentic(id, st.macs) {
		r.view = nil
	}
	return ledger.JobEntry{ID: id, Head: r.head, View: r.view}
}

// jobHead returns where a job ends, and whether there is such a job.
func (l *indexReader) jobHead(ctx context.Context, job string) (ledger.JobHead, bool, error) {
	found, err := l.Load(ctx, []string{job}, nil)
	entry, ok := found.Jobs[job]
	return entry.Head, ok, err
}
