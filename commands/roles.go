package commands

import (
	"slices"

	"gait/ledger"
)

// MayIssue reports whether a role may issue the command of the row. Every role may read.
func (r *Row) MayIssue(role string) bool { return slices.Contains(r.Roles, ledger.Role(role)) }
