package store

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"sync"

	"gait/ledger"
)

// Tagged calls use with the tags of all jobs, in no order that means anything, and with
// what reads the log as of the same moment. ok is false, and use is not called, if the
// log's format has no tags: then Jobs has all jobs. If the index is proved, there are as
// many jobs as it has. Otherwise Tagged fails with an *ledger.IndexError.
func (l *indexReader) Tagged(ctx context.Context, use func(ledger.EventReader, iter.Seq[*ledger.TaggedJob]) error) (ok bool, err error) {
	at, done, err := l.pinned(ctx)
	if err != nil {
		return false, err
	}
	defer done()
	st := at.now.Load()
	if err := st.index.check(); err != nil {
		return false, err
	}
	board, ok, err := at.readBoard(ctx, &l.board)
	if err != nil || !ok {
		return false, err
	}
	if st.index.proved() && board.jobs != st.index.jobs {
		return false, badTags("they are of %d jobs, the index has %d", board.jobs, st.index.jobs)
	}
	if err := use(at, board.all()); err != nil {
		return true, err
	}
	return true, board.err
}

// A board is the tags of all jobs as of one commit: what the rows under g 1 and g 2 hold,
// and what the journal changes.
type board struct {
	*boardRows
	begun   []fixedTags // jobs that are only in the journal
	changed []newState  // by number, each once
	jobs    int64
	err     error // found by all
}

// boardRows are the rows under g 1 and g 2.
type boardRows struct {
	fixed   []string
	states  [][]byte
	jobs    int64 // with a state
	flushes int64
}

// A newState is the state of a job that the journal changes.
type newState struct {
	number int64
	stateTags
}

// A boardCache holds what was read last. The rows change only when a journal ends, and all
// of it is the same while the journal has as many changes.
type boardCache struct {
	mu      sync.Mutex
	board   board
	changes int64 // of the journal
}

// get returns what was read of a journal with as many changes, or only the rows, which are
// nil if there are none.
func (c *boardCache) get(t tagsRecord) (b board, whole bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.board.boardRows == nil || c.board.flushes != t.flushes:
		return board{}, false
	case c.changes != t.changes:
		return board{boardRows: c.board.boardRows}, false
	}
	return c.board, true
}

func (c *boardCache) put(b board, t tagsRecord) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.board, c.changes = b, t.changes
}

// readBoard reads the tags of all jobs. ok is false if there are none, or not yet.
func (l *indexReader) readBoard(ctx context.Context, cache *boardCache) (b board, ok bool, err error) {
	m, err := readMeta(ctx, l.read)
	if err != nil {
		return b, false, err
	}
	t := m.tagsRecord()
	switch t.state {
	case tagsNone, tagsBuilding:
		return b, false, nil
	case tagsLost:
		return b, false, badTags("they were found damaged")
	case tagsWhole:
	}
	b, whole := cache.get(t)
	if whole {
		return b, true, nil
	}
	if b.boardRows == nil {
		if b.boardRows, err = readBoardRows(ctx, l.read, t.flushes); err != nil {
			return b, false, err
		}
	}
	if err := b.readJournal(ctx, l.read, t); err != nil {
		return b, false, err
	}
	cache.put(b, t)
	return b, true, nil
}

// readBoardRows reads the rows of jobs.
func readBoardRows(ctx context.Context, r Reader, flushes int64) (*boardRows, error) {
	rows := &boardRows{flushes: flushes}
	err := eachBlock(ctx, r, tagsFixed, func(row []byte) error {
		rows.fixed = append(rows.fixed, string(row))
		return nil
	})
	if err == nil {
		err = eachBlock(ctx, r, tagsStates, func(row []byte) error {
			n, err := countStates(row)
			if err == nil && rows.jobs%tagBlock != 0 {
				err = badTags("a row of states follows one that is not full")
			}
			rows.states, rows.jobs = append(rows.states, row), rows.jobs+int64(n)
			return err
		})
	}
	if err == nil && len(rows.fixed) != len(rows.states) {
		err = badTags("there are %d rows of jobs, and %d of states", len(rows.fixed), len(rows.states))
	}
	if err != nil {
		return nil, err
	}
	return rows, nil
}

// eachBlock calls use with the rows of one kind.
func eachBlock(ctx context.Context, r Reader, kind byte, use func(row []byte) error) error {
	block := int64(0)
	for row, err := range scanPages(ctx, r, []byte{prefixTags, kind}, []byte{prefixTags, kind + 1}, lastPage) {
		if err != nil {
			return err
		}
		if string(row.Key) != string(tagsKey(kind, block)) {
			return badTags("found %s instead of row %d", rowName(row.Key), block)
		}
		b, err := openTags(row.Key, row.Value)
		if err == nil {
			err = use(b)
		}
		if err != nil {
			return err
		}
		block++
	}
	return nil
}

