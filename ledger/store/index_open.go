package store

import (
	"context"

	"gait/ledger"
	"gait/ledger/mpt"
)

// An indexOpener reads the index of a log as it is opened.
type indexOpener struct {
	log   *indexReader
	st    *state // whose tree is checked
	known []IndexRoot
	had   bool // Options.Indexed
}

// open reads the index that a record is of. It fails only if something cannot be read; if
// the index does not hold, the state of the index says so.
func (o *indexOpener) open(ctx context.Context, row []byte) (index, error) {
	st := o.st
	r, authentic, err := decodeRecord(row, st.macs)
	if err != nil {
		err = mismatchBy(err, "its record")
	}
	var x index
	switch {
	case st.old && o.had:
		err = mismatch(-1, "the ledger had an index, and its rows are of store format %s", format1)
	case st.old:
		err = nil
	case st.macs != nil:
		if err == nil {
			x, err = o.recorded(ctx, r, authentic)
		}
	default:
		x, err = o.unauthenticated(ctx, r, err)
	}
	if err != nil && (isIO(err) || isUnsupported(err)) {
		return index{}, err
	}
	if err != nil {
		return index{state: ledger.IndexBroken, err: broken(err)}, nil
	}
	return x, nil
}

// broken returns err as an *ledger.IndexError.
func broken(err error) error {
	if err = ofPages(err); isMismatch(err) {
		return err
	}
	return &ledger.IndexError{Seq: -1, Err: err}
}

// recorded returns the index that the record says.
func (o *indexOpener) recorded(ctx context.Context, r record, authentic bool) (index, error) {
	st := o.st
	switch {
	case !authentic || r.origin != st.keys.Origin():
		return index{}, mismatch(-1, "its record was not written with the ledger's key %s", st.keys.Current())
	case r.state != recordProved && o.had:
		return index{}, mismatch(-1, "the ledger had an index, and its record is of one that is not complete")
	case r.state == recordRefused:
		return index{state: ledger.IndexRefused, err: refused(r)}, nil
	case r.state == recordBuilding:
		return index{state: ledger.IndexBuilding, err: mismatch(-1, "it is not complete")}, nil
	case r.size != st.head.Size || r.tree != st.checkpoint.Root:
		return index{}, mismatch(-1, "its record is of %d events with root %s, the checkpoint of %d with %s", r.size, r.tree, st.head.Size, st.checkpoint.Root)
	}
	return o.replay(ctx, r, true)
}

// refused returns why an old ledger got no index.
func refused(r record) error {
	damage := &ledger.CorruptError{Seq: r.seq, Reason: r.reason}
	return &ledger.IndexError{Seq: -1, Reason: "the ledger is damaged, so it got none", Err: damage}
}

// replay returns the index of a record: that of the page rows with the events after
// them. Its root must be the record's. If the record is authentic, so is the root, and
// the pages of these events need not be made before they are used.
func (o *indexOpener) replay(ctx context.Context, r record, authentic bool) (x index, err error) {
	x = index{state: ledger.IndexProved, jobs: r.jobs, committed: r.committed, flushed: r.flushed, pages: r.pages}
	entries, err := o.entries(ctx, r.flushed)
	if err != nil {
		return x, err
	}
	x.tree = mpt.At(r.pages)
	if len(entries) > 0 && authentic {
		x.tree = x.tree.Later(entries, r.index)
		return x, nil
	}
	x.tree, err = x.tree.Set(ctx, o.log.pages(), entries)
	if root := x.tree.Root(); err == nil && root != r.index {
		err = mismatch(-1, "expected root %s, the events after the first %d lead to %s", r.index, r.flushed, root)
	}
	return x, err
}

// entries returns what the events from one on set in the index, sorted. They are checked
// against the log's tree.
func (o *indexOpener) entries(ctx context.Context, from int64) ([]mpt.Entry, error) {
	var entries []mpt.Entry
	for e, err := range o.log.eventsAhead(ctx, from, o.st.head.Size) {
		if err != nil {
			return nil, err
		}
		entries = append(entries, ledger.IndexEntries(e)...)
	}
	return mpt.Sort(entries), nil
}

// unauthenticated returns the index of a log if it cannot be told whose record it is:
// the MAC keys are missing, or the log is a copy. It is unchecked unless the caller of
// Open knows the index at a size that the log has reached. malformed is why the record
// cannot be read.
func (o *indexOpener) unauthenticated(ctx context.Context, r record, malformed error) (index, error) {
	st := o.st
	var at IndexRoot
	for _, k := range o.known {
		if k.Size <= st.head.Size {
			at = k
		}
	}
	whole := malformed == nil && r.state == recordProved && r.size == st.head.Size
	lost := !whole && o.had // each commit writes the record
	if o.log.imported {     // an import writes it once, and it may say that the index is not known
		lost = at.Size > 0 && !whole && (malformed != nil || r.state == recordProved)
	}
	switch {
	case lost:
		return index{}, mismatchBy(malformed, "the ledger had an index, and its record is not one of its %d events", st.head.Size)
	case !whole || at.Size == 0 || r.size-at.Size > ledger.MaxIndexUndo:
		return index{committed: r.committed}, nil
	}
	return o.since(ctx, r, at)
}

// since returns the index of a log whose record cannot be believed, if the index is
// known at a smaller size. What the page rows hold must lead there when the events since
// are undone, and to the root in the record when they are added again.
func (o *indexOpener) since(ctx context.Context, r record, k IndexRoot) (index, error) {
	root, err := o.log.RootAt(ctx, k.Size)
	if err == nil && root != k.Tree {
		err = mismatch(-1, "expected root %s of the tree of %d events, found %s", k.Tree, k.Size, root)
	}
	if err != nil {
		return index{}, err
	}
	x, err := o.replay(ctx, r, false)
	if err != nil {
		return index{}, err
	}
	undone, err := o.log.undone(ctx, x.tree, k.Size, o.st.head.Size)
	if err != nil {
		return index{}, err
	}
	if got := ledger.Hash(undone.Root()); got != k.Index {
		return index{}, mismatch(-1, "expected root %s after %d events, found %s", k.Index, k.Size, got)
	}
	since, err := o.entries(ctx, k.Size)
	if err != nil {
		return index{}, err
	}
	again, err := undone.Set(ctx, o.log.pages(), since)
	if err == nil && again.Root() != x.tree.Root() {
		err = mismatch(-1, "expected root %s, the events after the first %d lead to %s", x.tree.Root(), k.Size, again.Root())
	}
	if err == nil {
		err = o.countJobs(ctx, r.jobs, k)
	}
	return x, err
}

// countJobs compares the number of jobs in a record with that of a known index and of
// those that began since.
func (o *indexOpener) countJobs(ctx context.Context, jobs int64, k IndexRoot) error {
	want := k.Jobs
	for e, err := range o.log.Events(ctx, ledger.Seq(k.Size)) {
		if err != nil {
			return err
		}
		if int64(e.Seq()) < o.st.head.Size && e.JobSeq() == 1 {
			want++
		}
	}
	if jobs != want {
		return mismatch(-1, "expected %d jobs, its record has %d", want, jobs)
	}
	return nil
}
