package pebble_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"gait/ledger/ledgertest"
)

// A group that may read the directory of a ledger may read the files that are made there
// later. Other users may not, whatever the directory lets them.
func TestFilesFollowTheDirectory(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	for _, tt := range []struct{ dir, want fs.FileMode }{
		{0o700, 0o600}, {0o750, 0o640}, {0o755, 0o640}, {0o770, 0o640}, {0o740, 0o600}, {0o710, 0o600}, {0o705, 0o600},
	} {
		dir := filepath.Join(t.TempDir(), "ledger")
		ledgertest.Must(t, ledgertest.Create(t, dir, ledgertest.Options{}).Close())
		ledgertest.Must(t, os.Chmod(dir, tt.dir))
		before := modes(t, dir)
		for _, oneShot := range []bool{true, false, true} {
			log, err := ledgertest.Open(dir, ledgertest.Options{OneShot: oneShot, Signer: ledgertest.Key(ledgertest.Origin)})
			ledgertest.Must(t, err)
			ledgertest.Append(t, log, ledgertest.Submit("job_"+log.Head().Leaf.String()[:8]))
			ledgertest.Must(t, log.Close())
		}
		made := 0
		for name, mode := range modes(t, dir) {
			if _, was := before[name]; was && mode == before[name] {
				continue
			}
			if made++; mode != tt.want {
				t.Errorf("in a directory of mode %v, %s has mode %v, want %v", tt.dir, name, mode, tt.want)
			}
		}
		if made < 3 {
			t.Errorf("%d files were made", made)
		}
	}
}

// modes returns the permissions of the files in a directory.
func modes(t *testing.T, dir string) map[string]fs.FileMode {
	t.Helper()
	files, err := os.ReadDir(dir)
	ledgertest.Must(t, err)
	found := map[string]fs.FileMode{}
	for _, file := range files {
		info, err := file.Info()
		ledgertest.Must(t, err)
		found[file.Name()] = info.Mode().Perm()
	}
	return found
}
