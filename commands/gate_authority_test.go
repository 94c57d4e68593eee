package commands_test

import (
	"testing"
	"time"

	"gait/commands"
	"gait/commands/gate"
	"gait/ledger"
)

// A gateOffice is an office whose engine reads content. Its job_1 is submitted by an operator,
// who binds it to the policy.
type gateOffice struct {
	*office
	gate *gateBench
}

func newGateOffice(t testing.TB, mode ledger.Mode) *gateOffice {
	t.Helper()
	o := newOffice(t)
	g := &gateBench{bench: o.bench, content: &memContent{}}
	g.engine.Content, g.policy = g.content, g.content.putPlain(gatePolicy)
	o.take(o.signed(commands.Request{Actor: "root_1", Command: commands.SetAuthority{Admins: 1, Mode: mode}}))
	o.take(o.signed(on("ops_1", g.submits().Command)))
	return &gateOffice{office: o, gate: g}
}

// asks returns what an actor asks for.
func (o *gateOffice) asks(actor, tool string, n int, call string) commands.Request {
	return on(actor, o.gate.eval(tool, n, call).Command)
}

// Who may not ask is answered block, with the reason, in each mode; and no grant is given.
func TestGateAdmitsWorkers(t *testing.T) {
	for _, tt := range []struct {
		mode ledger.Mode
		name string
		r    func(o *gateOffice) commands.Request
		code string
	}{
		{ledger.ModeClaims, "an enrolled name that does not sign", func(o *gateOffice) commands.Request { return o.asks("agent_1", "read", 1, "") }, "signature_required"},
		{ledger.ModeClaims, "a name like an enrolled one", func(o *gateOffice) commands.Request { return o.asks("AGENT_1", "read", 1, "") }, "signature_required"},
		{ledger.ModeClaims, "an actor who is no worker", func(o *gateOffice) commands.Request { return o.signed(o.asks("cfo", "read", 1, "")) }, "role_required"},
		{ledger.ModeClaims, "another's key", func(o *gateOffice) commands.Request { return o.signed(o.asks("agent_1", "read", 1, ""), "cfo") }, "signature_invalid"},
		{ledger.ModeAll, "a claim", func(o *gateOffice) commands.Request { return o.asks("worker_1", "read", 1, "") }, "signature_required"},
		{ledger.ModeVerdicts, "a revoked actor", func(o *gateOffice) commands.Request {
			r := o.signed(o.asks("agent_1", "read", 1, ""))
			o.take(o.signed(revoke("agent_1", "root_1")))
			return r
		}, "revoked"},
		{ledger.ModeVerdicts, "a command that expired", func(o *gateOffice) commands.Request {
			r := o.signed(o.asks("agent_1", "read", 1, ""))
			o.now = o.now.Add(time.Hour)
			return r
		}, "command_expired"},
		{ledger.ModeVerdicts, "a policy whose operator was revoked", func(o *gateOffice) commands.Request {
			o.take(o.signed(revoke("ops_1", "root_1")))
			return o.signed(o.asks("agent_1", "read", 1, ""))
		}, gate.CodePolicyUnbound},
		{ledger.ModeVerdicts, "an intent that is not kept", func(o *gateOffice) commands.Request {
			return o.signed(on("agent_1", commands.GateEval{Tool: "read", Intent: ledger.Content{Digest: two, Size: 9}}))
		}, gate.CodeIntentUnreadable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := newGateOffice(t, tt.mode)
			o.gate.blocks(tt.r(o), tt.code)
			if j := o.job("job_1"); len(j.Grants) > 0 || j.Allows > 0 {
				t.Errorf("the job has %d grants", len(j.Grants))
			}
			o.log.check(t)
		})
	}
	for mode, r := range map[ledger.Mode]func(o *gateOffice) commands.Request{
		ledger.ModeClaims:   func(o *gateOffice) commands.Request { return o.asks("worker_1", "read", 1, "") },
		ledger.ModeVerdicts: func(o *gateOffice) commands.Request { return o.asks("worker_1", "read", 1, "") },
		ledger.ModeAll:      func(o *gateOffice) commands.Request { return o.signed(o.asks("agent_1", "read", 1, "")) },
	} {
		o := newGateOffice(t, mode)
		o.gate.allows(r(o))
	}
}

// An allow is given again to the key that signed for it, and to no claim and no other key.
func TestSignedAllowIsRepeated(t *testing.T) {
	o := newGateOffice(t, ledger.ModeVerdicts)
	r := o.signed(o.asks("agent_1", "read", 1, "call-1"))
	first := o.gate.allows(r)
	if again := o.gate.allows(r); !again.Repeated || again.Grant != first.Grant {
		t.Errorf("the same command again = %+v", again)
	}
	claim := r
	claim.Signed = nil
	o.gate.blocks(claim, "signature_required")
	o.gate.blocks(o.signed(claim, "cfo"), "signature_invalid")
	o.now = o.now.Add(61 * time.Second)
	o.gate.blocks(r, gate.CodeEffectsUnsettled)
	o.take(o.signed(on("agent_1", commands.GateSettle{Grant: first.Grant, Outcome: ledger.EffectDone})))
	o.gate.blocks(r, gate.CodeAlreadyDone)
	o.take(o.signed(revoke("agent_1", "root_1")))
	o.gate.blocks(r, "revoked")
}

// Approvals are judged again when a grant uses them up.
func TestApprovalOfRevokedActorGrantsNothing(t *testing.T) {
	o := newGateOffice(t, ledger.ModeVerdicts)
	asked := o.gate.requiresApproval(o.signed(o.asks("agent_1", "pay", 1, "call-1")))
	approval, err := commands.FillVerdict(on("cfo", commands.Approve{CheckpointID: asked.CheckpointID}), o.job("job_1"))
	if err != nil {
		t.Fatal(err)
	}
	o.take(o.signed(approval))
	o.take(o.signed(on("ops_1", o.gate.goesOn().Command)))
	o.take(o.signed(revoke("cfo", "root_1")))
	o.gate.requiresApproval(o.signed(o.asks("agent_1", "pay", 1, "call-1")))
}

// A grant is settled by the worker that got it, as done or unknown, and by operators.
func TestWhoSettlesGrants(t *testing.T) {
	o := newGateOffice(t, ledger.ModeVerdicts)
	grant := o.gate.allows(o.signed(o.asks("agent_1", "read", 1, "call-1"))).Grant
	settled := func(actor string, outcome ledger.EffectOutcome) commands.Request {
		r := on(actor, commands.GateSettle{Grant: grant, Outcome: outcome})
		r.Reason = "looked it up"
		return r
	}
	o.recorded("an approver", o.signed(settled("cfo", ledger.EffectDone)), "role_required")
	o.recorded("nothing done, by the worker", o.signed(settled("agent_1", ledger.EffectNotDone)), "role_required")
	o.denied("the worker's name without a signature", settled("agent_1", ledger.EffectDone), "signature_required")
	if _, err := o.do(settled("worker_1", ledger.EffectDone)); err == nil {
		t.Error("a claim settles the grant of another actor")
	}
	o.take(o.signed(settled("agent_1", ledger.EffectUnknown)))
	o.take(o.signed(settled("ops_1", ledger.EffectNotDone)))
	o.gate.allows(o.signed(o.asks("agent_1", "read", 1, "call-1")))
}
