package projection

import (
	"context"
	"slices"
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

// CheckAfter refuses to lease a job as long as the jobs that it comes after are not completed:
// as DependencyFailed if one of them never will be, and else as DependencyPending. It returns
// their leaf hashes, as a lease names them.
func CheckAfter(j Job, after []Dependency) ([]ledger.Hash, *Refusal) {
	var leaves []ledger.Hash
	var failed, pending []string
	words := map[string]string{}
	for _, d := range after {
		leaves = append(leaves, d.Leaf)
		words[d.JobID] = "job " + d.JobID + " is " + string(d.Status)
		switch {
		case d.Status == Completed:
		case d.Status == "":
			words[d.JobID] = "there is no job " + d.JobID
			failed = append(failed, d.JobID)
		case d.Status.Final() || d.Status == EmergencyStopped:
			failed = append(failed, d.JobID)
		default:
			pending = append(pending, d.JobID)
		}
	}
	code, unmet := DependencyPending, pending
	if len(failed) > 0 {
		code, unmet = DependencyFailed, failed
	}
	if len(unmet) == 0 {
		return leaves, nil
	}
	d := leaseDetails(j)
	d.Dependencies = slices.Sorted(slices.Values(unmet))
	var text []string
	for _, id := range d.Dependencies {
		text = append(text, words[id])
	}
	what := "before the jobs are completed that it comes after"
	if code == DependencyFailed {
		what = "since a job that it comes after will not be completed"
	}
	return nil, refuse(code, d, "job %s is not leased %s: %s", j.ID, what, strings.Join(text, ", "))
}
