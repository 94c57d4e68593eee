package store

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"gait/ledger"
)

// PhaseTags is the phase in which an old ledger gets the rows that jobs are listed by, as
// Options.Progress is told.
const PhaseTags = "tagging jobs"

// tagStep is how many jobs get their tags in one commit.
const tagStep = 1024

// untagged reports whether the log can get tags that it does not have.
func (l *Log) untagged() bool {
	st := l.now.Load()
	return l.writable() == nil && st.index.proved() && (st.tags.state == tagsNone || st.tags.state == tagsBuilding)
}

// A tagBuilder writes the tags of all jobs. From its first commit on the rows are those of
// format 3, with a row that says which job was done last: a builder that was interrupted
// goes on there. Events may be appended in between.
type tagBuilder struct {
	log      *Log
	progress func(phase string, done, total int64) error
}

func (b *tagBuilder) build(ctx context.Context) error {
	// While no job has a number, it is not known whether begin was interrupted before it had
	// removed all rows.
	if t := b.log.now.Load().tags; t.state == tagsNone || t.jobs == 0 {
		if err := b.begin(ctx); err != nil {
			return fmt.Errorf("tagging jobs: %w", err)
		}
	}
	err := b.complete(ctx)
	if isMismatch(err) { // a job began in between, or rows were changed
		if err = b.begin(ctx); err == nil {
			err = b.complete(ctx)
		}
	}
	if err != nil {
		return fmt.Errorf("tagging jobs: %w", err)
	}
	return nil
}

// begin removes what tags there are, and makes the format 3.
func (b *tagBuilder) begin(ctx context.Context) error {
	was := b.log.now.Load().tags
	if err := b.put(ctx, b.log.change(), tagsRecord{state: tagsBuilding, flushes: was.flushes + 1}); err != nil {
		return err
	}
	b.log.numbers.drop()
	old := builder{log: b.log}
	for _, prefix := range []byte{prefixTags, prefixNumber} {
		if err := old.remove(ctx, prefix); err != nil {
			return err
		}
	}
	return nil
}

// put commits a change and what is known of the tags after it.
func (b *tagBuilder) put(ctx context.Context, c *Change, t tagsRecord) error {
	st := *b.log.now.Load()
	st.tags = t
	c.Put = append(c.Put, Row{keyFormat, []byte(st.format())}, Row{keyTags, t.encode()})
	sortRows(c.Put)
	if err := b.log.commit(ctx, c); err != nil {
		return err
	}
	b.log.advance(&st)
	return nil
}

// complete tags the jobs that have no number yet.
func (b *tagBuilder) complete(ctx context.Context) error {
	for more := true; more; {
		var err error
		if more, err = b.step(ctx); err != nil {
			return err
		}
	}
	st := b.log.now.Load()
	if st.index.proved() && st.tags.jobs != st.index.jobs {
		return badTags("they are of %d jobs, the index has %d", st.tags.jobs, st.index.jobs)
	}
	t := st.tags
	t.state, t.built = tagsWhole, ""
	return b.put(ctx, b.log.change(), t)
}

// step tags the jobs of a page.
func (b *tagBuilder) step(ctx context.Context) (more bool, err error) {
	st := b.log.now.Load()
	t := st.tags
	rows, more, err := b.log.read.Scan(ctx, headKey(t.built+"\x00"), after(prefixHead), tagStep, false)
	if err != nil || len(rows) == 0 {
		return false, err
	}
	jobs, err := (&tagMaker{&b.log.indexReader}).ofRows(ctx, rows)
	if err != nil {
		return false, err
	}
	c := b.log.change()
	changes := make([]tagChange, len(jobs))
	for i, job := range jobs {
		changes[i] = tagChange{number: t.jobs, begins: true, fixed: fixedTags{job.ID, job.Created, job.Fixed}, now: stateTags{job.State, job.Updated}}
		c.Put = append(c.Put, Row{numberKey(job.ID), encodeNumber(t.jobs)})
		t.built = job.ID
		t.jobs++
	}
	blocks, err := applyTags(ctx, b.log.read, changes)
	if err != nil {
		return false, err
	}
	c.Put = append(c.Put, blocks...)
	if err := b.put(ctx, c, t); err != nil {
		return false, err
	}
	if b.progress == nil {
		return more, nil
	}
	return more, b.progress(PhaseTags, t.jobs, max(t.jobs, st.index.jobs))
}

// A tagMaker makes tags from events.
type tagMaker struct{ log *indexReader }

// ofRows returns the tags that jobs should have, as their events say. The jobs are
// those of a page of rows. A view counts only if the ledger's key has authenticated it.
func (m *tagMaker) ofRows(ctx context.Context, rows []Row) ([]ledger.TaggedJob, error) {
	entries, err := m.log.entries(ctx, rows)
	if err != nil {
		return nil, err
	}
	firsts, err := m.firstEvents(ctx, entries)
	if err != nil {
		return nil, err
	}
	jobs := make([]ledger.TaggedJob, len(entries))
	for i, entry := range entries {
		if m.log.now.Load().macs == nil { // whose view it is is not known
			entry.View = nil
		}
		jobs[i].ID = entry.ID
		if jobs[i].Tags, err = m.log.tagsOf(ctx, m.log, entry, firsts[i]); err != nil {
			return nil, err
		}
	}
	return jobs, nil
}

// firstEvents returns the first event of each job, in two trips.
func (m *tagMaker) firstEvents(ctx context.Context, jobs []ledger.JobEntry) ([]ledger.Event, error) {
	keys := make([][]byte, len(jobs))
	for i, job := range jobs {
		keys[i] = indexKey(job.ID, 1)
	}
	named, err := m.log.read.GetMany(ctx, keys)
	if err != nil {
		return nil, err
	}
	seqs := make([]ledger.Seq, len(jobs))
	for i, b := range named {
		seq, ok := decodeSeq(b)
		if !ok {
			return nil, lost(keys[i], -1)
		}
		seqs[i], keys[i] = seq, eventKey(seq)
	}
	events := make([]ledger.Event, 0, len(jobs))
	for chunk := range slices.Chunk(keys, eventsPage) {
		values, err := m.log.read.GetMany(ctx, chunk)
		if err != nil {
			return nil, err
		}
		for _, b := range values {
			job, seq := jobs[len(events)].ID, seqs[len(events)]
			e, err := decode(seq, bytes.Clone(b))
			if err == nil && (e.JobID() != job || e.JobSeq() != 1) {
				err = corrupt(seq, "expected the first event of job %s, found one of %q", job, e.JobID())
			}
			if err != nil {
				return nil, err
			}
			events = append(events, e)
		}
	}
	return events, nil
}
