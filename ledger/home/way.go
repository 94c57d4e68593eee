package home

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// A user who can write a directory can put another file in the place of one in it, and
// a user who can write the directory above can put another directory in its place. So a
// file of the user's is only as safe as everything that leads to it.

// A step is one entry that leads to a path: a directory, a symbolic link, or what is
// at the path itself.
type step struct {
	path  string
	owner int // user id
	mode  fs.FileMode

	readOnly bool // a directory to which, as it is mounted, no file can be added
}

// A wayRule says what judge accepts.
type wayRule struct {
	own    func(uid int) bool // reports whether a user is this one or root
	closed bool               // the last directory may not be sticky and open
}

// CheckWay fails with an *UnsafeError if a user other than this one and root can
// change what is at path: if one of the entries that lead there belongs to another
// user, or is a directory that others can write. A sticky directory may be open,
// since in it no user can replace what others own. Symbolic links are followed: where
// they lie and all that their targets name is judged too. What is at path may be
// missing, and the mode of a file there is not looked at. The rule is that of
// OpenSSH's StrictModes, but for sticky directories.
func CheckWay(path string) error { return checkWay(path, false) }

// CheckHome fails as CheckWay does. The home itself may not be open, even if it is
// sticky: others could add a file that is missing, unless it is mounted read-only.
func CheckHome(home string) error { return checkWay(home, true) }

// checkWay is CheckWay or, with closed, CheckHome, for any directory of private files.
func checkWay(path string, closed bool) error {
	steps, whole, err := wayTo(path)
	if err != nil {
		return fmt.Errorf("looking at what leads to %s: %w", path, InHome.Unreadable(path, err))
	}
	uid := os.Geteuid()
	rule := wayRule{own: func(owner int) bool { return isOwn(owner, uid) }, closed: closed && whole}
	if unsafe := judge(steps, rule); unsafe != nil {
		unsafe.Hint = cure(unsafe.open, unsafe.foreign, uid)
		return &unsafe.UnsafeError
	}
	return nil
}

// An unsafeWay is the *UnsafeError of the first step that is refused, and all steps
// that are.
type unsafeWay struct {
	UnsafeError
	open, foreign []step
}

// judge returns what is wrong with the steps to a path, or nil.
func judge(steps []step, rule wayRule) *unsafeWay {
	var no unsafeWay
	for i, s := range steps {
		if !rule.own(s.owner) {
			no.add(s.path, foreignTo(s.owner))
			no.foreign = append(no.foreign, s)
		}
		sticky := s.mode&fs.ModeSticky != 0 && (!rule.closed || i < len(steps)-1 || s.readOnly)
		if s.mode.IsDir() && s.mode.Perm()&denyWrite != 0 && !sticky {
			no.add(s.path, openTo(s.mode))
			no.open = append(no.open, s)
		}
	}
	if no.Path == "" {
		return nil
	}
	return &no
}

// add keeps the first problem.
func (u *unsafeWay) add(path, problem string) {
	if u.Path == "" {
		u.Path, u.Problem = path, problem
	}
}

func foreignTo(owner int) string {
	return "belongs to " + named(owner) + ", who is neither you nor root"
}

func openTo(mode fs.FileMode) string {
	return fmt.Sprintf("is open to other users (mode %#o)", mode.Perm())
}

// cure returns the command lines that mend steps that are open or belong to others. It
// takes nothing of another user's away that gait has not made.
func cure(open, foreign []step, uid int) string {
	switch {
	case len(foreign) == 0:
		return commandOn("chmod go-w", open, uid)
	case uid == 0:
		return AsUser(foreign[0].owner) + "; or name a directory of root's own"
	case slices.ContainsFunc(foreign, func(s step) bool { return !made(s.path) }):
		return "name a directory of your own instead: a home with GAIT_HOME=DIR, a root with --root DIR"
	case len(open) == 0:
		return chown(foreign, uid)
	}
	return chown(foreign, uid) + " && " + commandOn("chmod go-w", open, uid)
}

