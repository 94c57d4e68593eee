package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
)

// A Table keeps rows, sorted by key, for one ledger. It knows no events: the
// log above it decides what each row says. Its methods may be called from any
// goroutine; Close must wait until the others have returned. Package
// gait/ledger/store/tabletest tests what is written here.
//
// The first byte of a key says how the row is written. Rows under the keys that
// InsertOnce names are inserted once and stay as they are. All others are slots:
// they are put, put again and removed.
//
// Each call sees the newest durable commit, and nothing of a commit that is
// still on its way.
type Table interface {
	Reader

	// Snapshot returns a reader of the newest commit, which stays as it is
	// while commits go on. It is for lists, which need many reads of one commit.
	Snapshot(ctx context.Context) (Snapshot, error)

	// Commit writes a change: all of it or nothing. When it returns nil, the
	// change is durable, and every later call sees it. Commits are made one at a
	// time. Errors are ErrConflict, ErrUnknown, ErrUnavailable, ErrReadOnly,
	// ErrClosed, ErrExists, the context's if it ended before anything was sent,
	// and those of Change.Check.
	Commit(ctx context.Context, c *Change) error

	// Settle returns when everything that readers have seen is durable.
	Settle(ctx context.Context) error

	// Close ends the use of the table. A second Close does nothing.
	Close() error
}

// A Reader reads rows. What it returns belongs to the caller.
type Reader interface {
	// GetMany returns the values of keys, in their order, nil for a key that
	// has no row. All are of one commit.
	GetMany(ctx context.Context, keys [][]byte) ([][]byte, error)

	// Scan returns one page of the rows whose keys are at least from and less
	// than to, in the order of their keys, or the other way round if reverse is
	// true. A nil to is the end of the table. A page ends after limit rows, or
	// before its keys and values exceed MaxPage bytes, but has one row at least
	// if there is one. more says that rows are left. A page is of one commit, and
	// the next page may be of a later one.
	Scan(ctx context.Context, from, to []byte, limit int, reverse bool) (rows []Row, more bool, err error)
}

// A Snapshot is a Reader of one commit. Close it soon: some tables keep what was
// overwritten since.
type Snapshot interface {
	Reader
	Close() error
}

// A Row is a key and its value.
type Row struct {
	Key   []byte // 1 to MaxKey bytes
	Value []byte // at most MaxValue bytes; not nil
}

// What a table takes.
const (
	MaxKey   = 1 << 10
	MaxValue = 1 << 20
	MaxPage  = 1 << 20
)

// HeadKey is the key of the head row, which every change sets.
const HeadKey = "m/head"

// InsertOnce reports whether the row under a key is inserted once and never
// changes. All other rows are slots.
func InsertOnce(key []byte) bool {
	switch key[0] {
	case prefixAuthority, prefixEvent, prefixIndex, prefixRotation, prefixRequest, prefixTile:
		return true
	}
	return false
}

// A Change is what one commit writes. Insert, Put and Remove are sorted by key,
// and no key is named twice.
type Change struct {
	// From is the value that the head row must have, nil if there must be none,
	// and To the value it gets. A value of the head row never comes back later.
	// If From and To are equal, the change inserts only rows that were lost.
	From, To []byte

	Insert []Row    // new rows that never change
	Put    []Row    // slots
	Remove [][]byte // keys of slots, which may have a row or not
}

// Errors of a table.
var (
	// ErrConflict says that the head row is neither From nor To. Nothing was written.
	ErrConflict = errors.New("the table has moved on")

	// ErrUnknown says that the change may be written or not, now or soon.
	// Committing the same change again tells, unless the table is broken.
	ErrUnknown = errors.New("it is not known whether the rows were written")

	// ErrUnavailable says that the table could not be reached. Nothing was written.
	ErrUnavailable = errors.New("the table cannot be reached")
)

// Check says what is wrong with a change, whatever table it is for.
func (c *Change) Check() error {
	if len(c.To) == 0 || len(c.To) > MaxValue {
		return fmt.Errorf("a change to a head row of %d bytes", len(c.To))
	}
	if err := checkRows(c.Insert, true); err != nil {
		return err
	}
	if err := checkRows(c.Put, false); err != nil {
		return err
	}
	return c.checkRemove()
}

// checkRows checks that rows are sorted, within the limits, and of one kind.
func checkRows(rows []Row, once bool) error {
	var before []byte
	for _, r := range rows {
		if err := checkKey(before, r.Key); err != nil {
			return err
		}
		if r.Value == nil || len(r.Value) > MaxValue {
			return fmt.Errorf("a value of %d bytes under key %.40q", len(r.Value), r.Key)
		}
		if InsertOnce(r.Key) != once {
			return fmt.Errorf("key %.40q is among the wrong rows of a change", r.Key)
		}
		before = r.Key
	}
	return nil
}

// checkRemove checks the keys to remove, none of which may be put.
func (c *Change) checkRemove() error {
	var before []byte
	put := c.Put
	for _, key := range c.Remove {
		if err := checkKey(before, key); err != nil {
			return err
		}
		for len(put) > 0 && bytes.Compare(put[0].Key, key) < 0 {
			put = put[1:]
		}
		if InsertOnce(key) || len(put) > 0 && bytes.Equal(put[0].Key, key) {
			return fmt.Errorf("key %.40q cannot be removed by this change", key)
		}
		before = key
	}
	return nil
}

// checkKey checks a key that comes after another one in a change.
func checkKey(before, key []byte) error {
	switch {
	case len(key) == 0 || len(key) > MaxKey:
		return fmt.Errorf("a key of %d bytes", len(key))
	case bytes.Compare(before, key) >= 0:
		return fmt.Errorf("key %.40q comes after key %.40q in a change", key, before)
	case string(key) == HeadKey:
		return fmt.Errorf("the head row is among the rows of a change")
	}
	return nil
}

// Follows reports whether a change is still to be written to a table with a head
// row, nil if it has none. It is not if the head row is To already, as after an
// ErrUnknown. It fails with ErrConflict if the change is for another head row.
func (c *Change) Follows(head []byte) (bool, error) {
	switch {
	case bytes.Equal(head, c.From) && (head == nil) == (c.From == nil):
		return true, nil
	case bytes.Equal(head, c.To):
		return false, nil
	}
	return false, ErrConflict
}
