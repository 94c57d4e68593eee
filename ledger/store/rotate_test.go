package store_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store"
	"gait/ledger/store/memtable"
)

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
		if err := l.Verify(t.Context(), nil, nil); err != nil {
			t.Errorf("after step %d: Verify = %v", i, err)
		}
	}
	keys := l.Keys()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for n := range uint64(2) {
		if _, err := ledgertest.Open(l.Dir, ledgertest.Options{FS: l.FS, Signer: ledgertest.KeyAfter(ledgertest.Origin, n)}); !errors.Is(err, store.ErrNoSigner) {
			t.Errorf("Open with the key before rotation %d = %v, want ErrNoSigner", n+1, err)
		}
	}
	log, err := ledgertest.Open(l.Dir, ledgertest.Options{FS: l.FS, Signer: ledgertest.KeyAfter(ledgertest.Origin, 2)})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if !log.Keys().Equal(keys) || log.Keys().Current() != ledgertest.KeyAfter(ledgertest.Origin, 2).VerifierKey() {
		t.Errorf("reopened, the keys are %v, want %v", log.Keys(), keys)
	}
	ledgertest.Append(t, log, ledgertest.Progress("job_1", "b"))
	ledgertest.Check(t, log)
	if err := log.Verify(t.Context(), nil, nil); err != nil {
		t.Error(err)
	}
}

func TestRotationsAreProved(t *testing.T) {
	l := ledgertest.Rotated(t)
	all, err := l.Rotations(t.Context())
	if err != nil || len(all) != 2 {
		t.Fatalf("Rotations = %v, %v, want two", all, err)
	}
	first, err := l.Event(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := ledger.NewKeyring(first)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		if keys, err = keys.FollowProved(r); err != nil {
			t.Fatalf("the rotation at event %d: %v", r.Event.Seq(), err)
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

// Views outlive a rotation, and those that a crash left under the old keys are a miss.
func TestRotationKeepsViews(t *testing.T) {
	table := &memtable.Table{}
	log := overTable(t, table)
	var drafts []ledgertest.EventSpec
	for i := range 30 {
		d := ledgertest.Submit(fmt.Sprint("job_", i))
		d.View = []byte("view")
		drafts = append(drafts, d)
	}
	ledgertest.Append(t, log, drafts...)
	before := rowsOf(t, table)
	ledgertest.Rotate(t, log, 1)
	views := func(log *store.Log) (n int) {
		t.Helper()
		for entry, err := range log.Jobs(t.Context(), "") {
			if err != nil {
				t.Fatal(err)
			}
			if string(entry.View) == "view" {
				n++
			}
		}
		return n
	}
	if n := views(log); n != 30 || log.Index() != ledger.IndexProved {
		t.Errorf("after a rotation there are %d views, want 30; the index is %s", n, log.Index())
	}
	ledgertest.Check(t, log)
	for i := range 20 {
		key := fmt.Sprint("hjob_", i)
		table.Tamper([]byte(key), before[key])
	}
	if n := views(log); n != 10 {
		t.Errorf("with 20 views under the old key there are %d views, want 10", n)
	}
	ledgertest.Check(t, log)
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	table.Reopen()
	next := ledgertest.KeyAfter(ledgertest.Origin, 1)
	again, err := store.Open(t.Context(), table, store.Options{Signer: next, Keys: ledgertest.MACKeys})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if n := views(again); n != 10 || again.Index() != ledger.IndexProved {
		t.Errorf("opened with the next key there are %d views, want 10; the index is %s: %v", n, again.Index(), again.IndexErr())
	}
}
