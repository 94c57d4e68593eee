package projection

import (
	"strconv"

	"gait/ledger"
	"gait/ledger/jcs"
)

// AppendEventView appends the view of a job's event to b, in canonical JSON.
func AppendEventView(b []byte, e ledger.Event) []byte {
	b = jcs.AppendString(append(b, `{"actor":`...), e.Actor())
	b = appendVerified(b, signed(e))
	b = append(append(b, `,"created_at":"`...), e.TimeText()...)
	b = jcs.AppendString(append(b, `","job_id":`...), e.JobID())
	b = append(append(b, `,"payload":`...), e.PayloadBytes()...)
	b = jcs.AppendString(append(b, `,"reason_code":`...), string(MeaningOf(e).Code))
	b = strconv.AppendInt(append(b, `,"revision":`...), e.Revision(), 10)
	return append(append(append(b, `,"schema_id":"`+EventSchemaID+`","schema_version":"`+SchemaVersion+`","type":"`...), e.Type()...), `"}`...)
}

// AppendCheckpoint appends a job's checkpoint to b, in canonical JSON.
func AppendCheckpoint(b []byte, c *Checkpoint) []byte {
	b = append(b, '{')
	if c.Actor != "" {
		b = append(jcs.AppendString(append(b, `"actor":`...), c.Actor), ',')
	}
	if c.Verified {
		b = append(b, `"actor_verified":true,`...)
	}
	b = jcs.AppendString(append(b, `"checkpoint_id":`...), c.ID)
	if c.Claimed {
		b = append(b, `,"claimed":true`...)
	}
	b = jcs.AppendString(append(b, `,"created_at":`...), c.Created)
	if c.Steps != (ledger.StepCount{}) {
		b = strconv.AppendInt(append(b, `,"progress":{"done":`...), c.Steps.Done, 10)
		b = append(strconv.AppendInt(append(b, `,"total":`...), c.Steps.Total, 10), '}')
	}
	b = jcs.AppendString(append(b, `,"reason_code":`...), c.ReasonCode)
	if c.RequiredAction != "" {
		b = jcs.AppendString(append(b, `,"required_action":`...), c.RequiredAction)
	}
	b = jcs.AppendString(append(b, `,"summary":`...), c.Summary)
	return append(jcs.AppendString(append(b, `,"type":`...), c.Type), '}')
}

// AppendApproval appends a verdict to b, in canonical JSON.
func AppendApproval(b []byte, a *Approval) []byte {
	b = jcs.AppendString(append(b, `{"actor":`...), a.Actor)
	b = appendVerified(b, a.ActorVerified)
	if a.Amended != "" {
		b = jcs.AppendString(append(b, `,"amended":`...), a.Amended)
	}
	if a.CheckpointID != "" {
		b = jcs.AppendString(append(b, `,"checkpoint_id":`...), a.CheckpointID)
	}
	if a.Claimed {
		b = append(b, `,"claimed":true`...)
	}
	b = jcs.AppendString(append(b, `,"created_at":`...), a.CreatedAt)
	b = jcs.AppendString(append(b, `,"reason":`...), a.Reason)
	if a.Subject != "" {
		b = jcs.AppendString(append(b, `,"subject":`...), a.Subject)
	}
	if a.Target != "" {
		b = jcs.AppendString(append(b, `,"target":`...), a.Target)
	}
	return append(jcs.AppendString(append(b, `,"verdict":`...), string(a.Verdict)), '}')
}

func appendVerified(b []byte, verified bool) []byte {
	if verified {
		b = append(b, `,"actor_verified":true`...)
	}
	return b
}
