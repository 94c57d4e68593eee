package store

import (
	"bytes"
	"context"
	"fmt"

	"gait/ledger"
)

// Event returns one event, proved in the tree of the newest checkpoint: a row of hashes
// says nothing by itself.
func (l *treeReader) Event(ctx context.Context, seq ledger.Seq) (ledger.Event, error) {
	e, err := l.event(ctx, seq)
	if err == nil && int64(seq)/ledger.TileWidth < l.Head().Size/ledger.TileWidth {
		err = checkInTree(ctx, l, e)
	}
	if size := l.Head().Size; err != nil && (seq < 0 || int64(seq) >= size) {
		return ledger.Event{}, fmt.Errorf("reading event %d: there are %d", seq, size)
	}
	return e, err
}

// event reads an event and its leaf hash in one trip.
func (l *treeReader) event(ctx context.Context, seq ledger.Seq) (ledger.Event, error) {
	tree := l.tree()
	values, err := l.read.GetMany(ctx, [][]byte{eventKey(seq), tree.leafKey(seq)})
	if err != nil {
		return ledger.Event{}, err
	}
	if values[0] == nil {
		return ledger.Event{}, corrupt(seq, "it is missing")
	}
	e, err := decode(seq, values[0])
	if err != nil {
		return ledger.Event{}, err
	}
	leaf, err := tree.leafFrom(seq, values[1])
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
	if e.Seq() != seq {
		return ledger.Event{}, corrupt(seq, "expected seq %d, found %d", seq, e.Seq())
	}
	return e, nil
}

// stored returns the error of stored bytes that do not decode: they are damaged,
// unless they say that another version wrote them.
func stored(seq ledger.Seq, err error) error {
	if isUnsupported(err) {
		return fmt.Errorf("event %d: %w", seq, err)
	}
	return &ledger.CorruptError{Seq: seq, Err: err}
}

// Events returns the events from seq on, up to the log's end at the time the
// range begins. It may be ranged over more than once. Every event is checked
// against the one before it and against the leaf hash the tree holds for it.
func (l *treeReader) Events(ctx context.Context, from ledger.Seq) ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		w := walk{log: l, size: l.Head().Size, next: max(from, 0)}
		if int64(w.next) >= w.size {
			return
		}
		for row, err := range scan(ctx, l.read, eventKey(w.next), eventKey(ledger.Seq(w.size))) {
			var e ledger.Event
			if err == nil {
				e, err = w.event(ctx, row)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
		if int64(w.next) < w.size {
			yield(ledger.Event{}, corrupt(w.next, "it is missing"))
		}
	}
}

// eventsAhead is Events from one size of the log up to another. Many events are decoded
// on all processors, while the caller works with those before.
func (l *treeReader) eventsAhead(ctx context.Context, from, to int64) ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		if from >= to {
			return
		}
		w := walk{log: l, size: l.Head().Size, next: ledger.Seq(from)}
		raw := storedEvents(ctx, l.read, w.next, eventKey(ledger.Seq(to)))
		for e, err := range ledger.DecodeAhead(raw, func(n int64, b []byte) (ledger.Event, error) { return decode(ledger.Seq(from+n), b) }) {
			if err == nil {
				err = w.check(ctx, e)
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
		if int64(w.next) < to {
			yield(ledger.Event{}, corrupt(w.next, "it is missing"))
		}
	}
}

// A walk checks events as they are read in order.
type walk struct {
	log  *treeReader
	size int64
	next ledger.Seq
	prev ledger.Hash // leaf hash of the event before; zero before the first
	tile []byte      // leaf hashes of the tile that next is in
}

// event reads the event in a row, which must be the next one.
func (w *walk) event(ctx context.Context, row Row) (ledger.Event, error) {
	if !bytes.Equal(row.Key, eventKey(w.next)) {
		return ledger.Event{}, corrupt(w.next, "it is missing: found %s", rowName(row.Key))
	}
	e, err := decode(w.next, row.Value)
	if err == nil {
		err = w.check(ctx, e)
	}
	if err != nil {
		return ledger.Event{}, err
	}
	return e, nil
}

// check checks the next event.
func (w *walk) check(ctx context.Context, e ledger.Event) error {
	leaf, err := w.leaf(ctx)
	if err != nil {
		return err
	}
	if leaf != e.LeafHash() {
		return corrupt(w.next, "expected leaf hash %s, found %s", leaf, e.LeafHash())
	}
	if !w.prev.IsZero() && e.Prev() != w.prev {
		return corrupt(w.next, "expected prev %s, found %s", w.prev, e.Prev())
	}
	w.prev = leaf
	w.next++
	return nil
}

// leaf returns the leaf hash that the tree holds for the next event.
func (w *walk) leaf(ctx context.Context) (ledger.Hash, error) {
	n, i := int64(w.next)/ledger.TileWidth, int(w.next)%ledger.TileWidth
	if w.tile == nil || i == 0 {
		width := int(min(w.size-n*ledger.TileWidth, ledger.TileWidth))
		b, err := w.log.tree().tile(ctx, 0, n, width)
		if err != nil {
			return ledger.Hash{}, err
		}
		w.tile = b
	}
	return ledger.Hash(w.tile[i*hashSize:][:hashSize]), nil
}
