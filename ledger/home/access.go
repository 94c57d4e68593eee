package home

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"gait/ledger"
)

// A Place is what an AccessError is about.
type Place string

// The places.
const (
	InHome Place = "home"
	InRoot Place = "root" // a ledger's directory
)

// An AccessError says that the system does not let this user read or write a home or
// a root. Nothing was written.
type AccessError struct {
	Place Place
	Path  string
	Write bool  // it is needed to write; otherwise to read
	Err   error // the system's error

	// Among is the directory of files that are used as Path is, and may be in the same state.
	// It is "" if Path is alone.
	Among string
}

// access returns err as an *AccessError if it says that path cannot be used, since its
// permissions, its file system or a full disk do not allow it. Any other error, and an
// *AccessError, it returns as it is.
func (p Place) access(path string, write bool, err error) error {
	if _, known := errors.AsType[*AccessError](err); known || err == nil {
		return err
	}
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, unix.ENOTDIR) || write && (errors.Is(err, unix.EROFS) || isFull(err)) {
		return &AccessError{Place: p, Path: path, Write: write, Err: err}
	}
	return err
}

// Unwritable returns err as an *AccessError if it says that path cannot be written.
func (p Place) Unwritable(path string, err error) error { return p.access(path, true, err) }

// Unreadable returns err as an *AccessError if it says that path cannot be read.
func (p Place) Unreadable(path string, err error) error { return p.access(path, false, err) }

func isFull(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }

func (e *AccessError) Error() string {
	doing, why := "read", e.Err.Error()
	if e.Write {
		doing = "written"
	}
	if errno, ok := errors.AsType[unix.Errno](e.Err); ok {
		why = errno.Error()
	}
	return fmt.Sprintf("%s cannot be %s: %s%s", e.Path, doing, why, e.belongs())
}

// belongs says whose the path is, if it is not this user's.
func (e *AccessError) belongs() string {
	if uid := foreigner(e.Path); uid >= 0 {
		return "; it belongs to " + named(uid)
	}
	return ""
}

// foreigner returns the user to whom a path belongs, or what leads there if it is
// missing or hidden. It returns -1 if that is this user.
func foreigner(path string) int {
	for p := filepath.Clean(path); ; p = filepath.Dir(p) {
		st, err := os.Lstat(p)
		if err == nil {
			if uid := owner(st); uid != os.Geteuid() {
				return uid
			}
			return -1
		}
		if p == filepath.Dir(p) {
			return -1
		}
	}
}

// Unwrap returns the system's error.
func (e *AccessError) Unwrap() error { return e.Err }

// Fault names the place and what it is needed for in its code: home_unwritable.
func (e *AccessError) Fault() ledger.Fault {
	doing := "_unreadable"
	if e.Write {
		doing = "_unwritable"
	}
	return ledger.Fault{Code: string(e.Place) + doing, Category: ledger.CategoryIO, Retryable: isFull(e.Err)}
}

// Hint says what to do about it.
func (e *AccessError) Hint() string {
	path, uid, each := quote(e.Path), foreigner(e.Path), "u+rX"
	if e.Write {
		each = "u+w"
	}
	if e.Among != "" {
		each, path = "-R u+rwX", quote(e.Among)
	}
	switch {
	case errors.Is(e.Err, unix.ENOTDIR):
		return "a file is where a directory should be; move it away"
	case isFull(e.Err):
		return "make room on the disk that holds " + path
	case errors.Is(e.Err, unix.EROFS) && e.Place == InHome:
		return "its file system is read-only: mount it for writing, or copy the home and name the copy with GAIT_HOME=DIR; reading works as it is"
	case errors.Is(e.Err, unix.EROFS):
		return "its file system is read-only: reading works; write where it is mounted for writing"
	case uid >= 0 && e.Place == InHome && os.Geteuid() != 0 && !made(e.Path):
		return "name a home of your own: export GAIT_HOME=DIR"
	case uid >= 0 && e.Place == InHome && os.Geteuid() != 0:
		return fmt.Sprintf("if it is yours: %s; if not, name your own with GAIT_HOME=DIR", ChownHint(e.Path))
	case uid >= 0 && foreigner(filepath.Dir(e.Path)) < 0 && made(e.Path): // among this user's own
		return ChownHint(cmp.Or(e.Among, e.Path))
	case uid >= 0:
		return AsUser(uid)
	}
	return "chmod " + each + " " + path
}

