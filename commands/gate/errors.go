package gate

import (
	"fmt"

	"gait/ledger"
)

// The reason codes of the gate's verdicts. They are stable. A block can also have a code of
// package authority, or that of a Fault.
const (
	CodePermits  = "policy_permits" // allow
	CodeApproved = "approved"       // allow: an approval of this intent is used up

	CodeRequiresApproval = "policy_requires_approval" // require_approval

	// Blocks by policy.
	CodeForbids          = "policy_forbids"
	CodePermitsNone      = "policy_permits_none" // no policy permits it
	CodeDiagnostic       = "policy_diagnostic"   // a policy could not be evaluated
	CodePolicyMissing    = "policy_missing"      // the job is bound to none
	CodePolicyUnreadable = "policy_unreadable"   // it is not kept, was erased, or is damaged
	CodePolicyEmpty      = "policy_empty"        // the file has no policy
	CodePolicyInvalid    = "policy_invalid"      // it is no Cedar, or too large
	CodePolicyAnnotation = "policy_annotation"   // an annotation of the gate's cannot be understood
	CodePolicyConflict   = "policy_conflict"     // policies ask for different approvals that cannot be joined
	CodePolicyMismatch   = "policy_mismatch"     // the policy given is not the one that the job is bound to
	CodePolicyUnbound    = "policy_unbound"      // no operator in force has bound it

	// Blocks by intent.
	CodeIntentInvalid     = "intent_invalid"
	CodeIntentTooLarge    = "intent_too_large"
	CodeIntentUnreadable  = "intent_unreadable"
	CodeIntentUnsupported = "intent_unsupported" // it has a value that Cedar has none for
	CodeIntentTool        = "intent_tool"        // it names another tool than the worker
	CodeIntentAmended     = "intent_amended"     // an approver put another intent in its place

	// Blocks by job.
	CodeJobNotFound      = "job_not_found"
	CodeNotRunning       = "not_running"
	CodeEmergencyStopped = "emergency_stopped"
	CodeEffectsUnsettled = "effects_unsettled"  // what became of a grant is not known
	CodeAlreadyDone      = "already_done"       // the call was done
	CodeCallReused       = "call_reused"        // the call's id stands for another intent
	CodeCallBefore       = "call_before"        // a ledger before knew the call
	CodeTooManyGrants    = "too_many_grants"    // the job has ledger.MaxOpenGrants
	CodeTooManyCleared   = "too_many_cleared"   // the job has ledger.MaxCleared
	CodeTooManyDecisions = "too_many_decisions" // as many decisions are open as a job may have

	// CodeInternal is the block of an Input that contradicts itself, or of a mistake in this
	// program.
	CodeInternal = "internal_failure"
)

// An Error says why something is no intent or no policy.
type Error struct {
	Code   string // one of the reason codes
	Reason string // in words

	Line, Column int // in the policy file, from 1; 0: not known
}

// In returns where in a file the error is, as FILE:LINE:COLUMN, as far as that is known.
func (e *Error) In(file string) string {
	switch {
	case e.Line == 0:
		return file
	case e.Column == 0:
		return fmt.Sprintf("%s:%d", file, e.Line)
	}
	return fmt.Sprintf("%s:%d:%d", file, e.Line, e.Column)
}

func (e *Error) Error() string { return e.Reason }

// Fault returns the code. What is no intent and no policy blocks.
func (e *Error) Fault() ledger.Fault {
	return ledger.Fault{Code: e.Code, Category: ledger.CategoryPolicy}
}
