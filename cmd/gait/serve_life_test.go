package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A daemon outlives what reads its output, and its terminal: gait serve 2>&1 | head -1.
func TestDaemonOutlivesItsLog(t *testing.T) {
	for name, leave := range map[string]func(reader *os.File, d *daemonRun){
		"the reader goes away": func(reader *os.File, _ *daemonRun) { reader.Close() },
		"the reader stops":     func(*os.File, *daemonRun) {},
		"the terminal is closed": func(reader *os.File, d *daemonRun) {
			reader.Close()
			d.daemon.Process.Signal(syscall.SIGHUP)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newDaemonRun(t)
			reader, writer, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer reader.Close()
			cmd := s.command("serve", "--log-level", "debug")
			s.daemon, s.said, s.ended = cmd, &sharedBuffer{}, make(chan struct{})
			cmd.Stdout, cmd.Stderr = writer, writer
			if err := errors.Join(cmd.Start(), writer.Close()); err != nil {
				t.Fatal(err)
			}
			go func() { cmd.Wait(); close(s.ended) }()
			if _, err := bufio.NewReaderSize(reader, 16).ReadString('\n'); err != nil {
				t.Fatal(err)
			}
			s.ready()
			leave(reader, s)
			if a, err := s.ask(map[string]any{"verb": "submit", "job_id": "a", "actor": "worker_1"}); err != nil || a.ErrorCode != "" {
				t.Fatalf("%+v, %v", a, err)
			}
			for i := range 1000 { // more lines than a pipe and the daemon hold
				if a, err := s.ask(progressOn("a", fmt.Sprint("r-", i), "step")); err != nil || a.ErrorCode != "" {
					t.Fatalf("command %d: %+v, %v", i, a, err)
				}
			}
			s.mustDo("job", "status", "a", "--require-daemon")
			began := time.Now()
			if code := s.end(syscall.SIGTERM); code != 0 || time.Since(began) > 10*time.Second {
				t.Errorf("it ends with %d after %s", code, time.Since(began))
			}
			if said := s.mustDo("job", "status", "a"); said.Job.Revision != 1001 {
				t.Errorf("the job is at revision %d, want 1001", said.Job.Revision)
			}
		})
	}
}

// Lines that could not be logged are counted, once the log is read again.
func TestLogSaysWhatIsMissing(t *testing.T) {
	reader, writer := io.Pipe()
	a := &app{console: console{stderr: writer}}
	a.startLog(logFlags{format: "json", level: "debug"})
	const lines = 3 * waitingLines
	for i := range lines {
		a.log.Debug("line", "i", i)
	}
	go func() { a.log.flush(); writer.Close() }()
	got, missing := 0, 0
	for s := bufio.NewScanner(reader); s.Scan(); {
		var line struct {
			Msg   string
			Lines int
		}
		if err := json.Unmarshal(s.Bytes(), &line); err != nil {
			t.Fatalf("%q: %v", s.Text(), err)
		}
		if line.Msg == "line" {
			got++
		}
		missing += line.Lines
	}
	if got+missing != lines || missing == 0 {
		t.Errorf("%d lines, and %d missing, want %d in all", got, missing, lines)
	}
}

// A socket that is removed is soon there again, and a command that comes meanwhile waits
// for it.
func TestDaemonMakesItsSocketAgain(t *testing.T) {
	s := newDaemonRun(t)
	s.start()
	for i := range 2 {
		if err := os.Remove(s.socket); err != nil {
			t.Fatal(err)
		}
		s.mustDo("job", "submit", "--id", fmt.Sprint("job_", i))
		s.mustDo("job", "status", fmt.Sprint("job_", i), "--require-daemon")
	}
	if code := s.end(syscall.SIGTERM); code != 0 || !strings.Contains(s.said.String(), "made again") {
		t.Errorf("exit %d\n%s", code, s.said)
	}
	if _, err := os.Lstat(s.socket); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}
}

