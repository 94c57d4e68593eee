package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/cockroachdb/pebble/v2"
	"golang.org/x/mod/sumdb/note"

	"gait/ledger"
)

// Append adds events behind at, the head that the caller saw, in one batch and
// with one sync. It fails with ledger.ErrConflict when the log has moved on
// from there, and nothing was written. With ledger.ErrOutcomeUnknown nobody
// can say whether the events are on disk. After any other error nothing was
// written either: an event did not fit, or the log cannot write.
//
// The context is looked at before the commit begins, not after.
func (l *Log) Append(ctx context.Context, at ledger.Head, entries ...ledger.Entry) (ledger.Receipt, error) {
	return l.appendAt(ctx, at, entries, nil)
}

// appendAt is Append; with next, whose key the last of the entries names, it
// rotates the ledger's key.
func (l *Log) appendAt(ctx context.Context, at ledger.Head, entries []ledger.Entry, next ledger.Signer) (ledger.Receipt, error) {
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
	receipt, err := l.append(entries, next)
	if err != nil {
		return ledger.Receipt{}, err
	}
	return receipt, l.publish(receipt.Checkpoint)
}

// endsAt fails with ledger.ErrConflict where the log's head is another one.
func (l *Log) endsAt(at ledger.Head) error {
	if head := l.Head(); at.Size != head.Size || at.Leaf != head.Leaf {
		return fmt.Errorf("appending behind %d events, there are %d: %w", at.Size, head.Size, ledger.ErrConflict)
	}
	return nil
}

// writable says why nothing can be written, if so.
func (l *Log) writable() error {
	if err := l.plannable(); err != nil && !errors.Is(err, ErrNoSigner) {
		return err
	}
	if l.broken {
		return fmt.Errorf("%w: an earlier write failed", ledger.ErrOutcomeUnknown)
	}
	return l.plannable()
}

// plannable says why nothing can be planned, if so. Unlike writable it needs no lock.
func (l *Log) plannable() error {
	switch {
	case l.closed.Load() || l.db.stop.stopped.Load():
		return ErrClosed
	case l.readOnly:
		return ErrReadOnly
	case l.imported:
		return ErrImported
	case l.now.Load().signer == nil:
		return ErrNoSigner
	}
	return nil
}

// append is Append without its conditions, the lock, and publishing.
func (l *Log) append(entries []ledger.Entry, next ledger.Signer) (ledger.Receipt, error) {
	p := l.newPlan(next)
	defer p.Discard()
	for _, e := range entries {
		if err := p.Add(e); err != nil {
			return ledger.Receipt{}, err
		}
	}
	if err := p.Sign(); err != nil {
		return ledger.Receipt{}, err
	}
	return p.write()
}

// commit makes a batch durable. It is the only place where anything is written.
func (l *Log) commit(b *pebble.Batch) error {
	l.dirty, l.broken = true, true
	how := pebble.Sync
	if l.db.once != nil {
		how = pebble.NoSync
	}
	err := l.db.guard("committing", func() error { return b.Commit(how) })
	if err == nil && l.db.once != nil {
		err = l.db.flush()
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ledger.ErrOutcomeUnknown, err)
	}
	l.broken = false
	l.show()
	return nil
}

// publish shows a checkpoint, which is durable, to whoever keeps one elsewhere.
func (l *Log) publish(signed []byte) error {
	if l.published == nil {
		return nil
	}
	if err := l.published(signed); err != nil {
		return fmt.Errorf("%w: keeping the checkpoint: %w", ledger.ErrOutcomeUnknown, err)
	}
	return nil
}

// add plans one event. What is indexed is read from the event's bytes, not
// from the fields the caller holds.
func (p *plan) add(entry ledger.Entry) error {
	e, err := entry.Event.Sealed()
	if err != nil {
		return fmt.Errorf("event %d: %w", entry.Event.Seq, err)
	}
	if e.Origin != p.keys.Origin() {
		return fmt.Errorf("event %d of %s, in the ledger %s", e.Seq, e.Origin, p.keys.Origin())
	}
	if err := p.checkRotation(e); err != nil {
		return err
	}
	return p.addEvent(e, entry.View)
}

