package projection

import (
	"slices"

	"gait/ledger"
)

// Version is the version of the folds: a cached Job of another version is replayed.
const Version = 5

// A Status says what a job is doing.
type Status string

// The statuses.
const (
	Running          Status = "running"
	PausedStatus     Status = "paused"
	DecisionNeeded   Status = "decision_needed"
	Blocked          Status = "blocked"
	Completed        Status = "completed"
	Failed           Status = "failed"
	Cancelled        Status = "cancelled"
	EmergencyStopped Status = "emergency_stopped"
)

// Statuses lists every status.
var Statuses = []Status{Running, PausedStatus, DecisionNeeded, Blocked, Completed, Failed, Cancelled, EmergencyStopped}

// Final reports whether no command can change a job of this status.
func (s Status) Final() bool { return s == Completed || s == Failed || s == Cancelled }

// Reaches reports whether a job of status s has status to, or can still come to have it.
func (s Status) Reaches(to Status) bool {
	switch {
	case s == to:
		return true
	case s == EmergencyStopped:
		return to == Cancelled
	}
	return !s.Final()
}

// A Job is the state of a job after some event. Its size is bounded, however long
// the job's history is. The zero Job was never submitted.
type Job struct {
	ID         string     `json:"job_id"`
	Status     Status     `json:"status"`
	StopReason StopReason `json:"stop_reason"`
	ReasonCode ReasonCode `json:"status_reason_code"`
	Revision   int64      `json:"revision"`
	JobSeq     int64      `json:"job_seq"`    // events so far, refusals included
	Created    string     `json:"created_at"` // times are spelt as events spell them
	Updated    string     `json:"updated_at"` // of the last event that changed the revision

	ProducerVersion        string         `json:"producer_version"`
	EnvironmentFingerprint string         `json:"environment_fingerprint"`
	PolicyDigest           ledger.Hash    `json:"policy_digest,omitzero"`
	PolicyRef              string         `json:"policy_ref,omitempty"`
	Identity               string         `json:"identity,omitempty"`
	Labels                 []ledger.Label `json:"labels,omitempty"`

	SubmittedBy  string      `json:"submitted_by"`           // who submitted or imported the job, perhaps in a ledger before; "" if no event says
	SubmittedKey ledger.Hash `json:"submitted_key,omitzero"` // that signed the submission
	PolicyBy     string      `json:"policy_by,omitempty"`    // who bound the job to its policy digest, if that was signed
	PolicyKey    ledger.Hash `json:"policy_key,omitzero"`    // the key
	ContentKey   ledger.Hash `json:"content_key,omitzero"`   // SHA-256 of the secret of the job's content
	Signed       bool        `json:"signed,omitempty"`       // every event of the job so far is signed

	Checkpoints    int64       `json:"checkpoint_count"`
	Approvals      int64       `json:"approval_count"`
	Refusals       int64       `json:"refusal_count"`
	LastCheckpoint *Checkpoint `json:"last_checkpoint,omitempty"`

	Decisions   []Ask        `json:"decisions,omitempty"`    // asked for since the job last ran, oldest first
	Stop        *Ask         `json:"stop,omitempty"`         // the pause or block the job is in
	LastRefusal *LastRefusal `json:"last_refusal,omitempty"` // the last event, if it is a refusal

	Grants    []Grant    `json:"grants,omitempty"`      // open or unknown, oldest first
	Cleared   []Cleared  `json:"cleared,omitempty"`     // approved intents that were not granted yet, oldest first
	LastBlock *LastBlock `json:"last_block,omitempty"`  // the last event, if it is a block of the gate
	Allows    int64      `json:"allow_count,omitempty"` // grants so far
	Blocks    int64      `json:"block_count,omitempty"` // blocks so far

	After     []string         `json:"after,omitempty"`         // ids of the jobs that are completed before it is leased, ascending
	NotBefore string           `json:"not_before,omitempty"`    // when it may be leased at the earliest
	Input     ledger.Content   `json:"input,omitzero"`          // what it works on
	Lease     *Lease           `json:"lease,omitempty"`         // the newest one
	Attempts  int64            `json:"attempt_count,omitempty"` // how many have ended
	Steps     ledger.StepCount `json:"progress,omitzero"`       // how far it has come, as the newest checkpoint says that does
	Ended     ledger.Hash      `json:"ended,omitzero"`          // leaf hash of the event that gave it a final status

	Imported  *Import    `json:"imported,omitempty"`  // if the job was imported
	Continued *Continued `json:"continued,omitempty"` // if another ledger held the job before
}

