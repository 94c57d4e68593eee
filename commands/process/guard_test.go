package process_test

import (
	"bufio"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gait/commands/process"
)

// A supervisor is another process that starts commands.
type supervisor struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines *bufio.Scanner
}

// supervise starts a supervisor of n commands, that expire after a time.
func supervise(t *testing.T, n int, expire string, args ...string) *supervisor {
	t.Helper()
	cmd := exec.Command(self()[0], append([]string{"supervise", strconv.Itoa(n), expire}, args...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return &supervisor{t: t, cmd: cmd, lines: bufio.NewScanner(out)}
}

// next returns the number in the supervisor's next line, which begins with a word.
func (s *supervisor) next(word string) int {
	s.t.Helper()
	if !s.lines.Scan() {
		s.t.Fatalf("the supervisor ended: %v", s.lines.Err())
	}
	text, ok := strings.CutPrefix(s.lines.Text(), word+" ")
	n, err := strconv.Atoi(text)
	if !ok || err != nil {
		s.t.Fatalf("the supervisor says %q, want %q", s.lines.Text(), word)
	}
	return n
}

func TestSupervisorKilled(t *testing.T) {
	m := mark()
	s := supervise(t, 3, "0s", "sh", "-c", "trap '' TERM HUP INT; (trap '' TERM; sleep "+m+"; sleep "+m+") & sleep "+m+"; sleep "+m)
	s.next("guard")
	for range 3 {
		s.next("started")
	}
	await(t, "all nine processes run", func() bool { return len(marked(t, m)) >= 9 })
	_ = s.cmd.Process.Kill()
	gone(t, m)
}

// TestSupervisorKilledAnyTime kills it while it starts commands: whatever has begun is ended.
func TestSupervisorKilledAnyTime(t *testing.T) {
	rounds := 40
	if testing.Short() {
		rounds = 8
	}
	m := mark()
	for range rounds {
		s := supervise(t, 20, "0s", "sh", "-c", "sleep "+m+" & sleep "+m)
		s.next("guard")
		time.Sleep(time.Duration(rand.IntN(60_000)) * time.Microsecond)
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
	}
	gone(t, m)
}

// TestSupervisorFrozen stops it: its commands end when they expire, and it finds out when it
// goes on.
func TestSupervisorFrozen(t *testing.T) {
	m := mark()
	s := supervise(t, 2, "1500ms", "sh", "-c", "trap '' TERM; sleep "+m+" & sleep "+m)
	s.next("guard")
	s.next("started")
	s.next("started")
	_ = s.cmd.Process.Signal(syscall.SIGSTOP)
	await(t, "it is stopped", func() bool { return state(t, s.cmd.Process.Pid) == 'T' })
	gone(t, m)
	_ = s.cmd.Process.Signal(syscall.SIGCONT)
	for range 2 {
		if code := s.next("ended"); code != 137 {
			t.Errorf("a command ended with %d, want 137", code)
		}
	}
}

func TestGuardKilled(t *testing.T) {
	g := newGuard(t)
	m := mark()
	p := start(t, g, sh("trap '' TERM; sleep $1 & echo ready; sleep $1; sleep $1", m))
	q := start(t, g, sh("sleep $1 & echo ready; wait", m))
	says(t, p, "ready")
	says(t, q, "ready")
	_ = syscall.Kill(g.GuardPid(), syscall.SIGKILL)
	for _, p := range []*process.Process{p, q} {
		if e := exitOf(t, p); e.Signal != syscall.SIGKILL {
			t.Errorf("ended as %+v, want killed", e)
		}
	}
	gone(t, m)
	if e, _ := run(t, g, sh("exit 6")); e.Code != 6 {
		t.Errorf("after the guard was killed, a command ended as %+v, want 6", e)
	}
}

// TestGuardLives sends the guard what ends other processes.
func TestGuardLives(t *testing.T) {
	g := newGuard(t)
	p := start(t, g, sh("echo ready; sleep 0.5; exit 3"))
	says(t, p, "ready")
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGQUIT} {
		_ = syscall.Kill(g.GuardPid(), s)
	}
	if e := exitOf(t, p); e.Code != 3 {
		t.Errorf("ended as %+v, want 3", e)
	}
	m := mark()
	p = start(t, g, sh("trap 'echo heard' HUP; kill -HUP $$; kill -TERM $$; sleep $1", m))
	if e := exitOf(t, p); e.Signal != syscall.SIGTERM || string(p.Tail()) != "heard\n" {
		t.Errorf("ended as %+v with %q: commands must not inherit what the guard does with signals", e, p.Tail())
	}
}

// TestGuardFrozen stops the guard: a command ends all the same.
func TestGuardFrozen(t *testing.T) {
	process.SetPatience(t, 300*time.Millisecond)
	g := newGuard(t)
	m := mark()
	p := start(t, g, sh("echo ready; sleep $1", m))
	says(t, p, "ready")
	_ = syscall.Kill(g.GuardPid(), syscall.SIGSTOP)
	p.Terminate(time.Millisecond)
	if e := exitOf(t, p); e.Signal != syscall.SIGKILL {
		t.Errorf("ended as %+v, want killed", e)
	}
	gone(t, m)
}

func TestGuardByHand(t *testing.T) {
	cmd := exec.Command(self()[0], process.GuardArg)
	cmd.Stdin = strings.NewReader("{}")
	out, _ := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 6 || !strings.Contains(string(out), "run by the supervisor") {
		t.Errorf("a guard without a supervisor exits with %d and says %q", cmd.ProcessState.ExitCode(), out)
	}
	if _, err := process.NewGuard([]string{"/no/such/program"}); err == nil {
		t.Error("a guard was started that cannot be")
	}
	g, err := process.NewGuard([]string{"true"}) // it ends at once
	if err != nil {
		t.Fatal(err)
	}
	if p, err := g.Start(t.Context(), sh("exit 0")); err == nil {
		t.Errorf("process %d was started by a guard that is none", p.Pid())
	}
	_ = g.Close()
}

// TestDiesWithTheGuard kills supervisor and guard at once: on Linux the first process of each
// command goes too.
func TestDiesWithTheGuard(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no parent-death signal")
	}
	m := mark()
	s := supervise(t, 2, "0s", "sleep", m)
	guard := s.next("guard")
	s.next("started")
	s.next("started")
	_ = s.cmd.Process.Signal(syscall.SIGSTOP)
	_ = syscall.Kill(guard, syscall.SIGKILL)
	_ = s.cmd.Process.Kill()
	gone(t, m)
}
