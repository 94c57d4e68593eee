package projection_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/projection"
)

// A heap of jobs that are listed, with their tags if it keeps any.
type listed struct {
	ledger.EventReader
	jobs   map[string]projection.Job
	actors map[string]string
	tags   map[string]ledger.Tags // nil if the log keeps none
	events []ledger.Event         // of the one job, if its first one is not enough
	reads  int                    // how many jobs were read
}

func (l *listed) entry(id string) ledger.JobEntry {
	j, leaf := l.jobs[id], ledger.LeafHash([]byte(id))
	l.reads++
	return ledger.JobEntry{ID: id, Head: ledger.JobHead{JobSeq: j.JobSeq, Revision: j.Revision, Leaf: leaf}, View: projection.EncodeJob(j, leaf)}
}

func (l *listed) Jobs(_ context.Context, after string) iter.Seq2[ledger.JobEntry, error] {
	return func(yield func(ledger.JobEntry, error) bool) {
		for _, id := range l.ids() {
			if id > after && !yield(l.entry(id), nil) {
				return
			}
		}
	}
}

func (l *listed) ids() (ids []string) {
	for id := range l.jobs {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func (l *listed) Load(_ context.Context, jobs, _ []string, _ ...ledger.CallID) (ledger.Records, error) {
	found := ledger.Records{Jobs: map[string]ledger.JobEntry{}}
	for _, id := range jobs {
		if _, ok := l.jobs[id]; ok {
			found.Jobs[id] = l.entry(id)
		}
	}
	return found, nil
}

func (l *listed) JobEvents(_ context.Context, job string, from int64) ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		for _, e := range l.events {
			if e.JobID() == job && e.JobSeq() >= from && !yield(e, nil) {
				return
			}
		}
		if l.events == nil {
			yield(l.first(job), nil)
		}
	}
}

// first returns the job's first event.
func (l *listed) first(job string) ledger.Event {
	e, err := ledger.Seal(ledger.Draft{
		Seq: 1, ID: "01ARZ3NDEKTSV4RRFFQ69G5FAV", Origin: ledgertest.Origin, Time: time.UnixMilli(1e12).UTC(), Actor: l.actors[job], Prev: ledger.LeafHash(nil),
		JobID: job, JobSeq: 1, Revision: 1, Payload: ledger.Submitted{EnvironmentFingerprint: "envfp:test", ProducerVersion: "test"},
	})
	if err != nil {
		panic(err)
	}
	return e
}

func (l *listed) Tagged(_ context.Context, use func(ledger.EventReader, iter.Seq[*ledger.TaggedJob]) error) (bool, error) {
	if l.tags == nil {
		return false, nil
	}
	return true, use(l, func(yield func(*ledger.TaggedJob) bool) {
		var job ledger.TaggedJob
		for id, tags := range l.tags {
			if job = (ledger.TaggedJob{ID: id, Tags: tags}); !yield(&job) {
				return
			}
		}
	})
}

