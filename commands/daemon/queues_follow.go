package daemon

import (
	"context"
	"maps"
	"slices"
	"time"

	"gait/ledger"
	"gait/projection"
)

// catchUp looks at the events that came since the last time.
func (s *queues) catchUp(ctx context.Context) error {
	size := ledger.Seq(s.log.Head().Size)
	if len(s.of) == 0 || size > s.seen+farBehind {
		for _, q := range s.of {
			q.stale = true
		}
		clear(s.touched)
		s.forget(s.now())
		s.seen = size
		return nil
	}
	if size == s.seen && len(s.touched) == 0 {
		return nil
	}
	for e, err := range s.log.Events(ctx, s.seen) {
		if err != nil {
			return err
		}
		s.note(e)
		s.seen = e.Seq() + 1
	}
	for _, id := range slices.Sorted(maps.Keys(s.touched)) {
		j, _, ok, err := projection.LoadState(ctx, s.log, id)
		if err != nil {
			return err
		}
		for _, q := range s.of {
			if ok && q.filter.Holds(j) {
				q.put(projection.ClaimPlace(j))
			} else {
				q.drop(id)
			}
		}
		delete(s.touched, id)
	}
	return nil
}

// note takes from an event what it changes. Events that are many, and after which no job can
// be claimed that could not be before, cost nothing.
func (s *queues) note(e ledger.Event) {
	id := e.JobID()
	switch p := e.Payload().(type) {
	case ledger.ActorEnrolled, ledger.ActorRevoked, ledger.AuthoritySet: // approvals may count or not
		for _, q := range s.of {
			q.stale = q.stale || q.judges()
		}
	case ledger.LedgerCreated, ledger.KeyRotated, ledger.IndexCommitted, ledger.LedgerMoved,
		ledger.Refused, ledger.GateDecided, ledger.DispatchBlocked, ledger.LeaseRenewed, ledger.AttemptEnded:
	case ledger.Leased:
		s.leased(id, p.Until)
	case ledger.LeaseReleased:
		if s.touched[id] = true; p.Outcome != ledger.LeaseLost {
			s.holdBack(id)
		}
	case ledger.CheckpointAdded:
		switch {
		case p.CheckpointType != ledger.CheckpointCompleted && p.CheckpointType != ledger.CheckpointFailed:
		case p.Late: // the status is as it was
		default:
			s.ended(id)
		}
	case ledger.Cancelled, ledger.Stopped:
		s.ended(id)
	case ledger.EffectSettled: // if the job is in a queue, it is looked at when it is due
		if !s.holds(id) {
			s.touched[id] = true
		}
	case ledger.Resumed:
		delete(s.given, id)
		s.touched[id] = true
	default: // it begins, was stopped, or a person has said something
		s.touched[id] = true
	}
}

// leased lets a job rest until its lease ends, if no event ends it before. A job that is in no
// queue yet is looked at.
func (s *queues) leased(id string, until time.Time) {
	for _, q := range s.of {
		q.rest(id, until)
	}
	if !s.holds(id) {
		s.touched[id] = true
	}
	if h := s.given[id]; h != nil {
		h.until = time.Time{}
	}
}

// holdBack lets a job wait that was given back, unless it was so for the first time: else
// a job with which no worker gets on would keep all of them from the others.
func (s *queues) holdBack(id string) {
	now := s.now()
	if h := s.handout(id, now); h != nil && h.times > 1 {
		h.until = now.Add(handoutFor << min(h.times-2, 5))
	}
}

// ended forgets a job that has ended.
func (s *queues) ended(id string) {
	delete(s.given, id)
	delete(s.touched, id)
	for _, q := range s.of {
		q.ended(id)
	}
}

// holds reports whether a queue has a job.
func (s *queues) holds(id string) bool {
	for _, q := range s.of {
		if q.jobs[id] != nil {
			return true
		}
	}
	return false
}
