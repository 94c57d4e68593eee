// Package memtable keeps a [store.Table] in memory, for tests.
//
// It is as strict as a table may be: a row that is inserted twice is
// store.ErrExists.
package memtable

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"

	"gait/ledger/store"
)

// A Table is a [store.Table] in memory. The zero Table is empty, and ready to use.
type Table struct {
	mu       sync.Mutex
	rows     rows
	readOnly bool
	closed   bool
}

var _ store.Table = (*Table)(nil)

// rows are the rows of one commit, sorted by key. They never change: a commit
// makes new ones.
type rows []store.Row

// ReadOnly makes every Commit from now on fail with store.ErrReadOnly.
func (t *Table) ReadOnly() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.readOnly = true
}

// Reopen makes a closed table usable again, with the rows it had.
func (t *Table) Reopen() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = false
}

// Tamper sets the value of a key without a commit, or removes the key if value is
// nil.
func (t *Table) Tamper(key, value []byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows = t.rows.edited([]store.Row{{Key: bytes.Clone(key), Value: bytes.Clone(value)}})
}

// now returns the rows of the newest commit.
func (t *Table) now(ctx context.Context) (rows, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, store.ErrClosed
	}
	return t.rows, nil
}

// GetMany implements store.Reader.
func (t *Table) GetMany(ctx context.Context, keys [][]byte) ([][]byte, error) {
	r, err := t.now(ctx)
	if err != nil {
		return nil, err
	}
	return r.getMany(keys), nil
}

func (r rows) getMany(keys [][]byte) [][]byte {
	values := make([][]byte, len(keys))
	for i, key := range keys {
		if at, found := r.find(key); found {
			values[i] = bytes.Clone(r[at].Value)
		}
	}
	return values
}

// find returns the place of a key, and whether it has a row.
func (r rows) find(key []byte) (int, bool) {
	return slices.BinarySearchFunc(r, key, func(row store.Row, key []byte) int { return bytes.Compare(row.Key, key) })
}

// Scan implements store.Reader.
func (t *Table) Scan(ctx context.Context, from, to []byte, limit int, reverse bool) ([]store.Row, bool, error) {
	r, err := t.now(ctx)
	if err != nil {
		return nil, false, err
	}
	return r.scan(from, to, limit, reverse)
}

func (r rows) scan(from, to []byte, limit int, reverse bool) (page []store.Row, more bool, err error) {
	if limit < 1 {
		return nil, false, fmt.Errorf("a page of %d rows", limit)
	}
	first, _ := r.find(from)
	end := len(r)
	if to != nil {
		end, _ = r.find(to)
	}
	left := slices.Clone(r[first:max(first, end)])
	if reverse {
		slices.Reverse(left)
	}
	size := 0
	for _, row := range left {
		size += len(row.Key) + len(row.Value)
		if len(page) == limit || len(page) > 0 && size > store.MaxPage {
			return page, true, nil
		}
		page = append(page, store.Row{Key: bytes.Clone(row.Key), Value: bytes.Clone(row.Value)})
	}
	return page, false, nil
}

// Snapshot implements store.Table.
func (t *Table) Snapshot(ctx context.Context) (store.Snapshot, error) {
	r, err := t.now(ctx)
	if err != nil {
		return nil, err
	}
	return &snapshot{rows: r}, nil
}

type snapshot struct {
	rows   rows
	closed bool
}

// GetMany implements store.Reader.
func (s *snapshot) GetMany(ctx context.Context, keys [][]byte) ([][]byte, error) {
	if s.closed {
		return nil, store.ErrClosed
	}
	return s.rows.getMany(keys), ctx.Err()
}

// Scan implements store.Reader.
func (s *snapshot) Scan(ctx context.Context, from, to []byte, limit int, reverse bool) ([]store.Row, bool, error) {
	if s.closed {
		return nil, false, store.ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	return s.rows.scan(from, to, limit, reverse)
}

// Close implements store.Snapshot.
func (s *snapshot) Close() error {
	s.closed = true
	return nil
}

// Commit implements store.Table.
func (t *Table) Commit(ctx context.Context, c *store.Change) error {
	if err := c.Check(); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.closed:
		return store.ErrClosed
	case t.readOnly:
		return store.ErrReadOnly
	case ctx.Err() != nil:
		return ctx.Err()
	}
	head := t.rows.getMany([][]byte{[]byte(store.HeadKey)})[0]
	if follows, err := c.Follows(head); err != nil || !follows {
		return err
	}
	for _, row := range c.Insert {
		if _, found := t.rows.find(row.Key); found {
			return fmt.Errorf("key %.40q: %w", row.Key, store.ErrExists)
		}
	}
	t.rows = t.rows.edited(edits(c))
	return nil
}

// edits returns copies of the rows that a change writes. A row to remove has no value.
func edits(c *store.Change) []store.Row {
	all := []store.Row{{Key: []byte(store.HeadKey), Value: bytes.Clone(c.To)}}
	for _, row := range slices.Concat(c.Insert, c.Put) {
		all = append(all, store.Row{Key: bytes.Clone(row.Key), Value: bytes.Clone(row.Value)})
	}
	for _, key := range c.Remove {
		all = append(all, store.Row{Key: bytes.Clone(key)})
	}
	slices.SortFunc(all, func(a, b store.Row) int { return bytes.Compare(a.Key, b.Key) })
	return all
}

// edited returns the rows after edits, which are sorted.
func (r rows) edited(edits []store.Row) rows {
	next := make(rows, 0, len(r)+len(edits))
	for _, edit := range edits {
		at, found := r.find(edit.Key)
		next = append(next, r[:at]...)
		if edit.Value != nil {
			next = append(next, edit)
		}
		if r = r[at:]; found {
			r = r[1:]
		}
	}
	return append(next, r...)
}

// Settle implements store.Table.
func (t *Table) Settle(ctx context.Context) error { return ctx.Err() }

// Close implements store.Table.
func (t *Table) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	return nil
}
