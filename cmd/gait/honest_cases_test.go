package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"gait/ledger/ledgertest"
)

// times returns how often a situation is made: most times, or with -thorough all times.
func times(all, most int) int {
	if *thorough {
		return all
	}
	return ledgertest.Times(all, most)
}

// killedOneShots kills commands at random moments. What comes next only reads.
func killedOneShots(h *honesty) {
	began := time.Now()
	h.must("job", "submit", "--id", "a")
	typical := time.Since(began)
	for i := range times(200, 12) {
		add := []string{"job", "checkpoint", "add", "a", "--summary", fmt.Sprint("step ", i), "--request-id", fmt.Sprint("r-", i)}
		h.killWithin(typical, add...)
		h.must(add...)
	}
	h.look("a")
}

// killWithin kills a command at a random moment of the time it takes, and then reads.
func (h *honesty) killWithin(typical time.Duration, args ...string) {
	h.t.Helper()
	cmd := h.command(args...)
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	time.Sleep(rand.N(typical))
	cmd.Process.Signal(syscall.SIGKILL)
	cmd.Wait()
	h.count(cameUp)
	h.read("a")
}

// again lets n callers do something again and again, each with its number and how often
// it has done it, until stop is called.
func again(n int, do func(caller, times int)) (stop func()) {
	stopped, wait := make(chan struct{}), sync.WaitGroup{}
	for caller := range n {
		wait.Go(func() {
			for times := 0; ; times++ {
				select {
				case <-stopped:
					return
				default:
					do(caller, times)
				}
			}
		})
	}
	return func() {
		close(stopped)
		wait.Wait()
	}
}

// killedDaemon kills a daemon under load. What comes next is a reader, a one-shot or
// another daemon.
func killedDaemon(h *honesty) {
	h.must("job", "submit", "--id", "a")
	for i := range times(60, 5) {
		h.start()
		stop := again(8, func(c, n int) { h.daemonRun.ask(progressOn("a", fmt.Sprintf("load-%d-%d-%d", i, c, n), "step")) })
		time.Sleep(50*time.Millisecond + rand.N(250*time.Millisecond))
		h.end(syscall.SIGKILL)
		stop()
		h.count(cameUp)
		switch i % 3 {
		case 0:
			h.read("a")
		case 1:
			h.must("job", "checkpoint", "add", "a", "--summary", "a one-shot")
		}
	}
	h.look("a")
}

// killedRotation kills rotations. What comes next only reads.
func killedRotation(h *honesty) {
	h.must("job", "submit", "--id", "a")
	h.must("job", "submit", "--id", "b", "--request-id", "r1")
	began := time.Now()
	h.must("keys", "rotate", "--reason", "planned")
	typical := time.Since(began)
	for i := range times(100, 8) {
		h.killWithin(typical, "keys", "rotate", "--reason", fmt.Sprint("rotation ", i))
		if i%2 == 0 {
			h.must("job", "checkpoint", "add", "b", "--summary", "a step")
		}
	}
	h.look("a")
	h.look("b")
}

// movedHome moves home and root elsewhere.
func movedHome(h *honesty) {
	h.must("job", "submit", "--id", "a", "--request-id", "r1")
	h.look("a")
	for i := range 3 {
		home, root := filepath.Join(h.dir, fmt.Sprint("home_", i)), filepath.Join(h.dir, fmt.Sprint("jobs_", i))
		for _, err := range []error{os.Rename(h.home(), home), os.Rename(h.root, root)} {
			if err != nil {
				h.t.Fatal(err)
			}
		}
		h.env = append(h.env, "GAIT_HOME="+home)
		h.at(root)
		h.look("a")
		h.count(cameUp)
	}
}

// home returns the home that commands use.
func (h *honesty) home() string {
	for _, v := range slices.Backward(h.env) {
		if home, ok := strings.CutPrefix(v, "GAIT_HOME="); ok {
			return home
		}
	}
	h.t.Fatal("no home")
	return ""
}

// restoredHome restores homes of earlier: before the ledger had some events, and of
// before it was there at all but for its key.
func restoredHome(h *honesty) {
	h.must("job", "submit", "--id", "a")
	kept := filepath.Join(h.dir, "kept")
	h.copy(kept, h.home())
	h.must("job", "checkpoint", "add", "a", "--summary", "later")
	h.look("a")
	h.restore(kept)
	h.look("a")
	if err := os.RemoveAll(filepath.Join(kept, "ledgers")); err != nil {
		h.t.Fatal(err)
	}
	h.restore(kept)
	h.look("a")
}

