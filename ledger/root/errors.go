package root

import (
	"errors"
	"fmt"
	"time"

	"gait/ledger"
)

// Opening.
var (
	// ErrNoLedger says that no ledger was ever completed in the root, or that
	// the last one was retired.
	ErrNoLedger = errors.New("no ledger here")

	// ErrTooManyRotations says that a ledger's key was rotated as often as it
	// can be.
	ErrTooManyRotations = fmt.Errorf("the key was rotated %d times, which is the most", ledger.MaxRotations)

	// ErrLedgerMissing says that a ledger was completed in the root and is
	// there no more.
	ErrLedgerMissing = errors.New("the ledger is missing")
)

// A LockedError says that another process kept the root open for as long as the
// caller would wait.
type LockedError struct {
	Path   string        // of the lock file
	PID    int           // of the holder; 0 where the file does not say
	Waited time.Duration // how long it was waited for
}

func (e *LockedError) Error() string {
	holder := "another process"
	if e.PID > 0 {
		holder = fmt.Sprintf("process %d", e.PID)
	}
	return fmt.Sprintf("%s is held by %s; waited %s", e.Path, holder, e.Waited)
}

// A RolledBackError says that the ledger does not hold what it was seen to
// hold: it is older than its outside checkpoint, or another history.
type RolledBackError struct {
	Dir       string            // of the ledger
	Seen      ledger.Checkpoint // the outside checkpoint
	Found     ledger.Checkpoint // the ledger's own
	SeenNote  []byte            // both as signed notes
	FoundNote []byte
}

func (e *RolledBackError) Error() string {
	if e.Found.Size < e.Seen.Size {
		return fmt.Sprintf("the ledger %s in %s was rolled back: %d events were seen, %d are there", e.Seen.Origin, e.Dir, e.Seen.Size, e.Found.Size)
	}
	return fmt.Sprintf("the ledger %s in %s is not the one seen before: its first %d events differ", e.Seen.Origin, e.Dir, e.Seen.Size)
}

// A SwappedError says that a ledger is signed by another key than the one that
// must have signed it.
type SwappedError struct {
	Dir  string             // of the ledger
	By   string             // the file that names Want
	Want ledger.VerifierKey // what must have signed
	Got  ledger.VerifierKey // what the ledger names in event 0
}

func (e *SwappedError) Error() string {
	return fmt.Sprintf("another ledger is in %s: %s names %s, the ledger is %s", e.Dir, e.By, e.Want, e.Got)
}

// A RetiredError says that a ledger was retired: nothing is signed under its
// origin again.
type RetiredError struct {
	Origin string
	Dir    string // of the ledger that was to be written
}

func (e *RetiredError) Error() string {
	return fmt.Sprintf("the ledger %s was retired; nothing may be written to %s", e.Origin, e.Dir)
}

// A KeyMissingError says that the private key of a ledger is not in home.
// Reading and verifying need none.
type KeyMissingError struct {
	Origin string // "": that of any ledger
	Path   string // where the key was looked for
}

func (e *KeyMissingError) Error() string {
	if e.Origin == "" {
		return "no signing key is in " + e.Path
	}
	return fmt.Sprintf("the signing key of %s is not in %s", e.Origin, e.Path)
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

// An OriginUsedError says that this user has signed or trusted something under
// an origin already: no second ledger is begun under it.
type OriginUsedError struct {
	Origin string
	Path   string // what shows that it was used
}

func (e *OriginUsedError) Error() string {
	return fmt.Sprintf("the origin %s was used before: see %s", e.Origin, e.Path)
}

// An UnsafeError says that using a file would do harm, or that it is open to
// others.
type UnsafeError struct {
	Path    string
	Problem string
	Hint    string // what to do about it
}

func (e *UnsafeError) Error() string { return e.Path + ": " + e.Problem }

func corrupt(format string, args ...any) error {
	return &ledger.CorruptError{Seq: -1, Reason: fmt.Sprintf(format, args...)}
}
