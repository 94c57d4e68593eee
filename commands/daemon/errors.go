package daemon

import (
	"errors"
	"net/http"

	"gait/commands"
	"gait/ledger"
	"gait/projection"
)

// An Error is an error that a daemon answered instead of a result.
type Error struct {
	Text    string
	Kind    ledger.Fault
	Details projection.Details // for callers that make their own hint
	Hint    string             // for a caller of the HTTP interface

	unrepeated *commands.UnrepeatedError // what it stands for, if the gate does not give an allow again
}

func (e *Error) Error() string { return e.Text }

// Unwrap returns the *commands.UnrepeatedError that it stands for, if it stands for one.
func (e *Error) Unwrap() error {
	if e.unrepeated == nil {
		return nil
	}
	return e.unrepeated
}

// Fault returns what kind of error the daemon said it is.
func (e *Error) Fault() ledger.Fault { return e.Kind }

// An UnreachableError says that a daemon did not answer. The request was not
// carried out, unless the error also wraps ledger.ErrOutcomeUnknown.
type UnreachableError struct {
	Err  error
	sent bool // some of the request was sent
}

func (e *UnreachableError) Error() string { return "the daemon does not answer: " + e.Err.Error() }

// Fault returns what kind of error it is.
func (*UnreachableError) Fault() ledger.Fault {
	return ledger.Fault{Code: "daemon_unreachable", Category: ledger.CategoryContention, Retryable: true}
}

// Unwrap returns the cause.
func (e *UnreachableError) Unwrap() error { return e.Err }

// ErrOtherVersion says that the daemon is a gait whose views of jobs differ from
// this one's. No request was sent to it.
var ErrOtherVersion = ledger.NewError("the daemon is another version of gait", ledger.Fault{Code: "daemon_version", Category: ledger.CategoryDependency})

// Errors of the server itself.
var (
	// ErrTooLong says that a request's body is longer than the server accepts.
	ErrTooLong = ledger.NewError("the request is too long", ledger.Fault{Code: "request_too_long", Category: ledger.CategoryInvalid})

	// ErrNoRoute says that the interface has no such address.
	ErrNoRoute = ledger.NewError("no such address", ledger.Fault{Code: "unknown_address", Category: ledger.CategoryInvalid})

	// ErrMethod says that the address takes a different method.
	ErrMethod = ledger.NewError("the address takes another method", ledger.Fault{Code: "unknown_address", Category: ledger.CategoryInvalid})
)

// categories maps each category of errors to the status of HTTP and, as "exit", to
// the exit code of a gait command that fails with it.
var categories = map[ledger.Category]struct{ status, exit int }{
	ledger.CategoryInvalid:      {status: http.StatusBadRequest, exit: 6},
	ledger.CategoryPolicy:       {status: http.StatusForbidden, exit: 3},
	ledger.CategoryApproval:     {status: http.StatusForbidden, exit: 4},
	ledger.CategoryRegress:      {status: http.StatusInternalServerError, exit: 5},
	ledger.CategoryVerification: {status: http.StatusInternalServerError, exit: 2},
	ledger.CategoryDependency:   {status: http.StatusServiceUnavailable, exit: 7},
	ledger.CategoryUnsafe:       {status: http.StatusConflict, exit: 8},
	ledger.CategoryConflict:     {status: http.StatusConflict, exit: 1},
	ledger.CategoryContention:   {status: http.StatusServiceUnavailable, exit: 1},
	ledger.CategoryUnknown:      {status: http.StatusInternalServerError, exit: 1},
	ledger.CategoryIO:           {status: http.StatusInternalServerError, exit: 1},
	ledger.CategoryInternal:     {status: http.StatusInternalServerError, exit: 1},
}

// status returns the HTTP status of an error.
func status(err error, f ledger.Fault) int {
	_, refused := errors.AsType[*commands.RefusedError](err)
	switch {
	case errors.Is(err, ErrTooLong):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, ErrToken), errors.Is(err, ErrChallengeOver):
		return http.StatusUnauthorized
	case errors.Is(err, ErrForeign):
		return http.StatusForbidden
	case errors.Is(err, ErrContentType):
		return http.StatusUnsupportedMediaType
	case errors.Is(err, ErrMethod):
		return http.StatusMethodNotAllowed
	case errors.Is(err, ErrNoRoute), errors.Is(err, commands.ErrJobNotFound):
		return http.StatusNotFound
	case errors.Is(err, commands.ErrJobExists):
		return http.StatusConflict
	case refused && f.Category == ledger.CategoryInvalid:
		return http.StatusConflict
	}
	return categories[f.Category].status
}
