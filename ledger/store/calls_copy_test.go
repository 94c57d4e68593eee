package store_test

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/mpt"
	"gait/ledger/store"
	"gait/ledger/store/memtable"
)

// chained returns events of a new ledger in which a call was allowed, settled and allowed
// again, sealed again after first. prev returns what the n-th event about the call names,
// instead of what it should name.
func chained(t *testing.T, first ledger.Event, prev func(n int, right ledger.Hash) ledger.Hash) []ledger.Event {
	t.Helper()
	key := ledgertest.Key(ledgertest.Origin)
	donor := ledgertest.InMemory(t, ledgertest.First(key.VerifierKey()), key)
	specs := []ledgertest.EventSpec{
		ledgertest.Submit("job_1"), ledgertest.Allow("job_1", "call_1", 1), ledgertest.Settle("job_1", "call_1", 1, ledger.EffectDone), ledgertest.Progress("job_1", "a step"),
		ledgertest.Settle("job_1", "call_1", 1, ledger.EffectUnknown),
	}
	events, newest, about := []ledger.Event{first}, ledger.Hash{}, 0
	for _, entry := range ledgertest.Seal(t, donor, specs...) {
		d := entry.Event.Draft()
		_, called := ledger.CallOf(d.Payload)
		if called {
			d.Payload = naming(d.Payload, prev(about, newest))
			about++
		}
		e, err := ledger.Seal(d)
		if err != nil {
			t.Fatal(err)
		}
		if events = ledgertest.Chain(t, append(events, e)...); called {
			newest = events[len(events)-1].LeafHash()
		}
	}
	return events
}

// naming returns a payload about a call, with the event that it names as the newest one.
func naming(p ledger.Payload, prev ledger.Hash) ledger.Payload {
	switch p := p.(type) {
	case ledger.GateDecided:
		p.CallPrev = prev
		return p
	case ledger.EffectSettled:
		p.CallPrev = prev
		return p
	}
	return p
}

func asTheyAre(_ int, right ledger.Hash) ledger.Hash { return right }

// yields yields events as Import takes them.
func yields(events []ledger.Event) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		for _, e := range events {
			if !yield(ledger.Entry{Event: e}, nil) {
				return
			}
		}
	}
}

// A copy, a restored ledger and one that begins with many events have the calls of the
// original. Events that do not name the newest one about their call are not taken, also by a
// copy that cannot know the index.
func TestCopiesFollowCalls(t *testing.T) {
	h := newHeir(t, 3)
	key := ledgertest.Key(ledgertest.Origin)
	wrong := func(at int) func(int, ledger.Hash) ledger.Hash {
		return func(n int, right ledger.Hash) ledger.Hash {
			if n == at {
				return ledger.Hash{1}
			}
			return right
		}
	}
	for name, tt := range map[string]struct {
		prev func(n int, right ledger.Hash) ledger.Hash
		bad  bool
	}{
		"as they are":     {asTheyAre, false},
		"the first wrong": {wrong(0), true},
		"the last wrong":  {wrong(2), true},
	} {
		for _, content := range [][]byte{nil, h.content} {
			first := h.first
			if content == nil {
				first = ledgertest.First(key.VerifierKey())
			}
			events := chained(t, first, tt.prev)
			_, signed := ledgertest.Forge(t, key, events...).Checkpoint()
			for _, has := range [][]byte{content, nil} { // the second time the copy has no index
				what := fmt.Sprintf("%s, event 0 inherits: %t, content: %t", name, content != nil, has != nil)
				from := store.Copy{Entries: yields(events), Signed: signed, Inherited: ledgertest.Inherits(has)}
				o := store.Options{Signer: key, Keys: ledgertest.MACKeys, Inherited: ledgertest.Inherits(has)}
				copied, restored := &memtable.Table{}, &memtable.Table{}
				_, err := store.Import(t.Context(), copied, from)
				_, again := store.Restore(t.Context(), restored, from, key.VerifierKey(), o)
				if bad := errors.Is(err, ledger.ErrUnverified) && errors.Is(again, ledger.ErrUnverified); bad != tt.bad || !bad && errors.Join(err, again) != nil {
					t.Errorf("%s: Import = %v, Restore = %v", what, err, again)
				}
				if tt.bad {
					continue
				}
				for _, table := range []*memtable.Table{copied, restored} {
					table.Reopen()
					checkCopy(t, what, table, o, events)
				}
			}
		}
	}
}

