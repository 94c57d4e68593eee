package store_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store"
)

// rotated is a ledger of 5 events whose key was rotated at events 2 and 3.
func rotated(t *testing.T) *ledgertest.Ledger {
	l := ledgertest.New(t)
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_1"))
	ledgertest.Rotate(t, l.Log, 1)
	ledgertest.Rotate(t, l.Log, 2)
	ledgertest.Append(t, l.Log, ledgertest.Progress("job_1", "step 1"))
	return l
}

// signersOf returns which of the origin's first three keys signed a note.
func signersOf(signed []byte) (by []uint64) {
	for n := range uint64(3) {
		if _, err := ledger.OpenCheckpoint(signed, ledgertest.KeyAfter(ledgertest.Origin, n).VerifierKey()); err == nil {
			by = append(by, n)
		}
	}
	return by
}

func TestRotate(t *testing.T) {
	l := ledgertest.New(t)
	for i, step := range []struct {
		do   func() ledger.Receipt
		want []uint64
	}{
		{func() ledger.Receipt { return ledgertest.Append(t, l.Log, ledgertest.Submit("job_1")) }, []uint64{0}},
		{func() ledger.Receipt { return ledgertest.Rotate(t, l.Log, 1) }, []uint64{0, 1}},
		{func() ledger.Receipt { return ledgertest.Rotate(t, l.Log, 2) }, []uint64{1, 2}},
		{func() ledger.Receipt { return ledgertest.Append(t, l.Log, ledgertest.Progress("job_1", "a")) }, []uint64{2}},
	} {
		r := step.do()
		if got := signersOf(r.Checkpoint); !slices.Equal(got, step.want) {
			t.Errorf("checkpoint %d is signed by keys %d, want %d", i, got, step.want)
		}
		ledgertest.Check(t, l.Log)
		if err := l.Verify(nil); err != nil {
			t.Errorf("after step %d: Verify = %v", i, err)
		}
	}
	keys := l.Keys()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for n := range uint64(2) {
		if _, err := store.Open(l.Dir, store.Options{FS: l.FS, Signer: ledgertest.KeyAfter(ledgertest.Origin, n)}); !errors.Is(err, store.ErrNoSigner) {
			t.Errorf("Open with the key before rotation %d = %v, want ErrNoSigner", n+1, err)
		}
	}
	log, err := store.Open(l.Dir, store.Options{FS: l.FS, Signer: ledgertest.KeyAfter(ledgertest.Origin, 2)})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if !log.Keys().Equal(keys) || log.Key() != ledgertest.KeyAfter(ledgertest.Origin, 2).VerifierKey() {
		t.Errorf("reopened, the keys are %v, want %v", log.Keys(), keys)
	}
	ledgertest.Append(t, log, ledgertest.Progress("job_1", "b"))
	ledgertest.Check(t, log)
	if err := log.Verify(nil); err != nil {
		t.Error(err)
	}
}

func TestRotationsAreProved(t *testing.T) {
	l := rotated(t)
	all, err := l.Rotations()
	if err != nil || len(all) != 2 {
		t.Fatalf("Rotations = %v, %v, want two", all, err)
	}
	first, err := l.Event(0)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := ledger.NewKeyring(first)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		if keys, err = keys.FollowProved(r); err != nil {
			t.Fatalf("the rotation at event %d: %v", r.Event.Seq, err)
		}
	}
	if _, signed := l.Checkpoint(); !keys.Equal(l.Keys()) {
		t.Errorf("following the proofs gives other keys than the log's, %s", signed)
	}
}

func TestRotateRefuses(t *testing.T) {
	l := ledgertest.New(t)
	one, two := ledgertest.KeyAfter(l.Origin(), 1), ledgertest.KeyAfter(l.Origin(), 2)
	event := ledgertest.Rotation(t, l.Log, one)
	if _, err := l.Append(t.Context(), l.Head(), ledger.Entry{Event: event}); err == nil {
		t.Error("Append of a rotation succeeded")
	}
	if _, err := l.Rotate(t.Context(), l.Head(), event, two); err == nil {
		t.Error("Rotate with another signer than the event names succeeded")
	}
	if _, err := l.Rotate(t.Context(), l.Head(), event, nil); !errors.Is(err, store.ErrNoSigner) {
		t.Errorf("Rotate without a signer = %v", err)
	}
	if _, err := l.Rotate(t.Context(), l.Head(), ledgertest.Seal(t, l.Log, ledgertest.Submit("job_1"))[0].Event, one); err == nil {
		t.Error("Rotate with an event that is no rotation succeeded")
	}
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_1"))
	if _, err := l.Rotate(t.Context(), ledger.Head{}, event, one); !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("Rotate at another head = %v, want ErrConflict", err)
	}
	ledgertest.Rotate(t, l.Log, 1)
	ledgertest.Rotate(t, l.Log, 2)
	if _, err := l.Rotate(t.Context(), l.Head(), ledgertest.Rotation(t, l.Log, one), one); err == nil {
		t.Error("Rotate back to a key used before succeeded")
	}
	ledgertest.Check(t, l.Log)
}

