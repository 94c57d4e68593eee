package store

import (
	"bytes"
	"fmt"
	"iter"

	"gait/ledger"
)

// JobHead returns where a job ends, and whether there is such a job.
func (l *Log) JobHead(job string) (ledger.JobHead, bool, error) {
	s, err := l.snapshot()
	if err != nil {
		return ledger.JobHead{}, false, err
	}
	defer s.close()
	return s.jobHead(job)
}

func (s *snapshot) jobHead(job string) (ledger.JobHead, bool, error) {
	b, found, err := s.get(headKey(job))
	if err != nil || !found {
		return ledger.JobHead{}, false, err
	}
	h, ok := decodeJobHead(b)
	if !ok {
		return ledger.JobHead{}, false, corrupt(-1, "expected a head of job %s, found %x", job, b)
	}
	return h, true, nil
}

// View returns the cached view of a job, and whether there is one. It is
// whatever Append was given with the job's last event.
func (l *Log) View(job string) ([]byte, bool, error) { return l.get(viewKey(job)) }

// Request returns the event that used a request id up, if there is one.
func (l *Log) Request(id string) (ledger.Seq, bool, error) {
	b, found, err := l.get(requestKey(id))
	if err != nil || !found {
		return 0, false, err
	}
	seq, ok := decodeSeq(b)
	if !ok {
		return 0, false, corrupt(-1, "expected the event of request id %q, found %x", id, b)
	}
	return seq, true, nil
}

// Event returns one event, checked against the leaf hash the tree holds for it.
func (l *Log) Event(seq ledger.Seq) (ledger.Event, error) {
	e, err := l.event(seq)
	if size := l.Head().Size; err != nil && (seq < 0 || int64(seq) >= size) {
		return ledger.Event{}, fmt.Errorf("reading event %d: there are %d", seq, size)
	}
	return e, err
}

func (l *Log) event(seq ledger.Seq) (ledger.Event, error) {
	b, found, err := l.get(eventKey(seq))
	if err != nil {
		return ledger.Event{}, err
	}
	if !found {
		return ledger.Event{}, corrupt(seq, "it is missing")
	}
	e, err := decode(seq, b)
	if err != nil {
		return ledger.Event{}, err
	}
	leaf, err := l.leaf(seq)
	if err != nil {
		return ledger.Event{}, err
	}
	if leaf != e.LeafHash() {
		return ledger.Event{}, corrupt(seq, "expected leaf hash %s, found %s", leaf, e.LeafHash())
	}
	return e, nil
}

// decode reads the event stored at seq, whose bytes it keeps.
func decode(seq ledger.Seq, b []byte) (ledger.Event, error) {
	e, err := ledger.Decode(b)
	if err != nil {
		return ledger.Event{}, stored(seq, err)
	}
	if e.Seq != seq {
		return ledger.Event{}, corrupt(seq, "expected seq %d, found %d", seq, e.Seq)
	}
	return e, nil
}

// stored is the error of stored bytes that do not decode: damage, unless they
// say that another version wrote them.
func stored(seq ledger.Seq, err error) error {
	if isUnsupported(err) {
		return fmt.Errorf("event %d: %w", seq, err)
	}
	return &ledger.CorruptError{Seq: seq, Err: err}
}

// Events returns the events from seq on, up to the log's end at the time the
// range begins. It may be ranged over more than once. Every event is checked
// against the one before it and against the leaf hash the tree holds for it.
func (l *Log) Events(from ledger.Seq) ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		w := walk{log: l, size: l.Head().Size, next: max(from, 0)}
		c := l.scan(eventKey(w.next), after(prefixEvent))
		for int64(w.next) < w.size && c.next() {
			e, err := w.read(c)
			if err != nil {
				c.close()
				yield(ledger.Event{}, err)
				return
			}
			if !yield(e, nil) {
				c.close()
				return
			}
		}
		err := c.close()
		if err == nil && int64(w.next) < w.size {
			err = corrupt(w.next, "it is missing")
		}
		if err != nil {
			yield(ledger.Event{}, err)
		}
	}
}

// A walk checks events as they are read in order.
type walk struct {
	log  *Log
	size int64
	next ledger.Seq
	prev ledger.Hash // leaf hash of the event before; zero before the first
	tile []byte      // leaf hashes of the tile that next is in
}

// read takes the event at the cursor, which must be the next one.
func (w *walk) read(c *cursor) (ledger.Event, error) {
	if !bytes.Equal(c.key(), eventKey(w.next)) {
		return ledger.Event{}, corrupt(w.next, "it is missing: found key %x", c.key())
	}
	e, err := decode(w.next, bytes.Clone(c.value))
	if err != nil {
		return ledger.Event{}, err
	}
	leaf, err := w.leaf()
	if err != nil {
		return ledger.Event{}, err
	}
	if leaf != e.LeafHash() {
		return ledger.Event{}, corrupt(w.next, "expected leaf hash %s, found %s", leaf, e.LeafHash())
	}
	if !w.prev.IsZero() && e.Prev != w.prev {
		return ledger.Event{}, corrupt(w.next, "expected prev %s, found %s", w.prev, e.Prev)
	}
	w.prev = leaf
	w.next++
	return e, nil
}

// leaf returns the leaf hash that the tree holds for the next event.
func (w *walk) leaf() (ledger.Hash, error) {
	n, i := int64(w.next)/ledger.TileWidth, int(w.next)%ledger.TileWidth
	if w.tile == nil || i == 0 {
		width := int(min(w.size-n*ledger.TileWidth, ledger.TileWidth))
		b, err := w.log.tile(0, n, width)
		if err != nil {
			return ledger.Hash{}, err
		}
		w.tile = b
	}
	return ledger.Hash(w.tile[i*hashSize:][:hashSize]), nil
}

// Jobs returns the jobs whose id is greater than after, in the order of their
// ids' bytes. It may be ranged over more than once.
func (l *Log) Jobs(after string) iter.Seq2[ledger.JobEntry, error] {
	return func(yield func(ledger.JobEntry, error) bool) {
		snap, err := l.snapshot()
		if err != nil {
			yield(ledger.JobEntry{}, err)
			return
		}
		defer snap.close()
		c := snap.scan(headKey(after+"\x00"), []byte{prefixHead + 1})
		for c.next() {
			j, err := l.jobEntry(snap, c)
			if !yield(j, err) || err != nil {
				c.close()
				return
			}
		}
		if err := c.close(); err != nil {
			yield(ledger.JobEntry{}, err)
		}
	}
}

func (l *Log) jobEntry(s *snapshot, c *cursor) (ledger.JobEntry, error) {
	id := string(c.key()[1:])
	head, ok := decodeJobHead(c.value)
	if !ok {
		return ledger.JobEntry{}, corrupt(-1, "expected a head of job %s, found %x", id, c.value)
	}
	view, _, err := s.get(viewKey(id))
	if err != nil {
		return ledger.JobEntry{}, err
	}
	return ledger.JobEntry{ID: id, Head: head, View: view}, nil
}
