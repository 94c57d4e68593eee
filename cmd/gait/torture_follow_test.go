package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestTortureFollowers kills the daemon with SIGKILL again and again while the
// three commands that follow a job do so. None of them fails, and each sees
// every event once and in order.
func TestTortureFollowers(t *testing.T) {
	rounds := 20
	switch {
	case testing.Short():
		t.Skip("dozens of processes")
	case *thorough:
		rounds = 200
	}
	s := newDaemonRun(t)
	s.mustDo("job", "submit", "--id", "a")
	events := s.startFollower("job", "events", "a", "--follow", "--json")
	watch := s.startFollower("job", "watch", "a", "--json")
	wait := s.startFollower("job", "wait", "a", "--for", "status=completed", "--json")
	for range rounds {
		s.launch()
		added := make(chan int)
		go func() {
			code, _ := s.run("job", "checkpoint", "add", "a", "--summary", "step", "--request-id", fmt.Sprint(rand.Int64()), "--json")
			added <- code
		}()
		time.Sleep(rand.N(120 * time.Millisecond))
		s.end(syscall.SIGKILL)
		<-added // whether it succeeded or not
	}
	last := s.mustDo("job", "checkpoint", "add", "a", "--type", "completed", "--summary", "done").Job.Revision
	for _, f := range []*followerProcess{watch, wait} {
		if err := f.wait(); err != nil {
			t.Errorf("%v: %v\n%s", f.cmd.Args[1:], err, f.stderr.String())
		}
	}
	time.Sleep(2 * time.Second) // until events has shown the last one
	events.cmd.Process.Signal(os.Interrupt)
	if err := events.wait(); err != nil {
		t.Errorf("events: %v\n%s", err, events.stderr.String())
	}
	want := make([]int64, last)
	for i := range want {
		want[i] = int64(i) + 1
	}
	if got := events.numbers("event", "revision"); !slices.Equal(got, want) {
		t.Errorf("events showed revisions %v, want 1 to %d", got, last)
	}
	// watch begins with the job as it finds it.
	if got := watch.numbers("job", "revision"); len(got) == 0 || got[0] < 1 || !slices.Equal(got, want[got[0]-1:]) {
		t.Errorf("watch showed revisions %v, want them up to %d", got, last)
	}
}

// A followerProcess is a command that runs beside the test.
type followerProcess struct {
	cmd            *exec.Cmd
	stdout, stderr bytes.Buffer
	ended          chan error
}

func (s *daemonRun) startFollower(args ...string) *followerProcess {
	s.t.Helper()
	f := &followerProcess{cmd: s.command(args...), ended: make(chan error, 1)}
	f.cmd.Stdout, f.cmd.Stderr = &f.stdout, &f.stderr
	if err := f.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() { f.ended <- f.cmd.Wait() }()
	s.t.Cleanup(func() { f.cmd.Process.Kill() })
	return f
}

// wait returns what the command ended with. It is killed after a minute.
func (f *followerProcess) wait() error {
	stuck := time.AfterFunc(time.Minute, func() { f.cmd.Process.Kill() })
	defer stuck.Stop()
	return <-f.ended
}

// numbers returns one number of each object that the command printed.
func (f *followerProcess) numbers(object, field string) (list []int64) {
	for line := range strings.Lines(f.stdout.String()) {
		var said map[string]json.RawMessage
		var inner map[string]any
		if json.Unmarshal([]byte(line), &said) != nil || json.Unmarshal(said[object], &inner) != nil {
			return append(list, -1)
		}
		n, _ := inner[field].(float64)
		list = append(list, int64(n))
	}
	return list
}
