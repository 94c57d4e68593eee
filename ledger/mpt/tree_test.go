package mpt_test

import (
	"bytes"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gait/ledger/mpt"
)

// keys draws keys that often share long prefixes: all bytes but some are 0 or 1.
func keys() *rapid.Generator[mpt.Key] {
	return rapid.Custom(func(t *rapid.T) mpt.Key {
		var k mpt.Key
		k[0] = rapid.Byte().Draw(t, "first")
		for range rapid.IntRange(0, 3).Draw(t, "more") {
			k[rapid.IntRange(0, 31).Draw(t, "index")] = rapid.SampledFrom([]byte{0, 1, 2, 3, 0x10, 0x7f, 0x80, 0xff}).Draw(t, "byte")
		}
		return k
	})
}

func values() *rapid.Generator[mpt.Value] {
	return rapid.Map(rapid.Byte(), func(b byte) mpt.Value { return mpt.Value{31: b} })
}

// TestTreeIsNaive makes trees in batches, flushing and forgetting now and then,
// and compares all that they answer with a map of sorted keys.
func TestTreeIsNaive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tree, want, rows := mpt.Tree{}, naive{}, newTable()
		var asked []mpt.Key
		for range rapid.IntRange(1, 4).Draw(t, "batches") {
			var entries []mpt.Entry
			for range rapid.IntRange(0, 25).Draw(t, "entries") {
				e := mpt.Entry{Key: keys().Draw(t, "key"), Value: values().Draw(t, "value")}
				entries = append(entries, e)
				want[e.Key] = e.Value
				asked = append(asked, e.Key, keys().Draw(t, "other"))
			}
			tree = set(t, tree, rows, mpt.Sort(entries)...)
			checkTree(t, tree, rows, want, asked)
			switch rapid.IntRange(0, 3).Draw(t, "then") {
			case 1:
				tree = rows.flush(tree)
			case 2:
				tree = mpt.At(rows.flush(tree).Root())
			}
		}
		rows.flush(tree)
		_, all := fromSorted(t, want)
		if diff := cmp.Diff(all, rows.rows); diff != "" {
			t.Errorf("the rows differ from those of the sorted keys (-sorted +tree):\n%s", diff)
		}
	})
}

// TestRemove removes keys and compares with the tree that never had them.
func TestRemove(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, before := newTable(), naive{}
		for range rapid.IntRange(0, 60).Draw(t, "entries") {
			before[keys().Draw(t, "key")] = values().Draw(t, "value")
		}
		tree := mpt.At(rows.flush(set(t, mpt.Tree{}, rows, before.entries()...)).Root())
		after := maps.Clone(before)
		var entries []mpt.Entry
		asked := []mpt.Key{{}}
		for _, l := range before.sorted() {
			asked = append(asked, l.Key)
			if rapid.IntRange(0, 2).Draw(t, "stays") > 0 {
				entries = append(entries, mpt.Entry{Key: l.Key, Remove: true})
				delete(after, l.Key)
			}
		}
		for range rapid.IntRange(0, 4).Draw(t, "more") {
			e := mpt.Entry{Key: keys().Draw(t, "key"), Remove: rapid.Bool().Draw(t, "remove")}
			if entries = append(entries, e); e.Remove {
				delete(after, e.Key)
			} else {
				after[e.Key] = e.Value
			}
		}
		removed := set(t, tree, rows, mpt.Sort(entries)...)
		checkTree(t, removed, rows, after, asked)
		checkTree(t, tree, rows, before, asked)
		checkTree(t, set(t, removed, rows, before.entries()...), rows, func() naive {
			both := maps.Clone(after)
			maps.Copy(both, before)
			return both
		}(), asked)
	})
}

func set(t tester, tree mpt.Tree, rows mpt.Pages, entries ...mpt.Entry) mpt.Tree {
	t.Helper()
	next, err := tree.Set(t.Context(), rows, entries)
	if err != nil {
		t.Fatalf("Set: %v", err)
	}
	return next
}

// checkTree compares a tree with a map: its root, and value and proof of each key.
func checkTree(t tester, tree mpt.Tree, rows *table, want naive, keys []mpt.Key) {
	t.Helper()
	if got, want := tree.Root(), want.root(); got != want {
		t.Fatalf("the root of %d keys is %v, want %v", len(want), got, want)
	}
	for _, key := range keys {
		value, has := want[key]
		got, ok, err := tree.Get(t.Context(), rows, key)
		if err != nil || got != value || ok != has {
			t.Fatalf("Get(%v) = %v, %v, %v; want %v, %v", key, got, ok, err, value, has)
		}
		proof, err := tree.Prove(t.Context(), rows, key)
		if err != nil || !bytes.Equal(proof.Encode(), want.path(key)) {
			t.Fatalf("Prove(%v) = %x, %v; want %x", key, proof.Encode(), err, want.path(key))
		}
		got, ok, err = proof.Check(tree.Root(), key)
		if err != nil || got != value || ok != has {
			t.Fatalf("the proof of %v says %v, %v, %v; want %v, %v", key, got, ok, err, value, has)
		}
	}
}
