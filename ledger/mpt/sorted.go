package mpt

import (
	"fmt"
	"iter"
)

// FromSorted returns the root of the tree of all leaves of the sequence, whose
// keys rise, and their number. It calls emit, unless that is nil, with the row of
// each page, children before their parents. It holds one page of each level at a
// time. If keys do not rise the error is ErrOrder; an error of the sequence or of
// emit is returned as it is.
func FromSorted(leaves iter.Seq2[Leaf, error], emit func(Row) error) (root Hash, keys int64, err error) {
	next, stop := iter.Pull2(leaves)
	defer stop()
	s := pageMaker{next: next, emit: emit}
	if more, err := s.peek(0); err != nil || !more {
		return EmptyRoot, 0, err
	}
	root, err = s.page(PageID{})
	if err != nil {
		return Hash{}, 0, err
	}
	return root, s.keys, nil
}

// A pageMaker makes pages of leaves that come in order of keys.
type pageMaker struct {
	next  func() (Leaf, error, bool)
	emit  func(Row) error
	ahead [maxInline + 1]Leaf // leaves that are read and in no page yet
	n     int                 // how many
	ended bool
	last  Key
	keys  int64
	drafts
}

// page makes the page with the given ID, of which there is at least one leaf, and
// returns its hash.
func (s *pageMaker) page(id PageID) (Hash, error) {
	depth := int(id.Depth)
	d := s.draft(depth)
	if d.page == nil {
		d.page = &page{}
	}
	d.page.slots = 0
	d.begin(d.page, nil)
	for slot := range fanout {
		below := id.below(slot)
		n, err := s.count(&below)
		if err != nil {
			return Hash{}, err
		}
		if n <= maxInline {
			d.put(slot, s.ahead[:n])
			s.n = copy(s.ahead[:], s.ahead[n:s.n])
			continue
		}
		hash, err := s.page(below)
		if err != nil {
			return Hash{}, err
		}
		d.putChild(slot, nil, &hash)
	}
	p := d.finish(depth)
	if s.emit != nil {
		if err := s.emit(Row{id, p.row(depth)}); err != nil {
			return Hash{}, err
		}
	}
	return p.hash(), nil
}

// count returns how many of the next leaves have a prefix, up to maxInline + 1.
func (s *pageMaker) count(id *PageID) (int, error) {
	for i := range s.ahead {
		ok, err := s.peek(i)
		if err != nil || !ok || overlap(&s.ahead[i].Key, &id.Prefix) < 4*int(id.Depth) {
			return i, err
		}
	}
	return len(s.ahead), nil
}

// peek reads leaves ahead up to the i-th, and reports whether there is one.
func (s *pageMaker) peek(i int) (bool, error) {
	for s.n <= i && !s.ended {
		leaf, err, more := s.next()
		if err != nil {
			return false, err
		}
		if !more {
			s.ended = true
			break
		}
		if s.keys > 0 && !s.last.less(&leaf.Key) {
			return false, fmt.Errorf("%w: %v follows %v", ErrOrder, leaf.Key, s.last)
		}
		s.last = leaf.Key
		s.keys++
		s.ahead[s.n] = leaf
		s.n++
	}
	return s.n > i, nil
}
