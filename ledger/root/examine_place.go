package root

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"gait/ledger/home"
)

// room examines the disk of a directory, or of the nearest one that exists.
func room(dir string) (Finding, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Finding{}, err
	}
	var st unix.Statfs_t
	for err = unix.Statfs(dir, &st); errors.Is(err, fs.ErrNotExist) && dir != filepath.Dir(dir); err = unix.Statfs(dir, &st) {
		dir = filepath.Dir(dir)
	}
	if err != nil {
		return Finding{}, &fs.PathError{Op: "statfs", Path: dir, Err: err}
	}
	free := st.Bavail * uint64(max(st.Bsize, 0))
	f := Finding{Detail: fmt.Sprintf("%d MiB free", free>>20)}
	if free < lowSpace && st.Blocks > 0 {
		f.Mind, f.Hint = true, "make room: a full disk stops every write"
	}
	return f, nil
}

// directory examines whose the root is, and tries to write in it.
func (x *examination) directory() (Finding, error) {
	dir, err := resolve(x.Dir)
	if errors.Is(err, fs.ErrNotExist) {
		return asFinding(x.Dir+" is not there yet", home.InRoot.TryWrite(x.Dir))
	}
	if err == nil {
		err = home.CheckDir(dir)
	}
	if err != nil {
		return Finding{}, home.InRoot.Unreadable(x.Dir, err)
	}
	st, err := os.Stat(dir)
	if err != nil {
		return Finding{}, err
	}
	if owner := home.Owner(st); owner != os.Geteuid() {
		return Finding{Mind: true, Detail: fmt.Sprintf("%s belongs to user %d: you can read it, as far as you may, and not write it", dir, owner), Hint: home.AsUser(owner)}, nil
	}
	for _, at := range []string{filepath.Join(dir, ledgerName), dir} {
		if there, _ := home.Exists(at); there && err == nil {
			err = home.InRoot.TryWrite(at)
		}
	}
	return asFinding(dir, err)
}

// asFinding returns what was found of a directory that was tried. One that cannot be
// written can be read, so nothing fails.
func asFinding(what string, err error) (Finding, error) {
	denied, ok := errors.AsType[*home.AccessError](err)
	switch {
	case ok:
		return Finding{Mind: true, Detail: denied.Error() + "; you can read it", Hint: denied.Hint()}, nil
	case err != nil:
		return Finding{}, err
	}
	return Finding{Detail: what + ", a file was written there and removed"}, nil
}

// owners looks for files that this user needs and cannot use, such as those that root
// has left. In the root of another user it has nothing to look for.
func (x *examination) owners() (Finding, error) {
	var bad []string
	for _, dir := range []string{x.Dir, x.Home} {
		st, err := os.Stat(dir)
		if err != nil || home.Owner(st) != os.Geteuid() {
			continue
		}
		err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil && d == nil {
				return err
			}
			if info, err := d.Info(); err == nil && home.Owner(info) != os.Geteuid() && unix.Access(path, unix.R_OK|unix.W_OK) != nil && d.Type()&fs.ModeSymlink == 0 {
				bad = append(bad, path)
			}
			if err != nil {
				return fs.SkipDir
			}
			return nil
		})
		if err != nil {
			return Finding{}, err
		}
	}
	if len(bad) == 0 {
		return Finding{Detail: "no file here that you cannot use"}, nil
	}
	return Finding{
		Mind: true, Detail: fmt.Sprintf("%s of other users that you cannot use, such as %s", counted(len(bad), "file"), bad[0]),
		Hint: home.ChownHint(bad[0]),
	}, nil
}

// examined says how the lock was found.
func (l *lock) examined() string {
	if l.shared {
		return "shared: nothing can be written here, and a process that writes by another mount is not kept out"
	}
	return "free"
}
