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
		orphans := j.Lease != nil && len(j.Grants) > 0
		free := j.Status == projection.Running && !unknown && !orphans && !leased && ready
		stopped := j.Status == projection.PausedStatus || j.Status == projection.DecisionNeeded || j.Status == projection.Blocked
		unapproved := func(a projection.Ask) bool { return j.Judge(a, q.Basis).Outcome != projection.OutcomeApproved }
		approved := !slices.ContainsFunc(j.Decisions, unapproved) && (j.Stop == nil || !unapproved(*j.Stop)) && (len(j.Decisions) > 0 || j.Stop != nil)
		resumable := stopped && len(j.Grants) == 0 && approved
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
	for range 240 {
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

// A stopped job can be claimed once others have approved all that stops it, and only then: a pause
// or block without an approval is for a person to lift.
func TestApprovedAt(t *testing.T) {
	more := map[string]func(*court){
		"paused,approved":  func(c *court) { c.pauses(false); approvesStop(c) },
		"paused,held,then": func(c *court) { c.pauses(true); approvesStop(c) },
		"paused,after": func(c *court) {
			c.decides(ledger.Decision{})
			approvedBy("vito")(c)
			c.pauses(false)
		},
		"paused,replaced": func(c *court) {
			c.decides(ledger.Decision{})
			c.pauses(false)
			c.decides(ledger.Decision{Replaces: "cp_0001"})
			approvedBy("vito")(c)
		},
		"blocked,approved": func(c *court) { c.checks(ledger.CheckpointBlocked); approvesStop(c) },
		"blocked,after": func(c *court) {
			c.decides(ledger.Decision{})
			approvedBy("vito")(c)
			c.checks(ledger.CheckpointBlocked)
		},
		"decision_needed,effects": func(c *court) {
			unknown(c)
			c.decides(ledger.Decision{})
			approvedBy("vito")(c)
		},
	}
	approved := []string{"decision_needed,approved", "paused,approved", "paused,held,then", "blocked,approved"}
	for _, all := range []map[string]func(*court){situations, more} {
		for name, happens := range all {
			c := atTheGate(t)
			happens(c)
			j, want := c.fold.Job, slices.Contains(approved, name)
			if got := projection.ApprovedAt(j, c.basis()); got != want {
				t.Errorf("%s: ApprovedAt = %t, want %t", name, got, want)
			}
			claim, err := projection.ClaimOf(t.Context(), &listed{}, j, c.basis())
			if free := want || j.Status == projection.Running; err != nil || claim.Now != free {
				t.Errorf("%s: ClaimOf = %+v, %v, want %t", name, claim, err, free)
			}
			q := projection.ClaimQuery{Limit: 1, Statuses: projection.Statuses[1:], Basis: c.basis()}
			for _, tags := range []map[string]ledger.Tags{nil, {j.ID: projection.TagsOf(j, c.Events[0])}} {
				l := &listed{jobs: map[string]projection.Job{j.ID: j}, actors: map[string]string{j.ID: "sam"}, tags: tags, events: c.Events}
				if jobs, _, err := projection.Claims(t.Context(), l, q); err != nil || (len(jobs) == 1) != want {
					t.Errorf("%s: Claims = %d jobs, %v, want it: %t", name, len(jobs), err, want)
				}
			}
		}
	}
}

// approvesStop approves the pause or block that the job is in.
func approvesStop(c *court) {
	c.by("vito", ledger.Approved{Reason: "go on", Target: c.fold.Job.Stop.Target})
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
