package ledgertest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The users that tests run processes as. Neither needs to have a name.
const (
	Owner = 4711
	Other = 4712
)

// As makes a command one of another user. A test that only root can make is skipped.
func As(t testing.TB, cmd *exec.Cmd, uid int) {
	t.Helper()
	OnlyRoot(t)
	Reachable(t, cmd.Path)
	if cmd.Dir != "" {
		Reachable(t, cmd.Dir)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
}

// Said runs the test's own binary with a variable, as VARIABLE=VALUE, that tells its
// TestMain what to do, and returns what it printed in lines of NAME: TEXT. set chooses
// who runs it, and where.
func Said(t testing.TB, variable string, set func(*exec.Cmd)) map[string]string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), variable)
	set(cmd)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("with %s: %v\n%s", variable, err, out)
	}
	said := map[string]string{}
	for line := range strings.Lines(string(out)) {
		name, what, _ := strings.Cut(strings.TrimSpace(line), ": ")
		said[name] = what
	}
	return said
}

// OnlyRoot skips a test that only root can make: it acts as several users.
func OnlyRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can run processes as other users")
	}
}

// Reachable opens the directories that lead to a path, and are this user's temporary
// ones, so that other users can use what is there if its own mode lets them.
func Reachable(t testing.TB, path string) {
	t.Helper()
	for dir := filepath.Dir(path); dir != filepath.Dir(dir) && dir != filepath.Clean(os.TempDir()); dir = filepath.Dir(dir) {
		st, err := os.Stat(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(dir, st.Mode().Perm()|0o011); err != nil {
			t.Fatal(err)
		}
	}
}

// Give gives a directory and all in it to a user.
func Give(t testing.TB, dir string, uid int) {
	t.Helper()
	if err := GiveTo(dir, uid); err != nil {
		t.Fatal(err)
	}
}

// GiveTo is Give outside a test.
func GiveTo(dir string, uid int) error {
	return filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err == nil {
			err = os.Lchown(path, uid, uid)
		}
		return err
	})
}

// Readable lets every user read a directory and all in it.
func Readable(t testing.TB, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return os.Chmod(path, 0o755)
		case d.Type().IsRegular():
			return os.Chmod(path, 0o644)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
