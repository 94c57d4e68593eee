package packspec

import (
	"fmt"
	"io"

	"gait/packspec/v1"
	"gait/projection"
)

// maxV1Inspect limits the size of the events of a pack of PackSpec v1 that are shown
// at once: decoded, they can take many times their size.
const maxV1Inspect = 8 << 20

// inspectV1 is Inspect for a pack of PackSpec v1.
func inspectV1(r io.ReaderAt, size int64) (Inspection, error) {
	v := newV1Verifier(r, size, Options{})
	v.accept = func(p *v1.Pack) error {
		if p.Size(v1.EventsEntry) > maxV1Inspect || p.Total() > 2*maxV1Inspect {
			return fmt.Errorf("inspecting a pack of %d bytes: %w", p.Total(), ErrTooLarge)
		}
		return nil
	}
	if err := v.read(); err != nil {
		return Inspection{}, err
	}
	if v.job.Events > maxInspect {
		return Inspection{}, fmt.Errorf("inspecting a pack of %d events: %w", v.job.Events, ErrTooLarge)
	}
	i := Inspection{Format: FormatV1, Manifest: v.pack.Manifest, Events: []projection.EventView{}}
	i.State, i.Payload = shownV1(v.job.State)
	return i, v.pack.Events(func(e v1.Event) error {
		i.Events = append(i.Events, e.View())
		return nil
	})
}

// shownV1 returns state and payload in the form that Inspect has for all packs.
func shownV1(s v1.State) (JobState, JobPayload) {
	p := s.Payload()
	state := JobState{Approvals: []Approval{}, Checkpoints: s.Checkpoints, Runtime: Runtime{
		SchemaID: s.SchemaID, SchemaVersion: s.SchemaVersion,
		CreatedAt: s.CreatedAt, UpdatedAt: s.UpdatedAt, ProducerVersion: s.ProducerVersion, JobID: s.JobID, Status: projection.Status(s.Status),
		StopReason: s.StopReason, StatusReasonCode: s.StatusReasonCode, EnvironmentFingerprint: s.EnvironmentFingerprint,
		SafetyInvariantVersion: s.SafetyInvariantVersion, SafetyInvariantHash: s.SafetyInvariantHash, SafetyInvariants: s.SafetyInvariants,
		PolicyDigest: s.PolicyDigest, PolicyRef: s.PolicyRef, Identity: s.Identity, Revision: s.Revision,
	}}
	for _, a := range s.Approvals {
		state.Approvals = append(state.Approvals, Approval(a))
	}
	if state.Checkpoints == nil {
		state.Checkpoints = []projection.Checkpoint{}
	}
	if state.SafetyInvariants == nil {
		state.SafetyInvariants = []string{}
	}
	return state, JobPayload{
		SchemaID: p.SchemaID, SchemaVersion: p.SchemaVersion, CreatedAt: p.CreatedAt, JobID: p.JobID,
		Status: projection.Status(p.Status), StopReason: p.StopReason, StatusReasonCode: p.StatusReasonCode,
		EnvironmentFingerprint: p.EnvironmentFingerprint, SafetyInvariantVersion: p.SafetyInvariantVersion,
		SafetyInvariantHash: p.SafetyInvariantHash, CheckpointCount: p.CheckpointCount, ApprovalCount: p.ApprovalCount,
	}
}
