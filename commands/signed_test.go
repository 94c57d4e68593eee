package commands_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/authority"
	"gait/projection"
)

// on returns a request of an actor for job_1.
func on(actor string, c commands.Command) commands.Request {
	return commands.Request{JobID: "job_1", Actor: actor, Command: c}
}

// begun returns an office in which the agent has submitted job_1 and asked for a decision.
func begun(t testing.TB) (o *office, asked ledger.Event) {
	o = newOffice(t)
	o.take(o.signed(on("agent_1", submit().Command)))
	return o, o.take(o.signed(on("agent_1", decision().Command))).Event
}

// An event of a signed command holds what was signed, and says what it says.
func TestSignedCommandIsInItsEvent(t *testing.T) {
	o, asked := begun(t)
	r := o.signed(on("cfo", commands.Approve{CheckpointID: "cp_0001", Target: asked.LeafHash()}))
	e := o.take(r).Event
	if !bytes.Equal(e.Command(), r.Signed.Text) || e.RequestID() != r.RequestID || e.Authority() != o.log.Head().Authority || len(e.CommandSigs()) != 1 {
		t.Errorf("event %s", e.Bytes())
	}
	if err := authority.VerifySignatures(e); err != nil {
		t.Error(err)
	}
	state, err := authority.At(t.Context(), o.log, e.Authority())
	if err != nil {
		t.Fatal(err)
	}
	signed, err := state.Check(e)
	if err != nil || len(signed.Keys) != 1 || !state.InForce("cfo", signed.Keys[0]) {
		t.Errorf("Check = %+v, %v", signed, err)
	}
	digest, err := commands.Digest(r)
	if err != nil || digest != e.RequestDigest() {
		t.Errorf("request digest %s, want %s (%v)", e.RequestDigest(), digest, err)
	}
}

// Claims under enrolled names, and signatures that do not count, write nothing.
func TestWhoMaySign(t *testing.T) {
	o, asked := begun(t)
	approve := commands.Approve{Target: asked.LeafHash()}
	o.denied("an approval that cfo did not sign", on("cfo", approve), "signature_required")
	o.denied("an approval by Cfo", on("Cfo", approve), "signature_required")
	o.denied("an approval by Cfo, signed by cfo", o.signed(on("Cfo", approve), "cfo"), "signature_invalid")
	o.denied("an approval by cfo with the key of cto", o.signed(on("cfo", approve), "cto"), "signature_invalid")
	o.denied("an approval by cfo with a key of nobody", o.signed(on("cfo", approve), "stranger"), "signature_invalid")
	o.denied("an approval by cfo with two keys", o.signed(on("cfo", approve), "cfo", "cto"), "signature_invalid")
	o.denied("an approval that a stranger signed", o.signed(on("stranger", approve)), "signature_invalid")
	none := o.signed(on("cfo", approve))
	none.Signed.Sigs = nil
	o.denied("an approval with a command and no signature", none, "signature_required")
	stop := on("ops_1", commands.Stop{})
	o.denied("a stop that ops_1 did not sign", stop, "signature_required")
	o.take(o.signed(stop))
}

