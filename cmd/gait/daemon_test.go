package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// throughEnv makes every command of a script go through a daemon of its own.
const throughEnv = "GAIT_TEST_THROUGH"

// notThrough are the words of commands that work without a daemon, and fail if one
// runs.
var notThrough = []string{"serve", "rotate", "retire", "move", "restore", "import", "doctor"}

// TestScriptsThroughDaemon runs the scripts again: each command with a daemon
// that is started before it and stopped after it. They print the same and
// exit alike. Go test tries a sample of the scripts.
func TestScriptsThroughDaemon(t *testing.T) {
	if testing.Short() {
		t.Skip("two processes a command")
	}
	for _, dir := range []string{"script", "regress"} {
		t.Run(dir, func(t *testing.T) {
			// The deadlines of a daemon's connections go by its clock, which must not be another one than the system's.
			runScripts(t, filepath.Join("..", "..", "fixtures", dir), []string{
				"daemon.txtar", "remote.txtar", "tls.txtar", "clock_suspect.txtar", "attack_signed_commands.txtar", "attack_verdicts.txtar",
				"gate_page.txtar", "content_policies.txtar", "lease_clock.txtar", "python_client.txtar",
			})
		})
	}
}

// throughDaemon starts a daemon for a command line, if that names a ledger that
// one can serve, and returns a function that stops it.
func throughDaemon(args []string) (stop func()) {
	dir := rootIn(args)
	_, err := os.Stat(filepath.Join(dir, "ledger"))
	alone := slices.ContainsFunc(args, func(word string) bool { return slices.Contains(notThrough, word) })
	if os.Getenv(throughEnv) == "" || os.Getenv("GAIT_DAEMON") == "never" || err != nil || alone {
		return func() {}
	}
	d, err := startDaemon(exec.Command("gait", "serve", "--root", dir, "--lock-timeout", "0s"))
	if err != nil {
		return func() {}
	}
	return func() {
		if err := d.stop(); err != nil {
			fmt.Fprintf(os.Stderr, "stopping the daemon: %v\n", err)
			os.Exit(97)
		}
	}
}

// rootIn returns the root that a command line names.
func rootIn(args []string) string {
	for i, arg := range args {
		if dir, ok := strings.CutPrefix(arg, "--root="); ok {
			return dir
		}
		if arg == "--root" && i+1 < len(args) {
			return args[i+1]
		}
	}
	return (&surroundings{getenv: os.Getenv}).rootDir()
}

// A testDaemon is a running gait serve.
type testDaemon struct {
	cmd   *exec.Cmd
	ready string // the line it printed
}

// startDaemon starts a daemon, and waits until it serves.
func startDaemon(cmd *exec.Cmd) (*testDaemon, error) {
	cmd.Env = append(cmd.Environ(), throughEnv+"=")
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewReader(out)
	ready, err := lines.ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("the daemon ended: %w", cmd.Wait())
	}
	go io.Copy(io.Discard, lines)
	return &testDaemon{cmd: cmd, ready: ready}, nil
}

// stop stops the daemon as a service manager does.
func (d *testDaemon) stop() error {
	if err := d.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return d.cmd.Wait()
}

type daemonKey struct{}

// daemonCmd runs the daemon of a script: daemon start [ARG…], daemon stop,
// daemon kill, daemon freeze, daemon thaw. ADDRESS is that of --listen, with --json.
func daemonCmd(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: daemon start|stop|kill|freeze|thaw")
	}
	running := ts.Value(daemonKey{}).(*testDaemon)
	switch args[0] {
	case "start", "start-as":
		cmd := exec.Command(filepath.Join(filepath.Dir(lookGait(ts)), "gait"), append([]string{"serve"}, args[1:]...)...)
		if args[0] == "start-as" {
			cmd = exec.Command(filepath.Join(filepath.Dir(lookGait(ts)), "as"), args[1], cmd.Path, "serve", "--root", ts.MkAbs("gait-out/jobs"))
		}
		cmd.Dir, cmd.Env = ts.Getenv("WORK"), envOf(ts)
		log, err := os.OpenFile(ts.MkAbs("serve.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		ts.Check(err)
		cmd.Stderr = log
		d, err := startDaemon(cmd)
		ts.Check(err)
		*running = *d
		var said struct{ Address string }
		if json.Unmarshal([]byte(d.ready), &said) == nil { // of --json
			ts.Setenv("ADDRESS", said.Address)
		}
		ts.Defer(func() { _ = d.cmd.Process.Kill(); _ = d.cmd.Wait(); log.Close() })
	case "stop":
		ts.Check(running.stop())
	case "kill":
		ts.Check(running.cmd.Process.Kill())
		_ = running.cmd.Wait()
	case "freeze":
		ts.Check(running.cmd.Process.Signal(syscall.SIGSTOP))
	case "thaw":
		ts.Check(running.cmd.Process.Signal(syscall.SIGCONT))
	default:
		ts.Fatalf("no such thing to do: %s", args[0])
	}
}

func lookGait(ts *testscript.TestScript) string {
	for dir := range strings.SplitSeq(ts.Getenv("PATH"), string(os.PathListSeparator)) {
		if _, err := os.Stat(filepath.Join(dir, "gait")); err == nil {
			return filepath.Join(dir, "gait")
		}
	}
	ts.Fatalf("no gait in PATH")
	return ""
}

// envOf returns the environment of a script.
func envOf(ts *testscript.TestScript) (env []string) {
	for _, name := range []string{"PATH", "HOME", "USER", "GAIT_HOME", "GAIT_ROOT", "GAIT_TEST_SCHEMAS", "GAIT_TEST_CLOCK", "GORACE", "XDG_RUNTIME_DIR", "TMPDIR"} {
		if value := ts.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	return env
}
