package packspec

import (
	"fmt"
	"hash/maphash"

	"gait/ledger"
	"gait/packspec/finding"
	"gait/projection"
)

// maxRangeJobs is the approximate number of jobs of a range that are held at once. If
// there are more, the range is read again for each further share of them.
const maxRangeJobs = 50_000

// rangeJobs follows the jobs of a range, one share of them at a time.
type rangeJobs struct {
	from   ledger.Seq // the range's first event
	most   int        // to hold at once
	seed   maphash.Seed
	share  uint64 // the one being followed, counted from 0
	shares uint64
	held   map[string]*rangeJob
	states projection.States // of the authority at each event; nil if there is none

	count, begun int        // jobs of the shares done so far, and those of them that begin before the range
	stateErr     error      // for the first event that the rules do not allow
	stateSeq     ledger.Seq // the seq of that event
}

// A rangeJob is a job of a range. It is folded from its first event on. If the range
// does not have that event, the job's chain is followed without a fold.
type rangeJob struct {
	head   ledger.JobHead
	fold   *projection.Folder
	events int64 // in the range
}

func newRangeJobs(from ledger.Seq, most int) *rangeJobs {
	return &rangeJobs{from: from, most: most, seed: maphash.MakeSeed(), shares: 1, held: map[string]*rangeJob{}}
}

// follow checks an event against its job and folds it. It skips jobs of other shares.
func (r *rangeJobs) follow(e ledger.Event) error {
	if e.Type().OfLedger() || !r.mine(e.JobID()) {
		return nil
	}
	j := r.held[e.JobID()]
	if j == nil {
		if err := r.begins(e); err != nil {
			return err
		}
		j = &rangeJob{}
		r.held[e.JobID()] = j
		r.halve()
		if e.JobSeq() > 1 {
			j.events = 1
			j.head = ledger.JobHead{JobSeq: e.JobSeq(), Leaf: e.LeafHash(), Revision: e.Revision(), Seq: e.Seq(), Time: e.Time()}
			return nil
		}
		j.fold = &projection.Folder{States: r.states}
	}
	j.events++
	var err error
	if j.head, err = j.head.Follow(e); err != nil {
		return asFailure(finding.LevelChain, finding.CodeChain, err)
	}
	if j.fold == nil || r.stateErr != nil && r.stateSeq < e.Seq() {
		return nil
	}
	if err := asFailure(finding.LevelStateMachine, finding.CodeTransition, j.fold.Add(e)); err != nil {
		r.stateErr, r.stateSeq = err, e.Seq()
	}
	return nil
}

func (r *rangeJobs) mine(job string) bool {
	return r.shares == 1 || maphash.String(r.seed, job)%r.shares == r.share
}

// halve leaves half of the jobs to a later share while there are too many. Only the
// first share does this, since the others are then about as large.
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

// next starts the next share and reports whether there is one.
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

// begins returns an error if an event cannot be the first of its job in the range:
// the job's earlier events must fit into the ledger before the range, after event 0.
func (r *rangeJobs) begins(e ledger.Event) error {
	switch most := max(int64(r.from), 1); {
	case e.JobSeq() > most:
		return finding.Differs(finding.LevelChain, finding.CodeChain, "", "job_seq", fmt.Sprintf("at most %d", most), fmt.Sprint(e.JobSeq())).At(e.Seq())
	case (e.JobSeq() == 1) != e.JobPrev().IsZero():
		return finding.Differs(finding.LevelChain, finding.CodeChain, "", fmt.Sprintf("job_prev of event %d of the job", e.JobSeq()), "nothing for the first, a leaf hash for others", hashOrNothing(e.JobPrev())).At(e.Seq())
	}
	return nil
}
