package pebble

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// FS is the file system a table lives on.
type FS = vfs.FS

// The modes of files and directories: what a ledger holds is its user's alone. A user who
// has let a group read the directory of a ledger has let it read the ledger, so the files
// that are made there from then on are of mode groupMode. Otherwise the next write would
// lock those readers out.
const (
	fileMode  = 0o600
	groupMode = 0o640
	dirMode   = 0o700
)

// groupReads are the permissions of a directory that a group can read files in.
const groupReads = 0o050

// modeIn returns the mode of a file called name. What cannot be looked at is not shared.
func modeIn(fs vfs.FS, name string) os.FileMode {
	dir, err := fs.Stat(fs.PathDir(name))
	if err == nil && dir.Mode().Perm()&groupReads == groupReads {
		return groupMode
	}
	return fileMode
}

// A failStop is a file system that calls fatal at the first failed create,
// write, sync or rename, before Pebble can retry, panic or acknowledge. It is
// also the Logger whose Fatalf goes the same way.
//
// Any later write blocks for ever: the process is about to end, and must not change
// what the next process reads.
//
// So does any change by the path of a file, if the directory of the table is no longer
// the one that was opened: it would change what has taken its place.
type failStop struct {
	vfs.FS
	fatal   func(error)
	stopped atomic.Bool
	dir     string      // of the table
	place   os.FileInfo // of dir as it was opened; nil: it is not compared
}

func newFailStop(fs FS, fatal func(error)) *failStop {
	if fs == nil {
		fs = vfs.Default
	}
	if fatal == nil {
		fatal = func(err error) { panic(err) }
	}
	return &failStop{FS: fs, fatal: fatal}
}

// stop ends the process, once.
func (s *failStop) stop(err error) {
	if s.stopped.Swap(true) {
		select {}
	}
	s.fatal(err)
	panic(fmt.Errorf("pebble: Options.Fatal returned from: %w", err))
}

// gate lets nothing through after stop.
func (s *failStop) gate() {
	if s.stopped.Load() {
		select {}
	}
}

// hold keeps which directory dir is, if it is one of the operating system's. Pebble holds it
// open, so that no other gets its number while the table is open.
func (s *failStop) hold(dir string) error {
	if vfs.Root(s.FS) != vfs.Default {
		return nil
	}
	place, err := os.Stat(dir)
	s.dir, s.place = dir, place
	return err
}

// enter is gate for what changes files by their paths.
func (s *failStop) enter() {
	s.gate()
	if s.place == nil {
		return
	}
	now, err := os.Stat(s.dir)
	if err == nil && !os.SameFile(now, s.place) {
		err = errReplaced
	}
	if err != nil {
		s.stop(fmt.Errorf("writing in %s: %w", s.dir, err))
	}
}

// errReplaced says that another directory is where the table's was.
var errReplaced = errors.New("the directory was replaced while the ledger in it was open")

// check stops on an error of a write.
func (s *failStop) check(doing, name string, err error) error {
	if err != nil {
		s.stop(fmt.Errorf("%s %s: %w", doing, name, err))
	}
	return nil
}

// Unwrap returns the file system below.
func (s *failStop) Unwrap() vfs.FS { return s.FS }

// opened wraps a file, and gives it the mode of those of the ledger.
func (s *failStop) opened(doing, name string, f vfs.File, err error) (vfs.File, error) {
	if _ = s.check(doing, name, err); f == nil {
		return nil, err
	}
	_ = s.check("setting the mode of", name, chmod(s.FS, name, f))
	return &failStopFile{File: f, fs: s, name: name}, nil
}

// chmod gives a file the mode of those of the ledger, if it has any.
func chmod(fs vfs.FS, name string, f vfs.File) error {
	if m, ok := f.(interface{ Chmod(os.FileMode) error }); ok {
		return m.Chmod(modeIn(fs, name))
	}
	return nil
}

// Create creates a file, whose mode modeIn decides.
//
// Ahead of a marker it syncs the directory. Pebble creates a manifest, syncs
// it, creates the marker that names it, and only then syncs the directory for
// both: a power cut before may keep the marker's name and not the manifest's,
// and Pebble then opens nothing.
func (s *failStop) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	s.enter()
	if strings.HasPrefix(s.PathBase(name), "marker.") {
		if err := syncDir(s, s.PathDir(name)); err != nil {
			return nil, err
		}
	}
	f, err := s.FS.Create(name, c)
	return s.opened("creating", name, f, err)
}

