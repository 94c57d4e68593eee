package commands

import (
	"context"
	"errors"

	"gait/ledger"
	"gait/projection"
)

// unproved reports whether the log's index should be proved, to write, and is not.
func (e *Engine) unproved() bool {
	state := e.Log.Index()
	return state == ledger.IndexBuilding || state == ledger.IndexRefused || state == ledger.IndexBroken
}

// state returns the state of the job that a request is about; nil if there is no such
// job. If the index is not proved, or what the log has for the job is not what the
// index says, a stop or a cancel is decided on what all events say, and everything
// else that writes fails with an *ledger.IndexError.
func (e *Engine) state(ctx context.Context, r *Request) (*jobState, error) {
	ends := r.Command.row().EndsJob
	if r.DryRun && !ends || !e.unproved() {
		s, err := e.load(ctx, r.JobID)
		if err == nil && s != nil && s.noTexts != nil && !ends {
			return nil, s.noTexts // a job can be stopped although the event of a decision is damaged
		}
		if !ends || !isMismatch(err) {
			return s, err
		}
	}
	if !ends {
		return nil, e.whyUnproved(ctx)
	}
	entry, found, err := e.Log.LoadUnproved(ctx, r.JobID)
	if err != nil || !found {
		return nil, err
	}
	if err := e.known.holds(entry.Head.Seq); err != nil {
		return nil, err
	}
	if s, known := e.known.jobs.Get(r.JobID); known && s.head.Seq > entry.Head.Seq {
		return s, nil // decided here, and not durable yet
	}
	job, ok := projection.DecodeJob(entry.View, entry.Head)
	if !ok || job.ID != r.JobID {
		if job, err = projection.Fold(eventsOf(e.Log.Events(ctx, 0), r.JobID), entry.Head, projection.StatesOf(ctx, e.Log)); err != nil {
			return nil, err
		}
	}
	s := &jobState{job: job, head: entry.Head}
	e.known.jobs.Put(r.JobID, s)
	return s, nil
}

// whyUnproved returns why the index is not proved.
func (e *Engine) whyUnproved(ctx context.Context) error {
	_, _, err := e.Log.IndexAt(ctx, e.Log.Head().Size)
	if err == nil { // it is proved by now
		err = ledger.ErrConflict
	}
	return err
}

// isMismatch reports whether an error says that the log's index does not hold.
func isMismatch(err error) bool {
	_, ok := errors.AsType[*ledger.IndexError](err)
	return ok
}

// usedBy returns the event that used the request id of a request, and whether there is
// one, as state does: if the index is not proved, on what all events say.
func (e *Engine) usedBy(ctx context.Context, r *Request) (ledger.Event, bool, error) {
	ends := r.Command.row().EndsJob
	if r.DryRun && !ends || !e.unproved() {
		event, used, err := e.used(ctx, r.RequestID)
		if !ends || !isMismatch(err) {
			return event, used, err
		}
	}
	if event, ok := e.known.requests.Get(r.RequestID); ok {
		return event, true, nil
	}
	return ledger.UsedBy(e.Log.Events(ctx, 0), r.RequestID)
}

// eventsOf returns those of some events that are a job's.
func eventsOf(events ledger.Events, job string) ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		for e, err := range events {
			if (err != nil || e.JobID() == job) && !yield(e, err) {
				return
			}
		}
	}
}
