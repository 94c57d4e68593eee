package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"maps"
	"slices"

	"gait/ledger"
)

// plannedTags are those of a job in a plan.
type plannedTags struct {
	ledger.Tags
	begins bool // the job is new
}

// tag plans the tags of an entry's job.
func (p *plan) tag(entry ledger.Entry) {
	job, t := entry.Event.JobID(), plannedTags{entry.Tags, entry.Event.JobSeq() == 1}
	if t.begins {
		p.began = append(p.began, job)
	} else if first := p.tags[job]; first.begins {
		t.Created, t.Fixed, t.begins = first.Created, first.Fixed, true
	}
	p.tags[job] = t
}

// tagRows are the rows of tags that a plan writes.
type tagRows struct {
	rows    []Row    // under g
	numbers []Row    // of jobs that are new
	remove  [][]byte // rows of a journal that ends
	after   tagsRecord
}

// retag returns the rows of the planned tags. Damage to such rows does not keep events
// from being appended: then there are no tags any more.
func (p *plan) retag(ctx context.Context) (tagRows, error) {
	r := tagRows{after: p.from.tags}
	if r.after.state == tagsNone && len(p.authority)+len(p.calls) > 0 { // rows of formats 4 and 5 have tags, at least begun
		r.after.state = tagsBuilding
		return r, nil
	}
	if len(p.jobs) == 0 || r.after.state == tagsNone || r.after.state == tagsLost {
		return r, nil
	}
	changes, err := p.tagChanges(ctx, &r)
	full := r.after.changes+int64(len(changes)) >= p.log.tagFlush
	if p.before != nil && p.before.from.tags.flushes != p.from.tags.flushes { // its rows cannot be read yet
		full = false
	}
	if err == nil && full {
		err = p.flushTags(ctx, &r, changes)
	} else if err == nil {
		err = p.journalTags(ctx, &r, changes)
	}
	if isMismatch(err) {
		return tagRows{after: tagsRecord{state: tagsLost, flushes: p.from.tags.flushes}}, nil
	}
	return r, err
}

// tagChanges returns the changes of the plan, by number, and gives new jobs one.
func (p *plan) tagChanges(ctx context.Context, r *tagRows) ([]tagChange, error) {
	if err := p.findNumbers(ctx); err != nil {
		return nil, err
	}
	changes := make([]tagChange, 0, len(p.tags))
	for _, job := range p.began {
		if r.after.state != tagsWhole { // it gets a number when the rows are made
			break
		}
		p.numbers[job] = r.after.jobs
		r.numbers = append(r.numbers, Row{p.keep(numberKey(job)), p.keep(encodeNumber(r.after.jobs))})
		r.after.jobs++
	}
	sortRows(r.numbers)
	for job, number := range p.numbers {
		t := p.tags[job]
		c := tagChange{number: number, begins: t.begins, now: stateTags{t.State, t.Updated}}
		if c.begins {
			c.fixed = fixedTags{id: job, created: t.Created, fixed: t.Fixed}
		}
		changes = append(changes, c)
	}
	slices.SortFunc(changes, func(a, b tagChange) int { return int(a.number - b.number) })
	return changes, nil
}

// findNumbers finds the numbers of jobs that were there before the plan. A job without
// one is not listed.
func (p *plan) findNumbers(ctx context.Context) error {
	p.numbers = make(map[string]int64, len(p.tags))
	var unknown []string
	var keys [][]byte
	for job, t := range p.tags {
		if t.begins {
			continue
		}
		if p.before != nil {
			if n, ok := p.before.numbers[job]; ok {
				p.numbers[job] = n
				continue
			}
		}
		if n, ok := p.log.numbers.get(job); ok {
			p.numbers[job] = n
			continue
		}
		unknown, keys = append(unknown, job), append(keys, numberKey(job))
	}
	if len(keys) == 0 {
		return nil
	}
	values, err := p.log.read.GetMany(ctx, keys)
	if err != nil {
		return err
	}
	for i, value := range values {
		if n, ok := decodeNumber(value); ok && n < p.from.tags.jobs {
			p.numbers[unknown[i]] = n
		}
	}
	return nil
}

