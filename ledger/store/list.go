package store

import (
	"bytes"
	"context"
	"iter"

	"gait/ledger"
	"gait/ledger/mpt"
)

// Jobs returns the jobs whose id is greater than after, in the order of their
// ids' bytes. It may be ranged over more than once.
//
// If the index is proved, so is each job, and a caller that reads all of them has read
// as many as the index has. Otherwise the caller gets an *ledger.IndexError.
func (l *indexReader) Jobs(ctx context.Context, after string) iter.Seq2[ledger.JobEntry, error] {
	return func(yield func(ledger.JobEntry, error) bool) {
		if err := l.list(ctx, after, yield); err != nil {
			yield(ledger.JobEntry{}, err)
		}
	}
}

func (l *indexReader) list(ctx context.Context, after string, yield func(ledger.JobEntry, error) bool) error {
	at, done, err := l.pinned(ctx)
	if err != nil {
		return err
	}
	defer done()
	st := at.now.Load()
	if err := st.index.check(); err != nil {
		return err
	}
	listed := int64(0)
	from := headKey(after + "\x00")
	for limit := firstPage; ; limit = min(4*limit, lastPage/4) {
		rows, more, err := at.read.Scan(ctx, from, []byte{prefixHead + 1}, limit, false)
		if err != nil {
			return err
		}
		entries, err := at.entries(ctx, rows)
		for _, entry := range entries {
			if !yield(entry, nil) {
				return nil
			}
		}
		if err != nil {
			return err
		}
		if listed += int64(len(rows)); !more {
			break
		}
		from = append(bytes.Clone(rows[len(rows)-1].Key), 0)
	}
	if after == "" && st.index.proved() && listed != st.index.jobs {
		return mismatch(-1, "it has %d jobs, and there are rows of %d", st.index.jobs, listed)
	}
	return nil
}

// entries returns the jobs of a page of rows, up to the first one that is wrong.
func (l *indexReader) entries(ctx context.Context, rows []Row) ([]ledger.JobEntry, error) {
	st := l.now.Load()
	p := jobPage{log: l, st: st, ids: make([]string, len(rows)), rows: make([][]byte, len(rows))}
	for i, row := range rows {
		p.ids[i], p.rows[i] = string(row.Key[1:]), row.Value
	}
	if st.old {
		var err error
		if p.rows, err = withViews(ctx, l.read, p.ids, p.rows); err != nil {
			return nil, err
		}
	}
	if st.index.proved() {
		if err := p.warm(ctx); err != nil {
			return nil, ofPages(err)
		}
	}
	entries := make([]ledger.JobEntry, 0, len(rows))
	for i := range rows {
		entry, err := p.entry(ctx, i)
		if err != nil {
			return entries, ofPages(err)
		}
		entries = append(entries, entry)
	}
	return entries, nil
}

// A jobPage is jobs that are listed together.
type jobPage struct {
	log  *indexReader
	st   *state
	ids  []string
	rows [][]byte
	keys []mpt.Key // if the index is proved
}

func (p *jobPage) warm(ctx context.Context) error {
	p.keys = make([]mpt.Key, len(p.ids))
	for i, id := range p.ids {
		p.keys[i] = ledger.JobKey(id)
	}
	return p.st.index.tree.Warm(ctx, p.log.pages(), p.keys)
}

// entry returns the i-th job. If the row has an authentic view, then its head is that of
// the event whose leaf hash the index has; otherwise the event is read.
func (p *jobPage) entry(ctx context.Context, i int) (ledger.JobEntry, error) {
	id := p.ids[i]
	row, err := decodeJobRow(id, p.rows[i])
	if err != nil {
		return ledger.JobEntry{}, err
	}
	if !p.st.index.proved() {
		return row.entry(id, p.st, ledger.Event{}), nil
	}
	leaf, found, err := p.st.index.tree.Get(ctx, p.log.pages(), p.keys[i])
	if err != nil {
		return ledger.JobEntry{}, err
	}
	if !found {
		return ledger.JobEntry{}, mismatch(-1, "it has no job %s, and there is a row of it", id)
	}
	if ledger.Hash(leaf) != row.head.Leaf {
		return ledger.JobEntry{}, mismatch(-1, "job %s ends with leaf hash %s, its row says %s", id, ledger.Hash(leaf), row.head.Leaf)
	}
	if row.authentic(id, p.st.macs) {
		return ledger.JobEntry{ID: id, Head: row.head, View: row.view}, nil
	}
	q := lookup{log: p.log, st: p.st, jobs: p.ids[i : i+1], rows: p.rows[i : i+1], leaves: []ledger.Hash{ledger.Hash(leaf)}}
	all, err := q.records(ctx)
	return all.Jobs[id], err
}
