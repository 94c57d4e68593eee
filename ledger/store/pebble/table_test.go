package pebble_test

import (
	"path/filepath"
	"testing"

	"gait/ledger/ledgertest"
	"gait/ledger/store"
	"gait/ledger/store/pebble"
	"gait/ledger/store/tabletest"
)

// Tables on disk and on a memory file system, for processes that commit once, for
// a while, and for long.
func TestTable(t *testing.T) {
	disk := func(t testing.TB) (string, pebble.FS) { return filepath.Join(t.TempDir(), "table"), nil }
	memory := func(t testing.TB) (string, pebble.FS) { return ledgertest.Dir, ledgertest.NewFS(t) }
	for name, o := range map[string]pebble.Options{"": {}, ", one-shot": {OneShot: true}, ", sustained": {Sustained: true}} {
		t.Run("disk"+name, func(t *testing.T) {
			tabletest.Test(t, func(t testing.TB) tabletest.Place { return place(t, disk, o) })
		})
		t.Run("memory"+name, func(t *testing.T) {
			tabletest.Test(t, func(t testing.TB) tabletest.Place { return place(t, memory, o) })
		})
	}
}

// place makes a directory of a table without rows.
func place(t testing.TB, where func(testing.TB) (string, pebble.FS), o pebble.Options) tabletest.Place {
	t.Helper()
	dir, fs := where(t)
	o.FS = fs
	if err := pebble.Create(dir, o, func(store.Table) error { return nil }); err != nil {
		t.Fatal(err)
	}
	opened := func(t testing.TB, o pebble.Options) store.Table {
		t.Helper()
		table, err := pebble.Open(dir, o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := table.Close(); err != nil {
				t.Error(err)
			}
		})
		return table
	}
	return tabletest.Place{
		Open: func(t testing.TB) store.Table { return opened(t, o) },
		ReadOnly: func(t testing.TB) store.Table {
			read := o
			read.ReadOnly, read.OneShot = true, false
			return opened(t, read)
		},
	}
}