func TestOpenAndVerifyFindWhatIsWrongWithRotations(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(t *testing.T, l *ledgertest.Ledger, db *pebble.DB) error
	}{
		{"the first proof is gone", func(_ *testing.T, _ *ledgertest.Ledger, db *pebble.DB) error {
			return db.Delete(key("k", 2), pebble.Sync)
		}},
		{"the last proof is gone", func(_ *testing.T, _ *ledgertest.Ledger, db *pebble.DB) error {
			return db.Delete(key("k", 3), pebble.Sync)
		}},
		{"the proofs change places", func(t *testing.T, l *ledgertest.Ledger, db *pebble.DB) error {
			all, err := l.Rotations()
			if err != nil {
				t.Fatal(err)
			}
			return errors.Join(db.Set(key("k", 2), []byte(all[1].Proof.String()), pebble.Sync), db.Set(key("k", 3), []byte(all[0].Proof.String()), pebble.Sync))
		}},
		{"a proof signed by the new key alone", func(t *testing.T, l *ledgertest.Ledger, db *pebble.DB) error {
			return resign(t, l, db, ledgertest.KeyAfter(l.Origin(), 1))
		}},
		{"a proof signed by the old key alone", func(t *testing.T, l *ledgertest.Ledger, db *pebble.DB) error {
			return resign(t, l, db, ledgertest.KeyAfter(l.Origin(), 0))
		}},
		{"the newest checkpoint signed by the key before", func(t *testing.T, l *ledgertest.Ledger, db *pebble.DB) error {
			c, _ := l.Checkpoint()
			signed, err := c.Sign(ledgertest.KeyAfter(l.Origin(), 1))
			if err != nil {
				t.Fatal(err)
			}
			return db.Set([]byte("m/checkpoint"), signed, pebble.Sync)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := rotated(t)
			if err := tt.change(t, l, store.DB(l.Log)); err != nil {
				t.Fatal(err)
			}
			store.Show(l.Log)
			if err := l.Verify(nil); err == nil {
				t.Error("Verify finds nothing")
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			_, err := store.Open(l.Dir, store.Options{FS: l.FS, ReadOnly: true})
			if _, corrupt := errors.AsType[*ledger.CorruptError](err); !corrupt {
				t.Errorf("Open = %v, want a CorruptError", err)
			}
		})
	}
}

// resign puts the signature of one key under the checkpoint of the first rotation.
func resign(t *testing.T, l *ledgertest.Ledger, db *pebble.DB, by ledger.PrivateKey) error {
	t.Helper()
	all, err := l.Rotations()
	if err != nil {
		t.Fatal(err)
	}
	p := all[0].Proof
	c, err := ledger.PeekCheckpoint(p.Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	if p.Checkpoint, err = c.Sign(by); err != nil {
		t.Fatal(err)
	}
	return db.Set(key("k", 2), []byte(p.String()), pebble.Sync)
}

// Whenever the power goes, the ledger opens with the key that is in force, and
// that of no other state.
func TestAPowerCutDuringARotation(t *testing.T) {
	keys := map[ledger.VerifierKey]ledger.PrivateKey{}
	for n := range uint64(3) {
		k := ledgertest.KeyAfter(ledgertest.Origin, n)
		keys[k.VerifierKey()] = k
	}
	seen := map[int]int{}
	steps := func(h *history, fs store.FS) {
		log := h.create(t, fs)
		for n := range uint64(2) {
			h.append(t, log, ledgertest.Submit([]string{"job_1", "job_2"}[n]))
			ledgertest.Rotate(t, log, n+1)
		}
		if err := log.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	}
	for cut := range runHistory(t, ledgertest.NewFS(t), false, nil, steps) {
		log, err := store.Open(ledgertest.Dir, store.Options{FS: cut.fs})
		if errors.Is(err, store.ErrNotFound) && !cut.created {
			continue
		}
		if err != nil {
			t.Fatalf("power cut at %s: %v", cut.at, err)
		}
		signer := keys[log.Key()]
		seen[len(log.Keys().Keys())]++
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		if log, err = store.Open(ledgertest.Dir, store.Options{FS: cut.fs, Signer: signer}); err != nil {
			t.Fatalf("power cut at %s: %v", cut.at, err)
		}
		ledgertest.Append(t, log, ledgertest.Submit("after"))
		ledgertest.Check(t, log, cut.acked...)
		if err := errors.Join(log.Verify(nil), log.Close()); err != nil {
			t.Fatalf("power cut at %s: %v", cut.at, err)
		}
	}
	if len(seen) != 3 {
		t.Errorf("the cuts left ledgers of so many keys: %v, want some of 1, 2 and 3", seen)
	}
}
