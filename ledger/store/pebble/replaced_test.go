package pebble_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"gait/ledger/ledgertest"
)

// Closing a table writes what it holds in memory, and by path. If its directory was removed
// and another is there, that is not written to.
func TestNothingIsWrittenWhereTheDirectoryWasReplaced(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	fatal := make(chan error, 1)
	o := ledgertest.Options{FS: vfs.Default, Signer: ledgertest.Key(ledgertest.Origin), Fatal: func(err error) {
		fatal <- err
		select {} // as the end of the process would
	}}
	log, err := ledgertest.CreateWith(dir, ledgertest.First(o.Signer.VerifierKey()), o)
	if err != nil {
		t.Fatal(err)
	}
	ledgertest.Append(t, log, ledgertest.Submit("job_1"))
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	closed := make(chan error, 1)
	go func() { closed <- log.Close() }()
	select {
	case err := <-closed:
		t.Errorf("Close = %v, want the end of the process", err)
	case err := <-fatal:
		if !strings.Contains(err.Error(), "was replaced") {
			t.Errorf("Fatal was told %v", err)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("the new directory holds %v, %v", left, err)
	}
}
