package commands

import "slices"

// The roles of actors and of tokens. The row of each command says which of them may
// issue it, Row.Roles; every role may read.
const (
	RoleWorker   = "worker"   // does the work: submits jobs and adds checkpoints
	RoleOperator = "operator" // runs jobs: submits, pauses, resumes, stops, cancels and imports them
	RoleApprover = "approver" // decides: approves and denies
	RoleAdmin    = "admin"    // decides who may do what
	RoleAuditor  = "auditor"  // only reads
)

// Roles returns all roles, in the order in which they are listed.
func Roles() []string {
	return []string{RoleWorker, RoleOperator, RoleApprover, RoleAdmin, RoleAuditor}
}

// MayIssue reports whether a role may issue the command of the row.
func (r *Row) MayIssue(role string) bool { return slices.Contains(r.Roles, role) }
