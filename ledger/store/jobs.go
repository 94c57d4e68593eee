package store

import (
	"bytes"

	"gait/ledger"
)

// JobEvents returns the events of a job from a job_seq on (1 is the first), up
// to the job's end at the time the range begins; none when there is no such
// job. It may be ranged over more than once.
//
// Each event is re-hashed and must follow the one before it in the job; the
// last must be the one that the job's head names, whose leaf hash the tree
// holds. So whoever reads to the end has read the job's events and no others.
func (l *Log) JobEvents(job string, from int64) ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		snap, err := l.snapshot()
		if err != nil {
			yield(ledger.Event{}, err)
			return
		}
		defer snap.close()
		end, found, err := snap.jobHead(job)
		if err == nil && found && from <= end.JobSeq {
			err = l.jobEvents(snap, job, max(from, 1), end, yield)
		}
		if err != nil {
			yield(ledger.Event{}, err)
		}
	}
}

// jobEvents yields the events of a job from a job_seq up to end.
func (l *Log) jobEvents(s *snapshot, job string, from int64, end ledger.JobHead, yield func(ledger.Event, error) bool) error {
	at := ledger.JobHead{JobSeq: from - 1}
	c := s.scan(indexKey(job, from), indexKey(job, end.JobSeq+1))
	for c.next() {
		e, err := l.jobEvent(s, job, c, at)
		if err == nil && from > 1 && at.JobSeq == from-1 {
			at = before(e, from)
		}
		if err == nil {
			at, err = at.Follow(e)
		}
		if err == nil && e.JobSeq == end.JobSeq {
			err = l.checkJobEnd(job, at, end)
		}
		if err != nil {
			c.close()
			return err
		}
		if !yield(e, nil) {
			return c.close()
		}
	}
	if err := c.close(); err != nil {
		return err
	}
	if at.JobSeq != end.JobSeq {
		return corrupt(-1, "event %d of job %s is not in the index", at.JobSeq+1, job)
	}
	return nil
}

// jobEvent reads the event that the index names at the cursor.
func (l *Log) jobEvent(s *snapshot, job string, c *cursor, at ledger.JobHead) (ledger.Event, error) {
	if !bytes.Equal(c.key(), indexKey(job, at.JobSeq+1)) {
		return ledger.Event{}, corrupt(-1, "event %d of job %s is not in the index", at.JobSeq+1, job)
	}
	seq, ok := decodeSeq(c.value)
	if !ok {
		return ledger.Event{}, corrupt(-1, "the index of job %s names %x as event %d", job, c.value, at.JobSeq+1)
	}
	b, found, err := s.get(eventKey(seq))
	if err != nil {
		return ledger.Event{}, err
	}
	if !found {
		return ledger.Event{}, corrupt(seq, "it is missing")
	}
	e, err := decode(seq, b)
	if err == nil && e.JobID != job {
		err = corrupt(seq, "expected an event of job %s, found one of %q", job, e.JobID)
	}
	return e, err
}

// before returns the head that a job had before e, its event from, as far as e
// tells. The chain from e to the job's end proves e, so nothing is lost by
// believing it.
func before(e ledger.Event, from int64) ledger.JobHead {
	h := ledger.JobHead{JobSeq: from - 1, Leaf: e.JobPrev, Revision: e.Revision - 1}
	if e.Type() == ledger.TypeRefused {
		h.Revision = e.Revision
	}
	return h
}

// checkJobEnd holds the job's stored head against what its events led to, and
// against the tree.
func (l *Log) checkJobEnd(job string, at, end ledger.JobHead) error {
	if at.Leaf != end.Leaf || at.Seq != end.Seq || at.Revision != end.Revision || !at.Time.Equal(end.Time) {
		return corrupt(at.Seq, "expected the end of job %s with leaf hash %s, found %s", job, end.Leaf, at.Leaf)
	}
	leaf, err := l.leaf(end.Seq)
	if err != nil {
		return err
	}
	if leaf != end.Leaf {
		return corrupt(end.Seq, "expected leaf hash %s, found %s", leaf, end.Leaf)
	}
	return nil
}
