package process

import (
	"errors"
	"io/fs"
	"os/exec"

	"gait/ledger"
)

// A StartError says that a command cannot be started.
type StartError struct {
	Name string
	Err  error
}

func (e *StartError) Error() string { return "starting " + e.Name + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *StartError) Unwrap() error { return e.Err }

// Fault says whether it is the command that is wrong, or the machine that cannot.
func (e *StartError) Fault() ledger.Fault {
	for _, wrong := range []error{exec.ErrNotFound, exec.ErrDot, fs.ErrNotExist, fs.ErrPermission, errNoCommand} {
		if errors.Is(e.Err, wrong) {
			return ledger.Fault{Code: "command_not_found", Category: ledger.CategoryInvalid}
		}
	}
	return ledger.Fault{Code: "command_not_started", Category: ledger.CategoryIO, Retryable: true}
}

var errNoCommand = errors.New("no command")

// ErrGuard says that the guard ended, or could not be started.
var ErrGuard = ledger.NewError("the process that guards the commands has ended", ledger.Fault{Code: "guard_lost", Category: ledger.CategoryIO, Retryable: true})
