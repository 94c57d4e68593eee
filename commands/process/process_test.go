package process_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gait/commands/process"
	"gait/ledger"
)

func TestExits(t *testing.T) {
	g := newGuard(t)
	tests := map[string]struct {
		script string
		want   process.Exit
	}{
		"done":           {"exit 0", process.Exit{}},
		"a code":         {"exit 75", process.Exit{Code: 75}},
		"the last code":  {"exit 255", process.Exit{Code: 255}},
		"SIGTERM":        {"kill -TERM $$", process.Exit{Code: 143, Signal: syscall.SIGTERM}},
		"SIGKILL":        {"kill -KILL $$", process.Exit{Code: 137, Signal: syscall.SIGKILL}},
		"code as signal": {"exit 143", process.Exit{Code: 143}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got, _ := run(t, g, sh(tt.script)); got != tt.want {
				t.Errorf("sh -c %q ended as %+v, want %+v", tt.script, got, tt.want)
			}
		})
	}
}

func TestNotStarted(t *testing.T) {
	g := newGuard(t)
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain")
	if err := os.WriteFile(plain, []byte("#!/bin/sh\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		command process.Command
		want    error
		says    string
	}{
		"no such name":      {process.Command{Args: []string{"no-such-command"}}, nil, "executable file not found in $PATH"},
		"no such file":      {process.Command{Args: []string{dir + "/none"}}, fs.ErrNotExist, "/none: no such file"},
		"not executable":    {process.Command{Args: []string{plain}}, fs.ErrPermission, "permission denied"},
		"no such directory": {process.Command{Args: []string{"true"}, Dir: dir + "/none"}, fs.ErrNotExist, dir + "/none: no such file"},
		"nothing":           {process.Command{}, nil, "no command"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p, err := g.Start(t.Context(), tt.command)
			if err == nil {
				t.Fatalf("it started as process %d", p.Pid())
			}
			if _, ok := errors.AsType[*process.StartError](err); !ok || tt.want != nil && !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("the error is %q, want a *StartError that says %q", err, tt.says)
			}
			if f, _ := ledger.FaultOf(err); f.Code != "command_not_found" {
				t.Errorf("its code is %q", f.Code)
			}
		})
	}
	if got, _ := run(t, g, sh("exit 4")); got.Code != 4 {
		t.Errorf("a command after those that could not be started ended with %d, want 4", got.Code)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if m := mark(); true {
		if p, err := g.Start(ctx, sh("sleep "+m)); err == nil {
			p.Terminate(0) // it was started before Start looked
		}
		gone(t, m)
	}
}

