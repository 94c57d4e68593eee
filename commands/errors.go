package commands

import (
	"errors"
	"fmt"

	"gait/ledger"
	"gait/ledger/authority"
	"gait/projection"
)

// Errors before anything is decided.
var (
	// ErrJobNotFound says that the ledger has no job of that id.
	ErrJobNotFound = projection.ErrJobNotFound

	// ErrJobExists says that the ledger has a job of that id already.
	ErrJobExists = ledger.NewError("the job exists already", ledger.Fault{Code: "job_exists", Category: ledger.CategoryInvalid})

	// ErrContention says that other writers appended first, each time that the engine
	// decided.
	ErrContention = ledger.NewError("other writers were faster each time", ledger.Fault{Code: "state_contention", Category: ledger.CategoryContention, Retryable: true})

	// ErrBusy says that too many requests are waiting. Nothing was decided.
	ErrBusy = ledger.NewError("too many requests wait already", ledger.Fault{Code: "busy", Category: ledger.CategoryContention, Retryable: true})
)

// An InvalidError says that a command is not well formed. It wraps the cause.
type InvalidError struct{ Err error }

func (e *InvalidError) Error() string { return e.Err.Error() }

// Fault returns the cause's, if the cause is a field, the size of an import, or a
// rule for the first event of a job.
func (e *InvalidError) Fault() ledger.Fault {
	if no, ok := errors.AsType[*projection.Refusal](e.Err); ok {
		return no.Fault()
	}
	if large, ok := errors.AsType[*TooLargeError](e.Err); ok {
		return large.Fault()
	}
	if field, ok := errors.AsType[*ledger.FieldError](e.Err); ok {
		return field.Fault()
	}
	return ledger.Fault{Code: "invalid_input", Category: ledger.CategoryInvalid}
}

// Unwrap returns the cause.
func (e *InvalidError) Unwrap() error { return e.Err }

// An EmptyError says that a request names something by an empty text: its caller had
// no value, and must not be understood to mean all, or anything.
type EmptyError struct {
	Name    string // of the field
	Missing bool   // it was not given at all, and has to be
}

func (e *EmptyError) Error() string {
	if e.Missing {
		return e.Name + " is missing"
	}
	return e.Name + " is empty"
}

// Fault returns what kind of error it is.
func (*EmptyError) Fault() ledger.Fault {
	return ledger.Fault{Code: "invalid_usage", Category: ledger.CategoryInvalid}
}

// A TooLargeError says that a job has too much history to be imported. All of it
// has to fit into one event.
type TooLargeError struct {
	Size, Most int // bytes
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("the job's history takes %d bytes, and an import has room for %d", e.Size, e.Most)
}

// Fault returns what kind of error it is.
func (*TooLargeError) Fault() ledger.Fault {
	return ledger.Fault{Code: "import_too_large", Category: ledger.CategoryInvalid}
}

// A RevisionError says that the job is not at the revision the caller named.
type RevisionError struct {
	JobID       string
	Want, Found int64
}

func (e *RevisionError) Error() string {
	return fmt.Sprintf("job %s is at revision %d, not %d", e.JobID, e.Found, e.Want)
}

// Fault returns what kind of error it is.
func (*RevisionError) Fault() ledger.Fault {
	return ledger.Fault{Code: "state_conflict", Category: ledger.CategoryConflict, Retryable: true}
}

// A RequestIDError says that a request id was used before, for something else.
type RequestIDError struct {
	RequestID string
	Seq       ledger.Seq // of the event that holds it
}

func (e *RequestIDError) Error() string {
	return fmt.Sprintf("request id %s belongs to another command, event %d", e.RequestID, e.Seq)
}

// Fault returns what kind of error it is.
func (*RequestIDError) Fault() ledger.Fault {
	return ledger.Fault{Code: "request_id_conflict", Category: ledger.CategoryInvalid}
}

// A RefusedError is a refusal that is on the ledger.
type RefusedError struct {
	Refusal *projection.Refusal
	Result  Result // the receipt is that of the refused event
}

func (e *RefusedError) Error() string { return e.Refusal.Reason }

// Fault returns the refusal's.
func (e *RefusedError) Fault() ledger.Fault { return e.Refusal.Fault() }

// Unwrap returns the refusal.
func (e *RefusedError) Unwrap() error { return e.Refusal }

// An UnrecordedError is a refusal of which there is no event: that of a command whose row is
// Quiet, and which was not signed.
type UnrecordedError struct{ Refusal *projection.Refusal }

func (e *UnrecordedError) Error() string { return e.Refusal.Reason }

// Fault returns the refusal's.
func (e *UnrecordedError) Fault() ledger.Fault { return e.Refusal.Fault() }

// Unwrap returns the refusal.
func (e *UnrecordedError) Unwrap() error { return e.Refusal }

// DetailsOf returns the facts that err carries for a hint: those of a refusal or
// of a *RevisionError in its tree, or none.
func DetailsOf(err error) projection.Details {
	if no, ok := errors.AsType[*projection.Refusal](err); ok {
		return no.Details
	}
	if no, ok := errors.AsType[*authority.Denial](err); ok {
		return denied(no, projection.Details{})
	}
	if other, ok := errors.AsType[*RevisionError](err); ok {
		return projection.Details{JobID: other.JobID}
	}
	if index, ok := errors.AsType[*ledger.IndexError](err); ok {
		_, damaged := errors.AsType[*ledger.CorruptError](index.Err)
		return projection.Details{IndexSigned: index.Signed, IndexDamaged: damaged}
	}
	return projection.Details{}
}
