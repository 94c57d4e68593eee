package store

import (
	"context"

	"gait/ledger"
)

// LoadUnproved returns a job, and whether there is such a job, if the index is not
// proved. It reads all events after the end of the job that its row names, and checks
// them against the signed tree. If one of them is of the job, it fails with an
// *ledger.IndexError: the row was put back to an older state. That takes time, and is
// meant for what cannot wait until the index is whole.
func (l *indexReader) LoadUnproved(ctx context.Context, job string) (entry ledger.JobEntry, found bool, err error) {
	entry, err = settled(ctx, l, func(at *indexReader) (ledger.JobEntry, error) {
		entry, ok, err := at.loadUnproved(ctx, job)
		found = ok
		return entry, err
	})
	return entry, found && err == nil, err
}

func (l *indexReader) loadUnproved(ctx context.Context, job string) (ledger.JobEntry, bool, error) {
	st := l.now.Load()
	q := lookup{log: l, st: st, jobs: []string{job}}
	if err := q.read(ctx); err != nil {
		return ledger.JobEntry{}, false, err
	}
	var row jobRow
	found := q.rows[0] != nil
	if found {
		var err error
		if row, err = q.job(0); err != nil {
			return ledger.JobEntry{}, false, err
		}
	}
	for e, err := range l.Events(ctx, row.head.Seq) {
		if err == nil {
			err = row.follow(job, e)
		}
		last := int64(e.Seq()) == st.head.Size-1
		if err == nil && last && e.LeafHash() != st.head.Leaf {
			err = corrupt(e.Seq(), "expected leaf hash %s, found %s", st.head.Leaf, e.LeafHash())
		}
		if err != nil {
			return ledger.JobEntry{}, false, err
		}
		if last {
			break
		}
	}
	if !row.authentic(job, st.macs) {
		row.view = nil
	}
	return ledger.JobEntry{ID: job, Head: row.head, View: row.view}, found, nil
}

// follow checks an event, from the one on that the row names. Only that one may be of
// the job.
func (r jobRow) follow(job string, e ledger.Event) error {
	last := r.head.JobSeq > 0 && e.Seq() == r.head.Seq
	switch {
	case !last && e.JobID() == job:
		return mismatch(e.Seq(), "it is of job %s, whose row ends before it", job)
	case last && (e.JobID() != job || e.LeafHash() != r.head.Leaf || headOf(e) != r.head):
		return mismatch(e.Seq(), "the row of job %s ends with it, and with leaf hash %s", job, r.head.Leaf)
	}
	return nil
}

// headOf returns where a job ends if an event is its last.
func headOf(e ledger.Event) ledger.JobHead {
	return ledger.JobHead{JobSeq: e.JobSeq(), Leaf: e.LeafHash(), Revision: e.Revision(), Seq: e.Seq(), Time: e.Time()}
}

// usedUnproved reports whether a request id was used, if the index is not proved: a
// row that is missing says nothing, so it reads all events, as ledger.UsedBy does.
func (l *indexReader) usedUnproved(ctx context.Context, id string) (bool, error) {
	if err := l.inheritedUnproved(id); err != nil {
		return false, err
	}
	_, used, err := ledger.UsedBy(l.Events(ctx, 0), id)
	return used, err
}
