package ledgertest

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"gait/ledger"
	"gait/ledger/mpt"
)

func third[T, U any](_ T, _ U, err error) error { return err }

// testIndex tests that a log proves its index as it is and as it was.
func testIndex(t *testing.T, s *subject) {
	s.fill(t)
	s.fillMore(t)
	if state := s.Log.Index(); state != ledger.IndexProved {
		t.Fatalf("Index = %s, want proved", state)
	}
	keys := []mpt.Key{ledger.JobKey("job_a"), ledger.JobKey("job_b"), ledger.JobKey("job_c"), ledger.RequestKey("request_2"), ledger.AuthorityKey}
	for size := range len(s.events) + 1 {
		root, proofs, err := s.Log.IndexAt(t.Context(), int64(size), keys...)
		if err != nil || root != IndexRoot(s.events[:size]) || len(proofs) != len(keys) {
			t.Fatalf("IndexAt(%d) = %s and %d proofs, %v, want %s", size, root, len(proofs), err, IndexRoot(s.events[:size]))
		}
		want := map[mpt.Key]ledger.Hash{}
		for _, e := range s.events[:size] {
			for _, entry := range ledger.IndexEntries(e) {
				want[entry.Key] = e.LeafHash()
			}
		}
		for i, key := range keys {
			leaf, there, err := proofs[i].Check(mpt.Hash(root), key)
			if value, has := want[key]; err != nil || there != has || has && ledger.Hash(leaf) != value {
				t.Errorf("IndexAt(%d) proves %s to be %s (there: %t, %v), want %s", size, key, leaf, there, err, value)
			}
		}
	}
	if root, proofs, err := s.Log.IndexAt(t.Context(), int64(len(s.events))); err != nil || len(proofs) != 0 || root != IndexRoot(s.events) {
		t.Errorf("IndexAt without keys = %s, %d proofs, %v", root, len(proofs), err)
	}
	for _, size := range []int64{-1, int64(len(s.events)) + 1} {
		if _, _, err := s.Log.IndexAt(t.Context(), size); err == nil {
			t.Errorf("IndexAt(%d) of %d events does not fail", size, len(s.events))
		}
	}
}

// testCommitted tests that a log finds the newest event that commits to its index.
func testCommitted(t *testing.T, s *subject) {
	s.fill(t)
	if e, ok, err := s.Log.Committed(t.Context()); ok || err != nil {
		t.Errorf("Committed without one = event %d, %t, %v", e.Seq(), ok, err)
	}
	for range 2 {
		s.add(t, EventSpec{Payload: ledger.IndexCommitted{Index: IndexRoot(s.events)}})
		newest := s.events[len(s.events)-1]
		for range 2 {
			if e, ok, err := s.Log.Committed(t.Context()); !ok || err != nil || !bytes.Equal(e.Bytes(), newest.Bytes()) {
				t.Errorf("Committed = %s, %t, %v, want %s", e.Bytes(), ok, err, newest.Bytes())
			}
			s.add(t, step("job_a", int64(len(s.read(t, "job_a")))))
		}
	}
	if s.Renew == nil {
		return
	}
	Append(t, s.Store, EventSpec{Payload: ledger.IndexCommitted{Index: IndexRoot(s.events)}})
	if e, ok, err := s.Log.Committed(t.Context()); !ok || err != nil || int64(e.Seq()) >= s.Log.Head().Size {
		t.Errorf("Committed as of %d events = event %d, %t, %v", s.Log.Head().Size, e.Seq(), ok, err)
	}
}

// read returns the events of a job.
func (s *subject) read(t *testing.T, job string) []ledger.Event {
	t.Helper()
	return read(t, s.Log.JobEvents(t.Context(), job, 1))
}

// testFalseIndex tests that Verify compares each commitment with the index.
func testFalseIndex(t *testing.T, s *subject) {
	s.fill(t)
	s.add(t, EventSpec{Payload: ledger.IndexCommitted{Index: IndexRoot(s.events)}})
	if err := s.Log.Verify(t.Context(), nil, nil); err != nil {
		t.Errorf("Verify with a true commitment = %v", err)
	}
	other := s.events[len(s.events)-1].LeafHash()
	s.add(t, EventSpec{Payload: ledger.IndexCommitted{Index: other}})
	err := s.Log.Verify(t.Context(), nil, nil)
	f, _ := ledger.FaultOf(err)
	if name := fmt.Sprint("event ", len(s.events)-1); f.Code != "index_mismatch" || !strings.Contains(err.Error(), name) {
		t.Errorf("Verify with a false commitment = %v (%s), want an index_mismatch that names %s", err, f.Code, name)
	}
}
