package mpt

import (
	"sync"
	"sync/atomic"
)

// cachedPages is how many clean pages of a depth from residentDepth on are kept
// for later searches, at most.
const cachedPages = 8192

// shared is what all versions of a tree have in common.
type shared struct {
	durable atomic.Uint64 // the newest edition whose rows are durable

	cached int // pages that the cache holds at most

	mu         sync.Mutex
	young, old map[address]*page // the cache: what is found in old becomes young
}

func newShared() *shared { return &shared{cached: cachedPages} }

// An address names a page by its place and its hash. A hash alone does not say
// which prefix the page is for: a row may name a child page in a wrong slot.
type address struct {
	id   PageID
	hash Hash
}

func (s *shared) find(a address) *page {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.young[a]; p != nil {
		return p
	}
	p := s.old[a]
	if p != nil {
		s.put(a, p)
	}
	return p
}

func (s *shared) add(a address, p *page) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.put(a, p)
}

// put adds a page to the young generation. The caller holds the lock.
func (s *shared) put(a address, p *page) {
	if s.young == nil {
		s.young = map[address]*page{}
	}
	s.young[a] = p
	if len(s.young) >= s.cached/2 {
		s.young, s.old = nil, s.young
	}
}
