package projection

import (
	"encoding/json"
	"fmt"

	"gait/ledger"
)

// Identification of the views, as their JSON carries it.
const (
	StatusSchemaID = "gait.job.status"
	ViewSchemaID   = "gait.job.view"
	EventSchemaID  = "gait.job.event"
	SchemaVersion  = "1.0.0"
)

// A Common is what both views of a job show.
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
	ActorVerified          bool              `json:"actor_verified"` // false: actors are claims
	Imported               *Import           `json:"imported,omitempty"`
}

// A StatusView is a job at a glance: bounded, whatever the job's history.
type StatusView struct {
	Common
	CheckpointCount int64          `json:"checkpoint_count"`
	ApprovalCount   int64          `json:"approval_count"`
	RefusalCount    int64          `json:"refusal_count"`
	LastCheckpoint  *Checkpoint    `json:"last_checkpoint,omitempty"`
	OpenDecisions   []OpenDecision `json:"open_decisions"`
	WaitingFor      string         `json:"waiting_for"`
}

// An OpenDecision is a decision that keeps a job from going on.
type OpenDecision struct {
	CheckpointID   string  `json:"checkpoint_id"`
	CreatedAt      string  `json:"created_at"`
	Actor          string  `json:"actor"`
	Summary        string  `json:"summary"`
	RequiredAction string  `json:"required_action"`
	Target         string  `json:"target"` // leaf hash of the event that asked
	Verdict        Verdict `json:"verdict,omitempty"`
}

func (j Job) common(schema string) Common {
	c := Common{SchemaID: schema, SchemaVersion: SchemaVersion, JobID: j.ID, Status: j.Status, StopReason: j.StopReason,
		StatusReasonCode: j.ReasonCode, Revision: j.Revision, CreatedAt: j.Created, UpdatedAt: j.Updated,
		ProducerVersion: j.ProducerVersion, EnvironmentFingerprint: j.EnvironmentFingerprint, PolicyDigest: j.PolicyDigest,
		PolicyRef: j.PolicyRef, Identity: j.Identity, SafetyInvariantVersion: SafetyInvariantVersion,
		SafetyInvariantHash: j.SafetyInvariantHash(), SafetyInvariants: j.SafetyInvariants(), Imported: clone(j.Imported)}
	for _, l := range j.Labels {
		if c.Labels == nil {
			c.Labels = map[string]string{}
		}
		c.Labels[l.Key] = l.Value
	}
	return c
}

// StatusView returns the bounded view of j.
func (j Job) StatusView() StatusView {
	v := StatusView{Common: j.common(StatusSchemaID), CheckpointCount: j.Checkpoints, ApprovalCount: j.Approvals,
		RefusalCount: j.Refusals, LastCheckpoint: clone(j.LastCheckpoint), OpenDecisions: []OpenDecision{}, WaitingFor: j.WaitingFor()}
	if j.Status.Final() {
		return v
	}
	for _, a := range j.Decisions {
		if a.Verdict != Approved {
			v.OpenDecisions = append(v.OpenDecisions, OpenDecision{CheckpointID: a.CheckpointID, CreatedAt: a.Created, Actor: a.Actor,
				Summary: a.Summary, RequiredAction: a.RequiredAction, Target: a.Target.String(), Verdict: a.Verdict})
		}
	}
	return v
}

// A View is a job with everything that was recorded for it, refusals and plain
// events apart.
type View struct {
	Common
	Checkpoints []Checkpoint `json:"checkpoints"`
	Approvals   []Approval   `json:"approvals"`
}

// An Approval is a verdict, approving or denying.
type Approval struct {
	CreatedAt    string  `json:"created_at"`
	Actor        string  `json:"actor"`
	Reason       string  `json:"reason"`
	Verdict      Verdict `json:"verdict"`
	Target       string  `json:"target,omitempty"` // left out where an import claims it
	CheckpointID string  `json:"checkpoint_id,omitempty"`
	Claimed      bool    `json:"claimed,omitempty"` // it came with an import
}

