package projection

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"gait/ledger"
)

type iterTagged = iter.Seq[*ledger.TaggedJob]

// listTagged is List by the tags of all jobs. known is false if the tags of a job do not
// say all of it.
func listTagged(ctx context.Context, at ledger.EventReader, jobs iterTagged, q Query) (page []Job, more, known bool, err error) {
	after := make(lookup)
	for limit := q.Limit + 1; len(page) <= q.Limit; limit = max(q.Limit+1-len(page), min(2*limit, maxChosen)) {
		chosen, known := choose(jobs, &q, limit)
		if !known {
			return nil, false, false, nil
		}
		found, err := readTagged(ctx, at, chosen, &q, after)
		if err != nil {
			return nil, false, true, err
		}
		if page = append(page, found...); len(chosen) < limit {
			break
		}
		q.After = q.placeOf(&chosen[limit-1])
	}
	page, more, err = cut(ctx, at, page, q.Limit)
	return page, more, true, err
}

// maxChosen is how many jobs are read at a time if those before did not match.
const maxChosen = 1024

// choose returns the first jobs of the list, as far as their tags say. known is false if
// the tags of a job do not say all of it.
func choose(jobs iterTagged, q *Query, limit int) (chosen []ledger.TaggedJob, known bool) {
	m := q.matcher()
	best := firsts[ledger.TaggedJob]{q: q, limit: limit}
	for job := range jobs {
		if job.State[0] != tagsVersion || !job.Known() {
			return nil, false
		}
		if place := q.placeOf(job); m.matches(job) && best.passes(place) {
			best.add(place, *job)
		}
	}
	return best.sorted(), true
}

// readTagged returns those of the jobs that match, in order. It fails with an
// *ledger.IndexError if a job has other tags than it should.
func readTagged(ctx context.Context, at ledger.EventReader, tagged []ledger.TaggedJob, q *Query, after lookup) ([]Job, error) {
	ids := make([]string, len(tagged))
	for i := range tagged {
		ids[i] = tagged[i].ID
	}
	found, err := at.Load(ctx, ids, nil)
	if err != nil {
		return nil, err
	}
	jobs := make([]Job, 0, len(ids))
	for i := range tagged {
		t := &tagged[i]
		entry, ok := found.Jobs[t.ID]
		if !ok {
			return nil, wrongTag(t.ID, "there is no such job")
		}
		j, err := JobOf(ctx, at, entry)
		if err != nil {
			return nil, err
		}
		if want := TagsOf(j, ledger.Event{}); want.State != t.State || want.Updated != t.Updated || milliseconds(j.Created) != t.Created {
			return nil, wrongTag(t.ID, "it is %s, waits for %s, and changed at %s", j.Status, j.WaitingFor(), j.Updated)
		}
		if !q.holds(j) { // a label or an actor has the tag of another one
			continue
		}
		if waits, err := q.waits(ctx, at, j, after); err != nil {
			return nil, err
		} else if waits {
			jobs = append(jobs, j)
		}
	}
	return jobs, nil
}

// wrongTag returns the error of a job that a log lists as what it is not.
func wrongTag(job, format string, args ...any) error {
	return &ledger.IndexError{Seq: -1, Reason: "job " + job + " is listed as what it is not: " + fmt.Sprintf(format, args...)}
}

// A matcher compares tags with a filter.
type matcher struct {
	statuses, waiting []byte // letters; nil: any
	since             int64
	dated             bool // since counts
	tags              []uint32
}

func (f *Filter) matcher() *matcher {
	m := &matcher{dated: !f.Since.IsZero(), since: f.Since.UnixMilli(), statuses: f.statusLetters()}
	m.waiting = f.waitingLetters()
	for _, l := range f.Labels {
		m.tags = append(m.tags, labelTag(l))
	}
	if f.Actor != "" {
		m.tags = append(m.tags, actorTag(f.Actor))
	}
	return m
}

func (m *matcher) matches(t *ledger.TaggedJob) bool {
	switch {
	case m.statuses != nil && !slices.Contains(m.statuses, t.State[1]),
		m.waiting != nil && !slices.Contains(m.waiting, t.State[2]),
		m.dated && t.Updated < m.since:
		return false
	}
	for _, tag := range m.tags {
		if !t.Has(tag) {
			return false
		}
	}
	return true
}

// firsts collects the first values of a list, up to limit of them.
type firsts[T any] struct {
	q     *Query
	limit int
	all   []listEntry[T] // up to twice as many; the others come after them
	full  bool
	last  Place // of the values so far that are kept, once full
}

type listEntry[T any] struct {
	place Place
	value T
}

// passes reports whether a value at a place would be kept.
func (f *firsts[T]) passes(place Place) bool {
	return (!f.full || f.q.compare(place, f.last) < 0) && f.q.follows(place)
}

// add adds a value that passes.
func (f *firsts[T]) add(place Place, value T) {
	if f.all = append(f.all, listEntry[T]{place, value}); len(f.all) >= 2*f.limit {
		f.cut()
	}
}

// cut sorts the values, and drops those that are too many.
func (f *firsts[T]) cut() {
	slices.SortFunc(f.all, func(a, b listEntry[T]) int { return f.q.compare(a.place, b.place) })
	if len(f.all) >= f.limit {
		f.all = f.all[:f.limit]
		f.full, f.last = true, f.all[f.limit-1].place
	}
}

// sorted returns the values in order.
func (f *firsts[T]) sorted() []T {
	f.cut()
	values := make([]T, len(f.all))
	for i := range f.all {
		values[i] = f.all[i].value
	}
	return values
}
