package v1

import (
	"slices"
	"time"

	"gait/ledger"
	"gait/packspec/finding"
	"gait/projection"
)

// Imported returns the payload of the event that imports the job. Times are cut to
// milliseconds, and decisions that were asked for since the job last ran are open.
func (j Job) Imported() (ledger.Imported, error) {
	s, f := j.State, &j.fold
	p := ledger.Imported{
		EnvironmentFingerprint: s.EnvironmentFingerprint, Identity: s.Identity, PolicyRef: s.PolicyRef,
		ProducerVersion: s.ProducerVersion, Revision: s.Revision, Status: s.Status, StatusReasonCode: s.StatusReasonCode, StopReason: s.StopReason,
		CreatedAt: millis(s.CreatedAt), UpdatedAt: millis(s.UpdatedAt),
	}
	if s.PolicyDigest != "" {
		var err error
		if p.PolicyDigest, err = ledger.ParseHash(s.PolicyDigest); err != nil || p.PolicyDigest.IsZero() {
			return p, &ledger.FieldError{Field: "policy_digest", Problem: finding.Quote(s.PolicyDigest) + " is not a SHA-256 of 64 lower-case hexadecimal digits"}
		}
	}
	stopped := slices.Contains([]projection.Status{projection.PausedStatus, projection.DecisionNeeded, projection.Blocked}, projection.Status(s.Status))
	if stopped {
		p.StoppedAt, p.StoppedBy = millis(f.stoppedAt), f.stoppedBy
	}
	for i, c := range s.Checkpoints {
		kind := ledger.CheckpointType(c.Type)
		p.Checkpoints = append(p.Checkpoints, ledger.ImportedCheckpoint{
			Actor: c.Actor, CheckpointType: kind, CreatedAt: millis(c.Created),
			Open: stopped && i >= f.ran && kind == ledger.CheckpointDecisionNeeded, RequiredAction: c.RequiredAction, Summary: c.Summary,
		})
	}
	for _, a := range s.Approvals {
		p.Approvals = append(p.Approvals, ledger.ImportedApproval{Actor: a.Actor, CreatedAt: millis(a.CreatedAt), Reason: a.Reason})
	}
	return p, nil
}

// millis parses a time that was checked, and cuts it to milliseconds as in events.
func millis(s string) time.Time {
	t, err := parseTime(s)
	if err != nil {
		panic("v1: a time that was checked: " + err.Error())
	}
	return t.Truncate(time.Millisecond)
}
