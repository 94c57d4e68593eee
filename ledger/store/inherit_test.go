package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"testing"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/mpt"
	"gait/ledger/store"
	"gait/ledger/store/memtable"
)

// An heir is a ledger whose event 0 names request ids that were used before.
type heir struct {
	keys    []mpt.Key
	content []byte
	first   ledger.Event
	o       ledgertest.Options
}

func newHeir(t testing.TB, n int) heir {
	t.Helper()
	h := heir{}
	for i := range n {
		h.keys = append(h.keys, ledger.RequestKey(fmt.Sprintf("before-%d", i)))
	}
	key := ledgertest.Key(ledgertest.Origin)
	draft := ledgertest.First(key.VerifierKey()).Draft()
	p := draft.Payload.(ledger.LedgerCreated)
	p.Predecessor = &ledger.Predecessor{Origin: "gait.test/before"}
	p.Predecessor.Requests, h.content = ledger.RequestsOf(append([]mpt.Key(nil), h.keys...))
	draft.Payload = p
	var err error
	if h.first, err = ledger.Seal(draft); err != nil {
		t.Fatal(err)
	}
	h.o = ledgertest.Options{FS: ledgertest.NewFS(t), Signer: key, Inherited: h.content}
	return h
}

func (h heir) create(t testing.TB) *store.Log {
	t.Helper()
	log, err := ledgertest.CreateWith(ledgertest.Dir, h.first, h.o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	return log
}

func (h heir) open(t testing.TB, o ledgertest.Options) *store.Log {
	t.Helper()
	log, err := ledgertest.Open(ledgertest.Dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	return log
}

// usedBefore requires that a log knows that a request id was used before, and not others.
func usedBefore(t testing.TB, log *store.Log, first ledger.Event) {
	t.Helper()
	found, err := log.Load(t.Context(), nil, []string{"before-1", "never"})
	if err != nil || len(found.Requests) != 1 || found.Requests["before-1"].LeafHash() != first.LeafHash() {
		t.Errorf("Load = %v, %v, want event 0 under the id used before", found.Requests, err)
	}
	spec := ledgertest.Submit("again")
	spec.RequestID = "before-1"
	_, err = log.Append(t.Context(), log.Head(), ledgertest.Seal(t, log, spec)...)
	if used, ok := errors.AsType[*ledger.RequestUsedError](err); !ok || used.RequestID != "before-1" || used.Origin != "gait.test/before" {
		t.Errorf("an event that uses it again: %v", err)
	}
}

// The request ids that event 0 names are used up from the beginning, in the index that
// the log proves.
func TestInherit(t *testing.T) {
	for _, n := range []int{2, 3000} {
		h := newHeir(t, n)
		log := h.create(t)
		ledgertest.CheckInherited(t, log, h.keys)
		usedBefore(t, log, h.first)
		spec := ledgertest.Submit("job")
		spec.RequestID = "of-its-own"
		ledgertest.Append(t, log, spec, ledgertest.Progress("job", "x"))
		for range 600 { // so that pages are written again
			ledgertest.Append(t, log, ledgertest.Progress("job", "x"))
		}
		usedBefore(t, log, h.first)
		ledgertest.CheckInherited(t, log, h.keys)
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		log = h.open(t, h.o)
		usedBefore(t, log, h.first)
		ledgertest.CheckInherited(t, log, h.keys)
	}
}

// A ledger that lost the content can be used; it cannot be verified or rebuilt.
func TestInheritWithoutContent(t *testing.T) {
	h := newHeir(t, 5)
	log := h.create(t)
	ledgertest.Append(t, log, ledgertest.Submit("job"))
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	o := h.o
	o.Inherited = nil
	log = h.open(t, o)
	usedBefore(t, log, h.first)
	ledgertest.Append(t, log, ledgertest.Progress("job", "x"))
	if err := log.Verify(t.Context(), nil, nil); !errors.Is(err, ledger.ErrContentMissing) {
		t.Errorf("Verify = %v, want ErrContentMissing", err)
	}
	if _, err := log.Rebuild(t.Context(), nil); !errors.Is(err, ledger.ErrContentMissing) {
		t.Errorf("Rebuild = %v, want ErrContentMissing", err)
	}
	if _, err := ledgertest.CreateWith("jobs/other", h.first, o); !errors.Is(err, ledger.ErrContentMissing) {
		t.Errorf("Create without the content = %v, want ErrContentMissing", err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	o.Inherited = bytes.Repeat([]byte{7}, len(h.content))
	log = h.open(t, o)
	if err := log.Verify(t.Context(), nil, nil); !errors.Is(err, ledger.ErrUnverified) {
		t.Errorf("Verify with another content = %v, want ErrUnverified", err)
	}
}

// The index can be built again from the events and the content.
func TestInheritRebuilt(t *testing.T) {
	h := newHeir(t, 40)
	log := h.create(t)
	ledgertest.Append(t, log, ledgertest.Submit("job"))
	if _, err := log.Rebuild(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	usedBefore(t, log, h.first)
	ledgertest.CheckInherited(t, log, h.keys)
}

// A copy has the index if it was given the content, and otherwise is unchecked.
func TestInheritImported(t *testing.T) {
	h := newHeir(t, 50)
	log := h.create(t)
	spec := ledgertest.Submit("job")
	spec.RequestID = "of-its-own"
	ledgertest.Append(t, log, spec, ledgertest.Submit("job2"))
	ledgertest.Append(t, log, ledgertest.EventSpec{Payload: ledger.IndexCommitted{Index: indexRootOf(t, log, h.keys)}})
	_, signed := log.Checkpoint()
	for name, content := range map[string][]byte{"with": h.content, "without": nil} {
		o := h.o
		o.Inherited = content
		from := store.Copy{Entries: entries(log, nil), Signed: signed, Inherited: ledgertest.Inherits(content)}
		if err := ledgertest.Import("jobs/"+name, from, o); err != nil {
			t.Fatalf("%s the content: %v", name, err)
		}
		c, err := ledgertest.Open("jobs/"+name, o)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Verify(t.Context(), nil, nil); err != nil || c.Index() != ledger.IndexUnchecked {
			t.Errorf("%s the content: Verify = %v, the index is %s", name, err, c.Index())
		}
		if _, computed := c.VerifiedIndex(); computed != (content != nil) {
			t.Errorf("%s the content: Verify has computed the index: %t", name, computed)
		}
		found, err := c.Load(t.Context(), []string{"job", "job2"}, []string{"of-its-own"})
		if err != nil || len(found.Jobs) != 2 || len(found.Requests) != 1 {
			t.Errorf("%s the content: Load = %v, %v", name, found, err)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	from := store.Copy{Entries: entries(log, nil), Signed: signed, Inherited: ledgertest.Inherits(h.content[:64])}
	if err := ledgertest.Import("jobs/wrong", from, h.o); !errors.Is(err, ledger.ErrUnverified) {
		t.Errorf("with another content: Import = %v, want ErrUnverified", err)
	}
}

func indexRootOf(t testing.TB, log *store.Log, inherited []mpt.Key) ledger.Hash {
	t.Helper()
	var all []ledger.Event
	for e, err := range log.Events(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return ledgertest.IndexRoot(all, inherited...)
}

// A ledger can begin with many events: it is none before all of them are there.
func TestCreateFrom(t *testing.T) {
	h := newHeir(t, 700)
	donor := ledgertest.InMemory(t, ledgertest.First(ledgertest.Key(ledgertest.Origin).VerifierKey()), ledgertest.Key(ledgertest.Origin))
	var specs []ledgertest.EventSpec
	for i := range 3000 {
		spec := ledgertest.Submit(fmt.Sprintf("job_%d", i/2))
		if i%2 == 1 {
			spec = ledgertest.Progress(fmt.Sprintf("job_%d", i/2), "x")
		}
		spec.View = []byte("view")
		specs = append(specs, spec)
	}
	sealed := rechained(t, h.first, ledgertest.Seal(t, donor, specs...))
	table := new(memtable.Table)
	o := store.Options{Signer: ledgertest.Key(ledgertest.Origin), Keys: ledgertest.MACKeys, Inherited: ledgertest.Inherits(h.content)}
	if err := store.CreateFrom(t.Context(), table, h.first, sealed(1<<20, nil), o); err != nil {
		t.Fatal(err)
	}
	table.Reopen()
	log, err := store.Open(t.Context(), table, o)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if log.Head().Size != 3001 || log.Index() != ledger.IndexProved {
		t.Errorf("the ledger has %d events, its index is %s", log.Head().Size, log.Index())
	}
	ledgertest.CheckInherited(t, log, h.keys)
	usedBefore(t, log, h.first)
	ledgertest.Append(t, log, ledgertest.Progress("job_7", "more"))
	found, err := log.Load(t.Context(), []string{"job_8"}, nil)
	if err != nil || string(found.Jobs["job_8"].View) != "view" {
		t.Errorf("Load = %v, %v, want the view", found.Jobs, err)
	}
	for _, n := range []int{0, 1, 1500} {
		table := new(memtable.Table)
		broken := errors.New("the source is gone")
		if err := store.CreateFrom(t.Context(), table, h.first, sealed(n, broken), o); !errors.Is(err, broken) {
			t.Errorf("after %d events: CreateFrom = %v, want the source's error", n, err)
		}
		table.Reopen()
		if log, err := store.Open(t.Context(), table, o); err == nil {
			t.Errorf("after %d events: there is a ledger of %d", n, log.Head().Size)
		}
	}
}

// rechained returns a function that yields the first n entries, sealed again after
// another event 0, and then an error if one is given.
func rechained(t testing.TB, first ledger.Event, entries []ledger.Entry) func(n int, then error) iter.Seq2[ledger.Entry, error] {
	t.Helper()
	head, err := ledger.Head{}.Follow(first)
	if err != nil {
		t.Fatal(err)
	}
	jobs := map[string]ledger.JobHead{}
	for i, entry := range entries {
		d := entry.Event.Draft()
		d.Prev, d.JobPrev = head.Leaf, jobs[d.JobID].Leaf
		if entries[i].Event, err = ledger.Seal(d); err == nil {
			head, err = head.Follow(entries[i].Event)
		}
		if err == nil {
			jobs[d.JobID], err = jobs[d.JobID].Follow(entries[i].Event)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return func(n int, then error) iter.Seq2[ledger.Entry, error] {
		return func(yield func(ledger.Entry, error) bool) {
			for _, e := range entries[:min(n, len(entries))] {
				if !yield(e, nil) {
					return
				}
			}
			if then != nil {
				yield(ledger.Entry{}, then)
			}
		}
	}
}

// While the index is not proved, a stop cannot use a request id of before either.
func TestInheritUnproved(t *testing.T) {
	h := newHeir(t, 3)
	table, o := new(memtable.Table), store.Options{Signer: ledgertest.Key(ledgertest.Origin), Keys: ledgertest.MACKeys, Inherited: ledgertest.Inherits(h.content)}
	if err := store.Create(t.Context(), table, h.first, o); err != nil {
		t.Fatal(err)
	}
	open := func(o store.Options) *store.Log {
		table.Reopen()
		log, err := store.Open(t.Context(), table, o)
		if err != nil {
			t.Fatal(err)
		}
		return log
	}
	log := open(o)
	ledgertest.Append(t, log, ledgertest.Submit("job"))
	job, _, err := ledger.FindJob(t.Context(), log, "job")
	if err := errors.Join(err, log.Close()); err != nil {
		t.Fatal(err)
	}
	table.Reopen()
	head, err := table.GetMany(t.Context(), [][]byte{[]byte(store.HeadKey)})
	if err == nil {
		err = table.Commit(t.Context(), &store.Change{From: head[0], To: head[0], Remove: [][]byte{[]byte("m/index")}})
	}
	if err != nil {
		t.Fatal(err)
	}
	log = open(o)
	stop := func(id string) error {
		spec := ledgertest.EventSpec{Job: "job", Payload: ledger.Stopped{}, RequestID: id}
		_, err := log.Append(t.Context(), log.Head(), ledgertest.SealAfter(t, log, job, spec)...)
		return err
	}
	if _, ok := errors.AsType[*ledger.RequestUsedError](stop("before-2")); !ok || log.Index() != ledger.IndexBroken {
		t.Errorf("a stop with a request id of before: %v; the index is %s", stop("before-2"), log.Index())
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	o.Inherited = nil
	log = open(o)
	if err := stop("new"); !errors.Is(err, ledger.ErrContentMissing) {
		t.Errorf("a stop with a request id, without the content: %v", err)
	}
	if err := stop(""); err != nil {
		t.Errorf("a stop without one: %v", err)
	}
}
