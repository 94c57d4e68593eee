package mpt

import (
	"context"
	"fmt"
	"runtime"
	"sync"
)

// Pages reads rows of pages that are not in memory.
type Pages interface {
	// Pages returns the rows of the pages named, in the same order. A row that does
	// not exist is nil. The rows are not changed afterwards.
	Pages(ctx context.Context, ids []PageID) ([][]byte, error)
}

// A loader finds pages for one operation on a tree, and loads those that are not
// in memory.
type loader struct {
	pages Pages // nil if the tree is wholly in memory
	cache *pageCache
	held  map[PageID]*page // pages that only the cache has, which may drop them
}

// A position is a page of a tree and its place there.
type position struct {
	page *page
	id   PageID
}

// A gap is a page that is to be loaded, and the slot above it.
type gap struct {
	parent *page
	slot   int
	address
}

// root returns the page of the tree's root, which has keys.
func (l *loader) root(ctx context.Context, t Tree) (*page, error) {
	if p := t.link.Load(); p != nil {
		return p, nil
	}
	pages, err := l.read(ctx, []gap{{address: address{hash: t.root}}})
	if err != nil {
		return nil, err
	}
	t.link.Store(pages[0])
	return pages[0], nil
}

// child returns the child page in a slot of the page at a position.
func (l *loader) child(ctx context.Context, at position, slot int) (position, error) {
	id := at.id.below(slot)
	if p := l.find(at.page, slot, &id); p != nil {
		return position{p, id}, nil
	}
	gaps := []gap{{at.page, slot, address{id, *at.page.slotHash(slot)}}}
	if err := l.fill(ctx, gaps); err != nil {
		return position{}, err
	}
	return position{l.find(at.page, slot, &id), id}, nil
}

// find returns the child page in a slot of the page if it is in memory.
func (l *loader) find(parent *page, slot int, id *PageID) *page {
	if p := parent.kid(slot).Load(); p != nil {
		return p
	}
	if id.Depth < residentDepth {
		return nil
	}
	if p := l.held[*id]; p != nil {
		return p
	}
	p := l.cache.find(address{*id, *parent.slotHash(slot)})
	if p != nil {
		l.hold(*id, p)
	}
	return p
}

// hold keeps a page of the cache until the operation ends.
func (l *loader) hold(id PageID, p *page) {
	if l.held == nil {
		l.held = map[PageID]*page{}
	}
	l.held[id] = p
}

// fill loads pages so that find finds them.
func (l *loader) fill(ctx context.Context, gaps []gap) error {
	pages, err := l.read(ctx, gaps)
	if err != nil {
		return err
	}
	for i, g := range gaps {
		if g.id.Depth < residentDepth {
			g.parent.kid(g.slot).Store(pages[i])
			continue
		}
		l.cache.add(g.address, pages[i])
		l.hold(g.id, pages[i])
	}
	return nil
}

// read reads and checks rows.
func (l *loader) read(ctx context.Context, gaps []gap) ([]*page, error) {
	if l.pages == nil {
		return nil, &PageError{gaps[0].id, "it is not in memory"}
	}
	ids := make([]PageID, len(gaps))
	for i, g := range gaps {
		ids[i] = g.id
	}
	rows, err := l.pages.Pages(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("reading pages of the index: %w", err)
	}
	if len(rows) != len(ids) {
		panic(fmt.Sprintf("mpt: Pages returned %d rows for %d pages", len(rows), len(ids)))
	}
	return parseRows(gaps, rows)
}

// parseEach is how many rows a goroutine parses at least: most of the work is hashing.
const parseEach = 16

// parseRows parses rows, many of them on all processors.
func parseRows(gaps []gap, rows [][]byte) ([]*page, error) {
	pages := make([]*page, len(gaps))
	parse := func(from, to int) (err error) {
		for i := from; i < to && err == nil; i++ {
			pages[i], err = parseRow(gaps[i].id, rows[i], gaps[i].hash)
		}
		return err
	}
	each := max(parseEach, (len(gaps)+runtime.GOMAXPROCS(0)-1)/runtime.GOMAXPROCS(0))
	if len(gaps) <= each {
		return pages, parse(0, len(gaps))
	}
	errs := make([]error, (len(gaps)+each-1)/each)
	var running sync.WaitGroup
	for i := range errs {
		running.Go(func() { errs[i] = parse(i*each, min((i+1)*each, len(gaps))) })
	}
	running.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return pages, nil
}

// warm loads the pages that searches for the keys go through, level by level and
// each level in one call. A search ends at a leaf: only a leaf shows that the
// pages above it have their children in the right slots.
func (l *loader) warm(ctx context.Context, root *page, keys []Key) error {
	at := make([]position, len(keys))
	for i := range at {
		at[i].page = root
	}
	for depth := 0; ; depth++ {
		gaps, waiting, more := l.descend(at, keys, depth)
		if !more {
			return nil
		}
		if len(gaps) == 0 {
			continue
		}
		if err := l.fill(ctx, gaps); err != nil {
			return err
		}
		for _, w := range waiting {
			g := &gaps[w.gap]
			at[w.key] = position{l.find(g.parent, g.slot, &g.id), g.id}
		}
	}
}

// A wait is a search that waits for a gap to be filled.
type wait struct{ key, gap int }

// descend moves searches one level down. It returns the pages that are not in
// memory, which searches wait for them, and whether any search has not ended.
func (l *loader) descend(at []position, keys []Key, depth int) (gaps []gap, waiting []wait, more bool) {
	var known map[PageID]int
	for i := range at {
		p := at[i].page
		if p == nil {
			continue
		}
		slot := p.slots.toward(keys[i].nibble(depth))
		if p.slots.at(slot) != child {
			at[i].page = nil
			continue
		}
		more = true
		id := at[i].id.below(slot)
		at[i] = position{l.find(p, slot, &id), id}
		if at[i].page != nil {
			continue
		}
		g, ok := known[id]
		if !ok {
			if known == nil {
				known = map[PageID]int{}
			}
			g = len(gaps)
			known[id] = g
			gaps = append(gaps, gap{p, slot, address{id, *p.slotHash(slot)}})
		}
		waiting = append(waiting, wait{i, g})
	}
	return gaps, waiting, more
}