// shortDir returns a directory with a short path, in which sockets can lie.
func shortDir(t *testing.T) string {
	dir, err := os.MkdirTemp("/tmp", "gait-") //nolint:usetesting // the path of a test's own is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// The daemon of a root with a long path is found whatever runtime directory its clients
// have, and also when its own is removed. A copy of the root is not taken for it.
func TestDaemonIsFoundFromAnyEnvironment(t *testing.T) {
	s := newDaemonRun(t)
	s.at(filepath.Join(s.dir, strings.Repeat("long/", 20), "jobs"))
	own, other := shortDir(t), shortDir(t)
	s.env = append(s.env, "XDG_RUNTIME_DIR="+own)
	d := s.serve("--json")
	path := lookForPath(t, d.ready)
	if !strings.HasPrefix(path, own) {
		t.Fatalf("it serves at %s, not in %s", path, own)
	}
	s.mustDo("job", "submit", "--id", "a", "--require-daemon")
	environments := []string{"XDG_RUNTIME_DIR=" + other, "XDG_RUNTIME_DIR=", "XDG_RUNTIME_DIR=" + filepath.Join(other, "missing"), "XDG_RUNTIME_DIR=not/absolute", "TMPDIR=" + other}
	found := func(when string) {
		t.Helper()
		for _, env := range environments {
			c := s.builtGait
			c.env = append(c.env[:len(c.env):len(c.env)], env)
			if code, said := c.run("job", "status", "a", "--require-daemon", "--json"); code != 0 {
				t.Errorf("%s, with %s: exit %d, %s", when, env, code, said.ErrorCode)
			}
		}
	}
	found("at first")
	if err := os.RemoveAll(filepath.Join(own, "gait")); err != nil {
		t.Fatal(err)
	}
	s.mustDo("job", "pause", "a")
	found("after its directory was removed")

	copied := filepath.Join(s.dir, "copied")
	if out, err := exec.Command("cp", "-a", s.root, copied).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if code, said := s.run("job", "status", "a", "--root", copied, "--require-daemon", "--json"); code != exitDependency || said.ErrorCode != "daemon_not_running" {
		t.Errorf("a copy is served: exit %d, %s", code, said.ErrorCode)
	}
	if code, said := s.run("job", "status", "a", "--root", copied, "--json"); code != 0 {
		t.Errorf("a copy: exit %d, %s", code, said.ErrorCode)
	}
	if err := d.stop(); err != nil {
		t.Errorf("the daemon stops with %v", err)
	}
	for _, left := range []string{path, s.socket} {
		if _, err := os.Lstat(left); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left: %v", left, err)
		}
	}
}

func lookForPath(t *testing.T, ready string) string {
	t.Helper()
	var said struct{ Path string }
	if err := json.Unmarshal([]byte(ready), &said); err != nil {
		t.Fatalf("%s: %v", ready, err)
	}
	return said.Path
}

// A daemon whose runtime directory is missing, or another user's, listens elsewhere.
func TestDaemonWithoutItsRuntimeDir(t *testing.T) {
	s := newDaemonRun(t)
	s.at(filepath.Join(s.dir, strings.Repeat("long/", 20), "jobs"))
	open := shortDir(t)
	if err := os.Chmod(open, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{filepath.Join(shortDir(t), "missing"), open} {
		c := s.builtGait
		c.env = append(c.env[:len(c.env):len(c.env)], "XDG_RUNTIME_DIR="+dir)
		d := c.serve("--json")
		if path := lookForPath(t, d.ready); !strings.HasPrefix(path, "/tmp/gait-") || strings.HasPrefix(path, dir) {
			t.Errorf("with %s it serves at %s", dir, path)
		}
		s.mustDo("job", "list", "--require-daemon")
		if err := d.stop(); err != nil {
			t.Errorf("the daemon stops with %v", err)
		}
	}
}

// A second daemon says who serves, and that there is nothing to try again.
func TestSecondDaemonSaysWhoServes(t *testing.T) {
	s := newDaemonRun(t)
	s.start()
	cmd := s.command("serve")
	out, err := cmd.CombinedOutput()
	text := string(out)
	if err == nil || cmd.ProcessState.ExitCode() != exitIO {
		t.Fatalf("a second daemon: %v\n%s", err, text)
	}
	for _, want := range []string{"is served already", fmt.Sprintf("process %d, since 2", s.daemon.Process.Pid), "at " + s.socket, "[daemon_running]", "its service manager"} {
		if !strings.Contains(text, want) {
			t.Errorf("it does not say %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "kill") {
		t.Errorf("it says to kill:\n%s", text)
	}
	if code, said := s.run("serve", "--json"); code != exitIO || said.ErrorCode != "daemon_running" || said.Retryable {
		t.Errorf("with --json: exit %d, %+v", code, said)
	}
}
