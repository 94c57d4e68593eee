package home_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/ledgertest"
)

// signedAt returns a checkpoint of a size by a key of ledgertest.Origin.
func signedAt(t *testing.T, size int64, key ledger.PrivateKey) []byte {
	t.Helper()
	signed, err := ledger.Checkpoint{Origin: ledgertest.Origin, Size: size, Root: ledger.Hash{byte(size)}}.Sign(key)
	must(t, err)
	return signed
}

// A user who knows only a ledger's first key neither forgets nor ignores what was
// seen of the ledger under a later key.
func TestSeenUnderLaterKey(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Chmod(dir, 0o700))
	var private []ledger.PrivateKey
	var keys []ledger.VerifierKey
	for n := range uint64(3) {
		private = append(private, ledgertest.KeyAfter(ledgertest.Origin, n))
		keys = append(keys, private[n].VerifierKey())
	}
	seen := func(size int64, by ...ledger.VerifierKey) {
		t.Helper()
		at, _, err := home.Seen(dir, by...)
		if err != nil || len(at) != 1 || at[0].Size != size {
			t.Errorf("Seen by %d keys = %+v, %v, want %d events", len(by), at, err, size)
		}
	}
	must(t, home.Remember(dir, signedAt(t, 10, private[0]), true, keys[0]))
	must(t, home.Remember(dir, signedAt(t, 20, private[1]), true, keys[:2]...))
	seen(20, keys[0])
	must(t, home.Remember(dir, signedAt(t, 12, private[0]), true, keys[0]))
	must(t, home.Remember(dir, signedAt(t, 13, private[0]), true, keys[0]))
	seen(20, keys[0])
	must(t, home.Remember(dir, signedAt(t, 30, private[2]), true, keys...))
	for n := range keys {
		seen(30, keys[:n+1]...)
	}
	must(t, home.Remember(dir, signedAt(t, 25, private[1]), true, keys[:2]...))
	seen(30, keys[:2]...)

	// A key that the first key did not hand the ledger to is refused, and changes nothing.
	other := ledgertest.KeyAfter(ledgertest.Origin, 9)
	err := home.Remember(dir, signedAt(t, 99, other), true, keys[0], other.VerifierKey())
	if !errors.Is(err, home.ErrOtherKey) {
		t.Errorf("Remember of another successor = %v, want ErrOtherKey", err)
	}
	seen(30, keys...)
	if at, _, err := home.Seen(dir, keys[0], other.VerifierKey()); err != nil || ledger.OneHistory(at[0].Keys, []ledger.VerifierKey{keys[0], other.VerifierKey()}) {
		t.Errorf("Seen by another successor = %+v, %v, want the keys seen", at, err)
	}
}

