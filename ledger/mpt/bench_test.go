package mpt_test

import (
	"runtime"
	"strconv"
	"testing"

	"gait/ledger/mpt"
)

// BenchmarkSet sets batches of 62 new keys, as the engine does under load.
func BenchmarkSet(b *testing.B) {
	for _, size := range []int{100_000, 1_000_000} {
		b.Run(strconv.Itoa(size), func(b *testing.B) {
			tree := set(b, mpt.Tree{}, nil, sample(1, size).entries()...)
			var batches [][]mpt.Entry
			for i := range 64 {
				batches = append(batches, sample(2+i, 62).entries())
			}
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				set(b, tree, nil, batches[n%len(batches)]...)
				n++
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/62, "ns/key")
		})
	}
}

// BenchmarkProve proves keys that the tree has.
func BenchmarkProve(b *testing.B) {
	keys := sample(1, 100_000)
	tree := set(b, mpt.Tree{}, nil, keys.entries()...)
	leaves := keys.sorted()
	size, n := 0, 0
	for b.Loop() {
		p, err := tree.Prove(b.Context(), nil, leaves[n*7919%len(leaves)].Key)
		if err != nil {
			b.Fatal(err)
		}
		size += len(p.Encode())
		n++
	}
	b.ReportMetric(float64(size)/float64(n), "proof-B")
}

// BenchmarkFromSorted hashes 1,000,000 sorted keys.
func BenchmarkFromSorted(b *testing.B) {
	leaves := sample(1, 1_000_000).sorted()
	for b.Loop() {
		if _, _, err := mpt.FromSorted(all(leaves), nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(leaves)), "ns/key")
}

// heap returns the bytes in use after a collection.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestMemory bounds what a tree of 1,000,000 keys takes: wholly in memory, as a
// reader of a whole ledger has it, and over rows, as a store has it.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("1,000,000 keys")
	}
	entries := sample(1, 1_000_000).entries()
	before := heap()
	whole := set(t, mpt.Tree{}, nil, entries...)
	perKey := float64(heap()-before) / float64(len(entries))
	if perKey > 150 {
		t.Errorf("a tree in memory takes %.0f bytes a key", perKey)
	}
	rows := newTable()
	rows.flush(whole)
	root := whole.Root() // and the tree is garbage from here on

	before = heap()
	tree := mpt.At(root)
	most := int64(0)
	for round := range 60 { // 512 events and as many request ids between two flushes
		var warm []mpt.Key
		for i := range 512 {
			warm = append(warm, entries[(round*7919+i*1999)%len(entries)].Key)
		}
		if err := tree.Warm(t.Context(), rows, warm); err != nil {
			t.Fatal(err)
		}
		tree = set(t, tree, rows, sample(2+round, 1024).entries()...)
		if round%20 == 19 {
			most = max(most, heap()-before)
		}
		for _, r := range tree.Dirty() {
			before += int64(len(r.Bytes) - len(rows.rows[r.Page])) // of the rows, not of the tree
		}
		tree = rows.flush(tree)
	}
	if most > 32<<20 {
		t.Errorf("a tree over rows takes %.1f MiB", float64(most)/(1<<20))
	}
	t.Logf("in memory %.0f bytes a key; over rows at most %.1f MiB", perKey, float64(most)/(1<<20))
}
