package root_test

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"gait/ledger/home"
	"gait/ledger/root"
)

func oneShot(o *root.Options) { o.Mode, o.Create = root.Once, false }

// A refused one-shot open has removed nothing: tables that an older copy does not
// name may be all that is left of the ledger.
func TestARefusedOneShotRemovesNoTable(t *testing.T) {
	u := newUser(t)
	u.made(2)
	shut(t, u.open(oneShot)) // removes the write-ahead log
	r := u.open(oneShot)
	u.add(r, 1)
	shut(t, r)
	older := filepath.Join(u.dir, "older")
	copyDir(t, u.ledgerDir(), older)
	r = u.open(oneShot)
	u.add(r, 1)
	shut(t, r)
	tables, err := filepath.Glob(filepath.Join(u.ledgerDir(), "*.sst"))
	must(t, err)
	for _, table := range tables { // of the newer ledger, with the older manifest
		write(t, filepath.Join(older, filepath.Base(table)), read(t, table))
	}
	u.restore(older)
	before := names(t, u.ledgerDir())
	_, err = u.try(oneShot)
	if _, ok := errors.AsType[*home.RolledBackError](err); !ok {
		t.Fatalf("Open of an older copy = %v, want a RolledBackError", err)
	}
	for _, name := range before {
		if filepath.Ext(name) == ".sst" && !slices.Contains(names(t, u.ledgerDir()), name) {
			t.Errorf("the refused open removed %s", name)
		}
	}
}
