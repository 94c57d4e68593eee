package projection_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gait/ledger"
	"gait/projection"
)

// claimable says again which jobs a worker could take, the oldest first.
func (l *listed) claimable(q projection.ClaimQuery) (ids []string) {
	var all []projection.Job
	now := ledger.FormatTime(q.Basis.Reading)
	for _, j := range l.jobs {
		unknown := slices.ContainsFunc(j.Grants, func(g projection.Grant) bool { return g.Unknown })
		leased := j.Lease != nil && j.Lease.Ended == "" && now < j.Lease.Until
		ready := j.Lease != nil || now >= j.NotBefore && !slices.ContainsFunc(j.After, func(id string) bool { return l.jobs[id].Status != projection.Completed })
		free := j.Status == projection.Running && !unknown && !leased && ready
		stopped := j.Status == projection.PausedStatus || j.Status == projection.DecisionNeeded || j.Status == projection.Blocked
		resumable := stopped && j.WaitingForAt(q.Basis) == projection.WaitsForResume
		asked := len(q.Statuses) == 0 && j.Status == projection.Running || slices.Contains(q.Statuses, j.Status)
		labelled := !slices.ContainsFunc(q.Labels, func(label ledger.Label) bool { return !slices.Contains(j.Labels, label) })
		if (free || resumable) && asked && labelled {
			all = append(all, j)
		}
	}
	slices.SortFunc(all, func(a, b projection.Job) int {
		if c := strings.Compare(a.Created, b.Created); c != 0 {
			return c
		}
		return -strings.Compare(a.ID, b.ID)
	})
	for _, j := range all {
		ids = append(ids, j.ID)
	}
	return ids
}