// randomLog returns a log of jobs in all statuses, that wait for all that jobs can wait for.
func randomLog(rng *rand.Rand, n int) *listed {
	l := &listed{jobs: map[string]projection.Job{}, actors: map[string]string{}, tags: map[string]ledger.Tags{}}
	at := func() string { return ledger.FormatTime(time.UnixMilli(1e12 + rng.Int64N(50))) }
	for range n {
		j := projection.Job{ID: fmt.Sprintf("job_%05d", rng.IntN(1e5)), Status: projection.Statuses[rng.IntN(len(projection.Statuses))], Revision: 1, JobSeq: 1, Created: at(), Updated: at()}
		if rng.IntN(2) == 0 {
			j.Stop = &projection.Ask{Kind: projection.KindPause, Hold: rng.IntN(2) == 0, Claimed: rng.IntN(2) == 0, Created: j.Updated}
			j.Stop.Verdict = []projection.Verdict{projection.Undecided, projection.Approved, projection.Denied}[rng.IntN(3)]
		}
		if a := j.Stop; a != nil && rng.IntN(2) == 0 { // no pause expires, but decisions have texts elsewhere
			if rng.IntN(2) == 0 {
				a.Expires = at()
			}
			if a.Verdict != projection.Denied && rng.IntN(2) == 0 {
				a.Quorum, a.Verdicts = rng.Int64N(4), []projection.Given{{By: "ann", Seq: 1}}
			}
		}
		for _, key := range []string{"team", "tier"} {
			if rng.IntN(2) == 0 {
				j.Labels = append(j.Labels, ledger.Label{Key: key, Value: fmt.Sprint(rng.IntN(3))})
			}
		}
		if rng.IntN(3) == 0 {
			j.Grants = []projection.Grant{{ID: "01ARZ3NDEKTSV4RRFFQ69G5FAV", Tool: "t", Intent: ledger.Content{Digest: ledger.Hash{1}}, Unknown: rng.IntN(2) == 0}}
		}
		randomWork(rng, &j, at, l.ids())
		j.SubmittedBy = fmt.Sprint("actor_", rng.IntN(3))
		l.jobs[j.ID], l.actors[j.ID] = j, j.SubmittedBy
		l.tags[j.ID] = projection.TagsOf(j, l.first(j.ID))
	}
	return l
}

// randomWork gives a job a lease, a time when it is due, or jobs that it comes after, of some ids
// or none of them.
func randomWork(rng *rand.Rand, j *projection.Job, at func() string, ids []string) {
	if rng.IntN(3) == 0 {
		j.NotBefore = at()
	}
	for len(ids) > 0 && rng.IntN(3) == 0 {
		j.After = append(j.After, append(ids, "job_none")[rng.IntN(len(ids)+1)])
	}
	if rng.IntN(3) == 0 {
		j.Lease = &projection.Lease{Epoch: 1, By: "wim", TTL: 60, Until: at()}
		if rng.IntN(2) == 0 || j.Status != projection.Running {
			j.Lease.Ended = projection.LeaseLeft
		}
	}
}

// waits says again what a job waits for: the same as when it comes after nothing, if the others
// are completed.
func (l *listed) waits(j projection.Job, b projection.Basis) string {
	completed := func(id string) bool { return l.jobs[id].Status == projection.Completed }
	if !b.IsZero() && j.Lease == nil && !slices.ContainsFunc(j.After, func(id string) bool { return !completed(id) }) {
		j.After = nil
	}
	return j.WaitingForAt(b)
}

// randomQuery returns a query that may exclude nothing, and often something.
func randomQuery(rng *rand.Rand) projection.Query {
	q := projection.Query{Sort: projection.Sorts[rng.IntN(len(projection.Sorts))], Reverse: rng.IntN(2) == 0, Limit: 1 + rng.IntN(40)}
	q.Unsettled = rng.IntN(4) == 0
	for rng.IntN(2) == 0 {
		q.Statuses = append(q.Statuses, projection.Statuses[rng.IntN(len(projection.Statuses))])
	}
	for rng.IntN(3) == 0 {
		q.Waiting = append(q.Waiting, projection.WaitsFor[rng.IntN(len(projection.WaitsFor))])
	}
	for rng.IntN(3) == 0 {
		q.Labels = append(q.Labels, ledger.Label{Key: "team", Value: fmt.Sprint(rng.IntN(3))})
	}
	if rng.IntN(2) == 0 {
		q.Basis.Reading = time.UnixMilli(1e12 + rng.Int64N(50))
	}
	if rng.IntN(3) == 0 {
		q.Actor = fmt.Sprint("actor_", rng.IntN(3))
	}
	if rng.IntN(3) == 0 {
		q.Since = time.UnixMilli(1e12 + rng.Int64N(50))
	}
	return q
}

