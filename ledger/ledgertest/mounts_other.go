//go:build !linux

package ledgertest

import (
	"os/exec"
	"testing"
)

// OwnMounts skips the test: only Linux has mount namespaces.
func OwnMounts(t testing.TB, _ *exec.Cmd) {
	t.Helper()
	t.Skip("only Linux has mount namespaces")
}
