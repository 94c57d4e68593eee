package projection

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"

	"gait/ledger"
)

// cached is a Job as it is kept beside the events: with the version of the
// folds and the leaf hash of the event it was made at.
type cached struct {
	Job     Job         `json:"job"`
	Leaf    ledger.Hash `json:"leaf"`
	Version int         `json:"version"`
}

// EncodeJob returns a job's view for the log's cache. leaf is the leaf hash of
// the job's last event.
func EncodeJob(j Job, leaf ledger.Hash) ([]byte, error) {
	const room = 1024 // most fit
	return cached{Job: j, Leaf: leaf, Version: Version}.appendTo(make([]byte, 0, room))
}

// DecodeJob reads a cached view. ok is false where it was made by another
// version of the folds or at another event than head's, and where it is not
// what EncodeJob writes: then the job is made anew from its events.
func DecodeJob(view []byte, head ledger.JobHead) (j Job, ok bool) {
	var c cached
	if json.Unmarshal(view, &c) != nil {
		return Job{}, false
	}
	ok = c.Version == Version && c.Leaf == head.Leaf && c.Job.Revision == head.Revision && c.Job.JobSeq == head.JobSeq
	if !ok || !c.Job.sound() {
		return Job{}, false
	}
	if again, err := EncodeJob(c.Job, c.Leaf); err != nil || !bytes.Equal(again, view) {
		return Job{}, false
	}
	return c.Job, true
}

// sound reports whether j holds what the rules take for granted.
func (j Job) sound() bool {
	_, err := ledger.ParseHash(j.PolicyDigest)
	return slices.Contains(Statuses, j.Status) && (j.PolicyDigest == "" || err == nil)
}

// A Log is where the state of jobs is read from.
type Log interface {
	JobHead(job string) (ledger.JobHead, bool, error)
	View(job string) ([]byte, bool, error)
	JobEvents(job string, from int64) ledger.Events
}

// Load returns a job as of its last event, from the cache where that holds and
// else by replay. ok is false where there is no such job.
func Load(log Log, job string) (Job, ledger.JobHead, bool, error) {
	for {
		j, head, ok, err := load(log, job)
		if err == nil {
			return j, head, ok, nil
		}
		// Another writer may have come between the reads; only what is found
		// at a head that stays is the log's.
		if now, _, headErr := log.JobHead(job); headErr != nil || now == head {
			return Job{}, head, ok, err
		}
	}
}

func load(log Log, job string) (j Job, head ledger.JobHead, ok bool, err error) {
	head, ok, err = log.JobHead(job)
	if err != nil || !ok {
		return Job{}, head, ok, err
	}
	view, have, err := log.View(job)
	if err != nil {
		return Job{}, head, true, err
	}
	if have {
		if j, ok := DecodeJob(view, head); ok && j.ID == job {
			return j, head, true, nil
		}
	}
	j, err = Fold(log.JobEvents(job, 1), head)
	if err != nil {
		return Job{}, head, true, fmt.Errorf("replaying job %s: %w", job, err)
	}
	return j, head, true, nil
}
