package v1

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"gait/ledger"
	"gait/packspec/container"
	"gait/packspec/finding"
	"gait/projection"
)

// Packs of PackSpec v1 hold the same files as the views in packs of gait. Fields that
// their tool leaves out when empty are marked omitempty, so that what was read can be
// encoded again and compared.

// The schemas that the files name. They are those of gait's own views.
const (
	payloadSchemaID = "gait.pack.job"
	stateSchemaID   = "gait.job.runtime"
	viewVersion     = "1.0.0"
)

// A Payload is job_payload.json.
type Payload struct {
	SchemaID               string `json:"schema_id"`
	SchemaVersion          string `json:"schema_version"`
	CreatedAt              string `json:"created_at"` // of the submission
	JobID                  string `json:"job_id"`
	Status                 string `json:"status"`
	StopReason             string `json:"stop_reason"`
	StatusReasonCode       string `json:"status_reason_code"`
	EnvironmentFingerprint string `json:"environment_fingerprint"`
	SafetyInvariantVersion string `json:"safety_invariant_version,omitempty"`
	SafetyInvariantHash    string `json:"safety_invariant_hash,omitempty"`
	CheckpointCount        int64  `json:"checkpoint_count"`
	ApprovalCount          int64  `json:"approval_count"`
}

// A State is job_state.json.
type State struct {
	SchemaID               string                  `json:"schema_id"`
	SchemaVersion          string                  `json:"schema_version"`
	CreatedAt              string                  `json:"created_at"`
	UpdatedAt              string                  `json:"updated_at"`
	ProducerVersion        string                  `json:"producer_version"`
	JobID                  string                  `json:"job_id"`
	Status                 string                  `json:"status"`
	StopReason             string                  `json:"stop_reason"`
	StatusReasonCode       string                  `json:"status_reason_code"`
	EnvironmentFingerprint string                  `json:"environment_fingerprint"`
	SafetyInvariantVersion string                  `json:"safety_invariant_version,omitempty"`
	SafetyInvariantHash    string                  `json:"safety_invariant_hash,omitempty"`
	SafetyInvariants       []string                `json:"safety_invariants,omitempty"`
	PolicyDigest           string                  `json:"policy_digest,omitempty"`
	PolicyRef              string                  `json:"policy_ref,omitempty"`
	Identity               string                  `json:"identity,omitempty"`
	Revision               int64                   `json:"revision"`
	Checkpoints            []projection.Checkpoint `json:"checkpoints"`
	Approvals              []Approval              `json:"approvals,omitempty"`
}

// An Approval is an approving verdict.
type Approval struct {
	CreatedAt string `json:"created_at"`
	Actor     string `json:"actor"`
	Reason    string `json:"reason"`
}

// An Event is a line of job_events.jsonl.
type Event struct {
	SchemaID      string          `json:"schema_id"`
	SchemaVersion string          `json:"schema_version"`
	CreatedAt     string          `json:"created_at"`
	JobID         string          `json:"job_id"`
	Revision      int64           `json:"revision"`
	Type          string          `json:"type"`
	Actor         string          `json:"actor,omitempty"`
	ReasonCode    string          `json:"reason_code,omitempty"`
	Payload       json.RawMessage `json:"payload,omitempty"`

	fields map[string]any // the payload's
}

// text returns a string of the payload, or "".
func (e Event) text(name string) string {
	s, _ := e.fields[name].(string)
	return s
}

// parseEvent reads a line of job_events.jsonl.
func parseEvent(line []byte) (Event, error) {
	var e Event
	if err := container.ParseCanonical(line, &e); err != nil {
		return e, err
	}
	if e.SchemaID != projection.EventSchemaID || e.SchemaVersion != projection.SchemaVersion {
		return e, fmt.Errorf("%.60q %.20q is not an event", e.SchemaID, e.SchemaVersion)
	}
	if len(e.Payload) > 0 {
		if err := json.Unmarshal(e.Payload, &e.fields); err != nil || e.fields == nil {
			return e, fmt.Errorf("payload: not an object")
		}
	}
	return e, checkTime(e.CreatedAt)
}

// check returns what is wrong with the fields of job_state.json, or "".
func (s State) check() string {
	if s.SchemaID != stateSchemaID || s.SchemaVersion != viewVersion {
		return fmt.Sprintf("%.60q %.20q is not a job's state", s.SchemaID, s.SchemaVersion)
	}
	times := []string{s.CreatedAt, s.UpdatedAt}
	for _, c := range s.Checkpoints {
		if c.Claimed {
			return "claimed is not a field of a checkpoint"
		}
		times = append(times, c.Created)
	}
	for _, a := range s.Approvals {
		times = append(times, a.CreatedAt)
	}
	for _, t := range times {
		if err := checkTime(t); err != nil {
			return err.Error()
		}
	}
	return ""
}

// checkSafety recomputes the hash of the safety invariants, and requires the invariants
// to be those that PackSpec v1 lists. bound has the identities and policies of the job
// at any time: the list is made at the submission and not updated.
func (s State) checkSafety(bound map[string]bool) error {
	list := s.SafetyInvariants
	if s.SafetyInvariantVersion == "" && s.SafetyInvariantHash == "" && len(list) == 0 {
		return nil // older producers have none
	}
	view := func(what, want, got string) error {
		return finding.Differs(finding.LevelViews, finding.CodeView, StateEntry, what, want, got)
	}
	if s.SafetyInvariantVersion != projection.SafetyInvariantVersion {
		return view("safety_invariant_version", projection.SafetyInvariantVersion, finding.Quote(s.SafetyInvariantVersion))
	}
	sum := sha256.Sum256([]byte(strings.Join(list, "|")))
	if want := hex.EncodeToString(sum[:]); s.SafetyInvariantHash != want {
		return view("safety_invariant_hash", want, finding.Quote(s.SafetyInvariantHash))
	}
	for _, always := range (projection.Job{}).SafetyInvariants() {
		if !slices.Contains(list, always) {
			return view("safety_invariants", always, "")
		}
		bound[always] = true
	}
	for i, one := range list {
		if !bound[one] || i > 0 && list[i-1] >= one {
			return view("safety_invariants, sorted", "what the events say", finding.Quote(one))
		}
	}
	return nil
}

// Payload returns the job_payload.json that belongs to a state.
func (s State) Payload() Payload {
	return Payload{
		SchemaID: payloadSchemaID, SchemaVersion: viewVersion, CreatedAt: s.CreatedAt, JobID: s.JobID, Status: s.Status,
		StopReason: s.StopReason, StatusReasonCode: s.StatusReasonCode, EnvironmentFingerprint: s.EnvironmentFingerprint,
		SafetyInvariantVersion: s.SafetyInvariantVersion, SafetyInvariantHash: s.SafetyInvariantHash,
		CheckpointCount: int64(len(s.Checkpoints)), ApprovalCount: int64(len(s.Approvals)),
	}
}

// View returns the event in the form that gait shows for its own jobs.
func (e Event) View() projection.EventView {
	v := projection.EventView{
		SchemaID: e.SchemaID, SchemaVersion: e.SchemaVersion, CreatedAt: e.CreatedAt, JobID: e.JobID,
		Revision: e.Revision, Type: ledger.Type(e.Type), Actor: e.Actor, ReasonCode: e.ReasonCode, Payload: e.Payload,
	}
	if v.Payload == nil {
		v.Payload = json.RawMessage("{}")
	}
	return v
}
