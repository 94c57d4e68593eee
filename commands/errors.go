package commands

import (
	"errors"
	"fmt"

	"gait/ledger"
	"gait/projection"
)

// Before anything is decided.
var (
	// ErrJobNotFound says that the ledger has no job of that id.
	ErrJobNotFound = errors.New("no such job")

	// ErrJobExists says that the ledger has a job of that id already.
	ErrJobExists = errors.New("the job exists already")

	// ErrContention says that other writers were faster every time.
	ErrContention = errors.New("other writers were faster each time")

	// ErrBusy says that too many requests wait already. Nothing was decided.
	ErrBusy = errors.New("too many requests wait already")
)

// An InvalidError says that a command is not well formed. It wraps the cause.
type InvalidError struct{ Err error }

func (e *InvalidError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *InvalidError) Unwrap() error { return e.Err }

// A TooLargeError says that a job has too much history to be imported: it has
// to fit into one event.
type TooLargeError struct {
	Size, Most int // bytes
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("the job's history takes %d bytes, and an import has room for %d", e.Size, e.Most)
}

// A RevisionError says that the job is not at the revision the caller named.
type RevisionError struct {
	JobID       string
	Want, Found int64
}

func (e *RevisionError) Error() string {
	return fmt.Sprintf("job %s is at revision %d, not %d", e.JobID, e.Found, e.Want)
}

// A RequestIDError says that a request id was used before, for something else.
type RequestIDError struct {
	RequestID string
	Seq       ledger.Seq // of the event that holds it
}

func (e *RequestIDError) Error() string {
	return fmt.Sprintf("request id %s belongs to another command, event %d", e.RequestID, e.Seq)
}

// A RefusedError is a refusal that is on the ledger.
type RefusedError struct {
	Refusal *projection.Refusal
	Result  Result // the receipt is that of the refused event
}

func (e *RefusedError) Error() string { return e.Refusal.Reason }

// Unwrap returns the refusal.
func (e *RefusedError) Unwrap() error { return e.Refusal }
