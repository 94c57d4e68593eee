package content

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"gait/ledger/home"
)

// A disk is what a Store does with files of jobs. Tests replace it to cut the power and
// to let calls fail.
type disk interface {
	diskReader
	diskWriter
	diskSyncer
}

type diskReader interface {
	Open(path string) (file, error)
	Lstat(path string) (fs.FileInfo, error)
	List(dir string) ([]fs.DirEntry, error)
	CheckDir(path string) error // that it is a directory which other users cannot write
}

type diskWriter interface {
	Create(path string) (file, error) // fails with fs.ErrExist if it is there
	Mkdir(path string) error
	Rename(from, to string) error
	Remove(path string) error
	Touch(path string) error // sets its time of modification to the file system's now
}

type diskSyncer interface {
	SyncDir(path string) error
	SyncAll(dir string, files, dirs []string) error // files and directories, which stand below dir
}

// syncEach syncs files, and then directories.
func syncEach(d disk, files, dirs []string) error {
	err := each(files, func(path string) error {
		f, err := d.Open(path)
		if errors.Is(err, fs.ErrNotExist) { // it was erased or collected
			return nil
		}
		if err != nil {
			return err
		}
		return errors.Join(f.Sync(), f.Close())
	})
	if err != nil {
		return err
	}
	return each(dirs, func(dir string) error { return ifThere(d.SyncDir(dir)) })
}

// A file is an open file of a disk.
type file interface {
	io.Reader
	io.ReaderAt
	io.Writer
	io.WriterAt
	io.Closer
	Sync() error
	Stat() (fs.FileInfo, error)
}

// realDisk is the disk of the operating system.
type realDisk struct{}

func (realDisk) Open(path string) (file, error) { return opened(home.OpenFile(path, os.O_RDONLY)) }

func (realDisk) Create(path string) (file, error) {
	return opened(home.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL))
}

func opened(f *os.File, err error) (file, error) {
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (realDisk) Lstat(path string) (fs.FileInfo, error) { return os.Lstat(path) }

func (realDisk) List(dir string) ([]fs.DirEntry, error) { return os.ReadDir(dir) }

func (realDisk) CheckDir(path string) error { return home.CheckDir(path) }

func (realDisk) Mkdir(path string) error { return os.Mkdir(path, 0o700) }

func (realDisk) Rename(from, to string) error { return os.Rename(from, to) }

func (realDisk) Remove(path string) error { return os.Remove(path) }

func (realDisk) SyncDir(path string) error { return home.SyncDir(path) }

func (realDisk) Touch(path string) error {
	if err := unix.Utimes(path, nil); err != nil {
		return &fs.PathError{Op: "utimes", Path: path, Err: err}
	}
	return nil
}
