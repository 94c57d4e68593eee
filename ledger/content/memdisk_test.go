package content_test

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"

	"gait/ledger/content"
)

// A memDisk is a disk in memory, of which a power cut takes away what was not synced.
type memDisk struct{ *vfs.MemFS }

func newMemDisk() memDisk {
	d := memDisk{vfs.NewCrashableMem()}
	if err := errors.Join(d.MkdirAll("/root", 0o700), d.SyncDir("/"), d.SyncDir("/root")); err != nil {
		panic(err)
	}
	return d
}

// cut returns the disk as a power cut leaves it, with a share of what was not synced.
func (d memDisk) cut(percent int, seed uint64) memDisk {
	return memDisk{d.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rand.New(rand.NewPCG(seed, 1))})}
}

type memFile struct{ vfs.File }

func (f memFile) Stat() (fs.FileInfo, error) {
	st, err := f.File.Stat()
	return private{st}, err
}

// Write leaves b as it is, as io.Writer says. Under the race detector Pebble's file in memory
// would change what it was given, and content that is written once more would be damaged.
func (f memFile) Write(b []byte) (int, error) { return f.File.Write(slices.Clone(b)) }

// private is a file that other users cannot read, as a store makes it.
type private struct{ fs.FileInfo }

func (p private) Mode() fs.FileMode { return p.FileInfo.Mode() &^ 0o077 }

func (private) Sys() any { return &syscall.Stat_t{Uid: uint32(os.Geteuid())} }

func (d memDisk) Open(path string) (content.File, error) {
	f, err := d.MemFS.Open(path)
	return memFile{f}, err
}

func (d memDisk) Create(path string) (content.File, error) {
	if _, err := d.Stat(path); err == nil {
		return nil, fs.ErrExist
	}
	f, err := d.MemFS.Create(path, vfs.WriteCategoryUnspecified)
	return memFile{f}, err
}

func (d memDisk) Lstat(path string) (fs.FileInfo, error) { return d.Stat(path) }

func (d memDisk) List(dir string) ([]fs.DirEntry, error) {
	names, err := d.MemFS.List(dir)
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	var all []fs.DirEntry
	for _, name := range names {
		st, err := d.Stat(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		all = append(all, fs.FileInfoToDirEntry(st))
	}
	return all, nil
}

func (d memDisk) CheckDir(path string) error {
	st, err := d.Stat(path)
	if err == nil && !st.IsDir() {
		err = fs.ErrInvalid
	}
	return err
}

func (d memDisk) Mkdir(path string) error {
	if _, err := d.Stat(path); err == nil {
		return fs.ErrExist
	}
	return d.MkdirAll(path, 0o700)
}

func (d memDisk) Rename(from, to string) error { return d.MemFS.Rename(from, to) }

func (d memDisk) SyncDir(path string) error {
	f, err := d.OpenDir(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (d memDisk) SyncAll(_ string, files, dirs []string) error {
	return content.SyncEach(d, files, dirs)
}

func (d memDisk) Touch(path string) error {
	_, err := d.Stat(path)
	return err
}

// A faultyDisk lets calls that change the disk fail: the one with a number, or all from it
// on, as if the process were killed there.
type faultyDisk struct {
	content.Disk
	mu    sync.Mutex
	calls int
	at    int // of the call that fails; 0: none
	all   bool
	err   error
	names []string // of the calls
}

func (d *faultyDisk) fails(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls++
	d.names = append(d.names, name)
	if d.calls == d.at || d.all && d.at > 0 && d.calls > d.at {
		return &fs.PathError{Op: name, Path: "faulty", Err: d.err}
	}
	return nil
}

func (d *faultyDisk) Create(path string) (content.File, error) {
	if err := d.fails("create"); err != nil {
		return nil, err
	}
	f, err := d.Disk.Create(path)
	return &faultyFile{f, d}, err
}

func (d *faultyDisk) Open(path string) (content.File, error) {
	f, err := d.Disk.Open(path)
	if err != nil {
		return nil, err
	}
	return &faultyFile{f, d}, nil
}

func (d *faultyDisk) Mkdir(path string) error {
	return errors.Join(d.fails("mkdir"), d.unlessFailed(func() error { return d.Disk.Mkdir(path) }))
}

// unlessFailed makes a call that was not the one that fails.
func (d *faultyDisk) unlessFailed(call func() error) error {
	d.mu.Lock()
	failed := d.calls == d.at || d.all && d.at > 0 && d.calls > d.at
	d.mu.Unlock()
	if failed {
		return nil
	}
	return call()
}

func (d *faultyDisk) Rename(from, to string) error {
	return errors.Join(d.fails("rename"), d.unlessFailed(func() error { return d.Disk.Rename(from, to) }))
}

func (d *faultyDisk) Remove(path string) error {
	return errors.Join(d.fails("remove"), d.unlessFailed(func() error { return d.Disk.Remove(path) }))
}

func (d *faultyDisk) SyncDir(path string) error {
	return errors.Join(d.fails("syncdir"), d.unlessFailed(func() error { return d.Disk.SyncDir(path) }))
}

func (d *faultyDisk) SyncAll(dir string, files, dirs []string) error {
	return errors.Join(d.fails("syncall"), d.unlessFailed(func() error { return d.Disk.SyncAll(dir, files, dirs) }))
}

func (d *faultyDisk) Touch(path string) error {
	return errors.Join(d.fails("touch"), d.unlessFailed(func() error { return d.Disk.Touch(path) }))
}

type faultyFile struct {
	content.File
	disk *faultyDisk
}

// Write fails after a part of the bytes, as a full disk does.
func (f *faultyFile) Write(b []byte) (int, error) {
	if err := f.disk.fails("write"); err != nil {
		n, _ := f.File.Write(b[:len(b)/2])
		return n, err
	}
	return f.File.Write(b)
}

func (f *faultyFile) WriteAt(b []byte, at int64) (int, error) {
	if err := f.disk.fails("writeat"); err != nil {
		return 0, err
	}
	return f.File.WriteAt(b, at)
}

func (f *faultyFile) Sync() error {
	if err := f.disk.fails("sync"); err != nil {
		return err
	}
	return f.File.Sync()
}