// readJournal reads the changes after the rows of jobs.
func (b *board) readJournal(ctx context.Context, r Reader, t tagsRecord) error {
	var changes []tagChange
	n := int64(0)
	err := eachBlock(ctx, r, tagsJournal, func(row []byte) (err error) {
		n++
		changes, err = appendJournalRow(changes, row)
		return err
	})
	if err != nil {
		return err
	}
	b.jobs = b.boardRows.jobs
	for _, c := range changes {
		if c.begins != (c.number == b.jobs) || c.number > b.jobs {
			return badTags("job %d changes, of %d", c.number, b.jobs)
		}
		if c.begins {
			b.begun = append(b.begun, c.fixed)
			b.jobs++
		}
		b.changed = append(b.changed, newState{c.number, c.now})
	}
	if n != t.rows || int64(len(changes)) != t.changes || b.jobs != t.jobs {
		return badTags("they have %d changes of %d jobs, and should have %d of %d", len(changes), b.jobs, t.changes, t.jobs)
	}
	slices.Reverse(b.changed) // so that of one job the last change is kept
	slices.SortStableFunc(b.changed, func(x, y newState) int { return cmp.Compare(x.number, y.number) })
	b.changed = slices.CompactFunc(b.changed, func(x, y newState) bool { return x.number == y.number })
	return nil
}

// from returns the changes from a number on.
func (b *board) from(number int64) []newState {
	i, _ := slices.BinarySearchFunc(b.changed, number, func(c newState, n int64) int { return cmp.Compare(c.number, n) })
	return b.changed[i:]
}

// all yields the jobs. What it yields is valid until the next one. Rows come in an order
// that has nothing to do with time or ids: to find the first jobs of any order is fast
// then. If the rows do not hold, b.err says so afterwards.
func (b *board) all() iter.Seq[*ledger.TaggedJob] {
	return func(yield func(*ledger.TaggedJob) bool) {
		rows, seen := len(b.fixed), int64(0)
		step := stride(rows)
		for i := range rows {
			n, wanted := b.block(i*step%rows, yield)
			if seen += n; !wanted {
				return
			}
		}
		var job ledger.TaggedJob
		changed := b.from(b.boardRows.jobs)
		for i := range b.begun { // each has a state in the journal
			if seen++; !yield(setTags(&job, &b.begun[i], changed[i].stateTags)) {
				return
			}
		}
		if b.err == nil && seen != b.jobs {
			b.err = badTags("they name %d jobs, and %d states", seen, b.jobs)
		}
	}
}

// block yields the jobs of a row, and returns how many there are.
func (b *board) block(block int, yield func(*ledger.TaggedJob) bool) (n int64, wanted bool) {
	var job ledger.TaggedJob
	first := int64(block) * tagBlock
	states, changed := b.states[block], b.from(first)
	for rest := b.fixed[block]; rest != ""; n++ {
		f, after, ok := cutFixed(rest)
		if !ok || len(states) < stateTagsSize {
			b.err = badTags("a row of jobs holds %.80q", rest)
			return n, false
		}
		now := decodeStateTags(states)
		if len(changed) > 0 && changed[0].number == first+n {
			now, changed = changed[0].stateTags, changed[1:]
		}
		if !yield(setTags(&job, &f, now)) {
			return n + 1, false
		}
		rest, states = after, states[stateTagsSize:]
	}
	return n, true
}

func setTags(job *ledger.TaggedJob, f *fixedTags, now stateTags) *ledger.TaggedJob {
	job.ID, job.Created, job.Fixed = f.id, f.created, f.fixed
	job.State, job.Updated = now.state, now.updated
	return job
}

// stride returns a number that has no divisor in common with n, about 0.618 n.
func stride(n int) int {
	step := max(n*618/1000, 1)
	for ; n > 0; step++ {
		a, b := step, n
		for b != 0 {
			a, b = b, a%b
		}
		if a == 1 {
			break
		}
	}
	return step
}

// numbered returns the number of each job, if the rows hold.
func (b *board) numbered() map[string]int64 {
	numbers, n := make(map[string]int64, b.jobs), int64(0)
	for _, rest := range b.fixed {
		for ok := true; ok && rest != ""; n++ {
			var f fixedTags
			f, rest, ok = cutFixed(rest)
			numbers[f.id] = n
		}
	}
	for _, f := range b.begun {
		numbers[f.id] = n
		n++
	}
	return numbers
}
