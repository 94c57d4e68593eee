package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gait/projection"
)

// must runs a command line that must succeed.
func (b builtGait) must(args ...string) {
	b.t.Helper()
	if out, err := b.command(args...).CombinedOutput(); err != nil {
		b.t.Fatalf("gait %q: %v\n%s", args, err, out)
	}
}

// A follower is a command that prints lines until it ends.
type follower struct {
	t     testing.TB
	cmd   *exec.Cmd
	lines *bufio.Scanner
}

func (b builtGait) follow(args ...string) follower {
	b.t.Helper()
	cmd := b.command(args...)
	cmd.Stderr = b.t.Output()
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		b.t.Fatal(err)
	}
	stuck := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
	b.t.Cleanup(func() { stuck.Stop(); cmd.Process.Kill(); cmd.Wait() })
	return follower{t: b.t, cmd: cmd, lines: bufio.NewScanner(out)}
}

// next returns the next line.
func (f follower) next() string {
	f.t.Helper()
	if !f.lines.Scan() {
		f.t.Fatalf("%v ends early: %v", f.cmd.Args, f.lines.Err())
	}
	return f.lines.Text()
}

// end requires that nothing more is printed, and the exit code.
func (f follower) end(code int) {
	f.t.Helper()
	for f.lines.Scan() {
		f.t.Errorf("%v prints %q after all that was to come", f.cmd.Args, f.lines.Text())
	}
	f.cmd.Wait()
	if got := f.cmd.ProcessState.ExitCode(); got != code {
		f.t.Errorf("%v exits %d, want %d", f.cmd.Args, got, code)
	}
}

// writing adds checkpoints to a job from several processes at once, n each.
func (b builtGait) writing(job string, processes, n int) *sync.WaitGroup {
	var wg sync.WaitGroup
	for p := range processes {
		wg.Go(func() {
			for i := range n {
				out, err := b.command("job", "checkpoint", "add", job, "--summary", fmt.Sprintf("step %d of %d", i, p)).CombinedOutput()
				if err != nil {
					b.t.Errorf("writer %d: %v\n%s", p, err, out)
				}
			}
		})
	}
	return &wg
}

// Events are followed while processes write: every event is shown once and in order,
// no writer is kept out, and an interrupt ends the follower with success.
func TestEventsAreFollowedBesideWriters(t *testing.T) {
	b := newGait(t)
	b.must("job", "submit", "--id", "a")
	b.must("job", "submit", "--id", "other")
	one, all := b.follow("job", "events", "a", "--follow", "--json"), b.follow("job", "events", "--follow", "--json")
	const processes, each = 3, 8
	b.writing("a", processes, each).Wait()
	seen := func(f follower, want []int64) {
		t.Helper()
		for _, seq := range want {
			var said struct {
				Event struct {
					Seq int64 `json:"seq"`
				} `json:"event"`
				Next int64 `json:"next_since"`
			}
			if line := f.next(); json.Unmarshal([]byte(line), &said) != nil || said.Event.Seq != seq || said.Next != seq+1 {
				t.Fatalf("%v prints %s, want event %d", f.cmd.Args, line, seq)
			}
		}
		f.cmd.Process.Signal(os.Interrupt)
		f.end(0)
	}
	seqs := []int64{1}
	for i := range int64(processes * each) {
		seqs = append(seqs, 3+i)
	}
	seen(one, seqs)
	seen(all, append([]int64{1, 2}, seqs[1:]...))
	b.must("ledger", "verify")
}

// Each line that a follower prints in a home without the ledger's key says that the
// index is not checked.
func TestFollowersSayThatTheIndexIsUnchecked(t *testing.T) {
	b := newGait(t)
	b.must("job", "submit", "--id", "a")
	b.must("job", "checkpoint", "add", "a", "--summary", "one")
	b.env = append(b.env, "GAIT_HOME="+filepath.Join(b.dir, "reader"))
	events := b.follow("job", "events", "a", "--follow", "--json")
	for range 2 {
		if line := events.next(); !strings.Contains(line, `"index":"unchecked"`) {
			t.Errorf("a line of job events --follow is %s", line)
		}
	}
	events.cmd.Process.Signal(os.Interrupt)
	events.end(0)
}

