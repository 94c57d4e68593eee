package ledgertest

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"testing"

	"gait/ledger"
	"gait/ledger/mpt"
)

// testCalls tests that a log finds the newest event about each call of a tool, and proves
// what it was before.
func testCalls(t *testing.T, s *subject) {
	first, second, other := ledger.CallID{Job: "job_a", Call: "call-1"}, ledger.CallID{Job: "job_a", Call: "call-2"}, ledger.CallID{Job: "job_b", Call: "call-1"}
	ids := []ledger.CallID{first, second, other, {Job: "job_b", Call: "call-2"}, {Job: "job_a", Call: "call-1/"}, {Job: "job_c", Call: "call-1"}}
	s.add(t, bound("job_a"), bound("job_b"), Block("job_a", "call-1"))
	s.loads(t, ids, nil)
	s.add(t, Allow("job_a", "call-1", 1), Allow("job_b", "call-1", 1), step("job_a", 1))
	s.loads(t, ids, map[ledger.CallID]int{first: 4, other: 5})
	s.add(t, Settle("job_a", "call-1", 1, ledger.EffectUnknown), Settle("job_a", "call-1", 1, ledger.EffectDone), Allow("job_a", "call-2", 1))
	s.loads(t, ids, map[ledger.CallID]int{first: 8, second: 9, other: 5})
	s.add(t, Settle("job_b", "call-1", 1, ledger.EffectDone), Block("job_a", "call-2"), step("job_b", 1))
	s.loads(t, ids, map[ledger.CallID]int{first: 8, second: 9, other: 10})
	s.provesCalls(t, ids)
	for _, prev := range []ledger.Hash{s.events[4].LeafHash(), s.events[10].LeafHash(), s.events[12].LeafHash()} {
		e := Allow("job_a", "call-1", 2)
		e.Edit = func(d *ledger.Draft) {
			p := d.Payload.(ledger.GateDecided)
			p.CallPrev = prev
			d.Payload = p
		}
		if _, err := s.Store.Append(t.Context(), s.Store.Head(), Seal(t, s.Store, e)...); err == nil || errors.Is(err, ledger.ErrConflict) {
			t.Errorf("Append of an event that names %s as the newest about its call = %v", prev, err)
		}
	}
	if err := s.Log.Verify(t.Context(), nil, nil); err != nil {
		t.Errorf("Verify = %v", err)
	}
	if found, err := s.Log.Rebuild(t.Context(), nil); err != nil || !found.Same() {
		t.Errorf("Rebuild = %+v, %v, want nothing that differed", found, err)
	}
	if s.Renew == nil {
		return
	}
	Append(t, s.Store, Settle("job_a", "call-2", 1, ledger.EffectDone), Allow("job_b", "call-2", 1))
	s.loads(t, ids, map[ledger.CallID]int{first: 8, second: 9, other: 10})
	s.add(t)
	s.loads(t, ids, map[ledger.CallID]int{first: 8, second: 13, other: 10, ids[3]: 14})
}

// bound returns the spec of the first event of a job that is bound to the policy of Allow.
func bound(job string) EventSpec {
	d := Submit(job)
	p := d.Payload.(ledger.Submitted)
	p.PolicyDigest = Allow(job, "", 0).Payload.(ledger.GateDecided).PolicyDigest
	d.Payload = p
	return d
}

// loads requires that a log finds these events under the ids of calls, and no others.
func (s *subject) loads(t *testing.T, ids []ledger.CallID, want map[ledger.CallID]int) {
	t.Helper()
	found, err := s.Log.Load(t.Context(), []string{"job_a"}, nil, ids...)
	if err != nil || found.Jobs["job_a"].ID != "job_a" {
		t.Fatalf("Load of calls = %v, %v", found, err)
	}
	if !slices.Equal(callsOf(found.Calls), callsOf(want)) {
		t.Errorf("Load finds the calls %v, want %v", callsOf(found.Calls), callsOf(want))
	}
	for id, at := range want {
		if e := found.Calls[id]; !bytes.Equal(e.Bytes(), s.events[at].Bytes()) {
			t.Errorf("Load finds for call %v event %d, want %d", id, e.Seq(), at)
		}
	}
}

// callsOf returns the calls of a map, sorted.
func callsOf[T any](m map[ledger.CallID]T) []ledger.CallID {
	return slices.SortedFunc(maps.Keys(m), func(x, y ledger.CallID) int {
		return bytes.Compare([]byte(x.Job+"\x00"+x.Call), []byte(y.Job+"\x00"+y.Call))
	})
}

// provesCalls requires that a log proves what its index had of calls at each size.
func (s *subject) provesCalls(t *testing.T, ids []ledger.CallID) {
	t.Helper()
	keys := make([]mpt.Key, len(ids))
	for i, id := range ids {
		keys[i] = ledger.CallKey(id.Job, id.Call)
	}
	for size := range len(s.events) + 1 {
		root, proofs, err := s.Log.IndexAt(t.Context(), int64(size), keys...)
		if err != nil || root != IndexRoot(s.events[:size]) || len(proofs) != len(keys) {
			t.Fatalf("IndexAt(%d) = %s and %d proofs, %v, want %s", size, root, len(proofs), err, IndexRoot(s.events[:size]))
		}
		want := map[ledger.CallID]ledger.Hash{}
		for _, e := range s.events[:size] {
			if call, ok := ledger.CallOf(e.Payload()); ok {
				want[ledger.CallID{Job: e.JobID(), Call: call.ID}] = e.LeafHash()
			}
		}
		for i, id := range ids {
			leaf, there, err := proofs[i].Check(mpt.Hash(root), keys[i])
			if value, has := want[id]; err != nil || there != has || has && ledger.Hash(leaf) != value {
				t.Errorf("IndexAt(%d) proves call %v to be %s (there: %t, %v), want %s", size, id, leaf, there, err, value)
			}
		}
	}
}
