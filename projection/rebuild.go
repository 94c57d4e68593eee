package projection

import (
	"bytes"
	"iter"

	"gait/ledger"
)

// A JobsLog is a Log that can list its jobs.
type JobsLog interface {
	Log
	Jobs(after string) iter.Seq2[ledger.JobEntry, error]
}

// A Rebuilt is a job's view made anew from events, beside the one stored.
type Rebuilt struct {
	JobID  string
	Stored []byte // nil where there was none
	Made   []byte
}

// Same reports whether the stored view is, byte for byte, what the events give.
func (r Rebuilt) Same() bool { return bytes.Equal(r.Stored, r.Made) }

// Rebuild replays every job of a log and gives its view. The error, the last
// pair, is a *ledger.CorruptError where the events themselves do not hold.
func Rebuild(log JobsLog) iter.Seq2[Rebuilt, error] {
	return func(yield func(Rebuilt, error) bool) {
		for entry, err := range log.Jobs("") {
			if err != nil {
				yield(Rebuilt{}, err)
				return
			}
			job, err := Fold(log.JobEvents(entry.ID, 1), entry.Head)
			if err != nil {
				yield(Rebuilt{}, err)
				return
			}
			if !yield(Rebuilt{JobID: entry.ID, Stored: entry.View, Made: EncodeJob(job, entry.Head.Leaf)}, nil) {
				return
			}
		}
	}
}

// Entries folds a whole ledger and gives each event with its job's view, as a
// log keeps them. It holds a folded job for each there is. Errors are those of
// events, and *ledger.CorruptError where the rules do not allow an event.
func Entries(events ledger.Events) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		jobs := map[string]*Folder{}
		for e, err := range events {
			entry := ledger.Entry{Event: e}
			if err == nil && !e.Type().OfLedger() {
				entry.View, err = addTo(jobs, e)
			}
			if !yield(entry, err) || err != nil {
				return
			}
		}
	}
}

// addTo folds an event into its job, and returns the job's view.
func addTo(jobs map[string]*Folder, e ledger.Event) ([]byte, error) {
	job := jobs[e.JobID]
	if job == nil {
		job = &Folder{}
		jobs[e.JobID] = job
	}
	if err := job.Add(e); err != nil {
		return nil, err
	}
	return EncodeJob(job.Job, e.LeafHash()), nil
}
