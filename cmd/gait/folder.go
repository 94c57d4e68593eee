package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"syscall"

	"gait/ledger"
)

// A folder is a directory that another party may have written, such as a fixture or an
// exported ledger, as an fs.FS. It opens only regular files and directories that lie
// below it: it follows no link, and waits for no pipe, whatever takes the place of a
// file while it is being opened.
type folder struct{ root *os.Root }

// openFolder opens the directory that the user named, which may be a link.
func openFolder(name string) (folder, error) {
	r, err := os.OpenRoot(name)
	return folder{r}, err
}

// folder opens a folder below f.
func (f folder) folder(name string) (folder, error) {
	was, err := f.plain("open", name)
	if err != nil {
		return folder{}, err
	}
	r, err := f.root.OpenRoot(name)
	if err != nil {
		return folder{}, err
	}
	if now, err := r.Stat("."); err != nil || !os.SameFile(was, now) {
		return folder{}, errors.Join(changed(name), r.Close())
	}
	return folder{r}, nil
}

// close ends the use of a folder that was only read.
func (f folder) close() { _ = f.root.Close() }

// Open opens a regular file or a directory.
func (f folder) Open(name string) (fs.File, error) {
	was, err := f.plain("open", name)
	if err != nil {
		return nil, err
	}
	file, err := f.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if now, err := file.Stat(); err != nil || !os.SameFile(was, now) {
		return nil, errors.Join(changed(name), file.Close())
	}
	return file, nil
}

// Stat describes a regular file or a directory.
func (f folder) Stat(name string) (fs.FileInfo, error) { return f.plain("stat", name) }

// Lstat describes what is at name, which may be a link, but not behind one.
func (f folder) Lstat(name string) (fs.FileInfo, error) {
	if name != "." {
		if _, err := f.plain("lstat", path.Dir(name)); err != nil {
			return nil, err
		}
	}
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: "lstat", Path: name, Err: fs.ErrInvalid}
	}
	return f.root.Lstat(name)
}

// ReadLink makes a folder an fs.ReadLinkFS, whose Lstat package fs calls.
func (f folder) ReadLink(name string) (string, error) {
	return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
}

// plain describes a regular file or a directory that no link leads to.
func (f folder) plain(op, name string) (fs.FileInfo, error) {
	if !fs.ValidPath(name) {
		return nil, &fs.PathError{Op: op, Path: name, Err: fs.ErrInvalid}
	}
	for end := range len(name) {
		if name[end] != '/' {
			continue
		}
		if above, err := f.root.Lstat(name[:end]); err != nil {
			return nil, err
		} else if !above.IsDir() {
			return nil, fmt.Errorf("%w: %s is not a directory", ledger.ErrMalformed, name[:end])
		}
	}
	info, err := f.root.Lstat(name)
	if err == nil && !info.IsDir() && !info.Mode().IsRegular() {
		err = fmt.Errorf("%w: %s is not a regular file", ledger.ErrMalformed, name)
	}
	return info, err
}

func changed(name string) error {
	return fmt.Errorf("%w: %s was replaced while it was opened", ledger.ErrMalformed, name)
}
