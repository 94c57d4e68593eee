package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"gait/commands/hook"
	"gait/ledger/ledgertest"
)

// A hookRow is something that goes wrong with a hook before a call: an input, or what surrounds it.
// HOST, TOOL, ID and ARGS stand in an input for a host's names of its members.
type hookRow struct {
	name  string
	input string // "": goodCall
	run   string // shell; "": gait hook HOST --id job_1 --actor w
	long  bool   // not in a short run
	deaf  bool   // it gives the hook another standard input, or none
}

// goodCall is one that the gate allows.
const goodCall = `{EVENT, TOOL: "Read", ARGS: {"path": "a"}, ID: "c1"}`

// goodHook is a command that asks about it.
const goodHook = `gait hook HOST --id job_1 --actor w`

var hookRows = []hookRow{
	{name: "nothing", input: " "},
	{name: "not JSON", input: "PreToolUse Read"},
	{name: "half of it", input: `{EVENT, TOOL: "Read", ARGS: {"pa`},
	{name: "null", input: "null"},
	{name: "a list", input: `[` + goodCall + `]`},
	{name: "two objects", input: goodCall + goodCall},
	{name: "more behind it", input: goodCall + "x"},
	{name: "a member twice", input: `{EVENT, TOOL: "Read", TOOL: "Read", ARGS: {"path": "a"}, ID: "c1"}`},
	{name: "not UTF-8", input: `{EVENT, TOOL: "Read", ARGS: {"path": "` + "\xff" + `"}, ID: "c1"}`},
	{name: "a byte order mark", input: "\ufeff" + goodCall},
	{name: "no event", input: `{TOOL: "Read", ARGS: {"path": "a"}, ID: "c1"}`},
	{name: "no event that is known", input: `{"hook_event_name": "Stop", "event": "stop", TOOL: "Read", ARGS: {}, ID: "c1"}`},
	{name: "an event in another case", input: `{"hook_event_name": "pretooluse", "event": "Before", TOOL: "Read", ARGS: {}, ID: "c1"}`},
	{name: "names in another case", input: strings.ToUpper(`{"hook_event_name": "PreToolUse", "event": "before"}`)},
	{name: "no tool", input: `{EVENT, ARGS: {"path": "a"}, ID: "c1"}`},
	{name: "an empty tool", input: `{EVENT, TOOL: "", ARGS: {"path": "a"}, ID: "c1"}`},
	{name: "a tool that is no text", input: `{EVENT, TOOL: 7, ARGS: {"path": "a"}, ID: "c1"}`},
	{name: "a tool that is null", input: `{EVENT, TOOL: null, ARGS: {"path": "a"}, ID: "c1"}`},
	{name: "a tool with a blank", input: `{EVENT, TOOL: "Read it", ARGS: {"path": "a"}, ID: "c1"}`},
	{name: "a long tool", input: `{EVENT, TOOL: "` + strings.Repeat("R", 129) + `", ARGS: {"path": "a"}, ID: "c1"}`},
	{name: "no arguments", input: `{EVENT, TOOL: "Read", ID: "c1"}`},
	{name: "arguments that are a text", input: `{EVENT, TOOL: "Read", ARGS: "{}", ID: "c1"}`},
	{name: "arguments that are a list", input: `{EVENT, TOOL: "Read", ARGS: [], ID: "c1"}`},
	{name: "arguments with a member twice", input: `{EVENT, TOOL: "Read", ARGS: {"path": "a", "path": "b"}, ID: "c1"}`},
	{name: "a number that is not exact", input: `{EVENT, TOOL: "Read", ARGS: {"path": 1e400}, ID: "c1"}`},
	{name: "null in a list", input: `{EVENT, TOOL: "Read", ARGS: {"path": [null]}, ID: "c1"}`},
	{name: "long arguments", input: `{EVENT, TOOL: "Read", ARGS: {"path": "` + strings.Repeat("a", 40<<10) + `"}, ID: "c1"}`},
	{name: "deep arguments", input: `{EVENT, TOOL: "Read", ARGS: {"path": ` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `}, ID: "c1"}`},
	{name: "endless arguments", input: `{EVENT, TOOL: "Read", ARGS: {"path": "` + strings.Repeat("a", hook.MaxInput) + `"}, ID: "c1"}`},
	{name: "an empty call id", input: `{EVENT, TOOL: "Read", ARGS: {"path": "a"}, ID: ""}`},
	{name: "a call id with a blank", input: `{EVENT, TOOL: "Read", ARGS: {"path": "a"}, ID: "c 1"}`},
	{name: "a long call id", input: `{EVENT, TOOL: "Read", ARGS: {"path": "a"}, ID: "` + strings.Repeat("c", 129) + `"}`},
	{name: "a call id that is a number", input: `{EVENT, TOOL: "Read", ARGS: {"path": "a"}, ID: 1}`},
	{name: "a tool that no policy permits", input: `{EVENT, TOOL: "Bash", ARGS: {"command": "rm -rf /"}, ID: "c1"}`},
	{name: "an approval", run: "gait hook HOST --id waits_HOST --actor w", input: `{EVENT, TOOL: "Push", ARGS: {"to": "main"}, ID: "c1"}`},

	{name: "no standard input", run: goodHook + " <&-", deaf: true},
	{name: "standard input that is a directory", run: goodHook + " < .", deaf: true},
	{name: "an input that does not end", run: "{ echo '{'; sleep 3; } | " + goodHook + " --timeout 500ms", deaf: true},
	{name: "no such job", run: "gait hook HOST --id nobody --actor w"},
	{name: "a job without a policy", run: "gait hook HOST --id free --actor w"},
	{name: "a paused job", run: "gait hook HOST --id paused --actor w"},
	{name: "a cancelled job", run: "gait hook HOST --id gone --actor w"},
	{name: "an id that is none", run: "gait hook HOST --id ../x --actor w"},
	{name: "no job", run: "gait hook HOST --actor w"},
	{name: "an actor that is none", run: "gait hook HOST --id job_1 --actor 'a b'"},
	{name: "an unknown flag", run: goodHook + " --allow-all"},
	{name: "an unknown flag before it", run: "gait --allow-all hook HOST --id job_1"},
	{name: "an unknown host", run: "gait hook HOSTS --id job_1"},
	{name: "no host", run: "gait hook"},
	{name: "an argument", run: goodHook + " allow"},
	{name: "help", run: goodHook + " --help"},
	{name: "help before it", run: "gait --help hook HOST"},
	{name: "the end of flags before it", run: "gait -- hook HOST"},
	{name: "a hook in another case", run: "gait Hook HOST"},
	{name: "a word that is like it", run: "gait hoo HOST"},
	{name: "JSON and a flag", run: goodHook + " --json --allow-all"},
	{name: "no time", run: goodHook + " --timeout 0s"},
	{name: "a lease that is none", run: goodHook + " --lease 0"},
	{name: "a lease that is not held", run: goodHook + " --lease 7"},
	{name: "a lease of nothing in the environment", run: "GAIT_LEASE=x " + goodHook},
	{name: "an empty variable", run: "GAIT_ROOT= " + goodHook},
	{name: "the ledger of the current directory", run: "unset GAIT_ROOT; " + goodHook},
	{name: "a ledger below the current directory", run: goodHook + " --root gait-out/jobs"},
	{name: "a ledger below it in the environment", run: "GAIT_ROOT=gait-out/jobs " + goodHook},
	{name: "no root", run: goodHook + " --root $PWD/nowhere"},
	{name: "a root that is a file", run: goodHook + " --root $PWD/policy.cedar"},
	{name: "no daemon", run: "GAIT_DAEMON=require " + goodHook},
	{name: "a daemon that is not there", run: "GAIT_URL=http://127.0.0.1:1 " + goodHook},
	{name: "a URL that is none", run: "GAIT_URL=x " + goodHook},
	{name: "no home", run: "GAIT_HOME=/dev/null/home " + goodHook},
	{name: "another home", run: "GAIT_HOME=$PWD/other_home " + goodHook},
	{name: "a key that is missing", run: goodHook + " --sign-key missing"},
	{name: "a locked ledger", run: goodHook + " --root $PWD/locked --lock-timeout 200ms", long: true},
	{name: "a locked ledger, at length", run: goodHook + " --root $PWD/locked --timeout 300ms"},
	{name: "a damaged ledger", run: goodHook + " --root $PWD/damaged", long: true},
	{name: "no room for files", run: "ulimit -f 0; " + goodHook},
	{name: "no open files", run: "ulimit -n 8; " + goodHook, long: true},
	{name: "a full standard output", input: `{EVENT, TOOL: "Bash", ARGS: {"command": "rm"}, ID: "c1"}`, run: goodHook + " > /dev/full"},
	{name: "no standard output", input: `{EVENT, TOOL: "Bash", ARGS: {"command": "rm"}, ID: "c1"}`, run: goodHook + " >&-"},
	{name: "a full standard error", input: `{EVENT, TOOL: "Bash", ARGS: {"command": "rm"}, ID: "c1"}`, run: goodHook + " 2> /dev/full"},
	{name: "no standard error", input: `{EVENT, TOOL: "Bash", ARGS: {"command": "rm"}, ID: "c1"}`, run: goodHook + " 2>&-"},
	{name: "a standard error that is dropped", input: `{EVENT, TOOL: "Bash", ARGS: {"command": "rm"}, ID: "c1"}`, run: goodHook + " 2>/dev/null"},
	{name: "a standard error that is a file", input: `{EVENT, TOOL: "Bash", ARGS: {"command": "rm"}, ID: "c1"}`, run: goodHook + " 2>>gait.log"},
	{name: "a standard error that nothing reads", input: `{EVENT, TOOL: "Bash", ARGS: {"command": "rm"}, ID: "c1"}`, run: "rm -f HOST.fifo; mkfifo HOST.fifo; : < HOST.fifo & exec 3> HOST.fifo; wait; " + goodHook + " 2>&3"},
	{name: "a wrong flag and a standard error that is full", run: "rm -f HOST.fifo; mkfifo HOST.fifo; exec 3<> HOST.fifo; head -c 65536 /dev/zero >&3; " + goodHook + " --allow-all 2>&3"},
}

