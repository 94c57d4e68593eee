package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"gait/ledger/ledgertest"
)

// readingLines are commands that only read a ledger. An @ stands for the prefix of the
// files they write.
var readingLines = []string{
	"job status a", "job status missing", "job list", "job list --limit 1", "job list --waiting-for resume --sort updated", "job inbox", "job inspect a", "job inspect b --at-revision 2", "job events --id a", "job events",
	"job checkpoint list --id a", "job checkpoint show --id a --checkpoint cp_0002", "job diff a b", "job diff --id a --from-revision 2",
	"job wait a --for status=running --timeout 5s", "job wait a --for status=cancelled --timeout 300ms",
	"ledger info", "ledger verify", "ledger checkpoint", "ledger proof --seq 3", "ledger prove --job a", "ledger prove --absent c", "ledger prove --check a.proof", "ledger witness list", "serve token list", "keys show",
	"content list", "content list --id a", "content get 0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f --id a",
	"actor list", "actor show alice", "actor show nobody", "actor allowed-signers", "authority show",
	"ledger export --dir @dir", "replay gait-out/jobs", "replay a.zip", "pack verify a.zip", "pack inspect a.zip", "pack diff a.zip a.zip", "regress run --candidate gait-out/jobs --match job=a",
	"export otel", "export otel a --out @a.jsonl", "export cloudevents --since 3", "job lease show a", "gate list", "gate list a", "gate trace --seq 3", "policy replay --policy missing.cedar",
	"report compliance --framework soc2 --id a", "report compliance --framework eu-ai-act --all --json", "report compliance --framework nist-ai-rmf --label team=x",
	"__complete job status --id b",
}

// dryLines are dry runs: they read, too, and say what the command would do for the user who
// asks.
var dryLines = []string{"job cancel a --dry-run", "ledger commit-index --dry-run"}

// keyLines are commands that also take the ledger's private key.
var keyLines = []string{"keys list", "pack build --type job --from a --out @a.zip", "pack build --type job --from a --attest --out @b.zip", "pack build --type range --from 2 --to 5 --out @r.zip", "regress init --from a --name kept --dir @regress"}

// writingCommands are the commands that write to a ledger, or to a home, or need none.
var writingCommands = []string{
	"hook claude-code", "hook codex", "hook generic",
	"completion", "demo", "doctor", "help", "schema list", "schema show", "serve", "serve token add", "serve token revoke", "version",
	"job submit", "job checkpoint add", "job pause", "job stop", "job approve", "job deny", "job resume", "job cancel", "job lease take", "job lease renew", "job lease release", "job attempt end", "job run", "work",
	"keys trust", "keys distrust", "keys rotate", "keys new", "keys export", "keys import", "keys remove",
	"ledger init", "ledger import", "ledger commit-index", "ledger cosign", "ledger rebuild", "ledger retire", "ledger witness add", "ledger witness remove",
	"ledger backup", "ledger restore", "ledger move", "content erase", "content gc", "actor add", "actor revoke", "authority set",
	"job watch", // it ends with its job
	"regress update", "gate eval", "gate exec", "gate settle", "mcp proxy", "mcp serve", "policy check", "policy init", "policy test",
}

// Every command is in one of the lists.
func TestReadingLinesAreAll(t *testing.T) {
	lines := slices.Concat(readingLines, keyLines, writingCommands)
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		name := strings.TrimPrefix(cmd.CommandPath(), "gait ")
		if !cmd.HasSubCommands() && !slices.ContainsFunc(lines, func(line string) bool { return line == name || strings.HasPrefix(line, name+" ") }) {
			t.Errorf("gait %s neither reads nor writes", name)
		}
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(gaitCommand(newApp(nil)))
}

// A readRun is a ledger that is read by several users.
type readRun struct {
	builtGait
	lines []string
	home  string
	as    []string // words before gait
}