// View returns the view of j with the given lists.
func (j Job) View(checkpoints []Checkpoint, approvals []Approval) View {
	v := View{Common: j.common(ViewSchemaID), Checkpoints: checkpoints, Approvals: approvals}
	if v.Checkpoints == nil {
		v.Checkpoints = []Checkpoint{}
	}
	if v.Approvals == nil {
		v.Approvals = []Approval{}
	}
	return v
}

// CheckpointOf returns the checkpoint that an event adds, if it adds one.
func CheckpointOf(e ledger.Event) (Checkpoint, bool) {
	p, ok := e.Payload.(ledger.CheckpointAdded)
	if !ok {
		return Checkpoint{}, false
	}
	return Checkpoint{ID: p.CheckpointID, Created: ledger.FormatTime(e.Time), Type: string(p.CheckpointType), Summary: p.Summary,
		RequiredAction: p.RequiredAction, ReasonCode: CheckpointReason(p.CheckpointType), Actor: e.Actor}, true
}

// ApprovalOf returns the verdict that an event records, if it records one.
func ApprovalOf(e ledger.Event) (Approval, bool) {
	a := Approval{CreatedAt: ledger.FormatTime(e.Time), Actor: e.Actor}
	switch p := e.Payload.(type) {
	case ledger.Approved:
		a.Verdict, a.Reason, a.Target, a.CheckpointID = Approved, p.Reason, p.Target.String(), p.CheckpointID
	case ledger.Denied:
		a.Verdict, a.Reason, a.Target, a.CheckpointID = Denied, p.Reason, p.Target.String(), p.CheckpointID
	default:
		return Approval{}, false
	}
	return a, true
}

// CheckpointsOf returns the checkpoints that an event brings: the one it adds,
// or those of an import.
func CheckpointsOf(e ledger.Event) []Checkpoint {
	if p, ok := e.Payload.(ledger.Imported); ok {
		return importedCheckpoints(p)
	}
	if c, ok := CheckpointOf(e); ok {
		return []Checkpoint{c}
	}
	return nil
}

// ApprovalsOf returns the verdicts that an event brings: the one it records, or
// the approvals of an import.
func ApprovalsOf(e ledger.Event) []Approval {
	if p, ok := e.Payload.(ledger.Imported); ok {
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
	ReasonCode    string          `json:"reason_code"`
	Payload       json.RawMessage `json:"payload"`
}

// EventViewOf returns the view of a job's event.
func EventViewOf(e ledger.Event) (EventView, error) { return eventView(e, nil) }

// eventView is EventViewOf that appends the payload to the empty slice room.
func eventView(e ledger.Event, room []byte) (EventView, error) {
	payload, err := ledger.AppendPayload(room, e.Payload)
	if err != nil {
		return EventView{}, fmt.Errorf("event %d: %w", e.Seq, err)
	}
	return EventView{SchemaID: EventSchemaID, SchemaVersion: SchemaVersion, CreatedAt: ledger.FormatTime(e.Time), JobID: e.JobID,
		Revision: e.Revision, Type: e.Type(), Actor: e.Actor, ReasonCode: reasonCode(e), Payload: payload}, nil
}

func reasonCode(e ledger.Event) string {
	switch p := e.Payload.(type) {
	case ledger.Submitted:
		return ReasonSubmitted
	case ledger.CheckpointAdded:
		return CheckpointReason(p.CheckpointType)
	case ledger.Paused:
		return ReasonPaused
	case ledger.Approved:
		return ReasonApproved
	case ledger.Denied:
		return ReasonDenied
	case ledger.Resumed:
		return ResumeReason(p)
	case ledger.Cancelled:
		return ReasonCancelled
	case ledger.Stopped:
		return ReasonEmergencyStop
	case ledger.Refused:
		return p.Refusal
	case ledger.Imported:
		return ReasonImported
	case ledger.LedgerCreated, ledger.KeyRotated:
		return string(p.Type())
	}
	panic(fmt.Sprintf("projection: no reason code for %T", e.Payload))
}