func encodeNumber(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

// decodeNumber reads what encodeNumber writes.
func decodeNumber(b []byte) (n int64, ok bool) {
	if len(b) != 8 {
		return 0, false
	}
	n = int64(binary.BigEndian.Uint64(b))
	return n, n >= 0
}

// journalTags adds changes to the journal.
func (p *plan) journalTags(ctx context.Context, r *tagRows, changes []tagChange) error {
	t := &r.after
	if t.rows > 0 && t.last == nil { // no batch is in flight that has written it
		key := tagsKey(tagsJournal, t.rows-1)
		row, err := get(ctx, p.log.read, key)
		if err == nil {
			t.last, err = openTags(key, row)
		}
		if err != nil {
			return err
		}
		if t.last == nil {
			return badTags("a row of changes is missing")
		}
	}
	last, dirty := bytes.Clone(t.last), false
	put := func() {
		if dirty {
			key := tagsKey(tagsJournal, t.rows-1)
			r.rows = append(r.rows, Row{key, sealTags(key, last)})
		}
	}
	var entry []byte
	for _, c := range changes {
		entry = c.append(entry[:0])
		if t.rows == 0 || len(last)+len(entry) > tagRow {
			put()
			last = nil
			t.rows++
		}
		last, dirty = append(last, entry...), true
	}
	put()
	t.last, t.changes = last, t.changes+int64(len(changes))
	p.journal = r.rows
	return nil
}

// flushTags ends the journal: it writes its changes, and those of the plan, into the rows
// of the jobs.
func (p *plan) flushTags(ctx context.Context, r *tagRows, changes []tagChange) error {
	journal, err := p.readJournal(ctx, r.after.rows)
	if err != nil {
		return err
	}
	if r.rows, err = applyTags(ctx, p.log.read, append(journal, changes...)); err != nil {
		return err
	}
	for n := range r.after.rows {
		r.remove = append(r.remove, tagsKey(tagsJournal, n))
	}
	r.after.flushes++
	r.after.rows, r.after.changes, r.after.last = 0, 0, nil
	return nil
}

// readJournal returns the changes of the journal. Its last rows are those of the batch
// before if that is not durable yet.
func (p *plan) readJournal(ctx context.Context, rows int64) ([]tagChange, error) {
	newer := map[string][]byte{}
	if p.before != nil {
		for _, row := range p.before.journal {
			newer[string(row.Key)] = row.Value
		}
	}
	keys := make([][]byte, rows)
	for n := range rows {
		keys[n] = tagsKey(tagsJournal, n)
	}
	values, err := p.log.read.GetMany(ctx, keys)
	if err != nil {
		return nil, err
	}
	var changes []tagChange
	for n, value := range values {
		if row, ok := newer[string(keys[n])]; ok {
			value = row
		}
		if value == nil {
			return nil, badTags("a row of changes is missing")
		}
		if value, err = openTags(keys[n], value); err != nil {
			return nil, err
		}
		if changes, err = appendJournalRow(changes, value); err != nil {
			return nil, err
		}
	}
	return changes, nil
}

// applyTags returns the rows of jobs, sorted, after some changes.
func applyTags(ctx context.Context, r Reader, changes []tagChange) ([]Row, error) {
	states, fixed := byBlock(changes)
	var keys [][]byte
	for _, block := range slices.Sorted(maps.Keys(fixed)) {
		keys = append(keys, tagsKey(tagsFixed, block))
	}
	for _, block := range slices.Sorted(maps.Keys(states)) {
		keys = append(keys, tagsKey(tagsStates, block))
	}
	values, err := r.GetMany(ctx, keys)
	if err != nil {
		return nil, err
	}
	rows := make([]Row, len(keys))
	for i, key := range keys {
		block := int64(binary.BigEndian.Uint64(key[2:]))
		apply, changes := applyStates, states[block]
		if key[1] == tagsFixed {
			apply, changes = applyFixed, fixed[block]
		}
		value, err := openTags(key, values[i])
		if err == nil {
			value, err = apply(value, changes)
		}
		if err != nil {
			return nil, err
		}
		rows[i] = Row{key, sealTags(key, value)}
	}
	return rows, nil
}

// byBlock returns the changes of each row of jobs, and those of them that add a job.
func byBlock(changes []tagChange) (states, fixed map[int64][]tagChange) {
	states, fixed = map[int64][]tagChange{}, map[int64][]tagChange{}
	for _, c := range changes {
		block := c.number / tagBlock
		if states[block] = append(states[block], c); c.begins {
			fixed[block] = append(fixed[block], c)
		}
	}
	return states, fixed
}

// applyStates returns a row of states after changes.
func applyStates(row []byte, changes []tagChange) ([]byte, error) {
	if _, err := countStates(row); err != nil {
		return nil, err
	}
	row = bytes.Clone(row)
	for _, c := range changes {
		at := int(c.number%tagBlock) * stateTagsSize
		if at > len(row) || at == len(row) != c.begins {
			return nil, badTags("the state of job %d changes in a row of %d bytes", c.number, len(row))
		}
		row = append(c.now.append(row[:at]), row[min(at+stateTagsSize, len(row)):]...)
	}
	return row, nil
}

// applyFixed returns a row of jobs after jobs were added.
func applyFixed(row []byte, changes []tagChange) ([]byte, error) {
	jobs, err := countFixed(row)
	if err != nil {
		return nil, err
	}
	row = bytes.Clone(row)
	for i, c := range changes {
		if c.number%tagBlock != int64(jobs+i) {
			return nil, badTags("job %d is added to a row of %d", c.number, jobs+i)
		}
		row = c.fixed.append(row)
	}
	return row, nil
}
