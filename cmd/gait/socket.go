package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"gait/ledger/root"
)

const (
	socketName = "gait.sock"

	// maxSocketPath is what every system takes: macOS has room for 104 bytes with
	// the zero at the end, Linux for 108.
	maxSocketPath = 103

	// maxConnections is how many a daemon holds open, more than those who wait
	// idly will need.
	maxConnections = 4096
)

// A socket is where the daemon of a root listens.
type socket struct {
	root string // directory of the ledger, absolute, without links
	path string
	uid  int // the user whose processes are at both ends
}

// socketOf returns where the daemon of a root listens: in the root, or where
// that path is too long, under the runtime directory.
func (a *app) socketOf(dir string) (socket, error) {
	dir, err := filepath.Abs(dir)
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		return socket{}, err
	}
	s := socket{root: dir, path: filepath.Join(dir, socketName), uid: os.Getuid()}
	if len(s.path) > maxSocketPath {
		sum := sha256.Sum256([]byte(dir))
		s.path = filepath.Join(a.runtimeDir(), hex.EncodeToString(sum[:16])+".sock")
	}
	return s, nil
}

// runtimeDir returns the directory of sockets whose root has too long a path.
func (a *app) runtimeDir() string {
	if dir := a.getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) && len(dir) < 50 {
		return filepath.Join(dir, "gait")
	}
	return filepath.Join("/tmp", "gait-"+strconv.Itoa(os.Getuid())) // TMPDIR may be long, and differ between processes
}

// listen makes the socket, which nobody but the user can open. What is in its
// place is left from a daemon that was killed: whoever holds the root's lock is
// the only one.
func (s socket) listen() (net.Listener, error) {
	if dir := filepath.Dir(s.path); dir != s.root {
		if err := ownDir(dir); err != nil {
			return nil, err
		}
	}
	if info, err := os.Lstat(s.path); err == nil && info.Mode().Type() != os.ModeSocket {
		return nil, &root.UnsafeError{Path: s.path, Problem: "it is not a socket", Hint: "move it away: the daemon listens there"}
	}
	if err := os.Remove(s.path); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	before := syscall.Umask(0o177) // there must be no moment at which others can open it
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: s.path, Net: "unix"})
	syscall.Umask(before)
	if err != nil {
		return nil, fmt.Errorf("listening at %s: %w", s.path, err)
	}
	own := ownListener{UnixListener: l, uid: s.uid, path: s.path}
	l.SetUnlinkOnClose(false) // it goes by the path, where another daemon's may be by then
	if own.made, err = os.Lstat(s.path); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return &boundedListener{Listener: own, limit: maxOpen()}, nil
}

// maxOpen is how many connections are taken: so many that files and the ledger's
// own still can be opened.
func maxOpen() int64 {
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &limit) != nil {
		return maxConnections
	}
	const ours = 128
	return min(maxConnections, max(int64(min(limit.Cur, 1<<20))-ours, 16))
}

// ownDir makes a directory that is the user's alone, or makes sure that it is.
func ownDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	var st unix.Stat_t
	if err := unix.Lstat(dir, &st); err != nil {
		return &os.PathError{Op: "lstat", Path: dir, Err: err}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR || int(st.Uid) != os.Getuid() || st.Mode&0o077 != 0 {
		return &root.UnsafeError{Path: dir, Problem: "others can get at it, or it is not yours", Hint: "the daemon's socket lies there: chmod 700 " + dir}
	}
	return nil
}

// An ownListener takes connections of the user's own processes. Others are closed.
type ownListener struct {
	*net.UnixListener
	uid  int
	path string
	made os.FileInfo // the socket
}

// Close closes the listener, and removes its socket if that is still there.
func (l ownListener) Close() error {
	err := l.UnixListener.Close()
	if there, gone := os.Lstat(l.path); gone == nil && os.SameFile(there, l.made) {
		err = errors.Join(err, os.Remove(l.path))
	}
	return err
}

// Accept returns the next connection that is taken.
func (l ownListener) Accept() (net.Conn, error) {
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

// A boundedListener takes connections up to a bound. Those past it are closed.
type boundedListener struct {
	net.Listener
	limit int64
	open  atomic.Int64
}

// Accept returns the next connection that is taken.
func (l *boundedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.open.Load() < l.limit {
			l.open.Add(1)
			return &countedConn{Conn: conn, open: &l.open}, nil
		}
		_ = conn.Close()
	}
}

// A countedConn is one of the connections that are open.
type countedConn struct {
	net.Conn
	open   *atomic.Int64
	closed sync.Once
}

// Close closes the connection, and counts it once.
func (c *countedConn) Close() error {
	c.closed.Do(func() { c.open.Add(-1) })
	return c.Conn.Close()
}

// peerUID returns whose process is at the other end.
func peerUID(conn *net.UnixConn) (uid int, err error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0, err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { uid, failed = peerOf(int(fd)) })
	if err == nil {
		err = failed
	}
	if err != nil {
		return 0, fmt.Errorf("asking who is at the other end: %w", err)
	}
	return uid, nil
}
