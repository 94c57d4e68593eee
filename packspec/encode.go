package packspec

import (
	"gait/ledger"
	"gait/ledger/jcs"
	"gait/projection"
)

// The parts of the views that are there for each event are appended here, without
// reflection. They are the canonical JSON of an EventView, an Approval and a Checkpoint.

// appendEventView appends an event's line of job_events.jsonl. A refusal has no line,
// since it changes no revision.
func appendEventView(b []byte, e ledger.Event) []byte {
	if !changes(e) {
		return b
	}
	return append(projection.AppendEventView(b, e), '\n')
}

// changes reports whether an event changes the revision.
func changes(e ledger.Event) bool { return e.Type() != ledger.TypeRefused }

// appendApprovals appends the approvals that an event adds to job_state.json, each
// behind a comma.
func appendApprovals(b []byte, e ledger.Event) []byte {
	for _, a := range approvalsOf(e) {
		b = jcs.AppendString(append(b, `,{"actor":`...), a.Actor)
		b = jcs.AppendString(append(b, `,"created_at":`...), a.CreatedAt)
		b = jcs.AppendString(append(b, `,"reason":`...), a.Reason)
		b = append(b, '}')
	}
	return b
}

// appendCheckpoints appends the checkpoints that an event adds to job_state.json, each
// behind a comma.
func appendCheckpoints(b []byte, e ledger.Event) []byte {
	if c, ok := projection.CheckpointOf(e); ok {
		c.Steps = ledger.StepCount{} // PackSpec v1 has none
		return projection.AppendCheckpoint(append(b, ','), &c)
	}
	for _, c := range checkpointsOf(e) {
		b = projection.AppendCheckpoint(append(b, ','), &c)
	}
	return b
}
