package home_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/ledger"
	"gait/ledger/home"
)

func TestKeys(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "home")
	if keys, err := home.Keys(dir); err != nil || len(keys) > 0 {
		t.Errorf("Keys without a home = %v, %v, want none", keys, err)
	}
	for _, name := range []string{"z.example", "a.example/log", "m.example"} {
		must(t, home.AddKey(dir, newKey(t, name)))
		err := home.AddKey(dir, newKey(t, name))
		if used, ok := errors.AsType[*home.OriginUsedError](err); !ok || used.Path != home.KeyPath(dir, name, false) {
			t.Errorf("AddKey of %s again = %v, want an OriginUsedError", name, err)
		}
	}
	if path, err := home.RetireKey(dir, "m.example"); err != nil || path != home.KeyPath(dir, "m.example", true) {
		t.Errorf("RetireKey = %s, %v", path, err)
	}
	write(t, filepath.Join(dir, "keys", ".half.key123"), nil)
	keys, err := home.Keys(dir)
	must(t, err)
	var got []string
	for _, k := range keys {
		got = append(got, k.Origin)
		if k.Path != home.KeyPath(dir, k.Origin, k.Retired) || k.Key.Name() != k.Origin || k.Retired != (k.Origin == "m.example") {
			t.Errorf("Keys has %+v", k)
		}
	}
	if diff := cmp.Diff([]string{"a.example/log", "z.example", "m.example"}, got); diff != "" {
		t.Errorf("Keys (-want +got):\n%s", diff)
	}
	must(t, os.Rename(keys[0].Path, filepath.Join(dir, "keys", "other.example.key")))
	if _, err := home.Keys(dir); !errors.Is(err, ledger.ErrMalformed) {
		t.Errorf("Keys with a key under another's name = %v, want ErrMalformed", err)
	}
}

// The new key of a rotation is kept apart until it replaces the old one.
func TestNextKey(t *testing.T) {
	dir, origin := filepath.Join(t.TempDir(), "home"), "a.example/log"
	first, next := newKey(t, origin), newKey(t, origin)
	must(t, home.AddKey(dir, first))
	must(t, home.PutNextKey(dir, newKey(t, origin)))
	must(t, home.PutNextKey(dir, next))
	if k, err := home.NextKey(dir, origin); err != nil || k.VerifierKey() != next.VerifierKey() {
		t.Errorf("NextKey = %v, %v, want the key put last", k.VerifierKey(), err)
	}
	if k, err := home.SigningKey(dir, origin); err != nil || k.VerifierKey() != first.VerifierKey() {
		t.Errorf("SigningKey = %v, %v, want the key in use", k.VerifierKey(), err)
	}
	for range 2 {
		must(t, home.PromoteKey(dir, next.VerifierKey()))
		if k, err := home.SigningKey(dir, origin); err != nil || k.VerifierKey() != next.VerifierKey() {
			t.Errorf("SigningKey = %v, %v, want the key of the rotation", k.VerifierKey(), err)
		}
	}
	must(t, home.PutNextKey(dir, first))
	for range 2 {
		must(t, home.DropNextKey(dir, origin))
		if _, err := home.NextKey(dir, origin); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("NextKey after DropNextKey = %v, want none", err)
		}
	}
}
