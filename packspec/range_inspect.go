package packspec

import (
	"maps"
	"slices"

	"gait/ledger"
	"gait/projection"
)

// A RangeInspection is what a range pack says: the jobs its events are of.
type RangeInspection struct {
	Verified bool            `json:"verified"` // always false
	Manifest Manifest        `json:"manifest"`
	From     ledger.Seq      `json:"from"`
	To       ledger.Seq      `json:"to"`
	Jobs     []RangedJob     `json:"jobs"` // by id
	Evidence EvidenceSummary `json:"evidence"`
}

// A RangedJob is a job in a range.
type RangedJob struct {
	JobID    string            `json:"job_id"`
	Events   int64             `json:"events"`           // of the job that are here
	Revision int64             `json:"revision"`         // after the last one here
	Status   projection.Status `json:"status,omitempty"` // where the job begins here
}

// inspectRange reads a range pack to be shown.
func (v *verifier) inspectRange() (*RangeInspection, error) {
	for _, check := range []func() (string, error){v.rangeCanonical, v.rangeChain, v.rangeInclusion, v.rangeStateMachine} {
		if _, err := check(); err != nil {
			return nil, asFormat(err)
		}
	}
	if v.count > maxInspect || v.rng.jobs.shares > 1 {
		return nil, ErrTooLarge
	}
	i := &RangeInspection{Manifest: v.pack.manifest, From: v.rng.log.From(), To: v.rng.log.To(), Jobs: []RangedJob{},
		Evidence: EvidenceSummary{Format: v.evidence.Format, Origin: v.evidence.Origin, Size: v.evidence.Size, Root: v.evidence.Root,
			EventCount: v.count, HeadSeq: v.report.HeadSeq, Key: v.report.Key, KeyID: v.report.KeyID}}
	for _, id := range slices.Sorted(maps.Keys(v.rng.jobs.held)) {
		j := v.rng.jobs.held[id]
		seen := RangedJob{JobID: id, Events: j.events, Revision: j.head.Revision}
		if j.fold != nil {
			seen.Status = j.fold.Job.Status
			i.Evidence.RefusalCount += j.fold.Job.Refusals
		}
		i.Jobs = append(i.Jobs, seen)
	}
	return i, nil
}
