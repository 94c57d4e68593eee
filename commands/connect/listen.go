package connect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"gait/ledger/home"
)

// maxConnections is how many a daemon holds open, more than callers that wait
// idly will need.
const maxConnections = 4096

// maxOpen returns how many connections are taken, so that the process can still
// open files of its own.
func maxOpen() int {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return maxConnections
	}
	const ours = 128
	return min(maxConnections, max(int(min(limit.Cur, 1<<20))-ours, 16))
}

// bind makes the socket of a root, which only the user can open: in the root or, if
// that path is too long, in the first runtime directory that can be used, with a link
// to it in the root. The caller holds the root's lock, so a socket that is there
// already is left over from a daemon that was killed.
func (s socket) bind(runtimeDirs []string) (*ownListener, error) {
	if st, err := os.Lstat(s.path); err == nil && st.Mode().Type() != fs.ModeSocket && st.Mode().Type() != fs.ModeSymlink {
		return nil, &home.UnsafeError{Path: s.path, Problem: "it is not a socket", Hint: "move it away: the daemon listens there"}
	}
	if len(s.path) <= MaxSocketPath {
		return s.bindAt(s.path)
	}
	var failed error
	for _, dir := range runtimeDirs {
		l, err := s.bindIn(dir)
		if err == nil {
			return l, nil
		}
		failed = errors.Join(failed, fmt.Errorf("listening in %s: %w", dir, err))
	}
	return nil, failed
}

// bindIn makes the socket in a runtime directory, and the link in the root.
func (s socket) bindIn(dir string) (*ownListener, error) {
	path := s.away(dir)
	if len(path) > MaxSocketPath {
		return nil, &fs.PathError{Op: "bind", Path: path, Err: unix.ENAMETOOLONG}
	}
	if err := ownDir(dir); err != nil {
		return nil, err
	}
	l, err := s.bindAt(path)
	if err != nil {
		return nil, err
	}
	next := s.path + ".next" // renamed, so that there is a link at any moment
	err = os.Remove(next)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = os.Symlink(path, next)
	}
	if err == nil {
		err = os.Rename(next, s.path)
	}
	if err == nil {
		l.link = s.path
		l.linked, err = os.Lstat(s.path)
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// bindAt makes the socket at a path.
func (s socket) bindAt(path string) (*ownListener, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	// On Linux the mode of the descriptor becomes that of the socket, so that there is
	// no moment at which others can open it.
	closed := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { _ = unix.Fchmod(int(fd), 0o600) })
	}}
	l, err := closed.Listen(context.Background(), "unix", path)
	if err != nil {
		return nil, fmt.Errorf("listening at %s: %w", path, err)
	}
	at, ok := l.(*net.UnixListener)
	if !ok {
		return nil, errors.Join(fmt.Errorf("listening at %s: %w", path, errors.ErrUnsupported), l.Close())
	}
	own := &ownListener{UnixListener: at, uid: s.uid, path: path}
	own.SetUnlinkOnClose(false) // it goes by the path, where another daemon's may be by then
	if err = os.Chmod(path, 0o600); err == nil {
		own.made, err = os.Lstat(path)
	}
	if err != nil {
		return nil, errors.Join(err, own.Close())
	}
	return own, nil
}

// ownDir makes a directory that is the user's alone, or makes sure that it is. The
// directory above must be there: what makes a runtime directory later would hide one
// that was made in its place.
func ownDir(dir string) error {
	if err := home.CheckWay(dir); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	st, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !st.IsDir() || st.Mode().Perm()&0o077 != 0 {
		return &home.UnsafeError{Path: dir, Problem: "others can get at it", Hint: "the daemon's socket lies there: chmod 700 " + dir}
	}
	return home.CheckWay(dir) // another user may have made it
}

// An ownListener takes connections of the user's own processes. Others are closed.
type ownListener struct {
	*net.UnixListener
	uid    int
	path   string
	made   fs.FileInfo // the socket
	link   string      // to the socket, in the root; "" if the socket itself lies there
	linked fs.FileInfo
}

// inPlace reports whether clients find the socket.
func (l *ownListener) inPlace() bool {
	return still(l.path, l.made) && (l.link == "" || still(l.link, l.linked))
}

// still reports whether a file is still at a path. The number of a file that was
// removed may be given to the next one, but not its time.
func still(path string, made fs.FileInfo) bool {
	st, err := os.Lstat(path)
	return err == nil && made != nil && os.SameFile(st, made) && st.ModTime().Equal(made.ModTime())
}

// taken reports whether another process listens at the socket's path.
func (l *ownListener) taken() bool {
	if still(l.path, l.made) {
		return false
	}
	conn, err := net.Dial("unix", l.path)
	if err == nil {
		return conn.Close() == nil
	}
	return !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.ECONNREFUSED)
}

// Close closes the listener, and removes its socket if that is still there.
func (l *ownListener) Close() error {
	err := l.UnixListener.Close()
	if l.link != "" && still(l.link, l.linked) {
		err = errors.Join(err, os.Remove(l.link))
	}
	if still(l.path, l.made) {
		err = errors.Join(err, os.Remove(l.path))
	}
	return err
}

// Accept returns the next connection that is taken.
func (l *ownListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.AcceptUnix()
		if err != nil {
			return nil, err
		}
		if uid, err := peerUID(conn); err == nil && uid == l.uid {
			return conn, nil
		}
		_ = conn.Close()
	}
}
