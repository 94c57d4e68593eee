package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"gait/commands/process"
	"gait/ledger/ledgertest"
)

func TestMain(m *testing.M) {
	unix.Umask(0o022) // some users' lets groups write, and in such a directory no home is used
	testscript.Main(signalTests{m}, map[string]func(){"gait": mainUnderTest, "as": asMain, "frozen": frozenMain, "filled": filledMain})
}

// signalTests runs tests whose programs heed the signals that end one, although the process that runs
// the tests ignores them, as nohup does: what is ignored is inherited, what is caught not.
type signalTests struct{ *testing.M }

func (m signalTests) Run() int {
	for _, s := range []os.Signal{unix.SIGHUP, unix.SIGINT} {
		if signal.Ignored(s) {
			signal.Notify(make(chan os.Signal, 1), s)
		}
	}
	return m.M.Run()
}

// mainUnderTest is gait as built, and also checks what it prints with --json
// against the schemas in the repository, and its exit code against its help.
func mainUnderTest() {
	if len(os.Args) == 2 && os.Args[1] == process.GuardArg {
		os.Exit(process.GuardMain(os.Stdin))
	}
	var a *app
	maxPipeWait = 2 * time.Second
	out := &recorder{to: os.Stdout}
	stop := throughDaemon(os.Args[1:])
	exit := func(code int) {
		stop()
		if a.json && a.stdoutFor == "" && out.err == nil {
			if err := checkPrinted(os.Getenv("GAIT_TEST_SCHEMAS"), out.b.Bytes(), a.lines); err != nil {
				fmt.Fprintf(os.Stderr, "output against its schema: %v\n%s", err, out.b.Bytes())
				os.Exit(99)
			}
		}
		if err := checkHintPrinted(a.running, out.b.Bytes()); a.json && err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", a.running.CommandPath(), err)
			os.Exit(96)
		}
		if named := exitCodesOf(a.running); !slices.Contains(named, code) {
			fmt.Fprintf(os.Stderr, "%s exits %d, its help names %v\n", a.running.CommandPath(), code, named)
			os.Exit(98)
		}
		os.Exit(code)
	}
	a = newApp(exit)
	a.stdout = out
	if text := os.Getenv("GAIT_TEST_CLOCK"); text != "" {
		a.now = clockFrom(text)
	}
	exit(runProcess(a))
}

// clockFrom returns a clock that runs from a time on.
func clockFrom(text string) func() time.Time {
	from, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	began := time.Now()
	return func() time.Time { return from.Add(time.Since(began)) }
}

// A recorder passes on and keeps what is written, and keeps errors of writing.
type recorder struct {
	to  io.Writer
	b   bytes.Buffer
	err error
}

func (r *recorder) Write(p []byte) (n int, err error) {
	r.b.Write(p)
	n, err = r.to.Write(p)
	r.err = errors.Join(r.err, err)
	return n, err
}

func (r *recorder) under() io.Writer { return r.to }

func TestScripts(t *testing.T) {
	for _, dir := range []string{"script", "regress"} {
		t.Run(dir, func(t *testing.T) { runScripts(t, filepath.Join("..", "..", "fixtures", dir), nil) })
	}
}

// briefly are the scripts of a short run. Concurrency is tested by make race.
var briefly = []string{"cosign.txtar", "page.txtar", "rotate.txtar"}

