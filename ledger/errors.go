package ledger

import (
	"errors"
	"fmt"
)

// Reading bytes.
var (
	// ErrMalformed is wrapped by every error about bytes that are not in a
	// form this package specifies.
	ErrMalformed = errors.New("malformed")

	// ErrUnsupportedVersion is wrapped where bytes say that they were written
	// in a format version this package does not know.
	ErrUnsupportedVersion = errors.New("unsupported version")

	// ErrUnverified is wrapped where a note, proof or signature does not hold
	// under the keys given.
	ErrUnverified = errors.New("not verified")
)

// A FieldError says which field of an event breaks which rule. It wraps ErrMalformed.
type FieldError struct {
	Field   string // the field's name, as in the event
	Problem string // what is wrong with it
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Problem }

// Unwrap returns ErrMalformed.
func (e *FieldError) Unwrap() error { return ErrMalformed }

// A CorruptError says that stored history does not hold together: bytes,
// links, hashes or signatures that contradict each other.
type CorruptError struct {
	Seq    Seq    // the event where it shows; -1 where no single event does
	Reason string // what was expected and what was found
	Err    error  // the cause, if another error is
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

// Unwrap returns the cause.
func (e *CorruptError) Unwrap() error { return e.Err }

// Refute returns err as one about history that somebody else gave: where that does
// not hold together, or an event is not in its form, err wraps ErrUnverified, since
// no ledger of the caller's is corrupt, and no argument of theirs is wrong.
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
