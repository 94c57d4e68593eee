package packspec

import (
	"io"

	"gait/ledger"
)

// JobPasses is the number of times that BuildJob ranges over a job's events.
const JobPasses = 2

// JobOptions say how to pack a job. The zero JobOptions pack all of it.
type JobOptions struct {
	// AsOf is a commitment to the log's index. The pack then shows the job as it was
	// before that event, and stands on it. If it is 0, the pack shows the job as it is,
	// and stands on the newest commitment after the job's last event, if there is one.
	AsOf ledger.Seq

	// AtRevision is the job's revision to show: the pack ends with the event that gave the
	// job this revision, whatever came after. 0 stands for the newest. It does not go with AsOf.
	AtRevision int64

	// Content returns content that an event of the ledger names, of at most limit bytes:
	// the proof of a job that another ledger held before, and, with JobContent, the policies
	// that the job's events name. If it is nil or returns ledger.ErrContentMissing, the pack
	// has no such proof, or not that policy.
	Content func(digest ledger.Hash, limit int64) ([]byte, error)

	// JobContent opens content of the job as it is kept: 16 bytes of salt and the bytes. If it
	// is not nil, the pack has those contents that the job's events name and that are at
	// hand: for which it does not return ledger.ErrContentMissing.
	JobContent func(digest ledger.Hash) (io.ReadCloser, error)

	// Index says how the index is computed if the log cannot prove it.
	Index IndexOptions

	// Checked is the job as CheckJob has returned it. If no event of the job was added
	// since, BuildJob ranges over the events once less.
	Checked *CheckedJob

	jobOnly bool // no commitment is looked for
}
