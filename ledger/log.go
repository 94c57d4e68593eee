package ledger

import "errors"

// An Entry is what a log appends: a sealed event and, for an event of a job,
// the job's view after it, opaque to the log.
type Entry struct {
	Event Event
	View  []byte
}

// A Receipt is what a write returns about the last event it appended.
type Receipt struct {
	Seq        Seq
	Leaf       Hash
	Revision   int64  // of the job, where the event is a job's
	TreeSize   int64  // size of the signed tree that first holds the event
	Checkpoint []byte // that tree's checkpoint, a signed note
}

// Appending to a log.
var (
	// ErrConflict says that the log's head is not the one the caller saw.
	// Nothing was written: read again, decide again.
	ErrConflict = errors.New("the ledger has moved on")

	// ErrOutcomeUnknown says that the log cannot tell whether the events were
	// written. Asking again with the same request id settles it.
	ErrOutcomeUnknown = errors.New("it is not known whether the event was written")
)

// A JobEntry is a job as a log lists it.
type JobEntry struct {
	ID   string
	Head JobHead
	View []byte // opaque to the log; nil where there is none
}
