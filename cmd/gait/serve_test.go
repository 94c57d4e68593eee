package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gait/commands/connect"
)

// serve starts the daemon of b.
func (b builtGait) serve(args ...string) *testDaemon {
	b.t.Helper()
	d, err := startDaemon(b.command(append([]string{"serve"}, args...)...))
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { d.cmd.Process.Kill(); d.cmd.Wait() })
	return d
}

func TestManyProcessesOneDaemon(t *testing.T) {
	b := newGait(t)
	d := b.serve()
	b.env = append(b.env, "GAIT_DAEMON=require")
	if code, _ := b.run("job", "submit", "--id", "a", "--json"); code != 0 {
		t.Fatalf("submit exits %d", code)
	}
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			if out, err := b.command("job", "checkpoint", "add", "a", "--summary", fmt.Sprint("from ", i)).CombinedOutput(); err != nil {
				t.Errorf("checkpoint %d: %v\n%s", i, err, out)
			}
		})
	}
	wg.Wait()
	if _, said := b.run("job", "status", "a", "--json"); said.Job.Revision != 1+writers {
		t.Errorf("after %d checkpoints the job is at revision %d, want %d", writers, said.Job.Revision, 1+writers)
	}
	if err := d.stop(); err != nil {
		t.Errorf("the daemon stops with %v", err)
	}
}

// Of daemons that are started at once one serves, and the others name its process.
func TestDaemonsAtOnce(t *testing.T) {
	b := newGait(t)
	var mu sync.Mutex
	var running []*testDaemon
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			cmd := b.command("serve", "--json", "--lock-timeout", "5s")
			d, err := startDaemon(cmd)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err != nil:
				t.Errorf("a daemon says nothing: %v", err)
			case strings.Contains(d.ready, `"ok":true`):
				running = append(running, d)
			default:
				var said jsonOutput
				json.Unmarshal([]byte(d.ready), &said)
				if code := waitCode(cmd); code != exitIO || said.ErrorCode != "daemon_running" {
					t.Errorf("another daemon exits %d with %s", code, d.ready)
				}
			}
		})
	}
	wg.Wait()
	if len(running) != 1 {
		t.Fatalf("%d daemons serve, want 1", len(running))
	}
	if code, _ := b.run("job", "submit", "--id", "a", "--require-daemon", "--json"); code != 0 {
		t.Errorf("submit exits %d", code)
	}
	if err := running[0].stop(); err != nil {
		t.Errorf("the daemon stops with %v", err)
	}
}

func waitCode(cmd *exec.Cmd) int {
	cmd.Wait()
	return cmd.ProcessState.ExitCode()
}

// insist adds a checkpoint. It retries with the same request id as long as the error
// is retryable or leaves the outcome unknown, and returns how often it did.
func (b builtGait) insist(request string) (again int) {
	for {
		code, said := b.run("job", "checkpoint", "add", "a", "--summary", request, "--request-id", request, "--lock-timeout", "60s", "--json")
		switch {
		case code == 0:
			return again
		case code != exitIO || !said.Retryable:
			b.t.Errorf("checkpoint %s exits %d with %s", request, code, said.ErrorCode)
			return again
		}
		again++
	}
}

// After a failed write the daemon exits 1, and its clients do not know the outcome;
// the next daemon goes on, and the same request id settles it.
func TestDaemonFailStop(t *testing.T) {
	b := newGait(t)
	if code, _ := b.run("job", "submit", "--id", "a", "--json"); code != 0 {
		t.Fatal("submit failed")
	}
	cmd := b.command()
	cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-c", "ulimit -f 24; trap '' XFSZ; exec " + b.path + " serve"}
	d, err := startDaemon(cmd)
	if err != nil {
		t.Fatal(err)
	}
	doubt := ""
	for i := range 2000 {
		request := fmt.Sprint("r", i)
		code, said := b.run("job", "checkpoint", "add", "a", "--summary", strings.Repeat("words ", 80), "--request-id", request, "--json")
		if code == 0 {
			continue
		}
		if code != exitIO || said.ErrorCode != "outcome_unknown" && said.ErrorCode != "io_failure" {
			t.Fatalf("checkpoint %d exits %d with %s", i, code, said.ErrorCode)
		}
		doubt = request
		break
	}
	if doubt == "" {
		t.Fatal("no write failed")
	}
	if code := waitCode(d.cmd); code != exitIO {
		t.Errorf("the daemon exits %d, want %d", code, exitIO)
	}
	d = b.serve()
	b.insist(doubt)
	if err := d.stop(); err != nil {
		t.Errorf("the daemon stops with %v", err)
	}
	if code, _ := b.run("ledger", "verify", "--json"); code != 0 {
		t.Errorf("ledger verify exits %d", code)
	}
}

// A daemon that is stopped under load finishes the commands it has begun; all other
// clients go on without it.
func TestDaemonStopsUnderLoad(t *testing.T) {
	b := newGait(t)
	d := b.serve()
	if code, _ := b.run("job", "submit", "--id", "a", "--json"); code != 0 {
		t.Fatal("submit failed")
	}
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			for i := range 6 {
				out, err := b.command("job", "checkpoint", "add", "a", "--summary", fmt.Sprint(n, " ", i), "--lock-timeout", "60s").CombinedOutput()
				if err != nil {
					t.Errorf("checkpoint: %v\n%s", err, out)
				}
			}
		})
	}
	time.Sleep(100 * time.Millisecond)
	if err := d.stop(); err != nil {
		t.Errorf("the daemon stops with %v", err)
	}
	wg.Wait()
	if _, said := b.run("job", "status", "a", "--json"); said.Job.Revision != 49 {
		t.Errorf("the job is at revision %d, want 49", said.Job.Revision)
	}
}

// A root with a long path is served under the runtime directory, and a token file
// that others can read is refused.
func TestDaemonPlaces(t *testing.T) {
	b := newGait(t)
	runtime := filepath.Join(b.dir, "run")
	if len(runtime) > 49 {
		runtime = "" // its own path is too long
	}
	b.env = append(b.env, "XDG_RUNTIME_DIR="+runtime, "GAIT_ROOT="+filepath.Join(b.dir, strings.Repeat("long/", 30), "jobs"))
	d := b.serve("--json")
	var said struct{ Path string }
	if err := json.Unmarshal([]byte(d.ready), &said); err != nil || len(said.Path) > connect.MaxSocketPath {
		t.Fatalf("ready = %s, %v", d.ready, err)
	}
	for path, want := range map[string]os.FileMode{said.Path: 0o600, filepath.Dir(said.Path): 0o700} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s has mode %v, %v, want %v", path, info.Mode().Perm(), err, want)
		}
	}
	if code, _ := b.run("job", "submit", "--id", "a", "--require-daemon", "--json"); code != 0 {
		t.Errorf("submit exits %d", code)
	}
	if err := d.stop(); err != nil {
		t.Errorf("the daemon stops with %v", err)
	}
	if _, err := os.Stat(said.Path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}
}
