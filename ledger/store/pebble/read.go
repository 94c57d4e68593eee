package pebble

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"gait/ledger/store"
)

// A snapshot is the table as a commit left it. Pebble shows a batch to readers
// before it has synced it, and what is shown must not go with the power: so all
// reading is done in the snapshot that was taken after the newest sync.
type snapshot struct {
	table *Table
	of    *pebble.Snapshot
	uses  int // by readers, and one while it is the newest; under Table.reading
}

// show lets readers see what has been committed. The caller holds t.mu, so that
// no other commit is under way, or has the table to itself.
func (t *Table) show() {
	next := &snapshot{table: t, of: t.db.NewSnapshot(), uses: 1}
	t.reading.Lock()
	was := t.newest
	t.newest = next
	t.reading.Unlock()
	if was != nil {
		was.release()
	}
}

// hide ends the newest snapshot, for the table is being closed.
func (t *Table) hide() {
	t.reading.Lock()
	was := t.newest
	t.newest = nil
	t.reading.Unlock()
	if was != nil {
		was.release()
	}
}

// pin returns the newest snapshot. The caller releases it.
func (t *Table) pin(ctx context.Context) (*snapshot, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t.reading.Lock()
	defer t.reading.Unlock()
	if t.newest == nil {
		return nil, store.ErrClosed
	}
	t.newest.uses++
	return t.newest, nil
}

// release ends one use of a snapshot.
func (s *snapshot) release() {
	s.table.reading.Lock()
	s.uses--
	last := s.uses == 0
	s.table.reading.Unlock()
	if last {
		_ = s.of.Close() // it forgets a number, and does not fail
	}
}

// GetMany implements store.Reader.
func (t *Table) GetMany(ctx context.Context, keys [][]byte) ([][]byte, error) {
	s, err := t.pin(ctx)
	if err != nil {
		return nil, err
	}
	defer s.release()
	return s.getMany(keys)
}

func (s *snapshot) getMany(keys [][]byte) ([][]byte, error) {
	values := make([][]byte, len(keys))
	err := s.table.db.guard("reading", func() (err error) {
		if len(keys) >= manyKeys && slices.IsSortedFunc(keys, bytes.Compare) {
			return s.getSorted(keys, values)
		}
		for i := range keys {
			if values[i], err = s.get(keys[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return values, nil
}

// manyKeys is the number of keys from which on one iterator finds them faster than as
// many look-ups.
const manyKeys = 16

// getSorted sets the values of keys that are sorted.
func (s *snapshot) getSorted(keys, values [][]byte) error {
	it, err := s.of.NewIter(&pebble.IterOptions{LowerBound: keys[0]})
	if err != nil {
		return err
	}
	there := it.First()
	for i, key := range keys {
		if there = there && forward(it, key); !there {
			break
		}
		if !bytes.Equal(it.Key(), key) {
			continue
		}
		var value []byte
		if value, err = it.ValueAndErr(); err != nil {
			break
		}
		values[i] = append(make([]byte, 0, len(value)), value...)
	}
	return errors.Join(err, it.Error(), it.Close())
}

// steps is how many rows an iterator goes on before it seeks. A step costs a small part
// of a seek, and keys that are looked up together often stand close together.
const steps = 4

// forward moves an iterator that is at a row to the first row whose key is not less than
// key. It reports whether there is one.
func forward(it *pebble.Iterator, key []byte) bool {
	for range steps {
		if bytes.Compare(it.Key(), key) >= 0 {
			return true
		}
		if !it.Next() {
			return false
		}
	}
	return bytes.Compare(it.Key(), key) >= 0 || it.SeekGE(key)
}

// get reads one key. The value is the caller's.
func (s *snapshot) get(key []byte) ([]byte, error) {
	b, closer, err := s.of.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	value := append(make([]byte, 0, len(b)), b...)
	return value, closer.Close()
}

// Scan implements store.Reader.
func (t *Table) Scan(ctx context.Context, from, to []byte, limit int, reverse bool) ([]store.Row, bool, error) {
	s, err := t.pin(ctx)
	if err != nil {
		return nil, false, err
	}
	defer s.release()
	return s.scan(from, to, limit, reverse)
}

func (s *snapshot) scan(from, to []byte, limit int, reverse bool) (rows []store.Row, more bool, err error) {
	if limit < 1 {
		return nil, false, fmt.Errorf("a page of %d rows", limit)
	}
	if to != nil && bytes.Compare(from, to) >= 0 {
		return nil, false, nil
	}
	err = s.table.db.guard("reading", func() error {
		it, err := s.of.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
		if err != nil {
			return err
		}
		p := page{limit: limit}
		if reverse {
			err = p.fill(it, it.Last, it.Prev)
		} else {
			err = p.fill(it, it.First, it.Next)
		}
		rows, more = p.rows, p.more
		return errors.Join(err, it.Close())
	})
	if err != nil {
		return nil, false, err
	}
	return rows, more, nil
}

// A page is what Scan returns.
type page struct {
	limit int
	size  int // of keys and values
	rows  []store.Row
	more  bool
	small []byte // room for keys and for small values
}

// fill takes rows from an iterator until the page is full.
func (p *page) fill(it *pebble.Iterator, first, next func() bool) error {
	for ok := first(); ok; ok = next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return err
		}
		p.size += len(it.Key()) + len(value)
		if len(p.rows) == p.limit || len(p.rows) > 0 && p.size > store.MaxPage {
			p.more = true
			return nil
		}
		p.rows = append(p.rows, store.Row{Key: p.keep(it.Key()), Value: p.keep(value)})
	}
	return it.Error()
}

// smallest is the size from which on a value is kept by itself, so that the
// caller can keep it without the rest of the page.
const smallest = 128

// keep copies b.
func (p *page) keep(b []byte) []byte {
	if len(b) >= smallest {
		return bytes.Clone(b)
	}
	if cap(p.small)-len(p.small) < len(b) {
		p.small = make([]byte, 0, min(max(2*cap(p.small), 2*smallest), 64*smallest))
	}
	at := len(p.small)
	p.small = append(p.small, b...)
	return p.small[at:len(p.small):len(p.small)]
}

// Snapshot implements store.Table.
func (t *Table) Snapshot(ctx context.Context) (store.Snapshot, error) {
	s, err := t.pin(ctx)
	if err != nil {
		return nil, err
	}
	return &pinnedSnapshot{snapshot: s}, nil
}

// A pinnedSnapshot is a snapshot that its caller closes.
type pinnedSnapshot struct {
	snapshot *snapshot
	closed   bool
}

// GetMany implements store.Reader.
func (p *pinnedSnapshot) GetMany(ctx context.Context, keys [][]byte) ([][]byte, error) {
	if err := p.usable(ctx); err != nil {
		return nil, err
	}
	return p.snapshot.getMany(keys)
}

// Scan implements store.Reader.
func (p *pinnedSnapshot) Scan(ctx context.Context, from, to []byte, limit int, reverse bool) ([]store.Row, bool, error) {
	if err := p.usable(ctx); err != nil {
		return nil, false, err
	}
	return p.snapshot.scan(from, to, limit, reverse)
}

func (p *pinnedSnapshot) usable(ctx context.Context) error {
	if p.closed {
		return store.ErrClosed
	}
	return ctx.Err()
}

// Close implements store.Snapshot.
func (p *pinnedSnapshot) Close() error {
	if !p.closed {
		p.closed = true
		p.snapshot.release()
	}
	return nil
}
