package ledger

import "time"

// A Type names what happened in an event. Types are on disk and never renamed.
type Type string

// The event types.
const (
	TypeLedgerCreated   Type = "ledger_created"
	TypeSubmitted       Type = "submitted"
	TypeCheckpointAdded Type = "checkpoint_added"
	TypePaused          Type = "paused"
	TypeApproved        Type = "approved"
	TypeDenied          Type = "denied"
	TypeResumed         Type = "resumed"
	TypeCancelled       Type = "cancelled"
	TypeStopped         Type = "emergency_stop_acknowledged"
	TypeRefused         Type = "refused"
	TypeKeyRotated      Type = "key_rotated"
	TypeImported        Type = "imported"
	TypeIndexCommitted  Type = "index_committed"
	TypeLedgerMoved     Type = "ledger_moved"
	TypeContinued       Type = "continued"
	TypeActorEnrolled   Type = "actor_enrolled"
	TypeActorRevoked    Type = "actor_revoked"
	TypeAuthoritySet    Type = "authority_set"
	TypeContentErased   Type = "content_erased"
)

// A CheckpointType says what a job's checkpoint is about.
type CheckpointType string

// The types of a job's checkpoints.
const (
	CheckpointPlan           CheckpointType = "plan"
	CheckpointProgress       CheckpointType = "progress"
	CheckpointDecisionNeeded CheckpointType = "decision-needed"
	CheckpointBlocked        CheckpointType = "blocked"
	CheckpointCompleted      CheckpointType = "completed"
	CheckpointFailed         CheckpointType = "failed"
)

// CheckpointTypes lists the types of a job's checkpoints in the order help shows them.
var CheckpointTypes = []CheckpointType{
	CheckpointPlan, CheckpointProgress, CheckpointDecisionNeeded,
	CheckpointBlocked, CheckpointCompleted, CheckpointFailed,
}

// A Payload is the content of one type of event. Its implementations are those
// of this package, by value.
//
//sumtype:decl
type Payload interface {
	Type() Type
	sealed()
}

// LedgerCreated is event 0 of every ledger. It names the first key that signs the
// ledger's checkpoints.
type LedgerCreated struct {
	Format      int64        // of the ledger: 1
	Key         string       // the ledger's verifier key (C2SP signed-note)
	Predecessor *Predecessor // the retired ledger this one continues, if any
}

// A Predecessor says in which state a retired ledger was found, and the newest
// state of it that had been seen.
type Predecessor struct {
	Origin    string
	SeenSize  int64
	SeenRoot  Hash
	FoundSize int64
	FoundRoot Hash
	Requests  *Requests // the request ids that it used, which this ledger refuses; nil if none are known
}

// KeyRotated says that another key signs the ledger from here on. The first
// checkpoint that covers the event carries the signatures of both keys; every
// later one carries that of Key alone.
type KeyRotated struct {
	Key      string // the new verifier key (C2SP signed-note), of the ledger's origin
	Previous string // the verifier key it replaces
	Reason   string // optional
}

// LedgerMoved says that the ledger goes on in another place, under that place's key.
// The old key alone signs the checkpoint that ends with the event, and nothing after
// it: the ledger ends there. Before the new place writes, it adds its own signature to
// that checkpoint, and the event is a Rotation.
type LedgerMoved struct {
	To     string // the verifier key of the new place (C2SP signed-note), of the ledger's origin
	Reason string // optional
}

// HandsOver reports whether events of type t name another key, which signs the ledger
// from then on.
func (t Type) HandsOver() bool { return t == TypeKeyRotated || t == TypeLedgerMoved }

// IndexCommitted puts the root of the ledger's index into the tree, so that a
// signed checkpoint over the event also vouches for the index. The index is that
// over all events before this one (see IndexFold). Its actor is ActorGait, since
// it follows from those events alone.
type IndexCommitted struct {
	Index Hash // root of the index
}

// A Label is a key and a value that the submitter gave a job.
type Label struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Submitted is the first event of a job.
type Submitted struct {
	EnvironmentFingerprint string
	Identity               string  // optional: who the job acts as
	Labels                 []Label // by key, each key once
	PolicyDigest           Hash    // optional: SHA-256 of the policy the job is bound to
	PolicyRef              string  // optional: the policy's name
	ProducerVersion        string  // the gait that wrote the event

	After      []string  // ids of jobs, ascending: no lease is given before they are completed
	NotBefore  time.Time // optional: no lease is given before it
	Input      Content   // optional: what the job is to work on
	ContentKey Hash      // optional: as that of a checkpoint
}

// CheckpointAdded is a job's checkpoint: a worker's record of progress.
type CheckpointAdded struct {
	CheckpointID   string // cp_0001, cp_0002, … in the job
	CheckpointType CheckpointType
	Late           bool   // recorded while the job was stopped; the status did not change
	RequiredAction string // what a person must decide; always set if decision-needed
	Summary        string
	Progress       StepCount // optional: how far the job has come
	Continues      Hash      // optional, of a decision: leaf hash of the event that asked for it in the ledger before
	Decision                 // of a decision: who decides, until when, and about what

	Attachments []Attachment
	ContentKey  Hash // optional: SHA-256 of the secret of the job's content, if no event before named it
}

