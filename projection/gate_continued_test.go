package projection_test

import (
	"testing"

	"gait/ledger"
	"gait/projection"
)

// A decision of the gate is asked for again by the gate, in the ledger that continues the job,
// with all that it said. Its call is one that the ledger before knew. Once it is approved
// there, the intent is granted once.
func TestContinueAsksAsTheGate(t *testing.T) {
	old := atTheGate(t)
	p := old.requires(intent, "c1")
	p.Approvers, p.Quorum, p.ExpiresAt, p.RequiredAction = []string{"vera", "vito"}, 2, soon().ExpiresAt, "look at the amount"
	old.by("wim", p)
	approvedBy("vera")(old)
	last := old.Events[len(old.Events)-1]
	tree := ledger.Checkpoint{Origin: "gait.test/old", Size: int64(len(old.Events)), Root: one}
	if err := projection.ReadTexts(t.Context(), &story{t: t, events: old.Events[1:]}, &old.fold.Job); err != nil {
		t.Fatal(err)
	}
	begin, again, err := projection.Continue(old.fold.Job, old.Events[1], last, tree, ledger.Content{Digest: two, Size: 1})
	if err != nil || len(again) != 1 || again[0].Actor != "wim" {
		t.Fatalf("Continue asks again %+v, %v", again, err)
	}

	c := newCourt(t)
	c.by("operator", begin)
	if code := c.verdict(act{actor: "wim", payload: c.blocks(intent, "c1", "not_running")}); code != no {
		t.Errorf("a block before the decision is asked for again: %q", code)
	}
	asked := again[0].After(c.Events[0].LeafHash()).(ledger.GateDecided)
	want := p
	want.ReasonCode, want.CheckpointID, want.Continues, want.CallPrev = "asked_again", "cp_0002", old.Events[2].LeafHash(), c.Events[0].LeafHash()
	if jsonOf(t, asked) != jsonOf(t, want) {
		t.Errorf("asked again is\n%s, want\n%s", jsonOf(t, asked), jsonOf(t, want))
	}
	c.by("wim", asked)
	if code := c.verdict(act{actor: "wim", payload: asked}); code != no {
		t.Errorf("asking a second time: %q", code)
	}
	ask := c.fold.Job.Decisions[0]
	if !ask.Continued || ask.Tool != "pay" || ask.CallID != "c1" || c.fold.Job.Status != "decision_needed" || c.fold.Job.Checkpoints != 2 {
		t.Errorf("the job waits for %+v", ask)
	}
	approvedBy("vera", "vito")(c)
	c.by("olga", c.resume())
	grant := c.allow(intent, "c1")
	grant.Clearance = c.fold.Job.Cleared[0].Resume
	c.by("wim", grant)
	if len(c.fold.Job.Cleared) != 0 || len(c.fold.Job.Grants) != 1 {
		t.Errorf("after the grant: %d cleared, %d grants", len(c.fold.Job.Cleared), len(c.fold.Job.Grants))
	}
}

// A call that the ledger before knew is not made, and one that is asked about again names
// event 0, if its state is known.
func TestCallsOfTheLedgerBefore(t *testing.T) {
	c := atTheGate(t)
	before := projection.CallIn(c.Events[0])
	if !before.Before || !before.Known {
		t.Fatalf("event 0 says of a call: %+v", before)
	}
	p := c.allow(intent, "c1")
	p.CallPrev = before.Leaf
	for _, verdict := range []ledger.GateVerdict{"allow", "require_approval"} {
		if p.Verdict = verdict; verdict != "allow" {
			p.Grant, p.CheckpointID = "", "cp_0001"
		}
		_, refusal := projection.Next(c.fold.Job, projection.Fact{At: epochOfCourt, Actor: "wim", Payload: p, Call: before})
		if refusal == nil || refusal.Code != projection.InvalidTransition {
			t.Errorf("%s of a call of the ledger before: %+v", verdict, refusal)
		}
	}
	p.Verdict, p.Grant, p.CheckpointID, p.CallPrev = ledger.GateAllow, grantID(1), "", two
	for call, want := range map[projection.Call]projection.RefusalCode{
		{Known: true, Leaf: two, Verdict: "allow", Grant: grantID(0)}:         projection.EffectsUnsettled,
		{Known: true, Leaf: two, Outcome: "unknown", Grant: grantID(0)}:       projection.EffectsUnsettled,
		{Known: true, Leaf: two, Outcome: "done"}:                             projection.InvalidTransition,
		{Known: true, Leaf: one, Outcome: "not_done"}:                         projection.InvalidTransition,
		{Known: true, Leaf: two, Outcome: "not_done", Intent: intent}:         "",
		{Known: true, Leaf: two, Outcome: "not_done", Intent: intent2}:        projection.InvalidTransition,
		{Known: true, Leaf: two, Outcome: "not_done"}:                         projection.InvalidTransition,
		{Known: true, Leaf: two, Verdict: "require_approval", Intent: intent}: "",
		{}: "",
	} {
		_, refusal := projection.Next(c.fold.Job, projection.Fact{At: epochOfCourt, Actor: "wim", Payload: p, Call: call})
		if refusal == nil && want != "" || refusal != nil && refusal.Code != want {
			t.Errorf("an allow of a call that is %+v: %+v, want %q", call, refusal, want)
		}
	}
}
