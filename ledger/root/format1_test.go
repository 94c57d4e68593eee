package root_test

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/ledgertest"
	"gait/ledger/root"
)

// unpack unpacks a stored root and its home.
func unpack(t *testing.T, path string) (dir string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	for in := tar.NewReader(z); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			return dir
		}
		if err != nil {
			t.Fatal(err)
		}
		name, mode := filepath.Join(dir, h.Name), fs.FileMode(h.Mode)
		if h.Typeflag == tar.TypeDir {
			err = os.Mkdir(name, mode)
		} else {
			b, readErr := io.ReadAll(in)
			err = errors.Join(readErr, os.WriteFile(name, b, mode))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A root that was written when the store had format 1 is read as it is, and gets its
// index when it is opened to be written.
func TestStoredRootOfFormat1(t *testing.T) {
	dir := unpack(t, "../../fixtures/stores/1.tar.gz")
	o := root.Options{
		Dir: filepath.Join(dir, "jobs"), Home: filepath.Join(dir, "home"), Entropy: ledgertest.Entropy(1),
		Now: func() time.Time { return time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC) },
	}
	for i, step := range []struct {
		mode  root.Mode
		state ledger.IndexState
	}{{root.Read, ledger.IndexUnchecked}, {root.Once, ledger.IndexProved}, {root.Read, ledger.IndexProved}, {root.Serve, ledger.IndexProved}} {
		o.Mode = step.mode
		r, err := root.Open(t.Context(), o)
		if err != nil {
			t.Fatalf("opening %d = %v", i, err)
		}
		if r.Log.Index() != step.state {
			t.Errorf("opened to %v the index is %s (%v), want %s", step.mode, r.Log.Index(), r.Log.IndexErr(), step.state)
		}
		ledgertest.Check(t, r.Log)
		if i > 0 && step.mode != root.Read {
			ledgertest.Append(t, r.Log, ledgertest.Submit("new_"+step.state.String()+string(rune('a'+i))))
			ledgertest.Check(t, r.Log)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// An older copy of a ledger of format 1, beside the tables of a newer state, is refused
// before it gets its index: the first commit would remove those tables.
func TestARefusedOneShotOfFormat1RemovesNothing(t *testing.T) {
	dir := unpack(t, "../../fixtures/stores/1.tar.gz")
	o := root.Options{
		Dir: filepath.Join(dir, "jobs"), Home: filepath.Join(dir, "home"), Entropy: ledgertest.Entropy(1), Mode: root.Once,
		Now: func() time.Time { return time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC) },
	}
	here, older := filepath.Join(o.Dir, "ledger"), filepath.Join(dir, "older")
	must(t, os.CopyFS(older, os.DirFS(here)))
	r, err := root.Open(t.Context(), o)
	must(t, err)
	ledgertest.Append(t, r.Log, ledgertest.Submit("newer"))
	origin := r.Log.Origin()
	must(t, r.Close())
	tables, err := filepath.Glob(filepath.Join(here, "*.sst"))
	must(t, err)
	for _, table := range tables {
		write(t, filepath.Join(older, filepath.Base(table)), read(t, table))
	}
	must(t, os.RemoveAll(here))
	must(t, os.CopyFS(here, os.DirFS(older)))
	must(t, os.Chmod(here, 0o700))
	must(t, os.Remove(filepath.Join(home.LedgerDir(o.Home, origin), "index"))) // the newer events were written by an older gait
	before := names(t, here)
	_, err = root.Open(t.Context(), o)
	if _, back := errors.AsType[*home.RolledBackError](err); !back {
		t.Fatalf("Open of an older copy = %v, want a RolledBackError", err)
	}
	for _, name := range before {
		if !slices.Contains(names(t, here), name) {
			t.Errorf("the refused open removed %s", name)
		}
	}
}
