package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"gait/ledger"
)

// Opening and creating.
var (
	// ErrNotFound says that there is nothing to open.
	ErrNotFound = errors.New("no ledger there")

	// ErrExists says that there is something already where a ledger was to be
	// created or a row inserted.
	ErrExists = errors.New("something is there already")

	// ErrOldFormat says that an old ledger has no index or no tags yet, and was to be opened
	// as it is.
	ErrOldFormat = errors.New("it has no index or no tags yet")
)

// Writing.
var (
	// ErrNoSigner says that the log was opened without a key to sign with.
	ErrNoSigner = errors.New("no signing key")

	// ErrImported says that the log is a copy of one that is written elsewhere.
	ErrImported = errors.New("an imported ledger is never written")

	// ErrReadOnly says that the log or its table was opened read-only.
	ErrReadOnly = errors.New("opened read-only")

	// ErrClosed says that the log or its table was closed, or has stopped after a
	// failed write.
	ErrClosed = errors.New("the log is closed")
)

// isIO reports whether err says that something could not be read, and nothing
// about what is stored: it comes from the operating system or the context, or says
// that the table cannot be reached. An error number inside a *ledger.CorruptError is
// about a file that must exist and does not: that is damage.
func isIO(err error) bool {
	if _, corrupt := errors.AsType[*ledger.CorruptError](err); corrupt {
		return false
	}
	_, errno := errors.AsType[syscall.Errno](err)
	return errno || errors.Is(err, fs.ErrPermission) || errors.Is(err, ErrUnavailable) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// corrupt returns a *ledger.CorruptError about event seq, or -1.
func corrupt(seq ledger.Seq, format string, args ...any) error {
	return &ledger.CorruptError{Seq: seq, Reason: fmt.Sprintf(format, args...)}
}

// corruptBy is corrupt with a cause.
func corruptBy(err error, seq ledger.Seq, format string, args ...any) error {
	return &ledger.CorruptError{Seq: seq, Reason: fmt.Sprintf(format, args...), Err: err}
}

func isUnsupported(err error) bool { return errors.Is(err, ledger.ErrUnsupportedVersion) }