// chown returns the command line that gives steps to a user.
func chown(steps []step, uid int) string {
	return commandOn(fmt.Sprintf("chown %d", uid), steps, uid)
}

// commandOn returns a command line that changes steps.
func commandOn(command string, steps []step, uid int) string {
	for _, s := range steps {
		command += " " + quote(s.path)
	}
	if uid != 0 && slices.ContainsFunc(steps, func(s step) bool { return s.owner != uid }) {
		command = "sudo " + command
	}
	return command
}

// quote returns a word of a shell.
func quote(path string) string { return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'" }

// maxLinks is how many symbolic links lead to a path at most, as on Linux.
const maxLinks = 40

// wayTo returns the steps to a path, from the root of the file system on, as the
// system takes them. whole is false if there is nothing at the path: the steps then
// end with the last that exists.
func wayTo(path string) (steps []step, whole bool, err error) {
	if !filepath.IsAbs(path) { // os.Getwd may return a path with links in it, which ".." would go round
		here, err := unix.Getwd()
		if err != nil {
			return nil, false, fmt.Errorf("looking for the working directory: %w", err)
		}
		path = filepath.Join(here, path)
	}
	at, rest, links := "/", components(filepath.Clean(path)), 0
	if steps, err = addStep(nil, at); err != nil {
		return nil, false, err
	}
	for len(rest) > 0 {
		name := rest[0]
		rest = rest[1:]
		if name == ".." { // in the target of a link; at has no links
			at = filepath.Dir(at)
			continue
		}
		next := filepath.Join(at, name)
		if steps, err = addStep(steps, next); errors.Is(err, fs.ErrNotExist) {
			return steps, false, nil
		}
		if err != nil {
			return nil, false, err
		}
		if steps[len(steps)-1].mode&fs.ModeSymlink == 0 {
			at = next
			continue
		}
		if links++; links > maxLinks {
			return nil, false, &fs.PathError{Op: "following links", Path: path, Err: unix.ELOOP}
		}
		target, err := os.Readlink(next)
		if err != nil {
			return nil, false, err
		}
		if filepath.IsAbs(target) {
			at = "/"
		}
		rest = append(components(target), rest...)
	}
	return steps, true, nil
}

func addStep(steps []step, path string) ([]step, error) {
	st, err := os.Lstat(path)
	if err != nil {
		return steps, err
	}
	s := step{path: path, owner: owner(st), mode: st.Mode()}
	if st.IsDir() && st.Mode()&fs.ModeSticky != 0 {
		s.readOnly = isReadOnly(path)
	}
	return append(steps, s), nil
}

// isReadOnly reports whether a directory is mounted read-only.
func isReadOnly(path string) bool {
	const flag = 1 // ST_RDONLY on Linux, MNT_RDONLY on macOS
	var st unix.Statfs_t
	return unix.Statfs(path, &st) == nil && uint64(st.Flags)&flag != 0
}

func components(path string) []string {
	return slices.DeleteFunc(strings.Split(path, "/"), func(s string) bool { return s == "" || s == "." })
}

// owner returns the user who owns a file, or -1 if the file system does not say.
func owner(st fs.FileInfo) int {
	if sys, ok := st.Sys().(*syscall.Stat_t); ok {
		return int(sys.Uid)
	}
	return -1
}

// isOwn reports whether an owner is the user or root.
func isOwn(owner, uid int) bool {
	return owner == uid || owner == 0 || owner == overflowUID && !rootIsMapped()
}

// overflowUID stands for every user that has no id in the user namespace of this
// process.
const overflowUID = 65534

// rootIsMapped reports whether root has an id in this user namespace. In a sandbox
// without one, the directories of the system belong to overflowUID.
func rootIsMapped() bool {
	b, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return true // there are no user namespaces
	}
	return mapsRoot(string(b))
}

// mapsRoot reports whether the text of a uid_map gives user id 0 to any user.
func mapsRoot(text string) bool {
	for line := range strings.Lines(text) {
		if words := strings.Fields(line); len(words) == 3 && words[0] == "0" {
			return true
		}
	}
	return false
}
