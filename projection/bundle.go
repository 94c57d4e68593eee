package projection

import (
	"iter"

	"gait/ledger"
)

// BundleSchemaID is the schema id of a Bundle, as its JSON has it.
const BundleSchemaID = "gait.job.resume"

// MaxBundleDecisions is how many decisions a Bundle shows.
const MaxBundleDecisions = 64

// A Bundle is what a process needs to know to go on with a job where the attempts before it
// left off. It follows from the job's events, its state, and the basis on which verdicts are
// judged.
type Bundle struct {
	SchemaID      string `json:"schema_id"`
	SchemaVersion string `json:"schema_version"`
	CreatedAt     string `json:"created_at"` // what the clock read on the basis, or else the time of the job's last event
	JobID         string `json:"job_id"`
	JobSeq        int64  `json:"job_seq"` // of the last event that the bundle knows of
	Revision      int64  `json:"revision"`
	Status        Status `json:"status"`

	Attempt         int64          `json:"attempt"` // number of the attempt that begins, from 1
	Reason          BundleReason   `json:"reason"`  // why it begins
	PreviousAttempt *BundleAttempt `json:"previous_attempt,omitempty"`
	Resumed         *BundleResume  `json:"resumed,omitempty"` // the newest resume, if it came after the attempt before had begun
	Changed         BundleChanges  `json:"changed"`           // since the attempt before began, or since the submission
	Lease           *BundleLease   `json:"lease,omitempty"`   // if it has not ended

	EnvironmentFingerprint string            `json:"environment_fingerprint"` // of the submission or, if it is newer, the last resume
	Identity               string            `json:"identity,omitempty"`
	Labels                 map[string]string `json:"labels,omitempty"`
	PolicyDigest           string            `json:"policy_digest,omitempty"`
	PolicyRef              string            `json:"policy_ref,omitempty"`
	After                  []string          `json:"after,omitempty"` // ids of the jobs that had to be completed first

	Input       *BundleContent     `json:"input,omitempty"`        // what the job is to work on
	State       *BundleState       `json:"state,omitempty"`        // the newest attachment with the role state
	OtherStates []BundleState      `json:"other_states,omitempty"` // the others of the same checkpoint, in its order
	Checkpoints []BundleCheckpoint `json:"checkpoints"`            // the newest of each type, oldest first
	Progress    *ledger.StepCount  `json:"progress,omitempty"`
	Decisions   []BundleDecision   `json:"decisions"`         // the newest, oldest first
	Cleared     []BundleCleared    `json:"cleared,omitempty"` // approved intents that were not granted yet, oldest first
	Grants      []GrantView        `json:"grants,omitempty"`  // open or unknown, oldest first
}

// A BundleReason says why an attempt begins.
type BundleReason string

// The reasons.
const (
	BundleSubmitted   BundleReason = "submitted"   // it is the first one
	BundleImported    BundleReason = "imported"    // it is the first one since the job was imported
	BundleContinued   BundleReason = "continued"   // it is the first one in this ledger, and another ledger held the job before
	BundleRetry       BundleReason = "retry"       // the one before ended by itself, or took too long
	BundleResumed     BundleReason = "resumed"     // the job was resumed after the one before had begun
	BundleLeaseLost   BundleReason = "lease_lost"  // the one before lost its lease, or its supervisor ended without a word
	BundleInterrupted BundleReason = "interrupted" // the supervisor of the one before was told to end
	BundleReleased    BundleReason = "released"    // the lease before was given back, and no attempt was reported
)

// BundleReasons lists every reason.
var BundleReasons = []BundleReason{
	BundleSubmitted, BundleImported, BundleContinued, BundleRetry, BundleResumed, BundleLeaseLost, BundleInterrupted, BundleReleased,
}

// A BundleAttempt is how the attempt before ended.
type BundleAttempt struct {
	Number  int64               `json:"number"`
	Cause   ledger.AttemptCause `json:"cause"`
	Exit    *int64              `json:"exit,omitempty"` // the exit code; 128 + n after signal n
	EndedAt string              `json:"ended_at"`
	Log     *BundleContent      `json:"log,omitempty"` // the end of what it wrote
}

// A BundleResume is a resume of the job.
type BundleResume struct {
	Actor     string `json:"actor"`
	CreatedAt string `json:"created_at"`
	Reason    string `json:"reason,omitempty"`
}

