package ledger_test

import (
	"errors"
	"fmt"
	"iter"
	"os"
	"strings"
	"testing"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/mpt"
)

// A block says nothing new about its call, and neither does an event without one.
func TestCallOf(t *testing.T) {
	prev := hashOf("prev")
	for _, tt := range []struct {
		name  string
		event ledger.Draft
		want  ledger.CallEvent
		is    bool
	}{
		{"allow", granted(func(p *ledger.GateDecided) { p.CallID, p.CallPrev = "c1", prev }), ledger.CallEvent{ID: "c1", Prev: prev}, true},
		{"the first allow", granted(func(p *ledger.GateDecided) { p.CallID = "c1" }), ledger.CallEvent{ID: "c1"}, true},
		{"require_approval", asked(func(p *ledger.GateDecided) { p.CallID, p.CallPrev = "c1", prev }), ledger.CallEvent{ID: "c1", Prev: prev}, true},
		{"settled", settled(func(p *ledger.EffectSettled) { p.CallID, p.CallPrev, p.Intent = "c1", prev, hashOf("intent") }), ledger.CallEvent{ID: "c1", Prev: prev}, true},
		{"block", blocked(func(p *ledger.GateDecided) { p.CallID = "c1" }), ledger.CallEvent{}, false},
		{"blocked by a stop", eventOf(ledger.DispatchBlocked{Tool: "pay", ReasonCode: "r", CallID: "c1"}), ledger.CallEvent{}, false},
		{"allow without a call", granted(func(*ledger.GateDecided) {}), ledger.CallEvent{}, false},
		{"settled without a call", settled(func(*ledger.EffectSettled) {}), ledger.CallEvent{}, false},
		{"no event of the gate", eventOf(ledger.Paused{}), ledger.CallEvent{}, false},
	} {
		e := seal(t, tt.event)
		if got, is := ledger.CallOf(e.Payload()); is != tt.is || is && got != tt.want {
			t.Errorf("CallOf of %s = %+v, %t, want %+v, %t", tt.name, got, is, tt.want, tt.is)
		}
		key, in := ledger.CallKey(e.JobID(), "c1"), false
		for _, entry := range ledger.IndexEntries(e) {
			in = in || entry.Key == key && entry.Value == mpt.Value(e.LeafHash()) && !entry.Remove
		}
		if in != tt.is {
			t.Errorf("%s sets its call in the index: %t, want %t", tt.name, in, tt.is)
		}
	}
}

// A zero byte, which no id has, stands between the job and the call.
func TestCallKeysDiffer(t *testing.T) {
	seen := map[mpt.Key]string{}
	for _, ids := range [][2]string{{"a", "bc"}, {"ab", "c"}, {"abc", ""}, {"", "abc"}, {"bc", "a"}} {
		key := ledger.CallKey(ids[0], ids[1])
		if other, there := seen[key]; there {
			t.Errorf("%q and %s have one key", ids, other)
		}
		seen[key] = fmt.Sprintf("%q", ids)
	}
	longest := strings.Repeat("x", 128)
	if n := testing.AllocsPerRun(100, func() { ledger.CallKey(longest, longestCallID) }); n > 1 {
		t.Errorf("the key of a call costs %v allocations, want the one that joins the ids", n)
	}
}

// calls returns a ledger of one job with the given events, which name what comes before.
func calls(t *testing.T, first ledger.LedgerCreated, drafts ...ledger.Draft) (events []ledger.Event) {
	t.Helper()
	d := eventOf(first)
	events = append(events, seal(t, d))
	for i, d := range drafts {
		d.Seq, d.Prev = ledger.Seq(i+1), events[i].LeafHash()
		events = append(events, seal(t, d))
	}
	return events
}

// leafOf returns the leaf hash of the last event of a ledger.
func leafOf(events []ledger.Event) ledger.Hash { return events[len(events)-1].LeafHash() }

