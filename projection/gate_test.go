package projection_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"gait/ledger"
	"gait/projection"
)

// intent and intent2 are what tools are asked to do.
var (
	intent  = ledger.Content{Digest: one, MediaType: "application/json", Size: 40}
	intent2 = ledger.Content{Digest: two, MediaType: "application/json", Size: 41}
)

// call returns the newest state of the call that a payload is about, as the events say.
func (c *court) call(p ledger.Payload) projection.Call {
	about, is := ledger.CallOf(p)
	if !is {
		return projection.Call{}
	}
	newest := ledger.Event{}
	if c.fold.Job.Continued != nil { // the ledger before knew the call
		newest = c.Events[0]
	}
	for _, e := range c.Events {
		if of, is := ledger.CallOf(e.Payload()); is && of.ID == about.ID {
			newest = e
		}
	}
	return projection.CallIn(newest)
}

// grantID returns the id of the n-th grant of a test.
func grantID(n int) string { return fmt.Sprintf("01KAQ2C3TAW6FTY9CXG%07d", n) }

// allow returns a grant of an intent.
func (c *court) allow(what ledger.Content, callID string) ledger.GateDecided {
	p := ledger.GateDecided{
		Verdict: ledger.GateAllow, Tool: "pay", Intent: what, ReasonCode: "policy_permits", PolicyDigest: c.fold.Job.PolicyDigest,
		CallID: callID, Grant: grantID(len(c.Events)),
	}
	p.CallPrev = c.call(p).Leaf
	return p
}

// requires returns a decision that asks for approval of an intent.
func (c *court) requires(what ledger.Content, callID string) ledger.GateDecided {
	p := c.allow(what, callID)
	p.Verdict, p.ReasonCode, p.Grant = ledger.GateRequireApproval, "policy_requires_approval", ""
	p.CheckpointID = ledger.CheckpointID(c.fold.Job.Checkpoints + 1)
	return p
}

func (c *court) blocks(what ledger.Content, callID, code string) ledger.GateDecided {
	return ledger.GateDecided{Verdict: ledger.GateBlock, Tool: "pay", Intent: what, ReasonCode: code, CallID: callID}
}

// settle returns what became of the newest grant.
func (c *court) settle(outcome ledger.EffectOutcome, reason string) ledger.EffectSettled {
	p := ledger.EffectSettled{Grant: grantID(0), Outcome: outcome, Reason: reason}
	if grants := c.fold.Job.Grants; len(grants) > 0 {
		g := grants[len(grants)-1]
		if p.Grant, p.CallID = g.ID, g.CallID; g.CallID != "" {
			p.CallPrev, p.Intent = g.Last, g.Intent.Digest
		}
	}
	return p
}

// clears asks for approval of an intent, approves it and resumes the job.
func (c *court) clears(what ledger.Content, callID string) {
	c.t.Helper()
	c.by("wim", c.requires(what, callID))
	c.by("vera", c.approval())
	c.by("olga", c.resume())
}

// policied is a job that is bound to a policy.
var policied = ledger.Submitted{EnvironmentFingerprint: env, ProducerVersion: "gait/test", PolicyDigest: two}

func atTheGate(t testing.TB) *court {
	c := newCourt(t)
	c.by("sam", policied)
	return c
}

// A step of a test of the gate: who does what, and the code of the refusal.
type gateStep struct {
	who  string
	what func(*court) ledger.Payload
	code string
}

func (c *court) runs(steps []gateStep) {
	c.t.Helper()
	for i, s := range steps {
		p := s.what(c)
		if code := c.verdict(act{s.who, c.signs(s.who), p}); code != s.code {
			c.t.Fatalf("step %d, %s by %s: %q, want %q", i+1, p.Type(), s.who, code, s.code)
		}
	}
}

func allows(what ledger.Content, callID string) func(*court) ledger.Payload {
	return func(c *court) ledger.Payload { return c.allow(what, callID) }
}

func asks(what ledger.Content, callID string) func(*court) ledger.Payload {
	return func(c *court) ledger.Payload { return c.requires(what, callID) }
}

func settles(outcome ledger.EffectOutcome, reason string) func(*court) ledger.Payload {
	return func(c *court) ledger.Payload { return c.settle(outcome, reason) }
}

func approves(c *court) ledger.Payload { return c.approval() }

func resumes(c *court) ledger.Payload { return c.resume() }

func completes(c *court) ledger.Payload {
	return c.checkpoint(ledger.CheckpointCompleted, ledger.Decision{}).payload
}

