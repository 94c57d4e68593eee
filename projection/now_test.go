package projection_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gait/ledger"
	"gait/projection"
)

// waiting returns a court in mode verdicts in which one decision waits for a second approval,
// one has expired, and one is for the role of operators.
func waiting(t *testing.T) *court {
	c := newCourt(t)
	c.enroll()
	c.by("sam", submit)
	c.decides(ledger.Decision{Quorum: 2, Subject: subject, ExpiresAt: c.basis().Reading.Add(2 * time.Hour)})
	approvedBy("vera")(c)
	c.by("mia", c.ask(soon()))
	c.decides(ledger.Decision{Approvers: []string{"role:operator"}})
	c.mode(ledger.ModeVerdicts)
	hourLater(c)
	return c
}

func jsonOf(t *testing.T, v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestStatusNow(t *testing.T) {
	c := waiting(t)
	key := c.key("vera").Fingerprint()
	want := []string{
		`"approvals":[{"actor":"vera","key":"` + key + `"}],"expires_at":"2026-11-22T22:00:10.000Z","needed":2,"quorum":2,"subject":{"digest":"` + one.String() + `","media_type":"text/plain","name":"plan.txt","size":3},"checkpoint_id":"cp_0001",`,
		`"expired":true,"expires_at":"2026-11-22T20:01:00.000Z","needed":2,"checkpoint_id":"cp_0002",`,
		`"approvers":["role:operator"],"needed":1,"checkpoint_id":"cp_0003",`,
	}
	v := c.fold.Job.StatusViewAt(c.basis())
	for i, part := range want {
		if got := jsonOf(t, v.OpenDecisions[i]); !strings.HasPrefix(got, "{"+part) {
			t.Errorf("decision %d is shown as\n%s, want\n{%s…", i+1, got, part)
		}
	}
	if by := v.OpenDecisions; by[0].AskedBy != "" || by[1].AskedBy != projection.AskedByClaim {
		t.Errorf("asked by %q and %q, want nothing and %s", by[0].AskedBy, by[1].AskedBy, projection.AskedByClaim)
	}
	recorded := c.fold.Job.StatusView()
	if got := jsonOf(t, recorded.OpenDecisions[1]); strings.Contains(got, "expired") || strings.Contains(got, "needed") {
		t.Errorf("what was recorded has what only a clock and authority say: %s", got)
	}
	if len(v.OpenDecisions) != 3 || v.WaitingFor != projection.WaitsForDecision {
		t.Errorf("%d decisions, waiting for %s, want 3 and decision", len(v.OpenDecisions), v.WaitingFor)
	}
}

// What each actor finds in the inbox is what an approval of theirs would count for.
func TestInboxMine(t *testing.T) {
	c := waiting(t)
	list := func(context.Context, projection.Query) ([]projection.Job, bool, error) {
		return []projection.Job{c.fold.Job}, false, nil
	}
	for actor, want := range map[string][]string{
		"": {"cp_0001", "cp_0002", "cp_0003"}, "vito": {"cp_0001"}, "vera": nil, "sam": nil, "wim": nil, "mia": nil,
		"both": {"cp_0001"}, "agent": {"cp_0001"}, "root": {"cp_0001", "cp_0003"}, "olga": nil, "Vito": nil,
	} {
		q := projection.Query{Limit: 9, Filter: projection.Filter{Basis: c.basis(), Mine: actor}}
		items, _, err := projection.Inbox(t.Context(), list, q, projection.WaitsForPeople)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, i := range items {
			got = append(got, i.CheckpointID)
			checkMayApprove(t, c, i)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("what %s could approve (-want +got):\n%s", actor, diff)
		}
	}
}

// checkMayApprove requires that those who could approve an item are those whose approval would
// be taken.
func checkMayApprove(t *testing.T, c *court, i projection.InboxItem) {
	t.Helper()
	if i.Anyone {
		t.Errorf("anyone may approve %s in mode verdicts", i.CheckpointID)
	}
	want := []string{}
	for _, who := range enrolled {
		j := c.fold.Job
		at := slices.IndexFunc(j.Decisions, func(a projection.Ask) bool { return a.CheckpointID == i.CheckpointID })
		p := ledger.Approved{CheckpointID: i.CheckpointID, Reason: "yes", Target: j.Decisions[at].Target, Subject: j.Decisions[at].Subject.Digest}
		a := act{actor: who.name, keys: c.signs(who.name), payload: p}
		if c.code(c.sealed(a), a) == "" {
			want = append(want, who.name)
		}
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, i.MayApprove); diff != "" {
		t.Errorf("who may approve %s (-want +got):\n%s", i.CheckpointID, diff)
	}
}

// A wait for an approval ends when the decision has expired.
func TestWaitForAnExpiredDecision(t *testing.T) {
	c := newCourt(t)
	c.by("sam", submit)
	c.decides(soon())
	approved, err := projection.ParseCondition("approved")
	if err != nil {
		t.Fatal(err)
	}
	if held, err := approved.Holds(c.fold.Job, c.basis()); held || err != nil {
		t.Errorf("before: %t, %v", held, err)
	}
	approvedBy("vera")(c)
	if held, err := approved.Holds(c.fold.Job, c.basis()); !held || err != nil {
		t.Errorf("approved: %t, %v", held, err)
	}
	hourLater(c)
	held, err := approved.Holds(c.fold.Job, c.basis())
	late, is := errors.AsType[*projection.ExpiredError](err)
	if held || !is || late.CheckpointID != "cp_0001" || late.Fault().Code != "decision_expired" || late.Error() == "" {
		t.Errorf("an hour later: %t, %v, want an ExpiredError", held, err)
	}
	decided, _ := projection.ParseCondition("decided")
	if held, err := decided.Holds(c.fold.Job, c.basis()); !held || err != nil {
		t.Errorf("decided, an hour later: %t, %v, want true", held, err)
	}
}

// A job's actors are verified if all of its events are signed, and an event's if it is.
func TestActorVerified(t *testing.T) {
	c := newCourt(t)
	c.enroll()
	c.by("sam", submit)
	c.decides(ledger.Decision{})
	if v := c.fold.Job.StatusView(); !v.ActorVerified || !v.LastCheckpoint.Verified {
		t.Error("a job whose events are all signed is not verified")
	}
	c.by("mia", c.approval())
	claim, signed := c.Events[len(c.Events)-1], c.Events[len(c.Events)-2]
	if c.fold.Job.StatusView().ActorVerified {
		t.Error("a job with an event of a claim is verified")
	}
	c.decides(ledger.Decision{})
	if c.fold.Job.StatusView().ActorVerified {
		t.Error("a signed event after a claim makes the job verified")
	}
	if a, _ := projection.ApprovalOf(claim); a.ActorVerified || projection.EventViewOf(claim).ActorVerified {
		t.Error("a claim is verified")
	}
	if cp, _ := projection.CheckpointOf(signed); !cp.Verified || !projection.EventViewOf(signed).ActorVerified {
		t.Error("a signed event is not verified")
	}
	if view := string(projection.AppendEventView(nil, signed)); !strings.Contains(view, `"actor":"wim","actor_verified":true,"created_at"`) {
		t.Errorf("a signed event is written %s", view)
	}
}
