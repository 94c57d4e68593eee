package ledgertest

import (
	"context"
	"errors"
	"testing"

	"gait/ledger"
)

// testViews tests that ReplaceViews replaces all views.
func testViews(t *testing.T, s *subject) {
	s.fill(t)
	if err := s.Log.ReplaceViews(t.Context(), func(yield func(ledger.JobView, error) bool) {
		yield(ledger.JobView{ID: "job_a", View: []byte("another")}, nil)
	}); err != nil {
		t.Fatal(err)
	}
	found, err := s.Log.Load(t.Context(), []string{"job_a", "job_b"}, nil)
	if err != nil || string(found.Jobs["job_a"].View) == "view of a, later" || string(found.Jobs["job_b"].View) == "view of b" {
		t.Errorf("Load after ReplaceViews finds %v, %v", found.Jobs, err)
	}
	broken := errors.New("broken")
	if err := s.Log.ReplaceViews(t.Context(), func(yield func(ledger.JobView, error) bool) { yield(ledger.JobView{}, broken) }); !errors.Is(err, broken) {
		t.Errorf("ReplaceViews = %v, want the error of the views", err)
	}
}

// begin begins a batch of specs. It skips the test if the log appends only what
// its commands decide.
func (s *subject) begin(t *testing.T, at ledger.Head, entries []ledger.Entry) ledger.Batch {
	t.Helper()
	b, err := s.Log.Begin(t.Context(), at)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatalf("Begin = %v", err)
	}
	for _, e := range entries {
		if err := b.Add(t.Context(), e); err != nil {
			t.Fatalf("Add = %v", err)
		}
	}
	if err := b.Sign(t.Context()); err != nil {
		t.Fatalf("Sign = %v", err)
	}
	return b
}

// testBatch tests that readers see nothing of two pending batches before they are
// committed, and everything after.
func testBatch(t *testing.T, s *subject) {
	all := Seal(t, s.Store, Submit("job_a"), Progress("job_a", "first"), Progress("job_a", "second"))
	at := s.Log.Head()
	first := s.begin(t, at, all[:2])
	end := at
	for _, e := range all[:2] {
		var err error
		if end, err = end.Follow(e.Event); err != nil {
			t.Fatal(err)
		}
	}
	behind := s.begin(t, end, all[2:])
	if found, err := s.Log.Load(t.Context(), []string{"job_a"}, nil); err != nil || len(found.Jobs) > 0 || s.Log.Head() != at {
		t.Errorf("before they are committed, batches show as %v, %v", found, err)
	}
	for i, b := range []ledger.Batch{first, behind} {
		r, err := b.Commit(t.Context())
		c, signed := s.Log.Checkpoint()
		want := ledger.Receipt{Seq: ledger.Seq(c.Size - 1), Leaf: all[i+1].Event.LeafHash(), Revision: all[i+1].Event.Revision(), TreeSize: c.Size, Checkpoint: signed}
		if err != nil || c.Size != at.Size+2+int64(i) || string(r.Checkpoint) != string(signed) || r.Seq != want.Seq || r.Leaf != want.Leaf ||
			r.Revision != want.Revision || r.TreeSize != want.TreeSize {
			t.Errorf("Commit = %+v, %v, want %+v", r, err, want)
		}
		b.Discard() // does nothing after Commit
	}
	s.add(t)
	same(t, "Events", s.Log.Events(t.Context(), 1), all[0].Event, all[1].Event, all[2].Event)
}

// testConflict tests that a batch writes nothing if it no longer follows the log's
// head, is discarded, or is committed after its context ended.
func testConflict(t *testing.T, s *subject) {
	at := s.Log.Head()
	first, second := Seal(t, s.Store, Submit("job_a")), Seal(t, s.Store, Submit("job_b"))
	s.begin(t, at, first).Discard()
	late := s.begin(t, at, first)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := late.Commit(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("Commit after its context has ended = %v, want the context's error", err)
	}
	late.Discard()
	loser := s.begin(t, at, first)
	winner := s.begin(t, at, second)
	if _, err := winner.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := loser.Commit(t.Context()); !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("Commit of a batch that another one came before = %v, want ErrConflict", err)
	}
	loser.Discard()
	if _, err := s.Log.Begin(t.Context(), at); !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("Begin after what is no longer the head = %v, want ErrConflict", err)
	}
	s.add(t)
	same(t, "Events", s.Log.Events(t.Context(), 1), second[0].Event)
}

// testOvertaken tests that a batch fails with ErrConflict, and not as if its events
// were wrong, if another batch commits first.
func testOvertaken(t *testing.T, s *subject) {
	s.add(t, Submit("job_a"))
	ours, theirs := step("job_a", 1), step("job_a", 1)
	ours.RequestID, theirs.RequestID = "request_1", "request_1"
	entries, at := Seal(t, s.Store, ours), s.Log.Head()
	s.begin(t, at, entries).Discard()
	b, err := s.Log.Begin(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Discard()
	s.add(t, theirs)
	if err = b.Add(t.Context(), entries[0]); err == nil {
		err = b.Sign(t.Context())
	}
	if err == nil {
		_, err = b.Commit(t.Context())
	}
	if !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("a batch that was overtaken fails with %v, want ErrConflict", err)
	}
}
