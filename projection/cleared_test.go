package projection_test

import (
	"slices"
	"testing"

	"gait/ledger"
	"gait/projection"
)

// What is cleared is judged again when it is granted: by the authority then in force, and by
// the clock. Views say what is lost, and why.
func TestClearancesAreJudgedAgain(t *testing.T) {
	tests := map[string]struct {
		before func(*court) // after the approval and before the mode is set
		after  func(*court)
		quorum int64
		lost   [3]string // in modes claims, verdicts and all
		code   [3]string // of a grant
	}{
		"nothing happened":     {},
		"the approver is gone": {after: revoke("vera"), lost: same("approval_required"), code: same(no)},
		"the approver has another key": {
			after: enrolAgain("vera", approvers, "vera2"),
			lost:  same("approval_required"), code: same(no),
		},
		"the approver keeps the key": {after: enrolAgain("vera", approvers, "vera", "vera2")},
		"the approver is none now": {
			after: enrolAgain("vera", []ledger.Role{ledger.RoleWorker}, "vera"),
			lost:  same("approval_required"), code: same(no),
		},
		"one of two approvers is gone": {quorum: 2, after: revoke("vera"), lost: same("approval_required"), code: same(no)},
		"the decision has expired":     {after: hourLater, lost: same("decision_expired"), code: same(no)},
		"no operator binds the policy": {after: revoke("sam"), lost: [3]string{"", "policy_unbound", "policy_unbound"}, code: [3]string{"", role, role}},
		"anyone binds the policy":      {before: func(c *court) { revoke("sam")(c) }, after: func(c *court) { c.mode(c.chain.Newest().Mode(), two) }},
	}
	for name, tt := range tests {
		for i, mode := range ledger.Modes {
			t.Run(name+"/"+string(mode), func(t *testing.T) {
				c := newCourt(t)
				c.enroll()
				c.by("sam", policied)
				p := c.requires(intent, "c1")
				p.Quorum, p.ExpiresAt = tt.quorum, soon().ExpiresAt
				c.by("wim", p)
				approvedBy("vera")(c)
				if tt.quorum > 1 {
					approvedBy("vito")(c)
				}
				c.by("sam", c.resume())
				if tt.before != nil {
					tt.before(c)
				}
				c.mode(mode)
				if tt.after != nil {
					tt.after(c)
				}
				j := c.fold.Job
				if got := j.StatusViewAt(c.basis()).Cleared; len(got) != 1 || got[0].Lost != tt.lost[i] || got[0].ApprovedBy == "" || got[0].Clearance != j.Cleared[0].Resume.String() {
					t.Errorf("the view shows %+v, want lost %q", got, tt.lost[i])
				}
				if got := j.StatusView().Cleared; len(got) != 1 || got[0].Lost != "" {
					t.Errorf("what was recorded is lost: %+v", got)
				}
				if _, counts := j.ClearedFor(one, c.basis()); counts != (tt.lost[i] == "" || tt.lost[i] == "policy_unbound") {
					t.Errorf("ClearedFor says %t", counts)
				}
				if counts := j.BindingCounts(c.basis()); counts != (tt.lost[i] != "policy_unbound") {
					t.Errorf("BindingCounts says %t", counts)
				}
				if got := c.verdict(act{"wim", c.signs("wim"), withClearance(intent, 0)(c)}); got != tt.code[i] {
					t.Errorf("a grant: %q, want %q", got, tt.code[i])
				}
			})
		}
	}
}

func same(s string) [3]string { return [3]string{s, s, s} }

// An intent that was approved as another one is not granted, and that other one is, once.
func TestAmendedIntent(t *testing.T) {
	c := atTheGate(t)
	c.by("wim", c.requires(intent, "c1"))
	p := c.approval()
	p.Amended = other
	c.by("vera", p)
	c.by("olga", c.resume())
	now, was := c.basis(), c.fold.Job
	if amended, is := was.AmendedOf(one, now); !is || amended != other {
		t.Errorf("AmendedOf gives %+v, %t", amended, is)
	}
	if _, is := was.AmendedOf(two, now); is {
		t.Error("what was put in the place of the intent is amended itself")
	}
	if _, cleared := was.ClearedFor(one, now); cleared {
		t.Error("the intent that was asked for is cleared")
	}
	if view := was.StatusViewAt(now).Cleared[0]; !view.Amended || view.Intent.Digest != two || view.Lost != "" {
		t.Errorf("the view shows %+v", view)
	}
	c.runs([]gateStep{
		{"wim", withClearance(intent, 0), no},
		{"wim", withClearance(other, 0), ""},
		{"wim", settles("done", ""), ""},
		{"wim", withClearance(other, 0), no},
	})
	if _, is := c.fold.Job.AmendedOf(one, now); is {
		t.Error("the intent is amended after the grant")
	}
}

