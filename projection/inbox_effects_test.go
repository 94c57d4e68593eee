package projection_test

import (
	"context"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/ledger"
	"gait/projection"
)

// A job waits for effects while it runs with an unknown one, and when nothing else keeps it
// from resuming.
func TestWaitsForEffects(t *testing.T) {
	for state, want := range map[string]string{
		"running,open": "worker", "running,unknown": "effects", "paused,open": "effects", "paused,unknown": "effects", "decision_needed,open": "effects",
		"decision_needed": "decision", "emergency_stopped,open": "cancel", "failed,open": "none", "cancelled,unknown": "none", "paused,cleared": "resume",
	} {
		c := atTheGate(t)
		gateSituations[state](c)
		if got := c.fold.Job.WaitingFor(); got != want {
			t.Errorf("%s waits for %s, want %s", state, got, want)
		}
		if got := c.fold.Job.WaitingForAt(c.basis()); got != want {
			t.Errorf("%s waits for %s now, want %s", state, got, want)
		}
		items := slices.DeleteFunc(projection.InboxOf(c.fold.Job, c.basis()), func(i projection.InboxItem) bool { return i.WaitingFor != "effects" })
		if (len(items) > 0) != (want == "effects") {
			t.Errorf("%s has %d grants in the inbox", state, len(items))
		}
	}
}

// The inbox says which grant is to be settled, and by whom: by those whose word would be taken.
func TestInboxOfEffects(t *testing.T) {
	for _, mode := range ledger.Modes {
		c := newCourt(t)
		c.enroll()
		c.mode(mode)
		c.by("olga", policied)
		unknown(c)
		g := c.fold.Job.Grants[0]
		want := []projection.InboxItem{{
			Progress: projection.Progress{Subject: &ledger.Content{Digest: one, Size: intent.Size}}, JobID: "job_1", WaitingFor: "effects", Kind: "effect", Grant: g.ID,
			AskedBy: "wim", Since: g.At, Summary: "pay may have been done", RequiredAction: "settle", Target: g.Leaf.String(), NotBy: []string{"wim"},
			MayApprove: []string{"olga", "root", "sam"}, Anyone: mode == ledger.ModeClaims,
		}}
		if diff := cmp.Diff(want, projection.InboxOf(c.fold.Job, c.basis())); diff != "" {
			t.Errorf("the inbox in mode %s (-want +got):\n%s", mode, diff)
		}
		for _, who := range []string{"olga", "root", "sam", "wim", "vera", "agent", "mia"} {
			j := c.fold.Job
			a := act{who, c.signs(who), c.settle("not_done", "I looked")}
			takes := c.code(c.sealed(a), a) == ""
			if listed := slices.Contains(want[0].MayApprove, who) || who == "mia" && want[0].Anyone; listed != takes {
				t.Errorf("in mode %s %s may settle it: %t, and is listed: %t", mode, who, takes, listed)
			}
			mine := projection.Query{Limit: 9, Filter: projection.Filter{Basis: c.basis(), Mine: who}}
			items, _, err := projection.Inbox(t.Context(), listOf(j), mine, projection.WaitsForPeople)
			if err != nil || (len(items) == 1) != takes {
				t.Errorf("in mode %s the inbox of %s has %d items, %v", mode, who, len(items), err)
			}
		}
	}
}

func listOf(j projection.Job) func(context.Context, projection.Query) ([]projection.Job, bool, error) {
	return func(context.Context, projection.Query) ([]projection.Job, bool, error) {
		return []projection.Job{j}, false, nil
	}
}

// When the lease has ended under which a grant was given, by time or by its release, a person finds
// out what became of it: the job waits for that, is listed so, and cannot be claimed before.
func TestOrphansAreInTheInbox(t *testing.T) {
	for name, ends := range map[string]func(*court){
		"":         func(*court) {},
		"expired":  hourLater,
		"released": func(c *court) { c.under(1, "wim", c.releases(ledger.LeaseGaveUp)) },
		"lost":     func(c *court) { c.by("olga", c.releases(ledger.LeaseLost)) },
	} {
		c := atTheGate(t)
		leasedTo("wim")(c)
		c.under(1, "wim", c.allow(intent, "c1"))
		ends(c)
		j, b := c.fold.Job, c.basis()
		items := projection.InboxOf(j, b)
		if name == "" {
			if len(items) > 0 || j.WaitingForAt(b) != projection.WaitsForWorker {
				t.Errorf("under a lease that lives the job waits for %s: %+v", j.WaitingForAt(b), items)
			}
			continue
		}
		if word := j.WaitingForAt(b); word != projection.WaitsForEffects || len(items) != 1 || items[0].Grant != j.Grants[0].ID || items[0].Summary != "pay may have been done" {
			t.Errorf("%s: the job waits for %s: %+v", name, word, items)
		}
		if claim, err := projection.ClaimOf(t.Context(), &listed{}, j, b); err != nil || claim != (projection.Claim{}) {
			t.Errorf("%s: ClaimOf = %+v, %v, want that a settlement has to come", name, claim, err)
		}
		l := &listed{jobs: map[string]projection.Job{j.ID: j}, actors: map[string]string{j.ID: "sam"}, tags: map[string]ledger.Tags{j.ID: projection.TagsOf(j, c.Events[0])}}
		list := func(ctx context.Context, q projection.Query) ([]projection.Job, bool, error) {
			return projection.List(ctx, l, q)
		}
		items, _, err := projection.Inbox(t.Context(), list, projection.Query{Limit: 1, Filter: projection.Filter{Basis: b}}, []string{projection.WaitsForEffects})
		if err != nil || len(items) != 1 {
			t.Errorf("%s: the inbox of all jobs has %d items, %v", name, len(items), err)
		}
		c.by("olga", c.settle(ledger.EffectNotDone, "I looked"))
		c.by("wil", c.takes())
	}
}