// named returns a user's name and number.
func named(uid int) string {
	if name := userName(uid); name != "" {
		return fmt.Sprintf("user %d (%s)", uid, name)
	}
	return fmt.Sprintf("user %d", uid)
}

// userName returns the name of a user, if the system knows a plain one.
func userName(uid int) string {
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil || strings.ContainsFunc(u.Username, func(c rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", c)
	}) {
		return ""
	}
	return u.Username
}

// made reports whether gait has made a path: it is a home or a root, or lies in one. What
// leads there is not gait's to give away.
func made(path string) bool {
	for p := filepath.Clean(path); ; p = filepath.Dir(p) {
		if locked, _ := Exists(filepath.Join(p, rootLock)); locked || Is(p) {
			return true
		}
		if p == filepath.Dir(p) {
			return false
		}
	}
}

// rootLock is the name of the lock file of a root.
const rootLock = "gait.lock"

// ChownHint returns the command line that gives a path to this user, if gait has made it.
func ChownHint(path string) string {
	if !made(path) {
		return "find out whose " + quote(path) + " is, or name a directory of your own"
	}
	return fmt.Sprintf("sudo chown -R %d %s", os.Geteuid(), quote(path))
}

// AsUser returns the command line that runs gait as a user.
func AsUser(uid int) string {
	if name := userName(uid); name != "" {
		return "run it as that user: sudo -u " + name + " -H gait …"
	}
	return fmt.Sprintf("run it as that user: sudo -u '#%d' -H gait …", uid)
}

// lowRoom is how much free space a disk must have for a home to be written.
const lowRoom = 16 << 10

// checkRoom fails if the disk that holds f is full.
func checkRoom(f *os.File) error {
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &st); err != nil || st.Blocks == 0 {
		return nil //nolint:nilerr // it does not say
	}
	if st.Bavail*uint64(max(st.Bsize, 0)) < lowRoom {
		return unix.ENOSPC
	}
	return nil
}

// TryWrite writes a file in a directory and removes it. If the directory is missing,
// it asks whether one could be made. It fails with an *AccessError if not.
func (p Place) TryWrite(dir string) error {
	at := filepath.Clean(dir)
	for {
		_, err := os.Stat(at)
		if errors.Is(err, fs.ErrNotExist) && at != filepath.Dir(at) {
			at = filepath.Dir(at)
			continue
		}
		if err != nil {
			return p.Unwritable(at, err)
		}
		break
	}
	if at != filepath.Clean(dir) {
		return p.Unwritable(at, unix.Access(at, unix.W_OK|unix.X_OK))
	}
	return p.Unwritable(at, tryIn(at))
}

// tryIn writes a file and removes it.
func tryIn(dir string) error {
	f, err := os.CreateTemp(dir, ".try-")
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, 4<<10))
	if err == nil {
		err = checkRoom(f)
	}
	return errors.Join(err, f.Close(), os.Remove(f.Name()))
}

// CheckWritable tries each directory of home that is written to when a ledger is
// created or its key replaced. An origin of "" stands for a ledger that has no name yet.
func CheckWritable(home, origin string) error {
	dirs := []string{home, KeyDir(home, false), filepath.Join(home, ledgersName)}
	if origin != "" {
		dirs = append(dirs, filepath.Dir(nextPath(home, origin)), LedgerDir(home, origin))
	}
	for _, dir := range dirs {
		if err := checkWay(dir, true); err != nil {
			return err
		}
		if err := InHome.TryWrite(dir); err != nil {
			return err
		}
	}
	return nil
}
