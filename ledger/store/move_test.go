package store_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store"
	"gait/ledger/store/pebble"
)

func isMoved(err error) bool {
	moved, ok := errors.AsType[*ledger.MovedError](err)
	return ok && moved.To == ledgertest.KeyAfter(ledgertest.Origin, 1).VerifierKey()
}

// The key in force alone signs the end, and after it nothing is written, now or later.
func TestMove(t *testing.T) {
	l := ledgertest.New(t)
	ledgertest.Append(t, l.Log, ledgertest.Submit("a"))
	late := ledgertest.Signed(t, l.Log, l.Head(), ledgertest.Seal(t, l.Log, ledgertest.Progress("a", "late")))
	r := ledgertest.MoveAway(t, l.Log, 1)
	if got := signersOf(r.Checkpoint); !slices.Equal(got, []uint64{0}) || r.TreeSize != 3 {
		t.Errorf("the checkpoint of %d events is signed by keys %d, want that of 3 by the first alone", r.TreeSize, got)
	}
	if _, err := late.Commit(t.Context()); !isMoved(err) {
		t.Errorf("Commit of a batch that was signed before = %v, want a MovedError", err)
	}
	checkEnded(t, l.Log)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l.Reopen(t)
	checkEnded(t, l.Log)
}

// checkEnded checks that a log can be read, and not be written.
func checkEnded(t *testing.T, log *store.Log) {
	t.Helper()
	if moved := log.Moved(); moved == nil || moved.Seq != 2 || moved.Origin != log.Origin() {
		t.Errorf("Moved = %+v, want that at event 2", moved)
	}
	if moved, err := ledger.MovedAway(t.Context(), log); err != nil || moved == nil || *moved != *log.Moved() {
		t.Errorf("MovedAway = %+v, %v", moved, err)
	}
	next := ledgertest.KeyAfter(ledgertest.Origin, 2)
	entries := ledgertest.Seal(t, log, ledgertest.Progress("a", "x"))
	_, signed := log.Checkpoint()
	for what, write := range map[string]func() error{
		"Append": func() error { _, err := log.Append(t.Context(), log.Head(), entries...); return err },
		"Begin":  func() error { _, err := log.Begin(t.Context(), log.Head()); return err },
		"Rotate": func() error {
			_, err := log.Rotate(t.Context(), log.Head(), ledgertest.Rotation(t, log, next), next)
			return err
		},
		"Move":         func() error { _, err := log.Move(t.Context(), log.Head(), ledgertest.Moves(t, log, next)); return err },
		"Rebuild":      func() error { _, err := log.Rebuild(t.Context(), nil); return err },
		"Keep":         func() error { return log.Keep(t.Context(), signed, ledger.Cosignature{}) },
		"ReplaceViews": func() error { return log.ReplaceViews(t.Context(), nil) },
	} {
		if err := write(); !isMoved(err) {
			t.Errorf("%s = %v, want a MovedError", what, err)
		}
	}
	ledgertest.Check(t, log)
	if err := log.Verify(t.Context(), nil, nil); err != nil {
		t.Errorf("Verify: %v", err)
	}
	if all, err := log.Rotations(t.Context()); len(all) > 0 || err != nil || len(log.Keys().Keys()) != 1 {
		t.Errorf("Rotations = %v, %v, want none: the other place has not signed", all, err)
	}
}

func TestMoveRefuses(t *testing.T) {
	l := ledgertest.New(t)
	first := l.Key
	for what, e := range map[string]ledger.Event{
		"to the key in force":     ledgertest.Moves(t, l.Log, first),
		"to another ledger's key": ledgertest.Moves(t, l.Log, ledgertest.KeyAfter("example.com/other", 1)),
		"with a rotation":         ledgertest.Rotation(t, l.Log, ledgertest.KeyAfter(l.Origin(), 1)),
		"with a job's event":      ledgertest.Seal(t, l.Log, ledgertest.Submit("a"))[0].Event,
	} {
		if _, err := l.Move(t.Context(), l.Head(), e); err == nil {
			t.Errorf("Move %s succeeded", what)
		}
	}
	moves := ledgertest.Moves(t, l.Log, ledgertest.KeyAfter(l.Origin(), 1))
	if _, err := l.Append(t.Context(), l.Head(), ledger.Entry{Event: moves}); err == nil {
		t.Error("Append of a move succeeded")
	}
	ledgertest.Append(t, l.Log, ledgertest.Submit("a"))
	if _, err := l.Move(t.Context(), l.Head(), moves); err == nil {
		t.Error("Move with an event of another place in the chain succeeded")
	}
	ledgertest.Check(t, l.Log)
}