// The index holds the newest event about each call of each job, and an event must name the
// one before it.
func TestIndexFoldFollowsCalls(t *testing.T) {
	created := ledger.LedgerCreated{Format: 1, Key: vkeyText}
	allow := func(job, call string, prev ledger.Hash) ledger.Draft {
		d := granted(func(p *ledger.GateDecided) { p.CallID, p.CallPrev = call, prev })
		d.JobID = job
		return d
	}
	settle := func(call string, prev ledger.Hash, outcome ledger.EffectOutcome) ledger.Draft {
		return settled(func(p *ledger.EffectSettled) {
			p.CallID, p.CallPrev, p.Intent, p.Outcome = call, prev, hashOf("intent"), outcome
		})
	}
	drafts := []ledger.Draft{
		allow("job_1", "c1", ledger.Hash{}),
		allow("job_2", "c1", ledger.Hash{}), // another call
		blocked(func(p *ledger.GateDecided) { p.CallID = "c1" }),
		granted(func(*ledger.GateDecided) {}),
	}
	events := calls(t, created, drafts...)
	first := events[1].LeafHash()
	drafts = append(drafts, settle("c1", first, ledger.EffectUnknown))
	unknown := leafOf(calls(t, created, drafts...))
	drafts = append(drafts, settle("c1", unknown, ledger.EffectNotDone))
	notDone := leafOf(calls(t, created, drafts...))
	drafts = append(drafts, allow("job_1", "c1", notDone))
	events = calls(t, created, drafts...)

	f, err := foldAll(events)
	if err != nil || f.Root() != ledgertest.IndexRoot(events) {
		t.Fatalf("the fold has root %s (%v), want %s", f.Root(), err, ledgertest.IndexRoot(events))
	}
	for key, want := range map[mpt.Key]ledger.Hash{
		ledger.CallKey("job_1", "c1"): leafOf(events), ledger.CallKey("job_2", "c1"): events[2].LeafHash(), ledger.CallKey("job_1", "c2"): {},
	} {
		value, found, err := f.Prove(key).Check(mpt.Hash(f.Root()), key)
		if err != nil || found != !want.IsZero() || ledger.Hash(value) != want {
			t.Errorf("the index has %s under %s (%v), want %s", ledger.Hash(value), key, err, want)
		}
	}
	for name, d := range map[string]ledger.Draft{
		"the first event about a call names one before":             allow("job_1", "c2", first),
		"an event names none before, and there is one":              allow("job_1", "c1", ledger.Hash{}),
		"an event names an older one":                               allow("job_1", "c1", notDone),
		"an event names the one about the same call of another job": allow("job_1", "c1", events[2].LeafHash()),
		"a settlement names an older one":                           settle("c1", unknown, ledger.EffectDone),
		"a settlement of a call that is not there":                  settle("c9", first, ledger.EffectDone),
	} {
		_, err := foldAll(calls(t, created, append(drafts[:len(drafts):len(drafts)], d)...))
		if wantCorrupt(t, err, ledger.Seq(len(events))); t.Failed() {
			t.Fatalf("%s: %v", name, err)
		}
	}
	f, err = foldAll(events) // and after the index was asked, from its tree
	f.Root()
	d := allow("job_1", "c1", notDone)
	d.Seq, d.Prev = ledger.Seq(len(events)), leafOf(events)
	if wantCorrupt(t, errors.Join(err, f.Add(seal(t, d))), d.Seq); t.Failed() {
		t.Error("an older event before, from the tree")
	}
}

