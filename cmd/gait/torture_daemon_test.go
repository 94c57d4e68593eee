package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"
)

// TestTortureKilledDaemon kills the daemon with SIGKILL again and again, under
// load through its socket and from processes of their own, some of which are
// killed too.
func TestTortureKilledDaemon(t *testing.T) {
	cycles := 12
	switch {
	case testing.Short():
		t.Skip("dozens of processes")
	case *thorough:
		cycles = 250
	}
	s := newServed(t)
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

// TestTortureFrozenDaemon stops the daemon for longer than clients wait. They
// are told, and what they had asked for happens once.
func TestTortureFrozenDaemon(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	s := newServed(t)
	s.start()
	s.mustDo("job", "submit", "--id", "a")
	for i := range 3 {
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
	if said := s.mustDo("job", "status", "a"); said.Job.Revision != 4 {
		t.Errorf("three requests, asked for twice each, led to revision %d", said.Job.Revision)
	}
	if code := s.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit %d", code)
	}
}

// TestTortureFrozenClient stops a process while it holds the lock: nobody takes
// it away, however long that lasts.
func TestTortureFrozenClient(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	s := newServed(t)
	s.mustDo("job", "submit", "--id", "a")
	for i := range 200 {
		cmd := s.command("job", "checkpoint", "add", "a", "--summary", fmt.Sprint("step ", i), "--json")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(rand.N(25 * time.Millisecond))
		cmd.Process.Signal(syscall.SIGSTOP)
		code, said := s.run("job", "status", "a", "--lock-timeout", "0s", "--json")
		if code == 0 { // it did not hold the lock
			cmd.Process.Signal(syscall.SIGCONT)
			cmd.Wait()
			continue
		}
		if said.ErrorCode != "state_contention" {
			t.Errorf("beside a frozen process a command exits %d: %s", code, said.ErrorCode)
		}
		if code, said = s.run("job", "pause", "a", "--lock-timeout", "3s", "--json"); code != 1 || said.ErrorCode != "state_contention" {
			t.Errorf("beside a process frozen for 3 s a command exits %d: %s", code, said.ErrorCode)
		}
		cmd.Process.Signal(syscall.SIGCONT)
		if err := cmd.Wait(); err != nil {
			t.Errorf("the frozen process: %v", err)
		}
		s.mustDo("job", "pause", "a")
		s.mustDo("ledger", "verify")
		return
	}
	t.Error("200 processes were frozen, none while it held the lock")
}

// TestTortureSquatter has something that never answers at the socket, and nobody
// who holds the lock: commands go on without a daemon.
func TestTortureSquatter(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	s := newServed(t)
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

// TestTortureRemovedSocket takes the daemon's socket away: it still owns the
// ledger, and a command says so.
func TestTortureRemovedSocket(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a second")
	}
	s := newServed(t)
	s.start()
	s.mustDo("job", "submit", "--id", "a")
	if err := syscall.Unlink(s.socket); err != nil {
		t.Fatal(err)
	}
	code, said := s.run("job", "pause", "a", "--lock-timeout", "1s", "--json")
	if code != 0 && (code != 1 || said.ErrorCode != "state_contention") {
		t.Errorf("without its socket a command exits %d: %s", code, said.ErrorCode)
	}
	if code := s.end(syscall.SIGTERM); code != 0 {
		t.Errorf("without its socket the daemon exits %d\n%s", code, s.said)
	}
	s.mustDo("job", "status", "a")
	if left, _ := filepath.Glob(s.socket); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}
