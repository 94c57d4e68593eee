package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A daemonRun is a built gait and its daemon, which a test may end in any way.
type daemonRun struct {
	builtGait
	root, socket string
	http         *http.Client

	daemon *exec.Cmd
	said   *sharedBuffer
	ended  chan struct{} // closed when the daemon has ended
}

// A sharedBuffer holds what a process wrote, for two goroutines.
type sharedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *sharedBuffer) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *sharedBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// newDaemonRun returns a gait whose root is in dir; no daemon runs yet.
func newDaemonRun(t *testing.T) *daemonRun { return daemonRunOf(newGait(t)) }

// daemonRunOf is newDaemonRun for a gait that a test has.
func daemonRunOf(b builtGait) *daemonRun {
	s := &daemonRun{builtGait: b}
	s.at(filepath.Join(s.dir, "gait-out", "jobs"))
	b.t.Cleanup(func() {
		if s.daemon != nil {
			s.daemon.Process.Signal(syscall.SIGCONT)
			s.end(syscall.SIGKILL)
		}
	})
	return s
}

// at sets the root.
func (s *daemonRun) at(root string) {
	s.root, s.socket = root, filepath.Join(root, "gait.sock")
	s.env = append(s.env, "GAIT_ROOT="+root)
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", s.socket)
	}
	s.http = &http.Client{Transport: &http.Transport{DialContext: dial, MaxIdleConnsPerHost: 128}, Timeout: 20 * time.Second}
}

// start runs the daemon and waits until it is ready.
func (s *daemonRun) start() {
	s.t.Helper()
	s.launch()
	s.ready()
}

// ready waits until the daemon answers.
func (s *daemonRun) ready() {
	s.t.Helper()
	for until := time.Now().Add(30 * time.Second); time.Now().Before(until); time.Sleep(5 * time.Millisecond) {
		if r, err := s.http.Get("http://gait/readyz"); err == nil {
			r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-s.ended:
			s.t.Fatalf("the daemon ended: %s\n%s", s.daemon.ProcessState, s.said)
		default:
		}
	}
	s.t.Fatalf("the daemon is not ready after 30 s\n%s", s.said)
}

// launch runs the daemon.
func (s *daemonRun) launch(args ...string) {
	s.t.Helper()
	s.launchAs(s.command(append([]string{"serve"}, args...)...))
}

// launchAs runs the daemon as cmd.
func (s *daemonRun) launchAs(cmd *exec.Cmd) {
	s.t.Helper()
	s.daemon, s.said, s.ended = cmd, &sharedBuffer{}, make(chan struct{})
	s.daemon.Stderr = s.said
	if err := s.daemon.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func(cmd *exec.Cmd, ended chan struct{}) {
		cmd.Wait()
		close(ended)
	}(s.daemon, s.ended)
}

// end signals the daemon and returns its exit code once it has ended: -1 if
// the signal killed it.
func (s *daemonRun) end(with syscall.Signal) int {
	s.t.Helper()
	s.daemon.Process.Signal(with)
	return s.wait(30 * time.Second)
}

// wait returns the exit code of the daemon once it has ended.
func (s *daemonRun) wait(most time.Duration) int {
	s.t.Helper()
	select {
	case <-s.ended:
	case <-time.After(most):
		s.daemon.Process.Signal(syscall.SIGQUIT)
		<-s.ended
		s.t.Fatalf("the daemon did not end in %s\n%s", most, s.said)
	}
	code := s.daemon.ProcessState.ExitCode()
	s.daemon = nil
	return code
}

// An answer is the daemon's answer to a command.
type answer struct {
	Receipt *struct {
		Seq      int64  `json:"seq"`
		LeafHash string `json:"leaf_hash"`
		Replayed bool   `json:"replayed"` // as a process says it
	} `json:"receipt"`
	Replayed  bool   `json:"replayed"` // as the daemon does
	ErrorCode string `json:"error_code"`
	Retryable bool   `json:"retryable"`
}

// ask sends a command to the daemon.
func (s *daemonRun) ask(command map[string]any) (answer, error) {
	body, err := json.Marshal(command)
	if err != nil {
		return answer{}, err
	}
	r, err := s.http.Post("http://gait/v1/commands", "application/json", bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return answer{}, err
	}
	var a answer
	if err := json.Unmarshal(text, &a); err != nil {
		return answer{}, fmt.Errorf("%s: %q: %w", r.Status, text, err)
	}
	return a, nil
}

func progressOn(job, id, summary string) map[string]any {
	return map[string]any{
		"verb": "checkpoint add", "job_id": job, "actor": "worker_1", "request_id": id,
		"arguments": map[string]any{"type": "progress", "summary": summary},
	}
}

// resident is the memory of the daemon in MiB, and descriptors how many files
// it has open.
func (s *daemonRun) resident() int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.daemon.Process.Pid))
	if err != nil {
		s.t.Skip("there is no /proc")
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	var kilobytes int
	fmt.Sscan(rest, &kilobytes)
	return kilobytes >> 10
}

func (s *daemonRun) descriptors() int {
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.daemon.Process.Pid))
	if err != nil {
		s.t.Skip("there is no /proc")
	}
	return len(open)
}

// mustDo runs a command line that must succeed.
func (s *daemonRun) mustDo(args ...string) jsonOutput {
	s.t.Helper()
	code, told := s.run(append(args, "--json")...)
	if code != 0 {
		s.t.Fatalf("gait %s exits %d: %s", strings.Join(args, " "), code, told.ErrorCode)
	}
	return told
}

var errNotAnswered = errors.New("not answered")
