package pebble

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"golang.org/x/sys/unix"
)

// A readFS is the file system of a table that is opened to be read. What cannot be
// written there need not be locked or synced.
type readFS struct {
	vfs.FS
	locks bool // the lock file, if it can be written
}

// Unwrap returns the file system below.
func (r readFS) Unwrap() vfs.FS { return r.FS }

// Lock locks a file, or returns a noLock.
func (r readFS) Lock(name string) (io.Closer, error) {
	if !r.locks {
		return noLock{}, nil
	}
	c, err := r.FS.Lock(name)
	if Unwritable(err) {
		return noLock{}, nil
	}
	return c, err
}

// A noLock stands for a lock that was not taken.
type noLock struct{}

// Close implements io.Closer.
func (noLock) Close() error { return nil }

// Open opens a file to read or sync it.
func (r readFS) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	return readOnly(r.FS.Open(name, opts...))
}

// OpenDir opens a directory to sync it.
func (r readFS) OpenDir(name string) (vfs.File, error) { return readOnly(r.FS.OpenDir(name)) }

func readOnly(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return readFile{f}, nil
}

type readFile struct{ vfs.File }

// Sync makes durable what another process has written, if the file system can.
func (f readFile) Sync() error {
	err := f.File.Sync()
	for _, never := range []error{unix.EROFS, unix.EINVAL, unix.ENOTSUP} {
		if errors.Is(err, never) {
			return nil
		}
	}
	return err
}

// Unwritable reports whether err says that something cannot be written, since the file
// system or its permissions do not allow it.
func Unwritable(err error) bool {
	return errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.EROFS)
}

// A Listing is the files of a table's directory at one moment. A process that reads
// a table without its lock takes one before and after, and learns whether another
// process wrote meanwhile.
type Listing map[string]fileState

type fileState struct {
	size     int64
	modified time.Time
}

// List lists the directory of a table.
func List(dir string, from FS) (Listing, error) {
	if from == nil {
		from = vfs.Default
	}
	names, err := from.List(dir)
	if err != nil {
		return nil, classify("listing "+dir, err)
	}
	all := Listing{}
	for _, name := range names {
		info, err := from.Stat(from.PathJoin(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			all[name] = fileState{size: -1} // it went away
			continue
		}
		if err != nil {
			return nil, classify("looking at "+name, err)
		}
		all[name] = fileState{size: info.Size(), modified: info.ModTime()}
	}
	return all, nil
}

// Same reports whether nothing was written in between.
func (l Listing) Same(later Listing) bool { return maps.EqualFunc(l, later, fileState.same) }

// Opens reports whether a table that was opened in between is whole: at the most
// write-ahead logs grew. Pebble reads such a log up to the last batch that is whole,
// and all other files as they were.
func (l Listing) Opens(later Listing) bool {
	if len(l) != len(later) {
		return false
	}
	for name, was := range l {
		now, there := later[name]
		if !there || !was.same(now) && (!strings.HasSuffix(name, ".log") || now.size < was.size) {
			return false
		}
	}
	return true
}

func (s fileState) same(t fileState) bool { return s.size == t.size && s.modified.Equal(t.modified) }
