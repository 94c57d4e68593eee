package home_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/ledgertest"
)

// useEnv makes the test binary use the home that it names, as the user it runs as, and
// print what each use gives.
const useEnv = "HOME_TEST_USE"

// uses are what a process does with a home.
var uses = []struct {
	name   string
	writes bool
	do     func(dir string) error
}{
	{"trusted keys", false, func(dir string) error { _, err := home.TrustedKeys(dir); return err }},
	{"seen", false, func(dir string) error {
		_, _, err := home.Seen(dir, ledgertest.Key(ledgertest.Origin).VerifierKey())
		return err
	}},
	{"ready", true, func(dir string) error { return home.Ready(dir, ledgertest.Key(ledgertest.Origin).VerifierKey()) }},
	{"create", true, func(dir string) error { return home.CheckWritable(dir, "") }},
	{"rotate", true, func(dir string) error { return home.CheckWritable(dir, ledgertest.Origin) }},
	{"trust", true, func(dir string) error {
		_, err := home.Trust(dir, ledgertest.KeyAfter(ledgertest.Origin, 5).VerifierKey().PublicKey())
		return err
	}},
	{"add a key", true, func(dir string) error { return home.AddKey(dir, ledgertest.Key("new.example")) }},
	{"index note", true, func(dir string) error {
		return home.IndexNote{Origin: ledgertest.Origin, At: []home.IndexAt{{Size: 9}}}.Write(dir)
	}},
	{"retire", true, func(dir string) error { return home.RetirementNote{Origin: ledgertest.Origin}.Write(dir) }},
	{"remember", true, func(dir string) error {
		key := ledgertest.Key(ledgertest.Origin)
		c := ledger.Checkpoint{Origin: ledgertest.Origin, Size: 8, Root: ledger.Hash{8}}
		signed, err := c.Sign(key)
		if err != nil {
			return err
		}
		return home.Remember(dir, signed, true, key.VerifierKey())
	}},
}

func useHome(dir string) {
	for _, use := range uses {
		err := use.do(dir)
		denied, ok := errors.AsType[*home.AccessError](err)
		switch {
		case err == nil:
			fmt.Printf("%s: ok\n", use.name)
		case ok:
			fmt.Printf("%s: %s %s hint %s\n", use.name, denied.Fault().Code, denied.Path, denied.Hint())
		default:
			fmt.Printf("%s: %v\n", use.name, err)
		}
	}
	os.Exit(0)
}

// used has a process use a home, and returns what each use gave.
func used(t *testing.T, dir string, set func(*exec.Cmd)) map[string]string {
	t.Helper()
	return ledgertest.Said(t, useEnv+"="+dir, set)
}

// newHome makes a home that knows a ledger.
func newHome(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "gait")
	key := ledgertest.Key(ledgertest.Origin)
	must(t, home.AddKey(dir, key))
	must(t, home.TrustOwn(dir, key.VerifierKey().PublicKey()))
	must(t, home.Remember(dir, signedAt(t, 1, key), true, key.VerifierKey()))
	must(t, home.Remember(dir, signedAt(t, 2, key), true, key.VerifierKey()))
	return dir
}

// A home that its user cannot write is read, and says so before anything is written.
func TestUnwritableHome(t *testing.T) {
	dir := newHome(t)
	ledgertest.OnlyRoot(t)
	ledgertest.Reachable(t, dir)
	ledgertest.Give(t, dir, ledgertest.Owner)
	must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		mode := fs.FileMode(0o400)
		if err == nil && d.IsDir() {
			mode = 0o500
		}
		return errors.Join(err, os.Chmod(path, mode))
	}))
	said := used(t, dir, func(cmd *exec.Cmd) { ledgertest.As(t, cmd, ledgertest.Owner) })
	for _, use := range uses {
		got := said[use.name]
		if !use.writes && got != "ok" || use.writes && !strings.HasPrefix(got, "home_unwritable "+dir) {
			t.Errorf("%s with a home that cannot be written: %s", use.name, got)
		}
		if use.writes && !strings.Contains(got, " hint chmod u+w '"+dir) {
			t.Errorf("%s names no fix: %s", use.name, got)
		}
	}
}

// What root left in a home is named, and how to get it back.
func TestHomeThatRootWroteIn(t *testing.T) {
	dir := newHome(t)
	ledgertest.OnlyRoot(t)
	ledgertest.Reachable(t, dir)
	ledgertest.Give(t, dir, ledgertest.Owner)
	slots := home.LedgerDir(dir, ledgertest.Origin)
	for _, slot := range []string{"checkpoint.0", "checkpoint.1"} {
		must(t, os.Lchown(filepath.Join(slots, slot), 0, 0))
	}
	said := used(t, dir, func(cmd *exec.Cmd) { ledgertest.As(t, cmd, ledgertest.Owner) })
	for _, name := range []string{"seen", "ready"} {
		if got := said[name]; !strings.HasPrefix(got, "home_unreadable "+slots+"/checkpoint.") || !strings.Contains(got, "sudo chown -R 4711 '"+slots) {
			t.Errorf("%s with slots of root = %s", name, got)
		}
	}
	for _, slot := range []string{"checkpoint.0", "checkpoint.1"} {
		must(t, os.Chmod(filepath.Join(slots, slot), 0o644))
	}
	said = used(t, dir, func(cmd *exec.Cmd) { ledgertest.As(t, cmd, ledgertest.Owner) })
	if got := said["ready"]; said["seen"] != "ok" || !strings.HasPrefix(got, "home_unwritable "+slots+"/checkpoint.") || !strings.Contains(got, "sudo chown -R 4711 '"+slots+"/checkpoint.") {
		t.Errorf("ready with slots that only root can write = %s", got)
	}
}

