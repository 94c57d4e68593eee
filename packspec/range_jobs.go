package packspec

import (
	"fmt"
	"hash/maphash"

	"gait/ledger"
	"gait/projection"
)

// maxRangeJobs is how many jobs of a range are held at once, about. Where it has
// more, it is read again for each further share of them.
const maxRangeJobs = 50_000

// rangeJobs are the jobs of a range, as far as they belong to the share at hand.
type rangeJobs struct {
	from   ledger.Seq // the range's first event
	most   int        // to hold at once
	seed   maphash.Seed
	share  uint64 // at hand, of
	shares uint64
	held   map[string]*rangeJob

	count, begun int        // jobs of the shares that are done, and those of them that begin before the range
	stateErr     error      // of the first event that the rules do not allow
	stateSeq     ledger.Seq // and that event
}

// A rangeJob is a job of a range: folded from its first event on, or, where that
// is not here, only followed.
type rangeJob struct {
	head   ledger.JobHead
	fold   *projection.Folder
	events int64 // that are here
}

func newRangeJobs(from ledger.Seq, most int) *rangeJobs {
	return &rangeJobs{from: from, most: most, seed: maphash.MakeSeed(), shares: 1, held: map[string]*rangeJob{}}
}

// follow holds an event to its job, and folds it, where the job is of the share
// at hand.
func (r *rangeJobs) follow(e ledger.Event) error {
	if e.Type().OfLedger() || !r.mine(e.JobID) {
		return nil
	}
	j := r.held[e.JobID]
	if j == nil {
		if err := r.begins(e); err != nil {
			return err
		}
		j = &rangeJob{}
		r.held[e.JobID] = j
		r.halve()
		if e.JobSeq > 1 {
			j.events = 1
			j.head = ledger.JobHead{JobSeq: e.JobSeq, Leaf: e.LeafHash(), Revision: e.Revision, Seq: e.Seq, Time: e.Time}
			return nil
		}
		j.fold = &projection.Folder{}
	}
	j.events++
	var err error
	if j.head, err = j.head.Follow(e); err != nil {
		return asFailure(LevelChain, CodeChain, err)
	}
	if j.fold == nil || r.stateErr != nil && r.stateSeq < e.Seq {
		return nil
	}
	if err := asFailure(LevelStateMachine, CodeTransition, j.fold.Add(e)); err != nil {
		r.stateErr, r.stateSeq = err, e.Seq
	}
	return nil
}

func (r *rangeJobs) mine(job string) bool {
	return r.shares == 1 || maphash.String(r.seed, job)%r.shares == r.share
}

// halve leaves half of the jobs to a later share where there are too many. Only
// the first share does that: the others are then as large.
func (r *rangeJobs) halve() {
	for r.share == 0 && len(r.held) > r.most {
		r.shares *= 2
		for id := range r.held {
			if !r.mine(id) {
				delete(r.held, id)
			}
		}
	}
}

// next goes on to the next share, and reports whether there is one.
func (r *rangeJobs) next() bool {
	r.count += len(r.held)
	for _, j := range r.held {
		if j.fold == nil {
			r.begun++
		}
	}
	if r.share+1 == r.shares {
		return false
	}
	r.share++
	r.held = map[string]*rangeJob{}
	return true
}

// begins says why an event cannot be the first of its job in the range: those
// before it must have had room, in the ledger after event 0.
func (r *rangeJobs) begins(e ledger.Event) error {
	switch most := max(int64(r.from), 1); {
	case e.JobSeq > most:
		return differs(LevelChain, CodeChain, "", "job_seq", fmt.Sprintf("at most %d", most), fmt.Sprint(e.JobSeq)).at(e.Seq)
	case (e.JobSeq == 1) != e.JobPrev.IsZero():
		return differs(LevelChain, CodeChain, "", fmt.Sprintf("job_prev of event %d of the job", e.JobSeq), "nothing for the first, a leaf hash for others", hashOrNothing(e.JobPrev)).at(e.Seq)
	}
	return nil
}
