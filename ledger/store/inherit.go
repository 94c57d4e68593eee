package store

import (
	"context"
	"fmt"
	"iter"

	"gait/ledger"
	"gait/ledger/mpt"
)

// An inheritance is what event 0 says of the request ids that ledgers before this one
// have used. In the index it has used them; there are no rows of them. The zero
// inheritance is that of a ledger that knows of none.
type inheritance struct {
	leaf     ledger.Hash // of event 0
	origin   string      // of the ledger before
	requests *ledger.Requests
}

func inheritanceOf(first ledger.Event) inheritance {
	r := ledger.InheritedRequests(first)
	if r == nil {
		return inheritance{}
	}
	p, _ := first.Payload().(ledger.LedgerCreated)
	return inheritance{leaf: first.LeafHash(), origin: p.Predecessor.Origin, requests: r}
}

// used returns the error of a request id that event 0 has used.
func (i inheritance) used(id string) error {
	return &ledger.RequestUsedError{RequestID: id, Origin: i.origin}
}

// inheritedKeys yields the keys of the content that event 0 names.
func (l *indexReader) inheritedKeys(r ledger.Requests) iter.Seq2[mpt.Key, error] {
	if l.inherited == nil {
		return func(yield func(mpt.Key, error) bool) { yield(mpt.Key{}, missingRequests(r)) }
	}
	return l.inherited(r)
}

func missingRequests(r ledger.Requests) error {
	return fmt.Errorf("the request ids of the ledgers before, %s: %w", r.Digest, ledger.ErrContentMissing)
}

// inheritedUnproved fails with a *ledger.RequestUsedError if event 0 has used a request
// id, if the index is not proved.
func (l *indexReader) inheritedUnproved(id string) error {
	from := l.now.Load().inherits
	if from.requests == nil {
		return nil
	}
	want, used := ledger.RequestKey(id), false
	for key, err := range l.inheritedKeys(*from.requests) {
		if err != nil {
			return err
		}
		used = used || key == want
	}
	if used {
		return from.used(id)
	}
	return nil
}

// inherit gives the index of a new ledger, which has only its event 0, the request ids
// that event 0 names. It writes their pages, which say nothing before a record names
// them.
func (l *Log) inherit(ctx context.Context) error {
	st := *l.now.Load()
	if st.inherits.requests == nil {
		return nil
	}
	leaves := func(yield func(mpt.Leaf, error) bool) {
		for key, err := range l.inheritedKeys(*st.inherits.requests) {
			if !yield(mpt.Leaf{Key: key, Value: mpt.Value(st.inherits.leaf)}, err) {
				return
			}
		}
	}
	w := pageWriter{log: l}
	root, _, err := mpt.FromSorted(leaves, func(page mpt.Row) error { return w.put(ctx, page) })
	if err == nil {
		err = w.flush(ctx)
	}
	if err != nil {
		return fmt.Errorf("taking over used request ids: %w", err)
	}
	st.index.tree, st.index.flushed, st.index.pages = mpt.At(root), st.head.Size, root
	l.advance(&st)
	return nil
}

// A pageWriter writes pages as they are made, in parts.
type pageWriter struct {
	log   *Log
	pages []Row
	bytes int
}

func (w *pageWriter) put(ctx context.Context, page mpt.Row) error {
	w.pages = append(w.pages, Row{page.Page.AppendKey([]byte{prefixPage}), page.Bytes})
	if w.bytes += len(page.Bytes); w.bytes < buildBytes {
		return nil
	}
	return w.flush(ctx)
}

func (w *pageWriter) flush(ctx context.Context) error {
	if len(w.pages) == 0 {
		return nil
	}
	c := w.log.change()
	sortRows(w.pages)
	c.Put = w.pages
	w.pages, w.bytes = nil, 0
	return w.log.commit(ctx, c)
}

// uncheckedIndex says what it means for a verification that the index cannot be
// computed: nothing for a copy, whose index is not believed in any case. A ledger of its
// own cannot be called verified.
func (v *verifier) uncheckedIndex() error {
	if v.log.imported {
		return nil
	}
	return missingRequests(*v.log.now.Load().inherits.requests)
}
