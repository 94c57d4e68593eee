package mpt

import (
	"math/bits"
	"sync/atomic"
)

const (
	fanout    = 16 // slots of a page, one for each value of a nibble
	maxInline = 4  // keys that a slot holds without a child page
	child     = 8  // in slots: the slot has a child page

	residentDepth = 4 // pages of a smaller depth stay in memory
)

// A page is the part of a tree that one row holds: 4 levels, or one nibble, of
// the keys with one prefix. Only the pointers in kids change once a page is part
// of a tree.
type page struct {
	slots   slots
	edition uint64 // the page is dirty in trees that were flushed before it
	leaves  []Leaf // of all slots that hold leaves, sorted

	// kids are the child pages, in order of slots. A kid is nil if it is not held
	// here: it is loaded when needed.
	kids []atomic.Pointer[page]

	// hashes are those of the nodes between the page's leaves and its root. The
	// hash of the i-th occupied slot is at 2i, and at 2i+1 is the hash of the node
	// that separates it from the next one.
	hashes []Hash
}

// slots says what each slot of a page has, in 4 bits: slot 0 is lowest. It is the
// number of leaves from 1 to maxInline, or child, or 0 for an empty slot.
type slots uint64

const eachSlot = 0x1111_1111_1111_1111

func (s slots) at(i int) int           { return int(s>>(4*i)) & 15 }
func (s slots) with(i, what int) slots { return s | slots(what)<<(4*i) }

// block returns the slots from base on, width of them.
func (s slots) block(base, width int) slots { return s >> (4 * base) & (1<<(4*width) - 1) }

// occupied returns how many slots are not empty.
func (s slots) occupied() int {
	return bits.OnesCount64(uint64(s|s>>1|s>>2|s>>3) & eachSlot)
}

// children returns how many slots have a child page.
func (s slots) children() int { return bits.OnesCount64(uint64(s) & (child * eachSlot)) }

// inline returns how many leaves the slots hold.
func (s slots) inline() int {
	n := uint64(s) & (7 * eachSlot)
	n = n&0x0f0f_0f0f_0f0f_0f0f + n>>4&0x0f0f_0f0f_0f0f_0f0f
	return int(n * 0x0101_0101_0101_0101 >> 56)
}

// rank returns the index of slot i among the occupied ones.
func (s slots) rank(i int) int { return s.block(0, i).occupied() }

// toward returns the slot to which a search leads for a nibble: its own, or if
// that is empty, the occupied slot that is reached by the bits of the nibble if
// each node has two sides.
func (s slots) toward(nibble int) int {
	base := 0
	for width := fanout / 2; width > 0; width /= 2 {
		base |= nibble & width
		if s.block(base, width) == 0 {
			base ^= width
		}
	}
	return base
}

// top returns the index in a page's hashes of the node above the slots from base
// on. One of them is occupied.
func (s slots) top(base, width int) int {
	for width > 1 {
		width /= 2
		left, right := s.block(base, width), s.block(base+width, width)
		if left != 0 && right != 0 {
			return 2*s.rank(base+width) - 1
		}
		if left == 0 {
			base += width
		}
	}
	return 2 * s.rank(base)
}

// hash returns the hash of all that is below the page.
func (p *page) hash() Hash { return p.hashes[p.slots.top(0, fanout)] }

// slotLeaves returns the leaves of a slot that has no child.
func (p *page) slotLeaves(i int) []Leaf {
	from := p.slots.block(0, i).inline()
	return p.leaves[from : from+p.slots.at(i)]
}

// kid returns the pointer to the child page of a slot.
func (p *page) kid(i int) *atomic.Pointer[page] { return &p.kids[p.slots.block(0, i).children()] }

// slotHash returns the hash of what an occupied slot has.
func (p *page) slotHash(i int) *Hash { return &p.hashes[2*p.slots.rank(i)] }

// small reports whether the page's keys belong into a slot of its parent.
func (p *page) small() bool { return len(p.kids) == 0 && len(p.leaves) <= maxInline }

// A sealer computes the hashes of a new page. Those that it shares with an older
// version are copied from there.
type sealer struct {
	page    *page
	old     *page
	touched uint16 // the slots that may differ from those of old
	depth   int
}

// seal sets the page's hashes. Those of slots with a child page are set already.
func (s *sealer) seal() { s.block(0, fanout) }

// block computes the hashes of the slots from base on, and of the nodes between
// them. It returns the index of the top one, or -1 if all slots are empty.
func (s *sealer) block(base, width int) int {
	p := s.page
	part := p.slots.block(base, width)
	if part == 0 {
		return -1
	}
	if s.touched>>base&(1<<width-1) == 0 {
		from := 2 * s.old.slots.rank(base)
		copy(p.hashes[2*p.slots.rank(base):], s.old.hashes[from:from+2*part.occupied()-1])
		return p.slots.top(base, width)
	}
	if width == 1 {
		if p.slots.at(base) != child {
			*p.slotHash(base) = leavesHash(p.slotLeaves(base))
		}
		return 2 * p.slots.rank(base)
	}
	half := width / 2
	left, right := s.block(base, half), s.block(base+half, half)
	if left < 0 {
		return right
	}
	if right < 0 {
		return left
	}
	top := 2*p.slots.rank(base+half) - 1
	p.hashes[top] = innerHash(4*s.depth+4-bits.Len(uint(half)), &p.hashes[left], &p.hashes[right])
	return top
}
