package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gait/ledger"
	"gait/ledger/authority"
	"gait/ledger/mpt"
)

// A buildVerifier verifies an old ledger while it gets its index. It checks what
// Verify checks, but in steps: after each, all that is known of the events so far is
// on disk, and the next build needs to read only the events after them.
type buildVerifier struct {
	chainVerifier
	builder *builder

	heads map[string]ledger.JobHead // of the jobs that events were read of
	index mpt.Tree                  // in memory
	done  buildProgress             // but for size and tree: up to the newest event

	changed map[string]bool // jobs whose newest event is not in the index yet
	used    []mpt.Entry     // of request ids that are not in the index yet
	set     []mpt.Entry     // what was set in the index since the last step
	rows    []Row           // what the indexes must have of the events since the last step
}

// verify verifies the ledger, from where the build before ended. The rows of format 1
// alone need not be right: they are removed.
func (b *builder) verify(ctx context.Context) (*buildVerifier, error) {
	at, snap, err := b.log.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer snap.Close()
	v, err := b.resume(ctx, at)
	if err != nil {
		return nil, err
	}
	for _, step := range []func() error{
		v.format, v.allEvents, v.rotations, v.state, v.jobRows, v.requestRows, v.tiles, v.cosigned, v.strangers,
	} {
		if err := step(); err != nil {
			return nil, fmt.Errorf("verifying: %w", err)
		}
	}
	return v, nil
}

func (v *buildVerifier) allEvents() error {
	progress := func(done, total int64) error { return v.builder.progress("verifying", done, total) }
	err := progress(v.head.Size, v.log.Head().Size)
	if err == nil {
		err = v.events(v.event, progress)
	}
	if err == nil && v.done.size < v.head.Size {
		err = v.step()
	}
	return err
}

// event adds an event, which follows those before it, to what was found.
func (v *buildVerifier) event(e ledger.Event) error {
	if c, commits := e.Payload().(ledger.IndexCommitted); commits {
		if err := v.setIndex(); err != nil {
			return err
		}
		if root := ledger.Hash(v.index.Root()); root != c.Index {
			reason := fmt.Sprintf("it commits to the index %s; that of the events before it is %s", c.Index, root)
			return &ledger.IndexError{Seq: e.Seq(), Signed: true, Reason: reason}
		}
		v.done.committed = int64(e.Seq()) + 1
	}
	if err := v.envelope(e); err != nil {
		return err
	}
	if err := v.job(e); err != nil {
		return err
	}
	if v.head.Size%v.builder.step != 0 {
		return nil
	}
	return v.step()
}

// envelope checks an event against authority, which no ledger of format 1 has: events of
// authority make the format 4. It notes the event's request id.
func (v *buildVerifier) envelope(e ledger.Event) error {
	if e.Type().OfAuthority() {
		return corrupt(e.Seq(), "%s in a ledger whose index was not complete", e.Type())
	}
	if _, ok := callOf(e); ok {
		return corrupt(e.Seq(), "%s about a call in a ledger whose index was not complete", e.Type())
	}
	if request := e.RequestID(); request != "" {
		v.used = append(v.used, mpt.Entry{Key: ledger.RequestKey(request), Value: mpt.Value(e.LeafHash())})
		v.rows = append(v.rows, Row{requestKey(request), encodeSeq(e.Seq())})
	}
	_, err := (*authority.State)(nil).Check(e)
	return err
}

// job checks an event against its job.
func (v *buildVerifier) job(e ledger.Event) error {
	id := e.JobID()
	if id == "" {
		return nil
	}
	head, known := v.heads[id]
	if !known {
		id = strings.Clone(id) // the id alone, not the event that it is a part of
		var err error
		if head, err = v.headBefore(e); err != nil {
			return err
		}
	}
	head, err := head.Follow(e)
	if err != nil {
		return err
	}
	if head.JobSeq == 1 {
		v.done.jobs++
	}
	v.heads[id], v.changed[id] = head, true
	v.rows = append(v.rows, Row{indexKey(id, head.JobSeq), encodeSeq(head.Seq)})
	return nil
}

// headBefore returns the head that a job had when the build before ended.
func (v *buildVerifier) headBefore(e ledger.Event) (ledger.JobHead, error) {
	leaf, found, err := v.index.Get(v.ctx, nil, ledger.JobKey(e.JobID()))
	if err != nil || !found {
		return ledger.JobHead{}, err
	}
	key := indexKey(e.JobID(), e.JobSeq()-1)
	row, err := get(v.ctx, v.log.read, key)
	if err != nil {
		return ledger.JobHead{}, err
	}
	seq, ok := decodeSeq(row)
	if !ok || seq >= e.Seq() {
		return ledger.JobHead{}, corrupt(e.Seq(), "expected the row of %s to name the event before it, found %s", rowName(key), rowSaid(row))
	}
	last, err := v.log.event(v.ctx, seq)
	if err == nil && last.LeafHash() != ledger.Hash(leaf) {
		err = corrupt(e.Seq(), "expected the row of %s to name the event before it, %s, found %s", rowName(key), ledger.Hash(leaf), last.LeafHash())
	}
	return headOf(last), err
}

