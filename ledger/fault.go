package ledger

import (
	"context"
	"errors"
	"io/fs"
	"syscall"
)

// A Fault says, for programs, what kind of error an error is. Errors carry it
// themselves, in a method Fault; FaultOf finds it.
type Fault struct {
	Code      string // stable, one for each kind of error
	Category  Category
	Retryable bool // the same request may succeed later
}

// A Category is the kind of failure of a Fault. Exit codes and HTTP statuses
// follow from it.
type Category string

// The categories. They are stable.
const (
	CategoryInvalid      Category = "invalid_input"
	CategoryPolicy       Category = "policy_blocked"
	CategoryApproval     Category = "approval_required"
	CategoryRegress      Category = "regress_failed"
	CategoryVerification Category = "verification_failed"
	CategoryDependency   Category = "dependency_missing"
	CategoryUnsafe       Category = "unsafe_operation"
	CategoryConflict     Category = "state_conflict"
	CategoryContention   Category = "state_contention"
	CategoryUnknown      Category = "outcome_unknown"
	CategoryIO           Category = "io_failure"
	CategoryInternal     Category = "internal_failure"
)

// Faults of errors from outside this module, and of mistakes in the module.
var (
	// FaultInternal is the fault of an error that carries none: a mistake in the program.
	FaultInternal = Fault{Code: "internal_failure", Category: CategoryInternal}

	faultDeadline    = Fault{Code: "deadline_exceeded", Category: CategoryContention, Retryable: true}
	faultInterrupted = Fault{Code: "interrupted", Category: CategoryIO, Retryable: true}
	faultIO          = Fault{Code: "io_failure", Category: CategoryIO}
)

// Faulty is an error that carries its Fault.
type Faulty interface {
	error
	Fault() Fault
}

// NewError returns an error with the given text that carries f, to be compared
// with errors.Is. Each call returns a different error, as errors.New does.
func NewError(text string, f Fault) error { return &sentinel{text: text, fault: f} }

// A sentinel is an error that is compared with errors.Is.
type sentinel struct {
	text  string
	fault Fault
	err   error // what it wraps, if anything
	rank  rank
}

func (s *sentinel) Error() string { return s.text }

// Fault returns the error's fault.
func (s *sentinel) Fault() Fault { return s.fault }

// Unwrap returns what the error wraps.
func (s *sentinel) Unwrap() error { return s.err }

// FaultOf returns the fault of err: that of the first error in its tree, in the
// order of errors.Is, that carries one. Two rules come before that order:
//
//   - ErrOutcomeUnknown counts wherever it is, since the caller has to act on it.
//   - The errors of this package about bytes are general: every other error says
//     more exactly what is wrong. They count if there is no other, in this order:
//     ErrUnsupportedVersion, *CorruptError, ErrUnverified, *PolicyError,
//     *FieldError, ErrWeakKey, ErrMalformed.
//
// If no error in the tree carries a fault, FaultOf returns that of an expired or
// canceled context, or of the operating system. If err is none of these either,
// it returns FaultInternal and false.
func FaultOf(err error) (Fault, bool) {
	if found := mostExact(err); found != nil {
		return found.Fault(), true
	}
	_, path := errors.AsType[*fs.PathError](err)
	_, errno := errors.AsType[syscall.Errno](err)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return faultDeadline, true
	case errors.Is(err, context.Canceled):
		return faultInterrupted, true
	case path || errno:
		return faultIO, true
	}
	return FaultInternal, false
}

// mostExact returns the error of the lowest rank in the tree, or nil. It walks
// the tree itself: errors.As would return the first one, not the lowest.
func mostExact(err error) Faulty {
	best, _ := err.(Faulty) //nolint:errorlint // this node of the tree alone
	consider := func(inner error) {
		if found := mostExact(inner); found != nil && (best == nil || rankOf(found) < rankOf(best)) {
			best = found
		}
	}
	switch e := err.(type) { //nolint:errorlint // how this node wraps others
	case interface{ Unwrap() error }:
		consider(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, inner := range e.Unwrap() {
			consider(inner)
		}
	}
	return best
}

// A rank is an error's place in the order in which FaultOf chooses.
type rank int

const (
	rankUnknown rank = iota - 1 // the outcome
	rankExact
	rankVersion
	rankCorrupt
	rankUnverified
	rankPolicy
	rankField
	rankWeakKey
	rankMalformed
)

func rankOf(e Faulty) rank {
	switch e := e.(type) {
	case *sentinel:
		return e.rank
	case *CorruptError:
		return rankCorrupt
	case *PolicyError:
		return rankPolicy
	case *FieldError:
		return rankField
	}
	return rankExact
}