// newReadRun makes a ledger of a user, and all that the lines name.
func newReadRun(t *testing.T, uid int) *readRun {
	r := &readRun{builtGait: newGait(t), lines: ledgertest.Pick(t, slices.Concat(readingLines, keyLines), 8)}
	r.env = append(r.env, "HOME="+r.dir)
	if uid != 0 {
		r.as = []string{"as", fmt.Sprint(uid)}
		if err := ledgertest.GiveTo(r.dir, uid); err != nil {
			t.Fatal(err)
		}
	}
	r.home = filepath.Join(r.dir, "home")
	for _, line := range []string{
		"job submit --id a --identity agent_1", "job submit --id b", "job checkpoint add a --summary <&>",
		"job checkpoint add a --type decision-needed --summary which --required-action choose", "job approve a --actor reviewer_1 --reason fine",
		"job resume a", "job pause b", "pack build --from a --out a.zip", "ledger prove --job a --out a.proof", "regress init --from a --name kept", "ledger commit-index",
	} {
		if out, err := r.gait(line).CombinedOutput(); err != nil {
			t.Fatalf("gait %s: %v\n%s", line, err, out)
		}
	}
	return r
}

// gait returns the command of a line.
func (r *readRun) gait(line string) *exec.Cmd {
	words := slices.Concat(r.as, []string{r.path}, strings.Fields(line))
	cmd := r.command()
	path, err := exec.LookPath(words[0])
	if err != nil {
		r.t.Fatal(err)
	}
	cmd.Path, cmd.Args = path, words
	return cmd
}

// play runs the lines as text and as JSON. What depends on who runs them is left out.
func (r *readRun) play(into string) map[string]outcome {
	all := map[string]outcome{}
	for _, line := range r.lines {
		for _, form := range []string{"", " --json"} {
			if form != "" && strings.HasPrefix(line, "__") {
				continue
			}
			name := line + form
			cmd := r.gait(strings.ReplaceAll(name, "@", into+strings.TrimPrefix(form, " --")))
			var out, err strings.Builder
			cmd.Stdout, cmd.Stderr = &out, &err
			if failed := cmd.Run(); cmd.ProcessState == nil {
				r.t.Fatal(failed)
			}
			text := withoutNow(line, strings.NewReplacer(into, "", r.home, "HOME").Replace(out.String()))
			all[name] = outcome{cmd.ProcessState.ExitCode(), text, strings.ReplaceAll(err.String(), into, "")}
		}
	}
	return all
}