// in returns an input in a host's form.
func inHost(host hook.Host, text string) string {
	names := []string{"EVENT", `"session_id": "s", "hook_event_name": "PreToolUse"`, "TOOL", `"tool_name"`, "ARGS", `"tool_input"`, "ID", `"tool_use_id"`}
	if host == hook.Generic {
		names = []string{"EVENT", `"event": "before"`, "TOOL", `"tool"`, "ARGS", `"arguments"`, "ID", `"call_id"`}
	}
	return strings.NewReplacer(names...).Replace(text)
}

// shell runs a shell command with an input, and returns its exit code and what it wrote.
func (b builtGait) shell(script, input string) (code int, out, talk string) {
	b.t.Helper()
	code, out, talk, _ = b.asHost(script, input)
	return code, out, talk
}

// asHost runs a shell command as hosts do: it writes all of the input, and then waits. unheard is
// the error of writing, which a host takes for a failure of the hook.
func (b builtGait) asHost(script, input string) (code int, out, talk string, unheard error) {
	b.t.Helper()
	cmd := exec.Command("sh", "-c", script)
	var stdout, stderr bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = b.dir, b.env, &stdout, &stderr
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		b.t.Fatal(err)
	}
	_, unheard = io.WriteString(in, input)
	in.Close()
	if err := cmd.Wait(); err != nil && cmd.ProcessState == nil {
		b.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), stdout.String(), stderr.String(), unheard
}

