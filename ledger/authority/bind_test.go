package authority_test

import (
	"testing"
	"time"

	"gait/ledger"
	"gait/ledger/authority"
	at "gait/ledger/authoritytest"
)

// everything is a payload of each type to which a signed command leads, with the argument of
// each field set, and who may do it.
func everything() []at.Plan {
	content := ledger.Content{Digest: hashOf("content"), MediaType: "application/json", Name: "refund.json", Size: 9}
	key := hashOf("secret")
	decision := ledger.Decision{
		Approvers: []string{"role:approver", "vera"}, ExpiresAt: at.Start.Add(time.Hour), Quorum: 2, Replaces: "cp_0001", Subject: content,
	}
	return []at.Plan{
		{Actor: "root", JobID: "job_2", Payload: ledger.Submitted{
			EnvironmentFingerprint: "env", Identity: "agent_7", Labels: []ledger.Label{{Key: "env", Value: "<prod>"}, {Key: "team", Value: "é"}},
			PolicyDigest: hashOf("policy"), PolicyRef: "refunds@v3", ProducerVersion: "gait/1",
			After: []string{"job_0", "job_1"}, NotBefore: at.Start.Add(time.Hour), Input: content, ContentKey: key,
		}},
		{Actor: "root", JobID: "job_2", Payload: imported},
		{Actor: "root", JobID: "job_1", Payload: ledger.CheckpointAdded{
			CheckpointID: "cp_0002", CheckpointType: ledger.CheckpointDecisionNeeded, RequiredAction: "approve", Summary: "s", Decision: decision,
			Attachments: []ledger.Attachment{{Content: content, Role: ledger.AttachState}}, ContentKey: key,
		}},
		{Actor: "root", JobID: "job_1", Payload: progress},
		{Actor: "root", JobID: "job_1", Lease: 2, Payload: ledger.CheckpointAdded{
			CheckpointID: "cp_0002", CheckpointType: ledger.CheckpointProgress, Progress: ledger.StepCount{Done: 3, Total: 14}, Summary: "s",
		}},
		{Actor: "root", JobID: "job_1", Payload: ledger.Leased{After: []ledger.Hash{hashOf("done")}, Epoch: 3, TTL: 60, Until: at.Start.Add(time.Hour), Worker: "host-1"}},
		{Actor: "root", JobID: "job_1", Lease: 3, Payload: ledger.LeaseRenewed{Epoch: 3, TTL: 60, Until: at.Start.Add(time.Hour), Worker: "host-1"}},
		{Actor: "root", JobID: "job_1", Lease: 3, Payload: ledger.LeaseReleased{Epoch: 3, Outcome: ledger.LeaseDone, TTL: 60, Until: at.Start.Add(time.Hour), Worker: "host-1"}},
		{Actor: "root", JobID: "job_1", Payload: ledger.AttemptEnded{Number: 2, Cause: ledger.AttemptExited, Exit: new(int64), Log: content, ContentKey: key}},
		{Actor: "root", JobID: "job_1", Payload: ledger.Paused{Hold: true, Reason: "look"}},
		{Actor: "root", JobID: "job_1", Payload: cancelled},
		{Actor: "root", JobID: "job_1", Payload: stopped},
		{Actor: "root", JobID: "job_1", Payload: ledger.Approved{
			CheckpointID: "cp_0002", Reason: "fine", Target: hashOf("target"), Subject: hashOf("subject"), Amended: content, ContentKey: key,
		}},
		{Actor: "root", JobID: "job_1", Payload: ledger.Denied{CheckpointID: "cp_0002", Reason: "no", Target: hashOf("target"), Subject: hashOf("subject")}},
		{Actor: "root", JobID: "job_1", Payload: ledger.Resumed{
			Consumes: []ledger.Hash{hashOf("approval")}, ExpectedFingerprint: "env", ActualFingerprint: "env 2", PreviousPolicyDigest: hashOf("policy"),
			CurrentPolicyDigest: hashOf("other"), PreviousPolicyRef: "a", CurrentPolicyRef: "b", PolicyChanged: true, Identity: "agent_7", Reason: "moved",
		}},
		{Actor: "root", JobID: "job_1", Payload: erased},
		{Actor: "root", JobID: "job_1", Payload: ledger.Refused{Command: "resume", Exit: 6, Reason: "moved", Refusal: "invalid_transition", Summary: "identity agent_7"}},
		{Actor: "root", JobID: "job_1", Payload: allowed},
		{Actor: "root", JobID: "job_1", Payload: ledger.GateDecided{
			Verdict: ledger.GateRequireApproval, Tool: "pay", Intent: content, ReasonCode: "policy_requires_approval", CallID: "c1", CallPrev: hashOf("before"), ContentKey: key,
			PolicyDigest: hashOf("policy"), DeterminedBy: []string{"big"}, Engine: "cedar-go/1.9.0", Facts: ledger.GateFacts{NotDoneExit: 75},
			CheckpointID: "cp_0002", RequiredAction: "look", Approvers: []string{"vera"}, ExpiresAt: at.Start.Add(time.Hour), Quorum: 2, Continues: hashOf("c"),
		}},
		{Actor: "root", JobID: "job_1", Payload: ledger.GateDecided{Verdict: ledger.GateBlock, Tool: "pay", ReasonCode: "policy_missing"}},
		{Actor: "root", JobID: "job_1", Payload: ledger.DispatchBlocked{Tool: "pay", Intent: hashOf("content"), ReasonCode: "emergency_stopped", CallID: "c1", ContentKey: key}},
		{Actor: "root", JobID: "job_1", Payload: ledger.EffectSettled{
			Grant: at.ULID, Outcome: ledger.EffectDone, CallID: "c1", CallPrev: hashOf("before"), Intent: content.Digest, Result: content, ContentKey: key, Reason: "the bank says so",
		}},
		{Actor: "root", Payload: ledger.ActorEnrolled{Actor: "new", Keys: nil, Reason: "joins", Roles: []ledger.Role{ledger.RoleWorker}}},
		{Actor: "root", Payload: ledger.ActorRevoked{Actor: "wim", Reason: "left"}},
		{Actor: "root", Payload: ledger.AuthoritySet{Admins: 2, Mode: ledger.ModeAll, Policies: []ledger.Hash{hashOf("policy")}, Reason: "now"}},
		{Actor: "root", Payload: ledger.KeyRotated{Key: rotated.Key, Previous: rotated.Previous, Reason: "yearly"}},
		{Actor: "root", Payload: ledger.LedgerMoved{To: moved.To, Reason: "new machine"}},
	}
}

