package mpt_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"iter"
	"maps"
	"slices"
	"sync/atomic"

	"gait/ledger/mpt"
)

// A tester is a *testing.T or a *rapid.T.
type tester interface {
	Helper()
	Fatalf(format string, args ...any)
	Context() context.Context
}

// naive is a tree in its simplest form: sorted keys and values, hashed from
// nothing for each answer.
type naive map[mpt.Key]mpt.Value

func (n naive) sorted() []mpt.Leaf {
	keys := slices.SortedFunc(maps.Keys(n), func(a, b mpt.Key) int { return bytes.Compare(a[:], b[:]) })
	leaves := make([]mpt.Leaf, len(keys))
	for i, k := range keys {
		leaves[i] = mpt.Leaf{Key: k, Value: n[k]}
	}
	return leaves
}

func (n naive) root() mpt.Hash { return naiveHash(n.sorted(), 0) }

// path returns the path proof of a key, in the spelling of the package doc.
func (n naive) path(key mpt.Key) []byte {
	leaves := n.sorted()
	steps := []byte{}
	for bit := 0; len(leaves) > 1; bit++ {
		left, right := naiveSplit(leaves, bit)
		if len(left) == 0 || len(right) == 0 {
			continue
		}
		path, sibling := left, right
		if naiveBit(key, bit) == 1 {
			path, sibling = right, left
		}
		hash := naiveHash(sibling, bit+1)
		steps = append(append(binary.AppendUvarint(nil, uint64(bit)), hash[:]...), steps...)
		leaves = path
	}
	if len(leaves) == 0 {
		return steps
	}
	leaf := append([]byte{32}, leaves[0].Key[:]...)
	return append(append(append(leaf, 32), leaves[0].Value[:]...), steps...)
}

func naiveHash(leaves []mpt.Leaf, bit int) mpt.Hash {
	switch len(leaves) {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		b := append([]byte{0, 32}, leaves[0].Key[:]...)
		return sha256.Sum256(append(append(b, 32), leaves[0].Value[:]...))
	}
	left, right := naiveSplit(leaves, bit)
	if len(left) == 0 || len(right) == 0 {
		return naiveHash(leaves, bit+1)
	}
	l, r := naiveHash(left, bit+1), naiveHash(right, bit+1)
	b := binary.AppendUvarint([]byte{1}, uint64(bit))
	return sha256.Sum256(append(append(b, l[:]...), r[:]...))
}

func naiveSplit(leaves []mpt.Leaf, bit int) (left, right []mpt.Leaf) {
	for _, l := range leaves {
		if naiveBit(l.Key, bit) == 0 {
			left = append(left, l)
		} else {
			right = append(right, l)
		}
	}
	return left, right
}

func naiveBit(k mpt.Key, n int) byte { return k[n/8] << (n % 8) >> 7 }

// A table is rows of pages in memory.
type table struct {
	rows  map[mpt.PageID][]byte
	calls atomic.Int64 // of Pages, which several goroutines may call
	err   error
}

func newTable() *table { return &table{rows: map[mpt.PageID][]byte{}} }

func (m *table) Pages(_ context.Context, ids []mpt.PageID) ([][]byte, error) {
	m.calls.Add(1)
	rows := make([][]byte, len(ids))
	for i, id := range ids {
		rows[i] = m.rows[id]
	}
	return rows, m.err
}

// flush writes what is dirty and returns the tree with nothing dirty.
func (m *table) flush(t mpt.Tree) mpt.Tree {
	for _, r := range t.Dirty() {
		m.rows[r.Page] = r.Bytes
	}
	t = t.Flushed()
	t.Durable()
	return t
}

// all is a sequence of leaves as FromSorted takes it.
func all(leaves []mpt.Leaf) iter.Seq2[mpt.Leaf, error] {
	return func(yield func(mpt.Leaf, error) bool) {
		for _, l := range leaves {
			if !yield(l, nil) {
				return
			}
		}
	}
}

// fromSorted returns the root and rows of the tree with the given keys.
func fromSorted(t tester, n naive) (mpt.Hash, map[mpt.PageID][]byte) {
	t.Helper()
	rows := map[mpt.PageID][]byte{}
	root, keys, err := mpt.FromSorted(all(n.sorted()), func(r mpt.Row) error {
		rows[r.Page] = r.Bytes
		return nil
	})
	if err != nil || keys != int64(len(n)) {
		t.Fatalf("FromSorted of %d keys = %d keys, %v", len(n), keys, err)
	}
	return root, rows
}

// entries returns what sets all of the keys.
func (n naive) entries() []mpt.Entry {
	var entries []mpt.Entry
	for _, l := range n.sorted() {
		entries = append(entries, mpt.Entry{Key: l.Key, Value: l.Value})
	}
	return entries
}

// sample returns n keys that depend on the seed alone.
func sample(seed, n int) naive {
	m := naive{}
	for i := range n {
		var b [16]byte
		binary.BigEndian.PutUint64(b[:], uint64(seed))
		binary.BigEndian.PutUint64(b[8:], uint64(i))
		m[sha256.Sum256(b[:])] = sha256.Sum256(append(b[:], 'v'))
	}
	return m
}
