package ledgertest

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"

	"gait/ledger/store/pebble"
)

// An Op is a kind of call that changes what is on disk, or makes it durable.
type Op string

// The kinds of calls that a HookFS reports.
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

// A HookFS calls Before ahead of each call that changes what is on disk. If
// Before returns an error, the call is not made and fails with it; if that is a
// *ShortWrite, a part of the write is made. It calls After, unless that is nil,
// once a call has succeeded. Both are called from several goroutines.
type HookFS struct {
	pebble.FS
	Before func(op Op, name string) error
	After  func(op Op, name string)
}

// A ShortWrite is an error of Before: the write stops after Keep bytes and fails
// with Err. If Err is nil, the write returns no error, and only its count shows that
// it was short.
type ShortWrite struct {
	Keep int
	Err  error
}

func (e *ShortWrite) Error() string { return fmt.Sprintf("short write of %d bytes", e.Keep) }

// Unwrap returns the error with which the write fails.
func (e *ShortWrite) Unwrap() error { return e.Err }

// do calls Before, then call, then After.
func (h *HookFS) do(op Op, name string, call func() error) error {
	if err := h.Before(op, name); err != nil {
		return err
	}
	err := call()
	if err == nil && h.After != nil {
		h.After(op, name)
	}
	return err
}

// Unwrap returns the underlying file system.
func (h *HookFS) Unwrap() vfs.FS { return h.FS }

func (h *HookFS) file(f vfs.File, err error, sync Op, name string) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return &hookFile{File: f, fs: h, sync: sync, name: name}, nil
}

// Create creates a file.
func (h *HookFS) Create(name string, c vfs.DiskWriteCategory) (f vfs.File, err error) {
	err = h.do(OpCreate, name, func() (err error) { f, err = h.FS.Create(name, c); return err })
	return h.file(f, err, OpSync, name)
}

// OpenReadWrite opens a file.
func (h *HookFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (f vfs.File, err error) {
	err = h.do(OpCreate, name, func() (err error) { f, err = h.FS.OpenReadWrite(name, c, opts...); return err })
	return h.file(f, err, OpSync, name)
}

// ReuseForWrite renames a file and opens it.
func (h *HookFS) ReuseForWrite(oldname, newname string, c vfs.DiskWriteCategory) (f vfs.File, err error) {
	err = h.do(OpCreate, newname, func() (err error) { f, err = h.FS.ReuseForWrite(oldname, newname, c); return err })
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
	return h.do(OpLink, newname, func() error { return h.FS.Link(oldname, newname) })
}

// Remove removes a file.
func (h *HookFS) Remove(name string) error {
	return h.do(OpRemove, name, func() error { return h.FS.Remove(name) })
}

// RemoveAll removes a directory.
func (h *HookFS) RemoveAll(name string) error {
	return h.do(OpRemove, name, func() error { return h.FS.RemoveAll(name) })
}

// Rename renames a file.
func (h *HookFS) Rename(oldname, newname string) error {
	return h.do(OpRename, newname, func() error { return h.FS.Rename(oldname, newname) })
}

// MkdirAll makes directories.
func (h *HookFS) MkdirAll(dir string, mode os.FileMode) error {
	return h.do(OpMkdir, dir, func() error { return h.FS.MkdirAll(dir, mode) })
}

type hookFile struct {
	vfs.File
	fs   *HookFS
	sync Op
	name string
}

func (f *hookFile) Write(p []byte) (int, error) { return f.write(p, f.File.Write) }

func (f *hookFile) WriteAt(p []byte, off int64) (int, error) {
	return f.write(p, func(p []byte) (int, error) { return f.File.WriteAt(p, off) })
}

func (f *hookFile) write(p []byte, to func([]byte) (int, error)) (n int, err error) {
	err = f.fs.do(OpWrite, f.name, func() (err error) { n, err = to(p); return err })
	short, ok := errors.AsType[*ShortWrite](err)
	if !ok {
		return n, err
	}
	if n, err = to(p[:max(0, min(short.Keep, len(p)-1))]); err != nil {
		return n, err
	}
	return n, short.Err
}

func (f *hookFile) Sync() error { return f.fs.do(f.sync, f.name, f.File.Sync) }

func (f *hookFile) SyncData() error { return f.fs.do(f.sync, f.name, f.File.SyncData) }

// A CountingFS counts the syncs made through it.
type CountingFS struct {
	HookFS
	files, dirs atomic.Int64
}

// NewCountingFS returns a file system that counts the syncs of fs. A nil fs is that
// of the operating system.
func NewCountingFS(fs pebble.FS) *CountingFS {
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
		default: // not a sync
		}
		return nil
	}}
	return c
}

// Syncs returns how often a file or directory was synced.
func (c *CountingFS) Syncs() int64 { return c.files.Load() + c.dirs.Load() }

// DirSyncs returns how often a directory was synced.
func (c *CountingFS) DirSyncs() int64 { return c.dirs.Load() }
