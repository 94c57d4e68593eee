package projection

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"gait/ledger"
)

// A Filter says which jobs to list. A field that is empty excludes no job.
type Filter struct {
	Statuses []Status       // the job has one of them
	Waiting  []string       // the job waits for one of them, of WaitsFor: see WaitingNow
	Actor    string         // who submitted or imported the job, perhaps in a ledger before
	Labels   []ledger.Label // the job has all of them
	Since    time.Time      // the job changed then or later

	Unsettled bool // the job has a grant that is open or unknown

	Basis Basis  // by which Waiting and Mine are judged; zero: as it was recorded
	Mine  string // of Inbox: only what this actor could approve now

	free bool // of Claims: no lease of the job lives, and if it is stopped, that it goes on is approved
}

// A Sort says in which order jobs are listed.
type Sort string

// The orders.
const (
	ByID      Sort = "id"      // in the order of the bytes
	ByCreated Sort = "created" // the newest first
	ByUpdated Sort = "updated" // the one that changed last first
)

// Sorts lists every order.
var Sorts = []Sort{ByID, ByCreated, ByUpdated}

// A Query says which jobs to list, and in which order. The zero Sort is ByID.
type Query struct {
	Filter
	Sort    Sort
	Reverse bool
	After   Place // begin behind it; zero: at the beginning
	Limit   int   // at least 1
}

// A Place is where a job stands in a list.
type Place struct {
	Time int64 // in Unix milliseconds; 0 if the list is by id
	ID   string
}

// PlaceOf returns the place of a job in the list.
func (q *Query) PlaceOf(j Job) Place {
	switch q.Sort {
	case ByCreated:
		return Place{milliseconds(j.Created), j.ID}
	case ByUpdated:
		return Place{milliseconds(j.Updated), j.ID}
	case ByID:
	}
	return Place{ID: j.ID}
}

// placeOf returns the place of a job by its tags.
func (q *Query) placeOf(t *ledger.TaggedJob) Place {
	switch q.Sort {
	case ByCreated:
		return Place{t.Created, t.ID}
	case ByUpdated:
		return Place{t.Updated, t.ID}
	case ByID:
	}
	return Place{ID: t.ID}
}

// compare compares two places of the list. Of jobs of one time the lesser id comes first.
func (q *Query) compare(a, b Place) int {
	c := cmp.Compare(b.Time, a.Time)
	if c == 0 {
		c = strings.Compare(a.ID, b.ID)
	}
	if q.Reverse {
		return -c
	}
	return c
}

// follows reports whether a place comes behind q.After.
func (q *Query) follows(p Place) bool { return q.After.ID == "" || q.compare(p, q.After) > 0 }

// A Lister is a log that can be listed.
type Lister interface {
	ledger.EventReader
	ledger.TagReader
}

// List returns the first jobs of a list, up to q.Limit, and whether more would follow. If
// the log has tags, it reads the tags of all jobs and the jobs that it returns, and
// otherwise all jobs.
//
// It fails with an *ledger.IndexError if a job has other tags than it should. A job that its
// tags hide is missing from the list: that is found by verifying the log.
func List(ctx context.Context, log Lister, q Query) (page []Job, more bool, err error) {
	known := true
	found, err := log.Tagged(ctx, func(at ledger.EventReader, jobs iterTagged) (err error) {
		page, more, known, err = listTagged(ctx, at, jobs, q)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	if !found || !known {
		return ListAll(ctx, log, q)
	}
	return page, more, nil
}

// ListAll is List for a log without tags: it reads all jobs.
func ListAll(ctx context.Context, log ledger.EventReader, q Query) (page []Job, more bool, err error) {
	best, known := firsts[Job]{q: &q, limit: q.Limit + 1}, make(lookup)
	inOrder := cmp.Or(q.Sort, ByID) == ByID && !q.Reverse
	after := ""
	if inOrder {
		after = q.After.ID
	}
	for entry, err := range log.Jobs(ctx, after) {
		if err != nil {
			return nil, false, err
		}
		j, ok := DecodeJob(entry.View, entry.Head)
		if !ok || j.ID != entry.ID {
			if j, _, _, err = LoadState(ctx, log, entry.ID); err != nil {
				return nil, false, err
			}
		}
		place := q.PlaceOf(j)
		if !q.holds(j) || !best.passes(place) {
			continue
		}
		if waits, err := q.waits(ctx, log, j, known); err != nil {
			return nil, false, err
		} else if waits {
			best.add(place, j)
		}
		if inOrder && len(best.all) > q.Limit {
			break
		}
	}
	return cut(ctx, log, best.sorted(), q.Limit)
}

// cut returns the first jobs, with the texts of their decisions, and whether there are more.
func cut(ctx context.Context, log ledger.EventReader, jobs []Job, limit int) (page []Job, more bool, err error) {
	more = len(jobs) > limit
	page = jobs[:min(len(jobs), limit)]
	for i := range page {
		if ReadTexts(ctx, log, &page[i]) == nil {
			continue
		}
		if page[i], _, _, err = Load(ctx, log, page[i].ID); err != nil {
			return nil, false, err
		}
	}
	return page, more, nil
}

// holds reports whether a job matches, as far as the job says. Whether it waits for the right
// thing, waits says.
func (f *Filter) holds(j Job) bool {
	switch {
	case len(f.Statuses) > 0 && !slices.Contains(f.Statuses, j.Status),
		!f.Since.IsZero() && j.Updated < ledger.FormatTime(f.Since.UTC()),
		f.Actor != "" && j.SubmittedBy != f.Actor,
		f.Unsettled && len(j.Grants) == 0:
		return false
	}
	for _, l := range f.Labels {
		if !slices.Contains(j.Labels, l) {
			return false
		}
	}
	return true
}

// waits reports whether a job waits for one of what the filter says. known has what was read of
// the jobs that others come after.
func (f *Filter) waits(ctx context.Context, log ledger.EventReader, j Job, known lookup) (bool, error) {
	if len(f.Waiting) == 0 {
		return true, nil
	}
	word := j.WaitingForAt(f.Basis)
	if !f.Basis.IsZero() && j.Awaits() {
		after, err := known.of(ctx, log, j)
		if err != nil {
			return false, err
		}
		word = j.WaitingWith(f.Basis, after)
	}
	return slices.Contains(f.Waiting, word) && !(f.free && claimed(j, word, f.Basis)), nil
}

// claimed reports whether a job that waits for one of what Claims looks for is not to be taken: a
// lease of it lives, or it is stopped and no actor has approved that it goes on.
func claimed(j Job, word string, b Basis) bool {
	switch word {
	case WaitsForWorker:
		return j.Lease != nil
	case WaitsForResume:
		return !ApprovedAt(j, b)
	}
	return false
}
