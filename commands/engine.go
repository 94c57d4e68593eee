package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/oklog/ulid/v2"

	"gait/ledger"
	"gait/projection"
)

// A Log is the ledger an Engine works on.
type Log interface {
	projection.Log
	Origin() string
	Head() ledger.Head
	Event(ledger.Seq) (ledger.Event, error)
	Request(id string) (ledger.Seq, bool, error)
	Append(ctx context.Context, at ledger.Head, entries ...ledger.Entry) (ledger.Receipt, error)
}

// An Engine carries commands out. All fields are required. It holds no state
// of its own, so any number may work on one log.
type Engine struct {
	Log     Log
	Now     func() time.Time
	Entropy io.Reader // for event ids and the ids of jobs; shared by all goroutines that call Do
}

// attempts is how often the engine decides again where the ledger has moved on.
const attempts = 64

// A Result is what a command led to.
type Result struct {
	Job      projection.Job // after it
	Event    ledger.Event   // what was written; in a dry run what would be
	Receipt  ledger.Receipt // zero in a dry run
	Replayed bool           // the request id was seen before: this is what it led to then
	Repeated bool           // the same refusal came just before: it was not written again
}

// Do carries a request out: one command, one event. A refusal is returned as a
// *RefusedError, with the receipt of its event. Other errors: *InvalidError,
// ErrJobNotFound, ErrJobExists, *RevisionError, *RequestIDError, ErrContention,
// ledger.ErrOutcomeUnknown, and those of the log.
func (e *Engine) Do(ctx context.Context, r Request) (Result, error) {
	if err := r.Check(); err != nil {
		return Result{}, err
	}
	digest, err := r.digest()
	if err != nil {
		return Result{}, err
	}
	if r.JobID == "" {
		if r.JobID, err = e.newID(e.Now()); err != nil {
			return Result{}, err
		}
	}
	for range attempts {
		result, err := e.try(ctx, r, digest)
		if !errors.Is(err, ledger.ErrConflict) {
			return result, err
		}
		if err := ctx.Err(); err != nil {
			return Result{}, err
		}
	}
	return Result{}, ErrContention
}

func (e *Engine) newID(at time.Time) (string, error) {
	id, err := ulid.New(ulid.Timestamp(at), e.Entropy)
	if err != nil {
		return "", fmt.Errorf("making an id: %w", err)
	}
	return id.String(), nil
}

// A moment is what one attempt decides on: the ledger and the job as read, and
// the clock.
type moment struct {
	at   ledger.Head
	head ledger.JobHead
	job  projection.Job
	now  time.Time
}

// try decides once, at the head it reads first.
func (e *Engine) try(ctx context.Context, r Request, digest ledger.Hash) (Result, error) {
	m := moment{at: e.Log.Head(), now: e.Now()}
	if result, done, err := e.replay(r, digest); done || err != nil {
		return result, err
	}
	var exists bool
	var err error
	m.job, m.head, exists, err = projection.Load(e.Log, r.JobID)
	first := begins(r.Command)
	switch {
	case err != nil:
		return Result{}, err
	case first && exists:
		return Result{}, fmt.Errorf("%w: %s", ErrJobExists, r.JobID)
	case !first && !exists:
		return Result{}, fmt.Errorf("%w: %s", ErrJobNotFound, r.JobID)
	case r.IfRevision != nil && *r.IfRevision != m.job.Revision:
		return Result{}, &RevisionError{JobID: r.JobID, Want: *r.IfRevision, Found: m.job.Revision}
	}
	r.at, _ = m.at.At(m.now)
	payload, no := r.Command.decide(m.job, r)
	if no != nil && first {
		return Result{}, &InvalidError{Err: no} // there is no job to keep the refusal for
	}
	if no != nil {
		return e.refuse(ctx, r, m, no)
	}
	return e.write(ctx, r, m, digest, payload)
}

// replay answers a request whose id the ledger has seen.
func (e *Engine) replay(r Request, digest ledger.Hash) (Result, bool, error) {
	if r.RequestID == "" {
		return Result{}, false, nil
	}
	seq, seen, err := e.Log.Request(r.RequestID)
	if err != nil || !seen {
		return Result{}, false, err
	}
	event, err := e.Log.Event(seq)
	if err != nil {
		return Result{}, false, err
	}
	if event.RequestDigest != digest {
		return Result{}, false, &RequestIDError{RequestID: r.RequestID, Seq: seq}
	}
	job, _, _, err := projection.Load(e.Log, event.JobID)
	if err != nil {
		return Result{}, false, err
	}
	return Result{Job: job, Event: event, Receipt: receiptOf(event), Replayed: true}, true, nil
}

// receiptOf returns the receipt of an event written before. The tree size is
// the smallest that holds it.
func receiptOf(event ledger.Event) ledger.Receipt {
	return ledger.Receipt{Seq: event.Seq, Leaf: event.LeafHash(), Revision: event.Revision, TreeSize: int64(event.Seq) + 1}
}

// refuse records a refusal, or answers with the one before where it is the same.
func (e *Engine) refuse(ctx context.Context, r Request, m moment, no *projection.Refusal) (Result, error) {
	p := ledger.Refused{Command: r.Command.Verb(), Exit: int64(no.Exit()), Reason: r.Reason, Refusal: no.Code, Summary: r.Command.summary(m.job)}
	if m.job.Repeats(r.Actor, p) {
		event, err := e.Log.Event(m.head.Seq)
		if err != nil {
			return Result{}, err
		}
		return Result{}, &RefusedError{Refusal: no, Result: Result{Job: m.job, Event: event, Receipt: receiptOf(event), Repeated: true}}
	}
	result, err := e.write(ctx, r, m, ledger.Hash{}, p)
	if err != nil {
		return Result{}, err
	}
	return Result{}, &RefusedError{Refusal: no, Result: result}
}

// write seals and appends one event, with the job's view after it. A refusal
// takes no revision and does not use up a request id.
func (e *Engine) write(ctx context.Context, r Request, m moment, digest ledger.Hash, p ledger.Payload) (Result, error) {
	id, err := e.newID(m.now)
	if err != nil {
		return Result{}, err
	}
	draft := ledger.Event{Seq: ledger.Seq(m.at.Size), ID: id, Origin: e.Log.Origin(), Actor: r.Actor, Prev: m.at.Leaf,
		JobID: r.JobID, JobSeq: m.head.JobSeq + 1, JobPrev: m.head.Leaf, Revision: m.job.Revision, Payload: p}
	draft.Time, draft.Clock = m.at.At(m.now)
	if p.Type() != ledger.TypeRefused {
		draft.Revision++
		if r.RequestID != "" {
			draft.RequestID, draft.RequestDigest = r.RequestID, digest
		}
	}
	event, err := ledger.Seal(draft)
	if err != nil {
		return Result{}, &InvalidError{Err: err}
	}
	next, err := projection.Apply(m.job, event)
	if err != nil {
		panic("commands: decided what the fold refuses: " + err.Error())
	}
	if r.DryRun {
		return Result{Job: next, Event: event}, nil
	}
	view, err := projection.EncodeJob(next, event.LeafHash())
	if err != nil {
		return Result{}, err
	}
	receipt, err := e.Log.Append(ctx, m.at, ledger.Entry{Event: event, View: view})
	if err != nil {
		return Result{}, fmt.Errorf("writing event %d: %w", event.Seq, err)
	}
	return Result{Job: next, Event: event, Receipt: receipt}, nil
}
