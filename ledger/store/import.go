package store

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"gait/ledger"
	"gait/ledger/mpt"
)

// importBatch is how many events Import writes at once.
const importBatch = 1024

// A Copy is a ledger that another party handed over, to be imported.
type Copy struct {
	Entries   iter.Seq2[ledger.Entry, error]                  // all events, from event 0 on, with views
	Rotations []ledger.Rotation                               // of its key, in order
	Signed    []byte                                          // the checkpoint that covers all events
	Cosigned  []ledger.CosignedCheckpoint                     // what witnesses have cosigned of it; only Restore keeps it
	Inherited func(ledger.Requests) iter.Seq2[mpt.Key, error] // Options.Inherited; may be nil
	Next      ledger.Signer                                   // of the place that the last event moves the ledger to, for Restore there
	Progress  func(done int64) error                          // may be nil; an error of it ends the work
}

// Import makes a copy of a ledger in a table without rows, and leaves the table
// open: the same events, hashes and signed checkpoint. The copy is never written,
// even by a process that has the key. Import fails if the events do not follow each
// other from event 0 on, are not those of the checkpoint, are signed by other keys
// than they name, or are not what authority admits and actors signed; such an error wraps ledger.ErrUnverified. The rows in the table are
// then useless, and have no checkpoint.
//
// Import returns the index of the events, as it has computed it, or zero if it could
// not: event 0 names request ids that were not at hand.
func Import(ctx context.Context, t Table, from Copy) (IndexRoot, error) {
	l := newLog(t, &state{index: emptyIndex(), tags: tagsRecord{state: tagsWhole}}, Options{Inherited: from.Inherited})
	if err := from.into(ctx, l); err != nil {
		return IndexRoot{}, fmt.Errorf("importing: %w", err)
	}
	root, _ := l.IndexRoot()
	return root, nil
}

// Restore makes a ledger again from a backup of it, in a table without rows, and leaves the
// table open. Unlike what Import makes it is no copy: it can be continued. key is the one
// in force, whose MAC keys are those that o.Keys returns; without them, the index must be
// rebuilt once they are there. Results are those of Import.
//
// If from.Next is given, the last event must move the ledger to its key, which is the one in
// force then: once all events have verified, it signs their checkpoint too, and the move is
// kept as a rotation.
func Restore(ctx context.Context, t Table, from Copy, key ledger.VerifierKey, o Options) (IndexRoot, error) {
	if n := len(from.Cosigned); n > ledger.MaxCosigned {
		return IndexRoot{}, fmt.Errorf("restoring: %w: %d cosigned checkpoints, at most %d", ledger.ErrUnverified, n, ledger.MaxCosigned)
	}
	o.Inherited = from.Inherited
	l := newLog(t, &state{index: emptyIndex(), tags: tagsRecord{state: tagsWhole}}, o)
	l.restoring = true
	var err error
	if l.now.Load().macs, err = l.macsOf(key); err == nil {
		err = from.into(ctx, l)
	}
	if err == nil {
		err = from.keepCosigned(ctx, l)
	}
	if err != nil {
		return IndexRoot{}, fmt.Errorf("restoring: %w", err)
	}
	root, _ := l.IndexRoot()
	return root, nil
}

// keepCosigned keeps what witnesses have cosigned, once all events are there.
func (f Copy) keepCosigned(ctx context.Context, l *Log) error {
	c := l.change()
	for _, kept := range f.Cosigned {
		if _, err := checkCosigned(ctx, &l.treeReader, kept.Key, kept.Signed); err != nil {
			return unverified(err)
		}
		c.Put = append(c.Put, Row{cosignedKey(kept.Key), kept.Signed})
	}
	if sortRows(c.Put); len(c.Put) == 0 {
		return nil
	}
	return l.commit(ctx, c)
}

