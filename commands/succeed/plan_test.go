package succeed_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/commands/succeed"
	"gait/ledger"
	"gait/projection"
)

// A jobSource has the events of one job, up to one of them, as a pack has.
type jobSource struct {
	*place
	job  string
	upTo int64
}

func (j jobSource) Checkpoint() (ledger.Checkpoint, []byte) { return j.log.Checkpoint() }

func (j jobSource) Events(ctx context.Context, _ ledger.Seq) ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		for e, err := range j.log.JobEvents(ctx, j.job, 1) {
			if err == nil && e.JobSeq() > j.upTo || !yield(e, err) {
				return
			}
		}
	}
}

func (j jobSource) RootAt(context.Context, int64) (ledger.Hash, error) {
	return ledger.Hash{}, errors.New("a pack of a job has no tree")
}

func (j jobSource) ProofIn(ctx context.Context, signed []byte, seq ledger.Seq) (ledger.Proof, error) {
	return j.log.ProofIn(ctx, signed, seq)
}

func (p *place) look(from succeed.Source, ofJobs bool) *succeed.Survey {
	p.t.Helper()
	o := p.options()
	o.OfJobs = ofJobs
	s, err := succeed.Look(p.t.Context(), from, o)
	if err != nil {
		p.t.Fatal(err)
	}
	return s
}

// Packs of jobs are continued without the ledger that they are of.
func TestJobsOnly(t *testing.T) {
	first := story(t)
	plan, err := succeed.Join(t.Context(), first.look(jobSource{first, "running", 99}, true), first.look(jobSource{first, "stopped", 99}, true))
	if err != nil || plan.Jobs != 2 || plan.Found.Size != 0 || plan.Requests.Count != 2 {
		t.Fatalf("Join = %+v, %v", plan, err)
	}
	c, _ := first.log.Checkpoint()
	next, err := first.continued(plan, c, "gait.test/next")
	if err != nil {
		t.Fatal(err)
	}
	next.check()
	if next.job("stopped").Status != first.job("stopped").Status {
		t.Error("what was stopped is not")
	}
	next.must("running", "worker_1", checkpoint(ledger.CheckpointProgress))
}

// Each job is continued from the source that has the most of it, in whatever order the
// sources are named.
func TestTheNewestOfSourcesCounts(t *testing.T) {
	first := story(t)
	damaged := damagedSource{first.log, 4, &ledger.CorruptError{Seq: 4, Reason: "damaged"}}
	for _, turned := range []bool{false, true} {
		sources := []*succeed.Survey{first.look(damaged, false), first.look(jobSource{first, "running", 2}, true), first.look(jobSource{first, "running", 99}, true)}
		if turned {
			sources[0], sources[2] = sources[2], sources[0]
		}
		plan, err := succeed.Join(t.Context(), sources...)
		if err != nil || plan.Jobs != 2 || plan.Found.Size != 4 {
			t.Fatalf("Join = %+v, %v", plan, err)
		}
		c, _ := first.log.Checkpoint()
		next, err := first.continued(plan, c, "gait.test/next")
		if err != nil {
			t.Fatal(err)
		}
		next.check()
		if got, want := next.job("running").Continued.JobSeq, first.job("running").JobSeq; got != want {
			t.Errorf("running is continued from its event %d, want %d", got, want)
		}
	}
}

// Two histories of a job, or of the ledger, are not joined.
func TestForksAreNotJoined(t *testing.T) {
	first, second := story(t), story(t)
	if _, err := second.do("running", "worker_9", checkpoint(ledger.CheckpointPlan), ""); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		first.must("running", "worker_1", checkpoint(ledger.CheckpointProgress))
	}
	for _, from := range [][]*succeed.Survey{
		{first.look(jobSource{first, "running", 99}, true), second.look(jobSource{second, "running", 99}, true)},
		{second.look(jobSource{second, "running", 99}, true), first.look(jobSource{first, "running", 99}, true)},
	} {
		plan, err := succeed.Join(t.Context(), from...)
		if err == nil {
			c, _ := first.log.Checkpoint()
			_, err = first.continued(plan, c, "gait.test/next")
		}
		if fork, ok := errors.AsType[*succeed.ForkError](err); !ok || fork.JobID != "running" {
			t.Errorf("two histories of a job: %v", err)
		}
	}
	_, err := succeed.Join(t.Context(), first.look(first.log, false), second.look(second.log, false))
	if _, ok := errors.AsType[*ledger.CorruptError](err); !ok {
		t.Errorf("two histories of a ledger: %v", err)
	}
	third, _, err := first.successor(first.log, "gait.test/third")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := succeed.Join(t.Context(), first.look(first.log, false), third.look(third.log, false)); !errors.Is(err, ledger.ErrUnverified) {
		t.Errorf("sources of two ledgers: %v", err)
	}
}

// Each event carries the view of its job and the tags by which lists find it.
func TestViewsAndTags(t *testing.T) {
	first := story(t)
	plan, err := first.plan(first.log)
	if err != nil {
		t.Fatal(err)
	}
	e0, err := first.log.Event(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	jobs := map[string]*projection.Folder{}
	for entry, err := range plan.Entries(t.Context(), e0, keeper(t, map[ledger.Hash][]byte{})) {
		if err != nil {
			t.Fatal(err)
		}
		e := entry.Event
		if jobs[e.JobID()] == nil {
			jobs[e.JobID()] = &projection.Folder{}
		}
		j := jobs[e.JobID()]
		if err := j.Add(e); err != nil {
			t.Fatal(err)
		}
		if string(entry.View) != string(projection.EncodeJob(j.Job, e.LeafHash())) {
			t.Errorf("event %d has another view than its job", e.Seq())
		}
		if diff := cmp.Diff(projection.TagsOf(j.Job, e), entry.Tags); diff != "" {
			t.Errorf("the tags of event %d (-want +got):\n%s", e.Seq(), diff)
		}
	}
}