// matches is what List should do, said again: sort all jobs and drop what does not match.
func (l *listed) matches(q projection.Query) (ids []string) {
	var all []projection.Job
	for _, j := range l.jobs {
		in := (len(q.Statuses) == 0 || slices.Contains(q.Statuses, j.Status)) && (len(q.Waiting) == 0 || slices.Contains(q.Waiting, l.waits(j, q.Basis))) &&
			(!q.Unsettled || len(j.Grants) > 0) && (q.Actor == "" || q.Actor == l.actors[j.ID]) && (q.Since.IsZero() || j.Updated >= ledger.FormatTime(q.Since))
		for _, label := range q.Labels {
			in = in && slices.Contains(j.Labels, label)
		}
		if in {
			all = append(all, j)
		}
	}
	slices.SortFunc(all, func(a, b projection.Job) int {
		c := 0
		switch q.Sort {
		case projection.ByCreated:
			c = -strings.Compare(a.Created, b.Created)
		case projection.ByUpdated:
			c = -strings.Compare(a.Updated, b.Updated)
		case projection.ByID:
		}
		if c == 0 {
			c = strings.Compare(a.ID, b.ID)
		}
		if q.Reverse {
			c = -c
		}
		return c
	})
	for _, j := range all {
		ids = append(ids, j.ID)
	}
	return ids
}

// Page by page, a list has the jobs that match and no others, in order, with tags and
// without. With tags no more jobs are read than are returned, and one for each page.
func TestListsHaveWhatMatches(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	c := newCourt(t)
	c.enroll()
	c.mode(ledger.ModeVerdicts)
	for range 300 {
		l, q := randomLog(rng, rng.IntN(150)), randomQuery(rng)
		if rng.IntN(3) == 0 {
			q.Basis.Authority = c.chain.Newest() // claims do not count
		}
		want := l.matches(q)
		for _, tags := range []map[string]ledger.Tags{l.tags, nil} {
			l := &listed{jobs: l.jobs, actors: l.actors, tags: tags}
			q := q
			var got []string
			for more, pages := true, 1; more; pages++ {
				page, rest, err := projection.List(t.Context(), l, q)
				if err != nil {
					t.Fatal(err)
				}
				for _, j := range page {
					got = append(got, j.ID)
				}
				if more = rest; more && len(page) != q.Limit {
					t.Fatalf("a page of %d jobs that is not the last, with limit %d", len(page), q.Limit)
				}
				if more {
					q.After = q.PlaceOf(page[len(page)-1])
				}
				if tags != nil && q.Basis.IsZero() && l.reads > len(got)+pages {
					t.Errorf("%d jobs were read for %d on %d pages", l.reads, len(got), pages)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%+v, tags %t (-want +got):\n%s", q, tags != nil, diff)
			}
		}
	}
}

// A job with another's tags is an error if it is listed. Tags that say nothing, or are of
// another version, are not used.
func TestFalseTags(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	l := randomLog(rng, 50)
	id := l.ids()[7]
	true1 := l.tags[id]
	for name, change := range map[string]func(*ledger.Tags){
		"status":  func(t *ledger.Tags) { t.State[1] ^= 1 },
		"waiting": func(t *ledger.Tags) { t.State[2] ^= 1 },
		"updated": func(t *ledger.Tags) { t.Updated++ },
		"created": func(t *ledger.Tags) { t.Created++ },
	} {
		tags := true1
		change(&tags)
		l.tags[id] = tags
		_, _, err := projection.List(t.Context(), l, projection.Query{Limit: 100})
		if wrong, ok := errors.AsType[*ledger.IndexError](err); !ok || !strings.Contains(wrong.Reason, id) {
			t.Errorf("%s: List = %v, want an IndexError about %s", name, err, id)
		}
	}
	for name, tags := range map[string]ledger.Tags{
		"none": {}, "of another version": {State: ledger.TagState{99, 'x', 'x'}, Fixed: true1.Fixed}, "no fixed ones": {State: true1.State},
	} {
		l.tags[id] = tags
		page, more, err := projection.List(t.Context(), l, projection.Query{Limit: 100})
		if err != nil || more || len(page) != len(l.jobs) {
			t.Errorf("tags %s: List = %d jobs, %t, %v, want %d", name, len(page), more, err, len(l.jobs))
		}
	}
	delete(l.jobs, id)
	l.tags[id] = true1
	if _, _, err := projection.List(t.Context(), l, projection.Query{Limit: 100}); err == nil {
		t.Error("a job that is not there is listed")
	}
}