// A Checkpoint is a worker's record of progress, as views show it.
type Checkpoint struct {
	ID             string `json:"checkpoint_id"`
	Created        string `json:"created_at"`
	Type           string `json:"type"`
	Summary        string `json:"summary"`
	RequiredAction string `json:"required_action,omitempty"`
	ReasonCode     string `json:"reason_code"`
	Actor          string `json:"actor,omitempty"`
	Verified       bool   `json:"actor_verified,omitempty"` // its event is signed
	Claimed        bool   `json:"claimed,omitempty"`        // an import claims it

	Steps ledger.StepCount `json:"progress,omitzero"` // how far it says that the job has come
}

// A Verdict is the last verdict on an Ask: none, approved or denied.
type Verdict string

// The verdicts.
const (
	Undecided Verdict = ""
	Approved  Verdict = "approved"
	Denied    Verdict = "denied"
)

// An Ask is an event that a verdict can name: a decision, a pause or a block.
type Ask struct {
	CheckpointID string      `json:"checkpoint_id,omitempty"` // of a decision or block
	Kind         AskKind     `json:"kind"`
	Target       ledger.Hash `json:"target"`                // the event's leaf hash
	JobSeq       int64       `json:"job_seq"`               // of the event
	Actor        string      `json:"actor"`                 // who asked
	Verdict      Verdict     `json:"verdict,omitempty"`     // the last one
	VerdictLeaf  ledger.Hash `json:"verdict_leaf"`          // leaf hash of the verdict's event
	VerdictSeq   int64       `json:"verdict_seq,omitempty"` // its job_seq
	VerdictBy    string      `json:"verdict_by,omitempty"`  // its actor

	Created        string `json:"created_at"`
	Summary        string `json:"summary,omitempty"`         // of a decision; not in the log's cache: see ReadTexts
	RequiredAction string `json:"required_action,omitempty"` // the same
	Claimed        bool   `json:"claimed,omitempty"`         // an import claims it: it needs an approval here in any case
	Hold           bool   `json:"hold,omitempty"`            // of a pause or block: it needs an approval in any case
	Continued      bool   `json:"continued,omitempty"`       // it was asked for in the ledger that held the job before

	Approvers []string       `json:"approvers,omitempty"`  // who may decide: names, or "role:" and a role; empty: anyone who may
	Expires   string         `json:"expires_at,omitempty"` // from then on it can neither be approved nor be used up
	Quorum    int64          `json:"quorum,omitempty"`     // how many must approve; 0: one
	Subject   ledger.Content `json:"subject,omitzero"`     // what is decided about; its name and media type are read as the summary is
	Amended   ledger.Content `json:"amended,omitzero"`     // what an approver put in the subject's place
	AskedKey  ledger.Hash    `json:"asked_key,omitzero"`   // that signed the asking; zero: a claim asked
	Replaces  string         `json:"replaces,omitempty"`   // what it took the place of, as the event names it
	Askers    []Asker        `json:"askers,omitempty"`     // who asked for what it took the place of, the oldest first: none of them approves it
	Tool      string         `json:"tool,omitempty"`       // if the gate asked: the tool whose intent is the subject
	CallID    string         `json:"call_id,omitempty"`    // if the gate asked: the worker's name for the call, if it gave one
	Verdicts  []Given        `json:"verdicts,omitempty"`   // the approvals so far, oldest first, if several can be needed or the ledger has authority
}

