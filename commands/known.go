package commands

import (
	"fmt"

	"gait/ledger"
	"gait/projection"
)

// maxKnown is how many jobs a generation of known holds: no fewer than two
// batches touch, so that none is dropped before it is durable.
const maxKnown = 4 * maxBatch

// A jobState is a job as the next command for it will find it. It is never
// changed, only replaced.
type jobState struct {
	job  projection.Job
	head ledger.JobHead
	last ledger.Event // the job's last event, where it is a refusal decided here
}

// known is the ledger as the next command will find it: with all that was
// decided, durable or not. Jobs that were not used for long are dropped, and
// read again from the log.
type known struct {
	head       ledger.Head
	young, old map[string]*jobState
}

// job returns what is known of a job; nil: nothing.
func (k *known) job(id string) *jobState {
	if s := k.young[id]; s != nil {
		return s
	}
	s := k.old[id]
	if s != nil {
		k.keep(id, s)
	}
	return s
}

// keep notes the state of a job.
func (k *known) keep(id string, s *jobState) {
	if k.young == nil {
		k.young = map[string]*jobState{}
	}
	k.young[id] = s
	if len(k.young) == maxKnown {
		k.old, k.young = k.young, nil
	}
}

// load returns the state of a job, read from the log where it is not known;
// nil where there is no such job. It fails with ledger.ErrConflict where the job
// has events that are not known of.
func (e *Engine) load(id string) (*jobState, error) {
	if s := e.known.job(id); s != nil {
		return s, nil
	}
	job, head, ok, err := projection.Load(e.Log, id)
	if err != nil || !ok {
		return nil, err
	}
	if err := e.known.holds(head.Seq); err != nil {
		return nil, err
	}
	s := &jobState{job: job, head: head}
	e.known.keep(id, s)
	return s, nil
}

// holds fails with ledger.ErrConflict where another writer has appended seq
// behind what is known.
func (k *known) holds(seq ledger.Seq) error {
	if int64(seq) < k.head.Size {
		return nil
	}
	return fmt.Errorf("deciding behind %d events: %w", k.head.Size, ledger.ErrConflict)
}
