package mpt

import (
	"context"
	"sync/atomic"
)

// A Tree is one version of a tree: it never changes. The zero Tree is empty. A
// Tree is small and cheap to copy. Several goroutines may use a Tree and its
// other versions at the same time.
//
// Methods that need pages that are not in memory read them through a Pages, which
// may be nil if the tree was made in memory and no page was evicted. They return
// a *PageError if a page does not belong to the tree. The rows then differ from
// what was written, or the reader has an older version of the tree than the rows.
type Tree struct {
	root    Hash // zero means EmptyRoot, and link is nil
	link    *atomic.Pointer[page]
	flushed uint64 // pages of later editions are dirty
	removed bool   // keys were removed: the tree is never written
	cache   *pageCache
	late    *late // what is to be set; nil if that is nothing
}

// At returns the tree with the given root, whose pages are all in rows.
func At(root Hash) Tree {
	t := Tree{cache: newPageCache()}
	if root != EmptyRoot {
		t.root, t.link = root, &atomic.Pointer[page]{}
	}
	return t
}

// Root returns the hash of the tree.
func (t Tree) Root() Hash {
	if t.late != nil {
		return t.late.root
	}
	if t.link == nil {
		return EmptyRoot
	}
	return t.root
}

// Warm loads the pages that Get, Set and Prove need for the keys, with one call
// of p for each level. Pages of the upper levels stay in memory, and the others
// for a while.
func (t Tree) Warm(ctx context.Context, p Pages, keys []Key) error {
	if t.late != nil {
		keys = t.late.without(keys)
	}
	if t.link == nil || len(keys) == 0 {
		return nil
	}
	l := loader{pages: p, cache: t.cache}
	root, err := l.root(ctx, t)
	if err != nil {
		return err
	}
	return l.warm(ctx, root, keys)
}

// Get returns the value of a key, and whether the tree has the key. That is
// checked against the root, for a key that the tree does not have too.
func (t Tree) Get(ctx context.Context, p Pages, key Key) (Value, bool, error) {
	if t.late != nil {
		if e, found := t.late.find(&key); found {
			return e.Value, !e.Remove, nil
		}
	}
	if t.link == nil {
		return Value{}, false, nil
	}
	l := loader{pages: p, cache: t.cache}
	leaves, err := l.search(ctx, t, key, nil)
	if err != nil {
		return Value{}, false, err
	}
	for i := range leaves {
		if leaves[i].Key == key {
			return leaves[i].Value, true, nil
		}
	}
	return Value{}, false, nil
}

// search follows the key to a slot that holds leaves, and returns them. It calls
// visit, unless that is nil, for each page on the way.
func (l *loader) search(ctx context.Context, t Tree, key Key, visit func(*page, int)) ([]Leaf, error) {
	root, err := l.root(ctx, t)
	if err != nil {
		return nil, err
	}
	at := position{page: root}
	for depth := 0; ; depth++ {
		if visit != nil {
			visit(at.page, depth)
		}
		slot := at.page.slots.toward(key.nibble(depth))
		if at.page.slots.at(slot) != child {
			return at.page.slotLeaves(slot), nil
		}
		if at, err = l.child(ctx, at, slot); err != nil {
			return nil, err
		}
	}
}
