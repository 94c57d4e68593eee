package root

import (
	"fmt"
	"time"

	"gait/ledger"
)

// Opening.
var (
	// ErrNoLedger says that no ledger was ever completed in the root, or that
	// the last one was retired.
	ErrNoLedger = ledger.NewError("no ledger here", ledger.Fault{Code: "ledger_not_found", Category: ledger.CategoryInvalid})

	// ErrTooManyRotations says that a ledger's key was rotated as often as it
	// can be.
	ErrTooManyRotations = ledger.NewError(fmt.Sprintf("the key was rotated %d times, which is the most", ledger.MaxRotations), ledger.Fault{Code: "too_many_rotations", Category: ledger.CategoryUnsafe})

	// ErrLedgerMissing says that a ledger was completed in the root and is no
	// longer there.
	ErrLedgerMissing = ledger.NewError("the ledger is missing", ledger.Fault{Code: "ledger_missing", Category: ledger.CategoryVerification})
)

// A LockedError says that another process kept the root open for longer than the
// caller was willing to wait.
type LockedError struct {
	Path   string        // of the lock file
	PID    int           // of the holder; 0 if the file does not say
	Doing  string        // what the holder does, if it takes long
	Waited time.Duration // how long the caller waited
	Reader bool          // the caller can only read the lock file: a daemon there does not answer it
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("%s is held by %s; waited %s", e.Path, e.holder(), e.Waited)
}

// holder says which process holds the lock, and what it does if it says so.
func (e *LockedError) holder() string {
	holder := "another process"
	if e.PID > 0 {
		holder = fmt.Sprintf("process %d", e.PID)
	}
	if e.Doing != "" {
		holder += ", which is " + e.Doing
	}
	return holder
}

// Fault returns what kind of error it is.
func (*LockedError) Fault() ledger.Fault {
	return ledger.Fault{Code: "state_contention", Category: ledger.CategoryContention, Retryable: true}
}

// A ChangedError says that another process wrote a ledger while this one read it,
// and that they have no lock in common: this one cannot write there, or the other
// uses the directory on another machine or by another mount. What was read before the
// error is right.
type ChangedError struct {
	Dir string // of the ledger
	Why string // what was found; "" if it changed each time that it was opened
}

func (e *ChangedError) Error() string {
	s := e.Dir + " was written by another process while it was read"
	if e.Why != "" {
		s += ": " + e.Why
	}
	return s
}

// Fault returns what kind of error it is.
func (*ChangedError) Fault() ledger.Fault {
	return ledger.Fault{Code: "ledger_changed", Category: ledger.CategoryContention, Retryable: true}
}

// A SwappedError says that a ledger is signed by a different key than the one
// expected.
type SwappedError struct {
	Dir  string             // of the ledger
	By   string             // the file that names Want
	Want ledger.VerifierKey // the key expected
	Got  ledger.VerifierKey // the key that the ledger names in event 0

	// Moved says that nothing in the root names Want: the user may have put another root
	// in its place.
	Moved bool
}

func (e *SwappedError) Error() string {
	return fmt.Sprintf("another ledger is in %s: %s names %s, the ledger is %s", e.Dir, e.By, e.Want, e.Got)
}

// Fault returns what kind of error it is.
func (*SwappedError) Fault() ledger.Fault {
	return ledger.Fault{Code: "ledger_swapped", Category: ledger.CategoryVerification}
}

// A RetiredError says that a ledger was retired: nothing may be signed under its
// origin again.
type RetiredError struct {
	Origin string
	Dir    string // of the ledger that was to be written

	// Root is another root than that of Dir, in which the ledger was retired. It is "" if
	// there is none.
	Root      string
	Successor ledger.VerifierKey // the key of the ledger that continues its jobs there; zero if none does
}

func (e *RetiredError) Error() string {
	return fmt.Sprintf("the ledger %s was retired; nothing may be written to %s", e.Origin, e.Dir)
}

// Fault returns what kind of error it is.
func (*RetiredError) Fault() ledger.Fault {
	return ledger.Fault{Code: "ledger_retired", Category: ledger.CategoryUnsafe}
}

// A NetworkFSError says that a directory is on a file system whose locks and
// syncs cannot be relied on.
type NetworkFSError struct {
	Path string
	FS   string // the file system's name
}

func (e *NetworkFSError) Error() string {
	return fmt.Sprintf("%s is on a network file system (%s)", e.Path, e.FS)
}

// Fault returns what kind of error it is.
func (*NetworkFSError) Fault() ledger.Fault {
	return ledger.Fault{Code: "network_filesystem", Category: ledger.CategoryUnsafe}
}

func corrupt(format string, args ...any) error {
	return &ledger.CorruptError{Seq: -1, Reason: fmt.Sprintf(format, args...)}
}
