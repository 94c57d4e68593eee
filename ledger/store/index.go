package store

import (
	"context"
	"errors"
	"fmt"

	"gait/ledger"
	"gait/ledger/mpt"
)

// flushEvery is how many events are appended before the pages that they changed are
// written. An open after a crash replays as many.
const flushEvery = 512

// An index is the index of a log at one size of the log.
type index struct {
	state ledger.IndexState
	err   error // why it is not proved, if it should be

	// These are those of the log's size if the index is proved. Otherwise committed
	// is a hint, and the others are not used.
	tree      mpt.Tree
	jobs      int64
	committed int64 // 1 and the seq of the newest index_committed, or 0

	flushed int64    // the number of events that the page rows are of
	pages   mpt.Hash // the root that they lead to
}

// emptyIndex returns the index of no events.
func emptyIndex() index { return index{state: ledger.IndexProved, pages: mpt.EmptyRoot} }

// proved reports whether the index may be relied on.
func (x *index) proved() bool { return x.state == ledger.IndexProved }

// believesViews reports whether views are taken as they are: it cannot be told whose
// they are, and nothing else of the log is proved either.
func (st *state) believesViews() bool {
	return st.old || st.macs == nil && !st.index.proved()
}

// check returns why nothing can be read by the id of a job or request, if so.
func (x *index) check() error {
	if x.state == ledger.IndexBroken {
		return x.err
	}
	return nil
}

// unproved returns why the index is not proved.
func (x *index) unproved() error {
	if x.err != nil {
		return x.err
	}
	return mismatch(-1, "it is not known whose index it is")
}

// record returns the record of the index at a size of the log.
func (x *index) record(origin string, size int64, tree ledger.Hash) record {
	return record{
		state: recordProved, size: size, tree: tree, index: x.tree.Root(), jobs: x.jobs,
		flushed: x.flushed, pages: x.pages, committed: x.committed, origin: origin,
	}
}

// add counts what an event adds to the index, but for its entries.
func (x *index) add(e ledger.Event) {
	if e.JobSeq() == 1 {
		x.jobs++
	}
	if e.Type() == ledger.TypeIndexCommitted {
		x.committed = int64(e.Seq()) + 1
	}
}

// flush returns the rows of pages that changed since the last flush, for a change
// that makes the log's size to size. The pages stay in memory until they are durable.
func (x *index) flush(size int64) []Row {
	dirty := x.tree.Dirty()
	rows := make([]Row, len(dirty))
	for i, page := range dirty {
		rows[i] = Row{page.Page.AppendKey([]byte{prefixPage}), page.Bytes}
	}
	x.tree = x.tree.Flushed()
	x.flushed, x.pages = size, x.tree.Root()
	return rows
}

// pageReader reads page rows.
type pageReader struct{ read Reader }

// Pages implements mpt.Pages.
func (p pageReader) Pages(ctx context.Context, ids []mpt.PageID) ([][]byte, error) {
	keys := make([][]byte, len(ids))
	for i, id := range ids {
		keys[i] = id.AppendKey([]byte{prefixPage})
	}
	return p.read.GetMany(ctx, keys)
}

func (l *indexReader) pages() pageReader { return pageReader{l.read} }

// mismatch returns an *ledger.IndexError about event seq, or -1.
func mismatch(seq ledger.Seq, format string, args ...any) error {
	return &ledger.IndexError{Seq: seq, Reason: fmt.Sprintf(format, args...)}
}

// mismatchBy is mismatch with a cause.
func mismatchBy(err error, format string, args ...any) error {
	return &ledger.IndexError{Seq: -1, Reason: fmt.Sprintf(format, args...), Err: err}
}

// ofPages returns err as an *ledger.IndexError if it is about a page.
func ofPages(err error) error {
	if _, ok := errors.AsType[*mpt.PageError](err); ok {
		return &ledger.IndexError{Seq: -1, Err: err}
	}
	return err
}

func isMismatch(err error) bool {
	_, ok := errors.AsType[*ledger.IndexError](err)
	return ok
}

// An IndexRoot is the root of a log's index at one size of the log.
type IndexRoot struct {
	Size  int64
	Tree  ledger.Hash // root of the tree of as many events
	Index ledger.Hash // root of their index
	Jobs  int64       // how many jobs they are of
}

// VerifiedIndex returns the index as the last successful Verify has computed it from all
// events, if the log's index is unchecked and that is what the log has stored.
func (l *Log) VerifiedIndex() (IndexRoot, bool) {
	root := l.verified.Load()
	if root == nil {
		return IndexRoot{}, false
	}
	return *root, true
}

// Committed returns the newest event that commits to the index, and whether there is
// one.
func (l *indexReader) Committed(ctx context.Context) (ledger.Event, bool, error) {
	st := l.now.Load()
	if err := st.index.check(); err != nil {
		return ledger.Event{}, false, err
	}
	if st.index.committed == 0 {
		return ledger.Event{}, false, nil
	}
	e, err := l.event(ctx, ledger.Seq(st.index.committed-1))
	if err == nil && e.Type() != ledger.TypeIndexCommitted {
		err = mismatch(e.Seq(), "expected %s, found %s", ledger.TypeIndexCommitted, e.Type())
	}
	return e, err == nil, err
}
