package projection

import (
	"encoding/json"

	"gait/ledger"
)

// The schema ids and versions of the views, as their JSON has them.
const (
	StatusSchemaID = "gait.job.status"
	ViewSchemaID   = "gait.job.view"
	EventSchemaID  = "gait.job.event"
	SchemaVersion  = "1.0.0"
)

// A Common is the part that both views of a job share.
type Common struct {
	SchemaID               string            `json:"schema_id"`
	SchemaVersion          string            `json:"schema_version"`
	JobID                  string            `json:"job_id"`
	Status                 Status            `json:"status"`
	StopReason             string            `json:"stop_reason"`
	StatusReasonCode       string            `json:"status_reason_code"`
	Revision               int64             `json:"revision"`
	CreatedAt              string            `json:"created_at"`
	UpdatedAt              string            `json:"updated_at"`
	ProducerVersion        string            `json:"producer_version"`
	EnvironmentFingerprint string            `json:"environment_fingerprint"`
	PolicyDigest           string            `json:"policy_digest,omitempty"`
	PolicyRef              string            `json:"policy_ref,omitempty"`
	Identity               string            `json:"identity,omitempty"`
	Labels                 map[string]string `json:"labels,omitempty"`
	SafetyInvariantVersion string            `json:"safety_invariant_version"`
	SafetyInvariantHash    string            `json:"safety_invariant_hash"`
	SafetyInvariants       []string          `json:"safety_invariants"`
	ActorVerified          bool              `json:"actor_verified"` // every event of the job is signed; if false, an actor can be a claim
	Imported               *Import           `json:"imported,omitempty"`
	Continued              *Continued        `json:"continued,omitempty"`

	Work
}

// A StatusView is a job at a glance. Its size is bounded, however long the history is.
type StatusView struct {
	Common
	CheckpointCount int64          `json:"checkpoint_count"`
	ApprovalCount   int64          `json:"approval_count"`
	RefusalCount    int64          `json:"refusal_count"`
	LastCheckpoint  *Checkpoint    `json:"last_checkpoint,omitempty"`
	OpenDecisions   []OpenDecision `json:"open_decisions"`
	WaitingFor      string         `json:"waiting_for"`
	Hold            *Hold          `json:"hold,omitempty"`
	Grants          []GrantView    `json:"grants,omitempty"`  // open or unknown, oldest first
	Cleared         []ClearedView  `json:"cleared,omitempty"` // approved and not granted, oldest first
	AllowCount      int64          `json:"allow_count,omitempty"`
	BlockCount      int64          `json:"block_count,omitempty"`
	Dependencies    []Dependency   `json:"dependencies,omitempty"` // the jobs that it comes after, if they were looked up
}

// A Hold is a pause or block that keeps a job from resuming until another actor approves
// it.
type Hold struct {
	Progress

	CreatedAt string  `json:"created_at"`
	Actor     string  `json:"actor"`  // who asked for it, and may not approve it
	Target    string  `json:"target"` // leaf hash of the event that asked
	Verdict   Verdict `json:"verdict,omitempty"`
}

// OnHold returns the job's hold, or nil if it has none or if that was approved.
func (j Job) OnHold(b Basis) *Hold {
	if !j.stopped() || j.Stop == nil || !j.Stop.Hold {
		return nil
	}
	d := j.Judge(*j.Stop, b)
	if d.Outcome == OutcomeApproved {
		return nil
	}
	return &Hold{Progress: d.progress(b), CreatedAt: d.Created, Actor: d.Actor, Target: d.Target.String(), Verdict: d.shown()}
}

// An OpenDecision is a decision that keeps a job from continuing.
type OpenDecision struct {
	Progress

	CheckpointID   string  `json:"checkpoint_id"`
	CreatedAt      string  `json:"created_at"`
	Actor          string  `json:"actor"`
	AskedBy        string  `json:"asked_by,omitempty"` // AskedByClaim, or "" if the asking is signed or the ledger has no authority
	Summary        string  `json:"summary"`
	RequiredAction string  `json:"required_action"`
	Target         string  `json:"target"` // leaf hash of the event that asked
	Verdict        Verdict `json:"verdict,omitempty"`
}