// A decision that took the place of the gate's clears nothing.
func TestReplacedDecisionClearsNothing(t *testing.T) {
	c := atTheGate(t)
	c.by("wim", c.requires(intent, "c1"))
	c.by("wim", c.ask(ledger.Decision{Replaces: "cp_0001", Subject: intent}))
	c.by("vera", c.approval())
	c.by("olga", c.resume())
	if len(c.fold.Job.Cleared) != 0 {
		t.Errorf("cleared: %+v", c.fold.Job.Cleared)
	}
}

// The texts of what the gate asks for are read from its event, and what is cleared has none.
func TestGateTexts(t *testing.T) {
	c := atTheGate(t)
	p := c.requires(intent, "c1")
	c.by("wim", p)
	c.by("wim", c.ask(ledger.Decision{Subject: subject}))
	view := projection.EncodeJob(c.fold.Job, c.fold.Head.Leaf)
	j, ok := projection.DecodeJob(view, c.fold.Head)
	if !ok || j.Decisions[0].Summary != "" || j.Decisions[0].Subject.MediaType != "" {
		t.Fatalf("the view has texts: %s", view)
	}
	if err := projection.ReadTexts(t.Context(), &story{t: t, events: c.Events[1:]}, &j); err != nil {
		t.Fatal(err)
	}
	if a := j.Decisions[0]; a.Summary != "pay asks for approval" || a.RequiredAction != "approve" || a.Subject != intent || j.Decisions[1].Subject != subject {
		t.Errorf("the decision is %+v", a)
	}
	approve := func(i int) {
		a := c.fold.Job.Decisions[i]
		c.by("vera", ledger.Approved{CheckpointID: a.CheckpointID, Reason: "yes", Target: a.Target, Subject: a.Subject.Digest})
	}
	approve(0)
	approve(1)
	c.by("olga", c.resume())
	whole, brief := projection.EncodeState(c.fold.Job, c.fold.Head.Leaf), projection.EncodeJob(c.fold.Job, c.fold.Head.Leaf)
	if string(whole) != string(brief) || len(c.fold.Job.Cleared) != 1 {
		t.Errorf("what is cleared has texts: %s", whole)
	}
	cp, is := projection.CheckpointOf(c.Events[2])
	if !is || cp.Type != "decision-needed" || cp.ID != "cp_0001" || cp.Summary != "pay asks for approval" || cp.RequiredAction != "approve" || cp.Actor != "wim" {
		t.Errorf("the checkpoint is %+v, %t", cp, is)
	}
	for _, p := range []ledger.Payload{c.allow(intent, "c1"), c.blocks(intent, "c1", "policy_forbids")} {
		if _, is := projection.CheckpointOf(c.sealed(act{actor: "wim", payload: p})); is {
			t.Errorf("%+v is a checkpoint", p)
		}
	}
}

// Intents and results are content that the job names.
func TestGateContents(t *testing.T) {
	c := atTheGate(t)
	c.clears(intent, "c1")
	c.by("wim", withClearance(intent, 0)(c))
	c.by("wim", settledWith("done", func(p *ledger.EffectSettled) { p.Result = other })(c))
	c.by("wim", ledger.GateDecided{Verdict: "block", Tool: "pay", ReasonCode: "intent_too_large"})
	all, err := projection.Contents(t.Context(), &story{t: t, events: c.Events[1:]}, "job_1")
	if err != nil || len(all) != 2 {
		t.Fatalf("%d contents, %v", len(all), err)
	}
	var uses []string
	for _, content := range all {
		for _, u := range content.Uses {
			uses = append(uses, u.As+u.CheckpointID)
		}
	}
	if !slices.Equal(uses, []string{"intentcp_0001", "intent", "result"}) {
		t.Errorf("the contents are used as %q", uses)
	}
}

// What expired is dropped when the gate asks about something else, so that it does not count.
func TestExpiredClearancesAreDropped(t *testing.T) {
	c := atTheGate(t)
	c.clearsSoon()
	hourLater(c)
	c.by("wim", c.requires(intent2, ""))
	if len(c.fold.Job.Cleared) != 0 {
		t.Errorf("cleared: %+v", c.fold.Job.Cleared)
	}
}

// A clearance names the approval that the resume used up, also if that was not enough when it
// was given.
func TestClearanceNamesTheApproval(t *testing.T) {
	c := newCourt(t)
	c.enroll()
	c.by("sam", policied)
	c.mode(ledger.ModeVerdicts)
	c.by("mia", c.requires(intent, "c1")) // a claim: it takes two
	c.by("vera", c.approval())
	if got := c.verdict(act{"olga", c.signs("olga"), c.resume()}); got != "quorum_pending" {
		t.Fatalf("a resume with one approval of two: %q", got)
	}
	c.mode(ledger.ModeClaims)
	c.by("olga", c.resume())
	if a := c.fold.Job.Cleared[0].Ask; a.Verdict != projection.Approved || a.VerdictBy != "vera" || a.VerdictLeaf.IsZero() {
		t.Errorf("the clearance is %+v", a)
	}
}
