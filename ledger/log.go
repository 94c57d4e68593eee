package ledger

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"

	"gait/ledger/mpt"
)

// A HeadReader says where a log ends and who signs it. None of its methods
// does I/O.
type HeadReader interface {
	Origin() string // the ledger's name
	Keys() Keyring  // that have signed it
	Head() Head
	Imported() bool // the log is a copy, to which nothing is appended

	// Checkpoint returns the newest checkpoint and its signed note, which the
	// caller must not change.
	Checkpoint() (Checkpoint, []byte)

	// Changed returns a channel that is closed when the log gets more events
	// than it has now, or is closed. A caller that asks for the channel before
	// it reads misses nothing. It is nil if the log never grows while it is open.
	Changed() <-chan struct{}
}

// An EventReader reads events, and finds them by job and by request id. What it
// shows is durable. Ranges may be ranged over more than once.
type EventReader interface {
	// Load returns what the log holds under the ids of jobs, of requests and of calls,
	// all as of one moment.
	Load(ctx context.Context, jobs, requests []string, calls ...CallID) (Records, error)

	Event(context.Context, Seq) (Event, error)

	// Events returns the events from a sequence number on, up to the log's end
	// when the range begins.
	Events(ctx context.Context, from Seq) Events

	// JobEvents returns the events of a job from a job_seq on (1 is the first),
	// up to the job's end when the range begins; none if there is no such job.
	JobEvents(ctx context.Context, job string, from int64) Events

	// AuthorityEvents returns all authority events, oldest first, up to the log's end
	// when the range begins. There are few, and finding them reads little else.
	AuthorityEvents(context.Context) Events

	// Jobs returns the jobs whose id is greater than after, in the order of the
	// ids' bytes.
	Jobs(ctx context.Context, after string) iter.Seq2[JobEntry, error]
}

// A ProofReader proves what a log contains, and what it contained at a smaller size.
type ProofReader interface {
	// ProofIn returns the proof that an event is in the tree of a signed
	// checkpoint of the log.
	ProofIn(ctx context.Context, signed []byte, seq Seq) (Proof, error)

	// ConsistencyIn returns the proof that the tree of size old is a prefix of
	// the tree of a signed checkpoint of the log.
	ConsistencyIn(ctx context.Context, signed []byte, old int64) ([]Hash, error)

	// RootAt returns the root that the tree had at a size.
	RootAt(ctx context.Context, size int64) (Hash, error)

	// File returns a file of the log as C2SP tlog-tiles lays it out.
	File(context.Context, TileName) ([]byte, error)

	// Rotations returns the rotations of the ledger's key, in order.
	Rotations(context.Context) ([]Rotation, error)

	// Cosigned returns what Keep has kept, in the order of the witnesses' keys.
	Cosigned(context.Context) ([]CosignedCheckpoint, error)
}

// An IndexReader proves what a log says of jobs and of request ids.
type IndexReader interface {
	// Index says whether what the log finds by the id of a job or of a request is
	// proved. It does no I/O.
	Index() IndexState

	// IndexAt returns the root that the index had when the log had size events, and
	// the proof of each key in it. It fails with an *IndexTooOldError if more than
	// MaxIndexUndo events follow, and with an *IndexError if the index is not proved.
	IndexAt(ctx context.Context, size int64, keys ...mpt.Key) (root Hash, proofs []mpt.Proof, err error)

	// Committed returns the newest index_committed event, and whether there is one.
	Committed(context.Context) (Event, bool, error)
}

// A Writer changes a log.
type Writer interface {
	// Begin begins a batch after a head: that of the log, or the end of the
	// batch that was signed last and is being committed. It fails with
	// ErrConflict if the head is neither.
	Begin(ctx context.Context, at Head) (Batch, error)

	// Keep keeps a witness's cosignature of a checkpoint of the log. It fails
	// with ErrUnverified if the checkpoint is not the log's, or if the witness
	// did not cosign it.
	Keep(ctx context.Context, signed []byte, c Cosignature) error

	// ReplaceViews discards all cached views and keeps those given.
	ReplaceViews(context.Context, iter.Seq2[JobView, error]) error

	// Rebuild verifies all events, and writes again what follows from them and
	// differs: the index, heads of jobs, and rows that were lost. Views are left alone.
	// It fails with a *CorruptError if the events contradict each other. progress may
	// be nil, and an error of it ends the work.
	Rebuild(ctx context.Context, progress func(done, total int64) error) (Rebuilt, error)

	// Verify reads the whole log again and checks it. It passes each event to
	// use, in order, once it is known to follow those before it; the caller may
	// rely on them only if Verify succeeds. It calls progress now and then, and
	// at the end. Either may be nil, and an error of either ends the
	// work. Verify fails with a *CorruptError if the log contradicts itself.
	Verify(ctx context.Context, use func(Event) error, progress func(done, total int64) error) error
}

// A Reader is everything that can be read of a log.
type Reader interface {
	HeadReader
	EventReader
	ProofReader
	IndexReader
}

