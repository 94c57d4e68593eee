package store

import (
	"context"
	"errors"
	"fmt"

	"gait/ledger"
	"gait/ledger/mpt"
)

// indexEvent adds an event to the planned index. If an event of a copy commits to an
// index, that must be the index of the events before it; a writer commits to IndexRoot.
func (p *plan) indexEvent(ctx context.Context, e ledger.Event) error {
	if !p.index.proved() {
		if p.copying { // a copy whose index is not known
			return nil
		}
		return p.allowUnproved(e)
	}
	if c, commits := e.Payload().(ledger.IndexCommitted); commits && p.copying {
		root, err := p.IndexRoot(ctx)
		if err != nil {
			return err
		}
		if root != c.Index {
			reason := fmt.Sprintf("it commits to the index %s; that of the events before it is %s", c.Index, root)
			return &ledger.IndexError{Seq: e.Seq(), Signed: true, Reason: reason}
		}
	}
	p.index.add(e)
	p.entries = append(p.entries, ledger.IndexEntries(e)...)
	return nil
}

// allowUnproved fails if an event may not be appended while the index is not proved.
// Only what ends a job may, since it can wait least: the caller has read all events
// after the job's head.
func (p *plan) allowUnproved(e ledger.Event) error {
	if endsJob(e) {
		return nil
	}
	return p.index.unproved()
}

// endsJob reports whether an event is what a command to end a job leads to.
func endsJob(e ledger.Event) bool {
	switch c := e.Payload().(type) {
	case ledger.Stopped, ledger.Cancelled:
		return true
	case ledger.Refused:
		return c.Command == "stop" || c.Command == "cancel"
	default:
		return false
	}
}

// breaks makes the log's index a broken one if the plan could not be made because of
// err, which is about its pages, and if the plan only ends jobs. They can then be ended
// without it: breaks returns ledger.ErrConflict, and the caller decides again. Other
// plans fail with err, since what else is in the index may still be of use. The caller
// holds the log's mu.
func (p *plan) breaks(err error) error {
	st := *p.log.now.Load()
	_, ofPage := errors.AsType[*mpt.PageError](err)
	if !ofPage || p.goesOn || !st.index.proved() {
		return nil
	}
	st.index = index{state: ledger.IndexBroken, err: broken(err), committed: st.index.committed}
	p.log.advance(&st)
	return fmt.Errorf("%w: %w", ledger.ErrConflict, err)
}

// IndexRoot implements ledger.Batch.
func (p *plan) IndexRoot(ctx context.Context) (ledger.Hash, error) {
	if !p.index.proved() {
		return ledger.Hash{}, p.index.unproved()
	}
	err := p.applyEntries(ctx)
	return ledger.Hash(p.index.tree.Root()), err
}

// applyEntries sets what was planned since it was called last in the planned tree.
func (p *plan) applyEntries(ctx context.Context) (err error) {
	if !p.index.proved() {
		return nil
	}
	p.index.tree, err = p.index.tree.Set(ctx, p.log.pages(), mpt.Sort(p.entries))
	p.entries = p.entries[:0]
	return ofPages(err)
}

// flush returns the page rows that the batch writes, if it is time for them.
func (p *plan) flush() []Row {
	soon := p.head.Size-p.index.flushed < flushEvery && !p.log.oneShot
	if !p.index.proved() || p.copying || soon {
		return nil
	}
	return p.index.flush(p.head.Size)
}

// flushPages writes the pages that were not written yet, so that the next open has
// nothing to replay. The caller holds l.mu.
func (l *Log) flushPages(ctx context.Context) error {
	st := l.now.Load()
	writable := l.writable() == nil && l.signed.Load() == nil
	if !writable || !st.index.proved() || st.index.flushed == st.head.Size {
		return nil
	}
	next, c := *st, l.change()
	var err error
	if next.index.tree, err = next.index.tree.Made(ctx, l.pages()); err != nil {
		return ofPages(err)
	}
	c.Put = append(next.index.flush(st.head.Size), Row{keyRecord, next.index.record(st.keys.Origin(), st.head.Size, st.checkpoint.Root).encode(st.macs)})
	if err := l.commit(ctx, c); err != nil {
		return err
	}
	next.index.tree.Durable()
	l.advance(&next)
	return nil
}