// Paused says that the job was paused.
type Paused struct {
	Hold   bool // the job cannot be resumed before another actor approves the pause
	Reason string
}

// The reasons of a hold with which a successor begins a job. ReasonUnsettled goes on with
// the grants.
const (
	ReasonEventsLost = "events of the ledger before could not be read: whether one of them has stopped the job is not known"
	ReasonCallsLost  = "the ledger before may have had newer events: what the job's tools did after the newest one found is not known"
	ReasonUnsettled  = "grants of the ledger before that were not settled: whether the tools ran is not known:"
)

// Approved is an approving verdict on what Target names.
type Approved struct {
	CheckpointID string // of the decision, if Target is one
	Reason       string
	Target       Hash    // leaf hash of the event approved: a decision, a pause or a block
	Subject      Hash    // optional: digest of what was decided about
	Amended      Content // optional: what is approved in the place of the subject
	ContentKey   Hash    // optional: as that of a checkpoint
}

// Denied is a denying verdict on what Target names.
type Denied struct {
	CheckpointID string // of the decision, if Target is one
	Reason       string
	Target       Hash // leaf hash of the event denied: a decision, a pause or a block
	Subject      Hash // optional: digest of what was decided about
}

// Resumed says that the job runs again, and in which environment and under which policy.
type Resumed struct {
	Consumes                 []Hash // leaf hashes of the approvals it used up, oldest first
	ExpectedFingerprint      string // the job's
	ActualFingerprint        string // the resumer's; a different one needs a reason
	PreviousPolicyDigest     Hash
	CurrentPolicyDigest      Hash
	PreviousPolicyRef        string
	CurrentPolicyRef         string
	PolicyChanged            bool
	Identity                 string
	IdentityValidationSource string
	Reason                   string
}

// Cancelled says that the job was cancelled.
type Cancelled struct{ Reason string }

// Stopped says that an emergency stop was acknowledged.
type Stopped struct{ Reason string }

// Refused says that the rules refused a well-formed command. It changes no state
// and no revision.
type Refused struct {
	Command string // the command's name, such as "checkpoint add"
	Exit    int64  // RefusalExit of the error code
	Reason  string // the command's reason
	Refusal string // the error code
	Summary string // of a refused checkpoint; of other commands the decision, identity, environment or policy that they named
}

// RefusalExit returns the Exit of a refused event, by its error code. It is the
// exit code with which gait ended the command when the event's format was made.
// It never changes, since the events of a ledger must not change when a program's
// exit codes do.
func RefusalExit(code string) int64 {
	switch code {
	case "self_approval", "policy_required", "identity_mismatch", "environment_mismatch",
		"signature_required", "signature_invalid", "role_required", "revoked", "subject_changed", "command_expired", "command_used",
		"fenced":
		return 3
	case "approval_required", "decision_expired", "quorum_pending", "effects_unsettled":
		return 4
	case "lease_held", "not_due", "dependency_pending":
		return 1
	}
	return 6
}

// Type returns TypeLedgerCreated.
func (LedgerCreated) Type() Type { return TypeLedgerCreated }

// Type returns TypeSubmitted.
func (Submitted) Type() Type { return TypeSubmitted }

// Type returns TypeCheckpointAdded.
func (CheckpointAdded) Type() Type { return TypeCheckpointAdded }

// Type returns TypePaused.
func (Paused) Type() Type { return TypePaused }

// Type returns TypeApproved.
func (Approved) Type() Type { return TypeApproved }

// Type returns TypeDenied.
func (Denied) Type() Type { return TypeDenied }

// Type returns TypeResumed.
func (Resumed) Type() Type { return TypeResumed }

// Type returns TypeCancelled.
func (Cancelled) Type() Type { return TypeCancelled }

// Type returns TypeStopped.
func (Stopped) Type() Type { return TypeStopped }

// Type returns TypeRefused.
func (Refused) Type() Type { return TypeRefused }

// Type returns TypeKeyRotated.
func (KeyRotated) Type() Type { return TypeKeyRotated }

// Type returns TypeIndexCommitted.
func (IndexCommitted) Type() Type { return TypeIndexCommitted }

// Type returns TypeLedgerMoved.
func (LedgerMoved) Type() Type { return TypeLedgerMoved }

func (LedgerCreated) sealed()   {}
func (Submitted) sealed()       {}
func (CheckpointAdded) sealed() {}
func (Paused) sealed()          {}
func (Approved) sealed()        {}
func (Denied) sealed()          {}
func (Resumed) sealed()         {}
func (Cancelled) sealed()       {}
func (Stopped) sealed()         {}
func (Refused) sealed()         {}
func (KeyRotated) sealed()      {}
func (IndexCommitted) sealed()  {}
func (LedgerMoved) sealed()     {}
