package connect

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gait/ledger/home"
)

// A listening is a root's listener, which echoes what it is sent.
type listening struct {
	t       *testing.T
	root    string
	run     string // the runtime directory
	renewed chan string
	net.Listener
}

func listen(t *testing.T, long bool, held func() error) *listening {
	t.Helper()
	run, err := os.MkdirTemp("/tmp", "gait-") //nolint:usetesting // the path of a test's own is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(run) })
	l := &listening{t: t, root: t.TempDir(), run: filepath.Join(run, "gait"), renewed: make(chan string, 100)}
	if long {
		l.root = filepath.Join(l.root, strings.Repeat("long/", 20))
	}
	if err := os.MkdirAll(l.root, 0o700); err != nil {
		t.Fatal(err)
	}
	made, err := Listen(l.root, ListenOptions{RuntimeDir: l.run, Held: held, every: time.Millisecond, Renewed: func(path string, err error) {
		if err != nil {
			path = err.Error()
		}
		l.renewed <- path
	}})
	if err != nil {
		t.Fatal(err)
	}
	l.Listener = made
	t.Cleanup(func() { made.Close() })
	go func() {
		for {
			conn, err := made.Accept()
			if err != nil {
				return
			}
			go func() {
				b := make([]byte, 1)
				for n := 1; n == 1; n, _ = conn.Write(b) {
					if n, _ := conn.Read(b); n == 0 {
						conn.Close()
						return
					}
				}
			}()
		}
	}()
	return l
}

// echoes reports whether the other end of a connection answers.
func echoes(conn net.Conn) bool {
	b := []byte{7}
	_, err := conn.Write(b)
	if err == nil {
		_, err = conn.Read(b)
	}
	return err == nil && b[0] == 7
}

// found connects as a client does.
func (l *listening) found() (net.Conn, error) {
	s, err := find(l.root)
	if err != nil {
		return nil, err
	}
	return s.dial(context.Background())
}

func (l *listening) mustBeFound(after string) net.Conn {
	l.t.Helper()
	conn, err := l.found()
	if err != nil || !echoes(conn) {
		l.t.Fatalf("%s the daemon is not found: %v", after, err)
	}
	l.t.Cleanup(func() { conn.Close() })
	return conn
}

// A socket, its link or its directory that is removed is made again, and connections
// that are open stay so.
func TestSocketIsMadeAgain(t *testing.T) {
	for name, long := range map[string]bool{"in the root": false, "in a runtime directory": true} {
		t.Run(name, func(t *testing.T) {
			l := listen(t, long, nil)
			first := l.mustBeFound("at first")
			path := l.Addr().String()
			if strings.HasPrefix(path, l.run) != long {
				t.Fatalf("the socket is at %s", path)
			}
			removals := map[string]func() error{
				"removed":             func() error { return os.Remove(path) },
				"the link is removed": func() error { return os.Remove(filepath.Join(l.root, SocketName)) },
				"left by another":     func() error { return leave(path) },
				"with its directory":  func() error { return os.RemoveAll(filepath.Dir(path)) },
			}
			if !long {
				delete(removals, "with its directory")
			}
			for how, remove := range removals {
				if err := remove(); err != nil {
					t.Fatal(err)
				}
				if again := <-l.renewed; again != path {
					t.Fatalf("%s: made again at %s, want %s", how, again, path)
				}
				l.mustBeFound(how)
				if !echoes(first) {
					t.Errorf("%s: an open connection is lost", how)
				}
				if st, err := os.Lstat(path); err != nil || st.Mode() != fs.ModeSocket|0o600 {
					t.Errorf("%s: the socket has mode %v, %v", how, st.Mode(), err)
				}
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			for _, path := range []string{path, filepath.Join(l.root, SocketName)} {
				if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("%s is left: %v", path, err)
				}
			}
		})
	}
}

// leave puts a socket that no process listens at in the place of one.
func leave(path string) error {
	dead := path + ".dead"
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: dead, Net: "unix"})
	if err != nil {
		return err
	}
	l.SetUnlinkOnClose(false)
	return errors.Join(l.Close(), os.Rename(dead, path))
}

