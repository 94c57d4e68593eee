package pebble

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"gait/ledger/store"
)

// A Table is a [store.Table] in a Pebble directory.
type Table struct {
	db       database
	readOnly bool

	reading sync.Mutex // guards newest and the uses of snapshots
	newest  *snapshot

	mu     sync.Mutex // held by the caller that commits or closes
	head   []byte     // the head row of the newest commit; nil if there is none
	dirty  bool       // something was committed since the table was opened
	broken bool       // a commit neither succeeded nor stopped the process
	closed bool
}

// newTable makes a table of an open database, which it closes if that fails.
func newTable(db database, readOnly bool) (*Table, error) {
	t := &Table{db: db, readOnly: readOnly}
	t.show()
	values, err := t.newest.getMany([][]byte{[]byte(store.HeadKey)})
	if err != nil {
		return nil, errors.Join(err, t.end())
	}
	t.head = values[0]
	return t, nil
}

// Commit implements store.Table. One sync makes a change durable, or with
// OneShot a table.
func (t *Table) Commit(ctx context.Context, c *store.Change) error {
	if err := c.Check(); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.writable(ctx); err != nil {
		return err
	}
	if follows, err := c.Follows(t.head); err != nil || !follows {
		return err
	}
	t.dirty, t.broken = true, true
	if err := t.write(c); err != nil {
		return fmt.Errorf("%w: %w", store.ErrUnknown, err)
	}
	t.broken = false
	t.head = bytes.Clone(c.To)
	t.show()
	return nil
}

// writable says why nothing can be written, if so.
func (t *Table) writable(ctx context.Context) error {
	switch {
	case t.closed || t.db.stop.stopped.Load():
		return store.ErrClosed
	case t.readOnly:
		return store.ErrReadOnly
	case t.broken:
		return fmt.Errorf("%w: an earlier write failed", store.ErrUnknown)
	}
	return ctx.Err()
}

// write makes a change durable.
func (t *Table) write(c *store.Change) error {
	b := t.db.NewBatchWithSize(batchSize(c))
	defer b.Close()
	if err := fill(b, c); err != nil {
		return err
	}
	how := pebble.Sync
	if t.db.once != nil {
		how = pebble.NoSync
	}
	err := t.db.guard("committing", func() error { return b.Commit(how) })
	if err == nil && t.db.once != nil {
		err = t.db.flush()
	}
	return err
}

// batchSize is about how many bytes a batch with a change takes.
func batchSize(c *store.Change) int {
	const header, entry = 12, 8
	size := header + 2*entry + len(store.HeadKey) + len(c.To)
	for _, rows := range [][]store.Row{c.Insert, c.Put} {
		for _, r := range rows {
			size += entry + len(r.Key) + len(r.Value)
		}
	}
	return size
}

// fill puts a change into a batch, in the order of keys as far as it goes:
// Pebble finds the place of a key faster that comes soon after the one before it.
func fill(b *pebble.Batch, c *store.Change) error {
	if err := remove(b, c.Remove); err != nil {
		return err
	}
	for _, rows := range [][]store.Row{c.Insert, c.Put} {
		for _, r := range rows {
			if err := b.Set(r.Key, r.Value, nil); err != nil {
				return err
			}
		}
	}
	return b.Set([]byte(store.HeadKey), c.To, nil)
}

// remove deletes keys. The hashes of a tile that is full now go in one range:
// each of them was written by itself, and would need a tombstone of its own.
func remove(b *pebble.Batch, keys [][]byte) error {
	for len(keys) > 0 {
		n := run(keys)
		var err error
		if n > 1 {
			err = b.DeleteRange(keys[0], successor(keys[n-1]), nil)
		} else {
			err = b.Delete(keys[0], nil)
		}
		if err != nil {
			return err
		}
		keys = keys[n:]
	}
	return nil
}

// run is how many keys, from the first one on, name hashes of one tile row that
// follow each other.
func run(keys [][]byte) int {
	if keys[0][0] != hashPrefix || len(keys[0]) != hashKeySize {
		return 1
	}
	n := 1
	for n < len(keys) && bytes.Equal(keys[n], successor(keys[n-1])) {
		n++
	}
	return n
}

// The key of a hash of a tile that is not full: two bytes and a number. No other
// key lies between the keys of two hashes that follow each other.
const (
	hashPrefix  = 'p'
	hashKeySize = 10
)

// successor returns the key whose number is one more.
func successor(key []byte) []byte {
	n := binary.BigEndian.Uint64(key[2:])
	return binary.BigEndian.AppendUint64(bytes.Clone(key[:2]), n+1)
}

// Settle implements store.Table. Opening has made durable what was there, and
// nothing is shown before it is.
func (t *Table) Settle(ctx context.Context) error { return ctx.Err() }

// Close flushes what was committed to tables and closes the table.
func (t *Table) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil
	}
	t.closed = true
	if t.db.stop.stopped.Load() {
		return fmt.Errorf("closing after a failed write: %w", store.ErrClosed)
	}
	var flushed error
	if t.dirty && t.db.once == nil {
		// A damaged write-ahead log can lose its end in silence; a table cannot.
		flushed = t.db.flush()
	}
	return errors.Join(flushed, t.end())
}

// end closes the database.
func (t *Table) end() error {
	t.hide()
	return t.db.close()
}
