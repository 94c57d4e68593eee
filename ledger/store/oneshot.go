package store

import (
	"errors"
	"path"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// unsettledName is a file that stands in the directory of a ledger while a
// one-shot log has it open. Where it is found later, the process was killed, and
// may have left a manifest that the next power cut takes away.
const unsettledName = "unsettled"

// mergeAt is how many small tables one-shot logs leave behind before one of them
// merges them.
const (
	mergeAt    = 32
	smallTable = 64 << 10
)

// baseSize is how large the level grows that those tables are merged into: all
// of it is written anew each time.
const baseSize = 4 << 20

// once makes the options those of a log that writes a batch or two and is
// closed. A batch goes into a table at once: through a write-ahead log it would
// be made durable twice.
func once(o *pebble.Options) {
	o.DisableWAL = true
	o.L0CompactionThreshold = 2 * mergeAt // each table of level 0 counts for two
	o.LBaseMaxBytes = baseSize
}

// Tidy reports whether there is nothing in dir to recover, and not much to merge.
// A one-shot Open then leaves every file as it is that the ledger's events lie
// in, and removes none before the first Append.
func Tidy(dir string, fs FS) (bool, error) {
	if fs == nil {
		fs = vfs.Default
	}
	names, err := fs.List(dir)
	if err != nil {
		return false, classify("listing "+dir, err)
	}
	small := 0
	for _, name := range names {
		switch {
		case name == unsettledName || path.Ext(name) == ".log":
			return false, nil
		case path.Ext(name) != ".sst":
			continue
		}
		info, err := fs.Stat(fs.PathJoin(dir, name))
		if err != nil {
			return false, classify("looking at "+name, err)
		}
		if info.Size() < smallTable {
			small++
		}
	}
	return small < mergeAt, nil
}

// A onceFS is the file system under a one-shot log. Pebble syncs the directory
// after each file that it makes; here that waits until something depends on it:
// a manifest that names a table, a marker that names a manifest, the end of a
// commit. A file is removed then, when what took its place is durable.
//
// The write-ahead log that Pebble makes all the same, and never writes to, is
// not made.
type onceFS struct {
	vfs.FS
	dir string

	mu    sync.Mutex
	owed  bool     // the directory must be synced
	paid  bool     // it was, once
	gone  []string // files to be removed when it is
	fresh string   // the manifest that no marker names yet
	err   error    // of the first sync that failed: nothing is durable after it
}

// Unwrap returns the file system below.
func (o *onceFS) Unwrap() vfs.FS { return o.FS }

// pay syncs the directory if that is owed, and then removes what it can. What
// stays loses nothing: Pebble removes it when it opens the ledger again.
func (o *onceFS) pay() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.owed || o.err != nil {
		return o.err
	}
	if o.owed, o.err = false, syncPath(o.FS, o.dir); o.err != nil {
		return o.err
	}
	for _, name := range o.gone {
		_ = o.FS.Remove(name)
	}
	o.gone, o.paid = nil, true
	return nil
}

// end pays what a merge after the last commit owes. Where no commit or merge has
// paid yet, nothing is removed: nobody has said that the ledger is the right one.
func (o *onceFS) end() error {
	if !o.hasPaid() {
		return nil
	}
	return o.pay()
}

func (o *onceFS) hasPaid() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.paid
}

// owe puts a sync of the directory off.
func (o *onceFS) owe() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.owed = true
	return o.err
}

// Create creates a file.
func (o *onceFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	base := o.PathBase(name)
	manifest := strings.HasPrefix(base, "MANIFEST-")
	switch {
	case path.Ext(base) == ".log":
		return vfs.NewMem().Create(base, c)
	case strings.HasPrefix(base, "marker."):
		if err := o.pay(); err != nil {
			return nil, err
		}
		o.setFresh("")
	case manifest:
		o.setFresh(name)
	}
	f, err := o.FS.Create(name, c)
	if err != nil || !manifest {
		return f, err
	}
	if err := chmod(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &onceManifest{File: f, fs: o, name: name}, nil
}

func (o *onceFS) setFresh(name string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.fresh = name
}

func (o *onceFS) isFresh(name string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.fresh == name
}

// Remove removes a file, now or when the directory was synced. A marker goes at
// once: it stands behind the one that follows it.
func (o *onceFS) Remove(name string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.owed && !strings.HasPrefix(o.PathBase(name), "marker.") {
		o.gone = append(o.gone, name)
		return nil
	}
	return o.FS.Remove(name)
}

// OpenDir opens a directory to sync it. That of the ledger is in its parent since
// Create synced that.
func (o *onceFS) OpenDir(name string) (vfs.File, error) {
	f, err := o.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &onceDir{File: f, fs: o, own: name == o.dir}, nil
}

type onceDir struct {
	vfs.File
	fs  *onceFS
	own bool
}

// Sync puts the sync of the ledger's directory off, and leaves its parent's out.
func (d *onceDir) Sync() error {
	if !d.own {
		return nil
	}
	return d.fs.owe()
}

type onceManifest struct {
	vfs.File
	fs   *onceFS
	name string
}

// Write makes what the manifest is about to name durable, unless no marker names
// the manifest itself: a power cut may keep what is written and not yet synced.
func (m *onceManifest) Write(p []byte) (int, error) {
	if !m.fs.isFresh(m.name) {
		if err := m.fs.pay(); err != nil {
			return 0, err
		}
	}
	return m.File.Write(p)
}

// syncPath syncs a directory.
func syncPath(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// flush makes what was committed durable in a table.
func (db database) flush() error {
	err := db.guard("flushing", db.Flush)
	if err == nil && db.once != nil {
		err = db.stop.check("syncing", db.once.dir, db.once.pay())
	}
	return err
}

// begin prepares the opening of a log, which only a one-shot one needs.
func (o Options) begin(dir string, stop *failStop) (fs *onceFS, tidy bool, err error) {
	if !o.OneShot {
		return nil, false, nil
	}
	if tidy, err = Tidy(dir, stop); err != nil {
		return nil, false, err
	}
	fs, err = beginOnce(dir, stop)
	return fs, tidy, err
}

// beginOnce puts the file system of a one-shot log under stop.
func beginOnce(dir string, stop *failStop) (*onceFS, error) {
	f, err := stop.Create(stop.PathJoin(dir, unsettledName), vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	o := &onceFS{FS: stop.FS, dir: dir, owed: true} // so that nothing is removed yet
	stop.FS = o
	return o, nil
}

// endOnce says that all that was written is durable: each commit has paid. What
// was to be removed since stays, if nothing was committed.
func (db database) endOnce() error {
	if db.once == nil {
		return nil
	}
	if err := db.once.end(); err != nil {
		return db.stop.check("syncing", db.once.dir, err)
	}
	return db.stop.Remove(db.stop.PathJoin(db.once.dir, unsettledName))
}
