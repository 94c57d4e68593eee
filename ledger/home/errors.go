package home

import (
	"fmt"

	"gait/ledger"
)

// A RolledBackError says that a ledger does not hold a state that was seen
// before: it is older than its outside checkpoint, or has another history.
type RolledBackError struct {
	Dir       string            // of the ledger
	Seen      ledger.Checkpoint // the outside checkpoint
	Found     ledger.Checkpoint // the ledger's own
	SeenNote  []byte            // both as signed notes
	FoundNote []byte
	Accepted  bool // the user has accepted to read the ledger as it is: it was to be written

	// Alive says why the ledger is not to be given up where it was found: it goes on
	// elsewhere. It is nil if no other place is known.
	Alive error
}

func (e *RolledBackError) Error() string {
	if e.Found.Size < e.Seen.Size {
		return fmt.Sprintf("the ledger %s in %s was rolled back: %d events were seen, %d are there", e.Seen.Origin, e.Dir, e.Seen.Size, e.Found.Size)
	}
	return fmt.Sprintf("the ledger %s in %s is not the one seen before: its first %d events differ", e.Seen.Origin, e.Dir, e.Seen.Size)
}

// Fault returns what kind of error it is.
func (*RolledBackError) Fault() ledger.Fault {
	return ledger.Fault{Code: "ledger_rolled_back", Category: ledger.CategoryVerification}
}

// A KeyMissingError says that the private key of a ledger is not in home.
// Reading and verifying do not need it.
type KeyMissingError struct {
	Origin string // "" if any ledger's key would do
	Path   string // where the key was looked for
	Asked  bool   // the user named Origin: maybe there is no such ledger

	// Earlier is the key that is there: the ledger was rotated from it since. It is zero if
	// there is none.
	Earlier ledger.VerifierKey
	// Rotated says that the ledger was rotated from the key that is missing since, as home
	// knows: it is not to be imported.
	Rotated bool
}

func (e *KeyMissingError) Error() string {
	if e.Origin == "" {
		return "no signing key is in " + e.Path
	}
	s := fmt.Sprintf("the signing key of %s is not in %s", e.Origin, e.Path)
	if !e.Earlier.IsZero() {
		s += ", which holds an earlier one, " + e.Earlier.String()
	}
	return s
}

// Fault returns what kind of error it is.
func (*KeyMissingError) Fault() ledger.Fault {
	return ledger.Fault{Code: "signing_key_missing", Category: ledger.CategoryDependency}
}

// An OriginUsedError says that this user has already signed or trusted something
// under an origin, so that no second ledger may begin under it.
type OriginUsedError struct {
	Origin string
	Path   string // what shows that it was used
}

func (e *OriginUsedError) Error() string {
	return fmt.Sprintf("the origin %s was used before: see %s", e.Origin, e.Path)
}

// Fault returns what kind of error it is.
func (*OriginUsedError) Fault() ledger.Fault {
	return ledger.Fault{Code: "origin_used", Category: ledger.CategoryUnsafe}
}

// An UnsafeError says that using a file would do harm, or that other users have
// access to it.
type UnsafeError struct {
	Path    string
	Problem string
	Hint    string // what to do about it, unless Advice says that
	Advice  Advice
}

func (e *UnsafeError) Error() string { return e.Path + ": " + e.Problem }

// Fault returns what kind of error it is.
func (*UnsafeError) Fault() ledger.Fault {
	return ledger.Fault{Code: "unsafe_permissions", Category: ledger.CategoryUnsafe}
}

// A MemoryError says that the file of what was seen of a job cannot be read.
type MemoryError struct {
	Path string
	Err  error
}

func (e *MemoryError) Error() string {
	return fmt.Sprintf("%s does not say what was seen of a job: %v", e.Path, e.Err)
}

// Unwrap returns the cause.
func (e *MemoryError) Unwrap() error { return e.Err }

// Hint returns the command line with which the user gives up what was seen.
func (e *MemoryError) Hint() string { return "if you know why: mv " + quote(e.Path) + " /tmp" }

// Fault returns what kind of error it is.
func (*MemoryError) Fault() ledger.Fault {
	return ledger.Fault{Code: "job_memory_damaged", Category: ledger.CategoryVerification}
}

func corrupt(format string, args ...any) error {
	return &ledger.CorruptError{Seq: -1, Reason: fmt.Sprintf(format, args...)}
}
