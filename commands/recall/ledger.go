package recall

import (
	"fmt"
	"maps"
	"slices"

	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/seen"
	"gait/packspec"
)

// A Ledger compares all events of one ledger with what the user has seen of it in packs
// and proofs. It remembers nothing: a reader of the whole ledger finds two histories in it.
type Ledger struct {
	seen       *home.JobsSeen
	successors *successors
	jobs       map[string]int64 // those that are remembered: the job_seq of the last event that was compared
}

// Ledger returns what compares the ledger with these keys. There must be a home.
func (m Memory) Ledger(keys ledger.Keyring) (*Ledger, error) {
	l := &Ledger{jobs: map[string]int64{}}
	var err error
	if l.successors, err = newSuccessors(m.Home); err != nil {
		return nil, err
	}
	if l.seen, err = home.SeenJobs(m.Home, keys.Keys()); err != nil {
		return nil, err
	}
	ids, err := l.seen.Jobs()
	for _, id := range ids {
		l.jobs[id] = 0
	}
	return l, err
}

// Checked returns the events of the whole ledger, up to one that contradicts what was
// seen: the error is then a *ForkedError.
func (l *Ledger) Checked(events ledger.Events) ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		size := int64(0)
		for e, err := range events {
			if err == nil {
				err, size = l.check(e), int64(e.Seq())+1
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
		if err := l.end(size); err != nil {
			yield(ledger.Event{}, err)
		}
	}
}

func (l *Ledger) check(e ledger.Event) error {
	if e.Seq() == 0 {
		return nil
	}
	no, err := l.successors.contradicts(e)
	if err != nil {
		return err
	}
	if no.text != "" {
		return &ForkedError{Text: no.text, PastEnd: no.pastEnd}
	}
	if _, remembered := l.jobs[e.JobID()]; remembered {
		l.jobs[e.JobID()] = e.JobSeq()
	}
	fork, err := l.seen.Compare(e)
	return l.orForked(fork, err)
}

// end fails if events of jobs were seen that a ledger of that size does not have.
func (l *Ledger) end(size int64) error {
	for _, id := range slices.Sorted(maps.Keys(l.jobs)) {
		if err := l.orForked(l.seen.End(id, l.jobs[id], ledger.Seq(size-1))); err != nil {
			return err
		}
	}
	return nil
}

func (l *Ledger) orForked(fork *seen.Fork, err error) error {
	if fork == nil || err != nil {
		return err
	}
	text := fmt.Sprintf("the ledger is not the one that was seen in the file of SHA-256 %s: %s", l.seen.Fork().First.SHA256, fork)
	if fork.OneEvent() {
		text += fmt.Sprintf(": expected %s, found %s", fork.Seen.Leaf, fork.Found.Leaf)
	}
	return &ForkedError{Text: text}
}

// CheckExport requires that an exported ledger continues the checkpoints that the user has
// seen of it, except newer ones. It fails with a *ConflictError.
func (m Memory) CheckExport(log packspec.ExportedLog) error {
	all, err := m.Checkpoints(log.Keys.Keys()...)
	if err != nil {
		return err
	}
	for _, at := range all {
		if at.OtherKey {
			continue // the import refuses it
		}
		if err := continues(log, at); err != nil {
			return ledger.Refute(err)
		}
	}
	return nil
}

func continues(log packspec.ExportedLog, at packspec.Sighting) error {
	conflict := &ConflictError{Notes: [2][]byte{at.Note, log.Signed}, Text: "another history of this ledger was seen before"}
	if !ledger.OneHistory(log.Keys.Keys(), at.Keys) {
		conflict.Text = "this ledger was seen to be handed on to another key"
		return conflict
	}
	was, err := ledger.PeekCheckpoint(at.Note)
	if err != nil {
		return err
	}
	ends, err := ledger.Ends(log.Keys.Keys(), log.Rotations)
	if err != nil {
		return err
	}
	if end, no := ledger.ContradictedEnd(at.Ends, log.Keys.Keys(), ends, log.Checkpoint); no {
		conflict.Text = fmt.Sprintf("another key was seen to take over from %s after event %d of this ledger", end.Key, end.Size-1)
		return conflict
	}
	switch _, late, err := log.Keys.OpenSeen(at.Note); {
	case !late.IsZero(): // also if it has more events than the export
		return conflict
	case was.Size > log.Size:
		return nil
	case err != nil:
		return conflict
	}
	if ok, err := log.Continues(was); err != nil || ok {
		return err
	}
	return conflict
}
