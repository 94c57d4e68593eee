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
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"gait/ledger/home"
)

// DefaultLockTimeout is how long Open waits for another process to release the
// lock, if Options.LockTimeout is 0.
const DefaultLockTimeout = 10 * time.Second

const (
	lockName = "gait.lock"

	pidWidth  = 20
	pidLine   = len("pid ") + pidWidth + 1
	lockLimit = 1 << 20 // a mark is at most some 350 bytes, and few are ever written
)

// A lock is a root's lock file while this process holds it.
type lock struct {
	path string
	file *os.File // nil if this process cannot write there and there is no lock file
	word string   // what this process has said that it does

	// shared says that other processes may have the ledger open too: readers that
	// hold the lock as this one does, and writers that use another lock file.
	shared bool

	marks
}

// acquire takes the lock of a root directory. It waits for the holder if there is one.
func acquire(ctx context.Context, dir string, o Options) (*lock, error) {
	timeout := o.LockTimeout
	if timeout == 0 {
		timeout = DefaultLockTimeout
	}
	deadline := time.NewTimer(max(timeout, 0))
	defer deadline.Stop()
	path, told := filepath.Join(dir, lockName), ""
	for round := 0; ; round++ {
		l, err := tryLock(path, o.Mode)
		if err == nil {
			return l, l.read()
		}
		if _, denied := errors.AsType[*home.AccessError](err); denied {
			return nil, err
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
		told = o.tellWait(busy, told)
		if timeout < 0 {
			return nil, busy
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for %s, held by %s: %w", path, busy.holder(), context.Cause(ctx))
		case <-deadline.C:
			return nil, busy
		case <-time.After(pollInterval(round)):
		}
	}
}

// tellWait says what the holder of a lock is doing, once for each thing. told is what it
// said last.
func (o Options) tellWait(busy *LockedError, told string) string {
	if busy.Doing != told && busy.Doing != "" {
		o.notice("waiting for %s", busy.holder())
	}
	return busy.Doing
}

// pollInterval returns 10 to 25 ms, spread so that processes that began to wait
// together do not poll together.
func pollInterval(round int) time.Duration {
	return time.Duration(10+(os.Getpid()*7+round*5)%16) * time.Millisecond
}

// tryLock takes the lock if it is free, and otherwise returns a *LockedError.
func tryLock(path string, mode Mode) (*lock, error) {
	f, shared, err := openLock(path, mode)
	if err != nil || f == nil {
		return &lock{path: path, shared: shared}, err
	}
	take := home.TryFlock
	if shared {
		take = home.TryShareFlock
	}
	if err := take(f); err != nil {
		defer f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			busy := &LockedError{Path: path, Reader: shared}
			busy.PID, busy.Doing = holder(f)
			return nil, busy
		}
		return nil, err
	}
	// If another process moved the file away between open and flock, this
	// lock is on a file that no process will lock again.
	mine, err := f.Stat()
	if err == nil {
		var there fs.FileInfo
		there, err = os.Lstat(path)
		if err == nil && !os.SameFile(mine, there) || errors.Is(err, fs.ErrNotExist) {
			err = &LockedError{Path: path, Reader: shared}
		}
	}
	if err == nil {
		err = home.CheckMode(path, mine)
	}
	if err == nil && mode.writes() {
		err = home.CheckOwner(path, mine)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &lock{path: path, file: f, shared: shared}, nil
}

// openLock opens the lock file, and creates it if need be. A reader that cannot
// write it, or to whom the root does not belong, opens the existing file, which is
// then only read. If there is none, openLock returns nil.
func openLock(path string, mode Mode) (f *os.File, shared bool, err error) {
	if mode.writes() {
		f, err = home.OpenFile(path, os.O_RDWR|os.O_CREATE)
		at := filepath.Dir(path)
		if there, _ := home.Exists(path); there && errors.Is(err, fs.ErrPermission) {
			at = path // it is the file that cannot be written
		}
		return f, false, home.InRoot.Unwritable(at, err)
	}
	st, err := os.Lstat(filepath.Dir(path))
	if err != nil {
		return nil, false, err
	}
	if home.Owner(st) == os.Geteuid() {
		f, err = home.OpenFile(path, os.O_RDWR|os.O_CREATE)
		if !errors.Is(err, unix.EROFS) && !errors.Is(err, fs.ErrPermission) {
			return f, false, err
		}
	}
	f, err = home.OpenFile(path, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, true, nil
	}
	return f, true, home.InRoot.Unreadable(path, err)
}

// Words in the first line of the lock file, behind the pid, that say what the holder
// does, if that may take long.
const (
	wordBuilding = "building"
	wordViews    = "views"
)

// doings says what the words mean.
var doings = map[string]string{
	wordBuilding: "building the ledger's index, once",
	wordViews:    "writing the ledger's views",
}

// holder returns the pid that the lock file names, and what that process says that it
// does. The pid is 0 if the file names none, or if that process is gone: a reader that
// holds the lock may not have written its own.
func holder(f *os.File) (pid int, doing string) {
	line := make([]byte, pidLine)
	if _, err := f.ReadAt(line, 0); err != nil {
		return 0, ""
	}
	rest, ok := strings.CutPrefix(string(line), "pid ")
	digits, word, _ := strings.Cut(strings.TrimRight(rest, " \n"), " ")
	pid, err := strconv.Atoi(digits)
	if !ok || err != nil || pid <= 0 || errors.Is(unix.Kill(pid, 0), unix.ESRCH) {
		return 0, ""
	}
	return pid, doings[word]
}

// sign writes this process's pid over the first line, and a word if it does something
// that may take long.
func (l *lock) sign(word string) error {
	line := strings.TrimRight(fmt.Sprint(os.Getpid(), " ", word), " ")
	_, err := fmt.Fprintf(io.NewOffsetWriter(l.file, 0), "pid %-*s\n", pidWidth, line)
	return err
}

// doing tells processes that wait for the lock what this one does, or with "" that it
// does nothing long any more. If that fails, they are not told.
func (l *lock) doing(word string) {
	if l.file == nil || l.shared || l.word == word {
		return
	}
	l.word = word
	_ = l.sign(word)
}

// read reads the marks, and then writes this process's pid over the last holder's.
func (l *lock) read() error {
	if l.file == nil {
		return nil
	}
	content, err := io.ReadAll(io.NewSectionReader(l.file, 0, lockLimit+1))
	if err == nil {
		l.marks, err = parseMarks(content)
	}
	if err == nil && !l.shared {
		err = l.sign("")
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
		err = home.SyncDir(filepath.Dir(l.path))
	}
	if err != nil {
		return fmt.Errorf("marking %s: %w", l.path, err)
	}
	l.follow(m, int64(len(line)))
	return nil
}

// LockID names the lock file of a root on this machine. Two directories with the same
// lock file are one root, under whatever path each is known.
func LockID(dir string) (string, error) {
	st, err := os.Lstat(filepath.Join(dir, lockName))
	if err != nil {
		return "", err
	}
	return lockID(st)
}

func lockID(st fs.FileInfo) (string, error) {
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return "", fmt.Errorf("%s: %w", st.Name(), errors.ErrUnsupported)
	}
	return fmt.Sprintf("%x-%x", sys.Dev, sys.Ino), nil
}

// release releases the lock. A second call does nothing.
func (l *lock) release() error {
	f := l.file
	l.file = nil
	if f == nil {
		return nil
	}
	return f.Close()
}