// signed returns a plan with the signature of root.
func (c cast) signed(t testing.TB, p at.Plan) at.Plan {
	if e, is := p.Payload.(ledger.ActorEnrolled); is {
		e.Keys = at.Lines(at.Key(t, "new"))
		p.Payload = e
	}
	p.Signers = []at.Signer{c.root}
	return p
}

// newJob returns a ledger with actors and a job, job_1.
func newJob(t testing.TB) cast {
	t.Helper()
	c := newCast(t)
	c.Claim("agent", "job_1", submitted)
	c.Claim("agent", "job_1", progress)
	return c
}

// TestBindsEverything checks that Check takes each type of event with its command, and that
// VerifySignatures does.
func TestBindsEverything(t *testing.T) {
	c := newJob(t)
	s := now(t, c.Ledger)
	types := map[ledger.Type]bool{}
	for _, p := range everything() {
		e := c.Seal(c.signed(t, p))
		types[e.Type()] = true
		signed, err := s.Check(e)
		if err != nil || signed.Command == nil || len(signed.Keys) != 1 || signed.Keys[0] != c.root.ID() {
			t.Errorf("Check of %s = %+v, %v", e.Type(), signed, err)
		}
		if err := authority.VerifySignatures(e); err != nil {
			t.Errorf("VerifySignatures of %s = %v", e.Type(), err)
		}
	}
	for _, b := range authority.Bindings() {
		if !types[b.Event] {
			t.Errorf("everything has no %s", b.Event)
		}
	}
}