// BundleChanges are what a resume changed. What is the same is left out.
type BundleChanges struct {
	Environment *FromTo `json:"environment,omitempty"` // the fingerprint
	Policy      *FromTo `json:"policy,omitempty"`      // the digest
	PolicyRef   *FromTo `json:"policy_ref,omitempty"`
}

// A FromTo is a value that changed. A value that is not there is "".
type FromTo struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// A BundleLease is the lease under which the attempt may act.
type BundleLease struct {
	Epoch  int64  `json:"epoch"`
	TTL    int64  `json:"ttl"`   // in seconds
	Until  string `json:"until"` // unless its holder writes an event before
	Worker string `json:"worker"`
}

// A BundleContent is content of the job. Path is filled in by who writes the bundle to a
// disk, and keeps the bytes beside it.
type BundleContent struct {
	ledger.Content

	Path   string `json:"path,omitempty"`
	Erased bool   `json:"erased,omitempty"` // the bytes were deleted
}

// A BundleState is content that a checkpoint brought to go on from.
type BundleState struct {
	BundleContent

	CheckpointID string `json:"checkpoint_id"`
}

// A BundleCheckpoint is a checkpoint with what it brought.
type BundleCheckpoint struct {
	Checkpoint

	Attachments []BundleAttachment `json:"attachments,omitempty"`
}

// A BundleAttachment is content that a checkpoint brought.
type BundleAttachment struct {
	BundleContent

	Role ledger.AttachmentRole `json:"role"`
}

// A BundleDecision is a decision that was asked for, and what it has come to.
type BundleDecision struct {
	CheckpointID   string         `json:"checkpoint_id"`
	Summary        string         `json:"summary"`
	RequiredAction string         `json:"required_action"`
	AskedBy        string         `json:"asked_by,omitempty"`
	Tool           string         `json:"tool,omitempty"`    // if the gate asked, about the intent that is the subject
	CallID         string         `json:"call_id,omitempty"` // the worker's name for the call
	Subject        *BundleContent `json:"subject,omitempty"`
	Amended        *BundleContent `json:"amended,omitempty"` // what an approver put in the subject's place
	Verdict        Verdict        `json:"verdict"`           // approved, denied, or "": too few have approved, or it has expired
	By             string         `json:"by,omitempty"`      // who gave the last verdict
	VerdictReason  string         `json:"reason,omitempty"`  // why
	UsedUp         bool           `json:"used_up"`           // a resume has used the approval up
	ReplacedBy     string         `json:"replaced_by,omitempty"`
}

// A BundleCleared is an intent that was approved and not granted yet.
type BundleCleared struct {
	ClearedView

	Intent *BundleContent `json:"intent,omitempty"` // what is granted
}

// Contents gives the content that a process needs the bytes of, to fill in where they are:
// input, state, cleared intents, and what decisions are about. It gives nothing that was erased.
func (b *Bundle) Contents() iter.Seq[*BundleContent] {
	all := []*BundleContent{b.Input}
	if b.State != nil {
		all = append(all, &b.State.BundleContent)
	}
	for i := range b.OtherStates {
		all = append(all, &b.OtherStates[i].BundleContent)
	}
	for i := range b.Cleared {
		all = append(all, b.Cleared[i].Intent)
	}
	for i := range b.Decisions {
		all = append(all, b.Decisions[i].Subject, b.Decisions[i].Amended)
	}
	return func(yield func(*BundleContent) bool) {
		for _, c := range all {
			if c != nil && !c.Erased && !yield(c) {
				return
			}
		}
	}
}

// everyContent gives all content of the bundle.
func (b *Bundle) everyContent() iter.Seq[*BundleContent] {
	return func(yield func(*BundleContent) bool) {
		for c := range b.Contents() {
			if !yield(c) {
				return
			}
		}
		if b.PreviousAttempt != nil && b.PreviousAttempt.Log != nil && !yield(b.PreviousAttempt.Log) {
			return
		}
		for i := range b.Checkpoints {
			for k := range b.Checkpoints[i].Attachments {
				if !yield(&b.Checkpoints[i].Attachments[k].BundleContent) {
					return
				}
			}
		}
	}
}