// Page by page, with tags and without, a worker finds the jobs that it could take and no others,
// the oldest first.
func TestClaims(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	found := 0
	for range 200 {
		l := randomLog(rng, rng.IntN(200))
		q := projection.ClaimQuery{Limit: 1 + rng.IntN(20), Basis: projection.Basis{Reading: time.UnixMilli(1e12 + rng.Int64N(50)).UTC()}}
		if rng.IntN(2) == 0 {
			q.Labels = []ledger.Label{{Key: "team", Value: fmt.Sprint(rng.IntN(3))}}
		}
		for rng.IntN(2) == 0 {
			q.Statuses = append(q.Statuses, projection.Statuses[rng.IntN(len(projection.Statuses))])
		}
		want := l.claimable(q)
		found += len(want)
		for _, tags := range []map[string]ledger.Tags{l.tags, nil} {
			l := &listed{jobs: l.jobs, actors: l.actors, tags: tags}
			q, got := q, []string(nil)
			for more := true; more; {
				page, rest, err := projection.Claims(t.Context(), l, q)
				if err != nil {
					t.Fatal(err)
				}
				for _, j := range page {
					got = append(got, j.ID)
				}
				if more = rest; more {
					list := q.Query()
					q.After = list.PlaceOf(page[len(page)-1])
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("%+v, tags %t (-want +got):\n%s", q, tags != nil, diff)
			}
		}
	}
	if found < 500 {
		t.Errorf("%d jobs were found: too few to tell anything", found)
	}
}

// Few jobs are read to find one to take among many that cannot be taken, and no job twice.
func TestClaimsReadFew(t *testing.T) {
	l := &listed{jobs: map[string]projection.Job{}, actors: map[string]string{}, tags: map[string]ledger.Tags{}}
	add := func(id string, change func(*projection.Job)) {
		j := projection.Job{ID: id, Status: projection.Running, Revision: 1, JobSeq: 1, Created: ledger.FormatTime(time.UnixMilli(1e12 + int64(len(l.jobs)))), SubmittedBy: "boss"}
		j.Updated = j.Created
		change(&j)
		l.jobs[id], l.actors[id] = j, "boss"
		l.tags[id] = projection.TagsOf(j, l.first(id))
	}
	add("pending", func(j *projection.Job) { j.Status = projection.PausedStatus })
	for n := range 3000 {
		add(fmt.Sprintf("after_%04d", n), func(j *projection.Job) { j.After = []string{"pending"} })
	}
	for n := range 3000 {
		add(fmt.Sprintf("done_%04d", n), func(j *projection.Job) { j.Status = projection.Completed })
	}
	add("free", func(*projection.Job) {})
	q := projection.ClaimQuery{Limit: 1, Basis: projection.Basis{Reading: time.UnixMilli(2e12).UTC()}}
	jobs, more, err := projection.Claims(t.Context(), l, q)
	if err != nil || more || len(jobs) != 1 || jobs[0].ID != "free" {
		t.Fatalf("Claims = %d jobs, %t, %v, want the one that is free", len(jobs), more, err)
	}
	if l.reads > 3002 {
		t.Errorf("%d jobs were read, want each once that might be free, and what they come after once", l.reads)
	}
}

func TestCheckAfter(t *testing.T) {
	j := projection.Job{ID: "job_9", Status: projection.Running, After: []string{"a", "b", "c"}}
	dep := func(id string, s projection.Status) projection.Dependency {
		return projection.Dependency{JobID: id, Status: s, Leaf: ledger.LeafHash([]byte(id))}
	}
	for _, tt := range []struct {
		name  string
		after []projection.Dependency
		code  projection.RefusalCode
		about []string
		text  string
		waits string
	}{
		{"all completed", []projection.Dependency{dep("a", "completed"), dep("b", "completed")}, "", nil, "", "worker"},
		{"none", nil, "", nil, "", "worker"},
		{"two run", []projection.Dependency{dep("a", "running"), dep("b", "completed"), dep("c", "paused")}, "dependency_pending", []string{"a", "c"}, "a (running), c (paused)", "dependency"},
		{"one failed", []projection.Dependency{dep("a", "running"), dep("b", "failed")}, "dependency_failed", []string{"b"}, "b (failed)", "dependency"},
		{"one stopped", []projection.Dependency{dep("a", "emergency_stopped")}, "dependency_failed", []string{"a"}, "a (emergency_stopped)", "dependency"},
		{"one cancelled", []projection.Dependency{dep("a", "cancelled")}, "dependency_failed", []string{"a"}, "a (cancelled)", "dependency"},
		{"one is not there", []projection.Dependency{dep("a", "completed"), {JobID: "b"}}, "dependency_failed", []string{"b"}, "b (not found)", "dependency"},
	} {
		no := projection.CheckAfter(j, tt.after)
		if waits := j.WaitingWith(projection.Basis{}, tt.after); waits != tt.waits {
			t.Errorf("%s: the job waits for %s, want %s", tt.name, waits, tt.waits)
		}
		if no == nil {
			if tt.code != "" {
				t.Errorf("%s: no refusal, want %q", tt.name, tt.code)
			}
			continue
		}
		fault := no.Fault()
		retry := tt.code == "dependency_pending"
		if no.Code != tt.code || !slices.Equal(no.Details.Dependencies, tt.about) || !strings.HasSuffix(no.Reason, ": "+tt.text) || fault.Retryable != retry {
			t.Errorf("%s: %s (%+v) about %v: %s", tt.name, no.Code, fault, no.Details.Dependencies, no.Reason)
		}
	}
}

// What the jobs are that a job comes after is read from the log: the events that ended them, and
// which are not there.
func TestDependencies(t *testing.T) {
	s := tell(t)
	s.checkpoint(ledger.CheckpointCompleted)
	ended := s.at.Head.Leaf
	s.add("boss", ledger.Refused{Command: "cancel", Exit: 6, Refusal: "invalid_transition"})
	j := projection.Job{ID: "job_9", Status: projection.Running, After: []string{"job_0", "job_1"}}
	for _, view := range [][]byte{nil, s.encoded()} {
		s.view = view
		got, err := projection.Dependencies(t.Context(), s, j)
		want := []projection.Dependency{{JobID: "job_0"}, {JobID: "job_1", Status: "completed", Leaf: ended}}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("Dependencies = %v (-want +got):\n%s", err, diff)
		}
	}
	if word, err := projection.WaitingNow(t.Context(), s, j, projection.Basis{}); err != nil || word != projection.WaitsForDependency {
		t.Errorf("WaitingNow = %s, %v, want dependency", word, err)
	}
	j.After = j.After[1:]
	if word, err := projection.WaitingNow(t.Context(), s, j, projection.Basis{}); err != nil || word != projection.WaitsForWorker {
		t.Errorf("WaitingNow = %s, %v, want worker", word, err)
	}
	v := j.StatusViewWith(projection.Basis{}, []projection.Dependency{{JobID: "job_1", Status: "completed", Leaf: ended}})
	if v.WaitingFor != "worker" || len(v.Dependencies) != 1 || len(v.After) != 1 {
		t.Errorf("the view waits for %s, after %v: %v", v.WaitingFor, v.After, v.Dependencies)
	}
}
