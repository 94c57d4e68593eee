package pebble_test

import (
	"errors"
	"testing"

	cockroach "github.com/cockroachdb/pebble/v2"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store"
	"gait/ledger/store/pebble"
)

func TestOpenAndVerifyFindWhatIsWrongWithRotations(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(t *testing.T, l *ledgertest.Ledger, db *cockroach.DB) error
	}{
		{"the first proof is gone", func(_ *testing.T, _ *ledgertest.Ledger, db *cockroach.DB) error {
			return db.Delete(key("k", 2), cockroach.Sync)
		}},
		{"the last proof is gone", func(_ *testing.T, _ *ledgertest.Ledger, db *cockroach.DB) error {
			return db.Delete(key("k", 3), cockroach.Sync)
		}},
		{"the proofs change places", func(t *testing.T, l *ledgertest.Ledger, db *cockroach.DB) error {
			all, err := l.Rotations(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return errors.Join(db.Set(key("k", 2), []byte(all[1].Proof.String()), cockroach.Sync), db.Set(key("k", 3), []byte(all[0].Proof.String()), cockroach.Sync))
		}},
		{"a proof signed by the new key alone", func(t *testing.T, l *ledgertest.Ledger, db *cockroach.DB) error {
			return resign(t, l, db, ledgertest.KeyAfter(l.Origin(), 1))
		}},
		{"a proof signed by the old key alone", func(t *testing.T, l *ledgertest.Ledger, db *cockroach.DB) error {
			return resign(t, l, db, ledgertest.KeyAfter(l.Origin(), 0))
		}},
		{"the newest checkpoint signed by the key before", func(t *testing.T, l *ledgertest.Ledger, db *cockroach.DB) error {
			c, _ := l.Checkpoint()
			signed, err := c.Sign(ledgertest.KeyAfter(l.Origin(), 1))
			if err != nil {
				t.Fatal(err)
			}
			return db.Set([]byte("m/checkpoint"), signed, cockroach.Sync)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := ledgertest.Rotated(t)
			if err := tt.change(t, l, pebble.DB(l.Table)); err != nil {
				t.Fatal(err)
			}
			pebble.Show(l.Table)
			if err := l.Verify(t.Context(), nil, nil); err == nil {
				t.Error("Verify finds nothing")
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			_, err := ledgertest.Open(l.Dir, ledgertest.Options{FS: l.FS, ReadOnly: true})
			if _, corrupt := errors.AsType[*ledger.CorruptError](err); !corrupt {
				t.Errorf("Open = %v, want a CorruptError", err)
			}
		})
	}
}

// resign puts the signature of one key under the checkpoint of the first rotation.
func resign(t *testing.T, l *ledgertest.Ledger, db *cockroach.DB, by ledger.PrivateKey) error {
	t.Helper()
	all, err := l.Rotations(t.Context())
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
	return db.Set(key("k", 2), []byte(p.String()), cockroach.Sync)
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
	steps := func(h *history, fs pebble.FS) {
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
		log, err := ledgertest.Open(ledgertest.Dir, ledgertest.Options{FS: cut.fs})
		if errors.Is(err, store.ErrNotFound) && !cut.created {
			continue
		}
		if err != nil {
			t.Fatalf("power cut at %s: %v", cut.at, err)
		}
		signer := keys[log.Keys().Current()]
		seen[len(log.Keys().Keys())]++
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		if log, err = ledgertest.Open(ledgertest.Dir, ledgertest.Options{FS: cut.fs, Signer: signer}); err != nil {
			t.Fatalf("power cut at %s: %v", cut.at, err)
		}
		ledgertest.Append(t, log, ledgertest.Submit("after"))
		ledgertest.Check(t, log, cut.acked...)
		if err := errors.Join(log.Verify(t.Context(), nil, nil), log.Close()); err != nil {
			t.Fatalf("power cut at %s: %v", cut.at, err)
		}
	}
	if len(seen) != 3 {
		t.Errorf("the cuts left ledgers of so many keys: %v, want some of 1, 2 and 3", seen)
	}
}
