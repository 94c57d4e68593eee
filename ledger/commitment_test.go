package ledger_test

import (
	"testing"

	"gait/ledger"
	"gait/ledger/ledgertest"
)

// The newest commitment is found wherever it stands, and none after the event asked for.
func TestNewestCommitment(t *testing.T) {
	l := ledgertest.New(t)
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_1"))
	commitments := map[int]bool{2: true, 3: true, 40: true, 130: true, 131: true, 400: true}
	for l.Head().Size < 450 {
		if commitments[int(l.Head().Size)] {
			commit(t, l)
		} else {
			ledgertest.Append(t, l.Log, ledgertest.Progress("job_1", "step"))
		}
	}
	want := -1
	for before := range 451 {
		if commitments[before-1] {
			want = before - 1
		}
		e, found, err := ledger.NewestCommitment(t.Context(), l.Log, ledger.Seq(before))
		if err != nil || found != (want >= 0) || found && e.Seq() != ledger.Seq(want) {
			t.Fatalf("before event %d the newest commitment is event %d (found %t, %v), want %d", before, e.Seq(), found, err, want)
		}
	}
	for after, want := range map[ledger.Seq]ledger.Seq{-1: 131, 129: 131, 130: 131, 131: -1, 399: -1} {
		e, found, err := ledger.CommitmentAfter(t.Context(), l.Log, after, 400)
		if err != nil || found != (want >= 0) || found && e.Seq() != want {
			t.Errorf("after event %d and before event 400 the newest commitment is event %d (found %t, %v), want %d", after, e.Seq(), found, err, want)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ledger.NewestCommitment(t.Context(), l.Log, 450); err == nil {
		t.Error("a closed log tells its newest commitment")
	}
}

// commit appends a commitment to some index.
func commit(t *testing.T, l *ledgertest.Ledger) {
	t.Helper()
	head := l.Head()
	e, err := ledger.Seal(ledger.Draft{
		Seq: ledger.Seq(head.Size), ID: "01JD0000000000000000000000", Origin: l.Origin(), Time: head.Time, Actor: ledger.ActorGait, Prev: head.Leaf,
		Payload: ledger.IndexCommitted{Index: ledger.Hash{1}},
	})
	if err == nil {
		_, err = l.Append(t.Context(), head, ledger.Entry{Event: e})
	}
	if err != nil {
		t.Fatal(err)
	}
}
