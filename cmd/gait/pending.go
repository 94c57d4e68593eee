package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// A pendingDir is a directory that is made beside its place and put there whole.
type pendingDir struct {
	at, temporary string
	mode          fs.FileMode // of its files; directories can be entered too
}

// newPendingDir begins a directory, in the place of which nothing may be but an
// empty one. flag is the one that named it.
func newPendingDir(at, flag string, mode fs.FileMode) (*pendingDir, error) {
	if names, err := os.ReadDir(at); err == nil && len(names) > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, &unsafeError{code: "would_overwrite", text: at + " is there already, and not an empty directory", hint: "choose another directory with " + flag}
	}
	return beginPending(at, mode)
}

func beginPending(at string, mode fs.FileMode) (*pendingDir, error) {
	d := &pendingDir{at: at, mode: mode}
	err := os.MkdirAll(filepath.Dir(at), d.dirMode())
	if err == nil {
		d.temporary, err = os.MkdirTemp(filepath.Dir(at), ".gait-pending-")
	}
	if err == nil {
		err = os.Chmod(d.temporary, d.dirMode())
	}
	if err != nil {
		return nil, fmt.Errorf("making %s: %w", at, err)
	}
	return d, nil
}

// dirMode lets whoever may read the files enter their directories.
func (d *pendingDir) dirMode() fs.FileMode { return d.mode | d.mode&0o444>>2 }

// add adds text to a file of the directory, which it makes.
func (d *pendingDir) add(name string, text []byte) error {
	path := filepath.Join(d.temporary, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), d.dirMode()); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, d.mode)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}

// addAll adds files by their names.
func (d *pendingDir) addAll(files map[string][]byte) error {
	for name, text := range files {
		if err := d.add(name, text); err != nil {
			return err
		}
	}
	return nil
}

// keep puts the directory in its place, once all of it is on disk.
func (d *pendingDir) keep() error {
	f, err := os.Open(d.temporary)
	if err != nil {
		return err
	}
	err = unix.Syncfs(int(f.Fd()))
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return unix.Rename(d.temporary, d.at) // an empty directory gives way, unlike to os.Rename
}

// remove removes what was not kept.
func (d *pendingDir) remove() { _ = os.RemoveAll(d.temporary) }