// addEvent plans an event of the ledger, which changes no key that is not
// planned yet.
func (p *plan) addEvent(e ledger.Event, view []byte) error {
	head, err := p.head.Follow(e)
	if err != nil {
		return misfit(err)
	}
	if err := p.batch.Set(eventKey(e.Seq), e.Bytes(), nil); err != nil {
		return err
	}
	if e.Type() == ledger.TypeKeyRotated {
		p.path = p.tree.NextPath()
	}
	p.tree.Append(e.LeafHash(), p.rows.put)
	p.head, p.last = head, e
	if e.JobID == "" {
		return nil
	}
	return p.addToJob(e, view)
}

func (p *plan) addToJob(e ledger.Event, view []byte) error {
	job, known := p.jobs[e.JobID]
	if !known {
		var err error
		if job, err = p.jobBefore(e.JobID); err != nil {
			return err
		}
	}
	job, err := job.Follow(e)
	if err != nil {
		return misfit(err)
	}
	p.jobs[e.JobID] = job
	if view != nil {
		p.views[e.JobID] = view
	}
	if e.RequestID != "" {
		if err := p.addRequest(e); err != nil {
			return err
		}
	}
	p.index = append(p.index, pair{indexKey(e.JobID, e.JobSeq), encodeSeq(e.Seq)})
	return nil
}

func (p *plan) addRequest(e ledger.Event) error {
	used, err := p.usedBefore(e.RequestID)
	if err != nil {
		return err
	}
	if used || p.requests[e.RequestID] {
		return fmt.Errorf("event %d: request id %q was used before", e.Seq, e.RequestID)
	}
	p.requests[e.RequestID] = true
	p.index = append(p.index, pair{requestKey(e.RequestID), encodeSeq(e.Seq)})
	return nil
}

// misfit is the error of an event that cannot follow. It is the caller's
// mistake: the ledger on disk is not corrupt, so its type is taken away.
func misfit(err error) error { return fmt.Errorf("an event that cannot follow: %s", err.Error()) }

// finish puts into the batch what the events leave behind, and returns the
// state to be once the batch is durable.
func (p *plan) finish() (*state, error) {
	if p.last.Bytes() == nil {
		return nil, fmt.Errorf("no events")
	}
	if err := p.writeHeads(); err != nil {
		return nil, err
	}
	st, err := p.sign()
	if err != nil {
		return nil, err
	}
	return st, p.writeMeta(st)
}

// writeHeads puts the jobs' index, heads and views and the tree's rows into the
// batch, each in the order of its keys: Pebble finds the place of a key faster
// that comes soon after the one before it.
func (p *plan) writeHeads() error {
	slices.SortFunc(p.index, func(a, b pair) int { return bytes.Compare(a.key, b.key) })
	pairs := p.index
	jobs := slices.Sorted(maps.Keys(p.jobs))
	for _, job := range jobs {
		pairs = append(pairs, pair{headKey(job), encodeJobHead(p.jobs[job])})
	}
	for _, job := range jobs {
		if view := p.views[job]; view != nil {
			pairs = append(pairs, pair{viewKey(job), view})
		}
	}
	if err := p.set(pairs...); err != nil {
		return err
	}
	return p.writeRows()
}

// A pair is a key and its value.
type pair struct{ key, value []byte }

func (p *plan) set(pairs ...pair) error {
	for _, kv := range pairs {
		if err := p.batch.Set(kv.key, kv.value, nil); err != nil {
			return err
		}
	}
	return nil
}

// sign makes the checkpoint of the planned tree, and opens it as anyone will
// who reads it.
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
	return &state{keys: p.keys, signer: signer, head: p.head, tree: p.tree, checkpoint: c, signed: signed}, p.keepRotation(c, signed)
}

func (p *plan) writeMeta(st *state) error {
	edge, err := st.tree.MarshalBinary()
	if err != nil {
		return err
	}
	return p.set(
		pair{keyCheckpoint, st.signed},
		pair{keyEdge, edge},
		pair{keyFormat, []byte(storeFormat)},
		pair{keyHead, encodeHead(st.head)},
	)
}
