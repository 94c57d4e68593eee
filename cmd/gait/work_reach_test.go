package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// heart is a worker that has started a process. Both show in a file that they live. If they are deaf,
// SIGTERM does not end them.
const heart = `[ "$1" = deaf ] && trap '' TERM
beat() { while :; do echo >> "$1"; sleep 0.05; done; }
beat "$GAIT_JOB.grandchild" &
echo "$$ $!" > "$GAIT_JOB.pids"
beat "$GAIT_JOB.child"
`

// Goals of how long it takes until a command has reached a child, and what no test waits longer for.
const (
	reachedByDaemon = time.Second
	reachedAlone    = 2 * time.Second
	reachedAtMost   = 10 * time.Second
	graceOfDeaf     = time.Second
)

// A reaching is a gait job run whose worker is to be ended.
type reaching struct {
	*daemonRun

	job, child string
	cmd        *exec.Cmd
	ended      chan struct{} // closed when gait job run has ended
}

// newReaching starts gait job run, and waits until its worker and the process of that live.
func newReaching(t *testing.T, s *daemonRun, job, child string) *reaching {
	t.Helper()
	r := &reaching{daemonRun: s, job: job, child: child, ended: make(chan struct{})}
	if err := os.WriteFile(filepath.Join(s.dir, "heart.sh"), []byte(heart), 0o600); err != nil {
		t.Fatal(err)
	}
	said, err := os.Create(filepath.Join(s.dir, job+".log"))
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	r.cmd = s.command("job", "run", "--id", job, "--grace", graceOfDeaf.String(), "--", "sh", "heart.sh", child)
	r.cmd.Stdout, r.cmd.Stderr = said, said
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.cmd.Process.Signal(syscall.SIGKILL)
		<-r.ended
	})
	go func() {
		r.cmd.Wait()
		close(r.ended)
	}()
	for until := time.Now().Add(30 * time.Second); r.beat().IsZero(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("the worker does not live after 30 s\n%s", r.log())
		}
	}
	time.Sleep(300 * time.Millisecond) // the job is watched from then on
	return r
}

func (r *reaching) log() []byte {
	text, _ := os.ReadFile(filepath.Join(r.dir, r.job+".log"))
	return text
}

// beat returns the time of the last sign of life; zero if one of the two has not lived yet.
func (r *reaching) beat() (last time.Time) {
	for _, who := range []string{".child", ".grandchild"} {
		info, err := os.Stat(filepath.Join(r.dir, r.job+who))
		if err != nil {
			return time.Time{}
		}
		if info.ModTime().After(last) {
			last = info.ModTime()
		}
	}
	return last
}

// silent requires that both processes end, and returns how long they lived after a time.
func (r *reaching) silent(t *testing.T, since time.Time) time.Duration {
	t.Helper()
	for time.Since(r.beat()) < 500*time.Millisecond {
		if time.Since(since) > reachedAtMost+graceOfDeaf {
			t.Fatalf("the worker lives %s after it should have ended\n%s", time.Since(since), r.log())
		}
		time.Sleep(20 * time.Millisecond)
	}
	pids, err := os.ReadFile(filepath.Join(r.dir, r.job+".pids"))
	if err != nil {
		t.Fatal(err)
	}
	for pid := range strings.FieldsSeq(string(pids)) {
		stat, err := os.ReadFile(filepath.Join("/proc", pid, "status"))
		if err == nil && !bytes.Contains(stat, []byte("State:\tZ")) && bytes.Contains(stat, []byte("Name:\tsh\n")) {
			t.Errorf("process %s is silent, and has not ended", pid)
		}
	}
	return max(0, r.beat().Sub(since))
}

// exit waits until gait job run has ended, and returns its exit code; -1 if a signal killed it.
func (r *reaching) exit(t *testing.T) int {
	t.Helper()
	select {
	case <-r.ended:
	case <-time.After(30 * time.Second):
		t.Fatalf("gait job run has not ended after 30 s\n%s", r.log())
	}
	return r.cmd.ProcessState.ExitCode()
}

// report logs how long a worker lived on, and fails if that is much too long.
func (r *reaching) report(t *testing.T, lived, goal time.Duration) {
	t.Helper()
	if r.child == "deaf" {
		goal += graceOfDeaf
	}
	t.Logf("the last sign of life came after %d ms; the goal is %d ms", lived.Milliseconds(), goal.Milliseconds())
	if lived > reachedAtMost+graceOfDeaf {
		t.Errorf("the worker lived for %s", lived)
	}
}

// A paused, stopped or cancelled job ends the worker and what that has started, with a daemon and
// without one, and also if it does not hear SIGTERM.
func TestRunReachesChild(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for what does not happen")
	}
	for _, through := range []string{"daemon", "alone"} {
		s, goal := newDaemonRun(t), reachedAlone
		if through == "daemon" {
			s.mustDo("ledger", "init")
			s.start()
			goal = reachedByDaemon
		}
		for verb, want := range map[string]string{"pause": "paused", "stop": "emergency_stopped", "cancel": "cancelled"} {
			for _, child := range []string{"obedient", "deaf"} {
				t.Run(through+"/"+verb+"/"+child, func(t *testing.T) {
					r := newReaching(t, s, "job_"+verb+"_"+child, child)
					s.mustDo("job", verb, "--id", r.job, "--actor", "boss", "--reason", "as a test")
					r.report(t, r.silent(t, time.Now()), goal)
					if verb == "pause" { // it waits for a resume
						r.cmd.Process.Signal(syscall.SIGTERM)
					}
					if code := r.exit(t); code <= 0 {
						t.Errorf("gait job run exits %d\n%s", code, r.log())
					}
					if got := s.mustDo("job", "status", r.job).Job.Status; got != want {
						t.Errorf("after %s the job is %s, want %s", verb, got, want)
					}
				})
			}
		}
		s.mustDo("ledger", "verify")
	}
}

// A signal to gait job run ends its worker, and SIGKILL does, too. The job is left running, and can
// be taken by the next one.
func TestRunIsEnded(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for what does not happen")
	}
	s := newDaemonRun(t)
	for _, with := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL} {
		for _, child := range []string{"obedient", "deaf"} {
			t.Run(fmt.Sprintf("%d/%s", with, child), func(t *testing.T) {
				r := newReaching(t, s, fmt.Sprintf("job_%d_%s", with, child), child)
				r.cmd.Process.Signal(with)
				r.report(t, r.silent(t, time.Now()), reachedByDaemon)
				if code := r.exit(t); (code == -1) != (with == syscall.SIGKILL) || code == 0 {
					t.Errorf("after signal %d gait job run exits %d\n%s", with, code, r.log())
				}
				if with == syscall.SIGKILL {
					s.mustDo("job", "lease", "release", r.job, "--actor", "boss")
				}
				if got := s.mustDo("job", "status", r.job).Job.Status; got != "running" {
					t.Errorf("the job is %s, want running", got)
				}
				if out, err := s.command("job", "run", "--id", r.job, "--", "true").CombinedOutput(); err != nil {
					t.Fatalf("the next gait job run: %v\n%s", err, out)
				}
				causes := s.causes(r.job)
				want := []string{map[bool]string{true: "lost", false: "interrupted"}[with == syscall.SIGKILL], "exited"}
				if !slices.Equal(causes, want) {
					t.Errorf("the attempts ended %q, want %q", causes, want)
				}
			})
		}
	}
	s.mustDo("ledger", "verify")
}
