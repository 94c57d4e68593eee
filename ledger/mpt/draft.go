package mpt

import "sync/atomic"

// A draft is a page that is being made, from its first slot to its last.
type draft struct {
	page    *page         // its memory may be that of an older page, which is gone then
	old     *page         // the version before, of which slots are kept; or nil
	leaves  []Leaf        // of all slots so far
	touched uint16        // the slots that are not kept
	kids    [fanout]*page // of the touched slots; nil for a child page that is not in memory
	hashes  [fanout]Hash  // those of the child pages in touched slots
}

// drafts are drafts of pages, one for each depth, which are used again.
type drafts []*draft

func (d *drafts) draft(depth int) *draft {
	for len(*d) <= depth {
		*d = append(*d, &draft{})
	}
	return (*d)[depth]
}

// begin begins with a page. Slots may be kept if there is an older version.
func (d *draft) begin(p, old *page) {
	d.page, d.old, d.leaves, d.touched = p, old, d.leaves[:0], 0
}

// keep keeps the slots from one up to another, without that one.
func (d *draft) keep(from, to int) {
	slots := d.old.slots
	d.page.slots |= slots.block(from, to-from) << (4 * from)
	d.leaves = append(d.leaves, d.old.leaves[slots.block(0, from).inline():slots.block(0, to).inline()]...)
}

// empty leaves nothing in a slot.
func (d *draft) empty(slot int) { d.touched |= 1 << slot }

// put puts leaves into a slot, at most maxInline.
func (d *draft) put(slot int, leaves []Leaf) {
	d.touched |= 1 << slot
	d.page.slots = d.page.slots.with(slot, len(leaves))
	d.leaves = append(d.leaves, leaves...)
}

// putChild puts a child page into a slot.
func (d *draft) putChild(slot int, kid *page, hash *Hash) {
	d.touched |= 1 << slot
	d.page.slots = d.page.slots.with(slot, child)
	d.kids[slot], d.hashes[slot] = kid, *hash
}

// finish returns the page with its hashes. It has at least one key.
func (d *draft) finish(depth int) *page {
	p := d.page
	p.leaves = append(p.leaves[:0], d.leaves...)
	if n := p.slots.children(); n <= cap(p.kids) {
		p.kids = p.kids[:n]
	} else {
		p.kids = make([]atomic.Pointer[page], n)
	}
	if n := 2*p.slots.occupied() - 1; n <= cap(p.hashes) {
		p.hashes = p.hashes[:n]
	} else {
		p.hashes = make([]Hash, n)
	}
	d.finishKids()
	s := sealer{page: p, old: d.old, touched: d.touched, depth: depth}
	s.seal()
	return p
}

// finishKids sets the pointers to the child pages, and the hashes of those in
// touched slots.
func (d *draft) finishKids() {
	if len(d.page.kids) == 0 {
		return
	}
	for slot := range fanout {
		switch {
		case d.page.slots.at(slot) != child:
		case d.touched>>slot&1 == 0:
			d.page.kid(slot).Store(d.old.kid(slot).Load())
		default:
			d.page.kid(slot).Store(d.kids[slot])
			*d.page.slotHash(slot) = d.hashes[slot]
		}
	}
}
