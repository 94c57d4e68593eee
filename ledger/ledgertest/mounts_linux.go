package ledgertest

import (
	"os/exec"
	"syscall"
	"testing"
)

// OwnMounts runs a command in a mount namespace of its own: what it mounts, no other
// process sees, and it goes when the command ends. If this process may not do so, the
// test is skipped.
func OwnMounts(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	dir := t.TempDir()
	try := exec.Command("mount", "-t", "tmpfs", "none", dir)
	try.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	if out, err := try.CombinedOutput(); err != nil {
		t.Skipf("this process may not mount anything, even in a namespace of its own: %v %s", err, out)
	}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Unshareflags |= syscall.CLONE_NEWNS
}
