package pebble

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/cockroachdb/pebble/v2"

	"gait/ledger"
	"gait/ledger/store"
)

// classify says what an error from Pebble or the file system means. An error
// number of the operating system stays one. Everything else, a missing file
// included, says that the ledger on disk does not hold together.
func classify(doing string, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, pebble.ErrClosed) {
		return fmt.Errorf("%s: %w", doing, store.ErrClosed)
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

// corrupt returns a *ledger.CorruptError, because of err if it is not nil.
func corrupt(err error, format string, args ...any) error {
	return &ledger.CorruptError{Seq: -1, Reason: fmt.Sprintf(format, args...), Err: err}
}
