package projection_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gait/ledger"
	"gait/projection"
)

// The view of a job is bounded: with the most decisions, each with the longest approvers,
// and with the most verdicts.
func TestViewWithAuthorityIsBounded(t *testing.T) {
	long := func(n int) string { return fmt.Sprintf("%03d", n) + strings.Repeat("x", 125) }
	c := newCourt(t)
	c.enroll()
	c.by("sam", submit)
	d := ledger.Decision{Quorum: ledger.MaxQuorum, Subject: subject}
	d.Subject.Name, d.Subject.MediaType = strings.Repeat("n", 100)+".txt", "text/"+strings.Repeat("m", 50)
	for range ledger.MaxOpenDecisions {
		c.decides(d)
	}
	asked := len(projection.EncodeJob(c.fold.Job, c.fold.Head.Leaf))
	for n := range ledger.MaxApprovers {
		d.Approvers = append(d.Approvers, long(n))
	}
	slices.Sort(d.Approvers)
	for _, a := range slices.Clone(c.fold.Job.Decisions) {
		d.Replaces = a.CheckpointID
		c.decides(d)
	}
	listed := len(projection.EncodeJob(c.fold.Job, c.fold.Head.Leaf))
	for _, a := range slices.Clone(c.fold.Job.Decisions) {
		for _, name := range d.Approvers[:ledger.MaxQuorum-1] {
			c.do(name, ledger.Approved{CheckpointID: a.CheckpointID, Reason: "yes", Target: a.Target, Subject: a.Subject.Digest})
		}
	}
	voted := len(projection.EncodeJob(c.fold.Job, c.fold.Head.Leaf))
	t.Logf("%d bytes with %d decisions, %d with their approvers, %d with their verdicts", asked, ledger.MaxOpenDecisions, listed, voted)
	if asked > 48<<10 || listed > 192<<10 || voted > 448<<10 {
		t.Errorf("a view has %d bytes, %d with approvers, %d with verdicts: too many", asked, listed, voted)
	}
}

// A view has neither the names of what decisions are about nor their types: they are read
// from the events that asked.
func TestSubjectsAreRead(t *testing.T) {
	s := tell(t)
	p := ledger.CheckpointAdded{CheckpointID: "cp_0001", CheckpointType: decision, Summary: "s", RequiredAction: "decide", Decision: ledger.Decision{Subject: subject, Quorum: 2}}
	s.add("worker_1", p)
	s.add("ann", ledger.Approved{CheckpointID: "cp_0001", Reason: "yes", Target: s.at.Head.Leaf, Subject: one, Amended: other})
	s.view = s.encoded()
	if strings.Contains(string(s.view), subject.Name) || strings.Contains(string(s.view), subject.MediaType) {
		t.Errorf("the view has the name of a subject: %s", s.view)
	}
	bare, _, _, err := projection.LoadState(t.Context(), s, "job_1")
	if got := bare.Decisions[0]; err != nil || got.Subject != (ledger.Content{Digest: one, Size: subject.Size}) || got.Amended != other || s.reads != 0 {
		t.Errorf("LoadState has the subject %+v, amended %+v after %d reads, %v", got.Subject, got.Amended, s.reads, err)
	}
	whole, _, _, err := projection.Load(t.Context(), s, "job_1")
	if got := whole.Decisions[0]; err != nil || got.Subject != subject || got.Amended != other {
		t.Errorf("Load has the subject %+v, amended %+v, %v", got.Subject, got.Amended, err)
	}
}
