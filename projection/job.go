package projection

import (
	"slices"

	"gait/ledger"
)

// Version is that of the folds: a cached Job of another version is made anew.
const Version = 1

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

// Final reports whether no command changes a job of this status any more.
func (s Status) Final() bool { return s == Completed || s == Failed || s == Cancelled }

// Leads reports whether a job of status s has status to, or can come to have it.
func (s Status) Leads(to Status) bool {
	switch {
	case s == to:
		return true
	case s == EmergencyStopped:
		return to == Cancelled
	}
	return !s.Final()
}

// The stop reasons.
const (
	StopNone             = "none"
	StopPausedByUser     = "paused_by_user"
	StopDecisionNeeded   = "decision_needed"
	StopDecisionDenied   = "decision_denied"
	StopBlocked          = "blocked"
	StopCompleted        = "completed"
	StopFailed           = "failed"
	StopCancelledByUser  = "cancelled_by_user"
	StopEmergencyStopped = "emergency_stopped"
)

// The reason codes of statuses and events.
const (
	ReasonSubmitted        = "submitted"
	ReasonPaused           = "paused"
	ReasonDecisionNeeded   = "decision_needed"
	ReasonBlocked          = "blocked"
	ReasonCompleted        = "completed"
	ReasonFailed           = "failed"
	ReasonCancelled        = "cancelled"
	ReasonEmergencyStop    = "emergency_stop_preempted"
	ReasonApproved         = "approval_recorded"
	ReasonDenied           = "decision_denied"
	ReasonResumed          = "resumed"
	ReasonResumedPolicy    = "resumed_with_policy_transition"
	ReasonResumedEnv       = "resumed_with_env_override"
	ReasonResumedEnvPolicy = "resumed_with_env_override_policy_transition"
	ReasonImported         = "imported" // of the event alone: the status keeps the claimed one
)

// A Job is the state of a job after some event, bounded in size whatever the
// job's history. The zero Job is one that was never submitted.
type Job struct {
	ID         string `json:"job_id"`
	Status     Status `json:"status"`
	StopReason string `json:"stop_reason"`
	ReasonCode string `json:"status_reason_code"`
	Revision   int64  `json:"revision"`
	JobSeq     int64  `json:"job_seq"`    // events so far, refusals included
	Created    string `json:"created_at"` // times are spelt as events spell them
	Updated    string `json:"updated_at"` // of the last event that changed the revision

	ProducerVersion        string         `json:"producer_version"`
	EnvironmentFingerprint string         `json:"environment_fingerprint"`
	PolicyDigest           string         `json:"policy_digest,omitempty"` // hexadecimal
	PolicyRef              string         `json:"policy_ref,omitempty"`
	Identity               string         `json:"identity,omitempty"`
	Labels                 []ledger.Label `json:"labels,omitempty"`

	Checkpoints    int64       `json:"checkpoint_count"`
	Approvals      int64       `json:"approval_count"`
	Refusals       int64       `json:"refusal_count"`
	LastCheckpoint *Checkpoint `json:"last_checkpoint,omitempty"`

	Decisions   []Ask        `json:"decisions,omitempty"`    // asked for since the job last ran, oldest first
	Stop        *Ask         `json:"stop,omitempty"`         // the pause or block the job is in
	LastRefusal *LastRefusal `json:"last_refusal,omitempty"` // the last event, where it is a refusal

	Imported *Import `json:"imported,omitempty"` // where the job was kept elsewhere before
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
	Claimed        bool   `json:"claimed,omitempty"` // it came with an import
}

// A Verdict is what was last said about an Ask: nothing, approved or denied.
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
	Kind         string      `json:"kind"`                    // decision, pause or block
	Target       ledger.Hash `json:"target"`                  // the event's leaf hash
	JobSeq       int64       `json:"job_seq"`                 // of the event
	Actor        string      `json:"actor"`                   // who asked
	Verdict      Verdict     `json:"verdict,omitempty"`       // the last one
	VerdictLeaf  ledger.Hash `json:"verdict_leaf"`            // leaf hash of the verdict's event
	VerdictSeq   int64       `json:"verdict_seq,omitempty"`   // its job_seq
	VerdictBy    string      `json:"verdict_by,omitempty"`    // its actor

	Created        string `json:"created_at"`
	Summary        string `json:"summary,omitempty"`
	RequiredAction string `json:"required_action,omitempty"`
	Claimed        bool   `json:"claimed,omitempty"` // it came with an import: whatever it is, it needs an approval here
}

// The kinds of Ask.
const (
	KindDecision = "decision"
	KindPause    = "pause"
	KindBlock    = "block"
)

// A LastRefusal tells whether a refusal repeats the one before it.
type LastRefusal struct {
	Actor   string `json:"actor"`
	Command string `json:"command"`
	Exit    int64  `json:"exit"`
	Reason  string `json:"reason,omitempty"`
	Refusal string `json:"refusal"`
	Summary string `json:"summary,omitempty"`
}

// Repeats reports whether the job's last event is this very refusal.
func (j Job) Repeats(actor string, p ledger.Refused) bool {
	return j.LastRefusal != nil && *j.LastRefusal == lastRefusal(actor, p)
}

func lastRefusal(actor string, p ledger.Refused) LastRefusal {
	return LastRefusal{Actor: actor, Command: p.Command, Exit: p.Exit, Reason: p.Reason, Refusal: p.Refusal, Summary: p.Summary}
}

// Clone returns a Job that shares no memory with j.
func (j Job) Clone() Job {
	j.Labels = slices.Clone(j.Labels)
	j.Decisions = slices.Clone(j.Decisions)
	j.LastCheckpoint = clone(j.LastCheckpoint)
	j.Stop = clone(j.Stop)
	j.LastRefusal = clone(j.LastRefusal)
	j.Imported = clone(j.Imported)
	return j
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
	return a.Verdict == Denied || a.Verdict == Undecided && (a.Kind == KindDecision || a.Claimed)
}

// Unsettled returns the asks that keep the job from resuming: decisions not
// approved, and a pause or block that was denied or that came with an import
// and is not approved.
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

// Usable returns the leaf hashes of the approvals that a resume would use up, oldest first.
func (j Job) Usable() []ledger.Hash {
	asks := slices.Clone(j.Decisions)
	if j.Stop != nil {
		asks = append(asks, *j.Stop)
	}
	asks = slices.DeleteFunc(asks, func(a Ask) bool { return a.Verdict != Approved })
	slices.SortFunc(asks, func(a, b Ask) int { return int(a.VerdictSeq - b.VerdictSeq) })
	var leaves []ledger.Hash
	for _, a := range asks {
		leaves = append(leaves, a.VerdictLeaf)
	}
	return leaves
}

// WaitingFor says in a word what has to come next: worker, decision (a
// verdict on what nobody has decided), reversal (a new verdict on what was
// denied), resume, cancel or none.
func (j Job) WaitingFor() string {
	switch {
	case j.Status.Final():
		return "none"
	case j.Status == EmergencyStopped:
		return "cancel"
	case j.Status == Running:
		return "worker"
	}
	waiting := "resume"
	for _, a := range j.Unsettled() {
		if a.Verdict == Undecided {
			return "decision"
		}
		waiting = "reversal"
	}
	return waiting
}