// root returns what is in the ledger's directory: name, owner, mode, size and time.
func (r *readRun) root() string {
	r.t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(filepath.Join(r.dir, "gait-out", "jobs"), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil {
			fmt.Fprintln(&all, path, info.Mode(), info.Sys().(*syscall.Stat_t).Uid, info.Size(), info.ModTime().UnixNano())
		}
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return all.String()
}

// same fails if the lines do not print the same as they did, or if the ledger changed.
func (r *readRun) same(what string, want map[string]outcome, into string, stderr bool) {
	r.t.Helper()
	before := r.root()
	got := r.play(into)
	for name := range got {
		was, is := want[name], got[name]
		if !stderr {
			was.Stderr, is.Stderr = "", ""
		}
		if diff := cmp.Diff(was, is); diff != "" {
			r.t.Errorf("%s: gait %s: as its owner -, here +\n%s\n%s", what, name, diff, got[name].Stderr)
		}
	}
	if after := r.root(); after != before {
		r.t.Errorf("%s: the ledger's directory changed\n%s", what, cmp.Diff(before, after))
	}
}

// dry fails if a dry run of a user who cannot write does not fail as the command does.
func (r *readRun) dry(what string) {
	r.t.Helper()
	for _, line := range dryLines {
		before := r.root()
		dry, code := r.fails(line)
		if after := r.root(); after != before {
			r.t.Errorf("%s: gait %s: the ledger's directory changed\n%s", what, line, cmp.Diff(before, after))
		}
		if itself, exit := r.fails(strings.TrimSuffix(line, " --dry-run")); dry != itself || code != exit || code == 0 {
			r.t.Errorf("%s: gait %s: exit %d, %s; the command itself: exit %d, %s", what, line, code, dry, exit, itself)
		}
	}
}

// fails returns the error code and the exit code of a command.
func (r *readRun) fails(line string) (string, int) {
	cmd := r.gait(line + " --json")
	out, err := cmd.Output()
	if cmd.ProcessState == nil {
		r.t.Fatal(err)
	}
	var said struct {
		ErrorCode string `json:"error_code"`
	}
	if err := json.Unmarshal(out, &said); err != nil {
		r.t.Errorf("gait %s --json prints %q: %v", line, out, err)
	}
	return said.ErrorCode, cmd.ProcessState.ExitCode()
}

// Each reading command prints the same on a read-only file system, to the byte, and
// leaves the ledger's directory as it is. Go test tries a sample of the commands.
func TestSameOnAReadOnlyMount(t *testing.T) {
	if !mayMount() {
		t.Skip("this process may not mount anything, even in a namespace of its own")
	}
	r := newReadRun(t, 0)
	want := r.play("plain_")
	jobs := filepath.Join(r.dir, "gait-out", "jobs")
	r.as = []string{"frozen", jobs, "--"}
	r.same("read-only root", want, "frozen_", true)
	r.dry("read-only root")
	r.as = []string{"frozen", jobs, r.home, "--"}
	r.same("read-only root and home", want, "both_", false)
	r.dry("read-only root and home")
	for _, file := range []string{filepath.Join(jobs, "gait.lock"), filepath.Join(jobs, "ledger", "LOCK")} {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
	}
	r.as = []string{"frozen", jobs, "--"}
	r.same("read-only root without lock files", want, "unlocked_", true)
}

// Each reading command prints the same for another user who may read the ledger, and
// for root, and leaves the ledger's directory as it is. Go test tries a sample of the
// commands.
func TestSameForOtherUsers(t *testing.T) {
	ledgertest.OnlyRoot(t)
	r := newReadRun(t, ledgertest.Owner)
	ledgertest.Readable(t, filepath.Join(r.dir, "gait-out"))
	ledgertest.Readable(t, filepath.Join(r.dir, "regress"))
	for _, file := range []string{"a.zip", "a.proof"} {
		if err := os.Chmod(filepath.Join(r.dir, file), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	key, err := r.gait("keys show").Output()
	if err != nil {
		t.Fatal(err)
	}
	r.lines = slices.DeleteFunc(r.lines, func(line string) bool { return slices.Contains(keyLines, line) || strings.HasPrefix(line, "keys show") })
	if out, err := r.gait("ledger verify").CombinedOutput(); err != nil {
		t.Fatalf("gait ledger verify: %v\n%s", err, out)
	}
	want := r.play("owner_")
	ledgertest.Readable(t, filepath.Join(r.dir, "gait-out")) // some of them made files of the store
	if err := os.Chmod(r.dir, 0o1777); err != nil {          // for the files that the lines write
		t.Fatal(err)
	}
	owner := r.home
	for _, uid := range []int{ledgertest.Other, 0} {
		r.home = filepath.Join(t.TempDir(), "home")
		ledgertest.Reachable(t, r.home)
		if err := os.Mkdir(r.home, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := ledgertest.GiveTo(r.home, uid); err != nil {
			t.Fatal(err)
		}
		r.env = append(r.env, "GAIT_HOME="+r.home, "HOME="+r.home)
		r.as = []string{"as", fmt.Sprint(uid)}
		for _, line := range []string{"keys trust " + strings.TrimSpace(string(key)), "ledger verify", "pack verify a.zip"} {
			if out, err := r.gait(line).CombinedOutput(); err != nil {
				t.Fatalf("gait %s: %v\n%s", line, err, out)
			}
		}
		r.same(fmt.Sprintf("user %d", uid), want, fmt.Sprintf("user%d_", uid), false)
		r.dry(fmt.Sprintf("user %d", uid))
	}
	if err := os.Chmod(r.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	r.as, r.env = []string{"as", fmt.Sprint(ledgertest.Owner)}, append(r.env, "GAIT_HOME="+owner)
	if out, err := r.gait("job cancel a").CombinedOutput(); err != nil {
		t.Errorf("the owner is locked out: %v\n%s", err, out)
	}
}