// hookLedger is a ledger with jobs in many states.
func hookLedger(t *testing.T) builtGait {
	b := newGait(t)
	b.env = append(b.env, "GAIT_ROOT="+filepath.Join(b.dir, "gait-out", "jobs"))
	policy := `permit (principal, action == Action::"Read", resource);
@gait_verdict("require_approval") permit (principal, action == Action::"Push", resource);`
	if err := os.WriteFile(filepath.Join(b.dir, "policy.cedar"), []byte(policy), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"job submit --id job_1 --policy policy.cedar --actor boss", "job submit --id free --actor boss",
		"job submit --id paused --policy policy.cedar --actor boss", "job pause --id paused --actor boss",
		"job submit --id gone --policy policy.cedar --actor boss", "job cancel --id gone --actor boss",
		"job submit --id waits_claude-code --policy policy.cedar --actor boss", "job submit --id waits_codex --policy policy.cedar --actor boss", "job submit --id waits_generic --policy policy.cedar --actor boss",
	} {
		if code, out, talk := b.shell("gait "+line, ""); code != 0 {
			t.Fatalf("gait %s exits %d: %s%s", line, code, out, talk)
		}
	}
	return b
}

// Whatever goes wrong, a hook ends as its host takes for no, and the gate allowed nothing.
func TestHooksSayNo(t *testing.T) {
	t.Parallel()
	b := hookLedger(t)
	for _, name := range []string{"locked", "damaged"} {
		if err := os.CopyFS(filepath.Join(b.dir, name), os.DirFS(filepath.Join(b.dir, "gait-out", "jobs"))); err != nil {
			t.Fatal(err)
		}
	}
	lock, err := os.OpenFile(filepath.Join(b.dir, "locked", "gait.lock"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(b.dir, "damaged", "ledger")); err != nil {
		t.Fatal(err)
	}
	rows := hookRows
	if testing.Short() {
		rows = ledgertest.Pick(t, slices.DeleteFunc(slices.Clone(hookRows), func(r hookRow) bool { return r.long }), 12)
	}
	for _, host := range hook.Hosts {
		places := make(chan struct{}, 8) // most rows wait for time to pass
		var rest sync.WaitGroup
		for _, r := range rows {
			places <- struct{}{}
			rest.Go(func() { b.saysNo(t, host, r); <-places })
		}
		rest.Wait()
		if code, out, talk := b.shell(strings.ReplaceAll(goodHook, "HOST", string(host)), inHost(host, strings.ReplaceAll(goodCall, "c1", string(host)))); code != 0 || talk != "" || (out == "") != (host != hook.Generic) {
			t.Errorf("gait hook %s exits %d about a call that is allowed, with %q %q", host, code, out, talk)
		}
	}
	if got := b.grants("job_1"); got != len(hook.Hosts) {
		t.Errorf("the gate gave %d grants, want those %d of calls that were allowed", got, len(hook.Hosts))
	}
}

// saysNo requires that a hook says no.
func (b builtGait) saysNo(t *testing.T, host hook.Host, r hookRow) {
	t.Helper()
	input, run := r.input, r.run
	if input == "" {
		input = goodCall
	}
	if run == "" {
		run = goodHook
	}
	for _, input := range []string{input, long(input)} {
		code, out, talk, unheard := b.asHost(strings.ReplaceAll(run, "HOST", string(host)), inHost(host, input))
		if !denies(host, code, out, talk) {
			t.Errorf("%s, %s: it exits %d with %.300q and %.300q, which is no denial", host, r.name, code, out, talk)
		}
		if unheard != nil && !r.deaf {
			t.Errorf("%s, %s: of %d bytes, the hook has not read all: %v", host, r.name, len(input), unheard)
		}
	}
}

// long makes an input longer than a pipe holds, and no other: what is between members means nothing.
func long(input string) string {
	return strings.Replace(input, "{EVENT", "{"+strings.Repeat(" ", 200_000)+"EVENT", 1)
}

// denies reports whether a host takes what a hook did for a denial.
func denies(host hook.Host, code int, out, talk string) bool {
	var said struct {
		Decision string `json:"decision"`
		Specific struct {
			Decision string `json:"permissionDecision"`
			Reason   string `json:"permissionDecisionReason"`
		} `json:"hookSpecificOutput"`
	}
	err := json.Unmarshal([]byte(out), &said)
	switch {
	case code == 0 && host == hook.Codex:
		return err == nil && said.Specific.Decision == "deny" && said.Specific.Reason != ""
	case code != hook.ExitDeny, said.Decision == "allow":
		return false
	case host == hook.Codex:
		return strings.TrimSpace(talk) != ""
	}
	return true
}

// grants returns how many open grants a job has.
func (b builtGait) grants(job string) int {
	b.t.Helper()
	code, out, talk := b.shell("gait gate list "+job+" --json", "")
	var said struct {
		Grants []struct{ Grant string } `json:"grants"`
	}
	if err := json.Unmarshal([]byte(out), &said); code != 0 || err != nil {
		b.t.Fatalf("gait gate list exits %d: %s%s", code, out, talk)
	}
	return len(said.Grants)
}

// Signals end a hook with a denial, also while it waits.
func TestHooksHeedSignals(t *testing.T) {
	t.Parallel()
	b := hookLedger(t)
	for _, host := range hook.Hosts {
		for _, s := range []os.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGHUP} {
			cmd := b.command("hook", string(host), "--id", "job_1", "--actor", "w", "--timeout", "30s")
			var out, talk bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &talk
			in, err := cmd.StdinPipe()
			if err == nil {
				err = cmd.Start()
			}
			if err != nil {
				t.Fatal(err)
			}
			waitForSignals(t, cmd.Process.Pid)
			for range 2 { // the second one comes as the first has its effect, or too late
				if err := cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
					t.Fatal(err)
				}
			}
			cmd.Wait()
			in.Close()
			if !denies(host, cmd.ProcessState.ExitCode(), out.String(), talk.String()) {
				t.Errorf("%s: after %v it ends with %v, %q and %q", host, s, cmd.ProcessState, &out, &talk)
			}
		}
	}
}