// A Log is a ledger to read and to write.
type Log interface {
	Reader
	Writer
}

// Records are what a log holds under the ids of jobs, of requests and of calls. An id
// that is not in a map is not in the log.
type Records struct {
	Jobs     map[string]JobEntry
	Requests map[string]Event // the event that used the request id
	Calls    map[CallID]Event // the newest event about the call: see CallOf. Event 0 if a ledger before knew the call
}

// A CallID names a call of a tool: a job, and the id that its worker gave the call.
type CallID struct{ Job, Call string }

// FindJob returns where a job ends, and whether there is such a job.
func FindJob(ctx context.Context, log EventReader, job string) (JobHead, bool, error) {
	found, err := log.Load(ctx, []string{job}, nil)
	if err != nil {
		return JobHead{}, false, err
	}
	entry, ok := found.Jobs[job]
	return entry.Head, ok, nil
}

// MovedAway returns where the ledger of a log goes on, or nil if it goes on here.
func MovedAway(ctx context.Context, log Reader) (*Move, error) {
	last, err := log.Event(ctx, Seq(log.Head().Size-1))
	if err != nil {
		return nil, err
	}
	return log.Keys().Moved(last)
}

// NewestProof returns the proof that an event is in the tree of a log's newest
// checkpoint.
func NewestProof(ctx context.Context, log Reader, seq Seq) (Proof, error) {
	_, signed := log.Checkpoint()
	return log.ProofIn(ctx, signed, seq)
}

// NewestCosigned returns the newest checkpoint that any witness has cosigned, as
// a note with the cosignatures of all witnesses that have. It returns nil if there
// is none.
func NewestCosigned(ctx context.Context, log ProofReader) ([]byte, error) {
	all, err := log.Cosigned(ctx)
	if err != nil || len(all) == 0 {
		return nil, err
	}
	newest := slices.MaxFunc(all, func(x, y CosignedCheckpoint) int { return cmp.Compare(x.Size, y.Size) })
	note := bytes.TrimSuffix(newest.Signed, []byte(newest.Line()))
	var by []Cosignature
	for _, c := range all {
		if c.Size == newest.Size {
			by = append(by, c.Cosignature)
		}
	}
	return Cosign(note, by...)
}

// An Entry is what a log appends: a sealed event and, for an event of a job,
// the job's view after it, opaque to the log, and its tags.
type Entry struct {
	Event Event
	View  []byte
	Tags  Tags
}

// A Receipt is what a write returns about the last event it appended.
type Receipt struct {
	Seq        Seq    `json:"seq"`
	Leaf       Hash   `json:"leaf_hash"`
	Revision   int64  `json:"revision"`  // of the job, if it is an event of a job
	TreeSize   int64  `json:"tree_size"` // size of the signed tree that first holds the event
	Checkpoint []byte `json:"-"`         // that tree's signed checkpoint, a signed note
}

// A Batch is a group of events that is written to a log whole or not at all. Add
// plans an event after those before; Sign ends the batch with the signed
// checkpoint of the tree; Commit makes it durable. Readers see nothing of it
// before Commit returns. Every batch ends with Commit or Discard. One goroutine
// at a time uses a batch.
//
// After an error of Add or Sign nothing is written, and the batch can only be
// discarded. Commit fails with ErrConflict, and writes nothing, if other events
// came first. It fails with ErrOutcomeUnknown if it cannot tell whether it wrote.
// It fails with the context's error if the context ends before it begins to
// write. It does not stop in the middle: bytes already sent to the disk may be
// there whatever error Commit returned.
type Batch interface {
	Add(context.Context, Entry) error
	IndexRoot(context.Context) (Hash, error) // of the index after the events added so far
	Sign(context.Context) error
	Commit(context.Context) (Receipt, error) // that of the last event
	Discard()
}

// Appending to a log.
var (
	// ErrConflict says that the log's head is not the one the caller saw.
	// Nothing was written: read again, decide again.
	ErrConflict = errors.New("the ledger has moved on")

	// ErrOutcomeUnknown says that the log cannot tell whether the events were
	// written. A retry with the same request id settles it.
	ErrOutcomeUnknown error = &sentinel{
		text: "it is not known whether the event was written", rank: rankUnknown,
		fault: Fault{Code: "outcome_unknown", Category: CategoryUnknown, Retryable: true},
	}
)

// A JobEntry is a job as a log lists it.
type JobEntry struct {
	ID   string
	Head JobHead
	View []byte // opaque to the log; nil if it keeps none
}

// A JobView is the view of a job that a log is to keep.
type JobView struct {
	ID   string
	View []byte
}

// MaxCosigned is how many witnesses' cosignatures a log keeps: as many as fit under one
// checkpoint in addition to the signatures of two keys of the ledger.
const MaxCosigned = MaxSignatures - 2

// A CosignedCheckpoint is the newest checkpoint of a log that one witness has cosigned, as
// far as the log knows.
type CosignedCheckpoint struct {
	Checkpoint
	Cosignature
	Signed []byte // the note, with the ledger's signatures and this cosignature
}
