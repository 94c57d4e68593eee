package commands

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gait/ledger"
	"gait/projection"
)

// decide decides a call on the state that the call before it left. A panic is
// re-raised in the caller; the batch is rebuilt without that call.
func (b *batch) decide(ctx context.Context, c *call) {
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
	c.result, c.err = b.try(ctx, c)
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

func (b *batch) try(ctx context.Context, c *call) (Result, error) {
	e, r := b.engine, &c.request
	if r.Command.row().OfLedger {
		return b.tryLedger(ctx, c)
	}
	if r.JobID == "" {
		var err error
		if r.JobID, err = e.newID(e.Now()); err != nil {
			return Result{}, err
		}
	}
	m := moment{now: e.Now()}
	if result, done, err := b.replay(ctx, c); done || err != nil {
		return result, err
	}
	state, err := e.state(ctx, r)
	first := r.Command.row().BeginsJob
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
	if m.now, err = b.moment(ctx, r, m.now); err != nil {
		return Result{}, err
	}
	at, _ := e.known.head.At(m.now)
	payload, no := Decide(m.job, at, *r)
	if no != nil && first {
		return Result{}, &InvalidError{Err: no} // there is no job to keep the refusal for
	}
	if no != nil {
		return b.refuse(ctx, c, m, no)
	}
	return b.write(c, m, payload)
}

// moment returns the time to decide on, which is what the clock reads. If that is probably
// wrong, a job is stopped all the same, as of the last event, so that no later event is
// stamped by that clock; any other request fails as checkClock does.
func (b *batch) moment(ctx context.Context, r *Request, now time.Time) (time.Time, error) {
	err := b.checkClock(ctx, r, now)
	_, wrong := errors.AsType[*ledger.ClockError](err)
	if _, stops := r.Command.(Stop); !wrong || !stops {
		return now, err
	}
	return b.lastReading(ctx), nil
}

// checkClock fails with a *ledger.ClockError if the clock is probably wrong, unless the
// request accepts that.
func (b *batch) checkClock(ctx context.Context, r *Request, now time.Time) error {
	if r.AcceptClock {
		return nil
	}
	return ledger.CheckClock(now, b.lastReading(ctx))
}

// lastReading returns what the clock of the last event read; zero if there is no event.
func (b *batch) lastReading(ctx context.Context) time.Time {
	head := b.engine.known.head
	if head.Size == 0 {
		return time.Time{}
	}
	event, err := b.last(ctx)
	if err != nil { // it is damaged, and a job can still be stopped
		return head.Time
	}
	return event.Reading()
}

// replay answers a request whose id was used before.
func (b *batch) replay(ctx context.Context, c *call) (Result, bool, error) {
	id := c.request.RequestID
	if id == "" {
		return Result{}, false, nil
	}
	event, seen, err := b.engine.usedBy(ctx, &c.request)
	if err != nil || !seen {
		return Result{}, false, err
	}
	if p, before := event.Payload().(ledger.LedgerCreated); before {
		return Result{}, false, &ledger.RequestUsedError{RequestID: id, Origin: p.Predecessor.Origin}
	}
	if event.RequestDigest() != c.digest {
		return Result{}, false, &RequestIDError{RequestID: id, Seq: event.Seq()}
	}
	if event.JobID() == "" {
		return Result{Event: event, Receipt: receiptOf(event), Replayed: true}, true, nil
	}
	state, err := b.engine.state(ctx, &Request{JobID: event.JobID(), Command: c.request.Command, DryRun: c.request.DryRun})
	if err == nil && state == nil {
		err = &ledger.CorruptError{Seq: event.Seq(), Reason: fmt.Sprintf("there is no job %s", event.JobID())}
	}
	if err != nil {
		return Result{}, false, err
	}
	return Result{Job: state.job, Event: event, Receipt: receiptOf(event), Replayed: true}, true, nil
}

// receiptOf returns the receipt of an event written before. The tree size is
// the smallest that holds it.
func receiptOf(event ledger.Event) ledger.Receipt {
	return ledger.Receipt{Seq: event.Seq(), Leaf: event.LeafHash(), Revision: event.Revision(), TreeSize: int64(event.Seq()) + 1}
}

// refuse records a refusal, or answers with the one before if it is the same.
func (b *batch) refuse(ctx context.Context, c *call, m moment, no *projection.Refusal) (Result, error) {
	r := &c.request
	p := ledger.Refused{Command: r.Command.Verb(), Exit: ledger.RefusalExit(string(no.Code)), Reason: r.Reason, Refusal: string(no.Code), Summary: r.Command.row().summary(r.Command, m.job)}
	if m.job.Repeats(r.Actor, p) {
		event, err := b.lastOf(ctx, m)
		if err != nil {
			return Result{}, err
		}
		return Result{}, &RefusedError{Refusal: no, Result: Result{Job: m.job, Event: event, Receipt: receiptOf(event), Repeated: true}}
	}
	result, err := b.write(c, m, p)
	if err != nil {
		return Result{}, err
	}
	return Result{}, &RefusedError{Refusal: no, Result: result}
}

// lastOf returns the last event of a job, which is a refusal. It must be the one that
// the job's head names: its receipt is given again.
func (b *batch) lastOf(ctx context.Context, m moment) (ledger.Event, error) {
	if m.last.Payload() != nil {
		return m.last, nil
	}
	event, err := b.engine.Log.Event(ctx, m.head.Seq)
	if err == nil && event.LeafHash() != m.head.Leaf {
		err = &ledger.CorruptError{Seq: m.head.Seq, Reason: fmt.Sprintf("expected leaf hash %s, found %s", m.head.Leaf, event.LeafHash())}
	}
	return event, err
}

// write seals one event and puts it into the batch. A refusal takes no revision
// and does not use up a request id.
func (b *batch) write(c *call, m moment, p ledger.Payload) (Result, error) {
	e, r := b.engine, &c.request
	p, err := e.keyed(m, r.JobID, p)
	if err != nil {
		return Result{}, err
	}
	event, err := e.seal(c, m, p)
	if err == nil {
		err = e.checkContent(event)
	}
	if err != nil {
		return Result{}, err
	}
	next, err := projection.Apply(m.job, event, nil)
	if err != nil {
		panic("commands: the fold refuses the event that was decided: " + err.Error())
	}
	result := Result{Job: next, Event: event}
	if r.DryRun {
		return result, nil
	}
	jobHead, err := m.head.Follow(event)
	if err != nil {
		panic("commands: the sealed event cannot follow: " + err.Error())
	}
	state := &jobState{job: next, head: jobHead, noTexts: m.noTexts}
	if event.Type() == ledger.TypeRefused {
		state.last = event
	}
	e.known.jobs.Put(r.JobID, state)
	if event.RequestID() != "" {
		e.known.requests.Put(event.RequestID(), event)
	}
	b.append(c, event)
	return result, nil
}

// append puts a call's event into the batch.
func (b *batch) append(c *call, event ledger.Event) {
	k := &b.engine.known
	head, err := k.head.Follow(event)
	if err != nil {
		panic("commands: the sealed event cannot follow: " + err.Error())
	}
	k.head, k.last = head, event
	b.entries = append(b.entries, ledger.Entry{Event: event})
	b.bytes += len(event.Bytes())
	if namesContent(event) {
		b.naming = append(b.naming, event)
	}
	c.wrote = true
}

func (e *Engine) seal(c *call, m moment, p ledger.Payload) (ledger.Event, error) {
	r, at := &c.request, e.known.head
	id, err := e.newID(m.now)
	if err != nil {
		return ledger.Event{}, err
	}
	draft := ledger.Draft{
		Seq: ledger.Seq(at.Size), ID: id, Origin: e.Log.Origin(), Actor: r.Actor, Prev: at.Leaf,
		JobID: r.JobID, JobSeq: m.head.JobSeq + 1, JobPrev: m.head.Leaf, Revision: m.job.Revision, Payload: p,
	}
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
