package packspec

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"gait/ledger"
	"gait/projection"
)

// What PackSpec v1 packs say: the same files as the views of ours, written by
// another tool. Fields that it leaves out when empty are so marked, so that
// what is read can be written again and compared.

// A v1Payload is job_payload.json.
type v1Payload struct {
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

// A v1State is job_state.json.
type v1State struct {
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

// A v1Event is a line of job_events.jsonl.
type v1Event struct {
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
func (e v1Event) text(name string) string {
	s, _ := e.fields[name].(string)
	return s
}

// parseV1Event reads a line of job_events.jsonl.
func parseV1Event(line []byte) (v1Event, error) {
	var e v1Event
	if err := parseCanonical(line, &e); err != nil {
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
	return e, checkV1Time(e.CreatedAt)
}

// check returns what is wrong with the fields of job_state.json, or "".
func (s v1State) check() string {
	if s.SchemaID != StateSchemaID || s.SchemaVersion != ViewVersion {
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
		if err := checkV1Time(t); err != nil {
			return err.Error()
		}
	}
	return ""
}

// checkSafety recomputes the hash of the safety invariants, and requires that
// they are those PackSpec v1 lists. bound are the identities and policies that
// the job has had: the list is made at the submission and not again.
func (s v1State) checkSafety(bound map[string]bool) error {
	list := s.SafetyInvariants
	if s.SafetyInvariantVersion == "" && s.SafetyInvariantHash == "" && len(list) == 0 {
		return nil // older producers have none
	}
	view := func(what, want, got string) error {
		return differs(LevelViews, CodeView, entryState, what, want, got)
	}
	if s.SafetyInvariantVersion != projection.SafetyInvariantVersion {
		return view("safety_invariant_version", projection.SafetyInvariantVersion, quote(s.SafetyInvariantVersion))
	}
	sum := sha256.Sum256([]byte(strings.Join(list, "|")))
	if want := hex.EncodeToString(sum[:]); s.SafetyInvariantHash != want {
		return view("safety_invariant_hash", want, quote(s.SafetyInvariantHash))
	}
	for _, always := range (projection.Job{}).SafetyInvariants() {
		if !slices.Contains(list, always) {
			return view("safety_invariants", always, "")
		}
		bound[always] = true
	}
	for i, one := range list {
		if !bound[one] || i > 0 && list[i-1] >= one {
			return view("safety_invariants, sorted", "what the events say", quote(one))
		}
	}
	return nil
}

// payload is the job_payload.json that goes with a state.
func (s v1State) payload() v1Payload {
	return v1Payload{SchemaID: PayloadSchemaID, SchemaVersion: ViewVersion, CreatedAt: s.CreatedAt, JobID: s.JobID, Status: s.Status,
		StopReason: s.StopReason, StatusReasonCode: s.StatusReasonCode, EnvironmentFingerprint: s.EnvironmentFingerprint,
		SafetyInvariantVersion: s.SafetyInvariantVersion, SafetyInvariantHash: s.SafetyInvariantHash,
		CheckpointCount: int64(len(s.Checkpoints)), ApprovalCount: int64(len(s.Approvals))}
}

// shown returns state and payload as Inspect shows those of any pack.
func (s v1State) shown() (JobState, JobPayload) {
	p := s.payload()
	state := JobState{Approvals: s.Approvals, Checkpoints: s.Checkpoints, Runtime: Runtime{SchemaID: s.SchemaID, SchemaVersion: s.SchemaVersion,
		CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt, ProducerVersion: s.ProducerVersion, JobID: s.JobID, Status: projection.Status(s.Status),
		StopReason: s.StopReason, StatusReasonCode: s.StatusReasonCode, EnvironmentFingerprint: s.EnvironmentFingerprint,
		SafetyInvariantVersion: s.SafetyInvariantVersion, SafetyInvariantHash: s.SafetyInvariantHash, SafetyInvariants: s.SafetyInvariants,
		PolicyDigest: s.PolicyDigest, PolicyRef: s.PolicyRef, Identity: s.Identity, Revision: s.Revision}}
	if state.Approvals == nil {
		state.Approvals = []Approval{}
	}
	if state.Checkpoints == nil {
		state.Checkpoints = []projection.Checkpoint{}
	}
	if state.SafetyInvariants == nil {
		state.SafetyInvariants = []string{}
	}
	return state, JobPayload{SchemaID: p.SchemaID, SchemaVersion: p.SchemaVersion, CreatedAt: p.CreatedAt, JobID: p.JobID,
		Status: projection.Status(p.Status), StopReason: p.StopReason, StatusReasonCode: p.StatusReasonCode,
		EnvironmentFingerprint: p.EnvironmentFingerprint, SafetyInvariantVersion: p.SafetyInvariantVersion,
		SafetyInvariantHash: p.SafetyInvariantHash, CheckpointCount: p.CheckpointCount, ApprovalCount: p.ApprovalCount}
}

// view returns the event as Inspect shows it.
func (e v1Event) view() projection.EventView {
	v := projection.EventView{SchemaID: e.SchemaID, SchemaVersion: e.SchemaVersion, CreatedAt: e.CreatedAt, JobID: e.JobID,
		Revision: e.Revision, Type: ledger.Type(e.Type), Actor: e.Actor, ReasonCode: e.ReasonCode, Payload: e.Payload}
	if v.Payload == nil {
		v.Payload = json.RawMessage("{}")
	}
	return v
}
