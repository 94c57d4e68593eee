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

// A basis is what a command is decided on: the job as it is, and the moment.
type basis struct {
	jobState
	Moment

	now time.Time // what the clock reads
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
	m := basis{now: e.Now()}
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
	if m.now, err = b.now(ctx, r, m.now); err != nil {
		return Result{}, err
	}
	if m.Moment, err = b.moment(ctx, c, m.now); err != nil {
		return Result{}, err
	}
	if m.Gate, err = b.gateInput(ctx, c, m); err != nil {
		return Result{}, err
	}
	if m.Depends, err = b.depends(ctx, r, m.job); err != nil {
		return Result{}, err
	}
	payload, no := Decide(m.job, m.Moment, *r)
	if no != nil && first {
		return Result{}, &InvalidError{Err: no} // there is no job to keep the refusal for
	}
	if no != nil {
		return b.refuse(ctx, c, m, no)
	}
	return b.answer(ctx, c, m, payload)
}

// answer writes the event that was decided, or answers with the block before if it is the same.
func (b *batch) answer(ctx context.Context, c *call, m basis, p ledger.Payload) (Result, error) {
	if err := checkAll(c.checkAmended(m, p), c.checkNamed(p)); err != nil {
		return Result{}, err
	}
	details := m.gateDetails(c.request, p)
	if repeatedBlock(c, m.job, p) {
		event, err := b.lastOf(ctx, m)
		if err != nil {
			return Result{}, err
		}
		return Result{Job: m.job, Event: event, Receipt: receiptOf(event), Repeated: true, Gate: details}, nil
	}
	result, err := b.write(c, m, p)
	result.Gate = details
	return result, err
}

// now returns the time to decide on, which is what the clock reads. If that is probably
// wrong, a job is stopped all the same, as of the last event, so that no later event is
// stamped by that clock; any other request fails as checkClock does.
func (b *batch) now(ctx context.Context, r *Request, now time.Time) (time.Time, error) {
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

// refuse records a refusal, or answers with the one before if it is the same. That of a
// signed command is always recorded, since it uses the command up, and that of another one is not
// if its row is Quiet. An actor who may not even
// be refused gets the authority's denial, and no event.
func (b *batch) refuse(ctx context.Context, c *call, m basis, no *projection.Refusal) (Result, error) {
	r := &c.request
	p := ledger.Refused{Command: r.Command.Verb(), Exit: ledger.RefusalExit(string(no.Code)), Reason: r.Reason, Refusal: string(no.Code), Summary: r.Command.row().summary(r.Command, m.job)}
	if no := m.may(*r, p); no != nil {
		return Result{}, no
	}
	if c.signature == nil && r.Command.row().Quiet {
		return Result{}, &UnrecordedError{Refusal: no}
	}
	if c.signature == nil && m.job.Repeats(r.Actor, p) {
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

// lastOf returns the last event of a job, which is a refusal or a block. It must be the one that
// the job's head names: its receipt is given again.
func (b *batch) lastOf(ctx context.Context, m basis) (ledger.Event, error) {
	if m.last.Payload() != nil {
		return m.last, nil
	}
	event, err := b.engine.Log.Event(ctx, m.head.Seq)
	if err == nil && event.LeafHash() != m.head.Leaf {
		err = &ledger.CorruptError{Seq: m.head.Seq, Reason: fmt.Sprintf("expected leaf hash %s, found %s", m.head.Leaf, event.LeafHash())}
	}
	return event, err
}

// write seals one event and puts it into the batch. A refusal takes no revision, and uses up
// a request id only if it was signed.
func (b *batch) write(c *call, m basis, p ledger.Payload) (Result, error) {
	e, r := b.engine, &c.request
	p, err := e.keyed(m, r.JobID, p)
	if err != nil {
		return Result{}, err
	}
	event, err := e.seal(c, m, p)
	if err == nil && !(r.DryRun && r.ContentLater) {
		err = e.checkContent(event)
	}
	if err != nil {
		return Result{}, err
	}
	next, err := m.apply(event) // which checks the event as every reader does
	if err != nil {
		if err := m.guard(event); err != nil {
			return Result{}, err
		}
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
	if next.LastRefusal != nil || next.LastBlock != nil {
		state.last = event
	}
	e.known.jobs.Put(r.JobID, state)
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
	if event.Type().OfAuthority() {
		k.ahead = append(k.ahead, event)
	}
	if event.RequestID() != "" {
		k.requests.Put(event.RequestID(), event)
	}
	if about, ok := ledger.CallOf(event.Payload()); ok {
		k.calls.Put(ledger.CallID{Job: event.JobID(), Call: about.ID}, event)
	}
	b.entries = append(b.entries, ledger.Entry{Event: event})
	b.bytes += len(event.Bytes())
	if namesContent(event) {
		b.naming = append(b.naming, event)
	}
	c.wrote = true
}

func (e *Engine) seal(c *call, m basis, p ledger.Payload) (ledger.Event, error) {
	r, at := &c.request, e.known.head
	id, err := e.newID(m.now)
	if err != nil {
		return ledger.Event{}, err
	}
	draft := ledger.Draft{
		Seq: ledger.Seq(at.Size), ID: id, Origin: e.Log.Origin(), Actor: r.Actor, Prev: at.Leaf,
		JobID: r.JobID, JobSeq: m.head.JobSeq + 1, JobPrev: m.head.Leaf, Revision: m.job.Revision, Payload: p, Authority: at.Authority,
		Lease: r.Lease, Trace: r.Trace,
	}
	draft.Time, draft.Clock = at.At(m.now)
	if p.Type() != ledger.TypeRefused {
		draft.Revision++
	}
	c.sign(&draft)
	event, err := ledger.Seal(draft)
	if err != nil {
		return ledger.Event{}, &InvalidError{Err: err}
	}
	return event, nil
}