// A home that only another user can look into is named too.
func TestHiddenHome(t *testing.T) {
	dir := newHome(t)
	ledgertest.OnlyRoot(t)
	ledgertest.Reachable(t, filepath.Dir(dir))
	must(t, os.Chmod(filepath.Dir(dir), 0o700))
	for name, got := range used(t, dir, func(cmd *exec.Cmd) { ledgertest.As(t, cmd, ledgertest.Other) }) {
		if !strings.HasPrefix(got, "home_unreadable "+dir) || !strings.Contains(got, "GAIT_HOME=DIR") {
			t.Errorf("%s with the home of another user: %s", name, got)
		}
	}
}

// A full disk is noticed before it is needed. A process in a namespace of its own
// mounts a small one.
func TestFullHome(t *testing.T) {
	ledgertest.OnlyRoot(t)
	dir := newHome(t)
	top := filepath.Dir(dir)
	const script = `set -e
cp -a "$0/gait" "$0/kept"
mount -t tmpfs -o size=128k,mode=700 none "$0/gait" && cp -a "$0/kept/." "$0/gait/"
rm "$0/gait/ledgers/"*/checkpoint.1
dd if=/dev/zero of="$0/gait/fill" bs=4k 2>/dev/null || true
exec "$1"`
	said := used(t, dir, func(cmd *exec.Cmd) {
		*cmd = *exec.Command("sh", "-c", script, top, os.Args[0])
		cmd.Env = append(os.Environ(), useEnv+"="+dir)
		ledgertest.OwnMounts(t, cmd)
	})
	for _, use := range uses {
		got := said[use.name]
		if use.writes && !strings.HasPrefix(got, "home_unwritable "+dir) || use.writes && !strings.Contains(got, "make room") || !use.writes && got != "ok" {
			t.Errorf("%s with a home on a full disk: %s", use.name, got)
		}
	}
}

// An AccessError says what cannot be done, and why.
func TestAccessErrors(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct {
		err  error
		want string
	}{
		{home.InHome.Unwritable(dir, &fs.PathError{Op: "open", Path: "x", Err: unix.EROFS}), "home_unwritable: " + dir + " cannot be written: read-only file system"},
		{home.InRoot.Unwritable(dir, unix.ENOSPC), "root_unwritable: " + dir + " cannot be written: no space left on device"},
		{home.InRoot.Unreadable(dir, unix.EACCES), "root_unreadable: " + dir + " cannot be read: permission denied"},
		{home.InHome.Unwritable(dir, home.InRoot.Unreadable("/y", unix.EACCES)), "root_unreadable: /y cannot be read: permission denied"},
		{home.InHome.Unreadable(dir, unix.ENOSPC), "internal: no space left on device"},
		{home.InHome.Unwritable(dir, unix.EIO), "internal: input/output error"},
	} {
		got := "internal: " + tt.err.Error()
		if denied, ok := errors.AsType[*home.AccessError](tt.err); ok {
			got = denied.Fault().Code + ": " + denied.Error()
		}
		if got != tt.want && !strings.HasPrefix(got, tt.want+"; it belongs to") {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
	if home.InHome.Unwritable(dir, nil) != nil {
		t.Error("no error became one")
	}
}

// Ready keeps what is kept, and makes the slot that comes next.
func TestReadyChangesNoCheckpoint(t *testing.T) {
	dir := newHome(t)
	key := ledgertest.Key(ledgertest.Origin).VerifierKey()
	slots := home.LedgerDir(dir, ledgertest.Origin)
	kept := map[string]string{}
	for _, slot := range []string{"checkpoint.0", "checkpoint.1"} {
		kept[slot] = string(read(t, filepath.Join(slots, slot)))
	}
	must(t, home.Ready(dir, key))
	for slot, want := range kept {
		if got := read(t, filepath.Join(slots, slot)); string(got) != want {
			t.Errorf("%s is now %q, want %q", slot, got, want)
		}
	}
	must(t, os.Remove(filepath.Join(slots, "checkpoint.0")))
	must(t, home.Ready(dir, key))
	if g, err := home.LoadGuard(dir, key); err != nil || g.Check() != nil {
		t.Errorf("LoadGuard = %v", err)
	}
	seen, _, err := home.Seen(dir, key)
	if err != nil || len(seen) != 1 || seen[0].Size != 2 {
		t.Errorf("Seen = %+v, %v, want 2 events", seen, err)
	}
}
