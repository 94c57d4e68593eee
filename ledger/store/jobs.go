package store

import (
	"bytes"
	"context"
	"iter"
	"slices"

	"gait/ledger"
)

// JobEvents returns the events of a job from a job_seq on (1 is the first), up
// to the job's end at the time the range begins, or none if there is no such
// job. It may be ranged over more than once.
//
// Each event is hashed again and must follow the one before it in the job; the
// last must be the one that the job's head names. If the index is proved, so is the
// head, and a caller that reads to the end has read the job's events, all of them and
// no others. If the index is broken, the events after the head are read to prove it.
func (l *indexReader) JobEvents(ctx context.Context, job string, from int64) ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		end, found, err := l.jobEnd(ctx, job)
		if err == nil && found && from <= end.JobSeq {
			err = jobEvents(ctx, l, job, max(from, 1), end, yield)
		}
		if err != nil {
			yield(ledger.Event{}, err)
		}
	}
}

// jobEnd returns where a job ends, and whether there is such a job.
func (l *indexReader) jobEnd(ctx context.Context, job string) (ledger.JobHead, bool, error) {
	if l.Index() == ledger.IndexBroken {
		entry, found, err := l.LoadUnproved(ctx, job)
		return entry.Head, found, err
	}
	return l.jobHead(ctx, job)
}

const (
	// eventsPage is how many events of a job are read at once.
	eventsPage = 128

	// fewEvents is how many events of a job are read and decoded as the caller asks for
	// them, since many callers want only the first. Later ones are read ahead, and
	// decoded on other goroutines.
	fewEvents = 64
)

// jobEvents yields the events of a job from a job_seq up to end. Their rows never
// change, so they need not be of one commit.
func jobEvents(ctx context.Context, l *indexReader, job string, from int64, end ledger.JobHead, yield func(ledger.Event, error) bool) error {
	w := jobWalk{log: l, job: job, from: from, end: end, at: ledger.JobHead{JobSeq: from - 1}}
	some := min(from+fewEvents-1, end.JobSeq)
	events := decodeRows((&jobRows{log: l, job: job, next: from, end: some}).rows(ctx))
	if wanted, err := w.events(ctx, events, yield); err != nil || !wanted || some == end.JobSeq {
		return err
	}
	rest := &jobRows{log: l, job: job, next: some + 1, end: end.JobSeq}
	events = ledger.DecodeAhead(rest.rows(ctx), func(_ int64, row []byte) (ledger.Event, error) { return decodeRow(row) })
	_, err := w.events(ctx, events, yield)
	return err
}

// jobRows reads the rows of a job's events in order.
type jobRows struct {
	log       *indexReader
	job       string
	next, end int64 // job_seq
}

// rows yields the place of each event in the ledger, in 8 bytes, and the bytes that
// stand there, none if there is no row.
func (r *jobRows) rows(ctx context.Context) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		if err := r.read(ctx, yield); err != nil {
			yield(nil, err)
		}
	}
}

// read passes all rows to yield until that returns false.
func (r *jobRows) read(ctx context.Context, yield func([]byte, error) bool) error {
	for limit := firstPage; ; limit = min(4*limit, lastPage) {
		rows, more, err := r.log.read.Scan(ctx, indexKey(r.job, r.next), indexKey(r.job, r.end+1), limit, false)
		if err != nil {
			return err
		}
		for chunk := range slices.Chunk(rows, eventsPage) {
			if wanted, err := r.page(ctx, chunk, yield); err != nil || !wanted {
				return err
			}
		}
		if !more {
			break
		}
	}
	if r.next <= r.end {
		return r.unindexed(r.next)
	}
	return nil
}

// page yields the events that some rows of the index name, and reads them in one
// trip. wanted is false if yield returned false.
func (r *jobRows) page(ctx context.Context, index []Row, yield func([]byte, error) bool) (wanted bool, err error) {
	seqs, wrong := r.seqs(index)
	keys := make([][]byte, len(seqs))
	for i, seq := range seqs {
		keys[i] = eventKey(seq)
	}
	values, err := r.log.read.GetMany(ctx, keys)
	if err != nil {
		return false, err
	}
	for i, value := range values {
		row := append(make([]byte, 0, 8+len(value)), encodeSeq(seqs[i])...)
		if r.next++; !yield(append(row, value...), nil) {
			return false, nil
		}
	}
	return true, wrong
}

