package home_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/ledgertest"
)

func TestKnownRoot(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gait")
	key := ledgertest.Key(ledgertest.Origin).VerifierKey()
	if _, found, err := home.ReadKnownRoot(dir, "/srv/jobs"); found || err != nil {
		t.Errorf("ReadKnownRoot of no home = %t, %v, want nothing", found, err)
	}
	plain := home.KnownRoot{Dir: "/srv/jobs", Key: key}
	accepted := home.KnownRoot{Dir: "/srv/other", Key: key, Accepted: ledger.Checkpoint{Origin: key.Name(), Size: 3, Root: ledger.LeafHash(nil)}}
	for _, p := range []home.KnownRoot{plain, accepted} {
		must(t, p.Write(dir))
		got, found, err := home.ReadKnownRoot(dir, p.Dir)
		if !found || err != nil || got != p || got.Origin() != ledgertest.Origin {
			t.Errorf("ReadKnownRoot = %+v, %t, %v, want %+v", got, found, err, p)
		}
	}
	all, err := home.KnownRoots(dir)
	if diff := cmp.Diff([]string{"/srv/jobs", "/srv/other"}, dirs(all)); err != nil || diff != "" {
		t.Errorf("KnownRoots, %v (-want +got):\n%s", err, diff)
	}
	strange := home.KnownRoot{Dir: "/srv/\xff", Key: key}
	must(t, strange.Write(dir))
	if _, found, err := home.ReadKnownRoot(dir, strange.Dir); found || err != nil {
		t.Errorf("a path that is not UTF-8 is remembered: %t, %v", found, err)
	}
}

func dirs(all []home.KnownRoot) (list []string) {
	for _, p := range all {
		list = append(list, p.Dir)
	}
	return list
}

// What was changed, or put under another path, is damage and no memory.
func TestKnownRootDamaged(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "gait")
	key := ledgertest.Key(ledgertest.Origin).VerifierKey()
	must(t, home.KnownRoot{Dir: "/srv/jobs", Key: key}.Write(dir))
	path := home.KnownRootPath(dir, "/srv/jobs")
	good := read(t, path)
	must(t, os.WriteFile(home.KnownRootPath(dir, "/srv/other"), good, 0o600))
	if _, _, err := home.ReadKnownRoot(dir, "/srv/other"); !isCorruptError(err) {
		t.Errorf("ReadKnownRoot of another root's memory = %v, want a CorruptError", err)
	}
	if _, err := home.KnownRoots(dir); !isCorruptError(err) {
		t.Errorf("KnownRoots with one under another name = %v, want a CorruptError", err)
	}
	must(t, os.Remove(home.KnownRootPath(dir, "/srv/other")))
	bad := [][]byte{nil, good[:len(good)-1], append(bytes.Clone(good), '\n'), bytes.Replace(good, []byte("/srv"), []byte("srv"), 1)}
	for i := range good {
		b := bytes.Clone(good)
		b[i] ^= 1
		bad = append(bad, b)
	}
	for _, b := range bad {
		must(t, os.WriteFile(path, b, 0o600))
		if p, found, err := home.ReadKnownRoot(dir, "/srv/jobs"); !isCorruptError(err) && !errors.Is(err, ledger.ErrUnsupportedVersion) {
			t.Errorf("ReadKnownRoot of %q = %+v, %t, %v, want an error", b, p, found, err)
		}
	}
}

func isCorruptError(err error) bool {
	_, ok := errors.AsType[*ledger.CorruptError](err)
	return ok
}
