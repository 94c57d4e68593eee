package main

import (
	"errors"
	"fmt"

	"gait/commands/recall"
	"gait/ledger"
	"gait/ledger/home"
)

// A usageError says that the command line, or a file it names, is invalid.
type usageError struct{ code, text, hint string }

func (e *usageError) Error() string { return e.text }

// Fault returns that of invalid input, by the error's code.
func (e *usageError) Fault() ledger.Fault {
	return ledger.Fault{Code: e.code, Category: ledger.CategoryInvalid}
}

func (e *usageError) nextStep() string { return e.hint }

// An unsafeError says that a command was not carried out because it would do harm.
type unsafeError struct{ code, text, hint string }

func (e *unsafeError) Error() string { return e.text }

// Fault returns that of an unsafe operation, by the error's code.
func (e *unsafeError) Fault() ledger.Fault {
	return ledger.Fault{Code: e.code, Category: ledger.CategoryUnsafe}
}

func (e *unsafeError) nextStep() string { return e.hint }

// A viewsError says that a stored view differs from what the events give.
type viewsError struct{ text string }

func (e *viewsError) Error() string { return e.text }

// Fault returns what kind of error it is.
func (*viewsError) Fault() ledger.Fault {
	return ledger.Fault{Code: "views_differ", Category: ledger.CategoryVerification}
}

// An untrustedError says that the user does not trust a ledger's key.
type untrustedError struct {
	key   string
	given string // the file with the only keys that count, if one was named
	other string // a key of the ledger's origin that is trusted instead
	ended string // a distrusted key that took over from a trusted one
}

func (e *untrustedError) Error() string {
	if e.other != "" {
		return fmt.Sprintf("the ledger is signed by another key than the one you trust for it: %s, not %s", e.key, e.other)
	}
	if e.ended != "" {
		return fmt.Sprintf("the ledger is signed by %s, since a key that you distrust took over: %s", e.key, e.ended)
	}
	return "the ledger is signed by a key you do not trust: " + e.key
}

// Fault distinguishes a key that stands in place of a trusted one from an
// unknown one.
func (e *untrustedError) Fault() ledger.Fault {
	if e.other != "" {
		return ledger.Fault{Code: "key_mismatch", Category: ledger.CategoryVerification}
	}
	return ledger.Fault{Code: "untrusted_key", Category: ledger.CategoryVerification}
}

func (e *untrustedError) nextStep() string {
	if e.other != "" {
		return "do not rely on it: another key signs under that name"
	}
	if e.ended != "" {
		return distrustedHint
	}
	return untrustedHint(e.given, e.key)
}

// A panicError is a recovered panic.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("internal error: %v", e.value) }

// Fault returns what kind of error it is.
func (*panicError) Fault() ledger.Fault { return ledger.FaultInternal }

// A foreignError says that no key of the ledger here has signed a checkpoint of it.
type foreignError struct {
	note  string
	err   error
	moved *ledger.Move // where the ledger went, if the key of that place has signed it; or nil
}

func (e *foreignError) Error() string {
	if e.moved != nil {
		return fmt.Sprintf("it was signed where the ledger goes on, by %s, to which it moved at event %d: what was written since is not here to be compared", e.moved.To, e.moved.Seq)
	}
	return e.err.Error()
}

// Unwrap returns what OpenCheckpoint said.
func (e *foreignError) Unwrap() error { return e.err }

// Fault returns what kind of error it is.
func (*foreignError) Fault() ledger.Fault {
	return ledger.Fault{Code: "not_verified", Category: ledger.CategoryVerification}
}

func (e *foreignError) nextStep() string {
	if e.moved != nil {
		return "compare them where it goes on: gait ledger verify --root THERE --since FILE, with the FILE that gait ledger checkpoint --out FILE writes here"
	}
	return "if the ledger moved, or its key was rotated, elsewhere, then what is here was left behind: verify a pack from there, gait pack verify FILE, which shows the keys that took over"
}

// evidenceIn returns the signed notes that prove an error, or nil if there are
// none.
func evidenceIn(err error) [][]byte {
	if e, ok := errors.AsType[*recall.ConflictError](err); ok {
		return e.Notes[:]
	}
	if e, ok := errors.AsType[*home.RolledBackError](err); ok && e.SeenNote != nil {
		return [][]byte{e.SeenNote, e.FoundNote}
	}
	return nil
}

// A dirError is an error about the ledger in a directory that an argument named.
type dirError struct {
	dir string
	err error
}

// inDir says that err is about the ledger in dir, unless dir is "" and it is
// about the ledger of the command line.
func inDir(dir string, err error) error {
	if err == nil || dir == "" {
		return err
	}
	return &dirError{dir: dir, err: err}
}

func (e *dirError) Error() string { return e.err.Error() }

// Unwrap returns the error without its directory.
func (e *dirError) Unwrap() error { return e.err }
