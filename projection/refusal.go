package projection

import (
	"fmt"
	"reflect"

	"gait/ledger"
)

// A Refusal says why the rules refuse a well-formed command. It is an error.
type Refusal struct {
	Code    RefusalCode
	Reason  string // a sentence for people, without the code
	Details Details
}

// A RefusalCode is the stable code of a refusal. It is on disk in refused events.
type RefusalCode string

// The codes of refusals.
const (
	InvalidTransition   RefusalCode = "invalid_transition"
	NothingToApprove    RefusalCode = "nothing_to_approve"
	AlreadyDecided      RefusalCode = "already_decided"
	CheckpointRequired  RefusalCode = "checkpoint_required"
	DecisionNotOpen     RefusalCode = "decision_not_open"
	TooManyDecisions    RefusalCode = "too_many_decisions"
	SelfApproval        RefusalCode = "self_approval"
	ApprovalRequired    RefusalCode = "approval_required"
	PolicyRequired      RefusalCode = "policy_required"
	IdentityMismatch    RefusalCode = "identity_mismatch"
	EnvironmentMismatch RefusalCode = "environment_mismatch"

	SignatureRequired RefusalCode = "signature_required"
	SignatureInvalid  RefusalCode = "signature_invalid"
	RoleRequired      RefusalCode = "role_required"
	Revoked           RefusalCode = "revoked"
	SubjectChanged    RefusalCode = "subject_changed"
	CommandExpired    RefusalCode = "command_expired"
	CommandUsed       RefusalCode = "command_used"
	DecisionExpired   RefusalCode = "decision_expired"
	QuorumPending     RefusalCode = "quorum_pending"

	EffectsUnsettled RefusalCode = "effects_unsettled" // it is open or unknown what became of grants
	GrantNotFound    RefusalCode = "grant_not_found"

	Fenced            RefusalCode = "fenced"             // it names no lease, or one that gives no right any more
	LeaseHeld         RefusalCode = "lease_held"         // another lease of the job lives
	NotDue            RefusalCode = "not_due"            // the job may not be leased yet
	DependencyPending RefusalCode = "dependency_pending" // a job that it waits for has not ended
	DependencyFailed  RefusalCode = "dependency_failed"  // a job that it waits for will not be completed
)

// Details are the facts from which an interface makes its hint: what to do next, in
// terms of that interface. A field that does not apply is empty.
type Details struct {
	JobID        string   `json:"job_id,omitempty"`
	Status       Status   `json:"status,omitempty"`        // of the job; empty if the ledger has no such job
	CheckpointID string   `json:"checkpoint_id,omitempty"` // the decision to name next, if there are several
	PolicyBound  bool     `json:"policy_bound,omitempty"`  // the job can be resumed only under a policy that the command names
	Actor        string   `json:"actor,omitempty"`         // the actor who may not do this
	Role         string   `json:"role,omitempty"`          // the role that the actor does not have
	Holders      string   `json:"holders,omitempty"`       // who has it, as a list in words
	Cause        string   `json:"cause,omitempty"`         // what tells apart refusals of one code, as package authority says
	Identity     string   `json:"identity,omitempty"`      // the identity the job acts as
	Environment  string   `json:"environment,omitempty"`   // the fingerprint of the environment in which the command ran
	Replaces     string   `json:"replaces,omitempty"`      // what only a new decision lifts, as that names it
	Subject      string   `json:"subject,omitempty"`       // digest of what is asked about now
	ExpiredAt    string   `json:"expired_at,omitempty"`    // since when the decision can no longer be approved
	Approvals    int64    `json:"approvals,omitempty"`     // how many count
	Needed       int64    `json:"needed,omitempty"`        // how many are needed
	Grants       []string `json:"grants,omitempty"`        // ids of the grants that it is about, oldest first
	Epoch        int64    `json:"epoch,omitempty"`         // of the job's newest lease
	Holder       string   `json:"holder,omitempty"`        // the actor who took it
	Worker       string   `json:"worker,omitempty"`        // who acts under it
	Until        string   `json:"until,omitempty"`         // when it ends or ended, if no event ends it before
	NotBefore    string   `json:"not_before,omitempty"`    // when the job may be leased
	Dependencies []string `json:"dependencies,omitempty"`  // ids of the jobs that it is about, ascending
	IndexDamaged bool     `json:"index_damaged,omitempty"` // there is no index, since the ledger is damaged
	IndexSigned  bool     `json:"index_signed,omitempty"`  // the ledger's key has signed the index that does not hold
}

// IsZero reports whether there are no details.
func (d Details) IsZero() bool { return reflect.ValueOf(d).IsZero() }

func (r *Refusal) Error() string { return r.Reason }

// Fault returns the refusal's code, and what kind of rule it comes from.
func (r *Refusal) Fault() ledger.Fault {
	f := ledger.Fault{Code: string(r.Code), Category: ledger.CategoryInvalid}
	switch r.Code {
	case SelfApproval, PolicyRequired, IdentityMismatch, EnvironmentMismatch, Fenced,
		SignatureRequired, SignatureInvalid, RoleRequired, Revoked, SubjectChanged, CommandExpired, CommandUsed:
		f.Category = ledger.CategoryPolicy
	case ApprovalRequired, DecisionExpired, QuorumPending, EffectsUnsettled:
		f.Category = ledger.CategoryApproval
	case LeaseHeld, NotDue, DependencyPending:
		f.Category, f.Retryable = ledger.CategoryConflict, true
	case DependencyFailed, InvalidTransition, NothingToApprove, AlreadyDecided, CheckpointRequired, DecisionNotOpen, TooManyDecisions, GrantNotFound:
	}
	return f
}

func refuse(code RefusalCode, d Details, format string, args ...any) *Refusal {
	return &Refusal{Code: code, Reason: fmt.Sprintf(format, args...), Details: d}
}

// details returns the details that every refusal of a command on j has.
func (j Job) details() Details {
	return Details{JobID: j.ID, Status: j.Status, PolicyBound: j.policyBound()}
}

// naming returns d with a checkpoint id.
func (d Details) naming(checkpointID string) Details {
	d.CheckpointID = checkpointID
	return d
}
