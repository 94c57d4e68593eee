package mcp

import (
	"context"
	"errors"

	"gait/ledger"
)

// An Error says that a tool was called in a wrong way.
type Error struct{ Code, Text string }

func (e *Error) Error() string { return e.Text }

// Fault returns the error's code.
func (e *Error) Fault() ledger.Fault {
	return ledger.Fault{Code: e.Code, Category: ledger.CategoryInvalid}
}

// codeOf returns the code of an error, which is stable, and its text. Hints with command lines are
// for people, and not in it.
func codeOf(err error) (code, text string) {
	if f, ok := ledger.FaultOf(err); ok {
		return f.Code, err.Error()
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return "interrupted", err.Error()
	}
	return ledger.FaultInternal.Code, err.Error()
}
