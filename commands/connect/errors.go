package connect

import (
	"context"
	"errors"
	"fmt"

	"gait/commands/daemon"
	"gait/ledger"
)

// ErrReadOnly says that a command was issued on a ledger that was opened with
// root.Read: a mistake in the program.
var ErrReadOnly = ledger.NewError("the ledger was opened to be read, and a command writes", ledger.FaultInternal)

// A MissingError says that no daemon serves the root, though one is required.
type MissingError struct{ Dir string }

func (e *MissingError) Error() string { return "no daemon serves " + e.Dir }

// Fault returns the error's code, daemon_not_running.
func (*MissingError) Fault() ledger.Fault {
	return ledger.Fault{Code: "daemon_not_running", Category: ledger.CategoryDependency, Retryable: true}
}

// A RunningError says that what was asked for can be done only by the process
// that has the ledger open, and that this process is a daemon.
type RunningError struct {
	Dir string
	By  Serving
}

func (e *RunningError) Error() string {
	return fmt.Sprintf("%s is served by a daemon: %s; only a process that opens the ledger itself can do this", e.Dir, e.By)
}

// Fault returns the error's code, daemon_running. To try again does not help: a daemon
// runs until it is stopped.
func (*RunningError) Fault() ledger.Fault {
	return ledger.Fault{Code: "daemon_running", Category: ledger.CategoryContention}
}

// A ReplacedError says that another ledger took the place of the one that was
// being followed.
type ReplacedError struct{ Was, Now string } // their origins

func (e *ReplacedError) Error() string {
	return fmt.Sprintf("the ledger %s is gone; %s is in its place", e.Was, e.Now)
}

// Fault returns the error's code, ledger_replaced.
func (*ReplacedError) Fault() ledger.Fault {
	return ledger.Fault{Code: "ledger_replaced", Category: ledger.CategoryInvalid}
}

// gone reports whether the daemon at the other end went away before it did
// anything. A context that ended is no such case.
func gone(err error) bool {
	_, lost := errors.AsType[*daemon.UnreachableError](err)
	return lost && !errors.Is(err, ledger.ErrOutcomeUnknown) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}
