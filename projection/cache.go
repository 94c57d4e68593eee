package projection

import (
	"context"
	"fmt"
	"slices"

	"gait/ledger"
	"gait/ledger/jcs"
)

// EncodeJob returns a job's view for the log's cache. leaf is the leaf hash of
// the job's last event. The view has not the texts of the job's decisions: they would
// make it many times as long, for every event, and stand in the events that asked for
// the decisions.
func EncodeJob(j Job, leaf ledger.Hash) []byte { return encodeJob(&cachedJob{Job: j, Leaf: leaf}) }

// EncodeState returns all of a job, for another process. leaf is the leaf hash of the
// job's last event.
func EncodeState(j Job, leaf ledger.Hash) []byte {
	return encodeJob(&cachedJob{Job: j, Leaf: leaf, texts: true})
}

func encodeJob(c *cachedJob) []byte {
	c.Version = Version
	b, err := jcs.AppendWalk(make([]byte, 0, 1<<10), c.walk)
	if err != nil {
		panic("projection: a job that cannot be written: " + err.Error())
	}
	return b
}

// DecodeJob reads a cached view. ok is false if the view was made by another
// version of the folds or after another event than head's, or if EncodeJob does not
// write it so: then the job is replayed from its events. ReadTexts reads the texts of
// the job's decisions.
func DecodeJob(view []byte, head ledger.JobHead) (j Job, ok bool) {
	j, ok = decodeJob(view, head.Leaf, false)
	if !ok || j.Revision != head.Revision || j.JobSeq != head.JobSeq {
		return Job{}, false
	}
	return j, true
}

// DecodeState reads what EncodeState writes. ok is false if another version of the
// folds wrote it, or of a job that ends with another event.
func DecodeState(state []byte, leaf ledger.Hash) (j Job, ok bool) {
	return decodeJob(state, leaf, true)
}

func decodeJob(b []byte, leaf ledger.Hash, texts bool) (Job, bool) {
	c := cachedJob{texts: texts}
	if jcs.ReadWalk(b, c.walk) != nil || c.Version != Version || c.Leaf != leaf || !slices.Contains(Statuses, c.Job.Status) {
		return Job{}, false
	}
	return c.Job, true
}

// Load returns a job as of its last event, from the cache if the view there is
// valid, and otherwise by replay. ok is false if there is no such job.
func Load(ctx context.Context, log ledger.EventReader, job string) (j Job, head ledger.JobHead, ok bool, err error) {
	return load(ctx, log, job, func(ctx context.Context, log ledger.EventReader, entry ledger.JobEntry) (Job, error) {
		j, err := JobOf(ctx, log, entry)
		if err == nil && ReadTexts(ctx, log, &j) != nil {
			return replay(ctx, log, entry)
		}
		return j, err
	})
}

// LoadState returns what Load returns, except for the texts of the job's decisions,
// which no rule needs.
func LoadState(ctx context.Context, log ledger.EventReader, job string) (j Job, head ledger.JobHead, ok bool, err error) {
	return load(ctx, log, job, JobOf)
}

func load(ctx context.Context, log ledger.EventReader, job string, of func(context.Context, ledger.EventReader, ledger.JobEntry) (Job, error)) (j Job, head ledger.JobHead, ok bool, err error) {
	for {
		found, err := log.Load(ctx, []string{job}, nil)
		entry, ok := found.Jobs[job]
		if err != nil || !ok {
			return Job{}, ledger.JobHead{}, false, err
		}
		j, err := of(ctx, log, entry)
		if err == nil {
			return j, entry.Head, true, nil
		}
		// Another process may have written between the reads. What was read is
		// consistent only if the head has not changed.
		if now, _, headErr := ledger.FindJob(ctx, log, job); headErr != nil || now == entry.Head {
			return Job{}, entry.Head, true, err
		}
	}
}

// JobOf returns the job of an entry, from its view if that is valid, and otherwise by
// replay. The texts of its decisions may be missing, as in LoadState. It fails with a
// *ledger.CorruptError if the log has grown since it returned the entry, or if the
// job's events contradict each other.
func JobOf(ctx context.Context, log ledger.EventReader, entry ledger.JobEntry) (Job, error) {
	if j, ok := DecodeJob(entry.View, entry.Head); ok && j.ID == entry.ID {
		return j, nil
	}
	return replay(ctx, log, entry)
}

// replay returns the job of an entry from its events.
func replay(ctx context.Context, log ledger.EventReader, entry ledger.JobEntry) (Job, error) {
	j, err := Fold(log.JobEvents(ctx, entry.ID, 1), entry.Head, StatesOf(ctx, log))
	if err != nil {
		return Job{}, fmt.Errorf("replaying job %s: %w", entry.ID, err)
	}
	return j, nil
}

// textGap is how many events of a job are read for nothing rather than to look for the
// next one again.
const textGap = 16

// ReadTexts reads the texts of the job's decisions that are missing, from the events
// that asked for them. It fails with a *ledger.CorruptError if one of them is not there.
func ReadTexts(ctx context.Context, log ledger.EventReader, j *Job) error {
	missing := func(a Ask) bool { return a.Summary == "" }
	for {
		first := slices.IndexFunc(j.Decisions, missing)
		if first < 0 {
			return nil
		}
		if err := readTexts(ctx, log, j.ID, j.Decisions[first:]); err != nil {
			return fmt.Errorf("reading the decisions of job %s: %w", j.ID, err)
		}
		if missing(j.Decisions[first]) {
			return &ledger.CorruptError{Seq: -1, Reason: fmt.Sprintf("job %s has no event %d, which asked for a decision", j.ID, j.Decisions[first].JobSeq)}
		}
	}
}

// readTexts reads the texts of decisions, up to the first one that is far behind the
// one before it.
func readTexts(ctx context.Context, log ledger.EventReader, job string, left []Ask) error {
	for e, err := range log.JobEvents(ctx, job, left[0].JobSeq) {
		if err != nil {
			return err
		}
		for len(left) > 0 && left[0].JobSeq == e.JobSeq() {
			if err := left[0].readTexts(e); err != nil {
				return err
			}
			left = left[1:]
		}
		if len(left) == 0 || left[0].JobSeq < e.JobSeq() || left[0].JobSeq > e.JobSeq()+textGap {
			return nil
		}
	}
	return nil
}

// readTexts sets the texts of a decision to those in the event that asked for it.
func (a *Ask) readTexts(e ledger.Event) error {
	for _, c := range CheckpointsOf(e) {
		if c.ID == a.CheckpointID && e.LeafHash() == a.Target {
			a.Summary, a.RequiredAction = c.Summary, c.RequiredAction
			switch p := e.Payload().(type) {
			case ledger.CheckpointAdded:
				a.Subject = p.Subject
			case ledger.GateDecided:
				a.Subject = p.Intent
			default: // an import, whose decisions are about no content
			}
			return nil
		}
	}
	return &ledger.CorruptError{Seq: e.Seq(), Reason: fmt.Sprintf("expected the event %s that asked for decision %s, found %s", a.Target, a.CheckpointID, e.LeafHash())}
}
