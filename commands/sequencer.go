package commands

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"gait/ledger"
	"gait/ledger/recent"
	"gait/projection"
)

// Bounds of a batch. Calls are decided in shares of it, and its bytes are compared
// with their bound in between.
const (
	maxBatch      = 256     // calls
	maxBatchBytes = 1 << 20 // of events
	atOnce        = 64      // calls of a share
)

// A batch is calls that are written at once. They are decided one after another,
// each on the state that the one before it left.
type batch struct {
	engine  *Engine
	before  *batch      // was being written when this one was begun; may be nil
	at      ledger.Head // the head that its events follow
	calls   []*call
	log     ledger.Batch   // nil until it is needed
	planned int            // events in log
	entries []ledger.Entry // decided, and not in log yet
	bytes   int
	naming  []ledger.Event // those that name content

	err  error         // why it was not written; set when done is closed
	done chan struct{} // closed when it is durable, or has failed
}

// sequence makes batches while calls wait. It runs in its own goroutine, not in
// that of the first caller, who has to be able to return when its context ends.
// It ends when no calls wait, so that the engine needs no closing.
func (e *Engine) sequence() {
	ctx := context.Background()
	for {
		e.next(ctx)
		if e.idle() {
			return
		}
	}
}

// next makes one batch.
func (e *Engine) next(ctx context.Context) {
	b := e.begin()
	defer func() {
		if r := recover(); r != nil {
			b.before, e.flight, e.known = nil, nil, known{}
			b.abort(r)
			b.finish(ledger.Receipt{})
		}
	}()
	e.fill(ctx, b)
	e.recentSize = max(len(b.calls), e.recentSize/2)
	e.launch(ctx, b)
}

// abort ends a batch that panicked. The panic is re-raised in its first caller: a
// library must not end the process, and the other callers get an error.
func (b *batch) abort(r any) {
	b.err = fmt.Errorf("%w: writing panicked: %v", ledger.ErrOutcomeUnknown, r)
	for _, c := range b.calls[:min(1, len(b.calls))] {
		c.panics = r
	}
}

// begin begins a batch behind the one in flight, or behind the log's head if there
// is none. Then all that is known is dropped if another writer has appended.
func (e *Engine) begin() *batch {
	b := &batch{engine: e, done: make(chan struct{})}
	if e.flight != nil && !e.flight.over() {
		b.before = e.flight
		e.known.requests.Turn()
		e.known.calls.Turn()
	} else if head := e.Log.Head(); head.Size != e.known.head.Size || head.Leaf != e.known.head.Leaf {
		e.known = known{head: head}
	} else {
		e.known.requests, e.known.calls, e.known.ahead = recent.Map[string, ledger.Event]{}, recent.Map[ledger.CallID, ledger.Event]{}, nil // all of them are in the log
	}
	b.at = e.known.head
	return b
}

// over reports whether the batch is durable or has failed.
func (b *batch) over() bool {
	select {
	case <-b.done:
		return true
	default:
		return false
	}
}

// fill decides the calls that wait, and those that are enqueued until the batch
// before is durable.
func (e *Engine) fill(ctx context.Context, b *batch) {
	if b.before == nil {
		e.yieldToCallers()
	}
	e.decideWaiting(ctx, b)
	for b.before != nil {
		select {
		case <-e.arrived:
			e.decideWaiting(ctx, b)
		case <-b.before.done:
			if b.before.err == nil {
				e.yieldToCallers()
				e.decideWaiting(ctx, b)
			}
			return
		}
	}
}

// yieldToCallers yields once if recent batches held several calls, so that callers
// just answered can enqueue their next request before the batch closes. Without
// it most batches hold one call.
func (e *Engine) yieldToCallers() {
	if e.recentSize > 1 {
		runtime.Gosched()
	}
}

