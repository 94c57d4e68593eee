package store

import (
	"context"

	"gait/ledger"
	"gait/ledger/mpt"
)

// Load returns what the log holds under the ids of jobs, of requests and of calls, all of
// one commit. The view of a job is the one that Append was given with the job's last event,
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
		q := lookup{log: at, st: st, jobs: jobs, requests: requests, calls: calls}
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

// A lookup finds jobs, requests and calls by their ids, in one state of a log. What it knows
// of them is in this order.
type lookup struct {
	log            *indexReader
	st             *state
	jobs, requests []string
	calls          []ledger.CallID
	leaves         []ledger.Hash // under their keys in the index; zero if there is none
	rows           [][]byte      // nil if there is none
}

// size returns how many ids there are.
func (q *lookup) size() int { return len(q.jobs) + len(q.requests) + len(q.calls) }

// keys returns the keys of all ids in the index.
func (q *lookup) keys() []mpt.Key {
	keys := make([]mpt.Key, 0, q.size())
	for _, id := range q.jobs {
		keys = append(keys, ledger.JobKey(id))
	}
	for _, id := range q.requests {
		keys = append(keys, ledger.RequestKey(id))
	}
	for _, id := range q.calls {
		keys = append(keys, ledger.CallKey(id.Job, id.Call))
	}
	return keys
}

// rowKey returns the key of the row of the i-th id.
func (q *lookup) rowKey(i int) []byte {
	if i < len(q.jobs) {
		return headKey(q.jobs[i])
	}
	if i -= len(q.jobs); i < len(q.requests) {
		return requestKey(q.requests[i])
	}
	return callKey(q.calls[i-len(q.requests)])
}

// search finds all ids in the index.
func (q *lookup) search(ctx context.Context) error {
	keys := q.keys()
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
	n := q.size()
	q.rows = make([][]byte, n)
	keys, places := make([][]byte, 0, n), make([]int, 0, n)
	for i := range n {
		if q.leaves != nil && q.leaves[i].IsZero() {
			continue
		}
		if q.leaves != nil && q.leaves[i] == q.st.inherits.leaf {
			q.rows[i] = encodeSeq(0) // a ledger before knew it: there is no row
			continue
		}
		keys, places = append(keys, q.rowKey(i)), append(places, i)
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
	found := ledger.Records{Jobs: make(map[string]ledger.JobEntry, len(q.jobs)), Requests: map[string]ledger.Event{}, Calls: map[ledger.CallID]ledger.Event{}}
	rows := make([]jobRow, len(q.jobs))
	seqs := make([]ledger.Seq, len(q.rows))
	for i := range q.rows {
		var err error
		if i < len(q.jobs) {
			rows[i], err = q.job(i)
			seqs[i] = rows[i].head.Seq
		} else {
			seqs[i], err = q.seq(i)
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
		case i < len(q.jobs)+len(q.requests):
			found.Requests[q.requests[i-len(q.jobs)]] = e
		default:
			found.Calls[q.calls[i-len(q.jobs)-len(q.requests)]] = e
		}
	}
	return found, nil
}

// job reads the row of a job, and compares it with the index.
func (q *lookup) job(i int) (jobRow, error) {
	if q.rows[i] == nil {
		return jobRow{}, q.missing(i)
	}
	row, err := decodeJobRow(q.jobs[i], q.rows[i])
	if err == nil && q.leaves != nil && row.head.Leaf != q.leaves[i] {
		err = mismatch(-1, "job %s ends with leaf hash %s, its row says %s", q.jobs[i], q.leaves[i], row.head.Leaf)
	}
	return row, err
}

// seq reads the row of a request id or of a call.
func (q *lookup) seq(i int) (ledger.Seq, error) {
	if q.rows[i] == nil {
		return 0, q.missing(i)
	}
	seq, ok := decodeSeq(q.rows[i])
	if !ok {
		return 0, corrupt(-1, "expected the event of %s, found %s", rowName(q.rowKey(i)), rowSaid(q.rows[i]))
	}
	return seq, nil
}

// missing fails if the index has an id that has no row.
func (q *lookup) missing(i int) error {
	if q.leaves == nil || q.leaves[i].IsZero() {
		return nil
	}
	return mismatch(-1, "%s has no row, and leaf hash %s", rowName(q.rowKey(i)), q.leaves[i])
}

// events reads the events that the rows name. If the index is proved, their leaf
// hashes must be those in the index. Otherwise the events of requests and calls are checked
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
		if events[i], err = q.log.event(ctx, seqs[i]); err == nil {
			err = q.about(i, events[i])
		}
		if err != nil {
			return nil, err
		}
	}
	return events, nil
}

// about fails if the row of a call names an event that is not about the call.
func (q *lookup) about(i int, e ledger.Event) error {
	if i -= len(q.jobs) + len(q.requests); i < 0 {
		return nil
	}
	if call, ok := callOf(e); !ok || call != q.calls[i] {
		return mismatch(e.Seq(), "the row of %s names it", rowName(callKey(q.calls[i])))
	}
	return nil
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
