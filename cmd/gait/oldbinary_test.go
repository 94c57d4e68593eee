package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gait/ledger/ledgertest"
)

// older is the newest commit of gait that kept no index.
const older = "45832f5ea75fe5caa2cb81d60b6a5eb2cfb635c6"

// beforeAuthority is the newest commit of gait that knew no events of version 1.4.0.
const beforeAuthority = "349f0b2"

// beforeLeases is the newest commit of gait that knew no events of version 1.6.0.
const beforeLeases = "8883ae62"

// buildOlder builds the gait of an older commit in a directory, or says why it cannot.
func buildOlder(dir, older string) (path string, err error) {
	var archive bytes.Buffer
	git := exec.Command("git", "archive", older)
	git.Dir, git.Stdout = filepath.Join("..", ".."), &archive
	if err := git.Run(); err != nil {
		return "", fmt.Errorf("git archive %s: %w", older, err)
	}
	tar := exec.Command("tar", "-x", "-C", dir)
	tar.Stdin = &archive
	if out, err := tar.CombinedOutput(); err != nil {
		return "", fmt.Errorf("tar: %w: %s", err, out)
	}
	build := exec.Command("go", "build", "-o", "older", "./cmd/gait")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w: %s", err, out)
	}
	return filepath.Join(dir, "older"), nil
}

// newOldGait skips the test if there is no git with the history of this module.
func newOldGait(t *testing.T, commit string) *oldGait {
	path, err := buildOlder(t.TempDir(), commit)
	if err != nil {
		t.Skip(err)
	}
	return &oldGait{honesty: honest(newDaemonRun(t)), path: path}
}

// An oldGait runs an older gait, beside the one that is tested.
type oldGait struct {
	*honesty
	path string
}

// old runs a command line with the older gait.
func (o *oldGait) old(args ...string) verdict {
	o.t.Helper()
	cmd := exec.Command(o.path, append(args, "--json")...)
	cmd.Dir, cmd.Env = o.dir, append(o.env, "GAIT_DAEMON=never")
	out, err := cmd.Output()
	if cmd.ProcessState == nil {
		o.t.Fatal(err)
	}
	v := verdict{code: cmd.ProcessState.ExitCode()}
	if err := json.Unmarshal(out, &v.jsonOutput); err != nil {
		o.t.Fatalf("the older gait %s prints %q: %v", strings.Join(args, " "), out, err)
	}
	o.count(cameUp)
	return v
}

func (o *oldGait) mustOld(args ...string) {
	o.t.Helper()
	if v := o.old(args...); v.code != 0 {
		o.t.Fatalf("the older gait %s exits %d: %s", strings.Join(args, " "), v.code, v.ErrorCode)
	}
}

// afterOlder lets a gait that keeps no index write a ledger. The newer one
// reads it, gives it an index with its first write, and keeps the older one out.
func afterOlder(t *testing.T) *honesty {
	o := newOldGait(t, older)
	o.mustOld("job", "submit", "--id", "a")
	o.mustOld("job", "submit", "--id", "b", "--request-id", "r1")
	for i := range 20 {
		o.mustOld("job", "checkpoint", "add", "a", "--summary", fmt.Sprint("step ", i), "--request-id", fmt.Sprint("s-", i))
	}
	o.mustOld("job", "stop", "b", "--reason", "it runs wild")
	kept := filepath.Join(o.dir, "kept")
	o.copy(filepath.Join(kept, "jobs"), o.root)

	o.must("job", "list")
	if said := o.must("job", "status", "b"); said.Job.Status != "emergency_stopped" {
		o.t.Errorf("job b is %s", said.Job.Status)
	}
	o.mustOld("job", "status", "b") // nothing was written yet
	o.look("a")
	if said := o.old("job", "status", "a"); said.code != 6 || said.ErrorCode != "unsupported_version" {
		o.t.Errorf("once there is an index, the older gait exits %d: %s", said.code, said.ErrorCode)
	}
	o.start()
	o.look("a")
	o.end(syscall.SIGKILL)
	o.look("a")
	return o.honesty
}

