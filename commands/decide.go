package commands

import (
	"errors"
	"fmt"
	"time"

	"gait/ledger"
	"gait/projection"
)

// decide decides a call on what the one before it left. What it panics with is
// the caller's; the batch is then made again without it.
func (b *batch) decide(c *call) {
	if err := c.ctx.Err(); err != nil {
		c.fail(err)
		return
	}
	defer func() {
		if c.panics = recover(); c.panics != nil {
			b.err = ledger.ErrConflict
			c.answer()
		}
	}()
	c.result, c.err = b.try(c)
	b.calls = append(b.calls, c)
	if errors.Is(c.err, ledger.ErrConflict) {
		b.err = c.err
	}
}

// A moment is what a command is decided on: the job as it is, and the clock.
type moment struct {
	jobState
	now time.Time
}

func (b *batch) try(c *call) (Result, error) {
	e, r := b.engine, &c.request
	if r.JobID == "" {
		var err error
		if r.JobID, err = e.newID(e.Now()); err != nil {
			return Result{}, err
		}
	}
	m := moment{now: e.Now()}
	if result, done, err := b.replay(c); done || err != nil {
		return result, err
	}
	state, err := e.load(r.JobID)
	first := begins(r.Command)
	switch {
	case err != nil:
		return Result{}, err
	case first && state != nil:
		return Result{}, fmt.Errorf("%w: %s", ErrJobExists, r.JobID)
	case !first && state == nil:
		return Result{}, fmt.Errorf("%w: %s", ErrJobNotFound, r.JobID)
	case r.IfRevision != nil && *r.IfRevision != state.job.Revision:
		return Result{}, &RevisionError{JobID: r.JobID, Want: *r.IfRevision, Found: state.job.Revision}
	}
	if state != nil {
		m.jobState = *state
	}
	at, _ := e.known.head.At(m.now)
	payload, no := Decide(m.job, at, *r)
	if no != nil && first {
		return Result{}, &InvalidError{Err: no} // there is no job to keep the refusal for
	}
	if no != nil {
		return b.refuse(c, m, no)
	}
	return b.write(c, m, payload)
}

// replay answers a request whose id was used up.
func (b *batch) replay(c *call) (Result, bool, error) {
	id := c.request.RequestID
	if id == "" {
		return Result{}, false, nil
	}
	event, seen, err := b.used(id)
	if err != nil || !seen {
		return Result{}, false, err
	}
	if event.RequestDigest != c.digest {
		return Result{}, false, &RequestIDError{RequestID: id, Seq: event.Seq}
	}
	state, err := b.engine.load(event.JobID)
	if err != nil {
		return Result{}, false, err
	}
	return Result{Job: state.job, Event: event, Receipt: receiptOf(event), Replayed: true}, true, nil
}

// used returns the event that used a request id up, durable or not.
func (b *batch) used(id string) (ledger.Event, bool, error) {
	if event, ok := b.requests[id]; ok {
		return event, true, nil
	}
	if b.before != nil {
		if event, ok := b.before.requests[id]; ok {
			return event, true, nil
		}
	}
	seq, seen, err := b.engine.Log.Request(id)
	if err != nil || !seen {
		return ledger.Event{}, false, err
	}
	if err := b.engine.known.holds(seq); err != nil {
		return ledger.Event{}, false, err
	}
	event, err := b.engine.Log.Event(seq)
	return event, err == nil, err
}

// receiptOf returns the receipt of an event written before. The tree size is
// the smallest that holds it.
func receiptOf(event ledger.Event) ledger.Receipt {
	return ledger.Receipt{Seq: event.Seq, Leaf: event.LeafHash(), Revision: event.Revision, TreeSize: int64(event.Seq) + 1}
}

// refuse records a refusal, or answers with the one before where it is the same.
func (b *batch) refuse(c *call, m moment, no *projection.Refusal) (Result, error) {
	r := &c.request
	p := ledger.Refused{Command: r.Command.Verb(), Exit: int64(no.Exit()), Reason: r.Reason, Refusal: no.Code, Summary: r.Command.summary(m.job)}
	if m.job.Repeats(r.Actor, p) {
		event := m.last
		if event.Payload == nil {
			var err error
			if event, err = b.engine.Log.Event(m.head.Seq); err != nil {
				return Result{}, err
			}
		}
		return Result{}, &RefusedError{Refusal: no, Result: Result{Job: m.job, Event: event, Receipt: receiptOf(event), Repeated: true}}
	}
	result, err := b.write(c, m, p)
	if err != nil {
		return Result{}, err
	}
	return Result{}, &RefusedError{Refusal: no, Result: result}
}

// write seals one event and puts it into the batch. A refusal takes no revision
// and does not use up a request id.
func (b *batch) write(c *call, m moment, p ledger.Payload) (Result, error) {
	e, r := b.engine, &c.request
	event, err := e.seal(c, m, p)
	if err != nil {
		return Result{}, err
	}
	next, err := projection.Apply(m.job, event)
	if err != nil {
		panic("commands: decided what the fold refuses: " + err.Error())
	}
	result := Result{Job: next, Event: event}
	if r.DryRun {
		return result, nil
	}
	head, err := e.known.head.Follow(event)
	if err != nil {
		panic("commands: sealed what cannot follow: " + err.Error())
	}
	jobHead, err := m.head.Follow(event)
	if err != nil {
		panic("commands: sealed what cannot follow: " + err.Error())
	}
	state := &jobState{job: next, head: jobHead}
	if event.Type() == ledger.TypeRefused {
		state.last = event
	}
	e.known.head = head
	e.known.keep(r.JobID, state)
	if event.RequestID != "" {
		b.requests[event.RequestID] = event
	}
	b.entries = append(b.entries, ledger.Entry{Event: event})
	b.bytes += len(event.Bytes())
	c.wrote = true
	return result, nil
}

func (e *Engine) seal(c *call, m moment, p ledger.Payload) (ledger.Event, error) {
	r, at := &c.request, e.known.head
	id, err := e.newID(m.now)
	if err != nil {
		return ledger.Event{}, err
	}
	draft := ledger.Event{Seq: ledger.Seq(at.Size), ID: id, Origin: e.Log.Origin(), Actor: r.Actor, Prev: at.Leaf,
		JobID: r.JobID, JobSeq: m.head.JobSeq + 1, JobPrev: m.head.Leaf, Revision: m.job.Revision, Payload: p}
	draft.Time, draft.Clock = at.At(m.now)
	if p.Type() != ledger.TypeRefused {
		draft.Revision++
		if r.RequestID != "" {
			draft.RequestID, draft.RequestDigest = r.RequestID, c.digest
		}
	}
	event, err := ledger.Seal(draft)
	if err != nil {
		return ledger.Event{}, &InvalidError{Err: err}
	}
	return event, nil
}
