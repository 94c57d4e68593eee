package commands

import (
	"context"
	"fmt"
	"slices"

	"gait/ledger"
	"gait/ledger/recent"
	"gait/projection"
)

// No job may be forgotten before the events decided on it are durable: a
// generation has at least as many as two batches decide on.
const _ = uint(recent.Size - 2*maxBatch)

// A jobState is a job as the next command for it will find it. It is never
// changed, only replaced.
type jobState struct {
	job  projection.Job
	head ledger.JobHead
	last ledger.Event // the job's last event, if it is a refusal or a block decided here

	// noTexts says why the texts of the job's decisions could not be read. No
	// command is decided on them, but answers show them.
	noTexts error
}

// known is the ledger as the next command will find it: with all that was
// decided, durable or not. A job that was not used lately is dropped, and read
// again from the log. requests and calls are those used by the batch that is being written
// and by the one being made; all others are in the log.
type known struct {
	head     ledger.Head
	last     ledger.Event   // the event that head ends with; zero if it was not read
	ahead    []ledger.Event // authority events that may not be in the log yet, oldest first
	jobs     recent.Map[string, *jobState]
	requests recent.Map[string, ledger.Event]
	calls    recent.Map[ledger.CallID, ledger.Event] // the newest event about each
	answer   answer                                  // to the calls that are being decided
}

// An answer is what the log said to the calls of a share when it was asked for
// all of them at once, so far as they asked for what is not known.
type answer struct {
	ledger.Records
	jobs, requests []string // asked for; what is not in Records is not in the log
	calls          []ledger.CallID
}

// askedCall reports whether the log was asked for a call.
func (a *answer) askedCall(id ledger.CallID) bool { return slices.Contains(a.calls, id) }

// ask reads from the log, in one go, what calls will be decided on. It leaves out
// what cannot be read: the call that needs it finds out why.
func (e *Engine) ask(ctx context.Context, calls []*call) {
	a := answer{}
	for _, c := range calls {
		if c.ctx.Err() == nil {
			a.add(&e.known, &c.request)
		}
	}
	e.known.answer = answer{}
	if len(a.jobs)+len(a.requests)+len(a.calls) == 0 {
		return
	}
	var err error
	if a.Records, err = e.Log.Load(ctx, a.jobs, a.requests, a.calls...); err == nil {
		e.known.answer = a
	}
}

// add adds what a request needs and is not known to what the log is asked for.
func (a *answer) add(k *known, r *Request) {
	if id := r.JobID; id != "" && !slices.Contains(a.jobs, id) {
		if _, known := k.jobs.Get(id); !known {
			a.jobs = append(a.jobs, id)
		}
	}
	if id := r.RequestID; id != "" && !slices.Contains(a.requests, id) {
		if _, known := k.requests.Get(id); !known {
			a.requests = append(a.requests, id)
		}
	}
	if eval, ok := r.Command.(GateEval); ok && eval.CallID != "" {
		id := ledger.CallID{Job: r.JobID, Call: eval.CallID}
		if _, known := k.calls.Get(id); !known && !a.askedCall(id) {
			a.calls = append(a.calls, id)
		}
	}
}

// load returns the state of a job, read from the log if it is not known; nil if
// there is no such job. It fails with ledger.ErrConflict if the job has events
// that are not known.
func (e *Engine) load(ctx context.Context, id string) (*jobState, error) {
	if s, ok := e.known.jobs.Get(id); ok {
		return s, nil
	}
	job, head, ok, err := e.read(ctx, id)
	if err != nil || !ok {
		return nil, err
	}
	if err := e.known.holds(head.Seq); err != nil {
		return nil, err
	}
	s := &jobState{job: job, head: head}
	s.noTexts = projection.ReadTexts(ctx, e.Log, &s.job)
	if !e.unproved() {
		e.known.jobs.Put(id, s)
	}
	return s, nil
}

// read returns a job as the log has it, from the answer if that was asked for it.
func (e *Engine) read(ctx context.Context, id string) (projection.Job, ledger.JobHead, bool, error) {
	entry, ok := e.known.answer.Jobs[id]
	if !ok && slices.Contains(e.known.answer.jobs, id) {
		return projection.Job{}, ledger.JobHead{}, false, nil
	}
	if ok && e.known.holds(entry.Head.Seq) == nil {
		if job, err := projection.JobOf(ctx, e.Log, entry); err == nil {
			return job, entry.Head, true, nil
		}
	}
	return projection.LoadState(ctx, e.Log, id)
}

// used returns the event that has used a request id, durable or not, and whether
// there is one.
func (e *Engine) used(ctx context.Context, id string) (ledger.Event, bool, error) {
	if event, ok := e.known.requests.Get(id); ok {
		return event, true, nil
	}
	event, used := e.known.answer.Requests[id]
	if !used && slices.Contains(e.known.answer.requests, id) {
		return ledger.Event{}, false, nil
	}
	if !used {
		found, err := e.Log.Load(ctx, nil, []string{id})
		if event, used = found.Requests[id]; err != nil || !used {
			return ledger.Event{}, false, err
		}
	}
	return event, true, e.known.holds(event.Seq())
}

// holds fails with ledger.ErrConflict if another writer has appended seq behind
// what is known.
func (k *known) holds(seq ledger.Seq) error {
	if int64(seq) < k.head.Size {
		return nil
	}
	return fmt.Errorf("deciding behind %d events: %w", k.head.Size, ledger.ErrConflict)
}
