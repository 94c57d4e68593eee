package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// A pendingDir is a directory that is written under a temporary name, and renamed
// when it is whole.
type pendingDir struct {
	at        string
	temporary string
	mode      fs.FileMode // of its files
}

// pendingDirAt begins a directory where a flag says.
func (c *console) pendingDirAt(flag, name string, mode fs.FileMode) (*pendingDir, error) {
	if name == toStdout {
		return nil, &usageError{code: "invalid_usage", text: flag + " names a directory, and standard output is none", hint: "name a directory with " + flag}
	}
	at, err := c.outPath(flag, name)
	if err != nil {
		return nil, err
	}
	return newPendingDir(at, flag, mode)
}

// newPendingDir begins a directory. Nothing but an empty directory may be in its
// place. flag is the flag that named it.
func newPendingDir(at outPath, flag string, mode fs.FileMode) (*pendingDir, error) {
	if names, err := os.ReadDir(at.path); err == nil && len(names) > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, &unsafeError{code: "would_overwrite", text: at.path + " is there already, and not an empty directory", hint: "choose another directory with " + flag}
	}
	return beginPending(at, mode)
}

func beginPending(at outPath, mode fs.FileMode) (*pendingDir, error) {
	full, err := rooted(at.path)
	d := &pendingDir{at: followed(full), mode: mode} // a link stays, and leads to the directory
	if err == nil {
		err = os.MkdirAll(filepath.Dir(d.at), d.dirMode())
	}
	if err == nil {
		d.temporary, err = os.MkdirTemp(filepath.Dir(d.at), ".gait-pending-")
	}
	if err == nil {
		err = os.Chmod(d.temporary, d.dirMode())
	}
	if err != nil {
		return nil, fmt.Errorf("making %s: %w", at, err)
	}
	return d, nil
}

// dirMode returns the mode of directories: users who may read the files may enter.
func (d *pendingDir) dirMode() fs.FileMode { return d.mode | d.mode&0o444>>2 }

// add appends text to a file of the directory, and creates the file if needed.
func (d *pendingDir) add(name string, text []byte) error {
	return d.addFrom(name, bytes.NewReader(text))
}

// addFrom is add for all that from holds.
func (d *pendingDir) addFrom(name string, from io.Reader) error {
	path := filepath.Join(d.temporary, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), d.dirMode()); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, d.mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, from)
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

// keep renames the directory to its place, once all of it is on disk.
func (d *pendingDir) keep() error {
	if err := syncAll(d.temporary); err != nil {
		return err
	}
	return unix.Rename(d.temporary, d.at) // replaces an empty directory, which os.Rename does not
}

// remove removes the directory if it was not kept.
func (d *pendingDir) remove() { _ = os.RemoveAll(d.temporary) }