// withClearance is a grant of what the job's i-th cleared intent is.
func withClearance(what ledger.Content, i int) func(*court) ledger.Payload {
	return func(c *court) ledger.Payload {
		p := c.allow(what, "")
		p.Clearance = two
		if len(c.fold.Job.Cleared) > i {
			p.Clearance = c.fold.Job.Cleared[i].Resume
		}
		return p
	}
}

func of(p ledger.Payload) func(*court) ledger.Payload {
	return func(*court) ledger.Payload { return p }
}

func changed(what func(*court) ledger.Payload, change func(*ledger.GateDecided)) func(*court) ledger.Payload {
	return func(c *court) ledger.Payload {
		p := what(c).(ledger.GateDecided)
		change(&p)
		return p
	}
}

func settledWith(outcome ledger.EffectOutcome, change func(*ledger.EffectSettled)) func(*court) ledger.Payload {
	return func(c *court) ledger.Payload {
		p := c.settle(outcome, "")
		change(&p)
		return p
	}
}

const (
	no        = "invalid_transition"
	unsettled = "effects_unsettled"
	notFound  = "grant_not_found"
	role      = "role_required"
)

var gateStories = map[string][]gateStep{
	"a call is granted once at a time": {
		{"wim", allows(intent, "c1"), ""},
		{"wim", allows(intent, "c1"), unsettled},
		{"wim", asks(intent, "c1"), unsettled},
		{"wim", allows(intent, "c2"), ""},
		{"wim", allows(intent, ""), unsettled},
		{"wim", allows(intent2, ""), ""},
		{"wim", allows(intent2, ""), unsettled},
	},
	"a call that is done is done": {
		{"wim", allows(intent, "c1"), ""},
		{"wim", settles("done", ""), ""},
		{"wim", allows(intent, "c1"), no},
		{"wim", asks(intent, "c1"), no},
		{"wim", allows(intent2, "c1"), no},
		{"wim", allows(intent, ""), ""},
	},
	"what was not done may be decided again": {
		{"wim", changed(allows(intent, "c1"), func(p *ledger.GateDecided) { p.Facts.NotDoneExit = 3 }), ""},
		{"wim", settles("not_done", ""), ""},
		{"wim", allows(intent, "c1"), ""},
		{"wim", settles("not_done", ""), role},
		{"olga", settles("not_done", ""), no}, // without a reason
		{"olga", settles("not_done", "I looked"), ""},
		{"wim", asks(intent, "c1"), ""},
	},
	"an unknown effect stops all": {
		{"wim", allows(intent, "c1"), ""},
		{"wim", settles("unknown", ""), ""},
		{"wim", settles("unknown", ""), no},
		{"Wim", settles("not_done", "I am another one"), role},
		{"wim", allows(intent2, "c2"), unsettled},
		{"wim", asks(intent2, ""), unsettled},
		{"wim", completes, unsettled},
		{"olga", of(ledger.Paused{}), ""},
		{"olga", resumes, unsettled},
		{"olga", settles("unknown", "I cannot tell either"), ""},
		{"olga", settles("unknown", "I still cannot"), no},
		{"wim", settles("not_done", ""), role},
		{"wim", settles("done", ""), ""},
		{"wim", settles("done", ""), notFound},
		{"olga", resumes, ""},
		{"wim", completes, ""},
	},
	"not_done needs the exit code, and a grant that is open": {
		{"wim", changed(allows(intent, ""), func(p *ledger.GateDecided) { p.Facts.NotDoneExit = 3 }), ""},
		{"wim", settles("unknown", ""), ""},
		{"wim", settles("not_done", ""), role},
	},
	"an open grant stops resume and completion, and nothing else": {
		{"wim", allows(intent, "c1"), ""},
		{"wim", completes, unsettled},
		{"olga", of(ledger.Paused{}), ""},
		{"olga", resumes, unsettled},
		{"olga", of(ledger.Stopped{}), ""},
		{"olga", of(ledger.Cancelled{}), ""},
		{"wim", settles("unknown", ""), ""},
		{"wim", settles("done", ""), ""},
		{"wim", settles("done", ""), notFound},
	},
	"an approved intent is granted once": {
		{"wim", asks(intent, "c1"), ""},
		{"wim", allows(intent, "c1"), no},
		{"wim", approves, self},
		{"vera", approves, ""},
		{"wim", withClearance(intent, 0), no},
		{"olga", resumes, ""},
		{"wim", withClearance(intent2, 0), no},
		{"wim", withClearance(intent, 1), no},
		{"wim", withClearance(intent, 0), ""},
		{"wim", settles("done", ""), ""},
		{"wim", withClearance(intent, 0), no},
	},
	"a grant without the clearance uses it up too": {
		{"wim", asks(intent, ""), ""},
		{"vera", approves, ""},
		{"olga", resumes, ""},
		{"wim", allows(intent, ""), ""},
		{"wim", settles("done", ""), ""},
		{"wim", withClearance(intent, 0), no},
	},
	"asking again drops the clearance": {
		{"wim", asks(intent, ""), ""},
		{"vera", approves, ""},
		{"olga", resumes, ""},
		{"wim", asks(intent, ""), ""},
		{"vera", approves, ""},
		{"olga", resumes, ""},
		{"wim", withClearance(intent, 1), no},
		{"wim", withClearance(intent, 0), ""},
	},
	"the policy is that of the job": {
		{"wim", changed(allows(intent, ""), func(p *ledger.GateDecided) { p.PolicyDigest = one }), no},
		{"wim", changed(asks(intent, ""), func(p *ledger.GateDecided) { p.PolicyDigest = one }), no},
	},
	"a decision that has expired is not asked for": {
		{"wim", changed(asks(intent, ""), func(p *ledger.GateDecided) { p.ExpiresAt = epochOfCourt }), no},
	},
	"a checkpoint id is the next one": {
		{"wim", changed(asks(intent, ""), func(p *ledger.GateDecided) { p.CheckpointID = "cp_0002" }), no},
	},
	"a grant is settled as what it is": {
		{"wim", allows(intent, "c1"), ""},
		{"wim", settledWith("done", func(p *ledger.EffectSettled) { p.CallPrev = two }), no},
		{"wim", settledWith("done", func(p *ledger.EffectSettled) { p.CallID = "c2" }), no},
		{"wim", settledWith("done", func(p *ledger.EffectSettled) { p.CallID, p.CallPrev, p.Intent = "", ledger.Hash{}, ledger.Hash{} }), no},
		{"wim", settledWith("done", func(p *ledger.EffectSettled) { p.Intent = two }), no},
		{"wim", settledWith("done", func(p *ledger.EffectSettled) { p.Grant = grantID(0) }), notFound},
		{"wim", settles("done", ""), ""},
	},
	"a grant has an id of its own": {
		{"wim", changed(allows(intent, "c1"), func(p *ledger.GateDecided) { p.Grant = grantID(7) }), ""},
		{"wim", changed(allows(intent, "c2"), func(p *ledger.GateDecided) { p.Grant = grantID(7) }), no},
	},
	"the call before is named": {
		{"wim", changed(allows(intent, "c1"), func(p *ledger.GateDecided) { p.CallPrev = two }), no},
		{"wim", changed(asks(intent, "c1"), func(p *ledger.GateDecided) { p.CallPrev = two }), no},
		{"wim", asks(intent, "c1"), ""},
		{"vera", approves, ""},
		{"olga", resumes, ""},
		{"wim", changed(allows(intent, "c1"), func(p *ledger.GateDecided) { p.CallPrev = ledger.Hash{} }), no},
		{"wim", allows(intent, "c1"), ""},
	},
	"only a dispatch is blocked by an emergency stop": {
		{"wim", of(ledger.DispatchBlocked{Tool: "pay", ReasonCode: "emergency_stopped"}), no},
		{"olga", of(ledger.Stopped{}), ""},
		{"wim", of(ledger.GateDecided{Verdict: "block", Tool: "pay", ReasonCode: "not_running"}), no},
		{"wim", allows(intent, ""), no},
		{"wim", asks(intent, ""), no},
		{"wim", of(ledger.DispatchBlocked{Tool: "pay", ReasonCode: "emergency_stopped"}), ""},
		{"olga", of(ledger.Cancelled{}), ""},
		{"wim", of(ledger.DispatchBlocked{Tool: "pay", ReasonCode: "emergency_stopped"}), no},
		{"wim", of(ledger.GateDecided{Verdict: "block", Tool: "pay", ReasonCode: "not_running"}), no},
	},
	"content has one secret": {
		{"wim", changed(allows(intent, ""), func(p *ledger.GateDecided) { p.ContentKey = one }), ""},
		{"wim", settledWith("done", func(p *ledger.EffectSettled) { p.Result, p.ContentKey = intent2, one }), no},
		{"wim", settledWith("done", func(p *ledger.EffectSettled) { p.Result = intent2 }), ""},
	},
}

