package mpt_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"maps"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"gait/ledger/mpt"
)

// crowded draws keys that make several pages below the fourth level, each in a
// slot of its own.
func crowded() *rapid.Generator[mpt.Key] {
	return rapid.Custom(func(t *rapid.T) mpt.Key {
		n := sha256.Sum256([]byte{rapid.Byte().Draw(t, "n")})[0] // spread evenly
		return mpt.Key{0x12, 0x34, n << 6, n}
	})
}

// A lateTable is a table whose commits become durable later, or never.
type lateTable struct {
	table
	flying []mpt.Tree // flushed, oldest first
	rows   [][]mpt.Row
}

// TestFlushedBehind makes versions as a store does that commits behind its
// batches: some flush, a flush becomes durable later, and now and then all that is
// not durable is discarded. The cache holds next to nothing. No page is ever read
// before its row is durable: it would be another one.
func TestFlushedBehind(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		late := &lateTable{table: *newTable()}
		tree, want := mpt.At(mpt.EmptyRoot), naive{}
		tree.Cache(2)
		durable, then := tree, naive{} // what is left if all that is not durable is discarded
		var wants []naive
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			switch rapid.SampledFrom([]string{"set", "set", "set", "flush", "sync", "discard"}).Draw(t, "step") {
			case "flush":
				late.rows = append(late.rows, tree.Dirty())
				tree = tree.Flushed()
				late.flying = append(late.flying, tree)
				wants = append(wants, maps.Clone(want))
			case "sync":
				if len(late.flying) > 0 {
					for _, r := range late.rows[0] {
						late.table.rows[r.Page] = r.Bytes
					}
					durable, then = late.flying[0], wants[0]
					if len(late.flying) == 1 {
						tree.Durable() // says the same: nothing was flushed since
					} else {
						durable.Durable()
					}
					late.flying, late.rows, wants = late.flying[1:], late.rows[1:], wants[1:]
				}
			case "discard":
				tree, want = durable, maps.Clone(then)
				late.flying, late.rows, wants = nil, nil, nil
			default:
				var entries []mpt.Entry
				for range rapid.IntRange(5, 20).Draw(t, "entries") {
					e := mpt.Entry{Key: crowded().Draw(t, "key"), Value: values().Draw(t, "value")}
					entries = append(entries, e)
					want[e.Key] = e.Value
				}
				tree = set(t, tree, &late.table, mpt.Sort(entries)...)
			}
			asked := []mpt.Key{crowded().Draw(t, "asked"), crowded().Draw(t, "asked")}
			checkTree(t, tree, &late.table, want, asked)
			checkTree(t, durable, &late.table, then, asked)
		}
	})
}

// TestDurable: flushed pages are held until they are durable, and then only the
// cache has those of the lower levels.
func TestDurable(t *testing.T) {
	rows := newTable()
	tree := set(t, mpt.Tree{}, rows, sample(1, 300_000).entries()...)
	upper, deep := tree.Held()
	if upper != 1+16+256+4096 || deep < 20_000 {
		t.Fatalf("a tree of 300,000 keys holds %d upper and %d deep pages", upper, deep)
	}
	for _, r := range tree.Dirty() {
		rows.rows[r.Page] = r.Bytes
	}
	tree = tree.Flushed()
	if len(tree.Dirty()) != 0 {
		t.Error("a flushed tree is dirty")
	}
	if u, d := tree.Held(); u != upper || d != deep {
		t.Errorf("a flushed tree holds %d and %d pages, want %d and %d", u, d, upper, deep)
	}
	next := set(t, tree, rows, sample(2, 500).entries()...) // while the flush is under way
	tree.Durable()
	if u, d := tree.Held(); u != upper || d != 0 {
		t.Errorf("a durable tree holds %d and %d pages, want %d and none", u, d, upper)
	}
	if n := tree.Cached(); n > 8192 {
		t.Errorf("the cache holds %d pages", n)
	}
	changed := len(next.Dirty())
	if changed < 500 || changed > 500*5 {
		t.Errorf("500 keys make %d pages dirty", changed)
	}
	next = rows.flush(next)
	if u, d := next.Held(); u != upper || d != 0 {
		t.Errorf("the next tree, durable, holds %d and %d pages, want %d and none", u, d, upper)
	}
	want := sample(1, 300_000)
	maps.Copy(want, sample(2, 500))
	root, all := fromSorted(t, want)
	if next.Root() != root {
		t.Errorf("the root is %v, want %v", next.Root(), root)
	}
	if !maps.EqualFunc(rows.rows, all, bytes.Equal) {
		t.Error("the rows are not those of the sorted keys")
	}
}

// TestDirtyIsSorted: rows come in order of their keys, each once.
func TestDirtyIsSorted(t *testing.T) {
	tree := set(t, mpt.Tree{}, nil, sample(1, 20_000).entries()...)
	rows := tree.Dirty()
	if len(rows) < 1000 {
		t.Fatalf("20,000 keys have %d rows", len(rows))
	}
	for i := range rows[1:] {
		if bytes.Compare(rows[i].Page.AppendKey(nil), rows[i+1].Page.AppendKey(nil)) >= 0 {
			t.Errorf("row %v is before row %v", rows[i].Page, rows[i+1].Page)
		}
	}
}

