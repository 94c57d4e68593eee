package connect

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"

	"gait/ledger/home"
)

const (
	// SocketName is the name of a daemon's socket in its root, or of the link to it.
	SocketName = "gait.sock"

	// MaxSocketPath is the longest path of a socket that every system takes:
	// macOS has room for 104 bytes with the zero at the end, Linux for 108.
	MaxSocketPath = 103
)

// A socket is where the daemon of a root listens.
type socket struct {
	root string // directory of the ledger, absolute, without links
	path string
	uid  int // the user whose processes are at both ends
}

// inRoot returns the socket that lies in the root itself.
func inRoot(dir string) (socket, error) {
	dir, err := filepath.Abs(dir)
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	return socket{root: dir, path: filepath.Join(dir, SocketName), uid: os.Getuid()}, err
}

// find returns where the daemon of a root listens, as the root itself says: the socket
// lies there, or a link to it. It fails with fs.ErrNotExist if no daemon of this user
// listens. A link of another user is not followed, and neither is one to what is no
// socket of a daemon: it could lead to another service of this user's.
func find(dir string) (socket, error) {
	s, err := inRoot(dir)
	if err != nil {
		return s, err
	}
	st, err := os.Lstat(s.path)
	if err != nil || st.Mode().Type() != fs.ModeSymlink {
		return s, err
	}
	target, err := os.Readlink(s.path)
	if err != nil {
		return s, err
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !ok || int(sys.Uid) != s.uid || !filepath.IsAbs(target) || !awayName.MatchString(filepath.Base(target)) {
		return s, &fs.PathError{Op: "following", Path: s.path, Err: fs.ErrNotExist}
	}
	s.path = target
	return s, nil
}

// awayName matches the names that away gives.
var awayName = regexp.MustCompile(`^[0-9a-f]{32}\.sock$`)

// away returns the path of the root's socket in a runtime directory.
func (s socket) away(dir string) string {
	sum := sha256.Sum256([]byte(s.root))
	return filepath.Join(dir, hex.EncodeToString(sum[:16])+".sock")
}

// sharedDir returns the directory of a user's sockets if there is no runtime
// directory. TMPDIR may be long.
func sharedDir(uid int) string { return filepath.Join("/tmp", "gait-"+strconv.Itoa(uid)) }

// dial connects to the socket, and to no process but the user's own.
func (s socket) dial(ctx context.Context) (net.Conn, error) {
	conn, err := new(net.Dialer).DialUnix(ctx, "unix", nil, &net.UnixAddr{Name: s.path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	uid, err := peerUID(conn)
	if err == nil && uid != s.uid {
		err = s.foreign(uid)
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return conn, nil
}

// foreign returns the error that another user listens at the socket. It is that user's
// daemon if the root belongs to that user too.
func (s socket) foreign(uid int) error {
	no := &home.UnsafeError{Path: s.path, Problem: fmt.Sprintf("user %d listens there", uid), Hint: "find out who can write to that directory, and remove the socket"}
	if st, err := os.Stat(s.root); err == nil && home.Owner(st) == uid {
		no.Problem, no.Hint = fmt.Sprintf("user %d serves the ledger there, to that user's processes only", uid), home.AsUser(uid)
	}
	return no
}

// peerUID returns the user of the process at the other end.
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
		return 0, fmt.Errorf("asking for the user at the other end: %w", err)
	}
	return uid, nil
}
