package projection_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gait/ledger"
	"gait/projection"
)

// decides adds a decision that wim asks for.
func (c *court) decides(d ledger.Decision) {
	c.t.Helper()
	c.by("wim", c.ask(d))
}

func (c *court) pauses(hold bool) {
	c.t.Helper()
	c.by("olga", ledger.Paused{Hold: hold, Reason: "look"})
}

// deniesStop denies the pause or hold.
func (c *court) deniesStop() {
	c.t.Helper()
	c.by("vito", ledger.Denied{Reason: "no", Target: c.fold.Job.Stop.Target})
}

func (c *court) checks(kind ledger.CheckpointType) {
	c.t.Helper()
	c.by("wim", ledger.CheckpointAdded{CheckpointID: ledger.CheckpointID(c.fold.Job.Checkpoints + 1), CheckpointType: kind, Summary: "s"})
}

// situations say how a job gets into the states of testdata/decisions.txt.
var situations = map[string]func(*court){
	"running":                  func(*court) {},
	"paused":                   func(c *court) { c.pauses(false) },
	"paused,denied":            func(c *court) { c.decides(ledger.Decision{}); deniedBy("vito")(c); c.pauses(false) },
	"paused,open":              func(c *court) { c.decides(ledger.Decision{}); c.pauses(false) },
	"paused,pending":           func(c *court) { c.decides(ledger.Decision{Quorum: 2}); approvedBy("vito")(c); c.pauses(false) },
	"paused,expired":           func(c *court) { c.decides(soon()); c.pauses(false); hourLater(c) },
	"paused,held":              func(c *court) { c.pauses(true) },
	"decision_needed":          func(c *court) { c.decides(ledger.Decision{Subject: subject}) },
	"decision_needed,pending":  func(c *court) { c.decides(ledger.Decision{Quorum: 2}); approvedBy("vito")(c) },
	"decision_needed,approved": func(c *court) { c.decides(ledger.Decision{}); approvedBy("vito")(c) },
	"decision_needed,expired":  func(c *court) { c.decides(soon()); hourLater(c) },
	"decision_needed,lapsed":   func(c *court) { c.decides(soon()); approvedBy("vito")(c); hourLater(c) },
	"decision_needed,two":      func(c *court) { c.decides(soon()); c.decides(ledger.Decision{}); hourLater(c) },
	"blocked":                  func(c *court) { c.checks(ledger.CheckpointBlocked) },
	"blocked,denied":           func(c *court) { c.decides(ledger.Decision{}); deniedBy("vito")(c) },
	"blocked,pending": func(c *court) {
		c.decides(ledger.Decision{Quorum: 2})
		approvedBy("vito")(c)
		c.checks(ledger.CheckpointBlocked)
	},
	"blocked,held":      func(c *court) { c.pauses(true); c.deniesStop() },
	"blocked,paused":    func(c *court) { c.pauses(false); c.deniesStop() },
	"blocked,block":     func(c *court) { c.checks(ledger.CheckpointBlocked); c.deniesStop() },
	"emergency_stopped": func(c *court) { c.decides(ledger.Decision{}); c.by("olga", ledger.Stopped{Reason: "now"}) },
	"completed":         func(c *court) { c.checks(ledger.CheckpointCompleted) },
}

// columnsOfDecisions say what is done in each column.
var columnsOfDecisions = map[string]func(*court) act{
	"plan":            func(c *court) act { return c.checkpoint(ledger.CheckpointPlan, ledger.Decision{}) },
	"decision-needed": func(c *court) act { return c.checkpoint(decision, ledger.Decision{}) },
	"replace":         func(c *court) act { return c.checkpoint(decision, ledger.Decision{Replaces: "cp_0001"}) },
	"replace-pause":   func(c *court) act { return c.checkpoint(decision, ledger.Decision{Replaces: ledger.ReplacesPause}) },
	"blocked":         func(c *court) act { return c.checkpoint(ledger.CheckpointBlocked, ledger.Decision{}) },
	"pause":           func(*court) act { return act{actor: "olga", payload: ledger.Paused{Reason: "look"}} },
	"hold":            func(*court) act { return act{actor: "olga", payload: ledger.Paused{Hold: true, Reason: "look"}} },
	"approve":         func(c *court) act { return c.approves(ledger.Content{}) },
	"amend":           func(c *court) act { return c.approves(other) },
	"deny": func(c *court) act {
		p := c.approves(ledger.Content{}).payload.(ledger.Approved)
		return act{actor: "vera", payload: ledger.Denied{CheckpointID: p.CheckpointID, Reason: "no", Target: p.Target, Subject: p.Subject}}
	},
	"resume": func(c *court) act { return act{actor: "olga", payload: c.resume()} },
	"cancel": func(*court) act { return act{actor: "olga", payload: ledger.Cancelled{Reason: "enough"}} },
}