const self = "self_approval"

var epochOfCourt = time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)

func TestGateStories(t *testing.T) {
	for name, steps := range gateStories {
		t.Run(name, func(t *testing.T) { atTheGate(t).runs(steps) })
	}
}

// The refusal says which grants have to be settled.
func TestUnsettledGrantsAreNamed(t *testing.T) {
	c := atTheGate(t)
	c.by("wim", c.allow(intent, "c1"))
	c.by("wim", c.settle("unknown", ""))
	first := c.fold.Job.Grants[0].ID
	_, refusal := projection.Next(c.fold.Job, projection.Fact{At: epochOfCourt, Actor: "wim", Payload: completes(c)})
	if refusal == nil || !slices.Equal(refusal.Details.Grants, []string{first}) ||
		refusal.Reason != "job job_1 cannot be completed before it is settled what became of grant "+first+" of pay (unknown)" {
		t.Errorf("completing it: %+v", refusal)
	}
	_, refusal = projection.Next(c.fold.Job, projection.Fact{At: epochOfCourt, Actor: "wim", Payload: ledger.EffectSettled{Grant: grantID(99), Outcome: "done"}})
	if refusal == nil || !slices.Equal(refusal.Details.Grants, []string{grantID(99)}) {
		t.Errorf("settling an unknown grant: %+v", refusal)
	}
}

