package process_test

import (
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gait/commands/process"
)

func TestTerminate(t *testing.T) {
	tests := map[string]struct {
		script string
		grace  time.Duration
		want   int
	}{
		"it obeys":                 {"echo ready; exec sleep $1", long, 143},
		"it obeys in its own time": {"trap 'sleep 0.2; exit 7' TERM; echo ready; sleep $1 & wait", long, 7},
		"it ignores SIGTERM":       {"trap '' TERM; echo ready; sleep $1; sleep $1", 300 * time.Millisecond, 137},
		"at once":                  {"trap 'exit 7' TERM; echo ready; sleep $1", 0, 137},
		"it is stopped":            {"trap 'exit 7' TERM; echo ready; kill -STOP $$; sleep $1", long, 7},
		"its child ignores it":     {"(trap '' TERM; echo ready; sleep $1; sleep $1) & exec sleep $1", long, 143},
	}
	g := newGuard(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m := mark()
			p := start(t, g, sh(tt.script, m))
			says(t, p, "ready")
			if strings.Contains(tt.script, "STOP") {
				await(t, "it is stopped", func() bool { return state(t, p.Pid()) == 'T' })
			}
			p.Terminate(tt.grace)
			if e := exitOf(t, p); e.Code != tt.want {
				t.Errorf("ended as %+v, want %d", e, tt.want)
			}
			gone(t, m)
		})
	}
}

// state returns the state of a process as ps says it.
func state(t *testing.T, pid int) byte {
	t.Helper()
	out, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	if err != nil || len(out) == 0 {
		t.Fatalf("ps: %v", err)
	}
	return out[0]
}

func TestTheEarlierEndCounts(t *testing.T) {
	g := newGuard(t)
	for name, graces := range map[string][2]time.Duration{
		"then sooner": {time.Hour, 50 * time.Millisecond},
		"then later":  {50 * time.Millisecond, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, g, sh("trap '' TERM; echo ready; while :; do sleep 1; done"))
			says(t, p, "ready")
			p.Terminate(graces[0])
			p.Terminate(graces[1])
			if e := exitOf(t, p); e.Signal != syscall.SIGKILL {
				t.Errorf("ended as %+v, want killed", e)
			}
			p.Terminate(0) // of what has ended, nothing
			p.Signal(syscall.SIGKILL)
		})
	}
}

func TestSignal(t *testing.T) {
	g := newGuard(t)
	p := start(t, g, sh("trap 'echo int; exit 9' INT; echo ready; while :; do sleep 0.05; done"))
	says(t, p, "ready")
	p.Signal(syscall.SIGINT)
	if e := exitOf(t, p); e.Code != 9 {
		t.Errorf("ended as %+v, want 9", e)
	}
}

func TestExpire(t *testing.T) {
	g := newGuard(t)
	p := start(t, g, sh("trap '' TERM; echo ready; while :; do sleep 0.05; done"))
	says(t, p, "ready")
	p.Expire(3 * time.Second)
	p.Expire(time.Hour)
	select {
	case <-p.Done():
		t.Error("it ended at a time that was put off")
	case <-time.After(3500 * time.Millisecond):
	}
	p.Expire(50 * time.Millisecond)
	if e := exitOf(t, p); e.Signal != syscall.SIGKILL {
		t.Errorf("ended as %+v, want killed", e)
	}
}

// TestRestOfTheGroup has a first process that ends while another of its group lives, and
// holds the output open.
func TestRestOfTheGroup(t *testing.T) {
	g := newGuard(t)
	for name, script := range map[string]string{
		"in the background": "sleep $1 & exit 5",
		"a tree":            "(sh -c 'sleep $0 & sleep $0' $1; sleep $1) & (trap '' TERM HUP; sleep $1) & exit 5",
		"many":              "for i in 1 2 3 4 5 6 7 8 9; do sleep $1 & done; exit 5",
	} {
		t.Run(name, func(t *testing.T) {
			m := mark()
			if e, _ := run(t, g, sh(script, m)); e.Code != 5 {
				t.Errorf("ended as %+v, want 5", e)
			}
			gone(t, m)
		})
	}
}

// TestLeftTheGroup has a process that left the group: it is not followed, and not waited for
// although it holds the output open.
func TestLeftTheGroup(t *testing.T) {
	if _, err := exec.LookPath("setsid"); err != nil {
		t.Skip("there is no setsid")
	}
	g, err := process.NewGuard(self())
	if err != nil {
		t.Fatal(err)
	}
	m, away := mark(), filepath.Join(t.TempDir(), "away")
	e, tail := run(t, g, sh("setsid sh -c 'echo away; : >$1; sleep $0' $1 $2 & until test -e $2; do sleep 0.02; done; echo end; exit 5", m, away))
	if e.Code != 5 || tail != "away\nend\n" {
		t.Errorf("ended as %+v with %q, want 5", e, tail)
	}
	closed := make(chan error, 1)
	go func() { closed <- g.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(long):
		t.Error("closing the guard waits for a process that left the group")
	}
	if len(marked(t, m)) == 0 {
		t.Error("a process that left the group was ended")
	}
	for _, pid := range marked(t, m) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

func TestClose(t *testing.T) {
	g, err := process.NewGuard(self())
	if err != nil {
		t.Fatal(err)
	}
	m := mark()
	p := start(t, g, sh("trap '' TERM; sleep $1 & echo ready; sleep $1; sleep $1", m))
	says(t, p, "ready")
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	if e := exitOf(t, p); e.Signal != syscall.SIGKILL {
		t.Errorf("ended as %+v, want killed", e)
	}
	gone(t, m)
	if _, err := g.Start(t.Context(), sh("exit 0")); err == nil {
		t.Error("a guard that was closed has started a command")
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
}
