package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gait/ledger/ledgertest"
)

// TestTortureKilledDaemon kills the daemon with SIGKILL again and again, under
// load through its socket and from processes of their own, some of which are
// killed too.
func TestTortureKilledDaemon(t *testing.T) {
	cycles := ledgertest.Times(12, 4)
	switch {
	case testing.Short():
		t.Skip("dozens of processes")
	case *thorough:
		cycles = 250
	}
	t.Parallel()
	s := newDaemonRun(t)
	s.start()
	l := newLoad(s)
	l.run("socket", 8, l.overSocket)
	l.run("process", 2, l.byProcess)
	for range cycles {
		time.Sleep(rand.N(300 * time.Millisecond))
		if code := s.end(syscall.SIGKILL); code != -1 {
			t.Errorf("the daemon ended by itself, with exit %d\n%s", code, s.said)
		}
		l.count("daemons killed")
		s.start()
	}
	l.check()
}

// TestTortureFrozenDaemon freezes the daemon for longer than clients wait. They get an
// error, and what they asked for happens once.
func TestTortureFrozenDaemon(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	t.Parallel()
	s := newDaemonRun(t)
	s.start()
	s.mustDo("job", "submit", "--id", "a")
	times := ledgertest.Times(3, 1)
	for i := range times {
		id := fmt.Sprint("frozen-", i)
		add := []string{"job", "checkpoint", "add", "a", "--summary", "step", "--request-id", id, "--lock-timeout", "1s", "--json"}
		s.daemon.Process.Signal(syscall.SIGSTOP)
		began := time.Now()
		code, said := s.run(add...)
		if code != 1 || !slices.Contains([]string{"daemon_unreachable", "outcome_unknown", "state_contention"}, said.ErrorCode) || time.Since(began) > 15*time.Second {
			t.Errorf("with the daemon frozen the command exits %d (%s) after %s", code, said.ErrorCode, time.Since(began))
		}
		s.daemon.Process.Signal(syscall.SIGCONT)
		s.mustDo(add[:len(add)-1]...)
	}
	if said := s.mustDo("job", "status", "a"); said.Job.Revision != int64(1+times) {
		t.Errorf("%d requests, asked for twice each, led to revision %d", times, said.Job.Revision)
	}
	if code := s.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit %d", code)
	}
}

// TestTortureFrozenClient freezes a process that holds the lock: no other process
// takes it away, however long that lasts.
func TestTortureFrozenClient(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	t.Parallel()
	s := newDaemonRun(t)
	s.mustDo("job", "submit", "--id", "a")
	cmd := s.freezeHolder("job", "checkpoint", "add", "a", "--summary", "step")
	if code, said := s.run("job", "status", "a", "--lock-timeout", "0s", "--json"); code != 1 || said.ErrorCode != "state_contention" {
		t.Errorf("beside a frozen process a command exits %d: %s", code, said.ErrorCode)
	}
	if code, said := s.run("job", "pause", "a", "--lock-timeout", "3s", "--json"); code != 1 || said.ErrorCode != "state_contention" {
		t.Errorf("beside a process frozen for 3 s a command exits %d: %s", code, said.ErrorCode)
	}
	cmd.Process.Signal(syscall.SIGCONT)
	if err := cmd.Wait(); err != nil {
		t.Errorf("the frozen process: %v", err)
	}
	s.mustDo("job", "pause", "a")
	s.mustDo("ledger", "verify")
}

// freezeHolder runs a command and stops it while it holds the root's lock.
func (s *daemonRun) freezeHolder(args ...string) *exec.Cmd {
	s.t.Helper()
	held := func() bool {
		fd, err := unix.Open(filepath.Join(s.root, "gait.lock"), unix.O_RDWR|unix.O_CLOEXEC, 0)
		if err != nil {
			s.t.Fatal(err)
		}
		defer unix.Close(fd)
		return unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB) == unix.EWOULDBLOCK
	}
	for range 100 {
		cmd := s.command(args...)
		if err := cmd.Start(); err != nil {
			s.t.Fatal(err)
		}
		for until := time.Now().Add(5 * time.Second); !held() && time.Now().Before(until); {
		}
		cmd.Process.Signal(syscall.SIGSTOP)
		time.Sleep(10 * time.Millisecond) // the signal takes effect when the process is next scheduled
		if held() {
			return cmd
		}
		cmd.Process.Signal(syscall.SIGCONT) // it ended, or had just released the lock
		cmd.Wait()
	}
	s.t.Fatal("100 processes were stopped, none while it held the lock")
	return nil
}

// TestTortureSquatter puts a listener that never answers at the socket, and no process
// that holds the lock: commands go on without a daemon.
func TestTortureSquatter(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	t.Parallel()
	s := newDaemonRun(t)
	s.mustDo("job", "submit", "--id", "a")
	l, err := net.Listen("unix", s.socket)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s.mustDo("job", "pause", "a", "--lock-timeout", "1s")
	if code, said := s.run("job", "status", "a", "--lock-timeout", "1s", "--require-daemon", "--json"); code != 1 || said.ErrorCode != "daemon_unreachable" {
		t.Errorf("with a daemon required: exit %d, %s", code, said.ErrorCode)
	}
}

// TestTortureRemovedSocket removes the daemon's socket again and again under load: every
// command succeeds, since it waits for the socket that the daemon makes again.
func TestTortureRemovedSocket(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a second")
	}
	t.Parallel()
	s := newDaemonRun(t)
	s.start()
	s.mustDo("job", "submit", "--id", "a")
	writers := s.writing("a", 3, 8)
	for range 3 {
		if err := syscall.Unlink(s.socket); err != nil {
			t.Fatal(err)
		}
		s.mustDo("job", "status", "a")
		s.mustDo("job", "list", "--require-daemon")
	}
	writers.Wait()
	if code := s.end(syscall.SIGTERM); code != 0 {
		t.Errorf("the daemon exits %d\n%s", code, s.said)
	}
	if said := s.mustDo("job", "status", "a"); said.Job.Revision != 25 {
		t.Errorf("the job is at revision %d, want 25", said.Job.Revision)
	}
	if left, _ := filepath.Glob(s.socket); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}
