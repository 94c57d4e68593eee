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

// A Batch is events on their way into a log, which are written all at once or
// not at all. Add plans an event behind those before; Sign ends the batch with
// the checkpoint of the tree; Commit makes it durable. Nothing shows before
// Commit returns. Every batch ends with Commit or Discard. One goroutine at a
// time uses a batch.
//
// An error of Add or Sign says that nothing was written, and the batch is good
// for nothing more. Commit fails with ErrConflict where other events came
// first, and nothing was written, and with ErrOutcomeUnknown.
type Batch interface {
	Add(Entry) error
	Sign() error
	Commit() (Receipt, error) // that of the last event
	Discard()
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

// A JobView is the view of a job that a log is to keep.
type JobView struct {
	ID   string
	View []byte
}

// A Cosigned is the newest checkpoint of a log that a witness is known to have
// cosigned.
type Cosigned struct {
	Checkpoint
	Cosignature
	Signed []byte // the note, with the ledger's signatures and this one
}
