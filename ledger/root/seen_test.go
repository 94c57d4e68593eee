package root_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/root"
)

// signedAt returns a checkpoint of a size by a key of ledgertest.Origin.
func signedAt(t *testing.T, size int64, key ledger.PrivateKey) []byte {
	t.Helper()
	signed, err := ledger.Checkpoint{Origin: ledgertest.Origin, Size: size, Root: ledger.Hash{byte(size)}}.Sign(key)
	must(t, err)
	return signed
}

// Somebody who knows a ledger by its first key alone does not forget, nor take
// for nothing, what was seen of it under a later one.
func TestSeenUnderLaterKey(t *testing.T) {
	home := t.TempDir()
	must(t, os.Chmod(home, 0o700))
	var private []ledger.PrivateKey
	var keys []ledger.VerifierKey
	for n := range uint64(3) {
		private = append(private, ledgertest.KeyAfter(ledgertest.Origin, n))
		keys = append(keys, private[n].VerifierKey())
	}
	seen := func(size int64, by ...ledger.VerifierKey) {
		t.Helper()
		at, _, err := root.Seen(home, by...)
		if err != nil || len(at) != 1 || at[0].Size != size {
			t.Errorf("Seen by %d keys = %+v, %v, want %d events", len(by), at, err, size)
		}
	}
	must(t, root.Remember(home, signedAt(t, 10, private[0]), true, keys[0]))
	must(t, root.Remember(home, signedAt(t, 20, private[1]), true, keys[:2]...))
	seen(20, keys[0])
	must(t, root.Remember(home, signedAt(t, 12, private[0]), true, keys[0]))
	must(t, root.Remember(home, signedAt(t, 13, private[0]), true, keys[0]))
	seen(20, keys[0])
	must(t, root.Remember(home, signedAt(t, 30, private[2]), true, keys...))
	for n := range keys {
		seen(30, keys[:n+1]...)
	}
	must(t, root.Remember(home, signedAt(t, 25, private[1]), true, keys[:2]...))
	seen(30, keys[:2]...)

	// Another successor of the first key is not one of them, and changes nothing.
	other := ledgertest.KeyAfter(ledgertest.Origin, 9)
	err := root.Remember(home, signedAt(t, 99, other), true, keys[0], other.VerifierKey())
	if !errors.Is(err, root.ErrOtherKey) {
		t.Errorf("Remember of another successor = %v, want ErrOtherKey", err)
	}
	seen(30, keys...)
	if at, _, err := root.Seen(home, keys[0], other.VerifierKey()); err != nil || ledger.OneHistory(at[0].Keys, []ledger.VerifierKey{keys[0], other.VerifierKey()}) {
		t.Errorf("Seen by another successor = %+v, %v, want the keys seen", at, err)
	}
}

// A key that has nothing to do with what was seen of its origin neither sees it
// nor takes its place.
func TestSeenByAnotherKey(t *testing.T) {
	home := t.TempDir()
	must(t, os.Chmod(home, 0o700))
	mine, other := ledgertest.Key(ledgertest.Origin), ledgertest.KeyAfter(ledgertest.Origin, 9)
	must(t, root.Remember(home, signedAt(t, 10, mine), true, mine.VerifierKey()))
	if at, _, err := root.Seen(home, other.VerifierKey()); !errors.Is(err, root.ErrOtherKey) {
		t.Errorf("Seen = %+v, %v, want ErrOtherKey", at, err)
	}
	if err := root.Remember(home, signedAt(t, 20, other), true, other.VerifierKey()); !errors.Is(err, root.ErrOtherKey) {
		t.Errorf("Remember = %v, want ErrOtherKey", err)
	}
	at, dir, err := root.Seen(home, mine.VerifierKey())
	if err != nil || len(at) != 1 || at[0].Size != 10 {
		t.Errorf("Seen = %+v, %v, want 10 events", at, err)
	}
	// A slot that a crash tore is written again.
	torn := filepath.Join(dir, "checkpoint.0")
	b := read(t, torn)
	b[len(b)-10] ^= 1
	write(t, torn, b)
	must(t, root.Remember(home, signedAt(t, 11, mine), true, mine.VerifierKey()))
	if at, _, err := root.Seen(home, mine.VerifierKey()); err != nil || len(at) != 1 || at[0].Size != 11 {
		t.Errorf("Seen after a torn slot = %+v, %v, want 11 events", at, err)
	}
}

// The keys that were seen are read strictly.
func TestSeenKeysMalformed(t *testing.T) {
	home := t.TempDir()
	must(t, os.Chmod(home, 0o700))
	key := ledgertest.Key(ledgertest.Origin)
	must(t, root.Remember(home, signedAt(t, 10, key), true, key.VerifierKey()))
	for _, text := range []string{"no key\n", ledgertest.Key("other.example/log").VerifierKey().String() + "\n"} {
		write(t, filepath.Join(root.GuardDir(home, ledgertest.Origin), "keys"), []byte(text))
		_, _, err := root.Seen(home, key.VerifierKey())
		if _, ok := errors.AsType[*ledger.CorruptError](err); !ok {
			t.Errorf("keys seen of %.20q: %v, want a CorruptError", text, err)
		}
	}
}

// What a pack showed without its link to the history seen is kept apart, and what
// is linked does not move for it.
func TestSeenInPacks(t *testing.T) {
	home := t.TempDir()
	must(t, os.Chmod(home, 0o700))
	key := ledgertest.Key(ledgertest.Origin)
	must(t, root.Remember(home, signedAt(t, 10, key), true, key.VerifierKey()))
	must(t, root.Remember(home, signedAt(t, 20, key), false, key.VerifierKey()))
	must(t, root.Remember(home, signedAt(t, 15, key), false, key.VerifierKey()))
	at, dir, err := root.Seen(home, key.VerifierKey())
	if err != nil || len(at) != 2 || at[0].Size != 10 || at[1].Size != 20 {
		t.Errorf("Seen = %+v, %v, want 10 events that are linked, and 20", at, err)
	}
	// One slot can be torn; two cannot.
	for _, name := range []string{"checkpoint.0", "checkpoint.1"} {
		write(t, filepath.Join(dir, name), []byte("junk"))
	}
	_, _, err = root.Seen(home, key.VerifierKey())
	if _, ok := errors.AsType[*ledger.CorruptError](err); !ok {
		t.Errorf("Seen with both slots damaged: %v, want a CorruptError", err)
	}
}
