package mpt_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/ledger/mpt"
)

// A tree whose entries are set later finds, proves and writes what the tree does in which
// they are set at once. To find keys it makes no pages.
func TestLater(t *testing.T) {
	keys := sample(7, 900)
	rows := newTable()
	before := rows.flush(set(t, mpt.Tree{}, nil, keys.entries()[:600]...))
	entries := mpt.Sort(append(keys.entries()[600:], mpt.Entry{Key: keys.entries()[0].Key, Value: mpt.Value{9}}))
	want := set(t, mpt.At(before.Root()), rows, entries...)
	late := mpt.At(before.Root()).Later(entries, want.Root())
	if late.Root() != want.Root() {
		t.Fatalf("its root is %v, want %v", late.Root(), want.Root())
	}
	var all []mpt.Key
	for _, e := range keys.entries() {
		all = append(all, e.Key)
	}
	if err := late.Warm(t.Context(), rows, append(all, mpt.Key{1})); err != nil {
		t.Fatal(err)
	}
	for _, key := range append(all, mpt.Key{1}) {
		value, found, err := late.Get(t.Context(), rows, key)
		wanted, there, wantErr := want.Get(t.Context(), rows, key)
		if err != nil || wantErr != nil || value != wanted || found != there {
			t.Fatalf("Get(%v) = %v, %t, %v, want %v, %t, %v", key, value, found, err, wanted, there, wantErr)
		}
	}
	proof, err := late.Prove(t.Context(), rows, all[700])
	if err != nil {
		t.Fatal(err)
	}
	wanted, err := want.Prove(t.Context(), rows, all[700])
	if diff := cmp.Diff(wanted, proof); err != nil || diff != "" {
		t.Errorf("Prove differs (-want +got), %v:\n%s", err, diff)
	}
	made, err := late.Made(t.Context(), nil) // Prove has made it
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.Dirty(), made.Dirty()); diff != "" {
		t.Errorf("the pages to write differ (-want +got):\n%s", diff)
	}
	more := mpt.Entry{Key: mpt.Key{2}, Value: mpt.Value{3}}
	if got, want := set(t, late, rows, more).Root(), set(t, want, rows, more).Root(); got != want {
		t.Errorf("with an entry more its root is %v, want %v", got, want)
	}
}

// A removed key is not found either.
func TestLaterRemoves(t *testing.T) {
	keys := sample(8, 50)
	tree := set(t, mpt.Tree{}, nil, keys.entries()...)
	gone := []mpt.Entry{{Key: keys.sorted()[7].Key, Remove: true}}
	late := tree.Later(gone, set(t, tree, nil, gone...).Root())
	if _, found, err := late.Get(t.Context(), nil, gone[0].Key); found || err != nil {
		t.Errorf("Get of a key that is removed = %t, %v", found, err)
	}
	if _, err := late.Made(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

// If the entries lead to another root than the caller knows, nothing is made of them.
func TestLaterChecksTheRoot(t *testing.T) {
	keys := sample(9, 300)
	rows := newTable()
	before := rows.flush(set(t, mpt.Tree{}, nil, keys.entries()[:200]...))
	entries := mpt.Sort(keys.entries()[200:])
	late := mpt.At(before.Root()).Later(entries, mpt.Hash{1})
	for range 2 {
		_, made := late.Made(t.Context(), rows)
		_, set := late.Set(t.Context(), rows, nil)
		_, proved := late.Prove(t.Context(), rows, mpt.Key{})
		for what, err := range map[string]error{"Made": made, "Set": set, "Prove": proved} {
			if _, ofPage := errors.AsType[*mpt.PageError](err); !ofPage {
				t.Errorf("%s = %v, want a PageError", what, err)
			}
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("Dirty of a tree that is not made does not panic")
		}
	}()
	late.Dirty()
}

// Versions of a tree that is not made may be used at the same time.
func TestLaterAtOnce(t *testing.T) {
	keys := sample(10, 500)
	rows := newTable()
	before := rows.flush(set(t, mpt.Tree{}, nil, keys.entries()[:400]...))
	entries := mpt.Sort(keys.entries()[400:])
	late := mpt.At(before.Root()).Later(entries, set(t, mpt.At(before.Root()), rows, entries...).Root())
	var running sync.WaitGroup
	for i := range 8 {
		running.Go(func() {
			for j := range 50 {
				e := keys.entries()[(i*50+j)%500]
				if value, found, err := late.Get(t.Context(), rows, e.Key); err != nil || !found || value != e.Value {
					t.Errorf("Get = %v, %t, %v", value, found, err)
				}
			}
			if _, err := late.Set(t.Context(), rows, []mpt.Entry{{Key: mpt.Key{byte(i)}}}); err != nil {
				t.Error(err)
			}
		})
	}
	running.Wait()
}