// The other place verifies the ledger, signs the checkpoint that it came with, and goes on;
// then it comes back, under a third key.
func TestMoveThereAndBack(t *testing.T) {
	for _, events := range []int{1, 253, 254, 1300} { // at the end of a tile, after one, and of an import's batch
		l := ledgertest.New(t)
		ledgertest.Append(t, l.Log, ledgertest.Submit("a"))
		for i := range events {
			ledgertest.Append(t, l.Log, ledgertest.Progress("a", fmt.Sprint(i)))
		}
		from := l.Log
		for n := uint64(1); n <= 2; n++ {
			ledgertest.MoveAway(t, from, n)
			from = arrived(t, l.FS, from, n)
			ledgertest.Append(t, from, ledgertest.Progress("a", "there"))
			if _, signed := from.Checkpoint(); !slices.Equal(signersOf(signed), []uint64{n}) {
				t.Errorf("place %d goes on with a checkpoint signed by %d", n, signersOf(signed))
			}
			ledgertest.Check(t, from)
			if err := from.Verify(t.Context(), nil, nil); err != nil {
				t.Errorf("Verify: %v", err)
			}
		}
		if size := from.Head().Size; size != int64(events)+6 {
			t.Errorf("it has %d events, want %d", size, events+6)
		}
	}
}

// arrived returns the ledger as it goes on in the n-th place, to which it moved.
func arrived(t *testing.T, fs pebble.FS, from *store.Log, n uint64) *store.Log {
	t.Helper()
	left, _ := from.Checkpoint()
	key := ledgertest.KeyAfter(ledgertest.Origin, n)
	o := ledgertest.Options{FS: fs, Signer: key}
	taken := backedUp(t, from)
	taken.Next = key
	dir := fmt.Sprintf("jobs/place%d", n)
	if err := ledgertest.Restore(dir, taken, key.VerifierKey(), o); err != nil {
		t.Fatal(err)
	}
	log, err := ledgertest.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	c, signed := log.Checkpoint()
	all, err := log.Rotations(t.Context())
	if err != nil || len(all) != int(n) || c != left || !slices.Equal(signersOf(signed), []uint64{n - 1, n}) {
		t.Errorf("place %d begins with %d rotations (%v) and a checkpoint of %d signed by %d", n, len(all), err, c.Size, signersOf(signed))
	}
	if log.Moved() != nil || log.Keys().Current() != key.VerifierKey() || log.Index() != ledger.IndexProved {
		t.Errorf("place %d goes on elsewhere: %v, under %s, with the index %s", n, log.Moved(), log.Keys().Current(), log.Index())
	}
	return log
}

// What the other place has not made its own is where it was: a copy, a restored ledger.
func TestMovedIsCopied(t *testing.T) {
	l := ledgertest.New(t)
	ledgertest.Append(t, l.Log, ledgertest.Submit("a"))
	ledgertest.MoveAway(t, l.Log, 1)
	o := ledgertest.Options{FS: l.FS, Signer: l.Key}
	if err := ledgertest.Restore("jobs/again", backedUp(t, l.Log), l.Key.VerifierKey(), o); err != nil {
		t.Fatal(err)
	}
	again, err := ledgertest.Open("jobs/again", o)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	checkEnded(t, again)

	if err := ledgertest.Import("jobs/copy", backedUp(t, l.Log), ledgertest.Options{FS: l.FS}); err != nil {
		t.Fatal(err)
	}
	imported, err := ledgertest.Open("jobs/copy", ledgertest.Options{FS: l.FS})
	if err != nil {
		t.Fatal(err)
	}
	defer imported.Close()
	if err := imported.Verify(t.Context(), nil, nil); err != nil || imported.Moved() == nil {
		t.Errorf("the copy moved: %v; Verify = %v", imported.Moved(), err)
	}
	if _, err := imported.Append(t.Context(), imported.Head()); !errors.Is(err, store.ErrImported) {
		t.Errorf("Append to a copy = %v, want ErrImported", err)
	}
}

// No other key takes a ledger over, and none that has not moved.
func TestArrivalRefuses(t *testing.T) {
	l := ledgertest.New(t)
	ledgertest.Append(t, l.Log, ledgertest.Submit("a"))
	try := func(n uint64) error {
		key := ledgertest.KeyAfter(ledgertest.Origin, n)
		from := backedUp(t, l.Log)
		from.Next = key
		return ledgertest.Restore("jobs/there", from, key.VerifierKey(), ledgertest.Options{FS: l.FS, Signer: key})
	}
	if err := try(1); !errors.Is(err, store.ErrNoSigner) {
		t.Errorf("Restore of a ledger that has not moved = %v, want ErrNoSigner", err)
	}
	ledgertest.MoveAway(t, l.Log, 1)
	if err := try(2); !errors.Is(err, store.ErrNoSigner) {
		t.Errorf("Restore under another key = %v, want ErrNoSigner", err)
	}
	if err := try(1); err != nil {
		t.Errorf("Restore where it moved = %v", err)
	}
}