func TestDirtyAfterRemove(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a tree from which a key was removed has rows")
		}
	}()
	set(t, mpt.Tree{}, nil, mpt.Entry{Remove: true}).Dirty()
}

// A lockedTable is a table for several goroutines.
type lockedTable struct {
	mu sync.Mutex
	table
}

func (l *lockedTable) Pages(ctx context.Context, ids []mpt.PageID) ([][]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.table.Pages(ctx, ids)
}

// TestReadersBesideAWriter reads the newest durable version while another
// goroutine makes, flushes and evicts versions. A reader that is overtaken by the
// rows sees a PageError, and never another answer.
func TestReadersBesideAWriter(t *testing.T) {
	keys := sample(1, 4000)
	leaves := keys.sorted()
	rows := &lockedTable{table: *newTable()}
	tree := mpt.At(rows.flush(set(t, mpt.Tree{}, rows, keys.entries()...)).Root())
	tree.Cache(64)
	var newest sync.Map
	newest.Store("tree", tree)
	done := make(chan struct{})
	var readers sync.WaitGroup
	for r := range 3 {
		readers.Go(func() {
			for i := r; ; i += 7 {
				select {
				case <-done:
					return
				default:
				}
				now, _ := newest.Load("tree")
				version := now.(mpt.Tree)
				leaf := leaves[i%len(leaves)]
				p, err := version.Prove(t.Context(), rows, leaf.Key)
				var damage *mpt.PageError
				if errors.As(err, &damage) {
					continue
				}
				value, ok, err := p.Check(version.Root(), leaf.Key)
				if err != nil || !ok || value[1] != leaf.Value[1] {
					t.Errorf("a reader finds %v, %v, %v for %v; want %v", value, ok, err, leaf.Key, leaf.Value)
				}
			}
		})
	}
	for round := range 150 {
		var entries []mpt.Entry
		for i := range 20 {
			leaf := leaves[(round*997+i*331)%len(leaves)]
			leaf.Value[0] = byte(round)
			entries = append(entries, mpt.Entry{Key: leaf.Key, Value: leaf.Value})
		}
		tree = set(t, tree, rows, mpt.Sort(entries)...)
		changed := tree.Dirty()
		tree = tree.Flushed()
		rows.mu.Lock()
		for _, r := range changed {
			rows.rows[r.Page] = r.Bytes
		}
		rows.mu.Unlock()
		tree.Durable()
		newest.Store("tree", tree)
	}
	close(done)
	readers.Wait()
}

// TestPagesAreReadLevelByLevel: Warm reads each level in one call, and nothing is
// read again afterwards.
func TestPagesAreReadLevelByLevel(t *testing.T) {
	keys := sample(1, 300_000)
	root, all := fromSorted(t, keys)
	rows := &table{rows: all}
	tree := mpt.At(root)
	var some []mpt.Key
	for key := range sample(2, 200) {
		some = append(some, key)
	}
	for _, l := range keys.sorted()[:200] {
		some = append(some, l.Key)
	}
	if err := tree.Warm(t.Context(), rows, some); err != nil {
		t.Fatal(err)
	}
	if rows.calls.Load() < 4 || rows.calls.Load() > 6 {
		t.Errorf("Warm read pages in %d calls", rows.calls.Load())
	}
	rows.calls.Store(0)
	var entries []mpt.Entry
	for _, key := range some {
		want, has := keys[key]
		if got, ok, err := tree.Get(t.Context(), rows, key); err != nil || ok != has || got != want {
			t.Errorf("Get(%v) = %v, %v, %v", key, got, ok, err)
		}
		if _, err := tree.Prove(t.Context(), rows, key); err != nil {
			t.Error(err)
		}
		entries = append(entries, mpt.Entry{Key: key, Value: mpt.Value{1}})
	}
	set(t, tree, rows, mpt.Sort(entries)...)
	if rows.calls.Load() > 0 {
		t.Errorf("keys that are warm are read in %d calls", rows.calls.Load())
	}
	cold := mpt.At(root)
	set(t, cold, rows, mpt.Sort(slices.Clone(entries))...)
	if rows.calls.Load() < 4 || rows.calls.Load() > 6 {
		t.Errorf("Set of a cold tree read pages in %d calls", rows.calls.Load())
	}
}

// TestPagesFail: an error of Pages is returned, and so is a page that nothing reads.
func TestPagesFail(t *testing.T) {
	keys := deep()
	root, all := fromSorted(t, keys)
	broken := errors.New("the disk is gone")
	key := mpt.Key{0x12, 0x34, 0x56}
	for _, p := range []mpt.Pages{&table{rows: all, err: broken}, nil} {
		_, _, get := mpt.At(root).Get(t.Context(), p, key)
		_, prove := mpt.At(root).Prove(t.Context(), p, key)
		_, set := mpt.At(root).Set(t.Context(), p, []mpt.Entry{{Key: key}})
		warm := mpt.At(root).Warm(t.Context(), p, []mpt.Key{key})
		for _, err := range []error{get, prove, set, warm} {
			var missing *mpt.PageError
			if p == nil && !errors.As(err, &missing) || p != nil && !errors.Is(err, broken) {
				t.Errorf("a tree whose pages are not to be had says %v", err)
			}
		}
	}
}
