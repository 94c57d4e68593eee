package projection_test

import (
	"testing"

	"gait/ledger"
	"gait/projection"
)

// A folder that knows nothing but the job's events follows them if it is told to, and
// otherwise takes none that names an authority.
func TestFoldWithoutTheAuthority(t *testing.T) {
	c := newCourt(t)
	c.enroll()
	c.by("sam", submit)
	c.decides(ledger.Decision{Quorum: 2, Approvers: []string{"role:approver"}})
	approvedBy("vera", "vito")(c)
	c.by("olga", c.resume())
	c.decides(ledger.Decision{})
	deniedBy("vera")(c)
	c.by("wim", c.ask(ledger.Decision{Replaces: "cp_0002"}))
	strict, trusted, replay := projection.Folder{}, projection.Folder{Trusted: true}, projection.Replay{Trusted: true}
	for _, e := range c.Events {
		if e.JobID() == "" {
			continue
		}
		if err := strict.Add(e); err == nil {
			t.Errorf("event %d is folded without the authority that it names", e.Seq())
		}
		if err := trusted.Add(e); err != nil {
			t.Errorf("event %d: %v", e.Seq(), err)
		}
		if err := replay.Add(e); err != nil {
			t.Errorf("event %d in a replay: %v", e.Seq(), err)
		}
	}
	got, want := trusted.Job.StatusView(), c.fold.Job.StatusView()
	if jsonOf(t, got) != jsonOf(t, want) {
		t.Errorf("the job is\n%s, want\n%s", jsonOf(t, got), jsonOf(t, want))
	}
}