func (c *court) checkpoint(kind ledger.CheckpointType, d ledger.Decision) act {
	p := ledger.CheckpointAdded{
		CheckpointID: ledger.CheckpointID(c.fold.Job.Checkpoints + 1), CheckpointType: kind, Summary: "s", Late: c.fold.Job.Late(kind), Decision: d,
	}
	if kind == decision {
		p.RequiredAction = "decide"
	}
	return act{actor: "wim", payload: p}
}

// approves returns an approval by vera of what projection.VerdictTarget gives, or of no event.
func (c *court) approves(amended ledger.Content) act {
	ask, no := projection.VerdictTarget(c.fold.Job, c.basis(), projection.Approved, "")
	p := ledger.Approved{CheckpointID: ask.DecisionID(), Reason: "yes", Target: ask.Target, Subject: ask.Subject.Digest, Amended: amended}
	if no != nil {
		p.Target = two
	}
	if amended != (ledger.Content{}) && p.Subject.IsZero() {
		p.Amended = ledger.Content{} // no event can say so
	}
	return act{actor: "vera", payload: p}
}

var shortCodes = map[string]string{
	"invalid_transition": "no", "nothing_to_approve": "no", "approval_required": "no!", "already_decided": "no:twice", "decision_not_open": "no:open",
	"decision_expired": "no:expired", "quorum_pending": "no:pending",
}

// cellOf says what a job came to.
func (c *court) cellOf(before projection.Job) string {
	j := c.fold.Job
	switch {
	case j.Status == "blocked" && j.ReasonCode == projection.ReasonDenied && before.JobSeq != j.JobSeq && j.StopReason != before.StopReason:
		return "denied"
	case j.Status != before.Status || j.StopReason != before.StopReason:
		return string(j.Status)
	case j.Approvals != before.Approvals && len(j.UnsettledAt(c.basis())) > 0 && len(j.UnsettledAt(c.basis())) == len(before.UnsettledAt(c.basis())):
		return "=counted"
	case j.Approvals != before.Approvals:
		return "=approved"
	case before.Late(ledger.CheckpointPlan) && j.Checkpoints != before.Checkpoints && j.LastCheckpoint.Type == "plan":
		return "=late"
	}
	return "="
}

