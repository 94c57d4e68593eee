package ledgertest

import (
	"os"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"

	"gait/ledger/store"
)

// An Op is a kind of call that changes what is on disk, or makes it durable.
type Op string

// The kinds of calls that a HookFS tells of.
const (
	OpCreate  Op = "create" // to create, reuse or open a file to write it
	OpWrite   Op = "write"
	OpSync    Op = "sync"     // of a file
	OpSyncDir Op = "sync dir" // of a directory
	OpRename  Op = "rename"
	OpLink    Op = "link"
	OpRemove  Op = "remove"
	OpMkdir   Op = "mkdir"
)

// A HookFS calls Before ahead of each call that changes what is on disk. When
// Before returns an error, the call is not made and fails with it. Before is
// called from several goroutines.
type HookFS struct {
	store.FS
	Before func(op Op, name string) error
}

// Unwrap returns the file system below.
func (h *HookFS) Unwrap() vfs.FS { return h.FS }

func (h *HookFS) file(f vfs.File, err error, sync Op, name string) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &hookFile{File: f, fs: h, sync: sync, name: name}, nil
}

// Create creates a file.
func (h *HookFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := h.Before(OpCreate, name); err != nil {
		return nil, err
	}
	f, err := h.FS.Create(name, c)
	return h.file(f, err, OpSync, name)
}

// OpenReadWrite opens a file.
func (h *HookFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	if err := h.Before(OpCreate, name); err != nil {
		return nil, err
	}
	f, err := h.FS.OpenReadWrite(name, c, opts...)
	return h.file(f, err, OpSync, name)
}

// ReuseForWrite renames a file and opens it.
func (h *HookFS) ReuseForWrite(oldname, newname string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if err := h.Before(OpCreate, newname); err != nil {
		return nil, err
	}
	f, err := h.FS.ReuseForWrite(oldname, newname, c)
	return h.file(f, err, OpSync, newname)
}

// Open opens a file to read it.
func (h *HookFS) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := h.FS.Open(name, opts...)
	return h.file(f, err, OpSync, name)
}

// OpenDir opens a directory.
func (h *HookFS) OpenDir(name string) (vfs.File, error) {
	f, err := h.FS.OpenDir(name)
	return h.file(f, err, OpSyncDir, name)
}

// Link makes a hard link.
func (h *HookFS) Link(oldname, newname string) error {
	if err := h.Before(OpLink, newname); err != nil {
		return err
	}
	return h.FS.Link(oldname, newname)
}

// Remove removes a file.
func (h *HookFS) Remove(name string) error {
	if err := h.Before(OpRemove, name); err != nil {
		return err
	}
	return h.FS.Remove(name)
}

// RemoveAll removes a directory.
func (h *HookFS) RemoveAll(name string) error {
	if err := h.Before(OpRemove, name); err != nil {
		return err
	}
	return h.FS.RemoveAll(name)
}

// Rename renames a file.
func (h *HookFS) Rename(oldname, newname string) error {
	if err := h.Before(OpRename, newname); err != nil {
		return err
	}
	return h.FS.Rename(oldname, newname)
}

// MkdirAll makes directories.
func (h *HookFS) MkdirAll(dir string, mode os.FileMode) error {
	if err := h.Before(OpMkdir, dir); err != nil {
		return err
	}
	return h.FS.MkdirAll(dir, mode)
}

type hookFile struct {
	vfs.File
	fs   *HookFS
	sync Op
	name string
}

func (f *hookFile) Write(p []byte) (int, error) {
	if err := f.fs.Before(OpWrite, f.name); err != nil {
		return 0, err
	}
	return f.File.Write(p)
}

func (f *hookFile) WriteAt(p []byte, off int64) (int, error) {
	if err := f.fs.Before(OpWrite, f.name); err != nil {
		return 0, err
	}
	return f.File.WriteAt(p, off)
}

func (f *hookFile) Sync() error {
	if err := f.fs.Before(f.sync, f.name); err != nil {
		return err
	}
	return f.File.Sync()
}

func (f *hookFile) SyncData() error {
	if err := f.fs.Before(f.sync, f.name); err != nil {
		return err
	}
	return f.File.SyncData()
}

// A CountingFS counts the syncs that go through it.
type CountingFS struct {
	HookFS
	files, dirs atomic.Int64
}

// NewCountingFS returns a file system that counts how often fs is asked to
// sync; nil is that of the operating system.
func NewCountingFS(fs store.FS) *CountingFS {
	if fs == nil {
		fs = vfs.Default
	}
	c := &CountingFS{}
	c.HookFS = HookFS{FS: fs, Before: func(op Op, _ string) error {
		switch op {
		case OpSync:
			c.files.Add(1)
		case OpSyncDir:
			c.dirs.Add(1)
		}
		return nil
	}}
	return c
}

// Syncs returns how often a file or directory was synced.
func (c *CountingFS) Syncs() int64 { return c.files.Load() + c.dirs.Load() }

// DirSyncs returns how often a directory was synced.
func (c *CountingFS) DirSyncs() int64 { return c.dirs.Load() }
