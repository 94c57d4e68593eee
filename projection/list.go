package projection

import (
	"context"
	"slices"
	"time"

	"gait/ledger"
)

// A Filter says which jobs to list. A field that is empty excludes no job.
type Filter struct {
	Status Status
	Actor  string         // who submitted or imported the job, perhaps in a ledger before
	Labels []ledger.Label // the job has all of them
	Since  time.Time      // the job changed then or later
}

// List returns up to limit jobs that match f, in the order of their ids, beginning
// with the first id after the one given. more reports whether another job would
// follow.
func List(ctx context.Context, log ledger.EventReader, f Filter, after string, limit int) (page []Job, more bool, err error) {
	for entry, err := range log.Jobs(ctx, after) {
		if err != nil {
			return nil, false, err
		}
		job, _, _, err := Load(ctx, log, entry.ID)
		if err != nil {
			return nil, false, err
		}
		holds, err := f.holds(ctx, log, job)
		if err != nil {
			return nil, false, err
		}
		if !holds {
			continue
		}
		if len(page) == limit {
			return page, true, nil
		}
		page = append(page, job)
	}
	return page, false, nil
}

// holds reports whether a job matches. It reads the job's first event only if the
// filter needs the actor who submitted the job.
func (f Filter) holds(ctx context.Context, log ledger.EventReader, j Job) (bool, error) {
	if f.Status != "" && j.Status != f.Status || !f.Since.IsZero() && j.Updated < ledger.FormatTime(f.Since.UTC()) {
		return false, nil
	}
	for _, l := range f.Labels {
		if !slices.Contains(j.Labels, l) {
			return false, nil
		}
	}
	if f.Actor == "" {
		return true, nil
	}
	first, err := JobEvent(ctx, log, j.ID, 1)
	return SubmittedBy(first) == f.Actor, err
}
