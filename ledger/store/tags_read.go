package store

import (
	"context"
	"iter"
	"maps"
	"slices"
	"sync"

	"gait/ledger"
)

// Tagged calls use with the tags of all jobs, in no order that means anything, and with
// what reads the log as of the same moment. ok is false, and use is not called, if the
// log's format has no tags: then Jobs has all jobs. If the index is proved, there are as
// many jobs as it has. Otherwise Tagged fails with an *ledger.IndexError.
func (l *Log) Tagged(ctx context.Context, use func(ledger.EventReader, iter.Seq[*ledger.TaggedJob]) error) (ok bool, err error) {
	at, snap, err := l.pin(ctx)
	if err != nil {
		return false, err
	}
	defer snap.Close()
	st := at.now.Load()
	if err := st.index.check(); err != nil {
		return false, err
	}
	board, ok, err := at.readBoard(ctx, &l.board)
	if err != nil || !ok {
		return false, err
	}
	if st.index.proved() && board.size() != st.index.jobs {
		return false, badTags("they are of %d jobs, the index has %d", board.size(), st.index.jobs)
	}
	return true, use(at, board.all())
}

// A board is the tags of all jobs as of one commit: those in the rows of jobs, and what
// the journal changes.
type board struct {
	rows    *boardRows
	begun   []fixedTags // jobs that are only in the journal
	changed map[int64]stateTags
}

// boardRows are what the rows under g 1 and g 2 hold.
type boardRows struct {
	flushes int64
	fixed   []fixedTags
	states  []stateTags
}

// A boardCache holds the rows that were read last: they change only when a journal ends.
type boardCache struct {
	mu   sync.Mutex
	rows *boardRows
}

// readBoard reads the tags of all jobs. ok is false if there are none, or not yet.
func (l *Log) readBoard(ctx context.Context, cache *boardCache) (b board, ok bool, err error) {
	m, err := readMeta(ctx, l.read)
	if err != nil {
		return b, false, err
	}
	t := m.tagging()
	switch t.state {
	case tagsNone, tagsBuilding:
		return b, false, nil
	case tagsLost:
		return b, false, badTags("they were found damaged")
	case tagsWhole:
	}
	if b.rows, err = cache.read(ctx, l.read, t); err != nil {
		return b, false, err
	}
	err = b.readJournal(ctx, l.read, t)
	return b, err == nil, err
}

// read returns the rows of jobs.
func (c *boardCache) read(ctx context.Context, r Reader, t tagging) (*boardRows, error) {
	c.mu.Lock()
	rows := c.rows
	c.mu.Unlock()
	if rows != nil && rows.flushes == t.flushes {
		return rows, nil
	}
	rows = &boardRows{flushes: t.flushes}
	if err := eachBlock(ctx, r, tagsFixed, func(row []byte) (n int, err error) {
		n = len(rows.fixed)
		rows.fixed, err = appendFixedBlock(rows.fixed, row)
		return len(rows.fixed) - n, err
	}); err != nil {
		return nil, err
	}
	if err := eachBlock(ctx, r, tagsStates, func(row []byte) (n int, err error) {
		n = len(rows.states)
		rows.states, err = appendStateBlock(rows.states, row)
		return len(rows.states) - n, err
	}); err != nil {
		return nil, err
	}
	if len(rows.fixed) != len(rows.states) {
		return nil, badTags("they name %d jobs, and %d states", len(rows.fixed), len(rows.states))
	}
	c.mu.Lock()
	c.rows = rows
	c.mu.Unlock()
	return rows, nil
}

// eachBlock calls use with the rows of one kind, which are full but for the last.
func eachBlock(ctx context.Context, r Reader, kind byte, use func(row []byte) (jobs int, err error)) error {
	block, full := int64(0), true
	for row, err := range scanPages(ctx, r, []byte{prefixTags, kind}, []byte{prefixTags, kind + 1}, lastPage) {
		if err != nil {
			return err
		}
		if string(row.Key) != string(tagsKey(kind, block)) || !full {
			return badTags("found %s instead of row %d", rowName(row.Key), block)
		}
		n, err := use(row.Value)
		if err != nil {
			return err
		}
		block, full = block+1, n == tagBlock
	}
	return nil
}

// readJournal reads the changes behind the rows of jobs.
func (b *board) readJournal(ctx context.Context, r Reader, t tagging) error {
	b.changed = map[int64]stateTags{}
	n, jobs := int64(0), int64(len(b.rows.fixed))
	var changes []tagChange
	for row, err := range scanPages(ctx, r, []byte{prefixTags, tagsJournal}, []byte{prefixTags, tagsJournal + 1}, lastPage) {
		if err != nil {
			return err
		}
		if string(row.Key) != string(tagsKey(tagsJournal, n)) {
			return badTags("found %s instead of row %d", rowName(row.Key), n)
		}
		if changes, err = appendJournalRow(changes, row.Value); err != nil {
			return err
		}
		n++
	}
	for _, c := range changes {
		if c.begins != (c.number == jobs) || c.number > jobs {
			return badTags("job %d changes, of %d", c.number, jobs)
		}
		if c.begins {
			b.begun = append(b.begun, c.fixed)
			jobs++
		}
		b.changed[c.number] = c.now
	}
	if n != t.rows || int64(len(changes)) != t.changes || jobs != t.jobs {
		return badTags("they have %d changes of %d jobs, and should have %d of %d", len(changes), jobs, t.changes, t.jobs)
	}
	return nil
}

// size returns the number of jobs.
func (b *board) size() int64 { return int64(len(b.rows.fixed) + len(b.begun)) }

// all yields the jobs by number. What it yields is valid until the next one.
func (b *board) all() iter.Seq[*ledger.TaggedJob] {
	changed := slices.Sorted(maps.Keys(b.changed))
	return func(yield func(*ledger.TaggedJob) bool) {
		var job ledger.TaggedJob
		left := changed
		for i := range b.size() {
			f, now := b.job(i, &left)
			job.ID, job.Created, job.Fixed = f.id, f.created, f.fixed
			job.State, job.Updated = now.state, now.updated
			if !yield(&job) {
				return
			}
		}
	}
}

// job returns job i. left are the numbers of changed jobs from i on.
func (b *board) job(i int64, left *[]int64) (f *fixedTags, now stateTags) {
	if n := int64(len(b.rows.fixed)); i < n {
		f, now = &b.rows.fixed[i], b.rows.states[i]
	} else {
		f = &b.begun[i-n]
	}
	if len(*left) > 0 && (*left)[0] == i {
		now, *left = b.changed[i], (*left)[1:]
	}
	return f, now
}
