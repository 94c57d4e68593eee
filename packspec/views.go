package packspec

import (
	"fmt"
	"io"

	"gait/ledger"
	"gait/projection"
)

// Identification of the views, as their JSON carries it.
const (
	PayloadSchemaID = "gait.pack.job"
	StateSchemaID   = "gait.job.runtime"
	ViewVersion     = "1.0.0"
)

// A JobPayload is job_payload.json: the job at a glance.
type JobPayload struct {
	SchemaID               string            `json:"schema_id"`
	SchemaVersion          string            `json:"schema_version"`
	CreatedAt              string            `json:"created_at"` // time of the job's last event
	JobID                  string            `json:"job_id"`
	Status                 projection.Status `json:"status"`
	StopReason             string            `json:"stop_reason"`
	StatusReasonCode       string            `json:"status_reason_code"`
	EnvironmentFingerprint string            `json:"environment_fingerprint"`
	SafetyInvariantVersion string            `json:"safety_invariant_version"`
	SafetyInvariantHash    string            `json:"safety_invariant_hash"`
	CheckpointCount        int64             `json:"checkpoint_count"`
	ApprovalCount          int64             `json:"approval_count"`
}

// A JobState is job_state.json: the job and everything recorded for it. Its
// two lists stand first in canonical JSON, so that it is written in one go.
type JobState struct {
	Approvals   []Approval              `json:"approvals"` // the approving verdicts
	Checkpoints []projection.Checkpoint `json:"checkpoints"`
	Runtime
}

// A Runtime is a JobState without its lists.
type Runtime struct {
	SchemaID               string            `json:"schema_id"`
	SchemaVersion          string            `json:"schema_version"`
	CreatedAt              string            `json:"created_at"`
	UpdatedAt              string            `json:"updated_at"`
	ProducerVersion        string            `json:"producer_version"`
	JobID                  string            `json:"job_id"`
	Status                 projection.Status `json:"status"`
	StopReason             string            `json:"stop_reason"`
	StatusReasonCode       string            `json:"status_reason_code"`
	EnvironmentFingerprint string            `json:"environment_fingerprint"`
	SafetyInvariantVersion string            `json:"safety_invariant_version"`
	SafetyInvariantHash    string            `json:"safety_invariant_hash"`
	SafetyInvariants       []string          `json:"safety_invariants"`
	PolicyDigest           string            `json:"policy_digest,omitempty"`
	PolicyRef              string            `json:"policy_ref,omitempty"`
	Identity               string            `json:"identity,omitempty"`
	Revision               int64             `json:"revision"`
}

// An Approval is an approving verdict, as PackSpec v1 shows it.
type Approval struct {
	CreatedAt string `json:"created_at"`
	Actor     string `json:"actor"`
	Reason    string `json:"reason"`
}

func payloadOf(j projection.Job, head ledger.JobHead) JobPayload {
	return JobPayload{SchemaID: PayloadSchemaID, SchemaVersion: ViewVersion, CreatedAt: ledger.FormatTime(head.Time), JobID: j.ID,
		Status: j.Status, StopReason: j.StopReason, StatusReasonCode: j.ReasonCode, EnvironmentFingerprint: j.EnvironmentFingerprint,
		SafetyInvariantVersion: projection.SafetyInvariantVersion, SafetyInvariantHash: j.SafetyInvariantHash(),
		CheckpointCount: j.Checkpoints, ApprovalCount: j.Approvals}
}

func runtimeOf(j projection.Job) Runtime {
	return Runtime{SchemaID: StateSchemaID, SchemaVersion: ViewVersion, CreatedAt: j.Created, UpdatedAt: j.Updated,
		ProducerVersion: j.ProducerVersion, JobID: j.ID, Status: j.Status, StopReason: j.StopReason, StatusReasonCode: j.ReasonCode,
		EnvironmentFingerprint: j.EnvironmentFingerprint, SafetyInvariantVersion: projection.SafetyInvariantVersion,
		SafetyInvariantHash: j.SafetyInvariantHash(), SafetyInvariants: j.SafetyInvariants(), PolicyDigest: j.PolicyDigest,
		PolicyRef: j.PolicyRef, Identity: j.Identity, Revision: j.Revision}
}

// approvalsOf returns the approvals that an event brings.
func approvalsOf(e ledger.Event) []Approval {
	var list []Approval
	for _, a := range projection.ApprovalsOf(e) {
		if a.Verdict == projection.Approved {
			list = append(list, Approval{CreatedAt: a.CreatedAt, Actor: a.Actor, Reason: a.Reason})
		}
	}
	return list
}

// checkpointsOf returns the checkpoints that an event brings, in the fields of
// PackSpec v1 alone.
func checkpointsOf(e ledger.Event) []projection.Checkpoint {
	list := projection.CheckpointsOf(e)
	for i := range list {
		list[i].Claimed = false
	}
	return list
}

// writePayload writes job_payload.json.
func writePayload(w io.Writer, j projection.Job, head ledger.JobHead) error {
	b, err := projection.Canonical(payloadOf(j, head))
	if err != nil {
		return err
	}
	return text(b)(w)
}

// writeState writes job_state.json of a job and its events, over which it
// ranges twice.
func writeState(w io.Writer, j projection.Job, events ledger.Events) error {
	rest, err := projection.Canonical(runtimeOf(j))
	if err != nil {
		return err
	}
	if err := text([]byte(`{"approvals":[`))(w); err != nil {
		return err
	}
	if err := writeList(w, events, approvalsOf); err != nil {
		return err
	}
	if err := text([]byte(`],"checkpoints":[`))(w); err != nil {
		return err
	}
	if err := writeList(w, events, checkpointsOf); err != nil {
		return err
	}
	rest[0] = ','
	return text(append([]byte{']'}, rest...))(w)
}

// writeList writes what of picks from each event, with commas between.
func writeList[T any](w io.Writer, events ledger.Events, of func(ledger.Event) []T) error {
	var line []byte
	for e, err := range events {
		if err != nil {
			return err
		}
		for _, v := range of(e) {
			b, err := projection.Canonical(v)
			if err != nil {
				return fmt.Errorf("event %d: %w", e.Seq, err)
			}
			if _, err := w.Write(append(line, b...)); err != nil {
				return err
			}
			line = append(line[:0], ',')
		}
	}
	return nil
}

// writeEventView writes an event's line of job_events.jsonl. A refusal has
// none: it changes no revision.
func writeEventView(w io.Writer, e ledger.Event) error {
	if !changes(e) {
		return nil
	}
	v, err := projection.EventViewOf(e)
	if err != nil {
		return err
	}
	b, err := projection.Canonical(v)
	if err != nil {
		return fmt.Errorf("event %d: %w", e.Seq, err)
	}
	return text(append(b, '\n'))(w)
}

// changes reports whether an event changes the revision.
func changes(e ledger.Event) bool { return e.Type() != ledger.TypeRefused }