// setIndex sets in the index what is not there yet.
func (v *buildVerifier) setIndex() (err error) {
	entries := v.used
	for id := range v.changed {
		entries = append(entries, mpt.Entry{Key: ledger.JobKey(id), Value: mpt.Value(v.heads[id].Leaf)})
	}
	entries = mpt.Sort(entries)
	if v.index, err = v.index.Set(v.ctx, nil, entries); err != nil {
		return err
	}
	v.set = append(v.set, entries...)
	v.used = nil
	clear(v.changed)
	return nil
}

// step checks the rows of the events since the last step, and writes how far the build
// is.
func (v *buildVerifier) step() error {
	if err := v.setIndex(); err != nil {
		return err
	}
	if err := v.indexed(); err != nil {
		return err
	}
	v.done.size, v.done.tree = v.head.Size, v.tree.Root()
	c, size := v.builder.log.change(), 0
	for entries := range slices.Chunk(mpt.Sort(v.set), partEntries) {
		if size >= buildBytes {
			if err := v.builder.log.commit(v.ctx, c); err != nil {
				return err
			}
			c, size = v.builder.log.change(), 0
		}
		c.Put = append(c.Put, v.done.add(encodePart(entries)))
		size += len(entries) * entrySize
	}
	v.set, v.rows = nil, nil
	st := v.log.now.Load()
	c.Put = append(c.Put, Row{keyRecord, v.done.record(st.keys.Origin()).encode(st.macs)})
	return v.builder.log.commit(v.ctx, c)
}

// indexed checks that the indexes of events and of request ids name the events since the
// last step.
func (v *buildVerifier) indexed() error {
	sortRows(v.rows)
	keys := make([][]byte, len(v.rows))
	for i, row := range v.rows {
		keys[i] = row.Key
	}
	found, err := v.log.read.GetMany(v.ctx, keys)
	if err != nil {
		return err
	}
	first, wrong := ledger.Seq(-1), error(nil)
	for i, row := range v.rows {
		seq, _ := decodeSeq(row.Value)
		if err := named(row.Key, found[i], seq); err != nil && (wrong == nil || seq < first) {
			first, wrong = seq, err
		}
	}
	return wrong
}

// requestRows checks that the index of request ids has no others.
func (v *buildVerifier) requestRows() error {
	return v.every([]byte{prefixRequest}, after(prefixRequest), func(k, b []byte) error {
		_, used, err := v.index.Get(v.ctx, nil, ledger.RequestKey(string(k[1:])))
		if err == nil && !used {
			err = corrupt(extra(b), "no event used %s", rowName(k))
		}
		return err
	})
}

// jobRows checks the heads of all jobs, and that the index of events has no others than
// theirs.
func (v *buildVerifier) jobRows() error {
	indexed := walkIndex(v.ctx, v.log.read)
	defer indexed.stop()
	jobs := int64(0)
	err := v.every([]byte{prefixHead}, after(prefixHead), func(k, b []byte) error {
		head, err := v.jobRow(string(k[1:]), b)
		if err == nil {
			err = indexed.job(string(k[1:]), head.JobSeq)
		}
		jobs++
		delete(v.heads, string(k[1:]))
		return err
	})
	if err == nil {
		err = indexed.end()
	}
	if err == nil && len(v.heads) > 0 {
		job := slices.Sorted(maps.Keys(v.heads))[0]
		err = corrupt(v.heads[job].Seq, "job %s has no head", job)
	}
	if err == nil && jobs != v.done.jobs {
		err = corrupt(-1, "expected the heads of %d jobs, found %d", v.done.jobs, jobs)
	}
	return err
}

// jobRow checks the head of a job. If no event of the job was read, it is read now.
func (v *buildVerifier) jobRow(job string, b []byte) (ledger.JobHead, error) {
	row, err := decodeJobRow(job, b)
	want, known := v.heads[job]
	leaf, found, getErr := v.index.Get(v.ctx, nil, ledger.JobKey(job))
	switch {
	case getErr != nil:
		return row.head, getErr
	case !found:
		return row.head, corrupt(0, "the head of job %q is not that of its events", job)
	case err == nil && !known:
		last, err := v.log.event(v.ctx, row.head.Seq)
		if err != nil {
			return row.head, err
		}
		if want = headOf(last); want.Leaf != ledger.Hash(leaf) {
			return row.head, corrupt(-1, "the head of job %q is not that of its events", job)
		}
	}
	if err != nil || string(encodeJobHead(row.head)) != string(encodeJobHead(want)) {
		return row.head, corruptBy(err, want.Seq, "the head of job %q is not that of its events", job)
	}
	return row.head, nil
}
