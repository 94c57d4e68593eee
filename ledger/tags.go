package ledger

import (
	"context"
	"encoding/binary"
	"iter"
)

// Tags are what a job can be found by without reading it. A log keeps them beside the
// job, many jobs in a row, and gives them no meaning. They are hints: what they say of a
// job is compared with the job when it is read, and only verifying the ledger finds a job
// that they hide. The zero Tags say nothing.
type Tags struct {
	State   TagState
	Updated int64

	// These never change. A log takes them from the entry of the job's first event.
	Created int64
	Fixed   string // what AppendTag made; "" if it is not known
}

// A TagState is what tags say of a job as it is now. Zero says that it is not known.
type TagState [3]byte

const tagSize = 4

// AppendTag adds a tag, a hash of some text, to those of Tags.Fixed.
func AppendTag(fixed []byte, tag uint32) []byte { return binary.BigEndian.AppendUint32(fixed, tag) }

// Has reports whether a tag is among the fixed ones.
func (t *Tags) Has(tag uint32) bool {
	for fixed := t.Fixed; len(fixed) >= tagSize; fixed = fixed[tagSize:] {
		if uint32(fixed[0])<<24|uint32(fixed[1])<<16|uint32(fixed[2])<<8|uint32(fixed[3]) == tag {
			return true
		}
	}
	return false
}

// Known reports whether the tags say all of a job.
func (t *Tags) Known() bool { return t.State != TagState{} && t.Fixed != "" }

// A TaggedJob is a job with its tags.
type TaggedJob struct {
	ID string
	Tags
}

// A TagReader is a log that keeps tags. A daemon's client is none: the daemon lists jobs
// itself.
type TagReader interface {
	// Tagged calls use with all jobs, each valid until the next one, and with what reads
	// the log as of the same moment. found is false, and use is not called, if the log has
	// no tags, as an old ledger.
	Tagged(ctx context.Context, use func(EventReader, iter.Seq[*TaggedJob]) error) (found bool, err error)
}
