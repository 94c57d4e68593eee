package projection

import "fmt"

// A Refusal says why a command, though well formed, is turned down. It is an error.
type Refusal struct {
	Code   string // stable; one of the constants below
	Reason string // a sentence for people, without the code
	Hint   string // what to do next
}

// The codes of refusals. They are on disk in refused events.
const (
	InvalidTransition   = "invalid_transition"
	NothingToApprove    = "nothing_to_approve"
	AlreadyDecided      = "already_decided"
	CheckpointRequired  = "checkpoint_required"
	DecisionNotOpen     = "decision_not_open"
	TooManyDecisions    = "too_many_decisions"
	SelfApproval        = "self_approval"
	ApprovalRequired    = "approval_required"
	PolicyRequired      = "policy_required"
	IdentityMismatch    = "identity_mismatch"
	EnvironmentMismatch = "environment_mismatch"
)

// The exit codes that refusals end a command with. They are on disk too.
const (
	exitPolicy   = 3
	exitApproval = 4
	exitInvalid  = 6
)

// Exit returns the exit code of the refusal: 3 for what a policy or identity
// rule blocks, 4 where an approval is missing, 6 otherwise.
func (r *Refusal) Exit() int {
	switch r.Code {
	case SelfApproval, PolicyRequired, IdentityMismatch, EnvironmentMismatch:
		return exitPolicy
	case ApprovalRequired:
		return exitApproval
	}
	return exitInvalid
}

func (r *Refusal) Error() string { return r.Reason }

func refuse(code, hint, format string, args ...any) *Refusal {
	return &Refusal{Code: code, Reason: fmt.Sprintf(format, args...), Hint: hint}
}