// A signed command is for one ledger, one job and one decision.
func TestSignedCommandIsForOnePlace(t *testing.T) {
	o, asked := begun(t)
	other := on("agent_1", submit().Command)
	other.JobID = "job_2"
	o.take(o.signed(other))
	ask := on("agent_1", decision().Command)
	ask.JobID = "job_2"
	o.take(o.signed(ask))
	second := o.take(o.signed(on("agent_1", decision().Command))).Event

	r := o.signed(on("cfo", commands.Approve{CheckpointID: "cp_0001", Target: asked.LeafHash()}))
	elsewhere := r
	elsewhere.JobID = "job_2"
	o.denied("the approval for another job", elsewhere, "invalid_input")
	sameText := o.signed(on("cfo", commands.Approve{CheckpointID: "cp_0001", Target: asked.LeafHash()}))
	sameText.JobID, sameText.Signed = "job_2", nil
	sameText = o.signed(sameText) // signed for job_2, with the target in job_1
	o.recorded("an approval of job_2 with the target of job_1", sameText, "decision_not_open")
	o.recorded("an approval of the first with the target of the second", o.signed(on("cfo", commands.Approve{CheckpointID: "cp_0001", Target: second.LeafHash()})), "decision_not_open")
	o.denied("an approval for another ledger", signAt(t, "gait.example/other", o.now, withID(on("cfo", commands.Approve{Target: asked.LeafHash()}), o.id()), "cfo"), "signature_invalid")
	o.denied("an approval that names no target", unnamed(t, o), "invalid_target")
	for name, spoil := range map[string]func(*commands.Request){
		"actor":    func(r *commands.Request) { r.Actor = "cto" },
		"reason":   func(r *commands.Request) { r.Reason = "why not" },
		"lease":    func(r *commands.Request) { r.Lease = 1 },
		"request":  func(r *commands.Request) { r.RequestID = "another" },
		"revision": func(r *commands.Request) { r.IfRevision = new(int64) },
		"arguments": func(r *commands.Request) {
			r.Command = commands.Approve{CheckpointID: "cp_0002", Target: asked.LeafHash()}
		},
		"verb": func(r *commands.Request) {
			r.Command = commands.Deny{CheckpointID: "cp_0001", Target: asked.LeafHash()}
		},
	} {
		another := r
		spoil(&another)
		o.denied("the approval with another "+name, another, "invalid_input")
	}
	o.take(r)
}

func withID(r commands.Request, id string) commands.Request {
	r.RequestID = id
	return r
}

// unnamed returns a signed approval that names no target.
func unnamed(t *testing.T, o *office) commands.Request {
	t.Helper()
	r := withID(on("cfo", commands.Approve{}), o.id())
	c, err := commands.CommandOf(r, o.log.Origin(), o.now, 0)
	if err != nil {
		t.Fatal(err)
	}
	text, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return withSigs(t, r, text, "cfo")
}

// No command with another byte, in its text or its signature, is carried out.
func TestEveryByteOfASignedCommand(t *testing.T) {
	o, asked := begun(t)
	r := o.signed(on("cfo", commands.Approve{CheckpointID: "cp_0001", Target: asked.LeafHash()}))
	size := o.size()
	try := func(what string, i int, s *commands.Signed) {
		for _, r := range parsed(r, s) {
			_, err := o.give(r)
			if fault, _ := ledger.FaultOf(err); err == nil || fault.Category != ledger.CategoryInvalid && fault.Code != "signature_invalid" && fault.Code != "unsupported_version" {
				t.Errorf("with byte %d of the %s changed: %v (%s)", i, what, err, fault.Code)
			}
		}
	}
	for i := range r.Signed.Text {
		text := bytes.Clone(r.Signed.Text)
		text[i] ^= 1
		try("text", i, &commands.Signed{Text: text, Sigs: r.Signed.Sigs})
	}
	for i := range r.Signed.Sigs[0] {
		sig := bytes.Clone(r.Signed.Sigs[0])
		sig[i] ^= 1
		try("signature", i, &commands.Signed{Text: r.Signed.Text, Sigs: [][]byte{sig}})
	}
	if o.size() != size {
		t.Errorf("%d events were written", o.size()-size)
	}
	o.take(r)
}

// parsed returns the request with another text, and the one that the text asks for.
func parsed(r commands.Request, s *commands.Signed) []commands.Request {
	r.Signed = s
	all := []commands.Request{r}
	if other, err := commands.ParseSigned(s.Text, s.Sigs); err == nil {
		all = append(all, other)
	}
	return all
}

