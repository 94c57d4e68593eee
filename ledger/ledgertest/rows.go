package ledgertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	cockroach "github.com/cockroachdb/pebble/v2"

	"gait/ledger/store"
	"gait/ledger/store/memtable"
	"gait/ledger/store/pebble"
)

// Rows are the rows of a ledger's table, by key. They are what an attacker has who
// can read and write the ledger's directory, and has no key.
type Rows map[string][]byte

// ReadRows returns all rows that a reader shows.
func ReadRows(ctx context.Context, r store.Reader) (Rows, error) {
	all := Rows{}
	for from := []byte{0}; ; {
		rows, more, err := r.Scan(ctx, from, nil, 1024, false)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			all[string(row.Key)] = row.Value
			from = append(row.Key, 0)
		}
		if !more {
			return all, nil
		}
	}
}

// Clone returns a copy.
func (r Rows) Clone() Rows {
	c := make(Rows, len(r))
	for key, value := range r {
		c[key] = bytes.Clone(value)
	}
	return c
}

// Changes returns the rows in which to differs from r, sorted by key. A row that to
// lacks has no value.
func (r Rows) Changes(to Rows) []store.Row {
	var changes []store.Row
	for key, value := range to {
		if was, found := r[key]; !found || !bytes.Equal(was, value) {
			changes = append(changes, store.Row{Key: []byte(key), Value: append([]byte{}, value...)})
		}
	}
	for key := range r {
		if _, found := to[key]; !found {
			changes = append(changes, store.Row{Key: []byte(key)})
		}
	}
	slices.SortFunc(changes, func(a, b store.Row) int { return bytes.Compare(a.Key, b.Key) })
	return changes
}

// Table returns a table in memory that holds the rows.
func (r Rows) Table() *memtable.Table {
	t := &memtable.Table{}
	for _, key := range slices.Sorted(maps.Keys(r)) {
		t.Tamper([]byte(key), r[key])
	}
	return t
}

// TamperWith gives a table in memory other rows, without a commit. The table may be
// in use.
func TamperWith(t *memtable.Table, from, to Rows) {
	for _, row := range from.Changes(to) {
		t.Tamper(row.Key, row.Value)
	}
}

// EditDir gives the table in a directory other rows, without a key and without the
// code of package store. No process may have the table open. The directory then
// looks as a process leaves it that ran one command. If there is no directory,
// EditDir makes it.
func EditDir(dir string, edit func(Rows) (Rows, error)) error {
	db, err := cockroach.Open(dir, &cockroach.Options{FormatMajorVersion: pebble.FormatMajorVersion, Logger: quiet{}})
	if err != nil {
		return fmt.Errorf("opening %s: %w", dir, err)
	}
	if err := errors.Join(editDB(db, edit), db.Close()); err != nil {
		return err
	}
	return tidyDir(dir)
}

// Write makes a table that holds the rows in a directory of a file system.
func (r Rows) Write(fs pebble.FS, dir string) error {
	db, err := cockroach.Open(dir, &cockroach.Options{FS: fs, FormatMajorVersion: pebble.FormatMajorVersion, Logger: quiet{}})
	if err != nil {
		return fmt.Errorf("making %s: %w", dir, err)
	}
	return errors.Join(editDB(db, func(Rows) (Rows, error) { return r, nil }), db.Close())
}

// tidyDir removes what a process leaves in a directory that has flushed all rows.
func tidyDir(dir string) error {
	flushed, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil {
		return err
	}
	for _, name := range append(flushed, filepath.Join(dir, "unsettled")) {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return os.Chmod(dir, 0o700)
}

func editDB(db *cockroach.DB, edit func(Rows) (Rows, error)) error {
	from, err := dbRows(db)
	if err != nil {
		return err
	}
	to, err := edit(from.Clone())
	if err != nil {
		return err
	}
	b := db.NewBatch()
	defer b.Close()
	for _, row := range from.Changes(to) {
		if row.Value == nil {
			err = b.Delete(row.Key, nil)
		} else {
			err = b.Set(row.Key, row.Value, nil)
		}
		if err != nil {
			return err
		}
	}
	return errors.Join(b.Commit(cockroach.Sync), db.Flush())
}

func dbRows(db *cockroach.DB) (Rows, error) {
	it, err := db.NewIter(nil)
	if err != nil {
		return nil, err
	}
	all := Rows{}
	for ok := it.First(); ok; ok = it.Next() {
		all[string(it.Key())] = append([]byte{}, it.Value()...)
	}
	return all, errors.Join(it.Error(), it.Close())
}

// quiet is a logger of Pebble that says nothing.
type quiet struct{}

// Infof implements the logger of Pebble.
func (quiet) Infof(string, ...any) {}

// Errorf implements the logger of Pebble.
func (quiet) Errorf(string, ...any) {}

// Fatalf implements the logger of Pebble.
func (quiet) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
