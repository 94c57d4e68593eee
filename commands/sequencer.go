package commands

import (
	"errors"
	"fmt"
	"runtime"

	"gait/ledger"
	"gait/projection"
)

// Bounds of a batch. What is decided at once is a share of it, so that the
// bytes are looked at in between.
const (
	maxBatch      = 256     // calls
	maxBatchBytes = 1 << 20 // of events
	atOnce        = 64      // calls
)

// A batch is what is written at once: calls decided one after another, each on
// what the one before it left.
type batch struct {
	engine   *Engine
	before   *batch      // on its way to the disk when this one was begun
	at       ledger.Head // where it begins
	calls    []*call
	log      ledger.Batch   // nil until there is an event
	entries  []ledger.Entry // decided and not in log yet
	bytes    int
	requests map[string]ledger.Event // by the request id it used up

	err  error         // why it is not on the disk; set when done is closed
	done chan struct{} // closed when it is durable, or has failed
}

// sequence makes batches for as long as calls wait. It runs in a goroutine of
// its own, not in that of the caller who came first: a caller whose context
// ends must be free to go, and leave nothing half done. It ends when there is
// nothing to do, so that the engine needs no closing.
func (e *Engine) sequence() {
	for {
		e.next()
		if e.idle() {
			return
		}
	}
}

// next makes one batch.
func (e *Engine) next() {
	b := e.begin()
	defer func() {
		if r := recover(); r != nil {
			b.before, e.flight, e.known = nil, nil, known{}
			b.spoil(r)
			b.settle(ledger.Receipt{})
		}
	}()
	e.fill(b)
	e.crowd = max(len(b.calls), e.crowd/2)
	e.launch(b)
}

// spoil ends a batch that panicked. The panic goes to the caller who came first:
// a library must not end the process, and nobody else is left without an answer.
func (b *batch) spoil(r any) {
	b.err = fmt.Errorf("%w: writing panicked: %v", ledger.ErrOutcomeUnknown, r)
	for _, c := range b.calls[:min(1, len(b.calls))] {
		c.panics = r
	}
}

// begin begins a batch behind the one in flight, or else behind the log's head,
// where all that is known is dropped if somebody else has written.
func (e *Engine) begin() *batch {
	b := &batch{engine: e, requests: map[string]ledger.Event{}, done: make(chan struct{})}
	if e.flight != nil && !e.flight.over() {
		b.before = e.flight
	} else if head := e.Log.Head(); head.Size != e.known.head.Size || head.Leaf != e.known.head.Leaf {
		e.known = known{head: head}
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

// fill decides what waits, and what comes until the batch before is durable.
func (e *Engine) fill(b *batch) {
	if b.before == nil {
		e.letIn()
	}
	e.decideWaiting(b)
	for b.before != nil {
		select {
		case <-e.arrived:
			e.decideWaiting(b)
		case <-b.before.done:
			if b.before.err == nil {
				e.letIn()
				e.decideWaiting(b)
			}
			return
		}
	}
}

// letIn lets the callers come who were answered just now and can run, where
// there was more than one of late. Without it the first of them to ask again has
// the next batch for itself, and all others wait for that one's sync.
func (e *Engine) letIn() {
	if e.crowd > 1 {
		runtime.Gosched()
	}
}

func (e *Engine) decideWaiting(b *batch) {
	for b.err == nil && len(b.calls) < maxBatch && b.bytes < maxBatchBytes {
		taken := e.take(min(atOnce, maxBatch-len(b.calls)))
		if len(taken) == 0 {
			break
		}
		for _, c := range taken {
			b.decide(c)
		}
	}
	if b.err == nil {
		b.err = b.plan()
	}
}

// plan moves what was decided into the log's batch. Of a job's view only the
// last one is made.
func (b *batch) plan() (err error) {
	if len(b.entries) == 0 {
		return nil
	}
	e := b.engine
	if b.log == nil {
		if b.log, err = e.Log.Begin(b.at); err != nil {
			return err
		}
	}
	for _, entry := range b.entries {
		state := e.known.job(entry.Event.JobID)
		if state.head.Leaf == entry.Event.LeafHash() {
			entry.View = projection.EncodeJob(state.job, state.head.Leaf)
		}
		if err := b.log.Add(entry); err != nil {
			return err
		}
	}
	b.entries = b.entries[:0]
	return nil
}

// launch signs a batch and sends it to the disk. The one before is over.
func (e *Engine) launch(b *batch) {
	if before := b.before; before != nil && before.err != nil && b.err == nil {
		b.err = before.err
		if !errors.Is(before.err, ledger.ErrConflict) {
			b.err = fmt.Errorf("%w: the batch before it failed: %w", ledger.ErrOutcomeUnknown, before.err)
		}
	}
	b.before, e.flight = nil, nil
	if b.err == nil && b.log != nil {
		b.err = b.log.Sign()
	}
	switch {
	case b.err != nil:
		if b.log != nil {
			b.log.Discard()
		}
		e.known = known{} // it holds what will not be written
		b.settle(ledger.Receipt{})
	case b.log == nil:
		b.settle(ledger.Receipt{})
	default:
		e.flight = b
		go b.commit()
	}
}

// commit makes a signed batch durable, and answers.
func (b *batch) commit() {
	var receipt ledger.Receipt
	defer func() {
		if r := recover(); r != nil {
			b.spoil(r)
		}
		close(b.done)
		b.settle(receipt)
	}()
	receipt, b.err = b.log.Commit()
}

// settle answers the calls of a batch that is over. Where it was not written,
// what is no event of it may rest on one that is: it is decided again.
func (b *batch) settle(receipt ledger.Receipt) {
	if errors.Is(b.err, ledger.ErrConflict) {
		b.engine.again(b.calls)
		return
	}
	var rest []*call
	for _, c := range b.calls {
		switch {
		case b.err == nil:
			c.complete(receipt)
			c.answer()
		case c.wrote || c.panics != nil:
			c.fail(fmt.Errorf("writing event %d: %w", c.written().Event.Seq, b.err))
		default:
			rest = append(rest, c)
		}
	}
	if len(rest) > 0 {
		b.engine.again(rest)
	}
}
