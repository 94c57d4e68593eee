package home_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"gait/ledger/home"
)

// A key for a ledger that is to move here is made once, and not where the ledger is written,
// or was retired.
func TestAddNextKey(t *testing.T) {
	dir, origin := filepath.Join(t.TempDir(), "home"), "a.example/log"
	first := newKey(t, origin)
	for n, want := range []bool{true, false} {
		offered := first
		if n > 0 {
			offered = newKey(t, origin)
		}
		if k, added, err := home.AddNextKey(dir, offered); err != nil || added != want || k.VerifierKey() != first.VerifierKey() {
			t.Errorf("AddNextKey = %v, %t, %v, want the first key, added: %t", k.VerifierKey(), added, err, want)
		}
	}
	must(t, home.AddKey(dir, newKey(t, "used.example")))
	must(t, home.RetirementNote{Origin: "retired.example", At: time.Unix(1, 0)}.Write(dir))
	for _, origin := range []string{"used.example", "retired.example"} {
		_, _, err := home.AddNextKey(dir, newKey(t, origin))
		if _, ok := errors.AsType[*home.UnsafeError](err); !ok {
			t.Errorf("AddNextKey for %s = %v, want an UnsafeError", origin, err)
		}
		if _, err := home.NextKey(dir, origin); err == nil {
			t.Errorf("a key was kept for %s", origin)
		}
	}
}

// A key that is put away takes the place of one that was put away before.
func TestPutAwayKey(t *testing.T) {
	dir, origin := filepath.Join(t.TempDir(), "home"), "a.example/log"
	if path, err := home.PutAwayKey(dir, newKey(t, origin).VerifierKey()); path != "" || err != nil {
		t.Errorf("PutAwayKey without a key = %q, %v", path, err)
	}
	for range 2 {
		key := newKey(t, origin)
		must(t, home.AddKey(dir, key))
		if path, err := home.PutAwayKey(dir, newKey(t, origin).VerifierKey()); path != "" || err != nil {
			t.Errorf("PutAwayKey of another key = %q, %v", path, err)
		}
		for range 2 {
			if path, err := home.PutAwayKey(dir, key.VerifierKey()); path != home.KeyPath(dir, origin, true) || err != nil {
				t.Errorf("PutAwayKey = %q, %v", path, err)
			}
		}
		if k, err := home.PrivateOf(dir, key.VerifierKey()); err != nil || k.VerifierKey() != key.VerifierKey() {
			t.Errorf("PrivateOf the key put away = %v, %v", k.VerifierKey(), err)
		}
		if _, err := home.SigningKey(dir, origin); err == nil {
			t.Error("the key is left to sign with")
		}
	}
}

// A key that is retired takes the place of one that was put away when the ledger moved away.
func TestRetireKeyAfterAMove(t *testing.T) {
	dir, origin := filepath.Join(t.TempDir(), "home"), "a.example/log"
	was, key := newKey(t, origin), newKey(t, origin)
	must(t, home.AddKey(dir, was))
	_, err := home.PutAwayKey(dir, was.VerifierKey())
	must(t, err)
	must(t, home.AddKey(dir, key))
	for range 2 {
		if path, err := home.RetireKey(dir, origin); path != home.KeyPath(dir, origin, true) || err != nil {
			t.Errorf("RetireKey = %q, %v", path, err)
		}
		keys, err := home.Keys(dir)
		if err != nil || len(keys) != 1 || !keys[0].Retired || keys[0].Key != key.VerifierKey() {
			t.Errorf("Keys = %v, %v, want the retired key alone", keys, err)
		}
	}
}
