package projection

import (
	"context"

	"gait/ledger"
)

// A ClaimCount is how many of the running jobs with a label are leased, and how many wait for a
// worker.
type ClaimCount struct {
	Claimed int64 // have a lease that no event has ended
	Waiting int64 // could be leased, and are not; those that are not due, or wait for other jobs, do not count
	Oldest  int64 // when the oldest of those that wait was created, in Unix milliseconds; 0 if none waits
}

// CountClaims counts jobs by labels, by their tags. ok is false if the log has no tags.
func CountClaims(ctx context.Context, log ledger.TagReader, labels []ledger.Label) (counts []ClaimCount, ok bool, err error) {
	counts = make([]ClaimCount, len(labels))
	tags := make([]uint32, len(labels))
	for i, l := range labels {
		tags[i] = labelTag(l)
	}
	known := true
	ok, err = log.Tagged(ctx, func(_ ledger.EventReader, jobs iterTagged) error {
		for job := range jobs {
			if job.State[0] != tagsVersion || !job.Known() {
				known = false
				break
			}
			if status := job.State[1]; status != statusLetters[Running] && status != unsettledLetter(statusLetters[Running]) {
				continue
			}
			for i, tag := range tags {
				if job.Has(tag) {
					counts[i].add(job)
				}
			}
		}
		return nil
	})
	return counts, ok && known && err == nil, err
}

// add counts a running job.
func (c *ClaimCount) add(job *ledger.TaggedJob) {
	switch job.State[2] {
	case leasedLetter, actingLetter:
		c.Claimed++
	case waitingLetters[WaitsForWorker], waitingLetters[WaitsForLease]:
		if c.Waiting++; c.Oldest == 0 || job.Created < c.Oldest {
			c.Oldest = job.Created
		}
	}
}
