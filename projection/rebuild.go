package projection

import (
	"bytes"
	"context"
	"iter"

	"gait/ledger"
	"gait/ledger/authority"
)

// A RebuiltView is a job's view rebuilt from events, with the one stored.
type RebuiltView struct {
	JobID  string
	Stored []byte // nil if there was none
	Made   []byte
	read   bool // the stored view is read as that of the job's last event
}

// Same reports whether the stored view equals the rebuilt one, byte for byte.
func (r RebuiltView) Same() bool { return bytes.Equal(r.Stored, r.Made) }

// Misleads reports whether the stored view is read as the job's, and is not the rebuilt
// one. One that is missing, or that another version of the folds has made, does not
// mislead: the job is replayed from its events.
func (r RebuiltView) Misleads() bool { return r.read && !r.Same() }

// Rebuild replays every job of a log and yields its view. The error, in the last
// pair, is a *ledger.CorruptError if the events contradict each other.
func Rebuild(ctx context.Context, log ledger.EventReader) iter.Seq2[RebuiltView, error] {
	return func(yield func(RebuiltView, error) bool) {
		for entry, err := range log.Jobs(ctx, "") {
			if err != nil {
				yield(RebuiltView{}, err)
				return
			}
			job, err := Fold(log.JobEvents(ctx, entry.ID, 1), entry.Head, StatesOf(ctx, log))
			if err != nil {
				yield(RebuiltView{}, err)
				return
			}
			_, read := DecodeJob(entry.View, entry.Head)
			if !yield(RebuiltView{JobID: entry.ID, Stored: entry.View, Made: EncodeJob(job, entry.Head.Leaf), read: read}, nil) {
				return
			}
		}
	}
}

// Views replays every job of a log and yields its view for the log's cache. Errors
// are those of Rebuild.
func Views(ctx context.Context, log ledger.EventReader) iter.Seq2[ledger.JobView, error] {
	return func(yield func(ledger.JobView, error) bool) {
		for job, err := range Rebuild(ctx, log) {
			if !yield(ledger.JobView{ID: job.JobID, View: job.Made}, err) {
				return
			}
		}
	}
}

// Entries folds a whole ledger and yields each event with its job's view and tags, as a
// log keeps them. It holds one folded job for each job in the ledger. Errors are those of
// events, and *ledger.CorruptError if the rules do not allow an event.
func Entries(events ledger.Events) iter.Seq2[ledger.Entry, error] {
	return func(yield func(ledger.Entry, error) bool) {
		jobs, chain := map[string]*Folder{}, &authority.Chain{}
		for e, err := range events {
			entry := ledger.Entry{Event: e}
			switch {
			case err != nil:
			case e.Type().OfAuthority():
				err = chain.Add(e)
			case !e.Type().OfLedger():
				entry, err = addTo(jobs, e, func(leaf ledger.Hash) (*authority.State, error) { return stateIn(chain, leaf) })
			}
			if !yield(entry, err) || err != nil {
				return
			}
		}
	}
}

// addTo folds an event into its job, and returns it with the job's view and tags.
func addTo(jobs map[string]*Folder, e ledger.Event, states States) (ledger.Entry, error) {
	job := jobs[e.JobID()]
	if job == nil {
		job = &Folder{States: states}
		jobs[e.JobID()] = job
	}
	if err := job.Add(e); err != nil {
		return ledger.Entry{Event: e}, err
	}
	return ledger.Entry{Event: e, View: EncodeJob(job.Job, e.LeafHash()), Tags: TagsOf(job.Job, e)}, nil
}
