package pebble_test

import (
	"errors"
	"fmt"
	"io"
	"path"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"gait/ledger/ledgertest"
	"gait/ledger/store"
	"gait/ledger/store/pebble"
)

// frozen is a file system on which nothing can be written, locked or synced.
type frozen struct {
	ledgertest.HookFS
	t     *testing.T
	locks int
}

func freeze(t *testing.T, fs pebble.FS, sync error) *frozen {
	f := &frozen{t: t}
	f.HookFS = ledgertest.HookFS{FS: fs, Before: func(op ledgertest.Op, name string) error {
		if op == ledgertest.OpSync || op == ledgertest.OpSyncDir {
			return sync
		}
		t.Errorf("a table that is opened to be read tries to %s %s", op, name)
		return syscall.EROFS
	}}
	return f
}

func (f *frozen) Lock(string) (io.Closer, error) {
	f.locks++
	return nil, syscall.EROFS
}

// unclosed returns the file system of a ledger whose newest events are in a
// write-ahead log.
func unclosed(t *testing.T) pebble.FS {
	fs := ledgertest.NewFS(t)
	log := ledgertest.Create(t, ledgertest.Dir, ledgertest.Options{FS: fs})
	ledgertest.Append(t, log, ledgertest.Submit("job_1"))
	ledgertest.Append(t, log, ledgertest.Progress("job_1", "first"))
	return whole(fs)
}

func TestReadOnlyFileSystem(t *testing.T) {
	fs := unclosed(t)
	for _, sync := range []error{nil, syscall.EROFS, syscall.EINVAL, syscall.ENOTSUP} {
		for _, noLock := range []bool{false, true} {
			f := freeze(t, fs, sync)
			table, log, err := open(pebble.Options{FS: f, ReadOnly: true, NoLock: noLock}, store.Options{ReadOnly: true, Keys: ledgertest.MACKeys})
			if err != nil {
				t.Fatalf("Open where a sync gives %v = %v", sync, err)
			}
			ledgertest.Check(t, log, events(t, log)...)
			if got := log.Head().Size; got != 3 {
				t.Errorf("%d events, want 3", got)
			}
			if err := errors.Join(log.Close(), table.Close()); err != nil {
				t.Error(err)
			}
			if (f.locks > 0) == noLock {
				t.Errorf("NoLock %t: it tried %d times to lock", noLock, f.locks)
			}
		}
	}
}

// What another process wrote may still go if it cannot be made durable.
func TestReadingStopsIfASyncFails(t *testing.T) {
	f := freeze(t, unclosed(t), syscall.EIO)
	defer func() {
		if err, _ := recover().(error); !errors.Is(err, syscall.EIO) {
			t.Errorf("it stops with %v, want EIO", err)
		}
	}()
	_, err := pebble.Open(ledgertest.Dir, pebble.Options{FS: f, ReadOnly: true})
	t.Errorf("Open where a sync fails = %v", err)
}

// A Listing tells what may have changed beside a reader from what may not.
func TestListings(t *testing.T) {
	for name, tt := range map[string]struct {
		change      func(fs vfs.FS, dir string) error
		opens, same bool
	}{
		"nothing":         {func(vfs.FS, string) error { return nil }, true, true},
		"a log grew":      {func(fs vfs.FS, dir string) error { return grow(fs, dir, "000001.log") }, true, false},
		"a manifest grew": {func(fs vfs.FS, dir string) error { return grow(fs, dir, "MANIFEST-000001") }, false, false},
		"a table came":    {func(fs vfs.FS, dir string) error { return grow(fs, dir, "000007.sst") }, false, false},
		"a log went away": {func(fs vfs.FS, dir string) error { return fs.Remove(path.Join(dir, "000001.log")) }, false, false},
		"a log took a log's place": {func(fs vfs.FS, dir string) error {
			return fs.Rename(path.Join(dir, "000001.log"), path.Join(dir, "000002.log"))
		}, false, false},
		"a log was begun once more": {func(fs vfs.FS, dir string) error { return putFile(fs, path.Join(dir, "000001.log"), "") }, false, false},
	} {
		fs, dir := vfs.NewMem(), "/d"
		if err := errors.Join(fs.MkdirAll(dir, 0o700), putFile(fs, "/d/000001.log", "log"), putFile(fs, "/d/MANIFEST-000001", "manifest"), putFile(fs, "/d/000003.sst", "rows")); err != nil {
			t.Fatal(err)
		}
		before, err1 := pebble.List(dir, fs)
		err2 := tt.change(fs, dir)
		after, err3 := pebble.List(dir, fs)
		if err := errors.Join(err1, err2, err3); err != nil {
			t.Fatal(err)
		}
		if before.Opens(after) != tt.opens || before.Same(after) != tt.same {
			t.Errorf("%s: Opens %t, Same %t, want %t and %t: %v, then %v", name, before.Opens(after), before.Same(after), tt.opens, tt.same, before, after)
		}
	}
}

func grow(fs vfs.FS, dir, name string) error {
	old := ""
	if f, err := fs.Open(path.Join(dir, name)); err == nil {
		b, err := io.ReadAll(f)
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
		old = string(b)
	}
	return putFile(fs, path.Join(dir, name), old+"more")
}

func putFile(fs vfs.FS, name, text string) error {
	f, err := fs.Create(name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = fmt.Fprint(f, text)
	return errors.Join(err, f.Close())
}
