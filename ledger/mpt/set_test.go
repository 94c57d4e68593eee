package mpt_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/ledger/mpt"
)

func TestSetOrder(t *testing.T) {
	one, two := mpt.Entry{Key: mpt.Key{1}}, mpt.Entry{Key: mpt.Key{2}}
	for _, entries := range [][]mpt.Entry{{one, one}, {two, one}, {one, two, two}} {
		if _, err := (mpt.Tree{}).Set(t.Context(), nil, entries); !errors.Is(err, mpt.ErrOrder) {
			t.Errorf("Set(%v) = %v, want ErrOrder", entries, err)
		}
	}
}

func TestSort(t *testing.T) {
	in := []mpt.Entry{
		{Key: mpt.Key{2}, Value: mpt.Value{1}},
		{Key: mpt.Key{1}, Value: mpt.Value{2}},
		{Key: mpt.Key{2}, Remove: true},
		{Key: mpt.Key{1}, Value: mpt.Value{3}},
		{Key: mpt.Key{0, 31: 1}, Value: mpt.Value{4}},
	}
	want := []mpt.Entry{
		{Key: mpt.Key{0, 31: 1}, Value: mpt.Value{4}},
		{Key: mpt.Key{1}, Value: mpt.Value{3}},
		{Key: mpt.Key{2}, Remove: true},
	}
	if diff := cmp.Diff(want, mpt.Sort(in)); diff != "" {
		t.Errorf("Sort differs (-want +got):\n%s", diff)
	}
	if got := mpt.Sort(nil); len(got) != 0 {
		t.Errorf("Sort(nil) = %v", got)
	}
}

// TestSetOfTheSame: values that are there already change no page.
func TestSetOfTheSame(t *testing.T) {
	keys := sample(1, 1000)
	rows := newTable()
	tree := rows.flush(set(t, mpt.Tree{}, nil, keys.entries()...))
	same := set(t, tree, rows, append(keys.entries()[:500], mpt.Entry{Key: mpt.Key{31: 1}, Remove: true})[:500]...)
	if rows := same.Dirty(); len(rows) != 0 || same.Root() != tree.Root() {
		t.Errorf("setting 500 values to what they are makes %d pages dirty", len(rows))
	}
}

// TestSetOfMany: many entries, which are set in pieces, make the tree that they make at
// once, whether they are new, set again or removed.
func TestSetOfMany(t *testing.T) {
	keys := sample(3, 10_000)
	leaves := keys.sorted()
	want, n, err := mpt.FromSorted(all(leaves), nil)
	if err != nil || n != 10_000 {
		t.Fatalf("FromSorted = %d keys, %v", n, err)
	}
	tree := set(t, mpt.Tree{}, nil, keys.entries()...)
	if tree.Root() != want {
		t.Errorf("Set of 10,000 entries leads to %v, want %v", tree.Root(), want)
	}
	var entries []mpt.Entry
	var left []mpt.Leaf
	for i, l := range leaves {
		if i%3 == 0 {
			entries = append(entries, mpt.Entry{Key: l.Key, Remove: true})
			continue
		}
		l.Value[0] ^= 1
		left = append(left, l)
		entries = append(entries, mpt.Entry{Key: l.Key, Value: l.Value})
	}
	if want, _, err = mpt.FromSorted(all(left), nil); err != nil {
		t.Fatal(err)
	}
	if got := set(t, tree, nil, entries...).Root(); got != want {
		t.Errorf("with a third of them removed, it leads to %v, want %v", got, want)
	}
	entries[9_999].Key = entries[9_998].Key
	if _, err := tree.Set(t.Context(), nil, entries); !errors.Is(err, mpt.ErrOrder) {
		t.Errorf("Set with a key twice at the end = %v, want ErrOrder", err)
	}
}

// TestRemoveAll: a tree without keys is the empty one again.
func TestRemoveAll(t *testing.T) {
	keys := sample(1, 100)
	tree := set(t, mpt.Tree{}, nil, keys.entries()...)
	var remove []mpt.Entry
	for _, l := range keys.sorted() {
		remove = append(remove, mpt.Entry{Key: l.Key, Remove: true})
	}
	empty := set(t, tree, nil, remove...)
	if empty.Root() != mpt.EmptyRoot || (mpt.Tree{}).Root() != mpt.EmptyRoot || mpt.At(mpt.EmptyRoot).Root() != mpt.EmptyRoot {
		t.Errorf("the root of a tree without keys is %v, want %v", empty.Root(), mpt.EmptyRoot)
	}
	if _, has, err := empty.Get(t.Context(), nil, remove[0].Key); has || err != nil {
		t.Errorf("Get = %v, %v", has, err)
	}
	if again := set(t, empty, nil, keys.entries()...); again.Root() != tree.Root() {
		t.Errorf("the root of the same keys again is %v, want %v", again.Root(), tree.Root())
	}
}

func TestFromSortedErrors(t *testing.T) {
	leaves := sample(1, 50).sorted()
	broken := errors.New("broken")
	emit := func(mpt.Row) error { return nil }
	tests := []struct {
		name   string
		leaves func(func(mpt.Leaf, error) bool)
		emit   func(mpt.Row) error
		want   error
	}{
		{"a key twice", all(append(leaves[:7:7], leaves[6])), emit, mpt.ErrOrder},
		{"the first key again", all(append(leaves[:7:7], leaves[0])), emit, mpt.ErrOrder},
		{"the first two fall", all([]mpt.Leaf{leaves[1], leaves[0]}), emit, mpt.ErrOrder},
		{"the sequence fails at once", func(yield func(mpt.Leaf, error) bool) { yield(mpt.Leaf{}, broken) }, emit, broken},
		{"the sequence fails later", func(yield func(mpt.Leaf, error) bool) {
			for _, l := range leaves {
				if !yield(l, nil) {
					return
				}
			}
			yield(mpt.Leaf{}, broken)
		}, emit, broken},
		{"emit fails", all(leaves), func(mpt.Row) error { return broken }, broken},
	}
	for _, tt := range tests {
		if root, keys, err := mpt.FromSorted(tt.leaves, tt.emit); !errors.Is(err, tt.want) || root != (mpt.Hash{}) && root != mpt.EmptyRoot || keys != 0 {
			t.Errorf("%s: FromSorted = %v, %d, %v; want %v", tt.name, root, keys, err, tt.want)
		}
	}
	if root, keys, err := mpt.FromSorted(all(nil), nil); root != mpt.EmptyRoot || keys != 0 || err != nil {
		t.Errorf("FromSorted of nothing = %v, %d, %v", root, keys, err)
	}
}
