package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/mod/sumdb/note"

	"gait/ledger"
	"gait/ledger/mpt"
)

// Append adds events after at, the head that the caller saw, in one batch and
// with one sync. It fails with ledger.ErrConflict, and writes nothing, if the log has
// grown since. If it fails with ledger.ErrOutcomeUnknown, the events may or may not
// be on disk. After any other error nothing was written either: an event did not
// fit, or the log cannot write.
//
// The context is checked before the commit begins, but not after.
func (l *Log) Append(ctx context.Context, at ledger.Head, entries ...ledger.Entry) (ledger.Receipt, error) {
	return l.appendAt(ctx, at, entries, handover{})
}

// A handover says to whom the last of the entries that are appended hands the ledger over:
// to a key that signs from then on, or to another place. The zero handover is none.
type handover struct {
	next  ledger.Signer
	moves bool
}

// appendAt is Append, for entries that may hand the ledger over.
func (l *Log) appendAt(ctx context.Context, at ledger.Head, entries []ledger.Entry, to handover) (ledger.Receipt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.writable(); err != nil {
		return ledger.Receipt{}, fmt.Errorf("appending: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return ledger.Receipt{}, fmt.Errorf("appending: %w", err)
	}
	if err := l.endsAt(at); err != nil {
		return ledger.Receipt{}, err
	}
	if err := l.mayCommit(); err != nil {
		return ledger.Receipt{}, err
	}
	receipt, err := l.append(ctx, entries, to)
	if err != nil {
		return ledger.Receipt{}, err
	}
	return receipt, l.publish(receipt.Checkpoint)
}

// endsAt fails with ledger.ErrConflict if the log's head is not at.
func (l *Log) endsAt(at ledger.Head) error {
	if head := l.Head(); at.Size != head.Size || at.Leaf != head.Leaf {
		return fmt.Errorf("appending after %d events, there are %d: %w", at.Size, head.Size, ledger.ErrConflict)
	}
	return nil
}

// writable returns the error that says why nothing can be written, or nil.
func (l *Log) writable() error {
	switch {
	case l.closed.Load():
		return ErrClosed
	case l.readOnly:
		return ErrReadOnly
	case l.imported:
		return ErrImported
	}
	switch st := l.now.Load(); {
	case st.moved != nil:
		return &ledger.MovedError{Move: *st.moved}
	case st.signer == nil:
		return ErrNoSigner
	case st.macs == nil:
		return fmt.Errorf("%w: its MAC keys are not there", ErrNoSigner)
	case st.old && st.index.err != nil:
		return st.index.err
	case st.old:
		return fmt.Errorf("store format %s: %w", format1, ErrReadOnly)
	}
	return nil
}

// append is Append without its conditions, the lock, and publishing.
func (l *Log) append(ctx context.Context, entries []ledger.Entry, to handover) (ledger.Receipt, error) {
	p := newPlan(l, to.next)
	p.moves = to.moves
	defer p.Discard()
	for _, e := range entries {
		if err := p.add(ctx, e); err != nil {
			return ledger.Receipt{}, fmt.Errorf("appending: %w", err)
		}
	}
	if err := p.end(ctx); err != nil {
		return ledger.Receipt{}, fmt.Errorf("appending: %w", err)
	}
	return p.write(ctx)
}

// change returns a change that leaves the head as it is.
func (l *Log) change() *Change {
	head := headRow(l.Head())
	return &Change{From: head, To: head}
}

// commit makes a change durable. It is the only place where anything is written.
func (l *Log) commit(ctx context.Context, c *Change) error {
	err := l.table.Commit(ctx, c)
	switch {
	case errors.Is(err, ErrUnknown):
		return fmt.Errorf("%w: %w", ledger.ErrOutcomeUnknown, err)
	case errors.Is(err, ErrConflict):
		return fmt.Errorf("%w: %w", ledger.ErrConflict, err)
	case errors.Is(err, ErrExists): // the log has none there, so another program has written it
		return corruptBy(err, -1, "a row that was to be inserted")
	case err != nil:
		return fmt.Errorf("committing: %w", err)
	}
	return nil
}

// mayCommit fails if the checkpoint of the next batch could not be kept elsewhere.
func (l *Log) mayCommit() error {
	if l.ready == nil {
		return nil
	}
	if err := l.ready(); err != nil {
		return fmt.Errorf("nothing was written: %w", err)
	}
	return nil
}

// publish passes a durable checkpoint to Options.Published, which keeps it elsewhere.
func (l *Log) publish(signed []byte) error {
	if l.published == nil {
		return nil
	}
	if err := l.published(signed); err != nil {
		return fmt.Errorf("%w: keeping the checkpoint: %w", ledger.ErrOutcomeUnknown, err)
	}
	return nil
}

// add plans one event. The zero Event is of no ledger.
func (p *plan) add(ctx context.Context, entry ledger.Entry) error {
	e := entry.Event
	if p.moved != nil {
		return &ledger.MovedError{Move: *p.moved}
	}
	if e.Origin() != p.keys.Origin() {
		return fmt.Errorf("event %d of %s, in the ledger %s", e.Seq(), e.Origin(), p.keys.Origin())
	}
	if err := p.checkRotation(e); err != nil {
		return err
	}
	return p.addEvent(ctx, entry)
}

// addEvent plans an event of the ledger. If the event rotates the key, the rotation
// is planned already.
func (p *plan) addEvent(ctx context.Context, entry ledger.Entry) error {
	e := entry.Event
	head, err := p.head.Follow(e)
	if err != nil {
		return misfit(err)
	}
	p.goesOn = p.goesOn || !endsJob(e)
	p.events = append(p.events, Row{p.keep(eventKey(e.Seq())), e.Bytes()})
	if e.Type().HandsOver() {
		p.path = p.tree.NextPath()
	}
	if err := p.indexEvent(ctx, e); err != nil {
		return err
	}
	if err := (callPlan{p}).add(ctx, e); err != nil {
		return err
	}
	p.tree.Append(e.LeafHash(), p.put)
	p.head, p.last = head, e
	if e.Type().OfAuthority() {
		p.authority = append(p.authority, authorityRow(e))
	}
	if e.RequestID() != "" {
		if err := p.addRequest(ctx, e); err != nil {
			return err
		}
	}
	if e.JobID() == "" {
		return nil
	}
	return p.addToJob(ctx, entry)
}

func (p *plan) addToJob(ctx context.Context, entry ledger.Entry) error {
	e := entry.Event
	job, known := p.jobs[e.JobID()]
	if !known {
		var err error
		if job, err = p.jobBefore(ctx, e.JobID()); err != nil {
			return err
		}
	}
	job, err := job.Follow(e)
	if err != nil {
		return misfit(err)
	}
	p.jobs[e.JobID()], p.views[e.JobID()] = job, entry.View
	p.tag(entry)
	p.jobIndex = append(p.jobIndex, Row{p.keep(indexKey(e.JobID(), e.JobSeq())), p.keep(encodeSeq(e.Seq()))})
	return nil
}

func (p *plan) addRequest(ctx context.Context, e ledger.Event) error {
	used, err := p.usedBefore(ctx, e.RequestID())
	if err != nil {
		return err
	}
	if used || p.requests[e.RequestID()] {
		return fmt.Errorf("event %d: request id %q was used before", e.Seq(), e.RequestID())
	}
	p.requests[e.RequestID()] = true
	p.used = append(p.used, Row{p.keep(requestKey(e.RequestID())), p.keep(encodeSeq(e.Seq()))})
	return nil
}

// misfit returns the error of an event that cannot follow. It is the caller's
// mistake: the ledger on disk is not corrupt, so the error must not be a CorruptError.
func misfit(err error) error { return fmt.Errorf("an event that cannot follow: %s", err.Error()) }

// finish ends the plan: it signs the tree, and makes the change that leads there.
func (p *plan) finish(ctx context.Context) (err error) {
	if p.last.Bytes() == nil {
		return fmt.Errorf("no events")
	}
	if err := p.applyEntries(ctx); err != nil {
		return err
	}
	pages := p.flush()
	if p.to, err = p.sign(); err != nil {
		return err
	}
	p.change, err = p.changeTo(ctx, p.to, pages)
	return err
}

// sign makes the checkpoint of the planned tree, and opens it as every later reader
// will.
func (p *plan) sign() (*state, error) {
	c := ledger.Checkpoint{Origin: p.keys.Origin(), Size: p.tree.Size(), Root: p.tree.Root()}
	signer := p.from.signer
	signers := []note.Signer{signer}
	if p.next != nil {
		signer = p.next
		signers = append(signers, signer)
	}
	signed, err := c.Sign(signers...)
	if err != nil {
		return nil, err
	}
	if again, err := p.keys.Open(signed); err != nil || again != c {
		return nil, fmt.Errorf("the signer does not sign as %s", p.keys.Current())
	}
	st := p.state(signed)
	st.signer, st.checkpoint = signer, c
	return st, p.keepRotation(c, signed)
}

// state returns the state that the planned events lead to.
func (p *plan) state(signed []byte) *state {
	return &state{
		keys: p.keys, head: p.head, tree: p.tree, last: p.partial, signed: signed, macs: p.macs,
		index: p.index, tags: p.from.tags, inherits: p.from.inherits, moved: p.moved, calls: p.from.calls || len(p.calls) > 0,
	}
}

// changeTo returns the change of the plan, which leads to st and writes page rows.
func (p *plan) changeTo(ctx context.Context, st *state, pages []Row) (*Change, error) {
	edge, err := st.tree.MarshalBinary()
	if err != nil {
		return nil, err
	}
	tags, err := p.retag(ctx)
	if err != nil {
		return nil, err
	}
	st.tags = tags.after
	for _, rows := range [][]Row{p.jobIndex, p.used, p.tiles} {
		sortRows(rows)
	}
	c := &Change{From: headRow(p.from.head), To: headRow(st.head)}
	c.Insert = slices.Concat(p.authority, p.events, p.jobIndex, p.proofs, p.used, p.tiles)
	jobs, calls := slices.Sorted(maps.Keys(p.jobs)), callPlan{p}.rows()
	c.Put = make([]Row, 0, len(tags.rows)+len(jobs)+len(pages)+len(calls)+metaRows+len(tags.numbers))
	c.Put = append(c.Put, tags.rows...)
	for _, job := range jobs {
		c.Put = append(c.Put, Row{p.keep(headKey(job)), encodeJobRow(job, p.jobs[job], p.views[job], st.macs)})
	}
	for _, rows := range [][]Row{pages, calls, p.metaRows(st, edge), tags.numbers} {
		c.Put = append(c.Put, rows...)
	}
	c.Remove = tags.remove
	return c, nil
}

func sortRows(rows []Row) {
	slices.SortFunc(rows, func(a, b Row) int { return bytes.Compare(a.Key, b.Key) })
}

const metaRows = 7

// metaRows returns the rows under m that a change writes in addition to the head row.
// An unfinished copy has no checkpoint, so that it cannot be opened.
func (p *plan) metaRows(st *state, edge []byte) []Row {
	rows := make([]Row, 0, metaRows)
	if st.signed != nil {
		rows = append(rows, Row{keyCheckpoint, st.signed})
	}
	rows = append(rows, Row{keyEdge, edge}, Row{keyFormat, []byte(st.format())})
	if p.copying && !p.log.restoring && st.signed != nil {
		rows = append(rows, Row{keyImported, []byte(importedYes)})
	}
	if st.signed != nil && (st.index.proved() || p.copying) {
		rows = append(rows, Row{keyRecord, p.record(st).encode(st.macs)})
	}
	if st.tags.state != tagsNone && (len(p.jobs) > 0 || p.from.tags.state == tagsNone) || p.from.head.Size == 0 {
		rows = append(rows, Row{keyTags, st.tags.encode()})
	}
	if len(p.tiles) > 0 {
		rows = append(rows, Row{keyUpper, st.last.encodeUpper(st.head.Size)})
	}
	return rows
}

// record returns the record of the index. If that of a copy is not known, since event 0
// names request ids that were not at hand, it says so.
func (p *plan) record(st *state) record {
	if st.index.proved() {
		return st.index.record(p.keys.Origin(), st.head.Size, st.checkpoint.Root)
	}
	return record{
		state: recordRefused, tree: emptyTree.Root(), index: mpt.EmptyRoot, pages: mpt.EmptyRoot, origin: p.keys.Origin(),
		seq: -1, reason: missingRequests(*st.inherits.requests).Error(),
	}
}

// headRow returns the head row of a log, or nil if it has no events.
func headRow(h ledger.Head) []byte {
	if h.Size == 0 {
		return nil
	}
	return encodeHead(h)
}