// A job is waited for and watched while processes write, and both commands see its
// end in time.
func TestWaitAndWatchBesideWriters(t *testing.T) {
	b := newGait(t)
	b.must("job", "submit", "--id", "a")
	b.must("job", "submit", "--id", "other")
	wait := b.follow("job", "wait", "a", "--for", "status=completed,failed", "--timeout", "50s", "--json")
	watch, lines := b.follow("job", "watch", "a", "--json"), b.follow("job", "watch", "a")
	first := watch.next()
	lines.next()
	const processes, each = 3, 6
	writers := b.writing("other", processes, each)
	for i := range 4 {
		b.must("job", "checkpoint", "add", "a", "--summary", fmt.Sprint("step ", i))
	}
	b.must("job", "checkpoint", "add", "a", "--type", "completed", "--summary", "all done")
	writers.Wait()
	var said jsonOutput
	if line := wait.next(); json.Unmarshal([]byte(line), &said) != nil || said.Job.Status != "completed" {
		t.Errorf("wait prints %s", line)
	}
	wait.end(0)
	revision := int64(1)
	for line := first; ; line = watch.next() {
		said = jsonOutput{}
		if json.Unmarshal([]byte(line), &said) != nil || said.Job.Revision != revision {
			t.Fatalf("watch prints %s, want revision %d", line, revision)
		}
		if revision++; said.Job.Status == "completed" {
			break
		}
	}
	watch.end(0)
	for i := range 4 {
		if line, want := lines.next(), fmt.Sprintf("recorded progress cp_%04d: step %d", i+1, i); !strings.HasSuffix(line, want) {
			t.Errorf("watch prints %q, want …%q", line, want)
		}
	}
	if line := lines.next(); !strings.Contains(line, "✓ completed") {
		t.Errorf("watch ends with %q", line)
	}
	lines.end(0)
}

// An interrupted wait does not report that its condition held.
func TestWaitIsInterrupted(t *testing.T) {
	b := newGait(t)
	b.must("job", "submit", "--id", "a")
	watch := b.follow("job", "watch", "a", "--json")
	watch.next()
	watch.cmd.Process.Signal(os.Interrupt)
	if line := watch.next(); !strings.Contains(line, `"error_code":"interrupted"`) {
		t.Errorf("interrupted, watch prints %s", line)
	}
	watch.end(1)
}

// A status leads to another exactly if the table has a path between them.
func TestStatusesLeadWhereTheTableGoes(t *testing.T) {
	ways := map[projection.Status]map[projection.Status]bool{}
	lines := transitions(t)
	for _, line := range lines[1:] {
		fields := strings.Fields(line)
		from := projection.Status(fields[0])
		ways[from] = map[projection.Status]bool{from: true}
		for _, cell := range fields[1:] {
			if slices.Contains(projection.Statuses, projection.Status(cell)) {
				ways[from][projection.Status(cell)] = true
			}
		}
	}
	for _, via := range projection.Statuses { // Warshall's closure
		for _, from := range projection.Statuses {
			for _, to := range projection.Statuses {
				if ways[from][via] && ways[via][to] {
					ways[from][to] = true
				}
			}
		}
	}
	for _, from := range projection.Statuses {
		for _, to := range projection.Statuses {
			if got, want := from.Reaches(to), ways[from][to]; got != want {
				t.Errorf("%s.Reaches(%s) = %t, want %t", from, to, got, want)
			}
		}
	}
}

// A drawing fits the terminal, so that it can be drawn over.
func TestDrawingFits(t *testing.T) {
	got := fitTerminal("\x1b[1mabcdef\x1b[0m\nüüüüüü\nx\ny\n", 4, 4)
	if want := "\x1b[1mabcd\x1b[0m\nüüüü\nx\n"; got != want {
		t.Errorf("fit = %q, want %q", got, want)
	}
}
