package home

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"
)

// The functions of this file read and write private files, also those of a root:
// never through a link, durably, and closed to other users.

// Exists reports whether anything, a dangling link included, is at path.
func Exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// MakeDir makes path and its missing parents, 0700, durably.
func MakeDir(path string) error {
	var missing []string
	for p := path; ; p = filepath.Dir(p) {
		if _, err := os.Stat(p); !errors.Is(err, fs.ErrNotExist) || p == filepath.Dir(p) {
			break
		}
		missing = append(missing, p)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	for _, p := range missing {
		if err := SyncDir(filepath.Dir(p)); err != nil {
			return err
		}
	}
	return nil
}

// SyncDir makes the names in a directory durable.
func SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// makeDir is MakeDir for a directory of private files: nothing is made in a
// directory that others can write.
func makeDir(path string) error {
	if err := checkWay(path, true); err != nil {
		return err
	}
	return InHome.Unwritable(path, MakeDir(path))
}

// replaceFile gives path new content, 0600, atomically and durably. Its temporary
// file lies in the same directory, never in one that others share.
func replaceFile(path string, content []byte) error {
	dir := filepath.Dir(path)
	if err := checkWay(dir, true); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	err := renameio.WriteFile(path, content, 0o600, renameio.WithTempDir(dir), renameio.WithStaticPermissions(0o600))
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, InHome.Unwritable(dir, err))
	}
	return SyncDir(dir)
}

// MoveFile renames durably.
func MoveFile(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	if err := SyncDir(filepath.Dir(to)); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(from))
}

// OpenFile opens a regular file that is no link. It does not wait on a pipe, and
// child processes do not inherit the file.
func OpenFile(path string, flags int) (*os.File, error) {
	f, err := os.OpenFile(path, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NONBLOCK, 0o600)
	switch {
	case errors.Is(err, unix.ELOOP):
		return nil, &UnsafeError{Path: path, Problem: "is a symbolic link", Hint: "put the file itself there"}
	case errors.Is(err, unix.EISDIR), errors.Is(err, unix.ENXIO):
		return nil, &UnsafeError{Path: path, Problem: "is not a regular file", Hint: "move it away"}
	case err != nil:
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = &UnsafeError{Path: path, Problem: "is not a regular file", Hint: "move it away"}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// readFile reads a private file: a regular file of the user's that holds at most
// limit bytes and whose permissions have no bit of deny. Nothing that leads to it may
// be open to other users, even if there is no such file.
func readFile(path string, limit int64, deny fs.FileMode) ([]byte, error) {
	if err := checkWay(filepath.Dir(path), true); err != nil {
		return nil, err
	}
	return readIn(path, limit, deny)
}

// readIn is readFile in a directory that was checked.
func readIn(path string, limit int64, deny fs.FileMode) ([]byte, error) {
	f, err := OpenFile(path, os.O_RDONLY)
	if err != nil {
		return nil, InHome.Unreadable(path, err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if err := checkMode(path, st, deny); err != nil {
		return nil, err
	}
	if err := checkOwner(path, st); err != nil {
		return nil, err
	}
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, corrupt("%s has more than %d bytes", path, limit)
	}
	return b, nil
}

// Permissions that other users must not have: to read secrets, or to write.
const (
	denyAll   fs.FileMode = 0o077
	denyWrite fs.FileMode = 0o022
)

func checkMode(path string, st fs.FileInfo, deny fs.FileMode) error {
	if st.Mode().Perm()&deny == 0 {
		return nil
	}
	return &UnsafeError{Path: path, Problem: openTo(st.Mode()), Hint: "chmod go-rwx " + quote(path)}
}

// CheckOwner fails with an *UnsafeError if a file of a root belongs to a user other
// than this one and root. The files that root, or this user, makes there would lock
// that user out.
func CheckOwner(path string, st fs.FileInfo) error {
	if isOwn(owner(st), os.Geteuid()) {
		return nil
	}
	return &UnsafeError{Path: path, Problem: foreignTo(owner(st)), Hint: AsUser(owner(st))}
}

// Owner returns the user who owns a file, or -1 if the file system does not say.
func Owner(st fs.FileInfo) int { return owner(st) }

// checkOwner is CheckOwner for a file of a home.
func checkOwner(path string, st fs.FileInfo) error {
	uid := os.Geteuid()
	if isOwn(owner(st), uid) {
		return nil
	}
	return &UnsafeError{Path: path, Problem: foreignTo(owner(st)), Hint: chown([]step{{path: path, owner: owner(st)}}, uid)}
}

// CheckMode fails with an *UnsafeError if other users can write the file.
func CheckMode(path string, st fs.FileInfo) error { return checkMode(path, st, denyWrite) }

// CheckDir fails with an *UnsafeError if path is no directory, is a link, or can
// be written by other users.
func CheckDir(path string) error {
	st, err := os.Lstat(path)
	switch {
	case err != nil:
		return err
	case st.Mode()&fs.ModeSymlink != 0:
		return &UnsafeError{Path: path, Problem: "is a symbolic link", Hint: "name the directory it points to, or move it here"}
	case !st.IsDir():
		return &UnsafeError{Path: path, Problem: "is not a directory", Hint: "move it away"}
	}
	return checkMode(path, st, denyWrite)
}

// Is reports whether a directory looks like a home: it holds a list of trusted keys,
// and keys or what was seen of ledgers.
func Is(dir string) bool {
	has := func(name string) bool {
		there, err := Exists(filepath.Join(dir, name))
		return there && err == nil
	}
	return has(trustName) && (has(keysName) || has(ledgersName))
}