// What is no socket is left alone. That is said once, not at every look.
func TestSocketsPlaceIsTaken(t *testing.T) {
	l := listen(t, false, nil)
	path := l.Addr().String()
	aside := path + ".aside"
	if err := errors.Join(os.WriteFile(aside, []byte("mine"), 0o600), os.Rename(aside, path)); err != nil {
		t.Fatal(err)
	}
	if said := <-l.renewed; !strings.Contains(said, "not a socket") {
		t.Fatalf("it says %s", said)
	}
	time.Sleep(50 * time.Millisecond)
	if n := len(l.renewed); n > 0 {
		t.Errorf("the same error is said %d times more", n)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "mine" {
		t.Errorf("the file is %q, %v", b, err)
	}
	if err := os.Rename(path, aside); err != nil {
		t.Fatal(err)
	}
	<-l.renewed
	l.mustBeFound("after the file was moved away")
}

// A listener leaves alone the socket of a process that listens.
func TestTaken(t *testing.T) {
	l := listen(t, false, nil)
	mine := &ownListener{path: l.Addr().String()}
	if !mine.taken() {
		t.Errorf("a socket at which a process listens is free")
	}
	l.Close()
	if mine.taken() {
		t.Errorf("a path without a socket is taken")
	}
	if f, err := os.Create(mine.path); err != nil || f.Close() != nil || mine.taken() {
		t.Errorf("a file without a process is taken: %v", err)
	}
}

// In a root that is another one by now, no socket is made.
func TestSocketOfAnotherRoot(t *testing.T) {
	errMoved := errors.New("moved")
	l := listen(t, false, func() error { return errMoved })
	path := l.Addr().String()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if said := <-l.renewed; said != "moved" {
		t.Fatalf("it says %s", said)
	}
	time.Sleep(50 * time.Millisecond)
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a socket was made: %v", err)
	}
}

// A runtime directory that is missing or unsafe is passed over.
func TestRuntimeDirs(t *testing.T) {
	dir := t.TempDir()
	root := filepath.Join(dir, strings.Repeat("long/", 20))
	open, own := filepath.Join(dir, "open"), filepath.Join(dir, "own")
	if err := errors.Join(os.MkdirAll(root, 0o700), os.Mkdir(open, 0o700), os.Chmod(open, 0o755)); err != nil {
		t.Fatal(err)
	}
	at, err := inRoot(root)
	if err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(dir, "missing", "gait")
	l, err := at.bind([]string{missing, open, filepath.Join(dir, strings.Repeat("d", 100)), own})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if filepath.Dir(l.path) != own {
		t.Errorf("the socket is at %s", l.path)
	}
	if _, err := os.Lstat(filepath.Dir(missing)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a runtime directory was made: %v", err)
	}
	_, err = at.bind([]string{missing, open})
	if unsafe, ok := errors.AsType[*home.UnsafeError](err); !ok || unsafe.Path != open || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("with no directory to use: %v", err)
	}
}

// A link that another user planted is not followed, nor one to what no daemon of gait
// has made.
func TestPlantedLinks(t *testing.T) {
	l := listen(t, true, nil)
	l.mustBeFound("at first")
	link, target := filepath.Join(l.root, SocketName), l.Addr().String()
	plant := func(to string, uid int) error {
		dir := t.TempDir()
		at := filepath.Join(dir, SocketName)
		if err := errors.Join(os.Symlink(to, at), os.Lchown(at, uid, -1)); err != nil {
			return err
		}
		_, err := find(dir)
		return err
	}
	if err := plant(target, os.Getuid()); err != nil {
		t.Errorf("a link of one's own: %v", err)
	}
	agent := filepath.Join(filepath.Dir(target), "agent.sock")
	if err := os.Link(target, agent); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]string{"another service": agent, "a relative path": filepath.Base(target), "itself": link + "/../" + SocketName} {
		if err := plant(to, os.Getuid()); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a link to %s: %v", name, err)
		}
	}
	if os.Getuid() == 0 {
		if err := plant(target, 65533); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a link of another user: %v", err)
		}
	}
}

// The mode of a new socket does not depend on the umask, which a daemon must not change:
// other goroutines make files meanwhile.
func TestSocketModeWithoutUmask(t *testing.T) {
	before := unix.Umask(0)
	defer unix.Umask(before)
	l := listen(t, false, nil)
	if st, err := os.Lstat(l.Addr().String()); err != nil || st.Mode() != fs.ModeSocket|0o600 {
		t.Errorf("the socket has mode %v, %v", st.Mode(), err)
	}
}
