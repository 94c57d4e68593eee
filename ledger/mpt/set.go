package mpt

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync/atomic"
)

// An Entry is a key to set in a tree.
type Entry struct {
	Key    Key
	Value  Value
	Remove bool // remove the key, if the tree has it; Value is not used
}

// ErrOrder says that keys do not rise.
var ErrOrder = errors.New("keys of the index do not rise")

// Sort sorts entries by key, in place, and keeps the last of those with the same
// key. It returns the entries that are left.
func Sort(entries []Entry) []Entry {
	slices.SortStableFunc(entries, func(a, b Entry) int { return bytes.Compare(a.Key[:], b.Key[:]) })
	kept := entries[:0]
	for i, e := range entries {
		if i+1 == len(entries) || entries[i+1].Key != e.Key {
			kept = append(kept, e)
		}
	}
	return kept
}

// Set returns the tree with the entries set, whose keys rise: otherwise the error
// is ErrOrder. Each page on the way to a key is made once, and each of its nodes
// that changes is hashed once. A tree from which keys were removed can be read,
// proved and set, but not written: its pages may be smaller than those of rows.
//
// Set takes the entries in pieces, so that it holds no more old pages at a time than a
// piece needs. Pieces are ranges of keys, so few pages are made twice.
func (t Tree) Set(ctx context.Context, p Pages, entries []Entry) (Tree, error) {
	for i := 1; i < len(entries); i++ {
		if !entries[i-1].Key.less(&entries[i].Key) {
			return Tree{}, ErrOrder
		}
	}
	t, err := t.Made(ctx, p)
	if err != nil {
		return Tree{}, err
	}
	if t.cache == nil {
		t.cache = newPageCache()
	}
	for piece := range slices.Chunk(entries, setPiece) {
		if t, err = t.setPiece(ctx, p, piece); err != nil {
			return Tree{}, err
		}
	}
	return t, nil
}

// setPiece is how many entries Set takes at once.
const setPiece = 4096

func (t Tree) setPiece(ctx context.Context, p Pages, entries []Entry) (Tree, error) {
	keys := make([]Key, len(entries))
	for i, e := range entries {
		keys[i] = e.Key
		t.removed = t.removed || e.Remove
	}
	b := batch{loader: loader{pages: p, cache: t.cache}, edition: t.flushed + 1}
	var root *page
	if t.link != nil {
		var err error
		if root, err = b.root(ctx, t); err != nil {
			return Tree{}, err
		}
		if err := b.warm(ctx, root, keys); err != nil {
			return Tree{}, err
		}
	}
	next, err := b.set(ctx, position{page: root}, entries)
	if err != nil {
		return Tree{}, err
	}
	switch next {
	case root:
	case nil:
		t.root, t.link = Hash{}, nil
	default:
		t.root, t.link = next.hash(), &atomic.Pointer[page]{}
		t.link.Store(next)
	}
	return t, nil
}

// A batch sets entries in a tree.
type batch struct {
	loader
	edition uint64
	merged  []Leaf // used again for each slot
	drafts
}

// set returns the page with entries set, which are all below it. The page at the
// position is nil if it is new. The page returned is nil if no key is left, and
// the same as before if nothing changed.
func (b *batch) set(ctx context.Context, at position, entries []Entry) (*page, error) {
	before, depth := at.page, int(at.id.Depth)
	if before == nil {
		at.page = &page{}
	}
	d := b.draft(depth)
	d.begin(&page{edition: b.edition}, at.page)
	kept := 0 // slots before are done
	for len(entries) > 0 {
		slot, n := entries[0].Key.nibble(depth), 1
		for n < len(entries) && entries[n].Key.nibble(depth) == slot {
			n++
		}
		d.keep(kept, slot)
		if err := b.setSlot(ctx, d, at, slot, entries[:n]); err != nil {
			return nil, err
		}
		kept = slot + 1
		entries = entries[n:]
	}
	d.keep(kept, fanout)
	if d.touched == 0 {
		return before, nil
	}
	if d.page.slots == 0 {
		return nil, nil
	}
	return d.finish(depth), nil
}

// setSlot sets what the draft has in a slot: what the page at the position has,
// with the entries set.
func (b *batch) setSlot(ctx context.Context, d *draft, at position, slot int, entries []Entry) error {
	if d.old.slots.at(slot) == child {
		return b.setChild(ctx, d, at, slot, entries)
	}
	old := d.old.slotLeaves(slot)
	b.merged = merge(b.merged[:0], old, entries)
	switch {
	case slices.Equal(old, b.merged):
		d.keep(slot, slot+1)
	case len(b.merged) <= maxInline:
		d.put(slot, b.merged)
	default:
		kid := b.fromLeaves(b.merged, int(at.id.Depth)+1)
		hash := kid.hash()
		d.putChild(slot, kid, &hash)
	}
	return nil
}

// setChild sets entries in the child page of a slot.
func (b *batch) setChild(ctx context.Context, d *draft, at position, slot int, entries []Entry) error {
	kid, err := b.child(ctx, at, slot)
	if err != nil {
		return err
	}
	next, err := b.set(ctx, kid, entries)
	switch {
	case err != nil:
		return err
	case next == kid.page:
		d.keep(slot, slot+1)
	case next == nil:
		d.empty(slot)
	default:
		hash := next.hash()
		d.putChild(slot, next, &hash)
	}
	return nil
}

// merge appends to dst the leaves, which are sorted, with the entries set.
func merge(dst, leaves []Leaf, entries []Entry) []Leaf {
	for _, e := range entries {
		for len(leaves) > 0 && leaves[0].Key.less(&e.Key) {
			dst = append(dst, leaves[0])
			leaves = leaves[1:]
		}
		if len(leaves) > 0 && leaves[0].Key == e.Key {
			leaves = leaves[1:]
		}
		if !e.Remove {
			dst = append(dst, Leaf{e.Key, e.Value})
		}
	}
	return append(dst, leaves...)
}

// fromLeaves returns a new page of the given leaves, which are sorted.
func (b *batch) fromLeaves(leaves []Leaf, depth int) *page {
	d := b.draft(depth)
	d.begin(&page{edition: b.edition}, nil)
	for slot := range fanout {
		n := 0
		for n < len(leaves) && leaves[n].Key.nibble(depth) == slot {
			n++
		}
		if n <= maxInline {
			d.put(slot, leaves[:n])
		} else {
			kid := b.fromLeaves(leaves[:n], depth+1)
			hash := kid.hash()
			d.putChild(slot, kid, &hash)
		}
		leaves = leaves[n:]
	}
	return d.finish(depth)
}
