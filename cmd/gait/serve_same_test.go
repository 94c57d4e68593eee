package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/crypto/ssh"

	"gait/ledger/ledgertest"
)

var anyAge = regexp.MustCompile(`\b\d{1,2}[smhdwy] +`)

var anyTime = regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z`)

// sameLines are commands that print the same through a daemon and without one.
// An @ stands for the prefix of the files they write.
var sameLines = []string{
	"job status a", "job status b", "job status missing", "job list", "job list --limit 1", "job inbox", "job list --waiting-for decision,cancel --sort updated", "job list --sort created --reverse --limit 1", "job inspect a", "job inspect b --at-revision 2", "job inspect a --limit 2",
	"job checkpoint list --id a", "job checkpoint show --id a --checkpoint cp_0002", "job diff a b", "job diff --id a --from-revision 2", "job cancel a --dry-run", "job submit --id new --dry-run",
	"job pause b --dry-run", "job lease show a", "ledger info", "ledger verify", "ledger checkpoint", "ledger proof --seq 3", "ledger proof --seq 99", "ledger witness list", "serve token list", "ledger rebuild", "keys show", "keys list",
	"actor list", "actor show root_1", "actor show missing", "actor revoke cfo --actor root_1 --reason left --sign-key root_1 --dry-run", "authority show", "authority set --mode all --admins 2 --actor root_1 --sign-key root_1 --dry-run",
	"job approve c --actor root_1 --sign-key root_1 --dry-run", "job approve c --actor cfo --sign-key root_1", "job approve c --actor Root_1", "job stop b --actor root_1 --sign-key root_1 --dry-run", "job pause c --actor nobody_1 --sign-key root_1",
	"replay gait-out/jobs", "pack build --type job --from a --out @a.zip", "pack build --type range --from 2 --to 5 --out @r.zip", "ledger export --dir @dir", "job checkpoint list",
}

// An outcome is the output of a command.
type outcome struct {
	Code           int
	Stdout, Stderr string
}

// play runs lines, as text and as JSON. The names of files they write begin with
// into.
func (b builtGait) play(into string, lines []string) map[string]outcome {
	all := map[string]outcome{}
	for _, line := range lines {
		for _, form := range []string{"", " --json"} {
			name := line + form
			cmd := b.command(strings.Fields(strings.ReplaceAll(name, "@", into+strings.TrimPrefix(form, " --")))...)
			var out, err strings.Builder
			cmd.Stdout, cmd.Stderr = &out, &err
			cmd.Run()
			text := withoutNow(line, strings.ReplaceAll(out.String(), into, ""))
			all[name] = outcome{cmd.ProcessState.ExitCode(), text, strings.ReplaceAll(err.String(), into, "")}
		}
	}
	return all
}

// withoutNow takes the time at which a line was run out of what it printed.
func withoutNow(line, text string) string {
	if strings.Contains(line, "--dry-run") {
		text = anyTime.ReplaceAllString(text, "TIME")
	}
	if strings.HasPrefix(line, "job list") || strings.HasPrefix(line, "job inbox") {
		text = anyAge.ReplaceAllString(text, "AGE ")
	}
	return text
}

// writeSSHKey writes an Ed25519 key as ssh-keygen does, and its public half beside it.
func writeSSHKey(t *testing.T, path string) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(path, pem.EncodeToMemory(block), 0o600), os.WriteFile(path+".pub", ssh.MarshalAuthorizedKey(key), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// Commands print the same through a daemon and without one, to the byte, on one
// ledger. Go test tries a sample of
// the commands.
func TestSameThroughDaemon(t *testing.T) {
	b := newGait(t)
	writeSSHKey(t, filepath.Join(b.dir, "root_1"))
	for _, line := range []string{
		"job submit --id a --identity agent_1", "job submit --id b", "job submit --id c", "job checkpoint add c --type decision-needed --summary which --required-action choose",
		"actor add root_1 --key root_1.pub --role admin,approver --bootstrap --sign-key root_1", "job checkpoint add a --summary <&>",
		"job checkpoint add a --type decision-needed --summary which --required-action choose", "job approve a --actor reviewer_1 --reason fine",
		"job pause b", "job stop b", "keys rotate --reason planned", "job checkpoint add a --summary behind",
	} {
		if out, err := b.command(strings.Fields(line)...).CombinedOutput(); err != nil {
			t.Fatalf("gait %s: %v\n%s", line, err, out)
		}
	}
	b.command("job", "pause", "b").Run()                                              // refused, and on the ledger
	if out, err := b.command("ledger", "commit-index").CombinedOutput(); err != nil { // else the first pack would do it
		t.Fatalf("gait ledger commit-index: %v\n%s", err, out)
	}
	b.env = append(b.env, "GAIT_DAEMON=never")
	lines := ledgertest.Pick(t, sameLines, 10)
	want := b.play("without_", lines)
	d := b.serve()
	b.env = append(b.env, "GAIT_DAEMON=require")
	got := b.play("through_", lines)
	if err := d.stop(); err != nil {
		t.Errorf("the daemon stops with %v", err)
	}
	succeeded := 0
	for name := range want {
		if diff := cmp.Diff(want[name], got[name]); diff != "" {
			t.Errorf("gait %s: without the daemon -, through it +\n%s", name, diff)
		}
		if want[name].Code == 0 {
			succeeded++
		}
	}
	if ledgertest.Every() && succeeded < 46 || succeeded == 0 {
		t.Errorf("only %d of %d commands succeeded", succeeded, len(want))
	}
	for _, pack := range []string{"a.zip", "jsona.zip", "r.zip"} {
		a, errA := os.ReadFile(filepath.Join(b.dir, "without_"+pack))
		through, errB := os.ReadFile(filepath.Join(b.dir, "through_"+pack))
		if errors.Is(errA, fs.ErrNotExist) && errors.Is(errB, fs.ErrNotExist) && !ledgertest.Every() {
			continue // not in the sample
		}
		if errA != nil || errB != nil || string(a) != string(through) {
			t.Errorf("the pack %s differs: %v, %v", pack, errA, errB)
		}
	}
}
