package packspec

import (
	"io"

	"gait/ledger"
	"gait/ledger/jcs"
	"gait/projection"
)

// The schemas that the views name.
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

// A JobState is job_state.json: the job and everything recorded for it. In canonical
// JSON its two lists come first, so that it can be written in one pass.
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

// An Approval is an approving verdict, in the form of PackSpec v1.
type Approval struct {
	CreatedAt string `json:"created_at"`
	Actor     string `json:"actor"`
	Reason    string `json:"reason"`
}

func payloadOf(j projection.Job, head ledger.JobHead) JobPayload {
	return JobPayload{
		SchemaID: PayloadSchemaID, SchemaVersion: ViewVersion, CreatedAt: ledger.FormatTime(head.Time), JobID: j.ID,
		Status: j.Status, StopReason: string(j.StopReason), StatusReasonCode: string(j.ReasonCode), EnvironmentFingerprint: j.EnvironmentFingerprint,
		SafetyInvariantVersion: projection.SafetyInvariantVersion, SafetyInvariantHash: j.SafetyInvariantHash(),
		CheckpointCount: j.Checkpoints, ApprovalCount: j.Approvals,
	}
}

func runtimeOf(j projection.Job) Runtime {
	return Runtime{
		SchemaID: StateSchemaID, SchemaVersion: ViewVersion, CreatedAt: j.Created, UpdatedAt: j.Updated,
		ProducerVersion: j.ProducerVersion, JobID: j.ID, Status: j.Status, StopReason: string(j.StopReason), StatusReasonCode: string(j.ReasonCode),
		EnvironmentFingerprint: j.EnvironmentFingerprint, SafetyInvariantVersion: projection.SafetyInvariantVersion,
		SafetyInvariantHash: j.SafetyInvariantHash(), SafetyInvariants: j.SafetyInvariants(), PolicyDigest: j.PolicyDigest.OrEmpty(),
		PolicyRef: j.PolicyRef, Identity: j.Identity, Revision: j.Revision,
	}
}

// approvalsOf returns the approvals that an event adds.
func approvalsOf(e ledger.Event) []Approval {
	var list []Approval
	for _, a := range projection.ApprovalsOf(e) {
		if a.Verdict == projection.Approved {
			list = append(list, Approval{CreatedAt: a.CreatedAt, Actor: a.Actor, Reason: a.Reason})
		}
	}
	return list
}

// checkpointsOf returns the checkpoints that an event adds, with only the fields of
// PackSpec v1.
func checkpointsOf(e ledger.Event) []projection.Checkpoint {
	list := projection.CheckpointsOf(e)
	for i := range list {
		list[i].Claimed, list[i].Steps = false, ledger.StepCount{}
	}
	return list
}

// The parts of job_state.json around its lists.
const (
	stateApprovals   = `{"approvals":[`
	stateCheckpoints = `],"checkpoints":[`
)

// stateEnd returns what stands behind the checkpoints in job_state.json.
func stateEnd(j projection.Job) ([]byte, error) {
	rest, err := jcs.Marshal(runtimeOf(j))
	if err != nil {
		return nil, err
	}
	rest[0] = ','
	return append([]byte{']'}, rest...), nil
}

// A listWriter writes a list of elements, each of which begins with a comma, without the
// first comma.
type listWriter struct {
	io.Writer
	begun bool
}

func (w *listWriter) Write(p []byte) (int, error) {
	if w.begun || len(p) == 0 {
		return w.Writer.Write(p)
	}
	w.begun = true
	n, err := w.Writer.Write(p[1:])
	return n + 1, err
}