func (f Copy) into(ctx context.Context, l *Log) error {
	p := newCopyPlan(l)
	defer func() { p.Discard() }()
	var authorized authorizer
	defer func() { _ = authorized.end(nil) }()
	left := f.Rotations
	c, _ := ledger.PeekCheckpoint(f.Signed) // commitLast opens it
	n := 0
	for e, err := range f.Entries {
		if err != nil {
			return err
		}
		if left, err = p.copy(ctx, e, left, c.Size); err == nil {
			err = authorized.add(e.Event)
		}
		if err != nil {
			return unverified(authorized.end(err))
		}
		inherits := e.Event.Seq() == 0 && ledger.InheritedRequests(e.Event) != nil
		if n++; n%importBatch != 0 && !inherits {
			continue
		}
		if err := f.part(ctx, p, inherits); err != nil {
			return err
		}
		p.Discard()
		p = newCopyPlan(l)
	}
	if len(left) > 0 {
		return fmt.Errorf("%w: the rotation at event %d is not among the events", ledger.ErrUnverified, left[0].Event.Seq())
	}
	if err := authorized.end(nil); err != nil {
		return unverified(err)
	}
	return p.commitLast(ctx, f.Signed, f.Next)
}

// part commits the events so far. If the only one is event 0 and it inherits request
// ids, they follow.
func (f Copy) part(ctx context.Context, p *plan, inherits bool) error {
	if err := p.applyEntries(ctx); err != nil {
		return err
	}
	if err := p.commitPart(ctx, p.state(nil), nil); err != nil {
		return err
	}
	if inherits {
		if err := f.inherit(ctx, p.log, p.last); err != nil {
			return err
		}
	}
	if f.Progress == nil {
		return nil
	}
	return f.Progress(p.head.Size)
}

// inherit gives the index of the copy the request ids that event 0 names. If they are
// not at hand, the copy has no index.
func (f Copy) inherit(ctx context.Context, l *Log, first ledger.Event) error {
	st := *l.now.Load()
	st.inherits = inheritanceOf(first)
	l.advance(&st)
	err := l.inherit(ctx)
	if errors.Is(err, ledger.ErrContentMissing) {
		st := *l.now.Load()
		st.index = index{}
		l.advance(&st)
		return nil
	}
	return err
}

func newCopyPlan(l *Log) *plan {
	p := newPlan(l, nil)
	p.copying = true
	return p
}

// copy plans one event of a copy of size events. A rotation must be the next of those in the
// Copy. The last event may move the ledger.
func (p *plan) copy(ctx context.Context, entry ledger.Entry, left []ledger.Rotation, size int64) (_ []ledger.Rotation, err error) {
	e := entry.Event
	if e.Seq() == 0 {
		if p.keys, err = ledger.NewKeyring(e); err != nil {
			return left, err
		}
	}
	if !e.Type().HandsOver() {
		return left, p.add(ctx, entry)
	}
	if len(left) == 0 && int64(e.Seq()) == size-1 && e.Type() == ledger.TypeLedgerMoved {
		if err := p.moveAway(e); err != nil {
			return left, err
		}
		return left, p.addEvent(ctx, ledger.Entry{Event: e})
	}
	if len(left) == 0 || left[0].Event.LeafHash() != e.LeafHash() {
		return left, fmt.Errorf("event %d: the rotation is without its proof", e.Seq())
	}
	if p.keys, err = p.keys.FollowProved(left[0]); err != nil {
		return left, err
	}
	p.proofs = append(p.proofs, Row{rotationKey(e.Seq()), []byte(left[0].Proof.String())})
	return left[1:], p.addEvent(ctx, ledger.Entry{Event: e})
}

// commitLast commits the last part of a copy, with the signed checkpoint and the index. next
// is Copy.Next.
func (p *plan) commitLast(ctx context.Context, signed []byte, next ledger.Signer) error {
	if err := p.applyEntries(ctx); err != nil {
		return err
	}
	pages := p.index.flush(p.head.Size)
	st := p.state(signed)
	if err := st.check(p.keys); err != nil {
		return unverified(err)
	}
	if next != nil {
		var err error
		if st, err = p.moveHere(st, next); err != nil {
			return err
		}
	}
	return p.commitPart(ctx, st, pages)
}

// commitPart commits a part of a copy, or of a new ledger. Before the last part there is
// no checkpoint, so it cannot be opened.
func (p *plan) commitPart(ctx context.Context, st *state, pages []Row) error {
	c, err := p.changeTo(ctx, st, pages)
	if err != nil {
		return err
	}
	if err := p.log.commit(ctx, c); err != nil {
		return err
	}
	p.log.advance(st)
	return nil
}

// unverified returns err as an error about the Copy, which does not verify. There is
// no ledger yet that could be corrupt.
func unverified(err error) error {
	if isIO(err) || isMismatch(err) {
		return err
	}
	return fmt.Errorf("%w: %s", ledger.ErrUnverified, err.Error())
}
