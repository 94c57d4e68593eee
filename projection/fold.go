package projection

import (
	"fmt"
	"iter"

	"gait/ledger"
)

// Rules say which fact may follow in which job, as Next does.
type Rules func(Job, Fact) (Job, *Refusal)

// Apply folds an event into its job: it returns the job after the event. It fails
// with a *ledger.CorruptError if the rules do not allow the event.
func Apply(j Job, e ledger.Event) (Job, error) { return apply(j, e, Next) }

func apply(j Job, e ledger.Event, rules Rules) (Job, error) {
	if err := e.CheckMeaning(); err != nil {
		return j, err
	}
	if j.Status != "" && j.ID != e.JobID() {
		return j, &ledger.CorruptError{Seq: e.Seq(), Reason: fmt.Sprintf("an event of job %s among those of %s", e.JobID(), j.ID)}
	}
	payload, err := upcast(e)
	if err != nil {
		return j, err
	}
	next, no := rules(j, Fact{At: e.Time(), Reading: e.Reading(), Actor: e.Actor(), Payload: payload, text: e.TimeText()})
	if no != nil {
		return j, &ledger.CorruptError{Seq: e.Seq(), Reason: fmt.Sprintf("%s cannot follow: %s", e.Type(), no.Reason)}
	}
	next.ID = e.JobID()
	next.stamp(e.LeafHash())
	return next, nil
}

// stamp fills in the leaf hash of the job's last event if that event asked for a
// verdict or gave one.
func (j *Job) stamp(leaf ledger.Hash) {
	mark := func(a *Ask) {
		if a.JobSeq == j.JobSeq {
			a.Target = leaf
		}
		if a.VerdictSeq == j.JobSeq {
			a.VerdictLeaf = leaf
		}
		if n := len(a.Verdicts); n > 0 && a.Verdicts[n-1].Seq == j.JobSeq {
			a.Verdicts[n-1].Leaf = leaf
		}
	}
	for i := range j.Decisions {
		mark(&j.Decisions[i])
	}
	if j.Stop != nil {
		mark(j.Stop)
	}
}

// A Folder folds the events of one job, from the first, and checks the job's chain.
// The zero Folder is ready for a job's first event.
type Folder struct {
	Job  Job
	Head ledger.JobHead

	// Next are the rules; if nil, those of package projection. Only tests of the
	// rules set others.
	Next Rules
}

// Add folds the next event. It fails with a *ledger.CorruptError.
func (f *Folder) Add(e ledger.Event) error {
	head, err := f.Head.Follow(e)
	if err != nil {
		return err
	}
	rules := f.Next
	if rules == nil {
		rules = next
	}
	job, err := apply(f.Job, e, rules)
	if err != nil {
		return err
	}
	if job.Revision != e.Revision() || job.JobSeq != e.JobSeq() {
		return &ledger.CorruptError{Seq: e.Seq(), Reason: fmt.Sprintf("expected revision %d, found %d", job.Revision, e.Revision())}
	}
	f.Job, f.Head = job, head
	return nil
}

// Fold folds all events of a job and requires that they end at head, the job's
// head according to the log.
func Fold(events iter.Seq2[ledger.Event, error], head ledger.JobHead) (Job, error) {
	var f Folder
	for e, err := range events {
		if err != nil {
			return Job{}, err
		}
		if err := f.Add(e); err != nil {
			return Job{}, err
		}
	}
	return f.Job, f.EndsAt(head)
}

// EndsAt requires that the folded events end at head, the job's head according to
// the log. It fails with a *ledger.CorruptError.
func (f *Folder) EndsAt(head ledger.JobHead) error {
	if f.Head == head {
		return nil
	}
	return &ledger.CorruptError{Seq: head.Seq, Reason: fmt.Sprintf("expected %d events of the job ending in %s, found %d ending in %s",
		head.JobSeq, head.Leaf, f.Head.JobSeq, f.Head.Leaf)}
}
