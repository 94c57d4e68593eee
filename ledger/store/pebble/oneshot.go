package pebble

import (
	"errors"
	"path"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// unsettledName is a file that stands in the directory of a table while a
// one-shot process has it open. If it is found later, the process was killed,
// and may have left a manifest that the next power cut takes away.
const unsettledName = "unsettled"

// mergeAt is how many small SSTables one-shot processes leave behind before one
// of them merges them.
const (
	mergeAt    = 32
	smallTable = 64 << 10
)

// baseSize is how large the level grows that those SSTables are merged into: all
// of it is rewritten each time.
const baseSize = 4 << 20

// once makes the options those of a process that writes a batch or two and ends.
// A batch goes into an SSTable at once: through a write-ahead log it would be
// made durable twice.
func once(o *pebble.Options) {
	o.DisableWAL = true
	o.L0CompactionThreshold = 2 * mergeAt // each SSTable of level 0 counts for two
	o.LBaseMaxBytes = baseSize
}

// Tidy reports whether there is nothing in dir to recover, and not much to merge.
// A one-shot Open then leaves every file as it is that the rows lie in, and
// removes none before the first Commit.
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

// A onceFS is the file system of a one-shot process. Pebble syncs the directory
// after each file that it makes; here that sync waits until something depends on
// it: a manifest that names an SSTable, a marker that names a manifest, the end
// of a commit. Files are removed only once their replacement is durable.
//
// Pebble also makes a write-ahead log, and never writes to it. That one is kept
// in memory.
type onceFS struct {
	vfs.FS
	dir string

	mu              sync.Mutex
	dirDirty        bool     // the directory must be synced
	everSynced      bool     // the directory was synced at least once
	pendingRemovals []string // files to remove after the next sync of the directory
	unnamedManifest string   // the manifest that no marker names yet
	err             error    // of the first sync that failed: nothing is durable after it
}

// Unwrap returns the file system below.
func (o *onceFS) Unwrap() vfs.FS { return o.FS }

// syncDirty syncs the directory if it must be, and then makes the pending
// removals. A file that stays does no harm: Pebble removes it at the next open.
func (o *onceFS) syncDirty() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.dirDirty || o.err != nil {
		return o.err
	}
	if o.dirDirty, o.err = false, syncDir(o.FS, o.dir); o.err != nil {
		return o.err
	}
	for _, name := range o.pendingRemovals {
		_ = o.FS.Remove(name)
	}
	o.pendingRemovals, o.everSynced = nil, true
	return nil
}

// end makes durable what a merge wrote after the last commit. If nothing was
// committed or merged, no file is removed: the caller has not yet said that this
// is the right ledger.
func (o *onceFS) end() error {
	if !o.hasSynced() {
		return nil
	}
	return o.syncDirty()
}

func (o *onceFS) hasSynced() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.everSynced
}

// markDirty puts a sync of the directory off.
func (o *onceFS) markDirty() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.dirDirty = true
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
		if err := o.syncDirty(); err != nil {
			return nil, err
		}
		o.setUnnamed("")
	case manifest:
		o.setUnnamed(name)
	}
	f, err := o.FS.Create(name, c)
	if err != nil || !manifest {
		return f, err
	}
	if err := chmod(o.FS, name, f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &onceManifest{File: f, fs: o, name: name}, nil
}

func (o *onceFS) setUnnamed(manifest string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.unnamedManifest = manifest
}

func (o *onceFS) isUnnamed(manifest string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.unnamedManifest == manifest
}

// Remove removes a file, now or after the next sync of the directory. A marker
// is removed at once: the marker that follows it is durable by then.
func (o *onceFS) Remove(name string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.dirDirty && !strings.HasPrefix(o.PathBase(name), "marker.") {
		o.pendingRemovals = append(o.pendingRemovals, name)
		return nil
	}
	return o.FS.Remove(name)
}

// OpenDir opens a directory to sync it. The parent of the table's directory was
// synced when the table was created.
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

// Sync puts the sync of the table's directory off, and skips its parent's.
func (d *onceDir) Sync() error {
	if !d.own {
		return nil
	}
	return d.fs.markDirty()
}

type onceManifest struct {
	vfs.File
	fs   *onceFS
	name string
}

// Write makes durable what the manifest is about to name, unless no marker names
// the manifest itself: a power cut may keep what is written and not yet synced.
func (m *onceManifest) Write(p []byte) (int, error) {
	if !m.fs.isUnnamed(m.name) {
		if err := m.fs.syncDirty(); err != nil {
			return 0, err
		}
	}
	return m.File.Write(p)
}

// flush makes what was committed durable in an SSTable.
func (db database) flush() error {
	err := db.guard("flushing", db.Flush)
	if err == nil && db.once != nil {
		err = db.stop.check("syncing", db.once.dir, db.once.syncDirty())
	}
	return err
}

// beginOnce puts the file system of a one-shot process under stop.
func beginOnce(dir string, stop *failStop) (*onceFS, error) {
	f, err := stop.Create(stop.PathJoin(dir, unsettledName), vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	o := &onceFS{FS: stop.FS, dir: dir, dirDirty: true} // so that nothing is removed yet
	stop.FS = o
	return o, nil
}

// endOnce removes the file that says that something may be unsettled: each
// commit has synced what it wrote. What was to be removed since then stays, if
// nothing was committed.
func (db database) endOnce() error {
	if db.once == nil {
		return nil
	}
	if err := db.once.end(); err != nil {
		return db.stop.check("syncing", db.once.dir, err)
	}
	return db.stop.Remove(db.stop.PathJoin(db.once.dir, unsettledName))
}
