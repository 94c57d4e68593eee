package commands

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"gait/ledger"
	"gait/projection"
)

// A Log is the ledger that an Engine works on: what it reads of one, and the
// Begin of a ledger.Writer.
type Log interface {
	ledger.HeadReader
	ledger.EventReader
	ledger.IndexReader
	Begin(ctx context.Context, at ledger.Head) (ledger.Batch, error)

	// LoadUnproved returns a job, and whether there is such a job, although the
	// log's index is not proved. It has read all events behind the job's end, and
	// fails with an *ledger.IndexError if one of them is the job's.
	LoadUnproved(ctx context.Context, job string) (ledger.JobEntry, bool, error)
}

// An Engine carries commands out, for any number of goroutines. Log, Now and
// Entropy are required. It must not be copied once it is in use. It needs no
// closing; the log may be closed after Drain.
//
// Commands that wait at the same time are written together: they are decided in
// order, each on the state that the one before it left, and written as a batch
// with one signature and one sync. While one batch syncs, the next one is made.
// Each caller is answered when its event is durable. Two engines may work on one
// log: each decides again if the other one wrote first, which is slow.
type Engine struct {
	Log     Log
	Now     func() time.Time
	Entropy io.Reader // for event ids and the ids of jobs; read by one goroutine at a time

	// MaxWaiting is how many requests may wait for a batch; past it Do fails
	// with ErrBusy. 0 stands for DefaultMaxWaiting; below 0 none may.
	MaxWaiting int

	// Inherited yields the request ids of ledgers before that event 0 names. A dry run of
	// CommitIndex may need them. It may be nil.
	Inherited ledger.Inherited

	// Content keeps what events name by digest. It may be nil: then nothing is asked about
	// it.
	Content Content

	mu      sync.Mutex
	waiting []*call
	running bool           // the sequencer runs
	arrived chan struct{}  // wakes the sequencer when a call is enqueued
	work    sync.WaitGroup // the sequencer, and the commits under way

	// Only the sequencer uses these.
	flight     *batch // the last batch that was sent to the disk, durable by now or not
	known      known
	recentSize int // the size of recent batches: max(calls, previous/2)
	policies   policies
}

// DefaultMaxWaiting is how many requests may wait if MaxWaiting is 0.
const DefaultMaxWaiting = 4096

// attempts is how often the engine decides a call when other writers append first.
const attempts = 64

// A Result is what a command led to.
type Result struct {
	Job      projection.Job // after it
	Event    ledger.Event   // what was written; in a dry run what would be
	Receipt  ledger.Receipt // zero in a dry run
	Replayed bool           // nothing was written: this is what the request id led to before, or what the command would write again
	Repeated bool           // the same refusal or block came just before: it was not written again
	Gate     *GateAnswer    // of a GateEval: what its event does not hold; see AnswerOf
}

// Do carries a request out: one command, one event. A refusal is returned as a
// *RefusedError, with the receipt of its event, or as an *UnrecordedError if there is none.
// Other errors: *InvalidError,
// *authority.Denial, ErrJobNotFound, ErrJobExists, *RevisionError, *RequestIDError,
// *UsedError, *UnrepeatedError, *ledger.ClockError, *ledger.RequestUsedError, ErrContention, ErrBusy, ledger.ErrOutcomeUnknown, and those
// of the log.
//
// The signatures of a signed request are verified in the goroutine of the caller. A signed
// request is carried out once: the event that it leads to, a refusal too, uses its request id
// up. Asked again, Do answers with that event, and writes nothing.
//
// If the context ends while the request still waits, the request is not carried
// out, and Do fails with the context's error. If it ends later, Do fails with
// ledger.ErrOutcomeUnknown, which wraps the context's error too.
func (e *Engine) Do(ctx context.Context, r Request) (Result, error) {
	if err := r.Check(); err != nil {
		return Result{}, err
	}
	c := &call{ctx: ctx, request: r, done: make(chan struct{})}
	if r.RequestID != "" {
		var err error
		if c.digest, err = r.digest(); err != nil {
			return Result{}, err
		}
	}
	var err error
	if c.signature, err = r.verify(e.Log.Origin()); err != nil {
		return Result{}, err
	}
	c.read = e.readIntent(r)
	if err := e.enqueue(c); err != nil {
		return Result{}, err
	}
	select {
	case <-c.done:
	case <-ctx.Done():
		if e.withdraw(c) {
			return Result{}, ctx.Err()
		}
		select {
		case <-c.done:
		default:
			return Result{}, fmt.Errorf("%w: %w", ledger.ErrOutcomeUnknown, ctx.Err())
		}
	}
	return c.outcome()
}

// Drain returns when the engine does nothing any more, not even for a caller
// whose context has ended. After it the log may be closed, if Do is not called
// again.
func (e *Engine) Drain() { e.work.Wait() }

func (e *Engine) newID(at time.Time) (string, error) {
	return ledger.NewULID(at, e.Entropy)
}