func TestGetsWhatItIsGiven(t *testing.T) {
	g := newGuard(t)
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(dir, "here.sh")
	if err := os.WriteFile(script, []byte("#!/bin/sh\npwd\necho \"$0 $1 $2 $V $HOME\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	c := process.Command{Args: []string{"./here.sh", "a b", "\xff\xfe"}, Env: []string{"V=\xf0\x28 x"}, Dir: dir, Tail: 1000}
	_, got := run(t, g, c)
	if want := dir + "\n" + script + " a b \xff\xfe \xf0\x28 x \n"; got != want {
		t.Errorf("the command wrote %q, want %q", got, want)
	}
	if e, got := run(t, g, sh("exit 0")); e.Code != 0 || got != "" {
		t.Errorf("it ended with %d and wrote %q", e.Code, got)
	}
	big := strings.Repeat("x", 100<<10)
	c = sh("echo ${#V} ${#1}", big)
	c.Env = append(c.Env, "V="+big)
	if _, got := run(t, g, c); got != "102400 102400\n" {
		t.Errorf("the lengths of long texts are %q", got)
	}
}

func TestOutput(t *testing.T) {
	g := newGuard(t)
	var stdout, stderr bytes.Buffer
	c := sh("echo out; echo err >&2")
	c.Stdout, c.Stderr, c.Tail = &stdout, &stderr, 0
	if _, tail := run(t, g, c); stdout.String() != "out\n" || stderr.String() != "err\n" || tail != "" {
		t.Errorf("got %q, %q and a tail of %q", &stdout, &stderr, tail)
	}

	var both bytes.Buffer
	c = sh("for i in 1 2 3 4 5; do echo $i; echo $i >&2; done")
	c.Stdout, c.Stderr, c.Tail = &both, &both, 7
	if _, tail := run(t, g, c); both.String() != "1\n1\n2\n2\n3\n3\n4\n4\n5\n5\n" || tail != "\n4\n5\n5\n" {
		t.Errorf("one writer got %q, and the tail is %q", &both, tail)
	}

	f, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c = sh("echo itself; test -f /dev/fd/1 && echo a file")
	c.Stdout, c.Tail = f, 0
	run(t, g, c)
	if got, _ := os.ReadFile(f.Name()); string(got) != "itself\na file\n" {
		t.Errorf("the file has %q", got)
	}
}

// failing is a writer that fails at its second write.
type failing struct{ n int }

func (f *failing) Write(b []byte) (int, error) {
	if f.n++; f.n > 1 {
		return 0, io.ErrClosedPipe
	}
	return len(b), nil
}

// stuck is a writer that takes nothing until it is closed.
type stuck chan struct{}

func (s stuck) Write(b []byte) (int, error) {
	<-s
	return len(b), nil
}

func TestOutputWithoutReader(t *testing.T) {
	g := newGuard(t)
	c := sh("i=0; while [ $i -lt 20000 ]; do echo 0123456789; i=$((i+1)); done; echo end")
	c.Stdout, c.Tail = &failing{}, 4
	if e, tail := run(t, g, c); e != (process.Exit{}) || tail != "end\n" {
		t.Errorf("the command whose output fails ended as %+v with %q, want that it does not notice", e, tail)
	}

	s := make(stuck)
	c = sh("echo one")
	c.Stdout = s
	p := start(t, g, c)
	if e := exitOf(t, p); e.Code != 0 {
		t.Errorf("ended as %+v", e)
	}
	close(s) // Close of the guard waits for it
}

func TestInput(t *testing.T) {
	g := newGuard(t)
	if e, got := run(t, g, sh("cat; echo end")); got != "end\n" || e.Code != 0 {
		t.Errorf("without input the command wrote %q", got)
	}
	c := sh("cat; echo end")
	c.Stdin = strings.NewReader(strings.Repeat("line\n", 50000))
	c.Tail = 1 << 20
	if _, got := run(t, g, c); len(got) != 5*50000+4 {
		t.Errorf("of 250000 bytes of input the command read %d", len(got)-4)
	}
	r, w := io.Pipe()
	defer w.Close()
	c = sh("exit 3")
	c.Stdin = r // it never ends
	if e, _ := run(t, g, c); e.Code != 3 {
		t.Errorf("the command that does not read ended as %+v", e)
	}
	f, err := os.Open("process_test.go")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c = sh("head -1")
	c.Stdin = f
	if _, got := run(t, g, c); got != "package process_test\n" {
		t.Errorf("of a file the command read %q", got)
	}
}

func TestManyAtOnce(t *testing.T) {
	g := newGuard(t)
	n := 200
	if testing.Short() {
		n = 60
	}
	results := make(chan error, n)
	for i := range n {
		go func() {
			c := process.Command{Args: []string{"sh", "-c", "exit $1", "sh", string(rune('0' + i%10))}, Env: os.Environ()}
			p, err := g.Start(t.Context(), c)
			if err == nil && i%7 == 0 {
				p.Terminate(time.Duration(i) * time.Millisecond)
			} else if err == nil {
				if e := p.Wait(); e.Code != i%10 {
					err = errors.New("a command ended with another's code")
				}
			}
			results <- err
		}()
	}
	for range n {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if fds, err := os.ReadDir("/proc/self/fd"); err == nil && len(fds) > 40 {
		t.Errorf("%d files are open after all commands have ended", len(fds))
	}
}