func (e *Engine) decideWaiting(ctx context.Context, b *batch) {
	for b.err == nil && len(b.calls) < maxBatch && b.bytes < maxBatchBytes {
		taken := e.take(min(atOnce, maxBatch-len(b.calls)))
		if len(taken) == 0 {
			break
		}
		e.ask(ctx, taken)
		for _, c := range taken {
			b.decide(ctx, c)
		}
	}
	if b.err == nil {
		b.err = b.plan(ctx)
	}
}

// plan moves the decided entries into the log's batch. Only the last event of a job
// gets a view, and only that and the first one get tags.
func (b *batch) plan(ctx context.Context) (err error) {
	if len(b.entries) == 0 {
		return nil
	}
	if err := b.begin(ctx); err != nil {
		return err
	}
	for _, entry := range b.entries {
		if id := entry.Event.JobID(); id != "" {
			state, _ := b.engine.known.jobs.Get(id)
			last := state.head.Leaf == entry.Event.LeafHash()
			if last {
				entry.View = projection.EncodeJob(state.job, state.head.Leaf)
			}
			if last || entry.Event.JobSeq() == 1 {
				entry.Tags = projection.TagsOf(state.job, entry.Event)
			}
		}
		if err := b.log.Add(ctx, entry); err != nil {
			return err
		}
	}
	b.planned += len(b.entries)
	b.entries = b.entries[:0]
	return nil
}

// begin begins the log's batch, if it was not begun yet.
func (b *batch) begin(ctx context.Context) (err error) {
	if b.log == nil {
		b.log, err = b.engine.Log.Begin(ctx, b.at)
	}
	return err
}

// launch signs a batch and starts writing it. The batch before is over.
func (e *Engine) launch(ctx context.Context, b *batch) {
	if before := b.before; before != nil && before.err != nil && b.err == nil {
		b.err = before.err
		if _, unkept := errors.AsType[*keepingError](before.err); unkept {
			b.err = ledger.ErrConflict // it is decided again without the batch before
		} else if errors.Is(before.err, ledger.ErrOutcomeUnknown) {
			b.err = fmt.Errorf("the batch before it failed: %w", before.err)
		}
	}
	b.before, e.flight = nil, nil
	if b.log != nil && b.planned == 0 { // a call only looked
		b.log.Discard()
		b.log = nil
	}
	if b.err == nil && b.log != nil {
		b.err = b.log.Sign(ctx)
	}
	switch {
	case b.err != nil:
		if b.log != nil {
			b.log.Discard()
		}
		e.known = known{} // it holds events that will not be written
		b.finish(ledger.Receipt{})
	case b.log == nil:
		b.finish(ledger.Receipt{})
	default:
		e.flight = b
		e.work.Go(func() { b.commit(ctx) })
	}
}

// commit makes a signed batch durable, and answers its calls.
func (b *batch) commit(ctx context.Context) {
	var receipt ledger.Receipt
	defer func() {
		if r := recover(); r != nil {
			b.abort(r)
		}
		close(b.done)
		b.finish(receipt)
	}()
	if b.err = b.keepContent(ctx); b.err != nil {
		b.log.Discard()
		return
	}
	receipt, b.err = b.log.Commit(ctx)
}

// finish answers the calls of a batch that is over. If it was not written, the
// calls without an event in it are decided again: what was decided for them may
// depend on an event that is lost.
func (b *batch) finish(receipt ledger.Receipt) {
	if errors.Is(b.err, ledger.ErrConflict) {
		b.engine.retry(b.calls)
		return
	}
	var rest []*call
	_, unkept := errors.AsType[*keepingError](b.err)
	for _, c := range b.calls {
		switch {
		case unkept && c.wrote && !b.unkept(c):
			rest = append(rest, c)
		case b.err == nil:
			c.complete(receipt)
			b.erase(c)
			c.answer()
		case c.wrote || c.panics != nil:
			c.fail(fmt.Errorf("writing event %d: %w", c.written().Event.Seq(), b.err))
		default:
			rest = append(rest, c)
		}
	}
	if len(rest) > 0 {
		b.engine.retry(rest)
	}
}
