package pebble

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/cockroachdb/pebble/v2"

	"gait/ledger/store"
)

// creating stands in the name of a directory that is being built.
const creating = ".creating-"

// Create makes a table in dir, which must not exist. fill writes its first rows,
// and need not close it. Errors are store.ErrExists, that of fill, and those of
// the operating system.
//
// The table is built in a directory beside dir and renamed, so dir is either
// whole or not there. What an earlier Create left half-made is removed, and so
// is what this one made, if it fails.
func Create(dir string, o Options, fill func(store.Table) error) error {
	if o.ReadOnly {
		return store.ErrReadOnly
	}
	stop := newFailStop(o.FS, o.Fatal)
	switch _, err := stop.Stat(dir); {
	case err == nil:
		return fmt.Errorf("%s: %w", dir, store.ErrExists)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := removeLeftovers(stop, dir); err != nil {
		return err
	}
	temporary := dir + creating + "table"
	if err := build(temporary, stop, fill); err != nil {
		if stop.stopped.Load() {
			return err
		}
		return errors.Join(err, stop.RemoveAll(temporary))
	}
	if err := stop.Rename(temporary, dir); err != nil {
		return err
	}
	return syncDir(stop, stop.PathDir(dir))
}

// removeLeftovers removes what a Create of dir that crashed left beside it.
func removeLeftovers(stop *failStop, dir string) error {
	parent := stop.PathDir(dir)
	names, err := stop.List(parent)
	if err != nil {
		return fmt.Errorf("listing %s: %w", parent, err)
	}
	for _, name := range names {
		if !strings.HasPrefix(name, stop.PathBase(dir)+creating) {
			continue
		}
		if err := stop.RemoveAll(stop.PathJoin(parent, name)); err != nil {
			return fmt.Errorf("removing %s: %w", name, err)
		}
	}
	return nil
}

// build makes a whole table in dir, and closes it.
func build(dir string, stop *failStop, fill func(store.Table) error) error {
	if err := stop.MkdirAll(dir, dirMode); err != nil {
		return err
	}
	db, err := openPebble(dir, stop, func(o *pebble.Options) { o.ErrorIfExists = true })
	if err != nil {
		return err
	}
	t, err := newTable(db, false)
	if err != nil {
		return err
	}
	if err := errors.Join(fill(t), t.Close()); err != nil {
		return err
	}
	return syncDir(stop, dir)
}
