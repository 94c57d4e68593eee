package projection

import (
	"cmp"
	"context"
	"strings"

	"gait/ledger"
)

// A Dependency is a job that another one comes after.
type Dependency struct {
	JobID  string      `json:"job_id"`
	Status Status      `json:"status,omitempty"` // "": there is no such job
	Leaf   ledger.Hash `json:"leaf,omitzero"`    // leaf hash of the event that gave it a final status
}

// Dependencies returns the jobs that a job comes after, as a log has them now, in the order of
// their ids.
func Dependencies(ctx context.Context, log ledger.EventReader, j Job) ([]Dependency, error) {
	return make(lookup).of(ctx, log, j)
}

// A lookup keeps what was read of the jobs that others come after.
type lookup map[string]Dependency

// of returns the jobs that a job comes after.
func (l lookup) of(ctx context.Context, log ledger.EventReader, j Job) ([]Dependency, error) {
	var missing []string
	for _, id := range j.After {
		if _, known := l[id]; !known {
			missing = append(missing, id)
		}
	}
	if len(missing) > 0 {
		if err := l.read(ctx, log, missing); err != nil {
			return nil, err
		}
	}
	after := make([]Dependency, len(j.After))
	for i, id := range j.After {
		after[i] = l[id]
	}
	return after, nil
}

func (l lookup) read(ctx context.Context, log ledger.EventReader, ids []string) error {
	found, err := log.Load(ctx, ids, nil)
	if err != nil {
		return err
	}
	for _, id := range ids {
		d := Dependency{JobID: id}
		if entry, ok := found.Jobs[id]; ok {
			j, ok := DecodeJob(entry.View, entry.Head)
			if !ok || j.ID != id {
				if j, _, _, err = LoadState(ctx, log, id); err != nil {
					return err
				}
			}
			d.Status, d.Leaf = j.Status, j.Ended
		}
		l[id] = d
	}
	return nil
}

// CheckAfter refuses to lease a job as long as the jobs that it comes after, which are given,
// are not completed: as DependencyFailed if some of them never will be, and else as
// DependencyPending.
func CheckAfter(j Job, after []Dependency) *Refusal {
	var failed, pending []Dependency
	for _, d := range after {
		switch {
		case d.Status == Completed && !d.Leaf.IsZero():
		case d.Status == "", d.Status.Final(), d.Status == EmergencyStopped:
			failed = append(failed, d)
		default:
			pending = append(pending, d)
		}
	}
	switch {
	case len(failed) > 0:
		return unmet(DependencyFailed, j, failed, "waits for what will not be completed")
	case len(pending) > 0:
		return unmet(DependencyPending, j, pending, "waits for what is not completed yet")
	}
	return nil
}

// unmet refuses to lease a job that waits for others.
func unmet(code RefusalCode, j Job, others []Dependency, what string) *Refusal {
	d, words := leaseDetails(j), make([]string, len(others))
	for i, o := range others {
		d.Dependencies = append(d.Dependencies, o.JobID)
		words[i] = o.JobID + " (" + cmp.Or(string(o.Status), "not found") + ")"
	}
	return refuse(code, d, "job %s %s: %s", j.ID, what, strings.Join(words, ", "))
}
