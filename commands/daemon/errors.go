package daemon

import (
	"errors"
	"net/http"

	"gait/commands"
)

// A Failure is how an error is reported: what a program branches on, and what a
// person does next.
type Failure struct {
	Code, Category string
	Exit           int // the exit code of a command that fails with it
	Retryable      bool
	Hint           string
}

// An Error is what a daemon answered instead of a result, in its own words.
type Error struct {
	Failure
	Text string
}

func (e *Error) Error() string { return e.Text }

// An UnreachableError says that a daemon did not answer. What was asked for was
// not carried out, unless the error wraps ledger.ErrOutcomeUnknown too.
type UnreachableError struct {
	Err  error
	sent bool // some of what was asked
}

func (e *UnreachableError) Error() string { return "the daemon does not answer: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *UnreachableError) Unwrap() error { return e.Err }

// ErrOtherVersion says that the daemon is a gait that shows jobs otherwise.
// Nothing was asked of it.
var ErrOtherVersion = errors.New("the daemon is another version of gait")

// Errors of the server's own.
var (
	// ErrTooLong says that a request's body is longer than any that is taken.
	ErrTooLong = errors.New("the request is too long")

	// ErrNoRoute says that the interface has no such address.
	ErrNoRoute = errors.New("no such address")

	// ErrMethod says that the address takes another method.
	ErrMethod = errors.New("the address takes another method")
)

// statuses are those of HTTP by the category of an error.
var statuses = map[string]int{
	"invalid_input":       http.StatusBadRequest,
	"policy_blocked":      http.StatusForbidden,
	"approval_required":   http.StatusForbidden,
	"unsafe_operation":    http.StatusConflict,
	"state_conflict":      http.StatusConflict,
	"state_contention":    http.StatusServiceUnavailable,
	"dependency_missing":  http.StatusServiceUnavailable,
	"outcome_unknown":     http.StatusInternalServerError,
	"io_failure":          http.StatusInternalServerError,
	"verification_failed": http.StatusInternalServerError,
}

// status returns the HTTP status of an error.
func status(err error, f Failure) int {
	_, refused := errors.AsType[*commands.RefusedError](err)
	switch {
	case errors.Is(err, ErrTooLong):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, ErrToken):
		return http.StatusUnauthorized
	case errors.Is(err, ErrForeign):
		return http.StatusForbidden
	case errors.Is(err, ErrMethod):
		return http.StatusMethodNotAllowed
	case errors.Is(err, ErrNoRoute), errors.Is(err, commands.ErrJobNotFound):
		return http.StatusNotFound
	case errors.Is(err, commands.ErrJobExists):
		return http.StatusConflict
	case refused && f.Category == "invalid_input":
		return http.StatusConflict
	}
	if code, ok := statuses[f.Category]; ok {
		return code
	}
	return http.StatusInternalServerError
}