// waitForSignals waits until a process catches the signals that end one.
func waitForSignals(t *testing.T, pid int) {
	t.Helper()
	for range 600 {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			t.Skipf("what a process catches cannot be seen here: %v", err)
		}
		var caught uint64
		_, after, _ := strings.Cut(string(status), "SigCgt:\t")
		fmt.Sscanf(after, "%x", &caught)
		// A hook reads once it has asked for its signals, and then waits for its input.
		if caught&(1<<(unix.SIGHUP-1)) != 0 && reads(pid) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("a hook does not wait for its input")
}

// reads reports whether a thread of a process waits in a read of standard input.
func reads(pid int) bool {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/syscall", pid))
	for _, name := range files {
		if b, err := os.ReadFile(name); err == nil && strings.HasPrefix(string(b), fmt.Sprintf("%d 0x0 ", unix.SYS_READ)) {
			return true
		}
	}
	return false
}

// A panic is a denial, wherever it comes from.
func TestHooksSurvivePanics(t *testing.T) {
	for _, host := range hook.Hosts {
		for name, spoil := range map[string]func(*app){
			"of standard input":  func(a *app) { a.stdin = panicking{} },
			"of the environment": func(a *app) { a.getenv = func(string) string { panic("no environment") } },
			"of the clock":       func(a *app) { a.now = func() time.Time { panic("no clock") } },
			"of chance":          func(a *app) { a.entropy = panicking{} },
		} {
			var out, talk bytes.Buffer
			home := t.TempDir()
			a := &app{console: console{stdin: strings.NewReader(inHost(host, goodCall)), stdout: &out, stderr: &talk, surroundings: surroundings{
				getenv: func(name string) string { return map[string]string{"GAIT_HOME": home}[name] },
			}}, now: time.Now, entropy: ledgertest.Entropy(1), exit: func(int) {}}
			spoil(a)
			code := runLine(t.Context(), a, []string{"hook", string(host), "--id", "job_1", "--actor", "w", "--root", filepath.Join(home, "jobs")})
			if !denies(host, code, out.String(), talk.String()) {
				t.Errorf("%s: after a panic %s it exits %d with %q and %q", host, name, code, &out, &talk)
			}
		}
	}
}

type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("no read") }