func commonOf(j Job, schema string, b Basis) Common {
	c := Common{
		SchemaID: schema, SchemaVersion: SchemaVersion, JobID: j.ID, Status: j.Status, StopReason: string(j.StopReason),
		StatusReasonCode: string(j.ReasonCode), Revision: j.Revision, CreatedAt: j.Created, UpdatedAt: j.Updated,
		ProducerVersion: j.ProducerVersion, EnvironmentFingerprint: j.EnvironmentFingerprint, PolicyDigest: j.PolicyDigest.OrEmpty(),
		PolicyRef: j.PolicyRef, Identity: j.Identity, SafetyInvariantVersion: SafetyInvariantVersion,
		SafetyInvariantHash: j.SafetyInvariantHash(), SafetyInvariants: j.SafetyInvariants(), ActorVerified: j.Signed,
		Imported: clone(j.Imported), Continued: clone(j.Continued), Work: workOf(j, b),
	}
	c.Labels = labelsOf(j)
	return c
}

// labelsOf returns the labels of a job; nil if it has none.
func labelsOf(j Job) (labels map[string]string) {
	for _, l := range j.Labels {
		if labels == nil {
			labels = map[string]string{}
		}
		labels[l.Key] = l.Value
	}
	return labels
}

// StatusView returns the bounded view of j as it was recorded. It follows from the job's
// events alone.
func (j Job) StatusView() StatusView { return j.StatusViewAt(Basis{}) }

// StatusViewAt returns the bounded view of j with verdicts judged on a basis.
func (j Job) StatusViewAt(b Basis) StatusView {
	v := StatusView{
		Common: commonOf(j, StatusSchemaID, b), CheckpointCount: j.Checkpoints, ApprovalCount: j.Approvals,
		RefusalCount: j.Refusals, LastCheckpoint: clone(j.LastCheckpoint), OpenDecisions: []OpenDecision{}, WaitingFor: j.WaitingForAt(b), Hold: j.OnHold(b),
		Grants: grantViews(j.Grants), AllowCount: j.Allows, BlockCount: j.Blocks,
	}
	if j.Status.Final() {
		return v
	}
	v.Cleared = clearedViews(&j, b)
	for _, a := range j.Decisions {
		d := j.Judge(a, b)
		if d.Outcome == OutcomeApproved {
			continue
		}
		v.OpenDecisions = append(v.OpenDecisions, OpenDecision{
			Progress: d.progress(b), CheckpointID: a.CheckpointID, CreatedAt: a.Created, Actor: a.Actor, AskedBy: d.askedBy(b),
			Summary: a.Summary, RequiredAction: a.RequiredAction, Target: a.Target.String(), Verdict: d.shown(),
		})
	}
	return v
}

// A View is a job with everything that was recorded for it except refusals and plain
// events.
type View struct {
	Common
	Checkpoints []Checkpoint `json:"checkpoints"`
	Approvals   []Approval   `json:"approvals"`
}

// An Approval is a verdict, approving or denying.
type Approval struct {
	CreatedAt     string  `json:"created_at"`
	Actor         string  `json:"actor"`
	ActorVerified bool    `json:"actor_verified,omitempty"` // it is signed
	Reason        string  `json:"reason"`
	Verdict       Verdict `json:"verdict"`
	Target        string  `json:"target,omitempty"`  // left out if an import claims it
	Subject       string  `json:"subject,omitempty"` // digest of what was decided about
	Amended       string  `json:"amended,omitempty"` // digest of what was approved in its place
	CheckpointID  string  `json:"checkpoint_id,omitempty"`
	Claimed       bool    `json:"claimed,omitempty"` // an import claims it
}

// View returns the view of j with the given lists.
func (j Job) View(checkpoints []Checkpoint, approvals []Approval) View {
	v := View{Common: commonOf(j, ViewSchemaID, Basis{}), Checkpoints: checkpoints, Approvals: approvals}
	if v.Checkpoints == nil {
		v.Checkpoints = []Checkpoint{}
	}
	if v.Approvals == nil {
		v.Approvals = []Approval{}
	}
	return v
}

