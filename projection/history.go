package projection

import (
	"context"

	"gait/ledger"
	"gait/ledger/authority"
)

// History folds all events of a job, from the first, and passes each to visit with
// the job after it. ok is false if there is no such job. The caller may rely on what
// visit saw only if History returns no error: the last event must be the one that
// the job's head names.
func History(ctx context.Context, log ledger.EventReader, id string, visit func(Job, ledger.Event) error) (ok bool, err error) {
	head, ok, err := ledger.FindJob(ctx, log, id)
	if err != nil || !ok {
		return false, err
	}
	f := Folder{States: StatesOf(ctx, log)}
	for e, err := range log.JobEvents(ctx, id, 1) {
		if err != nil {
			return true, err
		}
		if err := f.Add(e); err != nil {
			return true, err
		}
		if err := visit(f.Job, e); err != nil {
			return true, err
		}
	}
	return true, f.EndsAt(head)
}

// A Moment is a job as of a point of its history.
type Moment struct {
	Job  Job          // after Last; the zero Job if the point is before its first event
	Last ledger.Event // the last event before the point
	Stop ledger.Event // the event that stopped the job; the zero Event if it runs

	First ledger.Event // the job's first event
	Now   Job          // the job at its end
	Basis Basis        // what verdicts were judged by at Last: the authority and the clock
}

// At returns the job as of a point. It replays all of the job, so that what it
// returns of the past has been compared with the job's head. ok is false if there is
// no such job.
func At(ctx context.Context, log ledger.EventReader, id string, at AsOf) (m Moment, ok bool, err error) {
	ok, err = History(ctx, log, id, func(j Job, e ledger.Event) error {
		m.Now = j
		if e.JobSeq() == 1 {
			m.First = e
		}
		if at.Holds(e) {
			m.Job, m.Last = j, e
			if MeaningOf(e).Stops {
				m.Stop = e
			}
		}
		return nil
	})
	if m.Job.Status == Running {
		m.Stop = ledger.Event{}
	}
	if err == nil && ok && m.Job.Status != "" {
		m.Basis.Reading = m.Last.Reading()
		m.Basis.Authority, err = authority.At(ctx, log, m.Last.Authority())
	}
	return m, ok, err
}

// stopWindow bounds how many events LastStop reads.
const stopWindow = 64

// LastStop returns the event that stopped a job that does not run. It reads
// only the job's last 64 events, so that its cost does not grow with the
// history; it returns the zero Event if the job runs or if the event is older.
func LastStop(ctx context.Context, log ledger.EventReader, j Job) (stop ledger.Event, err error) {
	if j.Status == Running {
		return stop, nil
	}
	for e, err := range log.JobEvents(ctx, j.ID, max(1, j.JobSeq-stopWindow+1)) {
		if err != nil {
			return stop, err
		}
		if MeaningOf(e).Stops {
			stop = e
		}
	}
	return stop, nil
}

// JobEvent returns one event of a job, or the zero Event if it has none of that
// job_seq.
func JobEvent(ctx context.Context, log ledger.EventReader, id string, jobSeq int64) (e ledger.Event, err error) {
	for e, err = range log.JobEvents(ctx, id, jobSeq) {
		break
	}
	return e, err
}

// JobSeqSince returns the job_seq of a job's first event at or after an event of
// the ledger, or one more than that of its last. It reads as many events as a binary
// search takes. It returns 1 if there is no such job.
func JobSeqSince(ctx context.Context, log ledger.EventReader, id string, since ledger.Seq) (int64, error) {
	head, _, err := ledger.FindJob(ctx, log, id)
	if err != nil {
		return 0, err
	}
	from, to := int64(1), head.JobSeq+1
	for from < to {
		middle := from + (to-from)/2
		e, err := JobEvent(ctx, log, id, middle)
		if err != nil {
			return 0, err
		}
		if e.Seq() < since {
			from = middle + 1
		} else {
			to = middle
		}
	}
	return from, nil
}
