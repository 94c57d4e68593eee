package projection_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/projection"
)

// The inbox has what keeps a stopped job from resuming, with who may not approve it.
func TestInboxOf(t *testing.T) {
	decision := projection.Ask{Kind: projection.KindDecision, CheckpointID: "cp_0001", Actor: "asker", Created: "t1", Summary: "which?", RequiredAction: "choose"}
	denied := projection.Ask{Kind: projection.KindDecision, CheckpointID: "cp_0002", Actor: "worker", Created: "t2", Verdict: projection.Denied, VerdictBy: "boss"}
	approved := projection.Ask{Kind: projection.KindDecision, CheckpointID: "cp_0003", Actor: "worker", Verdict: projection.Approved}
	hold := projection.Ask{Kind: projection.KindPause, Actor: "ops", Created: "t3", Hold: true}
	j := projection.Job{ID: "a", Status: projection.DecisionNeeded, Identity: "worker", Decisions: []projection.Ask{decision, denied, approved}, Stop: &hold}
	zero := hold.Target.String()
	want := []projection.InboxItem{
		{JobID: "a", WaitingFor: "decision", Kind: "decision", CheckpointID: "cp_0001", AskedBy: "asker", Since: "t1", Summary: "which?", RequiredAction: "choose", Target: zero, NotBy: []string{"asker", "worker"}, MayApprove: []string{}, Anyone: true},
		{JobID: "a", WaitingFor: "reversal", Kind: "decision", CheckpointID: "cp_0002", AskedBy: "worker", Since: "t2", Target: zero, DeniedBy: "boss", NotBy: []string{"worker"}, MayApprove: []string{}, Anyone: true},
		{JobID: "a", WaitingFor: "hold", Kind: "pause", AskedBy: "ops", Since: "t3", Target: zero, NotBy: []string{"ops", "worker"}, MayApprove: []string{}, Anyone: true},
	}
	if diff := cmp.Diff(want, projection.InboxOf(j, projection.Basis{})); diff != "" {
		t.Errorf("InboxOf (-want +got):\n%s", diff)
	}
	for _, status := range []projection.Status{projection.Running, projection.Completed, projection.EmergencyStopped} {
		j.Status = status
		if got := projection.InboxOf(j, projection.Basis{}); len(got) > 0 {
			t.Errorf("a job that is %s has %d things in the inbox", status, len(got))
		}
	}
}

// Page by page, the inbox has each thing that waits for one of the verdicts asked for, also
// if the job waits for another one first. No page has more jobs than the limit, and one
// that is not the last has as many, and another one follows.
func TestInboxHidesNothing(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for range 100 {
		l := randomLog(rng, 1+rng.IntN(150))
		for id, j := range l.jobs {
			if j.Stop != nil {
				j.Stop.Claimed = false // the job was not imported
			}
			for n := range rng.IntN(3) {
				verdict := []projection.Verdict{projection.Undecided, projection.Approved, projection.Denied}[rng.IntN(3)]
				j.Decisions = append(j.Decisions, projection.Ask{Kind: projection.KindDecision, CheckpointID: fmt.Sprintf("cp_%04d", n+1), Created: j.Updated, Verdict: verdict})
			}
			l.jobs[id] = j
		}
		q := projection.Query{Sort: projection.ByUpdated, Reverse: true, Limit: 1 + rng.IntN(10)}
		verdicts := slices.Clone(projection.WaitsForPeople)
		rng.Shuffle(len(verdicts), func(i, j int) { verdicts[i], verdicts[j] = verdicts[j], verdicts[i] })
		verdicts = verdicts[:1+rng.IntN(len(verdicts))]

		var want, got []string
		for _, id := range l.matches(q) {
			for _, item := range projection.InboxOf(l.jobs[id], projection.Basis{}) {
				if slices.Contains(verdicts, item.WaitingFor) {
					want = append(want, item.JobID+item.CheckpointID+item.Grant)
				}
			}
		}
		list := func(_ context.Context, q projection.Query) (page []projection.Job, more bool, err error) {
			all := l.matches(q)
			if after := q.After; after.ID != "" {
				whole := q
				whole.Waiting = nil
				before := l.matches(whole)
				before = before[:slices.Index(before, after.ID)+1]
				all = slices.DeleteFunc(all, func(id string) bool { return slices.Contains(before, id) })
			}
			for _, id := range all[:min(len(all), q.Limit)] {
				page = append(page, l.jobs[id])
			}
			return page, len(all) > q.Limit, nil
		}
		for after := (&projection.Place{}); after != nil; {
			q.After = *after
			items, next, err := projection.Inbox(t.Context(), list, q, verdicts)
			if err != nil {
				t.Fatal(err)
			}
			jobs := map[string]bool{}
			for _, item := range items {
				jobs[item.JobID] = true
				got = append(got, item.JobID+item.CheckpointID+item.Grant)
			}
			if len(jobs) > q.Limit || next != nil && len(jobs) < q.Limit || next == nil && len(jobs) == 0 && *after != (projection.Place{}) {
				t.Fatalf("a page of %d jobs with limit %d, last: %t", len(jobs), q.Limit, next == nil)
			}
			after = next
		}
		if !slices.Equal(got, want) {
			t.Fatalf("the inbox of what waits for %v has %v, want %v", verdicts, got, want)
		}
	}
}