func (h *honesty) copy(to, from string) {
	h.t.Helper()
	if err := copyPrivate(to, from); err != nil {
		h.t.Fatal(err)
	}
}

// restore puts a home back.
func (h *honesty) restore(from string) {
	h.t.Helper()
	if err := os.RemoveAll(h.home()); err != nil {
		h.t.Fatal(err)
	}
	h.copy(h.home(), from)
	h.count(cameUp)
}

// staleHome reads a ledger from a home that was restored from before a rotation, and
// from homes that never had a key.
func staleHome(h *honesty) {
	h.must("job", "submit", "--id", "a")
	kept := filepath.Join(h.dir, "kept")
	h.copy(kept, h.home())
	h.must("keys", "rotate", "--reason", "planned")
	h.must("job", "checkpoint", "add", "a", "--summary", "later")
	fresh := h.home()
	for _, home := range []string{kept, filepath.Join(h.dir, "empty")} {
		h.env = append(h.env, "GAIT_HOME="+home)
		h.read("a")
		h.must("job", "inspect", "a")
		h.count(cameUp)
	}
	h.env = append(h.env, "GAIT_HOME="+fresh)
	h.look("a")
}

// besideDaemon lets one-shots and daemons take turns.
func besideDaemon(h *honesty) {
	h.must("job", "submit", "--id", "a")
	for range times(10, 3) {
		h.start()
		var wait sync.WaitGroup
		for c := range 4 {
			wait.Go(func() {
				for n := range 4 {
					h.must("job", "checkpoint", "add", "a", "--summary", fmt.Sprintf("%d %d", c, n), "--request-id", fmt.Sprint("r-", rand.Int64()))
					h.must("job", "status", "a")
				}
			})
		}
		wait.Wait()
		if code := h.end(syscall.SIGTERM); code != 0 {
			h.t.Errorf("the daemon exits %d: %s", code, h.said)
		}
		h.look("a")
		h.count(cameUp)
	}
}

// busyReaders read while others write, through a daemon, and then taking turns with
// one-shots that write.
func busyReaders(h *honesty) {
	for i := range 6 {
		h.must("job", "submit", "--id", fmt.Sprint("job_", i))
	}
	for _, daemon := range []bool{true, false} {
		if daemon {
			h.start()
		}
		stop := again(4, func(c, n int) {
			job := fmt.Sprint("job_", (c+n)%6)
			if daemon {
				h.daemonRun.ask(progressOn(job, fmt.Sprintf("busy-%d-%d", c, n), "step"))
			} else {
				h.must("job", "checkpoint", "add", job, "--summary", "step", "--lock-timeout", "60s")
			}
		})
		var readers sync.WaitGroup
		for c := range 4 {
			readers.Go(func() {
				for n := range times(60, 10) {
					job := fmt.Sprint("job_", (c+n)%6)
					args := [][]string{{"job", "status", job}, {"job", "list"}, {"job", "inspect", job}, {"job", "checkpoint", "list", "--id", job}}[n%4]
					h.must(append(args, "--lock-timeout", "60s")...)
					h.count(cameUp)
				}
			})
		}
		readers.Wait()
		stop()
		if daemon {
			h.end(syscall.SIGTERM)
		}
	}
	h.look("job_0")
}

// rebuilt throws the cached views away.
func rebuilt(h *honesty) {
	h.must("job", "submit", "--id", "a", "--request-id", "r1")
	rebuild := func() {
		h.must("ledger", "rebuild")
		h.look("a")
		h.count(cameUp)
	}
	rebuild()
	rebuild()
	h.start()
	rebuild()
	h.end(syscall.SIGTERM)
	h.look("a")
}

// crashedCommit kills a command at each call with which it writes a batch: its pages of
// the index, the record that names them, and all that makes them durable.
func crashedCommit(t *testing.T) *honesty {
	s := newStraceRig(t)
	h := honest(daemonRunOf(s.builtGait))
	calls := s.record()
	for _, i := range ledgertest.Sample(t, len(calls), times(len(calls), 20)) {
		c := calls[i]
		s.restore()
		s.traceRun("-P", c.path, "-e", "trace="+c.call, "-e", "inject="+c.call+":signal=KILL:when=1")
		if !strings.Contains(s.traceLog(), "+++ killed by SIGKILL") {
			h.count("too late")
			continue
		}
		h.count(cameUp)
		h.read("a")
		h.must(addStep[:len(addStep)-1]...)
		h.must("ledger", "verify")
	}
	h.look("a")
	return h
}