// checkCopy requires that a copied ledger finds its call.
func checkCopy(t *testing.T, what string, table *memtable.Table, o store.Options, events []ledger.Event) {
	t.Helper()
	log, err := store.Open(t.Context(), table, o)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	id := ledger.CallID{Job: "job_1", Call: "call_1"}
	found, err := log.Load(t.Context(), nil, nil, id)
	if e := found.Calls[id]; log.IndexErr() == nil && (err != nil || e.LeafHash() != events[5].LeafHash()) {
		t.Errorf("%s: Load = %v, %v", what, found, err)
	}
	if err := log.Verify(t.Context(), nil, nil); err != nil && !errors.Is(err, ledger.ErrContentMissing) && log.IndexErr() == nil {
		t.Errorf("%s: Verify = %v", what, err)
	}
	if rows := rowsOf(t, table); string(rows["m/format"]) != "5" || len(callRows(rows)) != 1 {
		t.Errorf("%s: store format %s and rows of calls %q", what, rows["m/format"], callRows(rows))
	}
}

// A call that a ledger before knew is found at event 0, has no row, and stays in the index
// until an event is about it.
func TestInheritedCalls(t *testing.T) {
	h := newHeir(t, 40)
	before, later := ledger.CallID{Job: "job_1", Call: "call_0"}, ledger.CallID{Job: "job_1", Call: "call_1"}
	h = h.with(t, ledger.CallKey(before.Job, before.Call))
	log := h.create(t)
	ledgertest.Append(t, log, ledgertest.Submit("job_1"), ledgertest.Allow("job_1", "call_1", 1))
	find := func(log *store.Log, want ledger.Event) {
		t.Helper()
		found, err := log.Load(t.Context(), nil, []string{"before-1"}, later, before, ledger.CallID{Job: "job_2", Call: "call_0"})
		if err != nil || len(found.Calls) != 2 || found.Calls[before].LeafHash() != want.LeafHash() || found.Requests["before-1"].Seq() != 0 {
			t.Errorf("Load = %v, %v, want event %d for the call of before", found, err, want.Seq())
		}
	}
	find(log, h.first)
	ledgertest.CheckInherited(t, log, h.keys)
	if _, err := log.Rebuild(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	ledgertest.CheckInherited(t, log, h.keys)
	fresh := ledgertest.Allow("job_1", "call_0", 1)
	fresh.Edit = func(d *ledger.Draft) { d.Payload = naming(d.Payload, ledger.Hash{}) }
	if _, err := log.Append(t.Context(), log.Head(), ledgertest.Seal(t, log, fresh)...); err == nil {
		t.Error("Append of an event that says that no event was about a call of before does not fail")
	}
	unknown := ledgertest.Allow("job_1", "call_9", 1)
	unknown.Edit = func(d *ledger.Draft) { d.Payload = naming(d.Payload, h.first.LeafHash()) }
	if _, err := log.Append(t.Context(), log.Head(), ledgertest.Seal(t, log, unknown)...); err == nil {
		t.Error("Append of an event that says that a ledger before knew a call, which none did, does not fail")
	}
	find(log, h.first)
	again := ledgertest.Allow("job_1", "call_0", 1) // the log knows no rule: that it is not allowed, others say
	ledgertest.Append(t, log, again)
	last, err := log.Event(t.Context(), 3)
	if err != nil {
		t.Fatal(err)
	}
	find(log, last)
	ledgertest.CheckInherited(t, log, h.keys)
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	log = h.open(t, h.o)
	find(log, last)
	ledgertest.CheckInherited(t, log, h.keys)
	_, signed := log.Checkpoint()
	for _, content := range [][]byte{h.content, nil} { // without, a copy cannot know what event 0 names
		from := store.Copy{Entries: entries(log, nil), Signed: signed, Inherited: ledgertest.Inherits(content)}
		table := &memtable.Table{}
		if _, err := store.Import(t.Context(), table, from); err != nil {
			t.Errorf("Import, with the content: %t: %v", content != nil, err)
		}
	}
}

// with returns the heir of a ledger that knew more keys.
func (h heir) with(t *testing.T, more ...mpt.Key) heir {
	t.Helper()
	h.keys = append(slices.Clone(h.keys), more...)
	d := h.first.Draft()
	p := d.Payload.(ledger.LedgerCreated)
	was := *p.Predecessor
	was.Requests, h.content = ledger.RequestsOf(slices.Clone(h.keys))
	p.Predecessor = &was
	d.Payload = p
	var err error
	if h.first, err = ledger.Seal(d); err != nil {
		t.Fatal(err)
	}
	h.o.Inherited = h.content
	return h
}

// An event that says that a ledger before knew its call is taken by a copy that cannot tell.
// With the content, Verify finds that it did not.
func TestVerifyInheritedCall(t *testing.T) {
	h := newHeir(t, 3)
	key := ledgertest.Key(ledgertest.Origin)
	events := chained(t, h.first, func(n int, right ledger.Hash) ledger.Hash {
		if n == 0 {
			return h.first.LeafHash()
		}
		return right
	})
	_, signed := ledgertest.Forge(t, key, events...).Checkpoint()
	table := &memtable.Table{}
	if _, err := store.Import(t.Context(), table, store.Copy{Entries: yields(events), Signed: signed}); err != nil {
		t.Fatal(err)
	}
	table.Reopen()
	for _, content := range [][]byte{nil, h.content, h.with(t, ledger.CallKey("job_1", "call_1")).content} {
		log, err := store.Open(t.Context(), table, store.Options{Inherited: ledgertest.Inherits(content)})
		if err != nil {
			t.Fatal(err)
		}
		err = log.Verify(t.Context(), nil, nil)
		if damage, is := errors.AsType[*ledger.CorruptError](err); slices.Equal(content, h.content) && (!is || damage.Seq != 2) || content == nil && err != nil {
			t.Errorf("with %d bytes of content: Verify = %v", len(content), err)
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		table.Reopen()
	}
}

// A key rotation and a move leave calls as they are.
func TestCallsOfRotatedLedger(t *testing.T) {
	l := ledgertest.New(t)
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_1"), ledgertest.Allow("job_1", "call_1", 1))
	ledgertest.Rotate(t, l.Log, 1)
	ledgertest.Append(t, l.Log, ledgertest.Settle("job_1", "call_1", 1, ledger.EffectUnknown))
	ledgertest.Check(t, l.Log)
	ledgertest.MoveAway(t, l.Log, 2)
	next := ledgertest.KeyAfter(ledgertest.Origin, 2)
	from := backedUp(t, l.Log)
	from.Next = next
	o := ledgertest.Options{FS: l.FS, Signer: next}
	if err := ledgertest.Restore("jobs/there", from, next.VerifierKey(), o); err != nil {
		t.Fatal(err)
	}
	there, err := ledgertest.Open("jobs/there", o)
	if err != nil {
		t.Fatal(err)
	}
	defer there.Close()
	ledgertest.Check(t, there)
	ledgertest.Append(t, there, ledgertest.Settle("job_1", "call_1", 1, ledger.EffectDone))
	ledgertest.Check(t, there)
}
