package store

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/cockroachdb/pebble/v2"

	"gait/ledger"
)

// Opening and creating.
var (
	// ErrNotFound says that there is no directory to open.
	ErrNotFound = errors.New("no ledger there")

	// ErrExists says that Create found something in its place.
	ErrExists = errors.New("something is there already")
)

// Writing.
var (
	// ErrNoSigner says that the log was opened without a key to sign with.
	ErrNoSigner = errors.New("no signing key")

	// ErrImported says that the log is a copy of one that is written elsewhere.
	ErrImported = errors.New("an imported ledger is never written")

	// ErrReadOnly says that the log was opened read-only.
	ErrReadOnly = errors.New("opened read-only")

	// ErrClosed says that the log was closed, or has stopped after a failed write.
	ErrClosed = errors.New("the log is closed")
)

// classify says what an error from Pebble or the file system means. An error
// number of the operating system stays one. Everything else, a missing file
// included, says that the ledger on disk does not hold together.
func classify(doing string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, pebble.ErrClosed) {
		return fmt.Errorf("%s: %w", doing, ErrClosed)
	}
	_, named := errors.AsType[*ledger.CorruptError](err)
	if named || errors.Is(err, ledger.ErrUnsupportedVersion) || isIO(err) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return &ledger.CorruptError{Seq: -1, Reason: doing, Err: err}
}

// isIO reports whether err is the operating system's. A file that is missing
// is not: Pebble asks only for files that it knows must be there.
func isIO(err error) bool {
	if pebble.IsCorruptionError(err) || errors.Is(err, fs.ErrNotExist) {
		return false
	}
	_, errno := errors.AsType[syscall.Errno](err)
	return errno || errors.Is(err, fs.ErrPermission)
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