func runScripts(t *testing.T, dir string, without []string) {
	files, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if testing.Short() {
		files = slices.DeleteFunc(files, func(name string) bool { return !slices.Contains(briefly, filepath.Base(name)) })
	}
	files = slices.DeleteFunc(files, func(name string) bool { return slices.Contains(without, filepath.Base(name)) })
	if err != nil || len(files) == 0 {
		t.Skipf("no scripts in %s", dir)
	}
	if without != nil { // once more, through a daemon
		files = ledgertest.Pick(t, files, 5)
	}
	schemas, err := filepath.Abs("schemas")
	if err != nil {
		t.Fatal(err)
	}
	packs, err := filepath.Abs(filepath.Join("..", "..", "fixtures", "packs"))
	if err != nil {
		t.Fatal(err)
	}
	vectors, err := filepath.Abs(filepath.Join("..", "..", "fixtures", "vectors"))
	if err != nil {
		t.Fatal(err)
	}
	incidents, err := filepath.Abs(incidentsDir)
	if err != nil {
		t.Fatal(err)
	}
	examples, err := filepath.Abs(filepath.Join("..", "..", "examples"))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Files:               files,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("GAIT_HOME", filepath.Join(env.WorkDir, ".home"))
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("USER", "operator")
			env.Setenv("GAIT_TEST_SCHEMAS", schemas)
			env.Setenv("GORACE", os.Getenv("GORACE"))
			if without != nil {
				env.Setenv(throughEnv, "1")
			}
			env.Values[witnessesKey{}] = witnesses{}
			env.Values[daemonKey{}] = &testDaemon{}
			env.Values[savedKey{}] = map[string]ledgertest.Rows{}
			env.Values[truthKey{}] = map[string]commandAnswer{}
			env.Setenv("PACKS", packs)
			env.Setenv("VECTORS", vectors)
			env.Setenv("INCIDENTS", incidents)
			env.Setenv("EXAMPLES", examples)
			return nil
		},
		Condition: condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"continue": continueCmd,
			"daemon":   daemonCmd,
			"exits":    exitsCmd,
			"field":    fieldCmd,
			"policy":   policyCmd,
			"witness": func(ts *testscript.TestScript, neg bool, args []string) {
				ts.Value(witnessesKey{}).(witnesses).cmd(ts, neg, args)
			},
			"falseindex": falseIndexCmd,
			"forge":      forgeCmd,
			"give":       giveCmd,
			"hold":       holdCmd,
			"keep":       keepCmd,
			"keyforms":   keyFormsCmd,
			"ledgeredit": ledgerEditCmd,
			"level":      levelCmd,
			"packed":     packedCmd,
			"renamekey":  renameKeyCmd,
			"tamper":     tamperCmd,
			"tlscert":    tlsCertCmd,
			"testkey":    testKeyCmd,
			"truth":      truthCmd,
		},
	})
}

// condition decides the conditions of scripts that are not those of every testscript.
func condition(name string) (bool, error) {
	switch name {
	case "root":
		return os.Geteuid() == 0, nil
	case "mounts":
		return mayMount(), nil
	case "device":
		return canMakeDevice(), nil
	}
	return false, fmt.Errorf("unknown condition %s", name)
}

// canMakeDevice reports whether this process can make a node like that of /dev/null and
// write to it: only root can, and not in every container.
func canMakeDevice() bool {
	if runtime.GOOS != "linux" { // the numbers are those of Linux
		return false
	}
	dir, err := os.MkdirTemp("", "gait-device-")
	if err != nil {
		return false
	}
	defer os.RemoveAll(dir)
	node := filepath.Join(dir, "null")
	if unix.Mknod(node, unix.S_IFCHR|0o666, int(unix.Mkdev(1, 3))) != nil {
		return false
	}
	return os.WriteFile(node, []byte("x"), 0o666) == nil
}

// exitsCmd runs a command and requires its exit code: exits 6 gait job pause --id j1
func exitsCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%s: %v", args[1], err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("%s exits %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// fieldCmd requires a field of the JSON object on stdout: field job.status running.
// Without a value it requires that there is no such field. Numbers in a
// path index lists.
func fieldCmd(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: field PATH [VALUE]")
	}
	if strings.HasSuffix(args[0], ".") {
		ts.Fatalf("field %s: quote it, # begins a comment", args[0])
	}
	got, found := lookUp(ts, args[0])
	want := ""
	if len(args) == 2 {
		want = args[1]
	}
	same := found && len(args) == 2 && got == want || !found && len(args) == 1
	if same == neg {
		ts.Fatalf("field %s is %q (there: %t), want %q", args[0], got, found, want)
	}
}

func lookUp(ts *testscript.TestScript, path string) (string, bool) {
	d := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	d.UseNumber()
	var v any
	ts.Check(d.Decode(&v))
	for name := range strings.SplitSeq(path, ".") {
		switch at := v.(type) {
		case map[string]any:
			next, ok := at[name]
			if !ok {
				return "", false
			}
			v = next
		case []any:
			i, err := strconv.Atoi(name)
			if name == "#" {
				v = json.Number(strconv.Itoa(len(at)))
				continue
			}
			if err != nil || i >= len(at) {
				return "", false
			}
			v = at[i]
		default:
			return "", false
		}
	}
	return fmt.Sprint(v), true
}

// keepCmd puts a field of the JSON object on stdout into a variable: keep KEY public_key
func keepCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: keep VARIABLE PATH")
	}
	got, found := lookUp(ts, args[1])
	if !found {
		ts.Fatalf("stdout has no field %s", args[1])
	}
	ts.Setenv(args[0], got)
}
