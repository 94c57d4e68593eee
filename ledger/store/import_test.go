package store_test

import (
	"context"
	"errors"
	"iter"
	"testing"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store"
)

// entries yields a log's events as Import takes them, each with a view.
func entries(log *store.Log, change func(int, *ledger.Entry)) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		n := 0
		for e, err := range log.Events(context.Background(), 0) {
			entry := ledger.Entry{Event: e}
			if e.JobID() != "" {
				entry.View = []byte("view of " + e.JobID())
			}
			if change != nil {
				change(n, &entry)
			}
			n++
			if !yield(entry, err) {
				return
			}
		}
	}
}

// An imported log equals the original, event for event, and is never written.
func TestImport(t *testing.T) {
	l := ledgertest.New(t)
	ledgertest.Append(t, l.Log, ledgertest.Submit("a"))
	for range 700 { // more than one batch of Import and more than two tiles
		ledgertest.Append(t, l.Log, ledgertest.Progress("a", "x"), ledgertest.Progress("a", "y"))
	}
	want, signed := l.Checkpoint()
	o := ledgertest.Options{FS: l.FS, Signer: l.Key}
	if err := ledgertest.Import("jobs/copy", store.Copy{Entries: entries(l.Log, nil), Signed: signed}, o); err != nil {
		t.Fatal(err)
	}
	if err := ledgertest.Import("jobs/copy", store.Copy{Entries: entries(l.Log, nil), Signed: signed}, o); !errors.Is(err, store.ErrExists) {
		t.Errorf("a second Import = %v, want ErrExists", err)
	}
	c, err := ledgertest.Open("jobs/copy", o)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got, note := c.Checkpoint()
	if got != want || string(note) != string(signed) || !c.Imported() || l.Imported() {
		t.Errorf("the copy is at %+v, imported %t", got, c.Imported())
	}
	if err := c.Verify(t.Context(), nil, nil); err != nil {
		t.Error(err)
	}
	if found, err := c.Load(t.Context(), []string{"a"}, nil); string(found.Jobs["a"].View) != "view of a" || err != nil {
		t.Errorf("Load = %v, %v, want the view", found, err)
	}
	if _, err := c.Append(t.Context(), c.Head(), ledgertest.Seal(t, c, ledgertest.Progress("a", "z"))...); !errors.Is(err, store.ErrImported) {
		t.Errorf("Append to a copy = %v, want ErrImported", err)
	}
}

// A copy that does not verify is not imported, and nothing of it is left.
func TestImportRefuses(t *testing.T) {
	l := ledgertest.New(t)
	ledgertest.Append(t, l.Log, ledgertest.Submit("a"), ledgertest.Progress("a", "x"))
	_, early := l.Checkpoint()
	ledgertest.Append(t, l.Log, ledgertest.Progress("a", "y"))
	_, signed := l.Checkpoint()
	disk := errors.New("disk on fire")
	none := func(func(ledger.Entry, error) bool) {}
	for name, tt := range map[string]struct {
		entries iter.Seq2[ledger.Entry, error]
		signed  []byte
		want    error
	}{
		"an older checkpoint": {entries(l.Log, nil), early, ledger.ErrUnverified},
		"no checkpoint":       {entries(l.Log, nil), nil, ledger.ErrUnverified},
		"no events":           {none, signed, ledger.ErrUnverified},
		"event 1 for event 0": {func(yield func(ledger.Entry, error) bool) {
			e, _ := l.Event(t.Context(), 1)
			yield(ledger.Entry{Event: e}, nil)
		}, signed, ledger.ErrUnverified},
		"trouble with the input": {func(yield func(ledger.Entry, error) bool) { yield(ledger.Entry{}, disk) }, signed, disk},
		"one event cut off": {func(yield func(ledger.Entry, error) bool) {
			for e, err := range l.Events(t.Context(), 0) {
				if e.Seq() == 3 || !yield(ledger.Entry{Event: e}, err) {
					return
				}
			}
		}, signed, ledger.ErrUnverified},
	} {
		if err := ledgertest.Import("jobs/copy", store.Copy{Entries: tt.entries, Signed: tt.signed}, ledgertest.Options{FS: l.FS}); !errors.Is(err, tt.want) {
			t.Errorf("%s: Import = %v, want %v", name, err, tt.want)
		}
		names, err := l.FS.List("jobs")
		if err != nil || len(names) != 1 {
			t.Errorf("%s: it left %v (%v)", name, names, err)
		}
	}
}

// A ledger whose key was rotated is imported with its rotations, all of them proved.
func TestImportRotated(t *testing.T) {
	l := ledgertest.Rotated(t)
	_, signed := l.Checkpoint()
	rotations, err := l.Rotations(t.Context())
	if err != nil || len(rotations) == 0 {
		t.Fatal(len(rotations), err)
	}
	o := ledgertest.Options{FS: l.FS}
	for name, wrong := range map[string][]ledger.Rotation{"none": nil, "one too few": rotations[:len(rotations)-1], "another's proof": {{Event: rotations[0].Event}}} {
		if err := ledgertest.Import("jobs/copy", store.Copy{Entries: entries(l.Log, nil), Signed: signed, Rotations: wrong}, o); !errors.Is(err, ledger.ErrUnverified) && !errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("%s: Import = %v, want ErrUnverified", name, err)
		}
	}
	plain := ledgertest.New(t)
	_, note := plain.Checkpoint()
	if err := ledgertest.Import("jobs/plain", store.Copy{Entries: entries(plain.Log, nil), Signed: note, Rotations: rotations[:1]}, ledgertest.Options{FS: plain.FS}); !errors.Is(err, ledger.ErrUnverified) {
		t.Errorf("a rotation that is not among the events: Import = %v, want ErrUnverified", err)
	}
	if err := ledgertest.Import("jobs/copy", store.Copy{Entries: entries(l.Log, nil), Signed: signed, Rotations: rotations}, o); err != nil {
		t.Fatal(err)
	}
	c, err := ledgertest.Open("jobs/copy", o)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Verify(t.Context(), nil, nil); err != nil || !c.Keys().Equal(l.Keys()) {
		t.Errorf("the copy's keys are %v (%v)", c.Keys().Reigns(), err)
	}
}
