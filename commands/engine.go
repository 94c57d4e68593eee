package commands

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"gait/ledger"
	"gait/projection"
)

// A Log is the ledger an Engine works on. Begin begins a batch behind the head
// given: that of the log, or that of the batch which was signed last and is
// being committed. It fails with ledger.ErrConflict where it is neither.
type Log interface {
	projection.Log
	Origin() string
	Head() ledger.Head
	Event(ledger.Seq) (ledger.Event, error)
	Request(id string) (ledger.Seq, bool, error)
	Begin(at ledger.Head) (ledger.Batch, error)
}

// An Engine carries commands out, for any number of goroutines. Log, Now and
// Entropy are required. It must not be copied once it is in use. It needs no
// closing; the log may be closed when all calls of Do have returned.
//
// Commands that come together are written together: what waits when a batch is
// begun is decided in order, each command on what the one before it left, and
// written with one signature and one sync. While that syncs, the next batch is
// made. Each caller is answered when its event is durable. Two engines may work
// on one log: they decide again where the other one was faster, which is slow.
type Engine struct {
	Log     Log
	Now     func() time.Time
	Entropy io.Reader // for event ids and the ids of jobs; read by one goroutine at a time

	// MaxWaiting is how many requests may wait for a batch; past it Do fails
	// with ErrBusy. 0 stands for DefaultMaxWaiting; below 0 none may.
	MaxWaiting int

	mu      sync.Mutex
	waiting []*call
	running bool          // the sequencer is
	arrived chan struct{} // tells the sequencer that something waits

	// Of the sequencer alone.
	flight *batch // the last batch on its way to the disk, durable by now or not
	known  known
	crowd  int // calls in a batch, of late; a batch counts half as much as the one after it
}

// DefaultMaxWaiting is how many requests may wait where MaxWaiting is 0.
const DefaultMaxWaiting = 4096

// attempts is how often the engine decides again where the ledger has moved on.
const attempts = 64

// A Result is what a command led to.
type Result struct {
	Job      projection.Job // after it
	Event    ledger.Event   // what was written; in a dry run what would be
	Receipt  ledger.Receipt // zero in a dry run
	Replayed bool           // the request id was seen before: this is what it led to then
	Repeated bool           // the same refusal came just before: it was not written again
}

// Do carries a request out: one command, one event. A refusal is returned as a
// *RefusedError, with the receipt of its event. Other errors: *InvalidError,
// ErrJobNotFound, ErrJobExists, *RevisionError, *RequestIDError, ErrContention,
// ErrBusy, ledger.ErrOutcomeUnknown, and those of the log.
//
// Where the context ends while the request still waits, the request is not
// carried out, and Do fails with the context's error. Where it ends later, Do
// fails with ledger.ErrOutcomeUnknown, which wraps the context's error too.
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
	if err := e.enter(c); err != nil {
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

func (e *Engine) newID(at time.Time) (string, error) {
	id, err := ulid.New(ulid.Timestamp(at), e.Entropy)
	if err != nil {
		return "", fmt.Errorf("making an id: %w", err)
	}
	return id.String(), nil
}
