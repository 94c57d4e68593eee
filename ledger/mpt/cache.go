package mpt

import (
	"sync"
	"sync/atomic"
)

// cachedPages is how many clean pages of a depth from residentDepth on are kept
// for later searches, at most.
const cachedPages = 8192

// A pageCache is what all versions of a tree have in common.
type pageCache struct {
	durable atomic.Uint64 // the newest edition whose rows are durable

	cached int // pages that the cache holds at most

	mu         sync.Mutex
	young, old map[address]*page // the cache: what is found in old becomes young
}

func newPageCache() *pageCache { return &pageCache{cached: cachedPages} }

// An address names a page by its place and its hash. A hash alone does not say
// which prefix the page is for: a row may name a child page in a wrong slot.
type address struct {
	id   PageID
	hash Hash
}

func (c *pageCache) find(a address) *page {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.young[a]; p != nil {
		return p
	}
	p := c.old[a]
	if p != nil {
		c.put(a, p)
	}
	return p
}

func (c *pageCache) add(a address, p *page) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.put(a, p)
}

// put adds a page to the young generation. The caller holds the lock.
func (c *pageCache) put(a address, p *page) {
	if c.young == nil {
		c.young = map[address]*page{}
	}
	c.young[a] = p
	if len(c.young) >= c.cached/2 {
		c.young, c.old = nil, c.young
	}
}
