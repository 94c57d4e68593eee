package home

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// lock keeps other processes from changing keys and trust. It waits: a process
// holds the lock no longer than it takes to write a file.
func lock(home string) (unlock func(), err error) {
	d, err := os.Open(home)
	if err != nil {
		return nil, InHome.Unreadable(home, err)
	}
	if err := flock(d, unix.LOCK_EX); err != nil {
		d.Close()
		return nil, fmt.Errorf("locking %s: %w", home, err)
	}
	return func() { d.Close() }, nil
}

// lockFor makes the directory of a file in home, and locks home to write it.
func lockFor(home, path string) (unlock func(), err error) {
	if err := makeDir(filepath.Dir(path)); err != nil {
		return nil, err
	}
	return lock(home)
}

// TryFlock takes an exclusive flock(2) on f, or fails with EWOULDBLOCK if another
// process holds it.
func TryFlock(f *os.File) error { return flock(f, unix.LOCK_EX|unix.LOCK_NB) }

// TryShareFlock takes a shared flock(2) on f, or fails with EWOULDBLOCK if another
// process holds an exclusive one.
func TryShareFlock(f *os.File) error { return flock(f, unix.LOCK_SH|unix.LOCK_NB) }

func flock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if err != unix.EINTR {
			return err
		}
	}
}
