package projection

import (
	"fmt"
	"iter"

	"gait/ledger"
	"gait/ledger/authority"
)

// Rules say which fact may follow in which job, as Next does.
type Rules func(Job, Fact) (Job, *Refusal)

// Apply folds an event into its job: it returns the job after the event. s is the
// authority in force before the event, which the event names; nil if it names none. call is
// the newest state of the call of a tool that the event is about, if it is known. Apply fails with a *ledger.CorruptError if authority or the rules do not allow the event. It
// verifies no signatures.
func Apply(j Job, e ledger.Event, s *authority.State, call Call) (Job, error) {
	f, err := factOf(e, s)
	if err != nil {
		return j, err
	}
	f.Call = call
	return apply(j, e, f, Next)
}

// factOf returns the fact of an event that authority admits.
func factOf(e ledger.Event, s *authority.State) (Fact, error) {
	if s == nil && e.Authority().IsZero() && len(e.Command()) == 0 { // there is nothing to check
		return claimOf(e)
	}
	signed, err := s.Check(e)
	if err != nil {
		return Fact{}, err
	}
	f, err := claimOf(e)
	f.Keys, f.Authority = signed.Keys, s
	return f, err
}

// claimOf returns the fact of an event as one that no one signed.
func claimOf(e ledger.Event) (Fact, error) {
	if err := e.CheckMeaning(); err != nil {
		return Fact{}, err
	}
	payload, err := upcast(e)
	return Fact{At: e.Time(), Reading: e.Reading(), Actor: e.Actor(), Payload: payload, Lease: e.Lease(), text: e.TimeText()}, err
}

func apply(j Job, e ledger.Event, f Fact, rules Rules) (Job, error) {
	if j.Status != "" && j.ID != e.JobID() {
		return j, &ledger.CorruptError{Seq: e.Seq(), Reason: fmt.Sprintf("an event of job %s among those of %s", e.JobID(), j.ID)}
	}
	next, no := rules(j, f)
	if no != nil {
		return j, &ledger.CorruptError{Seq: e.Seq(), Reason: fmt.Sprintf("%s cannot follow: %s", e.Type(), no.Reason)}
	}
	next.ID = e.JobID()
	next.stamp(e.LeafHash())
	return next, nil
}

// stamp fills in the leaf hash of the job's last event if that event asked for a
// verdict or gave one, or ended the job.
func (j *Job) stamp(leaf ledger.Hash) {
	if j.Status.Final() && j.Ended.IsZero() {
		j.Ended = leaf
	}
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
	stampGate(j, leaf)
}

// A Folder folds the events of one job, from the first, and checks the job's chain.
// The zero Folder is ready for a job's first event, if the ledger has no authority.
type Folder struct {
	Job    Job
	Head   ledger.JobHead
	States States // gives the authority at each event; if nil, no event names one

	// Next are the rules; if nil, those of package projection. Only tests of the
	// rules set others.
	Next Rules

	// Trusted says not to judge the verdicts and resumes of events that name an authority:
	// the events of the job are all that is known. They are taken as admissible.
	Trusted bool

	calls calls
}

// Believer returns a Folder for the events of a job that were verified elsewhere, while the
// authority events of the ledger are not at hand. It believes verdicts and resumes as they are.
func Believer() Folder { return Folder{Trusted: true} }

// fact returns the fact of the next event.
func (f *Folder) fact(e ledger.Event) (Fact, error) {
	if f.Trusted && !e.Authority().IsZero() {
		fact, err := claimOf(e)
		if err == nil {
			fact.Keys, err = authority.KeysOf(e)
		}
		fact.trusted = true
		return fact, err
	}
	s, err := f.States.at(e)
	if err != nil {
		return Fact{}, err
	}
	return factOf(e, s)
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
	fact, err := f.fact(e)
	if err != nil {
		return err
	}
	fact.Call = f.calls.of(fact.Payload)
	job, err := apply(f.Job, e, fact, rules)
	if err != nil {
		return err
	}
	if job.Revision != e.Revision() || job.JobSeq != e.JobSeq() {
		return &ledger.CorruptError{Seq: e.Seq(), Reason: fmt.Sprintf("expected revision %d, found %d", job.Revision, e.Revision())}
	}
	f.Job, f.Head = job, head
	f.calls.add(e, job.Status)
	return nil
}

// Fold folds all events of a job and requires that they end at head, the job's
// head according to the log. states gives the authority at each event; it may be nil if no
// event names one.
func Fold(events iter.Seq2[ledger.Event, error], head ledger.JobHead, states States) (Job, error) {
	f := Folder{States: states}
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