// A checkpoint is not kept if the keys that lead to the one that signed it cannot be.
func TestKeysAreKeptBeforeWhatTheySigned(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Chmod(dir, 0o700))
	first, second, other := ledgertest.Key(ledgertest.Origin), ledgertest.KeyAfter(ledgertest.Origin, 1), ledgertest.KeyAfter(ledgertest.Origin, 2)
	must(t, home.Remember(dir, signedAt(t, 10, other), true, first.VerifierKey(), other.VerifierKey()))
	kept := home.LedgerDir(dir, ledgertest.Origin)
	for _, name := range []string{"checkpoint.0", "checkpoint.1"} {
		if err := os.Remove(filepath.Join(kept, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	third := ledgertest.KeyAfter(ledgertest.Origin, 3)
	err := home.Remember(dir, signedAt(t, 20, third), true, first.VerifierKey(), second.VerifierKey(), third.VerifierKey())
	if !errors.Is(err, home.ErrOtherKey) {
		t.Errorf("Remember = %v, want ErrOtherKey", err)
	}
	if at, _, err := home.Seen(dir, third.VerifierKey()); err != nil || len(at) > 0 {
		t.Errorf("Seen = %+v, %v, want nothing", at, err)
	}
}

// The rotated keys are found wherever the home is: its path is no pattern.
func TestRotatedKeysOfAnyHome(t *testing.T) {
	for _, name := range []string{"home", "[home]", "ho*me", "h?", `back\slash`} {
		dir := filepath.Join(t.TempDir(), name)
		must(t, os.Mkdir(dir, 0o700))
		first, second := ledgertest.Key(ledgertest.Origin), ledgertest.KeyAfter(ledgertest.Origin, 1)
		must(t, home.Remember(dir, signedAt(t, 10, second), true, first.VerifierKey(), second.VerifierKey()))
		if keys, err := home.RotatedKeys(dir); err != nil || len(keys) != 2 {
			t.Errorf("RotatedKeys of %s = %v, %v, want both keys", name, keys, err)
		}
	}
	if keys, err := home.RotatedKeys(t.TempDir()); err != nil || keys != nil {
		t.Errorf("RotatedKeys of an empty home = %v, %v, want none", keys, err)
	}
}

// A key that is not linked to those seen of its origin cannot read what they
// signed, and does not replace it.
func TestSeenByAnotherKey(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Chmod(dir, 0o700))
	mine, other := ledgertest.Key(ledgertest.Origin), ledgertest.KeyAfter(ledgertest.Origin, 9)
	must(t, home.Remember(dir, signedAt(t, 10, mine), true, mine.VerifierKey()))
	if at, _, err := home.Seen(dir, other.VerifierKey()); !errors.Is(err, home.ErrOtherKey) {
		t.Errorf("Seen = %+v, %v, want ErrOtherKey", at, err)
	}
	if err := home.Remember(dir, signedAt(t, 20, other), true, other.VerifierKey()); !errors.Is(err, home.ErrOtherKey) {
		t.Errorf("Remember = %v, want ErrOtherKey", err)
	}
	at, kept, err := home.Seen(dir, mine.VerifierKey())
	if err != nil || len(at) != 1 || at[0].Size != 10 {
		t.Errorf("Seen = %+v, %v, want 10 events", at, err)
	}
	// A slot that a crash tore is written again.
	torn := filepath.Join(kept, "checkpoint.0")
	b := read(t, torn)
	b[len(b)-10] ^= 1
	write(t, torn, b)
	must(t, home.Remember(dir, signedAt(t, 11, mine), true, mine.VerifierKey()))
	if at, _, err := home.Seen(dir, mine.VerifierKey()); err != nil || len(at) != 1 || at[0].Size != 11 {
		t.Errorf("Seen after a torn slot = %+v, %v, want 11 events", at, err)
	}
}

// The file of the keys seen is read strictly.
func TestSeenKeysMalformed(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Chmod(dir, 0o700))
	key := ledgertest.Key(ledgertest.Origin)
	must(t, home.Remember(dir, signedAt(t, 10, key), true, key.VerifierKey()))
	for _, text := range []string{"no key\n", ledgertest.Key("other.example/log").VerifierKey().String() + "\n"} {
		write(t, filepath.Join(home.LedgerDir(dir, ledgertest.Origin), "keys"), []byte(text))
		_, _, err := home.Seen(dir, key.VerifierKey())
		if _, ok := errors.AsType[*ledger.CorruptError](err); !ok {
			t.Errorf("keys seen of %.20q: %v, want a CorruptError", text, err)
		}
	}
}

// A checkpoint from a pack that does not prove how it follows the history seen is
// kept apart, and does not change the linked one.
func TestSeenInPacks(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Chmod(dir, 0o700))
	key := ledgertest.Key(ledgertest.Origin)
	must(t, home.Remember(dir, signedAt(t, 10, key), true, key.VerifierKey()))
	must(t, home.Remember(dir, signedAt(t, 20, key), false, key.VerifierKey()))
	must(t, home.Remember(dir, signedAt(t, 15, key), false, key.VerifierKey()))
	at, kept, err := home.Seen(dir, key.VerifierKey())
	if err != nil || len(at) != 2 || at[0].Size != 10 || at[1].Size != 20 {
		t.Errorf("Seen = %+v, %v, want 10 events that are linked, and 20", at, err)
	}
	// One slot can be torn by a crash, but not both.
	for _, name := range []string{"checkpoint.0", "checkpoint.1"} {
		write(t, filepath.Join(kept, name), []byte("junk"))
	}
	_, _, err = home.Seen(dir, key.VerifierKey())
	if _, ok := errors.AsType[*ledger.CorruptError](err); !ok {
		t.Errorf("Seen with both slots damaged: %v, want a CorruptError", err)
	}
}