// A call that a ledger before knew is in the index with event 0, which the first event about
// it here names.
func TestIndexFoldInheritsCalls(t *testing.T) {
	r, content := ledger.RequestsOf([]mpt.Key{ledger.CallKey("job_1", "c1"), ledger.RequestKey("req-0")})
	created := ledger.LedgerCreated{Format: 1, Key: vkeyText, Predecessor: &ledger.Predecessor{Origin: "gait.example/log0", SeenSize: 9, Requests: r}}
	start := leafOf(calls(t, created))
	ask := func(call string, prev ledger.Hash) []ledger.Draft {
		return []ledger.Draft{asked(func(p *ledger.GateDecided) { p.CallID, p.CallPrev, p.Continues = call, prev, hashOf("before") })}
	}
	missing := func(ledger.Requests) iter.Seq2[mpt.Key, error] {
		return func(yield func(mpt.Key, error) bool) { yield(mpt.Key{}, ledger.ErrContentMissing) }
	}
	for _, tt := range []struct {
		name      string
		inherited ledger.Inherited
		drafts    []ledger.Draft
		corrupt   bool
	}{
		{"event 0 before", ledgertest.Inherits(content), ask("c1", start), false},
		{"none before", ledgertest.Inherits(content), ask("c1", ledger.Hash{}), true},
		{"event 0 before a call that no ledger knew", ledgertest.Inherits(content), ask("c2", start), true},
		{"a new call", ledgertest.Inherits(content), ask("c2", ledger.Hash{}), false},
		{"event 0 before, without the content", missing, ask("c1", start), false},
		{"event 0 before, without a function", nil, ask("c1", start), false},
		{"a new call, without the content", missing, ask("c2", ledger.Hash{}), false},
		{"another event before, without the content", missing, ask("c1", hashOf("other")), true},
	} {
		f := ledger.IndexFold{Inherited: tt.inherited}
		var err error
		for _, e := range calls(t, created, tt.drafts...) {
			err = errors.Join(err, f.Add(e))
		}
		if corrupt, is := errors.AsType[*ledger.CorruptError](err); is != tt.corrupt || is && corrupt.Seq != 1 || !is && err != nil {
			t.Errorf("%s: Add = %v, want corrupt: %t", tt.name, err, tt.corrupt)
		}
	}
	two := append(ask("c1", start), ask("c1", start)...)
	f := ledger.IndexFold{Inherited: missing}
	var err error
	for _, e := range calls(t, created, two...) {
		err = errors.Join(err, f.Add(e))
	}
	wantCorrupt(t, err, 2) // the first one is known, with the content or without
}

// The golden ledger of 1.5.0 knows calls of the ledger before and of its own, and commits to an
// index with both. Each event about a call names the newest one before it, and if it names
// another one, it is corrupt.
func TestIndexFoldOfGoldenCalls(t *testing.T) {
	const dir = "../fixtures/ledgers/1.5.0/"
	events := goldenOf(t, dir+"events.jsonl")
	r := ledger.InheritedRequests(events[0])
	if r == nil {
		t.Fatal("no ledger was there before")
	}
	content, err := os.ReadFile(dir + "content/" + r.Digest.String())
	if err != nil {
		t.Fatal(err)
	}
	f := ledger.IndexFold{Inherited: ledgertest.Inherits(content)}
	about, inherited, commitments := 0, 0, 0
	for _, e := range events {
		if call, is := ledger.CallOf(e.Payload()); is {
			about++
			if call.Prev == events[0].LeafHash() {
				inherited++
			}
			wantCorrupt(t, lied(t, events[:e.Seq()], content, e), e.Seq())
		}
		if e.Type() == ledger.TypeIndexCommitted {
			commitments++
		}
		if err := f.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	if about < 10 || inherited == 0 || commitments == 0 || f.Unchecked() {
		t.Errorf("%d events about calls, %d of them inherited, %d commitments: want more", about, inherited, commitments)
	}
}

// lied folds events, and then one with another event before about its call.
func lied(t *testing.T, before []ledger.Event, content []byte, e ledger.Event) error {
	t.Helper()
	f := ledger.IndexFold{Inherited: ledgertest.Inherits(content)}
	for _, e := range before {
		if err := f.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	d := e.Draft()
	switch p := d.Payload.(type) {
	case ledger.GateDecided:
		p.CallPrev = hashOf("another")
		d.Payload = p
	case ledger.EffectSettled:
		p.CallPrev = hashOf("another")
		d.Payload = p
	}
	return f.Add(seal(t, d))
}