// An Asker is an actor who asked for what another decision has taken the place of.
type Asker struct {
	By  string      `json:"by"`
	Key ledger.Hash `json:"key,omitzero"` // that signed the asking; zero: a claim
}

// MaxAskers is how many others can have asked for what a decision has taken the place of.
const MaxAskers = 16

// A Given is an approval that counted when it was given.
type Given struct {
	By   string      `json:"by"`
	Key  ledger.Hash `json:"key,omitzero"` // that signed it; zero: a claim
	Leaf ledger.Hash `json:"leaf"`         // leaf hash of the verdict's event
	Seq  int64       `json:"seq"`          // its job_seq
}

// An AskKind says what asks: a decision, a pause or a block.
type AskKind string

// The kinds of Ask.
const (
	KindDecision AskKind = "decision"
	KindPause    AskKind = "pause"
	KindBlock    AskKind = "block"

	KindEffect AskKind = "effect" // in an inbox: a grant to be settled
)

// A LastRefusal records a refusal, to recognize the same one again.
type LastRefusal struct {
	Actor   string `json:"actor"`
	Command string `json:"command"`
	Exit    int64  `json:"exit"`
	Reason  string `json:"reason,omitempty"`
	Refusal string `json:"refusal"`
	Summary string `json:"summary,omitempty"`
}

// Repeats reports whether the job's last event is the same refusal.
func (j Job) Repeats(actor string, p ledger.Refused) bool {
	return j.LastRefusal != nil && *j.LastRefusal == lastRefusal(actor, p)
}

func lastRefusal(actor string, p ledger.Refused) LastRefusal {
	return LastRefusal{Actor: actor, Command: p.Command, Exit: p.Exit, Reason: p.Reason, Refusal: p.Refusal, Summary: p.Summary}
}

// policyBound reports whether the job can be resumed only under a policy that the
// command names.
func (j Job) policyBound() bool { return !j.PolicyDigest.IsZero() || j.PolicyRef != "" }

// Clone returns a Job that shares no memory with j.
func (j Job) Clone() Job {
	j.Labels = slices.Clone(j.Labels)
	j.Decisions, j.Stop = cloneAsks(j.Decisions, j.Stop)
	j.LastCheckpoint = clone(j.LastCheckpoint)
	j.LastRefusal = clone(j.LastRefusal)
	j.Grants, j.LastBlock = slices.Clone(j.Grants), clone(j.LastBlock)
	j.Cleared = slices.Clone(j.Cleared)
	for i := range j.Cleared {
		j.Cleared[i].Ask.unshare()
	}
	j.After, j.Lease = slices.Clone(j.After), clone(j.Lease)
	j.Imported = clone(j.Imported)
	j.Continued = clone(j.Continued)
	return j
}

// cloneAsks returns asks that share no memory with those given.
func cloneAsks(decisions []Ask, stop *Ask) ([]Ask, *Ask) {
	decisions, stop = slices.Clone(decisions), clone(stop)
	for i := range decisions {
		decisions[i].unshare()
	}
	if stop != nil {
		stop.unshare()
	}
	return decisions, stop
}

func (a *Ask) unshare() {
	a.Approvers, a.Askers, a.Verdicts = slices.Clone(a.Approvers), slices.Clone(a.Askers), slices.Clone(a.Verdicts)
}

func clone[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

// unsettled reports whether the ask keeps the job from resuming.
func (a Ask) unsettled() bool {
	return a.Verdict == Denied || a.Verdict == Undecided && (a.Kind == KindDecision || a.Claimed || a.Hold)
}

// Unsettled returns the asks that keep the job from resuming, by their recorded verdicts:
// decisions not approved, and a pause or block that was denied, or that is not approved and is a hold
// or claimed by an import.
func (j Job) Unsettled() []Ask {
	var asks []Ask
	for _, a := range j.Decisions {
		if a.unsettled() {
			asks = append(asks, a)
		}
	}
	if j.Stop != nil && j.Stop.unsettled() {
		asks = append(asks, *j.Stop)
	}
	return asks
}
