package home

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Keys, trusted keys and lists of witnesses may lie elsewhere, with a symbolic link in
// their place: so orchestrators mount secrets, as Kubernetes does with its ..data links.
// What a link leads to is as safe as a file in its place: CheckWay judges each entry on
// the way there, and the file must be the user's or root's and closed to others.

// linked returns the path, without links, of the file that path stands for: path
// itself, unless it is a symbolic link. It fails with fs.ErrNotExist if there is
// nothing, and with an *UnsafeError if another user can change what a link leads to.
func linked(path string) (string, error) {
	is, err := isLink(path)
	if err != nil || !is {
		return path, err
	}
	if err := CheckWay(path); err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(path)
}

func isLink(path string) (bool, error) {
	st, err := os.Lstat(path)
	return err == nil && st.Mode()&fs.ModeSymlink != 0, err
}

// readLinked is readFile for a file that may be a symbolic link.
func readLinked(path string, limit int64, deny fs.FileMode) ([]byte, error) {
	if err := checkWay(filepath.Dir(path), true); err != nil {
		return nil, err
	}
	to, err := linked(path)
	if err != nil {
		return nil, err
	}
	return readIn(to, limit, deny)
}

// readList is readLinked for a list that need not be there, and is then empty. A link
// that leads to no file is no empty list: what it should lead to may distrust keys.
func readList(path string, limit int64) ([]byte, error) {
	b, err := readLinked(path, limit, denyWrite)
	if !errors.Is(err, fs.ErrNotExist) {
		return b, err
	}
	if is, lost := isLink(path); lost == nil && is {
		return nil, &UnsafeError{Path: path, Problem: "is a symbolic link that leads to no file", Hint: "put the file back where the link leads, or remove the link"}
	}
	return nil, nil
}

// replaceList gives a list new content, as replaceFile does. A link stays, and the file
// that it leads to is replaced.
func replaceList(path string, content []byte) error {
	to, err := linked(path)
	if errors.Is(err, fs.ErrNotExist) {
		to, err = path, nil
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return replaceFile(to, content)
}

// moveKey moves a key file durably, in the place of one that is there. Of a link, what is
// moved leads to the same file as before. A crash can leave that link in both places.
func moveKey(from, to string) error {
	is, err := isLink(from)
	if err != nil {
		return err
	}
	if !is {
		return MoveFile(from, to)
	}
	target, err := os.Readlink(from)
	if err != nil {
		return err
	}
	if !filepath.IsAbs(target) {
		dir, err := filepath.EvalSymlinks(filepath.Dir(from))
		if err != nil {
			return err
		}
		if target, err = filepath.Abs(filepath.Join(dir, target)); err != nil {
			return err
		}
	}
	if err := os.Remove(to); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Symlink(target, to); err != nil {
		return err
	}
	if err := SyncDir(filepath.Dir(to)); err != nil {
		return err
	}
	if err := os.Remove(from); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(from))
}