func TestDecisions(t *testing.T) {
	file, err := os.ReadFile("testdata/decisions.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(file)), "\n")
	head := strings.Fields(lines[0])[1:]
	rows := map[string]bool{}
	for _, line := range lines[1:] {
		cells := strings.Fields(line)
		rows[cells[0]] = true
		for i, column := range head {
			t.Run(cells[0]+"/"+column, func(t *testing.T) {
				if got := decisionCell(t, cells[0], column); got != cells[1+i] {
					t.Errorf("%s, want %s", got, cells[1+i])
				}
			})
		}
	}
	for name := range situations {
		for _, where := range []string{"", "authority:"} {
			if !rows[where+name] {
				t.Errorf("testdata/decisions.txt has no row %s%s", where, name)
			}
		}
	}
	for name := range columnsOfDecisions {
		if !strings.Contains(" "+strings.Join(head, " ")+" ", " "+name+" ") {
			t.Errorf("testdata/decisions.txt has no column %s", name)
		}
	}
}

// decisionCell returns what a cell should say.
func decisionCell(t *testing.T, row, column string) string {
	c := newCourt(t)
	state, authority := strings.CutPrefix(row, "authority:")
	if authority {
		c.enroll()
	}
	c.by("sam", submit)
	situations[state](c)
	before := c.fold.Job
	if status, _, _ := strings.Cut(state, ","); string(before.Status) != status {
		t.Fatalf("set-up leads to %s", before.Status)
	}
	a := columnsOfDecisions[column](c)
	a.keys = c.signs(a.actor)
	if code := c.verdict(a); code != "" {
		if short := shortCodes[code]; short != "" {
			return short
		}
		return code
	}
	if got := c.fold.Job; got.Revision != before.Revision+1 {
		return fmt.Sprintf("revision-%d", got.Revision)
	}
	return c.cellOf(before)
}

// What a decision takes the place of is gone, and the rest stays.
func TestReplacesTakesOut(t *testing.T) {
	c := newCourt(t)
	c.by("sam", submit)
	for range ledger.MaxOpenDecisions {
		c.decides(ledger.Decision{})
	}
	if code := c.verdict(c.checkpoint(decision, ledger.Decision{})); code != string(projection.TooManyDecisions) {
		t.Errorf("one decision more: %q", code)
	}
	if code := c.verdict(c.checkpoint(decision, ledger.Decision{Replaces: "cp_0099"})); code != string(projection.DecisionNotOpen) {
		t.Errorf("in the place of none: %q", code)
	}
	c.by("wim", c.ask(ledger.Decision{Replaces: "cp_0003", Quorum: 3}))
	asks := c.fold.Job.Decisions
	last := asks[len(asks)-1]
	if len(asks) != ledger.MaxOpenDecisions || asks[2].CheckpointID != "cp_0004" || last.CheckpointID != "cp_0065" || last.Replaces != "cp_0003" || last.Quorum != 3 {
		t.Errorf("after a replacement: %d decisions, third %s, last %+v", len(asks), asks[2].CheckpointID, last)
	}
	if code := c.verdict(c.checkpoint(decision, ledger.Decision{Replaces: "cp_0003"})); code != string(projection.DecisionNotOpen) {
		t.Errorf("in the place of what was replaced: %q", code)
	}
}

// A decision that has expired when it is asked for is refused; at its very time it is expired.
func TestExpiry(t *testing.T) {
	c := newCourt(t)
	c.by("sam", submit)
	now := c.basis().Reading
	if code := c.verdict(act{actor: "wim", payload: c.ask(ledger.Decision{ExpiresAt: now})}); code != string(projection.InvalidTransition) {
		t.Errorf("a decision that expires now: %q", code)
	}
	c.decides(ledger.Decision{ExpiresAt: now.Add(2 * time.Second)}) // now is the reading of this event
	approve := c.approves(ledger.Content{})
	c.late = time.Second
	if code := c.verdict(approve); code != string(projection.DecisionExpired) {
		t.Errorf("an approval at the time of expiry: %q", code)
	}
	c.late = time.Second - time.Millisecond
	if code := c.verdict(approve); code != "" {
		t.Errorf("an approval just before: %q", code)
	}
}

// A hold whose approval no longer counts is a hold again: no pause takes its place.
func TestRevokedApprovalOfAHold(t *testing.T) {
	c := newCourt(t)
	c.enroll()
	c.by("sam", submit)
	c.decides(ledger.Decision{})
	c.pauses(true)
	hold := c.fold.Job.Stop.Target
	c.by("vera", ledger.Approved{Reason: "yes", Target: hold})
	c.by("wim", c.ask(ledger.Decision{Replaces: "cp_0001"}))
	revoke("vera")(c)
	approvedBy("vito")(c)
	c.pauses(false)
	if got := c.fold.Job.Stop.Target; got != hold {
		t.Error("a pause took the place of a hold whose approval no longer counts")
	}
	if code := c.verdict(act{"olga", c.signs("olga"), c.resume()}); code != "approval_required" {
		t.Errorf("a resume past it: %q, want approval_required", code)
	}
	c.by("vito", ledger.Approved{Reason: "yes", Target: hold})
	c.by("olga", c.resume())
}

// A ledger that continues the job asks again with all that the decision said, except what it
// replaced, and also if it has expired.
func TestContinueAsksWithWhatWasSaid(t *testing.T) {
	c := newCourt(t)
	c.by("sam", submit)
	said := ledger.Decision{Approvers: []string{"role:approver", "vera"}, Quorum: 2, Subject: subject, ExpiresAt: soon().ExpiresAt}
	c.decides(ledger.Decision{})
	replacing := said
	replacing.Replaces = "cp_0001"
	c.decides(replacing)
	last := c.Events[len(c.Events)-1]
	_, again, err := projection.Continue(c.fold.Job, c.Events[1], last, ledger.Checkpoint{Origin: "gait.test/old"}, ledger.Content{Digest: one, Size: 1})
	if err != nil || len(again) != 1 {
		t.Fatalf("Continue asks %d times, %v", len(again), err)
	}
	if diff := cmp.Diff(said, again[0].Payload.(ledger.CheckpointAdded).Decision); diff != "" {
		t.Errorf("what is asked again (-want +got):\n%s", diff)
	}
}
