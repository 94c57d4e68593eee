package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gait/ledger/ledgertest"
)

// A fileCall is a call of the real binary that changes a file or makes it durable.
type fileCall struct{ call, path string }

var tracedCall = regexp.MustCompile(`(?m)^\d+ +(write|pwrite64|fsync|fdatasync|ftruncate)\(\d+<([^>]+)>|^\d+ +(renameat2?|rename|linkat)\((?:AT_FDCWD[^,]*, )?"([^"]+)"`)

const tracedCalls = "write,pwrite64,fsync,fdatasync,ftruncate,rename,renameat,renameat2,linkat"

var thorough = flag.Bool("thorough", false, "inject every error into every call, not one error into each")

// The kernel fails calls of the binary itself, on a real disk: each call that changes
// a file below its root or home, once or from then on.
func TestStraceInjectsIntoEveryCall(t *testing.T) {
	if testing.Short() {
		t.Skip("dozens of traced processes")
	}
	s := newStraceRig(t)
	calls := s.record()
	counted := map[string]int{}
	most := 12
	if *thorough {
		most = len(calls)
	}
	tried := ledgertest.Sample(t, len(calls), most)
	for _, i := range tried {
		c := calls[i]
		if !*thorough {
			s.inject(c, []string{"EIO", "ENOSPC"}[i%2], []string{"1", "1+"}[i/2%2], counted)
			continue
		}
		for _, errno := range []string{"EIO", "ENOSPC"} {
			for _, when := range []string{"1", "1+", "2", "2+"} {
				s.inject(c, errno, when, counted)
			}
		}
	}
	if counted["failed"] == 0 || counted["injected"] < len(tried) {
		t.Errorf("of %d calls: %v", len(tried), counted)
	}
	t.Logf("%d of %d calls: %v", len(tried), len(calls), counted)
}

// A straceRig runs gait under strace on a ledger of one job. The ledger is restored
// before each run, so that its files have the same names.
type straceRig struct {
	builtGait
	strace, base, log string
	command           []string // that is traced
	exit              int      // with which it ends if nothing fails
}

func newStraceRig(t *testing.T, setUp ...string) straceRig {
	path, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("there is no strace")
	}
	if out, err := exec.Command(path, "-o", os.DevNull, "true").CombinedOutput(); err != nil {
		t.Skipf("strace does not work here: %s", out)
	}
	s := straceRig{builtGait: newGait(t), strace: path, base: t.TempDir(), command: addStep}
	s.log = filepath.Join(s.base, "strace")
	if code, _ := s.run(append([]string{"job", "submit", "--id", "a", "--json"}, setUp...)...); code != 0 {
		t.Fatalf("submit exits %d", code)
	}
	if err := os.CopyFS(filepath.Join(s.base, "copy"), os.DirFS(s.dir)); err != nil {
		t.Fatal(err)
	}
	return s
}

// restore restores the ledger. CopyFS drops the bits of modes that the umask masks,
// so they are set again.
func (s straceRig) restore() {
	s.t.Helper()
	from := filepath.Join(s.base, "copy")
	err := errors.Join(os.RemoveAll(filepath.Join(s.dir, "home")), os.RemoveAll(filepath.Join(s.dir, "gait-out")))
	if err == nil {
		err = os.CopyFS(s.dir, os.DirFS(from))
	}
	if err == nil {
		err = filepath.WalkDir(s.dir, func(path string, d os.DirEntry, err error) error {
			switch {
			case err != nil || path == s.dir:
				return err
			case d.IsDir():
				return os.Chmod(path, 0o700)
			}
			return os.Chmod(path, 0o600)
		})
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

var addStep = []string{"job", "checkpoint", "add", "a", "--summary", "step", "--request-id", "r1", "--json"}

// traceRun runs the scripted command under strace, and returns its exit code and
// what it printed.
func (s straceRig) traceRun(options ...string) (int, string) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	args := slices.Concat([]string{"-f", "-y", "-o", s.log}, options, []string{s.path}, s.command)
	cmd := exec.CommandContext(ctx, s.strace, args...)
	cmd.Dir, cmd.Env = s.dir, s.env
	out, err := cmd.Output()
	if ctx.Err() != nil {
		s.t.Fatalf("%v: gait hangs: %s", options, out)
	}
	if cmd.ProcessState == nil {
		s.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// record returns the calls of the command to files of its own, each once.
func (s straceRig) record() []fileCall { return s.recordCalls(tracedCalls, tracedCall) }

// recordCalls returns the calls of the command that are traced, to files of its own.
func (s straceRig) recordCalls(traced string, shape *regexp.Regexp) []fileCall {
	s.restore()
	if code, out := s.traceRun("-e", "trace="+traced); code != s.exit {
		s.t.Fatalf("the traced command exits %d: %s", code, out)
	}
	seen := map[fileCall]bool{}
	for _, m := range shape.FindAllStringSubmatch(s.traceLog(), -1) {
		c := fileCall{m[1] + m[3], m[2] + m[4]}
		if m[4] != "" && !filepath.IsAbs(c.path) {
			c.path = filepath.Join(s.dir, c.path)
		}
		if strings.HasPrefix(c.path, s.dir) {
			seen[c] = true
		}
	}
	return slices.SortedFunc(maps.Keys(seen), func(a, b fileCall) int {
		return strings.Compare(a.path+" "+a.call, b.path+" "+b.call)
	})
}

func (s straceRig) traceLog() string {
	b, err := os.ReadFile(s.log)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(b)
}

// inject makes a call fail, and requires that the command reports it or succeeds,
// and that the ledger holds what was acknowledged. The same request id settles it.
func (s straceRig) inject(c fileCall, errno, when string, counted map[string]int) {
	t := s.t
	s.restore()
	what := fmt.Sprintf("%s of %s fails with %s, when=%s", c.call, strings.TrimPrefix(c.path, s.dir), errno, when)
	code, out := s.traceRun("-P", c.path, "-e", "trace="+c.call, "-e", "inject="+c.call+":error="+errno+":when="+when)
	if !strings.Contains(s.traceLog(), "(INJECTED)") {
		counted["too late"]++
		return
	}
	counted["injected"]++
	switch failed := strings.Contains(out, `"error_code":"io_failure"`) || strings.Contains(out, `"error_code":"outcome_unknown"`); {
	case code == 1 && failed:
		counted["failed"]++
	case code == 0:
		counted["succeeded anyway"]++
	default:
		t.Errorf("%s: exit %d: %s", what, code, out)
	}
	after, said := s.run("job", "status", "a", "--json")
	if after != 0 || code == 0 && said.Job.Revision != 2 || said.Job.Revision > 2 {
		t.Errorf("%s: exit %d, and then status exits %d with revision %d", what, code, after, said.Job.Revision)
	}
	if again, said := s.run(addStep...); again != 0 {
		t.Errorf("%s: the same request again exits %d: %s", what, again, said.ErrorCode)
	}
	if _, said := s.run("job", "status", "a", "--json"); said.Job.Revision != 2 {
		t.Errorf("%s: settled, the job is at revision %d, want 2", what, said.Job.Revision)
	}
	if verified, said := s.run("ledger", "verify", "--json"); verified != 0 {
		t.Errorf("%s: ledger verify exits %d: %s", what, verified, said.ErrorCode)
	}
}