// seqs returns the events that rows of the index name, up to the first row that is
// not the next one, and the error of that row.
func (r *jobRows) seqs(index []Row) (seqs []ledger.Seq, wrong error) {
	for i, row := range index {
		jobSeq := r.next + int64(i)
		if !bytes.Equal(row.Key, indexKey(r.job, jobSeq)) {
			return seqs, r.unindexed(jobSeq)
		}
		seq, ok := decodeSeq(row.Value)
		if !ok {
			return seqs, corrupt(-1, "the index of job %s names %x as event %d", r.job, row.Value, jobSeq)
		}
		seqs = append(seqs, seq)
	}
	return seqs, nil
}

func (r *jobRows) unindexed(jobSeq int64) error {
	return corrupt(-1, "event %d of job %s is not in the index", jobSeq, r.job)
}

// decodeRows decodes what jobRows yields.
func decodeRows(rows iter.Seq2[[]byte, error]) ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		for row, err := range rows {
			var e ledger.Event
			if err == nil {
				e, err = decodeRow(row)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

func decodeRow(row []byte) (ledger.Event, error) {
	seq, _ := decodeSeq(row[:8])
	if len(row) == 8 {
		return ledger.Event{}, corrupt(seq, "it is missing")
	}
	return decode(seq, row[8:])
}

// A jobWalk checks the events of a job as they are read in order.
type jobWalk struct {
	log  *indexReader
	job  string
	from int64
	end  ledger.JobHead
	at   ledger.JobHead // after the event read last
	used ledger.RequestIDs
}

// events checks and yields events. wanted is false if yield returned false.
func (w *jobWalk) events(ctx context.Context, events ledger.Events, yield func(ledger.Event, error) bool) (wanted bool, err error) {
	for e, err := range events {
		if err == nil {
			err = w.event(ctx, e)
		}
		if err != nil {
			return false, err
		}
		if !yield(e, nil) {
			return false, nil
		}
	}
	return true, nil
}

// event checks the next event.
func (w *jobWalk) event(ctx context.Context, e ledger.Event) (err error) {
	if e.JobID() != w.job {
		return corrupt(e.Seq(), "expected an event of job %s, found one of %q", w.job, e.JobID())
	}
	if w.from > 1 && w.at.JobSeq == w.from-1 {
		w.at = before(e, w.from)
	}
	if w.at, err = w.at.Follow(e); err != nil {
		return err
	}
	if err := w.used.Add(e); err != nil {
		return err
	}
	if e.JobSeq() == w.end.JobSeq {
		return checkJobEnd(ctx, w.log, w.job, w.at, w.end)
	}
	return nil
}

// before returns the head that a job had before e, its event with job_seq from, as
// far as e says. The chain from e to the job's end proves e, so it may be trusted.
func before(e ledger.Event, from int64) ledger.JobHead {
	h := ledger.JobHead{JobSeq: from - 1, Leaf: e.JobPrev(), Revision: e.Revision() - 1}
	if e.Type() == ledger.TypeRefused {
		h.Revision = e.Revision()
	}
	return h
}

// checkJobEnd checks the job's stored head against the head that its events led to,
// and against the tree.
func checkJobEnd(ctx context.Context, l *indexReader, job string, at, end ledger.JobHead) error {
	if at.Leaf != end.Leaf || at.Seq != end.Seq || at.Revision != end.Revision || !at.Time.Equal(end.Time) {
		return corrupt(at.Seq, "expected the end of job %s with leaf hash %s, found %s", job, end.Leaf, at.Leaf)
	}
	if l.Index() == ledger.IndexProved { // it was proved by the index
		return nil
	}
	leaf, err := l.tree().leaf(ctx, end.Seq)
	if err != nil {
		return err
	}
	if leaf != end.Leaf {
		return corrupt(end.Seq, "expected leaf hash %s, found %s", leaf, end.Leaf)
	}
	return nil
}