// TestForkOfAnOlderGait shows what an older gait signs after an attack, and that the
// newer one refuses to go on from it.
func TestForkOfAnOlderGait(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a gait")
	}
	o := newOldGait(t, older)
	ledgerDir, saved := filepath.Join(o.root, "ledger"), map[string]ledgertest.Rows{}
	edit := func(steps ...string) {
		o.t.Helper()
		if err := ledgertest.EditDir(ledgerDir, editOf(saved, steps)); err != nil {
			o.t.Fatal(err)
		}
	}
	o.mustOld("job", "submit", "--id", "a")
	o.mustOld("job", "submit", "--id", "b")
	edit("save", "begun")
	o.mustOld("job", "stop", "a", "--reason", "it mails customers")
	o.mustOld("pack", "build", "--from", "a", "--out", "stopped.zip")
	edit("older", "begun", "job:a")
	o.mustOld("job", "checkpoint", "add", "a", "--type", "completed", "--summary", "all mail sent")
	o.mustOld("pack", "build", "--from", "a", "--out", "completed.zip")
	o.mustOld("pack", "verify", "completed.zip")

	code, said := o.run("job", "checkpoint", "add", "b", "--summary", "a step", "--json")
	if code != 2 {
		o.t.Errorf("behind a false event gait exits %d (%s)", code, said.ErrorCode)
	}
	if code, said := o.run("job", "stop", "b", "--reason", "now", "--json"); code != 0 {
		o.t.Errorf("stop of an intact job exits %d (%s)", code, said.ErrorCode)
	}
}

// A gait from before there was authority reads the export of a ledger up to its first event
// of version 1.4.0, and says that it does not know that version. It reads none of its packs.
func TestOlderGaitReadsUpToAuthority(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a gait")
	}
	o := newOldGait(t, beforeAuthority)
	key := filepath.Join(o.dir, "key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
		t.Skipf("ssh-keygen: %v: %s", err, out)
	}
	o.must("job", "submit", "--id", "a")
	before := filepath.Join(o.dir, "before")
	o.must("ledger", "export", "--dir", before)
	o.mustOld("replay", before)
	o.must("actor", "add", "root", "--key", key+".pub", "--role", "admin", "--role", "worker", "--sign-key", key, "--actor", "root", "--bootstrap")
	o.must("job", "checkpoint", "add", "a", "--summary", "one", "--actor", "root", "--sign-key", key)
	after, pack := filepath.Join(o.dir, "after"), filepath.Join(o.dir, "a.zip")
	o.must("ledger", "export", "--dir", after)
	o.must("pack", "build", "--from", "a", "--out", pack)
	for _, args := range [][]string{{"replay", after}, {"ledger", "import", after, "--root", filepath.Join(o.dir, "copy")}} {
		if v := o.old(args...); v.code != 2 || !strings.Contains(v.Error, "event 2 is corrupt: event written as 1.4.0: unsupported version") {
			t.Errorf("the older gait %s exits %d: %s", args[0], v.code, v.Error)
		}
	}
	if v := o.old("pack", "verify", pack); v.code != 6 || v.ErrorCode != "unsupported_version" {
		t.Errorf("of the pack the older gait says %d: %s", v.code, v.Error)
	}
}

// A gait from before there were leases goes on with the jobs that have none, and says of a
// leased one, or of a ledger whose last event it does not know, that a newer gait wrote it. It
// writes nothing then: no worker of it acts for a job that another one holds.
func TestOlderGaitBesideLeases(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a gait")
	}
	o := newOldGait(t, beforeLeases)
	o.must("job", "submit", "--id", "a")
	o.mustOld("job", "submit", "--id", "b")
	o.must("job", "lease", "take", "a")
	for _, args := range [][]string{{"job", "status", "b"}, {"job", "checkpoint", "add", "a", "--summary", "x"}, {"ledger", "verify"}} {
		if v := o.old(args...); v.code != 6 || v.ErrorCode != "unsupported_version" {
			t.Errorf("behind a lease the older gait %s exits %d: %s", strings.Join(args, " "), v.code, v.ErrorCode)
		}
	}
	o.must("job", "checkpoint", "add", "b", "--summary", "one")
	o.mustOld("job", "checkpoint", "add", "b", "--summary", "two")
	o.mustOld("job", "status", "b")
	for _, args := range [][]string{{"job", "status", "a"}, {"job", "checkpoint", "add", "a", "--summary", "x"}, {"job", "stop", "a"}, {"job", "list"}} {
		if v := o.old(args...); v.code != 6 || v.ErrorCode != "unsupported_version" {
			t.Errorf("of a leased job the older gait says %d: %s (%s)", v.code, v.ErrorCode, strings.Join(args, " "))
		}
	}
	o.must("job", "checkpoint", "add", "a", "--summary", "x", "--lease", "1")
	o.must("ledger", "verify")
}
