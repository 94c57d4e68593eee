package ledger

import (
	"errors"
	"fmt"
)

// Reading bytes.
var (
	// ErrMalformed is wrapped by every error about bytes that are not in a
	// form this package specifies.
	ErrMalformed error = &sentinel{text: "malformed", rank: rankMalformed, fault: Fault{Code: "malformed", Category: CategoryInvalid}}

	// ErrUnsupportedVersion is wrapped if bytes say that they were written in
	// a format version this package does not know.
	ErrUnsupportedVersion error = &sentinel{
		text: "unsupported version", rank: rankVersion,
		fault: Fault{Code: "unsupported_version", Category: CategoryInvalid},
	}

	// ErrUnverified is wrapped if a note, proof or signature does not verify
	// with the keys given.
	ErrUnverified error = &sentinel{
		text: "not verified", rank: rankUnverified,
		fault: Fault{Code: "not_verified", Category: CategoryVerification},
	}
)

// ErrContentMissing says that content that an event names is not at hand.
var ErrContentMissing = NewError("the content is not there", Fault{Code: "content_missing", Category: CategoryDependency})

// ErrContentSecret says that a job has a content key, and the secret with that key is not at
// hand: the digest of its next content would say nothing of those before.
var ErrContentSecret = NewError("the secret of the job's content is gone, or is another one: equal contents would get other digests than before",
	Fault{Code: "content_secret_missing", Category: CategoryDependency})

// A FieldError says which field of an event breaks which rule. It wraps ErrMalformed.
type FieldError struct {
	Field   string // the field's name, as in the event
	Problem string // what is wrong with it
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Problem }

// Fault names the field in its code: invalid_summary.
func (e *FieldError) Fault() Fault {
	return Fault{Code: "invalid_" + e.Field, Category: CategoryInvalid}
}

// Unwrap returns ErrMalformed.
func (e *FieldError) Unwrap() error { return ErrMalformed }

// A CorruptError says that stored history contradicts itself, in its bytes,
// links, hashes or signatures.
type CorruptError struct {
	Seq    Seq    // the event that shows it; -1 if no single event does
	Reason string // what was expected and what was found
	Err    error  // the cause, or nil
}

func (e *CorruptError) Error() string {
	s := "ledger is corrupt"
	if e.Seq >= 0 {
		s = fmt.Sprintf("event %d is corrupt", e.Seq)
	}
	if e.Reason != "" {
		s += ": " + e.Reason
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Fault returns the fault of corrupt history.
func (e *CorruptError) Fault() Fault {
	return Fault{Code: "ledger_corrupt", Category: CategoryVerification}
}

// Unwrap returns the cause.
func (e *CorruptError) Unwrap() error { return e.Err }

// A MovedError says that nothing can be written to a ledger, since it goes on in another
// place.
type MovedError struct{ Move }

func (e *MovedError) Error() string {
	return fmt.Sprintf("the ledger %s moved to %s at event %d: nothing is written here any more", e.Origin, e.To, e.Seq)
}

// Fault returns what kind of error it is.
func (*MovedError) Fault() Fault { return Fault{Code: "ledger_moved", Category: CategoryUnsafe} }

// Refute returns err as an error about history that another party gave to the
// caller. If err says that the history is corrupt or malformed, the result wraps
// ErrUnverified: the caller's own ledger is not corrupt, and none of its
// arguments is wrong.
func Refute(err error) error {
	_, corrupt := errors.AsType[*CorruptError](err)
	_, field := errors.AsType[*FieldError](err)
	if corrupt || field {
		return fmt.Errorf("%w: %s", ErrUnverified, err.Error())
	}
	return err
}

func corrupt(seq Seq, format string, args ...any) error {
	return &CorruptError{Seq: seq, Reason: fmt.Sprintf(format, args...)}
}