// A signed command is carried out once. Asked again, the answer is the first one, also if
// that was a refusal, and however late.
func TestSignedCommandIsCarriedOutOnce(t *testing.T) {
	o, asked := begun(t)
	approval := o.signed(on("cfo", commands.Approve{CheckpointID: "cp_0001", Target: asked.LeafHash()}))
	refusal := o.signed(on("ops_1", commands.Resume{EnvironmentFingerprint: env}))
	refused := o.recorded("a resume with an open decision", refusal, "approval_required")
	first := o.take(approval)
	o.take(o.signed(on("ops_1", commands.Resume{EnvironmentFingerprint: env}))) // now it can
	size := o.size()
	for range 2 {
		again, err := o.give(approval)
		if err != nil || !again.Replayed || again.Event.LeafHash() != first.Event.LeafHash() {
			t.Errorf("the approval again = %+v, %v", again, err)
		}
		_, err = o.give(refusal)
		no, ok := errors.AsType[*commands.RefusedError](err)
		if !ok || !no.Result.Replayed || no.Result.Event.LeafHash() != refused.LeafHash() || no.Refusal.Code != projection.ApprovalRequired {
			t.Errorf("the refused resume again = %v", err)
		}
		result, used, err := commands.Outcome(t.Context(), o.log, approval)
		if err != nil || !used || result.Event.LeafHash() != first.Event.LeafHash() || cmp.Diff(o.job("job_1"), result.Job) != "" {
			t.Errorf("Outcome of the approval = %+v, %t, %v", result, used, err)
		}
		if _, used, err := commands.Outcome(t.Context(), o.log, refusal); !used || !errors.As(err, &no) {
			t.Errorf("Outcome of the refusal = %t, %v", used, err)
		}
		o.now = o.now.Add(24 * time.Hour) // both have expired
	}
	resigned := approval
	resigned.Signed = nil
	if again := o.take(o.signed(resigned)); !again.Replayed {
		t.Error("the approval signed again is carried out again")
	}
	other := o.signed(withID(on("cfo", commands.Deny{CheckpointID: "cp_0001", Target: asked.LeafHash()}), approval.RequestID))
	o.denied("another command with the same request id", other, "command_used")
	if o.size() != size {
		t.Errorf("%d events were written", o.size()-size)
	}
}

// The same refusal of a signed command is recorded each time: each uses up a command.
func TestSignedRefusalsAreNotCoalesced(t *testing.T) {
	o, _ := begun(t)
	for range 3 {
		o.recorded("a resume with an open decision", o.signed(on("ops_1", commands.Resume{EnvironmentFingerprint: env})), "approval_required")
	}
	if got := o.job("job_1").Refusals; got != 3 {
		t.Errorf("%d refusals, want 3", got)
	}
}

// A command is carried out between its times, as the clock reads.
func TestSignedCommandHasItsTime(t *testing.T) {
	o, _ := begun(t)
	stop := func() commands.Request { return withID(on("ops_1", commands.Stop{}), o.id()) }
	at := func(d time.Duration) commands.Request {
		return signAt(t, o.log.Origin(), o.now.Add(d), stop(), "ops_1")
	}
	o.denied("a command that expired", at(-commands.SignedFor-time.Minute), "command_expired")
	o.denied("a command of the future", at(6*time.Minute), "command_expired")
	text, err := commands.SignText(stop(), o.log.Origin(), o.now, 31*24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	long, err := commands.ParseSigned(text, nil)
	if err != nil {
		t.Fatal(err)
	}
	o.denied("a command for 31 days", withSigs(t, long, text, "ops_1"), "command_expired")
	early := at(4 * time.Minute)
	o.now = o.now.Add(-time.Second) // a clock that was stepped back: its reading counts
	if e := o.take(early).Event; e.Clock().IsZero() {
		t.Error("the clock did not step back")
	}
}

// A dry run of a signed command decides the same, and uses nothing up.
func TestDryRunOfASignedCommand(t *testing.T) {
	o, asked := begun(t)
	size := o.size()
	r := o.signed(on("cfo", commands.Approve{Target: asked.LeafHash()}))
	dry := r
	dry.DryRun = true
	result, err := o.give(dry)
	if err != nil || result.Job.Approvals != 1 || o.size() != size {
		t.Errorf("dry run = %+v, %v, and %d events were written", result.Job, err, o.size()-size)
	}
	dry.Signed = nil
	o.denied("a dry run that cfo did not sign", dry, "signature_required")
	if o.take(r).Replayed {
		t.Error("the dry run used the command up")
	}
}
