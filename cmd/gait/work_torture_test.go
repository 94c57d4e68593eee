package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// steps is how many steps a job of examples/worker has, and sumOfSquares what they come to.
const (
	steps        = 14
	sumOfSquares = 1015
)

// A workshop is a queue of jobs of examples/worker, with what is killed: a worker, gait work
// and the daemon.
type workshop struct {
	*daemonRun

	posted string // the file of the tool
	work   *exec.Cmd
	said   *sharedBuffer
	jobs   int
	kills  map[string]int
}

func newWorkshop(t *testing.T) *workshop {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("workers are found in /proc")
	}
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skip("there is no python3")
	}
	s := newDaemonRun(t)
	w := &workshop{daemonRun: s, posted: filepath.Join(s.dir, "posted.txt"), kills: map[string]int{}}
	for _, name := range []string{"python/gait.py", "worker/steps.py", "worker/posted.py", "worker/policy.cedar"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "examples", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(s.dir, filepath.Base(name)), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.env = append(s.env, "PYTHONDONTWRITEBYTECODE=1", "POSTED="+w.posted, "GAIT_ACTOR=worker_1")
	t.Cleanup(w.close)
	return w
}

func (w *workshop) close() {
	if w.work != nil {
		w.work.Process.Signal(syscall.SIGKILL)
		w.work.Wait()
	}
}

// submit starts the next job, and empties the file of the tool.
func (w *workshop) submit() string {
	w.t.Helper()
	w.jobs++
	id := fmt.Sprint("job_", w.jobs)
	if err := os.RemoveAll(w.posted); err != nil {
		w.t.Fatal(err)
	}
	w.mustDo("job", "submit", "--id", id, "--label", "queue=steps", "--policy", "policy.cedar", "--actor", "boss")
	return id
}

// hire starts gait work, if none runs.
func (w *workshop) hire() {
	w.t.Helper()
	if w.work != nil {
		return
	}
	w.said = &sharedBuffer{}
	w.work = w.command("work", "--label", "queue=steps", "--lease-ttl", "5s", "--retries", "100000", "--", "python3", "steps.py")
	w.work.Stdout, w.work.Stderr = w.said, w.said
	if err := w.work.Start(); err != nil {
		w.t.Fatal(err)
	}
}

// kill kills one of the three, if it runs.
func (w *workshop) kill(what string, job string) {
	switch what {
	case "worker":
		pid := workerIn(w.dir)
		if pid == 0 || syscall.Kill(pid, syscall.SIGKILL) != nil {
			return
		}
	case "gait work":
		w.work.Process.Signal(syscall.SIGKILL)
		w.work.Wait()
		w.work = nil
		if rand.N(2) == 0 { // an operator sees that it is gone, and does not wait for the lease's time
			w.run("job", "lease", "release", job, "--actor", "operator_1", "--json")
		}
	case "daemon":
		w.end(syscall.SIGKILL)
		w.start()
	}
	w.kills[what]++
}

// workerIn returns the id of a process that runs steps.py in a directory; 0 if there is none.
func workerIn(dir string) int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return 0
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		line, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		at, _ := os.Readlink(filepath.Join("/proc", e.Name(), "cwd"))
		if at == dir && bytes.Contains(line, []byte("python3\x00steps.py")) && !bytes.Contains(line, []byte("\x00--\x00")) {
			return pid
		}
	}
	return 0
}

// settle runs the operator's script.
func (w *workshop) settle(job string) {
	cmd := exec.Command("python3", "posted.py", job)
	cmd.Dir, cmd.Env = w.dir, w.env
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Logf("posted.py: %v\n%s", err, out)
	}
}

// check requires that a job that has ended was done right: each step once.
func (w *workshop) check(job string) {
	w.t.Helper()
	if status := w.mustDo("job", "status", job).Job.Status; status != "completed" {
		w.t.Fatalf("job %s is %s\n%s", job, status, w.said)
	}
	text, err := os.ReadFile(w.posted)
	if err != nil {
		w.t.Fatal(err)
	}
	lines := strings.Fields(string(text))
	slices.SortFunc(lines, func(a, b string) int { return len(a)*100 - len(b)*100 + strings.Compare(a, b) })
	for i := range steps {
		if i >= len(lines) || lines[i] != strconv.Itoa(i+1) {
			w.t.Fatalf("job %s posted %v, want each of 1 to %d once", job, lines, steps)
		}
	}
	if len(lines) != steps {
		w.t.Fatalf("job %s posted %v, want each of 1 to %d once", job, lines, steps)
	}
	if got := w.sum(job); got != sumOfSquares {
		w.t.Fatalf("job %s came to %d, want %d", job, got, sumOfSquares)
	}
}

// sum returns what the last state of a job says.
func (w *workshop) sum(job string) int {
	w.t.Helper()
	out, err := w.command("content", "list", "--id", job, "--json").Output()
	var listed struct {
		Contents []struct {
			Digest string `json:"digest"`
			Uses   []struct {
				As string `json:"as"`
			} `json:"uses"`
		} `json:"contents"`
	}
	if err == nil {
		err = json.Unmarshal(out, &listed)
	}
	if err != nil {
		w.t.Fatalf("%v: %s", err, out)
	}
	sum := 0
	for _, c := range listed.Contents {
		if c.Uses[0].As != "state" {
			continue
		}
		text, err := w.command("content", "get", c.Digest, "--id", job, "--out", "-").Output()
		var state struct{ Step, Sum int }
		if err != nil || json.Unmarshal(text, &state) != nil {
			w.t.Fatalf("%v: %s", err, text)
		}
		if state.Step == steps {
			sum = state.Sum
		}
	}
	return sum
}

// The worker of 14 steps is killed at random, as are its supervisor and the daemon. Each step is
// done once, the result is right, and the pack proves that no event is missing.
func TestTortureFourteenSteps(t *testing.T) {
	if testing.Short() {
		t.Skip("kills processes for a minute")
	}
	kills := times(200, 9)
	w := newWorkshop(t)
	w.start()
	turn := []string{"worker", "gait work", "daemon"}
	job := w.submit()
	killed := 0
	for until := time.Now().Add(time.Duration(kills) * time.Minute); ; {
		if time.Now().After(until) {
			t.Fatalf("job %s has not ended: %+v\n%s", job, w.kills, w.said)
		}
		w.hire()
		time.Sleep(rand.N(400 * time.Millisecond))
		if killed < kills {
			w.kill(turn[killed%len(turn)], job)
			killed = w.kills["worker"] + w.kills["gait work"] + w.kills["daemon"]
		}
		w.hire()
		w.settle(job)
		switch _, said := w.run("job", "status", job, "--json"); said.Job.Status {
		case "completed":
			w.check(job)
			w.mustDo("pack", "build", "--type", "job", "--from", job)
			w.mustDo("pack", "verify", filepath.Join("gait-out", "pack_"+job+".zip"))
			if killed >= kills {
				t.Logf("%d jobs, killed: %v", w.jobs, w.kills)
				w.mustDo("ledger", "verify")
				return
			}
			job = w.submit()
		case "failed", "cancelled":
			t.Fatalf("job %s is %s\n%s", job, said.Job.Status, w.said)
		}
	}
}
