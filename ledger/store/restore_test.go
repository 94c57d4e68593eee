package store_test

import (
	"errors"
	"fmt"
	"testing"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store"
)

// backedUp returns what Restore takes of a log.
func backedUp(t *testing.T, log *store.Log) store.Copy {
	t.Helper()
	_, signed := log.Checkpoint()
	rotations, err := log.Rotations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	kept, err := log.Cosigned(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return store.Copy{Entries: entries(log, nil), Rotations: rotations, Signed: signed, Cosigned: kept}
}

// A restored log is the original: it goes on where that ended, with a proved index, its
// rotations and what witnesses cosigned.
func TestRestore(t *testing.T) {
	l := ledgertest.New(t)
	ledgertest.Append(t, l.Log, ledgertest.Submit("a"))
	ledgertest.Rotate(t, l.Log, 1)
	for range 600 { // more than one batch of Restore
		ledgertest.Append(t, l.Log, ledgertest.Progress("a", "x"), ledgertest.Progress("a", "y"))
	}
	_, signed := l.Checkpoint()
	keep(t, l.Log, ledgertest.NewWitness("witness.example"), signed, 1)
	ledgertest.Append(t, l.Log, ledgertest.Submit("b"))
	key := ledgertest.KeyAfter(ledgertest.Origin, 1)
	o := ledgertest.Options{FS: l.FS, Signer: key}
	if err := ledgertest.Restore("jobs/again", backedUp(t, l.Log), key.VerifierKey(), o); err != nil {
		t.Fatal(err)
	}
	r, err := ledgertest.Open("jobs/again", o)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if r.Imported() || r.Index() != ledger.IndexProved {
		t.Errorf("the restored log is imported: %t, its index %s (%v)", r.Imported(), r.Index(), r.IndexErr())
	}
	ledgertest.Check(t, r)
	if found, err := r.Load(t.Context(), []string{"a"}, nil); string(found.Jobs["a"].View) != "view of a" || err != nil {
		t.Errorf("Load = %v, %v, want the view under this ledger's MAC", found, err)
	}
	was, err1 := l.Cosigned(t.Context())
	got, err2 := r.Cosigned(t.Context())
	if err := errors.Join(err1, err2); err != nil || len(got) != 1 || string(got[0].Signed) != string(was[0].Signed) {
		t.Errorf("Cosigned = %v, %v, want that of the original", got, err)
	}
	ledgertest.Append(t, r, ledgertest.Progress("b", "goes on"))
	ledgertest.Check(t, r)
}

// Without the key nothing is proved; once the key is there, the index is rebuilt.
func TestRestoreWithoutKey(t *testing.T) {
	l := ledgertest.New(t)
	ledgertest.Append(t, l.Log, ledgertest.Submit("a"), ledgertest.Progress("a", "x"))
	keyless := ledgertest.Options{FS: l.FS, Keyless: true, ReadOnly: true}
	if err := ledgertest.Restore("jobs/again", backedUp(t, l.Log), l.Key.VerifierKey(), ledgertest.Options{FS: l.FS, Keyless: true}); err != nil {
		t.Fatal(err)
	}
	r, err := ledgertest.Open("jobs/again", keyless)
	if err != nil {
		t.Fatal(err)
	}
	if r.Index() != ledger.IndexUnchecked {
		t.Errorf("without the key the index is %s, want unchecked", r.Index())
	}
	r.Close()
	if r, err = ledgertest.Open("jobs/again", ledgertest.Options{FS: l.FS, Signer: l.Key}); err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if r.Index() != ledger.IndexBroken {
		t.Errorf("with the key the index is %s, want broken: the record was not written with it", r.Index())
	}
	if _, err := r.Rebuild(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	ledgertest.Append(t, r, ledgertest.Progress("a", "goes on"))
	ledgertest.Check(t, r)
}

// A backup names no more witnesses than a log keeps. A forger can add one to it.
func TestRestoreRefusesManyCosignatures(t *testing.T) {
	l := ledgertest.New(t)
	ledgertest.Append(t, l.Log, ledgertest.Submit("a"))
	from := backedUp(t, l.Log)
	for n, want := range map[int]error{ledger.MaxCosigned: nil, ledger.MaxCosigned + 1: ledger.ErrUnverified} {
		from.Cosigned = nil
		for i := range n {
			w := ledgertest.NewWitness(fmt.Sprintf("w%02d.example", i))
			by := cosign(t, w, from.Signed, 1)
			from.Cosigned = append(from.Cosigned, ledger.CosignedCheckpoint{Cosignature: by, Signed: []byte(string(from.Signed) + by.Line())})
		}
		err := ledgertest.Restore(fmt.Sprint("jobs/again", n), from, l.Key.VerifierKey(), ledgertest.Options{FS: l.FS, Signer: l.Key})
		if !errors.Is(err, want) {
			t.Errorf("Restore with %d cosignatures = %v, want %v", n, err, want)
		}
	}
}

// What witnesses cosigned must be of this log.
func TestRestoreRefusesForeignCosignatures(t *testing.T) {
	l, other := ledgertest.New(t), ledgertest.New(t)
	ledgertest.Append(t, l.Log, ledgertest.Submit("a"))
	ledgertest.Append(t, other.Log, ledgertest.Submit("b"))
	_, signed := other.Checkpoint()
	keep(t, other.Log, ledgertest.NewWitness("witness.example"), signed, 1)
	from := backedUp(t, l.Log)
	var err error
	if from.Cosigned, err = other.Cosigned(t.Context()); err != nil {
		t.Fatal(err)
	}
	err = ledgertest.Restore("jobs/again", from, l.Key.VerifierKey(), ledgertest.Options{FS: l.FS, Signer: l.Key})
	if !errors.Is(err, ledger.ErrUnverified) {
		t.Errorf("Restore = %v, want ErrUnverified", err)
	}
	if _, err := ledgertest.Open("jobs/again", ledgertest.Options{FS: l.FS}); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Open after that = %v, want ErrNotFound", err)
	}
}
