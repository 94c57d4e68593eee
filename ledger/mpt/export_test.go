package mpt

// Cache bounds the cache of the tree, and of all versions of it.
func (t Tree) Cache(pages int) { t.cache.cached = pages }

// Cached returns how many pages the cache of the tree has.
func (t Tree) Cached() int {
	t.cache.mu.Lock()
	defer t.cache.mu.Unlock()
	return len(t.cache.young) + len(t.cache.old)
}

// Held returns how many pages of the upper levels and how many below them the
// tree holds, those of the cache apart.
func (t Tree) Held() (upper, deep int) {
	if t.link == nil {
		return 0, 0
	}
	var count func(p *page, depth int)
	count = func(p *page, depth int) {
		if p == nil {
			return
		}
		if depth < residentDepth {
			upper++
		} else {
			deep++
		}
		for i := range p.kids {
			count(p.kids[i].Load(), depth+1)
		}
	}
	count(t.link.Load(), 0)
	return upper, deep
}

// Reencode reads a row and returns it as it is written, or nil if it is malformed.
func Reencode(id PageID, row []byte) []byte {
	p, reason := readRow(id, row)
	if reason != "" {
		return nil
	}
	return p.row(int(id.Depth))
}
