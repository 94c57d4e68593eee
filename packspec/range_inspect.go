package packspec

import (
	"maps"
	"slices"

	"gait/ledger"
	"gait/packspec/container"
	"gait/packspec/finding"
	"gait/projection"
)

// A RangeInspection is what a range pack says: the jobs that its events belong to.
type RangeInspection struct {
	Verified bool               `json:"verified"` // always false
	Manifest container.Manifest `json:"manifest"`
	From     ledger.Seq         `json:"from"`
	To       ledger.Seq         `json:"to"`
	Jobs     []JobInRange       `json:"jobs"` // by id
	Evidence EvidenceSummary    `json:"evidence"`
}

// A JobInRange is a job with events in a range.
type JobInRange struct {
	JobID    string            `json:"job_id"`
	Events   int64             `json:"events"`           // of the job in the range
	Revision int64             `json:"revision"`         // after the last of those
	Status   projection.Status `json:"status,omitempty"` // if the job begins in the range

	// Of a job that begins in the range: how often the gate allowed and blocked something, and
	// how many of the grants are open, or unknown.
	Allows     int64 `json:"allows,omitempty"`
	Blocks     int64 `json:"blocks,omitempty"`
	OpenGrants int   `json:"open_grants,omitempty"`

	// Of such a job: how often it was leased, in ledgers before too, and how many attempts of its
	// workers have ended.
	Leases   int64 `json:"leases,omitempty"`
	Attempts int64 `json:"attempts,omitempty"`
}

// inspect reads a range pack to be shown.
func (v *rangeVerifier) inspect() (*RangeInspection, error) {
	for _, check := range []func() (string, error){v.container, v.canonical, v.chain, v.inclusion, v.stateMachine} {
		if _, err := check(); err != nil {
			return nil, finding.AsFormat(err)
		}
	}
	if v.count > maxInspect || v.jobs.shares > 1 {
		return nil, ErrTooLarge
	}
	i := &RangeInspection{
		Manifest: v.pack.manifest, From: v.log.From(), To: v.log.To(), Jobs: []JobInRange{},
		Evidence: EvidenceSummary{
			Format: v.evidence.Format, Origin: v.evidence.Origin, Size: v.evidence.Size, Root: v.evidence.Root,
			EventCount: v.count, HeadSeq: v.report.HeadSeq, Key: v.report.Key, KeyID: v.report.KeyID,
		},
	}
	for _, id := range slices.Sorted(maps.Keys(v.jobs.held)) {
		j := v.jobs.held[id]
		seen := JobInRange{JobID: id, Events: j.events, Revision: j.head.Revision}
		if j.fold != nil {
			seen.Status = j.fold.Job.Status
			seen.Allows, seen.Blocks, seen.OpenGrants = j.fold.Job.Allows, j.fold.Job.Blocks, len(j.fold.Job.Grants)
			seen.Leases, seen.Attempts = j.fold.Job.Epoch(), j.fold.Job.Attempts
			i.Evidence.RefusalCount += j.fold.Job.Refusals
		}
		i.Jobs = append(i.Jobs, seen)
	}
	return i, nil
}
