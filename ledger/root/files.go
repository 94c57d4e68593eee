package root

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"
)

// exists reports whether anything, a dangling link included, is at path.
func exists(path string) (bool, error) {
	_, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// makeDir makes path and what is missing above it, 0700, durably.
func makeDir(path string) error {
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
		if err := syncDir(filepath.Dir(p)); err != nil {
			return err
		}
	}
	return nil
}

// syncDir makes the names in a directory durable.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// replaceFile gives path new content, 0600, atomically and durably. The file in
// the making lies beside it, never in a directory others share.
func replaceFile(path string, content []byte) error {
	dir := filepath.Dir(path)
	err := renameio.WriteFile(path, content, 0o600, renameio.WithTempDir(dir), renameio.WithStaticPermissions(0o600))
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return syncDir(dir)
}

// moveFile renames durably.
func moveFile(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	if err := syncDir(filepath.Dir(to)); err != nil {
		return err
	}
	return syncDir(filepath.Dir(from))
}

// openFile opens a regular file that is no link. It neither waits on a pipe nor
// lets a child process inherit it.
func openFile(path string, flags int) (*os.File, error) {
	f, err := os.OpenFile(path, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC|unix.O_NONBLOCK, 0o600)
	switch {
	case errors.Is(err, unix.ELOOP):
		return nil, &UnsafeError{Path: path, Problem: "is a symbolic link", Hint: "put the file itself there"}
	case errors.Is(err, unix.EISDIR), errors.Is(err, unix.ENXIO):
		return nil, &UnsafeError{Path: path, Problem: "is no regular file", Hint: "move it away"}
	case err != nil:
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = &UnsafeError{Path: path, Problem: "is no regular file", Hint: "move it away"}
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// readFile reads a regular file that holds at most limit bytes and whose
// permissions have no bit of deny.
func readFile(path string, limit int64, deny fs.FileMode) ([]byte, error) {
	f, err := openFile(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if err := checkMode(path, st, deny); err != nil {
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

// What others may not do with a file: see its secrets, or change it.
const (
	denyAll   fs.FileMode = 0o077
	denyWrite fs.FileMode = 0o022
)

func checkMode(path string, st fs.FileInfo, deny fs.FileMode) error {
	if st.Mode().Perm()&deny == 0 {
		return nil
	}
	return &UnsafeError{
		Path:    path,
		Problem: fmt.Sprintf("is open to other users (mode %#o)", st.Mode().Perm()),
		Hint:    "chmod go-rwx '" + strings.ReplaceAll(path, "'", `'\''`) + "'",
	}
}

// checkDir checks that path is a directory, no link, that no other user can
// write.
func checkDir(path string) error {
	st, err := os.Lstat(path)
	switch {
	case err != nil:
		return err
	case st.Mode()&fs.ModeSymlink != 0:
		return &UnsafeError{Path: path, Problem: "is a symbolic link", Hint: "name the directory it points to, or move it here"}
	case !st.IsDir():
		return &UnsafeError{Path: path, Problem: "is no directory", Hint: "move it away"}
	}
	return checkMode(path, st, denyWrite)
}
