package mpt

import "iter"

// Dirty returns the rows of the pages that changed since the tree before was
// flushed, sorted by their keys. Together with the rows written before they are
// all of the tree. It panics if keys were removed from the tree.
func (t Tree) Dirty() []Row {
	if t.removed {
		panic("mpt: a tree from which keys were removed is not written")
	}
	if t.late != nil {
		panic("mpt: a tree is written before it is made")
	}
	if t.link == nil {
		return nil
	}
	var rows []Row
	root := t.link.Load()
	if root == nil || root.edition <= t.flushed {
		return nil
	}
	level := []position{{page: root}}
	for len(level) > 0 {
		var next []position
		for _, at := range level {
			rows = append(rows, Row{at.id, at.page.row(int(at.id.Depth))})
			for kid := range at.kids() {
				if kid.page.edition > t.flushed {
					next = append(next, kid)
				}
			}
		}
		level = next
	}
	return rows
}

// kids yields the child pages that the page holds.
func (at position) kids() iter.Seq[position] {
	return func(yield func(position) bool) {
		if len(at.page.kids) == 0 {
			return
		}
		for slot := range fanout {
			if at.page.slots.at(slot) != child {
				continue
			}
			if kid := at.page.kid(slot).Load(); kid != nil && !yield(position{kid, at.id.below(slot)}) {
				return
			}
		}
	}
}

// Flushed returns the same tree as one that has no dirty pages: their rows are
// being written, with all that comes before. The pages stay in memory until they
// are durable, since their old rows are still what is read. If the write is
// discarded, the caller goes on with the tree from before, or an older one.
func (t Tree) Flushed() Tree {
	t.flushed++
	return t
}

// Durable says that the rows of the tree, which Flushed returned, and of all
// versions it came from are durable. From then on only the cache keeps their
// pages of the lower levels.
func (t Tree) Durable() {
	if t.link == nil {
		return
	}
	before := t.cache.durable.Swap(t.flushed)
	root := t.link.Load()
	if root == nil || root.edition <= before {
		return
	}
	// A page of an edition before that held no page of a lower level that is
	// durable: so it need not be looked at again. A newer page may hold one of these.
	level := []position{{page: root}}
	for len(level) > 0 {
		var next []position
		for _, at := range level {
			for kid := range at.kids() {
				if kid.page.edition > before {
					next = append(next, kid)
				}
				if kid.id.Depth >= residentDepth && kid.page.edition <= t.flushed {
					t.cache.release(at, kid)
				}
			}
		}
		level = next
	}
}

// release gives a child page, which is durable, from its parent to the cache.
func (c *pageCache) release(parent, kid position) {
	slot := kid.id.Prefix.nibble(int(parent.id.Depth))
	c.add(address{kid.id, *parent.page.slotHash(slot)}, kid.page)
	parent.page.kid(slot).CompareAndSwap(kid.page, nil)
}
