package commands

import (
	"context"
	"errors"
	"slices"

	"gait/ledger"
)

// A call is a request on its way through the engine. Once it is taken from the
// queue it belongs to the sequencer, until done is closed.
type call struct {
	ctx     context.Context
	request Request
	digest  ledger.Hash // if the request has an id
	done    chan struct{}

	signature *signature // nil if the actor is a claim
	read      readIntent // that the request names

	tries  int
	result Result
	err    error
	wrote  bool // the result's event is one of the batch
	panics any  // what deciding it panicked with
}

// outcome returns what the call led to. The job shares no memory with what the
// engine keeps.
func (c *call) outcome() (Result, error) {
	if c.panics != nil {
		panic(c.panics)
	}
	r := c.written()
	r.Job = r.Job.Clone()
	return c.result, c.err
}

// written returns the result that holds the call's event. That of a refusal is in
// the error.
func (c *call) written() *Result {
	if no, ok := errors.AsType[*RefusedError](c.err); ok {
		return &no.Result
	}
	return &c.result
}

// complete adds the batch's receipt to the result if the call has an event in the
// batch.
func (c *call) complete(batch ledger.Receipt) {
	if !c.wrote {
		return
	}
	r := c.written()
	r.Receipt = receiptOf(r.Event)
	r.Receipt.TreeSize, r.Receipt.Checkpoint = batch.TreeSize, batch.Checkpoint
}

// answer lets the caller read what the call led to.
func (c *call) answer() { close(c.done) }

// fail answers with an error.
func (c *call) fail(err error) {
	c.result, c.err = Result{}, err
	c.answer()
}

// enqueue adds a call to the queue, and starts the sequencer if it does not run.
func (e *Engine) enqueue(c *call) error {
	limit := e.MaxWaiting
	if limit == 0 {
		limit = DefaultMaxWaiting
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.waiting) >= limit {
		return ErrBusy
	}
	e.waiting = append(e.waiting, c)
	e.wake()
	return nil
}

// wake makes the sequencer read the queue. The caller holds the lock.
func (e *Engine) wake() {
	if e.running {
		select {
		case e.arrived <- struct{}{}:
		default: // it will wake already
		}
		return
	}
	if e.arrived == nil {
		e.arrived = make(chan struct{}, 1)
	}
	e.running = true
	e.work.Go(e.sequence)
}

// withdraw takes a call out of the queue, and reports whether it was there.
func (e *Engine) withdraw(c *call) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	i := slices.Index(e.waiting, c)
	if i < 0 {
		return false
	}
	e.waiting = slices.Delete(e.waiting, i, i+1)
	return true
}

// take takes up to n calls from the queue.
func (e *Engine) take(n int) []*call {
	e.mu.Lock()
	defer e.mu.Unlock()
	if n >= len(e.waiting) {
		taken := e.waiting
		e.waiting = nil
		return taken
	}
	taken := slices.Clone(e.waiting[:n])
	e.waiting = slices.Delete(e.waiting, 0, n)
	return taken
}

// retry puts calls back at the head of the queue, to be decided on the state that
// another writer left. A call is answered if its context has ended or if it was
// decided too often.
func (e *Engine) retry(calls []*call) {
	calls = slices.DeleteFunc(slices.Clone(calls), func(c *call) bool {
		c.result, c.err, c.wrote = Result{}, nil, false
		c.tries++
		err := c.ctx.Err()
		if err == nil && c.tries == attempts {
			err = ErrContention
		}
		if err != nil {
			c.fail(err)
		}
		return err != nil
	})
	e.mu.Lock()
	defer e.mu.Unlock()
	e.waiting = slices.Concat(calls, e.waiting)
	if len(e.waiting) > 0 {
		e.wake()
	}
}

// idle reports whether nothing waits; then the sequencer ends.
func (e *Engine) idle() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.running = len(e.waiting) > 0
	return !e.running
}
