package ledger

// A Type names what an event says happened. Types are on disk and never renamed.
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
	TypeKeyRotated      Type = "key_rotated" // since 1.1.0
	TypeImported        Type = "imported"    // since 1.1.0
)

const firstVersion = "1.0.0"

// Version returns the schema_version of events of type t: the format version
// that first had the type. A reader of an older version reads a ledger up to
// the first event it cannot know.
func (t Type) Version() string {
	if t == TypeKeyRotated || t == TypeImported {
		return EventSchemaVersion
	}
	return firstVersion
}

// OfLedger reports whether events of type t are about the ledger itself and so
// belong to no job.
func (t Type) OfLedger() bool { return t == TypeLedgerCreated || t == TypeKeyRotated }

// A CheckpointType says what a worker's checkpoint is about.
type CheckpointType string

// The checkpoint types.
const (
	CheckpointPlan           CheckpointType = "plan"
	CheckpointProgress       CheckpointType = "progress"
	CheckpointDecisionNeeded CheckpointType = "decision-needed"
	CheckpointBlocked        CheckpointType = "blocked"
	CheckpointCompleted      CheckpointType = "completed"
	CheckpointFailed         CheckpointType = "failed"
)

// CheckpointTypes lists the checkpoint types in the order help shows them.
var CheckpointTypes = []CheckpointType{CheckpointPlan, CheckpointProgress, CheckpointDecisionNeeded,
	CheckpointBlocked, CheckpointCompleted, CheckpointFailed}

// A Payload is what one type of event says. The implementations are those of
// this package, by value.
//
//sumtype:decl
type Payload interface {
	Type() Type
	sealed()
}

// LedgerCreated is event 0 of every ledger: it names the key that signs the
// ledger's checkpoints.
type LedgerCreated struct {
	Format      int64        // of the ledger: 1
	Key         string       // the ledger's verifier key (C2SP signed-note)
	Predecessor *Predecessor // the retired ledger this one continues, if any
}

// A Predecessor says in what state a retired ledger was found, and the newest
// state of it that had been seen.
type Predecessor struct {
	Origin    string
	SeenSize  int64
	SeenRoot  Hash
	FoundSize int64
	FoundRoot Hash
}

// KeyRotated says that another key signs the ledger from here on. The first
// checkpoint that covers the event carries the signatures of both keys, every
// later one that of Key alone.
type KeyRotated struct {
	Key      string // the new verifier key (C2SP signed-note), of the ledger's origin
	Previous string // the verifier key it takes the place of
	Reason   string // optional
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
}

// CheckpointAdded is a worker's record of progress.
type CheckpointAdded struct {
	CheckpointID   string // cp_0001, cp_0002, … in the job
	CheckpointType CheckpointType
	Late           bool   // recorded while the job was stopped: the status did not change
	RequiredAction string // what a person must decide; always there with decision-needed
	Summary        string
}

// Paused says that the job was paused.
type Paused struct{ Reason string }

// Approved is an approving verdict on what Target names.
type Approved struct {
	CheckpointID string // of the decision, where Target is one
	Reason       string
	Target       Hash // leaf hash of the event approved: a decision, a pause or a block
}

// Denied is a denying verdict on what Target names.
type Denied struct {
	CheckpointID string // of the decision, where Target is one
	Reason       string
	Target       Hash // leaf hash of the event denied: a decision, a pause or a block
}

// Resumed says that the job runs again, under which circumstances.
type Resumed struct {
	Consumes                 []Hash // leaf hashes of the approvals it used up, oldest first
	ExpectedFingerprint      string // the job's
	ActualFingerprint        string // the resumer's; another one needs a reason
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

// Refused says that a well-formed command was turned down by the rules. It
// changes no state and no revision.
type Refused struct {
	Command string // the command's name, such as "checkpoint add"
	Exit    int64  // the exit code the command ended with
	Reason  string // the command's reason
	Refusal string // the error code
	Summary string // of a checkpoint that was refused; of another command what it named: a decision, an identity, an environment, a policy
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
