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
	digest  ledger.Hash // where the request has an id
	done    chan struct{}

	tries  int
	result Result
	err    error
	wrote  bool // the result's event is one of the batch
	panics any  // what deciding it panicked with
}

// outcome returns what the call led to, to the caller alone: the job shares no
// memory with what the engine keeps.
func (c *call) outcome() (Result, error) {
	if c.panics != nil {
		panic(c.panics)
	}
	r := c.written()
	r.Job = r.Job.Clone()
	return c.result, c.err
}

// written returns where the call's event stands, which is beside a refusal too.
func (c *call) written() *Result {
	if no, ok := errors.AsType[*RefusedError](c.err); ok {
		return &no.Result
	}
	return &c.result
}

// complete puts the batch's receipt in, where the call has an event in it.
func (c *call) complete(batch ledger.Receipt) {
	if !c.wrote {
		return
	}
	r := c.written()
	r.Receipt = receiptOf(r.Event)
	r.Receipt.TreeSize, r.Receipt.Checkpoint = batch.TreeSize, batch.Checkpoint
}

// answer tells the caller what the call led to.
func (c *call) answer() { close(c.done) }

// fail answers with an error.
func (c *call) fail(err error) {
	c.result, c.err = Result{}, err
	c.answer()
}

// enter puts a call into the queue, and starts the sequencer where none runs.
func (e *Engine) enter(c *call) error {
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
	e.rouse()
	return nil
}

// rouse has the sequencer look at the queue. The caller holds the lock.
func (e *Engine) rouse() {
	if e.running {
		select {
		case e.arrived <- struct{}{}:
		default: // it was told already
		}
		return
	}
	if e.arrived == nil {
		e.arrived = make(chan struct{}, 1)
	}
	e.running = true
	go e.sequence()
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

// again puts calls back to the head of the queue, to be decided on what another
// writer has left. A call whose caller has gone, or that was decided too often,
// is answered.
func (e *Engine) again(calls []*call) {
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
		e.rouse()
	}
}

// idle ends the sequencer where nothing waits.
func (e *Engine) idle() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.running = len(e.waiting) > 0
	return !e.running
}