// CheckpointOf returns the checkpoint that an event adds, if it adds one. A decision that
// the gate asks for is one, too.
func CheckpointOf(e ledger.Event) (Checkpoint, bool) {
	if p, ok := e.Payload().(ledger.CheckpointAdded); ok {
		return checkpoint(p, e.Actor(), e.TimeText(), signed(e)), true
	}
	if p, ok := e.Payload().(ledger.GateDecided); ok && p.Verdict == ledger.GateRequireApproval {
		return gateCheckpointOf(p, e.Actor(), e.TimeText(), signed(e)), true
	}
	return Checkpoint{}, false
}

// signed reports whether an event is signed.
func signed(e ledger.Event) bool { return len(e.CommandSigs()) > 0 }

// checkpoint returns the checkpoint that an actor added at a time.
func checkpoint(p ledger.CheckpointAdded, actor, at string, signed bool) Checkpoint {
	return Checkpoint{
		ID: p.CheckpointID, Created: at, Type: string(p.CheckpointType), Summary: p.Summary,
		RequiredAction: p.RequiredAction, ReasonCode: string(CheckpointReason(p.CheckpointType)), Actor: actor, Verified: signed, Steps: p.Progress,
	}
}

// ApprovalOf returns the verdict that an event records, if it records one.
func ApprovalOf(e ledger.Event) (Approval, bool) {
	a := Approval{Actor: e.Actor(), ActorVerified: signed(e)}
	switch p := e.Payload().(type) {
	case ledger.Approved:
		a.Verdict, a.Reason, a.Target, a.CheckpointID = Approved, p.Reason, p.Target.String(), p.CheckpointID
		a.Subject, a.Amended = p.Subject.OrEmpty(), p.Amended.Digest.OrEmpty()
	case ledger.Denied:
		a.Verdict, a.Reason, a.Target, a.CheckpointID = Denied, p.Reason, p.Target.String(), p.CheckpointID
		a.Subject = p.Subject.OrEmpty()
	default:
		return Approval{}, false
	}
	a.CreatedAt = e.TimeText()
	return a, true
}

// CheckpointsOf returns the checkpoints of an event: the one it adds, or those of
// an import.
func CheckpointsOf(e ledger.Event) []Checkpoint {
	if p, ok := e.Payload().(ledger.Imported); ok {
		return importedCheckpoints(p)
	}
	if c, ok := CheckpointOf(e); ok {
		return []Checkpoint{c}
	}
	return nil
}

// ApprovalsOf returns the verdicts of an event: the one it records, or the
// approvals of an import.
func ApprovalsOf(e ledger.Event) []Approval {
	if p, ok := e.Payload().(ledger.Imported); ok {
		return importedApprovals(p)
	}
	if a, ok := ApprovalOf(e); ok {
		return []Approval{a}
	}
	return nil
}

// An EventView is an event as PackSpec v1 shows it.
type EventView struct {
	SchemaID      string          `json:"schema_id"`
	SchemaVersion string          `json:"schema_version"`
	CreatedAt     string          `json:"created_at"`
	JobID         string          `json:"job_id"`
	Revision      int64           `json:"revision"`
	Type          ledger.Type     `json:"type"`
	Actor         string          `json:"actor"`
	ActorVerified bool            `json:"actor_verified,omitempty"` // the event is signed
	ReasonCode    string          `json:"reason_code"`
	Payload       json.RawMessage `json:"payload"`
}

// EventViewOf returns the view of a job's event.
func EventViewOf(e ledger.Event) EventView {
	return EventView{
		SchemaID: EventSchemaID, SchemaVersion: SchemaVersion, CreatedAt: e.TimeText(), JobID: e.JobID(), Revision: e.Revision(),
		Type: e.Type(), Actor: e.Actor(), ActorVerified: signed(e), ReasonCode: string(MeaningOf(e).Code), Payload: e.PayloadBytes(),
	}
}