// At most so many grants are open, and at most so many intents are cleared.
func TestGateIsBounded(t *testing.T) {
	c := atTheGate(t)
	for n := range ledger.MaxCleared {
		what := intent
		what.Digest[0] = byte(n)
		c.clears(what, "")
	}
	if code := c.verdict(act{actor: "wim", payload: c.requires(intent2, "")}); code != "too_many_decisions" {
		t.Errorf("one intent more: %q", code)
	}
	if cleared := len(projection.EncodeJob(c.fold.Job, c.fold.Head.Leaf)); cleared > 64<<10 {
		t.Errorf("with %d cleared intents a view has %d bytes", ledger.MaxCleared, cleared)
	}
	for n := range ledger.MaxOpenGrants {
		c.by("wim", c.allow(intent2, fmt.Sprintf("c%d", n)))
	}
	if code := c.verdict(act{actor: "wim", payload: c.allow(intent2, "more")}); code != unsettled {
		t.Errorf("one grant more: %q", code)
	}
	if open := len(projection.EncodeJob(c.fold.Job, c.fold.Head.Leaf)); open > 128<<10 {
		t.Errorf("with %d grants too a view has %d bytes", ledger.MaxOpenGrants, open)
	}
}

// A block is recognized as the one before if all that it says is the same, and only while the
// job does not run.
func TestRepeatsBlock(t *testing.T) {
	c := atTheGate(t)
	b := c.blocks(intent, "c1", "policy_forbids")
	c.by("wim", b)
	if c.fold.Job.RepeatsBlock("wim", b) {
		t.Error("a block of a running job is taken for the one before")
	}
	c.by("olga", ledger.Paused{})
	b.ReasonCode = "not_running"
	if c.fold.Job.RepeatsBlock("wim", b) {
		t.Error("a block is repeated after a pause")
	}
	c.by("wim", b)
	if !c.fold.Job.RepeatsBlock("wim", b) || c.fold.Job.RepeatsBlock("wil", b) || c.fold.Job.Blocks != 2 {
		t.Errorf("the block is not recognized, or for another actor: %+v", c.fold.Job.LastBlock)
	}
	for what, other := range map[string]ledger.GateDecided{"tool": {Tool: "x"}, "intent": {Intent: intent2}, "call": {CallID: "c2"}, "code": {ReasonCode: "x"}} {
		again := b
		again.Tool, again.CallID, again.ReasonCode = cmp.Or(other.Tool, b.Tool), cmp.Or(other.CallID, b.CallID), cmp.Or(other.ReasonCode, b.ReasonCode)
		again.Intent = cmp.Or(other.Intent, b.Intent)
		if c.fold.Job.RepeatsBlock("wim", again) {
			t.Errorf("a block with another %s is taken for the one before", what)
		}
	}
	c.by("olga", ledger.Stopped{})
	d := ledger.DispatchBlocked{Tool: "pay", Intent: one, ReasonCode: "emergency_stopped"}
	c.by("wim", d)
	if !c.fold.Job.RepeatsBlock("wim", d) || c.fold.Job.Blocks != 3 {
		t.Error("a block by an emergency stop is not recognized")
	}
}