// TestBindsEachField changes each field that is copied, and each argument, of each type.
func TestBindsEachField(t *testing.T) {
	c := newJob(t)
	s := now(t, c.Ledger)
	for _, p := range everything() {
		p := c.signed(t, p)
		honest := c.Seal(p)
		fields := authority.RefusedFields()
		for _, b := range authority.Bindings() {
			if b.Event == honest.Type() {
				fields = b.Fields
			}
		}
		for _, other := range others(t, honest) {
			edited := p
			edited.EditDraft = func(d *ledger.Draft) { d.Payload = other.payload }
			e := c.Seal(edited)
			_, err := s.Check(e)
			switch fields[other.field].Kind {
			case authority.Copied, authority.CopiedIfPresent, authority.Digested:
				if err == nil {
					t.Errorf("%s: another %s under the same command passes: %s", e.Type(), other.field, e.PayloadBytes())
				}
			case authority.Derived, authority.Free:
				if err != nil {
					t.Errorf("%s: another %s under the same command = %v, and it is %s", e.Type(), other.field, err, fields[other.field].Kind)
				}
			default:
				t.Errorf("%s: %s is in no row", e.Type(), other.field)
			}
		}
	}
}

// TestBindsTheEnvelope is the table of what all events have that follows from a command.
func TestBindsTheEnvelope(t *testing.T) {
	c := newJob(t)
	c.Claim("agent", "job_2", submitted)
	s := now(t, c.Ledger)
	revision := func(n int64) func(*authority.Command) {
		return func(c *authority.Command) { c.IfRevision = &n }
	}
	made := func(ago, lifetime time.Duration) func(*authority.Command) {
		return func(c *authority.Command) {
			c.CreatedAt, c.ExpiresAt = c.CreatedAt.Add(-ago), c.CreatedAt.Add(lifetime-ago)
		}
	}
	pause := at.Plan{Actor: "olga", JobID: "job_1", Payload: paused, Signers: []at.Signer{c.olga}}
	for _, tt := range []struct {
		name    string
		command func(*authority.Command)
		draft   func(*ledger.Draft)
		want    string // part of the reason; "": admissible
	}{
		{"nothing", nil, nil, ""},
		{"the revision", revision(2), nil, ""},
		{"another revision", revision(3), nil, "is for revision 3"},
		{"another job", func(c *authority.Command) { c.JobID = "job_2" }, nil, "its job is job_1"},
		{"the event of another job", nil, func(d *ledger.Draft) { d.JobID = "job_3" }, "its job is job_3"},
		{"another actor", func(c *authority.Command) { c.Actor = "root" }, nil, "its actor is olga"},
		{"the event of another actor", nil, func(d *ledger.Draft) { d.Actor = "agent" }, "its actor is agent"},
		{"under a lease", func(c *authority.Command) { c.Lease = 2 }, func(d *ledger.Draft) { d.Lease = 2 }, ""},
		{"under another lease", func(c *authority.Command) { c.Lease = 2 }, func(d *ledger.Draft) { d.Lease = 3 }, "its lease is 3"},
		{"under no lease", func(c *authority.Command) { c.Lease = 2 }, nil, "its lease is 0"},
		{"the event under a lease", nil, func(d *ledger.Draft) { d.Lease = 2 }, "that of its command 0"},
		{"with a trace", nil, func(d *ledger.Draft) { d.Trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01" }, ""},
		{"another ledger", func(c *authority.Command) { c.Origin = "gait.example/other" }, nil, "gait.example/other"},
		{"the event of another ledger", nil, func(d *ledger.Draft) { d.Origin = "gait.example/other" }, at.Origin},
		{"another request id", nil, func(d *ledger.Draft) { d.RequestID = "r-other" }, "r-other"},
		{"another request digest", nil, func(d *ledger.Draft) { d.RequestDigest = hashOf("other") }, "request_digest"},
		{"another reason", func(c *authority.Command) { c.Reason = "other" }, nil, "reason"},
		{"no reason", func(c *authority.Command) { c.Reason = "" }, nil, "reason"},
		{"an argument more", func(c *authority.Command) { c.Arguments = []byte(`{"hold":true}`) }, nil, "hold"},
		{"another verb", func(c *authority.Command) { c.Verb = "cancel" }, nil, "leads to no paused"},
		{"a verb about the ledger", func(c *authority.Command) { c.Verb, c.JobID = "rotate", "" }, nil, "its job is job_1"},
		{"another type", nil, func(d *ledger.Draft) { d.Payload = ledger.Cancelled{Reason: "look"} }, "leads to no cancelled"},
		{"an expired command", made(20*time.Minute, 10*time.Minute), nil, "expired"},
		{"a command that was valid when the clock had not stepped back", nil, func(d *ledger.Draft) { d.Clock = d.Time.Add(-time.Hour) }, "5 minutes after"},
		{"a command of later", made(-6*time.Minute, 10*time.Minute), nil, "5 minutes after"},
		{"a command of a little later", made(-5*time.Minute, 10*time.Minute), nil, ""},
		{"a command for a year", made(0, 365*24*time.Hour), nil, "30 days"},
		{"another authority", nil, func(d *ledger.Draft) { d.Authority = c.Events[1].LeafHash() }, "newest authority event before it"},
		{"no authority", nil, func(d *ledger.Draft) { d.Authority = ledger.Hash{} }, "newest authority event before it"},
		{"a refusal", nil, func(d *ledger.Draft) {
			d.Payload, d.Revision = ledger.Refused{Command: "pause", Exit: 6, Reason: "look", Refusal: "invalid_transition"}, d.Revision-1
		}, ""},
		{"a refusal at the revision", revision(2), func(d *ledger.Draft) {
			d.Payload, d.Revision = ledger.Refused{Command: "pause", Exit: 6, Reason: "look", Refusal: "invalid_transition"}, d.Revision-1
		}, ""},
		{"the refusal of another command", nil, func(d *ledger.Draft) {
			d.Payload, d.Revision = ledger.Refused{Command: "stop", Exit: 6, Reason: "look", Refusal: "invalid_transition"}, d.Revision-1
		}, "command"},
		{"a refusal for another reason", nil, func(d *ledger.Draft) {
			d.Payload, d.Revision = ledger.Refused{Command: "pause", Exit: 6, Refusal: "invalid_transition"}, d.Revision-1
		}, "reason"},
	} {
		p := pause
		p.EditCommand, p.EditDraft = tt.command, tt.draft
		e := c.Seal(p)
		_, err := s.Check(e)
		if tt.want == "" {
			if err != nil {
				t.Errorf("%s: Check = %v", tt.name, err)
			}
			continue
		}
		wantCorrupt(t, tt.name, err, e, tt.want)
		if err := authority.VerifySignatures(e); err != nil {
			t.Errorf("%s: the signature itself is good, and VerifySignatures = %v", tt.name, err)
		}
	}
}

// TestGateIsBound is the table of attacks on what a worker asked of the gate, or said of a grant.
func TestGateIsBound(t *testing.T) {
	c := newJob(t)
	s := now(t, c.Ledger)
	stopped := ledger.DispatchBlocked{Tool: "pay", Intent: allowed.Intent.Digest, ReasonCode: "emergency_stopped", CallID: "c1"}
	settle := ledger.EffectSettled{Grant: at.ULID, Outcome: ledger.EffectUnknown}
	block := ledger.GateDecided{Verdict: ledger.GateBlock, Tool: "pay", Intent: allowed.Intent, ReasonCode: "policy_forbids", CallID: "c1", Facts: allowed.Facts}
	change := func(p ledger.GateDecided, change func(*ledger.GateDecided)) ledger.Payload {
		change(&p)
		return p
	}
	bare := ledger.GateDecided{Verdict: ledger.GateBlock, Tool: "pay", ReasonCode: "intent_too_large"}
	for _, tt := range []struct {
		name string
		of   ledger.Payload // to which the command leads
		put  ledger.Payload // under the command
		want string         // part of the reason; "": admissible
	}{
		{"what was asked", allowed, allowed, ""},
		{"a block of what was asked", allowed, block, ""},
		{"a block since the job was stopped", allowed, stopped, ""},
		{"fields shown that the policy names", allowed, change(allowed, func(p *ledger.GateDecided) { p.Facts.Shown = nil }), ""},
		{"another intent", allowed, change(allowed, func(p *ledger.GateDecided) { p.Intent.Digest = hashOf("other") }), "intent"},
		{"no intent", allowed, change(block, func(p *ledger.GateDecided) { p.Intent = ledger.Content{} }), "intent"},
		{"an intent where there was none", bare, change(bare, func(p *ledger.GateDecided) { p.Intent = allowed.Intent }), "intent"},
		{"another tool", allowed, change(allowed, func(p *ledger.GateDecided) { p.Tool = "refund" }), "tool"},
		{"another call", allowed, change(allowed, func(p *ledger.GateDecided) { p.CallID = "c2" }), "call_id"},
		{"no call", allowed, change(allowed, func(p *ledger.GateDecided) { p.CallID, p.CallPrev = "", ledger.Hash{} }), "call_id"},
		{"another environment", allowed, change(allowed, func(p *ledger.GateDecided) { p.Facts.EnvironmentFingerprint = "other" }), "facts.environment_fingerprint"},
		{"another exit code", allowed, change(allowed, func(p *ledger.GateDecided) { p.Facts.NotDoneExit = 1 }), "facts.not_done_exit"},
		{"no facts", allowed, change(allowed, func(p *ledger.GateDecided) { p.Facts = ledger.GateFacts{} }), "facts.environment_fingerprint"},
		{"facts where there were none", bare, change(bare, func(p *ledger.GateDecided) { p.Facts.NotDoneExit = 1 }), "facts.not_done_exit"},
		{"a stop with another intent", allowed, ledger.DispatchBlocked{Tool: "pay", Intent: hashOf("other"), ReasonCode: "r", CallID: "c1"}, "intent"},
		{"a stop without the intent", allowed, ledger.DispatchBlocked{Tool: "pay", ReasonCode: "r", CallID: "c1"}, "intent"},
		{"a stop with another tool", allowed, ledger.DispatchBlocked{Tool: "refund", Intent: stopped.Intent, ReasonCode: "r", CallID: "c1"}, "tool"},
		{"a stop with another call", allowed, ledger.DispatchBlocked{Tool: "pay", Intent: stopped.Intent, ReasonCode: "r"}, "call_id"},
		{"an effect", allowed, settle, "leads to no effect_settled"},
		{"a checkpoint", allowed, progress, "leads to no checkpoint_added"},
		{"what was settled", settle, settle, ""},
		{"with the call of the grant", settle, ledger.EffectSettled{Grant: at.ULID, Outcome: ledger.EffectUnknown, CallID: "c1", CallPrev: hashOf("before"), Intent: hashOf("intent")}, ""},
		{"another outcome", settle, ledger.EffectSettled{Grant: at.ULID, Outcome: ledger.EffectDone}, "outcome"},
		{"another grant", settle, ledger.EffectSettled{Grant: "7" + at.ULID[1:], Outcome: ledger.EffectUnknown}, "grant"},
		{"a result", settle, ledger.EffectSettled{Grant: at.ULID, Outcome: ledger.EffectUnknown, Result: allowed.Intent}, "result"},
		{"a reason", settle, ledger.EffectSettled{Grant: at.ULID, Outcome: ledger.EffectUnknown, Reason: "r"}, "reason"},
		{"a decision of the gate", settle, allowed, "leads to no gate_decided"},
	} {
		e := c.Seal(at.Plan{
			Actor: "wim", JobID: "job_1", Payload: tt.of, Signers: []at.Signer{c.wim}, EditDraft: func(d *ledger.Draft) { d.Payload = tt.put },
		})
		if _, err := s.Check(e); tt.want != "" {
			wantCorrupt(t, tt.name, err, e, tt.want)
		} else if err != nil {
			t.Errorf("%s: Check = %v", tt.name, err)
		}
	}
}

// TestVerdictsAreBound is the table of attacks on verdicts with a signature that was given.
func TestVerdictsAreBound(t *testing.T) {
	c := newJob(t)
	s := now(t, c.Ledger)
	vera := func(p ledger.Payload) at.Plan {
		return at.Plan{Actor: "vera", JobID: "job_1", Payload: p, Signers: []at.Signer{c.vera}}
	}
	subject := ledger.Approved{CheckpointID: "cp_0001", Reason: "approved", Target: hashOf("target"), Subject: hashOf("subject")}
	for _, tt := range []struct {
		name string
		plan at.Plan
		put  ledger.Payload // under the command
		want string
	}{
		{"the verdict", vera(subject), subject, ""},
		{"a signed deny under approved", vera(denied), approved, "its command is deny"},
		{"a signed approval under denied", vera(approved), denied, "its command is approve"},
		{"on another decision", vera(subject), ledger.Approved{CheckpointID: "cp_0001", Reason: "approved", Target: hashOf("other"), Subject: hashOf("subject")}, "target"},
		{"of another checkpoint id", vera(subject), ledger.Approved{CheckpointID: "cp_0002", Reason: "approved", Target: hashOf("target"), Subject: hashOf("subject")}, "checkpoint_id"},
		{"on another subject", vera(subject), ledger.Approved{CheckpointID: "cp_0001", Reason: "approved", Target: hashOf("target"), Subject: hashOf("other")}, "subject"},
		{"on no subject", vera(subject), ledger.Approved{CheckpointID: "cp_0001", Reason: "approved", Target: hashOf("target")}, "subject"},
		{"amended", vera(subject), ledger.Approved{CheckpointID: "cp_0001", Reason: "approved", Target: hashOf("target"), Subject: hashOf("subject"), Amended: ledger.Content{Digest: hashOf("mine"), Size: 1}}, "amended"},
		{"with words of its own", vera(subject), ledger.Approved{CheckpointID: "cp_0001", Reason: "with pleasure", Target: hashOf("target"), Subject: hashOf("subject")}, "reason"},
		{"a checkpoint id that the engine found", vera(approved), ledger.Approved{CheckpointID: "cp_0001", Reason: "approved", Target: hashOf("target")}, ""},
	} {
		tt.plan.EditDraft = func(d *ledger.Draft) { d.Payload = tt.put }
		e := c.Seal(tt.plan)
		if _, err := s.Check(e); tt.want != "" {
			wantCorrupt(t, tt.name, err, e, tt.want)
		} else if err != nil {
			t.Errorf("%s: Check = %v", tt.name, err)
		}
	}
	untargeted := vera(subject)
	untargeted.EditCommand = func(c *authority.Command) { c.Arguments = []byte(`{"checkpoint_id":"cp_0001"}`) }
	e := c.Seal(untargeted)
	_, err := s.Check(e)
	wantCorrupt(t, "a signed verdict that names no decision", err, e, "subject")
}
