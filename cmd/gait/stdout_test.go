package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// left returns the writing end of a pipe that no process reads.
func left(t *testing.T) *os.File {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.Close() })
	r.Close()
	return w
}

// codeOf runs a command and returns its exit code: -1 if a signal killed it.
func codeOf(t *testing.T, cmd *exec.Cmd) int {
	t.Helper()
	stuck := time.AfterFunc(30*time.Second, func() { cmd.Process.Kill() })
	defer stuck.Stop()
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode()
}

// A command whose stderr no process reads does what it was asked for, and exits as it
// would have: also the first one, which says that it creates the ledger before it writes.
func TestNoReaderOfStderr(t *testing.T) {
	b := newGait(t)
	for _, tt := range []struct {
		line string
		code int
	}{
		{"job submit --id a", 0},
		{"job pause --id a", 0},
		{"job pause --id a", exitInvalid},
		{"job status --id a", 0},
		{"job status --id missing", exitInvalid},
		{"ledger verify", 0},
		{"no such command", exitInvalid},
	} {
		cmd := b.command(strings.Fields(tt.line)...)
		cmd.Stderr = left(t)
		if code := codeOf(t, cmd); code != tt.code {
			t.Errorf("gait %s exits %d, want %d", tt.line, code, tt.code)
		}
	}
	if _, said := b.run("job", "status", "a", "--json"); said.Job.Status != "paused" || said.Job.RefusalCount != 1 {
		t.Errorf("the job is %+v", said.Job)
	}
	pack := b.command("pack", "build", "--from", "a", "--out", "-")
	var file bytes.Buffer
	pack.Stdout, pack.Stderr = &file, left(t)
	if code := codeOf(t, pack); code != 0 || !bytes.HasPrefix(file.Bytes(), []byte("PK")) {
		t.Errorf("a pack into standard output: exit %d, %d bytes", code, file.Len())
	}
}

// A command whose stdout no process reads does what it was asked for too. It exits 1,
// since the outcome could not be printed, or with the code of a refusal. On stderr it
// speaks of an event that is on the ledger, and is quiet otherwise.
func TestNoReaderOfStdout(t *testing.T) {
	b := newGait(t)
	b.must("job", "submit", "--id", "seed")
	b.must("pack", "build", "--type", "job", "--from", "seed", "--out", "seed.zip")
	b.must("regress", "init", "--from", "seed", "--name", "seed", "--why", "kept")
	for _, tt := range []struct {
		line string
		code int
		said string
	}{
		{"job submit --id a", exitIO, "submitted was recorded as event 3 of job a, but: printing the outcome"},
		{"job pause --id a --json", exitIO, "paused was recorded as event 4"},
		{"job pause --id a --json", exitInvalid, "refused: "},
		{"job status --id a", exitIO, ""},
		{"job list --json", exitIO, ""},
		{"job inspect --id a", exitIO, ""},
		{"job events", exitIO, ""},
		{"ledger verify", exitIO, ""},
		{"ledger info --json", exitIO, ""},
		{"pack verify seed.zip", exitIO, ""},
		{"doctor", exitIO, ""},
		{"replay gait-out/jobs --views views", exitIO, ""},
		{"regress run", exitIO, ""},
		{"job --help", exitIO, ""},
		{"completion bash", exitIO, ""},
		{"pack build --from seed --out -", exitIO, ""},
	} {
		cmd := b.command(strings.Fields(tt.line)...)
		var said strings.Builder
		cmd.Stdout, cmd.Stderr = left(t), &said
		code := codeOf(t, cmd)
		if code != tt.code || !strings.Contains(said.String(), tt.said) || tt.said == "" && said.String() != "" {
			t.Errorf("gait %s exits %d, want %d, and says %q, want %q", tt.line, code, tt.code, said.String(), tt.said)
		}
	}
	if _, said := b.run("job", "status", "a", "--json"); said.Job.Status != "paused" || said.Job.RefusalCount != 1 {
		t.Errorf("the job is %+v", said.Job)
	}
	if views, _ := filepath.Glob(filepath.Join(b.dir, "views", "*")); len(views) == 0 {
		t.Errorf("replay wrote no views")
	}
	b.must("ledger", "verify")
}

// Streams that are closed altogether are no files of the ledger's: it stays whole.
func TestClosedStreams(t *testing.T) {
	b := newGait(t)
	for _, line := range []string{"job submit --id a", "job checkpoint add --id a --summary one --json", "ledger verify"} {
		cmd := b.command()
		cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-c", "exec " + b.path + " " + line + " <&- >&- 2>&-"}
		if code := codeOf(t, cmd); code != 0 {
			t.Errorf("gait %s exits %d", line, code)
		}
	}
	if _, said := b.run("job", "status", "a", "--json"); said.Job.Revision != 2 {
		t.Errorf("the job is %+v", said.Job)
	}
}

// A command that follows ends at once when its reader does, though nothing happens on the
// ledger: gait job events --follow | head -1.
func TestFollowersEndWithTheirReader(t *testing.T) {
	for _, through := range []string{"never", "require"} {
		b := newGait(t)
		b.must("job", "submit", "--id", "a")
		if through == "require" {
			d := b.serve()
			defer d.stop()
		}
		b.env = append(b.env, "GAIT_DAEMON="+through)
		for line, want := range map[string]int{"job events --follow": 0, "job events a --follow --json": 0, "job watch a": exitIO, "job watch a --json": exitIO} {
			f := b.command(strings.Fields(line)...)
			var said strings.Builder
			f.Stderr = &said
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			f.Stdout = w
			if err := f.Start(); err != nil {
				t.Fatal(err)
			}
			w.Close()
			if n, err := r.Read(make([]byte, 16)); n == 0 {
				t.Errorf("gait %s prints nothing: %v", line, err)
			}
			r.Close()
			stuck := time.AfterFunc(10*time.Second, func() { f.Process.Kill() })
			f.Wait()
			stuck.Stop()
			if code := f.ProcessState.ExitCode(); code != want || said.String() != "" {
				t.Errorf("daemon %s: gait %s exits %d, want %d, and says %q", through, line, code, want, said.String())
			}
		}
	}
}

// A closed terminal interrupts a command as the user does, unless it is told to go on.
func TestHangup(t *testing.T) {
	b := newGait(t)
	b.must("job", "submit", "--id", "a")
	waits := b.follow("job", "wait", "a", "--for", "status=paused", "--json")
	watches := b.follow("job", "watch", "a", "--json")
	watches.next()
	watches.cmd.Process.Signal(syscall.SIGHUP)
	if line := watches.next(); !strings.Contains(line, `"error_code":"interrupted"`) {
		t.Errorf("a watch that is hung up prints %s", line)
	}
	watches.end(exitIO)
	waits.cmd.Process.Kill()

	goesOn := b.command()
	goesOn.Path, goesOn.Args = "/bin/sh", []string{"sh", "-c", "trap '' HUP; exec " + b.path + " job watch a --json"}
	out, err := goesOn.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := goesOn.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1<<16)); err != nil {
		t.Fatal(err)
	}
	goesOn.Process.Signal(syscall.SIGHUP)
	b.must("job", "cancel", "--id", "a")
	go func() { _, _ = out.Read(make([]byte, 1<<16)) }()
	if err := goesOn.Wait(); err != nil {
		t.Errorf("one that ignores it ends with %v", err)
	}
}
