package main

import (
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Whoever goes through a daemon of another home keeps in their own what they
// were told: an older copy of the ledger is noticed there too.
func TestDaemonOfAnotherHome(t *testing.T) {
	s := newServed(t)
	s.mustDo("job", "submit", "--id", "a")
	other, mine, old := filepath.Join(s.dir, "other"), filepath.Join(s.dir, "home"), filepath.Join(s.dir, "old")
	for from, to := range map[string]string{mine: other, s.root: old} {
		if err := os.CopyFS(to, os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
		closeToOthers(t, to)
	}
	if err := os.RemoveAll(filepath.Join(other, "ledgers")); err != nil {
		t.Fatal(err)
	}
	s.start()
	s.env = append(s.env, "GAIT_HOME="+other)
	s.mustDo("job", "checkpoint", "add", "a", "--summary", "acknowledged")
	if code := s.end(syscall.SIGTERM); code != 0 {
		t.Fatalf("exit %d", code)
	}
	if err := os.RemoveAll(s.root); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(old, s.root); err != nil {
		t.Fatal(err)
	}
	if code, said := s.run("job", "status", "a", "--json"); code != 2 || said.ErrorCode != "ledger_rolled_back" {
		t.Errorf("after the ledger was put back: exit %d, %s", code, said.ErrorCode)
	}
}

// closeToOthers takes from what CopyFS makes the modes that others could use.
func closeToOthers(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o600)
		if e.IsDir() {
			mode = 0o700
		}
		return os.Chmod(path, mode)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A daemon whose root was moved leaves the socket of the next one alone.
func TestDaemonLeavesAnothersSocket(t *testing.T) {
	s := newServed(t)
	s.start()
	first := *s
	if err := os.Rename(s.root, s.root+"-moved"); err != nil {
		t.Fatal(err)
	}
	s.http.CloseIdleConnections()
	s.start()
	first.end(syscall.SIGTERM)
	s.mustDo("job", "submit", "--id", "a", "--require-daemon")
	if code := s.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit %d", code)
	}
}

// A pipe in the place of the token is not waited for.
func TestTokenIsAFile(t *testing.T) {
	s := newServed(t)
	pipe := filepath.Join(s.dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	s.launch("--listen", "127.0.0.1:0", "--token-file", pipe)
	if code := s.wait(10 * time.Second); code != 8 {
		t.Errorf("exit %d\n%s", code, s.said)
	}
}

// One who follows events and reads none does not hold up the end.
func TestDeafFollowerHoldsNothingUp(t *testing.T) {
	s := newServed(t)
	s.start()
	s.mustDo("job", "submit", "--id", "a")
	for i := range 1000 { // more than a socket holds
		if a, err := s.ask(progressOn("a", fmt.Sprint("r-", i), strings.Repeat("x", 500))); err != nil || a.ErrorCode != "" {
			t.Fatalf("%+v, %v", a, err)
		}
	}
	c, err := net.Dial("unix", s.socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("GET /v1/events?since=-1 HTTP/1.1\r\nHost: gait\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond)
	began := time.Now()
	if code := s.end(syscall.SIGTERM); code != 0 || time.Since(began) > 10*time.Second {
		t.Errorf("exit %d after %s\n%s", code, time.Since(began), s.said)
	}
}

// A ledger that was replaced under a daemon is not written: nothing that goes
// nowhere is acknowledged, and what was put there stays whole.
func TestLedgerReplacedUnderADaemon(t *testing.T) {
	s := newServed(t)
	s.start()
	s.mustDo("job", "submit", "--id", "a")
	ledger := filepath.Join(s.root, "ledger")
	if err := os.Rename(ledger, ledger+"-moved"); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(ledger, os.DirFS(ledger+"-moved")); err != nil {
		t.Fatal(err)
	}
	if code, said := s.run("job", "pause", "a", "--json"); code != 1 || said.ErrorCode != "outcome_unknown" {
		t.Errorf("a command exits %d: %s", code, said.ErrorCode)
	}
	if code := s.wait(10 * time.Second); code != 2 || !strings.Contains(s.said.String(), "was replaced while it was open") {
		t.Errorf("the daemon exits %d\n%s", code, s.said)
	}
}
