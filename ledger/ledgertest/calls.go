package ledgertest

import (
	"bytes"
	"crypto/sha256"
	"maps"
	"slices"
	"testing"

	"github.com/oklog/ulid/v2"

	"gait/ledger"
	"gait/ledger/store"
)

// Allow returns the spec of the event with which the gate allows a call of a tool, once. The
// n-th one of a call has a grant of its own.
func Allow(job, call string, n int) EventSpec {
	return EventSpec{Job: job, Payload: ledger.GateDecided{
		Verdict: ledger.GateAllow, Tool: "shell", Intent: intentOf(call), ReasonCode: "policy_permits", CallID: call,
		PolicyDigest: sha256.Sum256([]byte("policy")), Grant: grantOf(job, call, n),
	}}
}

// Block returns the spec of the event with which the gate blocks a call.
func Block(job, call string) EventSpec {
	return EventSpec{Job: job, Payload: ledger.GateDecided{
		Verdict: ledger.GateBlock, Tool: "shell", Intent: intentOf(call), ReasonCode: "policy_forbids", CallID: call,
	}}
}

// Settle returns the spec of the event that says what became of the n-th grant of a call.
func Settle(job, call string, n int, outcome ledger.EffectOutcome) EventSpec {
	return EventSpec{Job: job, Payload: ledger.EffectSettled{Grant: grantOf(job, call, n), Outcome: outcome, CallID: call, Intent: intentOf(call).Digest}}
}

func intentOf(call string) ledger.Content {
	return ledger.Content{Digest: sha256.Sum256([]byte(call)), MediaType: "application/json", Size: int64(len(call)) + 1}
}

func grantOf(job, call string, n int) string {
	sum := sha256.Sum256([]byte(job + "\x00" + call + "\x00" + string(rune('0'+n))))
	return ulid.MustNew(ulid.Timestamp(Start), bytes.NewReader(sum[:])).String()
}

// A callChain finds the newest event about each call, for the events that are sealed.
type callChain struct {
	log    *store.Log
	newest map[ledger.CallID]ledger.Hash // of those sealed so far
}

// link makes a payload that is about a call name the newest event about the call, unless it
// names one already.
func (c *callChain) link(t testing.TB, job string, p ledger.Payload) ledger.Payload {
	t.Helper()
	call, ok := ledger.CallOf(p)
	if !ok || !call.Prev.IsZero() {
		return p
	}
	id := ledger.CallID{Job: job, Call: call.ID}
	prev, known := c.newest[id]
	if !known {
		found, err := c.log.Load(t.Context(), nil, nil, id)
		if err != nil {
			t.Fatalf("Load of %v = %v", id, err)
		}
		if e, ok := found.Calls[id]; ok {
			prev = e.LeafHash()
		}
	}
	if d, decides := p.(ledger.GateDecided); decides {
		d.CallPrev = prev
		return d
	}
	s := p.(ledger.EffectSettled)
	s.CallPrev = prev
	return s
}

// sealed notes an event.
func (c *callChain) sealed(e ledger.Event) {
	if call, ok := ledger.CallOf(e.Payload()); ok {
		c.newest[ledger.CallID{Job: e.JobID(), Call: call.ID}] = e.LeafHash()
	}
}

// checkCalls compares all calls that a log finds with those of its events.
func checkCalls(t testing.TB, log *store.Log, all []ledger.Event) {
	t.Helper()
	want := map[ledger.CallID]ledger.Event{}
	for _, e := range all {
		if call, ok := ledger.CallOf(e.Payload()); ok {
			id := ledger.CallID{Job: e.JobID(), Call: call.ID}
			if before, known := want[id]; known && before.LeafHash() != call.Prev || !known && !call.Prev.IsZero() && call.Prev != all[0].LeafHash() {
				t.Fatalf("event %d names %s as the newest event about %v, which is event %d", e.Seq(), call.Prev, id, before.Seq())
			}
			want[id] = e
		}
	}
	ids := slices.Collect(maps.Keys(want))
	for _, e := range all[1:] {
		ids = append(ids, ledger.CallID{Job: e.JobID(), Call: "no-such-call"})
	}
	found, err := log.Load(t.Context(), nil, nil, ids...)
	if err != nil || len(found.Calls) != len(want) {
		t.Fatalf("Load of all calls finds %d, %v, want %d", len(found.Calls), err, len(want))
	}
	for id, e := range want {
		if got := found.Calls[id]; !bytes.Equal(got.Bytes(), e.Bytes()) {
			t.Fatalf("Load of call %v = event %d, want %d", id, got.Seq(), e.Seq())
		}
	}
}
