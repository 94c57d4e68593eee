package packspec

import (
	"context"
	"fmt"

	"gait/ledger"
	"gait/projection"
)

// ErrRevision says that a job does not have a revision.
var ErrRevision = ledger.NewError("the job has no such revision", ledger.Fault{Code: "invalid_revision", Category: ledger.CategoryInvalid})

// goBack makes the snapshot end with the event that gave the job a revision. The pack then
// stands on the newest commitment before the job's next event, if there is one.
func (s *snapshot) goBack(ctx context.Context, src ledger.EventReader, job string, revision int64) error {
	if revision < 1 || revision > s.head.Revision {
		return fmt.Errorf("%w: job %s has the revisions 1 to %d, not %d", ErrRevision, job, s.head.Revision, revision)
	}
	from, to := int64(1), s.head.JobSeq // the revision never falls, and is at most the number of events
	for from < to {
		middle := from + (to-from)/2
		e, err := projection.JobEvent(ctx, src, job, middle)
		if err != nil {
			return err
		}
		if e.Revision() < revision {
			from = middle + 1
		} else {
			to = middle
		}
	}
	last, err := projection.JobEvent(ctx, src, job, from)
	if err != nil {
		return err
	}
	if from < s.head.JobSeq {
		next, err := projection.JobEvent(ctx, src, job, from+1)
		if err != nil {
			return err
		}
		s.next = next.Seq()
	}
	s.head = ledger.JobHead{JobSeq: last.JobSeq(), Leaf: last.LeafHash(), Revision: last.Revision(), Seq: last.Seq(), Time: last.Time()}
	return nil
}