// OpenReadWrite opens a file to write it.
func (s *failStop) OpenReadWrite(name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	s.enter()
	f, err := s.FS.OpenReadWrite(name, c, opts...)
	return s.opened("opening", name, f, err)
}

// ReuseForWrite renames a file and opens it to write it.
func (s *failStop) ReuseForWrite(oldname, newname string, c vfs.DiskWriteCategory) (vfs.File, error) {
	s.enter()
	f, err := s.FS.ReuseForWrite(oldname, newname, c)
	return s.opened("reusing", newname, f, err)
}

// Open opens a file to read or sync it. That it fails is no failed write.
func (s *failStop) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	f, err := s.FS.Open(name, opts...)
	if err != nil {
		return nil, err
	}
	return &failStopFile{File: f, fs: s, name: name}, nil
}

// OpenDir opens a directory to sync it.
func (s *failStop) OpenDir(name string) (vfs.File, error) {
	f, err := s.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &failStopFile{File: f, fs: s, name: name}, nil
}

// Link makes a hard link.
func (s *failStop) Link(oldname, newname string) error {
	s.enter()
	return s.check("linking", newname, s.FS.Link(oldname, newname))
}

// Remove removes a file. A file that stays loses nothing, so it stops nothing.
func (s *failStop) Remove(name string) error {
	s.enter()
	return s.FS.Remove(name)
}

// RemoveAll removes a directory.
func (s *failStop) RemoveAll(name string) error {
	s.enter()
	return s.FS.RemoveAll(name)
}

// Rename renames a file.
func (s *failStop) Rename(oldname, newname string) error {
	s.enter()
	return s.check("renaming", oldname, s.FS.Rename(oldname, newname))
}

// MkdirAll makes directories of mode 0700, even if more is asked for.
func (s *failStop) MkdirAll(dir string, _ os.FileMode) error {
	s.enter()
	return s.check("making", dir, s.FS.MkdirAll(dir, dirMode))
}

// Lock locks a file. That another process holds it is no failed write.
func (s *failStop) Lock(name string) (io.Closer, error) {
	s.gate()
	c, err := s.FS.Lock(name)
	if _, none := c.(noLock); none {
		return c, nil
	}
	if err == nil && vfs.Root(s.FS) == vfs.Default {
		// By name: closing a second handle of the file would give the lock up.
		_ = s.check("setting the mode of", name, os.Chmod(name, modeIn(s.FS, name)))
	}
	return c, err
}

// Infof implements pebble.Logger. It ignores what Pebble logs.
func (s *failStop) Infof(string, ...any) {}

// Errorf implements pebble.Logger. Errors that matter come back from calls, or
// stop the process.
func (s *failStop) Errorf(string, ...any) {}

// Fatalf implements pebble.Logger.
func (s *failStop) Fatalf(format string, args ...any) { s.stop(fmt.Errorf(format, args...)) }

// A failStopFile is a file of a failStop. Fd and Preallocate are those of the
// file below: what they fail at is advice, or fails the write that follows.
type failStopFile struct {
	vfs.File
	fs   *failStop
	name string
}

// Write implements io.Writer.
func (f *failStopFile) Write(p []byte) (int, error) {
	f.fs.gate()
	n, err := f.File.Write(p)
	return n, f.fs.check("writing", f.name, short(n, len(p), err))
}

// WriteAt implements io.WriterAt.
func (f *failStopFile) WriteAt(p []byte, off int64) (int, error) {
	f.fs.gate()
	n, err := f.File.WriteAt(p, off)
	return n, f.fs.check("writing", f.name, short(n, len(p), err))
}

// short makes an error of a short write that claims to be none.
func short(n, want int, err error) error {
	if err == nil && n < want {
		return io.ErrShortWrite
	}
	return err
}

// Sync makes the file durable.
func (f *failStopFile) Sync() error {
	f.fs.gate()
	return f.fs.check("syncing", f.name, f.File.Sync())
}

// SyncData makes the file's data durable.
func (f *failStopFile) SyncData() error {
	f.fs.gate()
	return f.fs.check("syncing", f.name, f.File.SyncData())
}

// SyncTo begins to make a prefix of the file durable.
func (f *failStopFile) SyncTo(length int64) (bool, error) {
	f.fs.gate()
	full, err := f.File.SyncTo(length)
	return full, f.fs.check("syncing", f.name, err)
}
