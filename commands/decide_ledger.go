package commands

import (
	"context"
	"fmt"
	"time"

	"gait/ledger"
)

// A LedgerState is what a command about the ledger itself is decided on: the events
// that the next one follows, durable or not.
type LedgerState struct {
	Last  ledger.Event                // the last event
	Index func() (ledger.Hash, error) // the root of the index over all events
}

// tryLedger decides a command about the ledger. It writes an event, or answers with
// the last one if that says all that the command would.
func (b *batch) tryLedger(ctx context.Context, c *call) (Result, error) {
	last, err := b.last(ctx)
	if err != nil {
		return Result{}, err
	}
	r := &c.request
	if result, done, err := b.replay(ctx, c); done || err != nil {
		return result, err
	}
	s := LedgerState{Last: last, Index: func() (ledger.Hash, error) { return b.indexRoot(ctx, r.DryRun) }}
	payload, err := r.Command.row().decideLedger(r.Command, s, *r)
	if err != nil {
		return Result{}, err
	}
	if payload == nil {
		return Result{Event: last, Receipt: receiptOf(last), Replayed: true}, nil
	}
	now := b.engine.Now()
	if err := b.checkClock(ctx, r, now); err != nil {
		return Result{}, err
	}
	m, err := b.moment(ctx, c, now)
	if err != nil {
		return Result{}, err
	}
	if no := m.may(*r, payload); no != nil {
		return Result{}, no
	}
	event, err := b.sealLedger(c, payload, now)
	if err == nil {
		err = m.guard(event)
	}
	if err != nil || r.DryRun {
		return Result{Event: event}, err
	}
	b.append(c, event)
	return Result{Event: event}, nil
}

// last returns the event that the next one follows.
func (b *batch) last(ctx context.Context) (ledger.Event, error) {
	k := &b.engine.known
	if k.last.Payload() == nil {
		var err error
		if k.last, err = b.engine.Log.Event(ctx, ledger.Seq(k.head.Size-1)); err != nil {
			return ledger.Event{}, err
		}
	}
	return k.last, nil
}

// indexRoot returns the root of the index over all events, durable or not. If some are
// not, the log's batch knows it. A dry run reads all events if the log has no index yet,
// since an old ledger gets one only when it is opened to write.
func (b *batch) indexRoot(ctx context.Context, dryRun bool) (root ledger.Hash, err error) {
	e := b.engine
	if b.before == nil && b.log == nil && len(b.entries) == 0 {
		root, _, err = e.Log.IndexAt(ctx, e.known.head.Size)
		if state := e.Log.Index(); dryRun && (state == ledger.IndexUnchecked || state == ledger.IndexBuilding) && isMismatch(err) {
			return e.foldIndex(ctx, e.known.head.Size)
		}
		return root, err
	}
	if b.err = b.plan(ctx); b.err != nil { // what was decided before is lost
		return root, b.err
	}
	if err := b.begin(ctx); err != nil {
		return root, err
	}
	return b.log.IndexRoot(ctx)
}

// foldIndex returns the root of the index over the first size events, from those. It fails
// with ledger.ErrContentMissing if the request ids that event 0 names are not at hand.
func (e *Engine) foldIndex(ctx context.Context, size int64) (ledger.Hash, error) {
	fold := ledger.IndexFold{Inherited: e.Inherited}
	for e, err := range e.Log.Events(ctx, 0) {
		if err != nil {
			return ledger.Hash{}, err
		}
		if err := fold.Add(e); err != nil {
			return ledger.Hash{}, err
		}
		if fold.Size() == size {
			break
		}
	}
	if fold.Unchecked() {
		return ledger.Hash{}, fmt.Errorf("the request ids that ledgers before used: %w", ledger.ErrContentMissing)
	}
	return fold.Root(), nil
}

// sealLedger seals an event about the ledger.
func (b *batch) sealLedger(c *call, p ledger.Payload, now time.Time) (ledger.Event, error) {
	e, r := b.engine, &c.request
	id, err := e.newID(now)
	if err != nil {
		return ledger.Event{}, err
	}
	at := e.known.head
	draft := ledger.Draft{
		Seq: ledger.Seq(at.Size), ID: id, Origin: e.Log.Origin(), Actor: r.actor(), Prev: at.Leaf, Payload: p, Authority: at.Authority,
		Trace: r.Trace,
	}
	c.sign(&draft)
	draft.Time, draft.Clock = at.At(now)
	event, err := ledger.Seal(draft)
	if err != nil {
		return ledger.Event{}, &InvalidError{Err: err}
	}
	return event, nil
}
