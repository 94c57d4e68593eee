package root

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	lockName       = "gait.lock"
	defaultTimeout = 10 * time.Second

	pidWidth  = 20
	pidLine   = len("pid ") + pidWidth + 1
	lockLimit = 1 << 20 // a mark is at most some 350 bytes, and few are ever written
)

// A lock is a root's lock file, held.
type lock struct {
	path string
	file *os.File // nil where nobody can write and there is no lock file
	marks
}

// acquire takes the lock of a root directory, waiting for its holder if it must.
func acquire(ctx context.Context, dir string, o Options) (*lock, error) {
	timeout := o.LockTimeout
	if timeout == 0 {
		timeout = defaultTimeout
	}
	deadline := time.NewTimer(max(timeout, 0))
	defer deadline.Stop()
	path := filepath.Join(dir, lockName)
	for round := 0; ; round++ {
		l, err := tryLock(path, o.ReadOnly)
		if err == nil {
			return l, l.read()
		}
		busy, held := errors.AsType[*LockedError](err)
		if !held {
			return nil, fmt.Errorf("locking %s: %w", path, err)
		}
		if o.Held != nil {
			if err := o.Held(); err != nil {
				return nil, err
			}
		}
		busy.Waited = max(timeout, 0)
		if timeout < 0 {
			return nil, busy
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for %s, held by process %d: %w", path, busy.PID, context.Cause(ctx))
		case <-deadline.C:
			return nil, busy
		case <-time.After(pollInterval(round)):
		}
	}
}

// pollInterval is 10 to 25 ms, so spread that processes that began to wait
// together do not go on asking together.
func pollInterval(round int) time.Duration {
	return time.Duration(10+(os.Getpid()*7+round*5)%16) * time.Millisecond
}

// tryLock takes the lock if it is free; a *LockedError says it is not.
func tryLock(path string, readOnly bool) (*lock, error) {
	f, err := openLock(path, readOnly)
	if err != nil || f == nil {
		return &lock{path: path}, err
	}
	if err := flock(f); err != nil {
		defer f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, &LockedError{Path: path, PID: holder(f)}
		}
		return nil, err
	}
	// Whoever moved the file away between open and flock has left us holding
	// a lock that nobody else will ask for.
	mine, err := f.Stat()
	if err == nil {
		var there fs.FileInfo
		there, err = os.Lstat(path)
		if err == nil && !os.SameFile(mine, there) || errors.Is(err, fs.ErrNotExist) {
			err = &LockedError{Path: path}
		}
	}
	if err == nil {
		err = checkMode(path, mine, denyWrite)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &lock{path: path, file: f}, nil
}

// openLock opens the lock file, making it if need be. Where a reader cannot, it
// opens what is there, or returns nil on a medium that nobody can write.
func openLock(path string, readOnly bool) (*os.File, error) {
	f, err := openFile(path, os.O_RDWR|os.O_CREATE)
	unwritable := errors.Is(err, unix.EROFS) || errors.Is(err, fs.ErrPermission)
	if !unwritable || !readOnly {
		return f, err
	}
	f, readErr := openFile(path, os.O_RDONLY)
	if errors.Is(readErr, fs.ErrNotExist) {
		if errors.Is(err, unix.EROFS) {
			return nil, nil
		}
		return nil, err
	}
	return f, readErr
}

// flock takes an exclusive lock, or fails with EWOULDBLOCK.
func flock(f *os.File) error { return retryFlock(f, unix.LOCK_EX|unix.LOCK_NB) }

// waitFlock takes an exclusive lock when it is free.
func waitFlock(f *os.File) error { return retryFlock(f, unix.LOCK_EX) }

func retryFlock(f *os.File, how int) error {
	for {
		err := unix.Flock(int(f.Fd()), how)
		if err != unix.EINTR {
			return err
		}
	}
}

// holder returns the pid that the lock file names, or 0.
func holder(f *os.File) int {
	line := make([]byte, pidLine)
	if _, err := f.ReadAt(line, 0); err != nil {
		return 0
	}
	digits, ok := strings.CutPrefix(string(line), "pid ")
	pid, err := strconv.Atoi(strings.TrimRight(digits, " \n"))
	if !ok || err != nil {
		return 0
	}
	return pid
}

// read reads the marks, and then writes our pid over the last holder's.
func (l *lock) read() error {
	if l.file == nil {
		return nil
	}
	content, err := io.ReadAll(io.NewSectionReader(l.file, 0, lockLimit+1))
	if err == nil {
		l.marks, err = parseMarks(content)
	}
	if err == nil {
		_, err = fmt.Fprintf(io.NewOffsetWriter(l.file, 0), "pid %-*d\n", pidWidth, os.Getpid())
		if errors.Is(err, unix.EBADF) { // opened for reading only
			err = nil
		}
	}
	if err != nil {
		l.file.Close()
		return fmt.Errorf("reading %s: %w", l.path, err)
	}
	return nil
}

// add appends a mark, durably.
func (l *lock) add(m mark) error {
	line := m.String() + "\n"
	err := l.file.Truncate(l.end) // a line that a crash cut off
	if err == nil {
		_, err = l.file.WriteAt([]byte(line), l.end)
	}
	if err == nil {
		err = l.file.Sync()
	}
	if err == nil {
		err = syncDir(filepath.Dir(l.path))
	}
	if err != nil {
		return fmt.Errorf("marking %s: %w", l.path, err)
	}
	l.follow(m, int64(len(line)))
	return nil
}

// release gives the lock up. A second time it does nothing.
func (l *lock) release() error {
	f := l.file
	l.file = nil
	if f == nil {
		return nil
	}
	return f.Close()
}
