package ledger_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"gait/ledger"
)

// granted, asked and blocked return the drafts of a decision of the gate, and settled that of
// what became of one.
func granted(change func(*ledger.GateDecided)) ledger.Draft {
	p := ledger.GateDecided{
		Verdict: ledger.GateAllow, Tool: "pay", Intent: ledger.Content{Digest: hashOf("intent")}, ReasonCode: "policy_permits", PolicyDigest: hashOf("policy"), Grant: testGrant,
	}
	change(&p)
	return eventOf(p)
}

func asked(change func(*ledger.GateDecided)) ledger.Draft {
	return granted(func(p *ledger.GateDecided) {
		p.Verdict, p.Grant, p.CheckpointID = ledger.GateRequireApproval, "", "cp_0001"
		change(p)
	})
}

func blocked(change func(*ledger.GateDecided)) ledger.Draft {
	p := ledger.GateDecided{Verdict: ledger.GateBlock, Tool: "pay", ReasonCode: "policy_forbids"}
	change(&p)
	return eventOf(p)
}

func settled(change func(*ledger.EffectSettled)) ledger.Draft {
	p := ledger.EffectSettled{Grant: testGrant, Outcome: ledger.EffectDone}
	change(&p)
	return eventOf(p)
}

// Seal checks each rule of what version 1.5.0 added: those of one field, and those that
// join several.
func TestSealRefusesOfTheGate(t *testing.T) {
	for _, tt := range []struct {
		name  string
		event ledger.Draft
		field string
	}{
		{"no verdict", granted(func(p *ledger.GateDecided) { p.Verdict = "" }), "verdict"},
		{"another verdict", granted(func(p *ledger.GateDecided) { p.Verdict = "deny" }), "verdict"},
		{"no tool", granted(func(p *ledger.GateDecided) { p.Tool = "" }), "tool"},
		{"a tool with a space", granted(func(p *ledger.GateDecided) { p.Tool = "rm -rf" }), "tool"},
		{"no reason code", granted(func(p *ledger.GateDecided) { p.ReasonCode = "" }), "reason_code"},
		{"a reason in words", granted(func(p *ledger.GateDecided) { p.ReasonCode = "not today" }), "reason_code"},
		{"allow without a grant", granted(func(p *ledger.GateDecided) { p.Grant = "" }), "grant"},
		{"allow without an intent", granted(func(p *ledger.GateDecided) { p.Intent = ledger.Content{} }), "intent"},
		{"allow without a policy", granted(func(p *ledger.GateDecided) { p.PolicyDigest = ledger.Hash{} }), "policy_digest"},
		{"allow of an intent without a digest", granted(func(p *ledger.GateDecided) { p.Intent = ledger.Content{Size: 9} }), "digest"},
		{"grant that is no ULID", granted(func(p *ledger.GateDecided) { p.Grant = strings.ToLower(testGrant) }), "grant"},
		{"allow with a checkpoint", granted(func(p *ledger.GateDecided) { p.CheckpointID = "cp_0001" }), "checkpoint_id"},
		{"allow with approvers", granted(func(p *ledger.GateDecided) { p.Approvers = []string{"a"} }), "verdict"},
		{"allow with a quorum", granted(func(p *ledger.GateDecided) { p.Quorum = 2 }), "verdict"},
		{"allow that expires", granted(func(p *ledger.GateDecided) { p.ExpiresAt = testTime }), "verdict"},
		{"allow with a required action", granted(func(p *ledger.GateDecided) { p.RequiredAction = "ask" }), "verdict"},
		{"allow that continues", granted(func(p *ledger.GateDecided) { p.Continues = hashOf("c") }), "verdict"},
		{"call_prev without a call", granted(func(p *ledger.GateDecided) { p.CallPrev = hashOf("c") }), "call_prev"},
		{"call id with a space", granted(func(p *ledger.GateDecided) { p.CallID = "step 1" }), "call_id"},
		{"call id in another script", granted(func(p *ledger.GateDecided) { p.CallID = "é" }), "call_id"},
		{"policies out of order", granted(func(p *ledger.GateDecided) { p.DeterminedBy = []string{"b", "a"} }), "determined_by"},
		{"a policy twice", granted(func(p *ledger.GateDecided) { p.DeterminedBy = []string{"a", "a"} }), "determined_by"},
		{"a policy without an id", granted(func(p *ledger.GateDecided) { p.DeterminedBy = []string{""} }), "determined_by"},
		{"engine with a space", granted(func(p *ledger.GateDecided) { p.Engine = "cedar 1" }), "engine"},
		{"exit code over 255", granted(func(p *ledger.GateDecided) { p.Facts.NotDoneExit = 256 }), "not_done_exit"},
		{"exit code under 0", granted(func(p *ledger.GateDecided) { p.Facts.NotDoneExit = -1 }), "not_done_exit"},
		{"shown out of order", granted(func(p *ledger.GateDecided) {
			p.Facts.Shown = []ledger.Label{{Key: "b", Value: "1"}, {Key: "a", Value: "1"}}
		}), "shown"},
		{"shown twice", granted(func(p *ledger.GateDecided) {
			p.Facts.Shown = []ledger.Label{{Key: "a", Value: "1"}, {Key: "a", Value: "2"}}
		}), "shown"},
		{"shown without a value", granted(func(p *ledger.GateDecided) { p.Facts.Shown = []ledger.Label{{Key: "a"}} }), "shown"},
		{"shown under a path with a quote", granted(func(p *ledger.GateDecided) { p.Facts.Shown = []ledger.Label{{Key: `a"b`, Value: "1"}} }), "shown"},
		{"shown under a path with a backslash", granted(func(p *ledger.GateDecided) { p.Facts.Shown = []ledger.Label{{Key: `a\b`, Value: "1"}} }), "shown"},
		{"shown under a path in another script", granted(func(p *ledger.GateDecided) { p.Facts.Shown = []ledger.Label{{Key: "é", Value: "1"}} }), "shown"},
		{"shown on two lines", granted(func(p *ledger.GateDecided) { p.Facts.Shown = []ledger.Label{{Key: "a", Value: "1\n2"}} }), "shown"},

		{"require_approval without a checkpoint", asked(func(p *ledger.GateDecided) { p.CheckpointID = "" }), "checkpoint_id"},
		{"require_approval with a grant", asked(func(p *ledger.GateDecided) { p.Grant = testGrant }), "grant"},
		{"require_approval that uses a clearance", asked(func(p *ledger.GateDecided) { p.Clearance = hashOf("c") }), "clearance"},
		{"require_approval without an intent", asked(func(p *ledger.GateDecided) { p.Intent = ledger.Content{} }), "intent"},
		{"require_approval without a policy", asked(func(p *ledger.GateDecided) { p.PolicyDigest = ledger.Hash{} }), "policy_digest"},
		{"require_approval by one", asked(func(p *ledger.GateDecided) { p.Quorum = 1 }), "quorum"},
		{"require_approval by seventeen", asked(func(p *ledger.GateDecided) { p.Quorum = 17 }), "quorum"},
		{"require_approval by gait", asked(func(p *ledger.GateDecided) { p.Approvers = []string{"gait"} }), "approvers"},

		{"block with a grant", blocked(func(p *ledger.GateDecided) { p.Grant = testGrant }), "grant"},
		{"block with a checkpoint", blocked(func(p *ledger.GateDecided) { p.CheckpointID = "cp_0001" }), "checkpoint_id"},
		{"block that uses a clearance", blocked(func(p *ledger.GateDecided) { p.Clearance = hashOf("c") }), "clearance"},
		{"block with a required action", blocked(func(p *ledger.GateDecided) { p.RequiredAction = "ask" }), "verdict"},
		{"block about a call of before", blocked(func(p *ledger.GateDecided) { p.CallID, p.CallPrev = "c1", hashOf("c") }), "call_prev"},
		{"block with a content key and no content", blocked(func(p *ledger.GateDecided) { p.ContentKey = hashOf("k") }), "content_key"},

		{"dispatch without a tool", eventOf(ledger.DispatchBlocked{ReasonCode: "emergency_stopped"}), "tool"},
		{"dispatch without a reason code", eventOf(ledger.DispatchBlocked{Tool: "pay"}), "reason_code"},
		{"dispatch with a content key and no content", eventOf(ledger.DispatchBlocked{Tool: "pay", ReasonCode: "r", ContentKey: hashOf("k")}), "content_key"},

		{"settled without a grant", settled(func(p *ledger.EffectSettled) { p.Grant = "" }), "grant"},
		{"settled grant that is no ULID", settled(func(p *ledger.EffectSettled) { p.Grant = "8" + testGrant[1:] }), "grant"},
		{"settled without an outcome", settled(func(p *ledger.EffectSettled) { p.Outcome = "" }), "outcome"},
		{"settled otherwise", settled(func(p *ledger.EffectSettled) { p.Outcome = "maybe" }), "outcome"},
		{"settled call without the event before", settled(func(p *ledger.EffectSettled) { p.CallID = "c1" }), "call_prev"},
		{"settled without the call of the event before", settled(func(p *ledger.EffectSettled) { p.CallPrev = hashOf("c") }), "call_prev"},
		{"settled call without its intent", settled(func(p *ledger.EffectSettled) { p.CallID, p.CallPrev = "c1", hashOf("c") }), "intent"},
		{"settled without the call of the intent", settled(func(p *ledger.EffectSettled) { p.Intent = hashOf("i") }), "intent"},
		{"settled with a content key and no content", settled(func(p *ledger.EffectSettled) { p.ContentKey = hashOf("k") }), "content_key"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ledger.Seal(tt.event)
			if err == nil {
				t.Fatalf("Seal = %s, want an error about %s", got.Bytes(), tt.field)
			}
			wantField(t, err, tt.field)
		})
	}
}

// Decode takes no other spelling of what version 1.5.0 added.
func TestDecodeRefusesOtherSpellingsOfTheGate(t *testing.T) {
	full := string(seal(t, eventOf(gateForms(hashOf("a"), hashOf("b"))[0].payload)).Bytes())
	bare := string(seal(t, blocked(func(*ledger.GateDecided) {})).Bytes())
	for _, tt := range []struct{ name, raw, old, new, field string }{
		{"no facts in facts", full, `"facts":{"environment_fingerprint":"envfp:1","not_done_exit":75,"shown":{"arguments.amount":"12.5","target":"\"märz\""}}`, `"facts":{}`, "facts"},
		{"facts that are null", bare, `{"reason_code"`, `{"facts":null,"reason_code"`, "facts"},
		{"an exit code of 0", full, `"not_done_exit":75`, `"not_done_exit":0`, "not_done_exit"},
		{"an exit code in quotes", full, `"not_done_exit":75`, `"not_done_exit":"75"`, "not_done_exit"},
		{"an exit code too many", full, `"not_done_exit":75`, `"not_done_exit":256`, "not_done_exit"},
		{"nothing shown", full, `{"arguments.amount":"12.5","target":"\"märz\""}`, `{}`, "shown"},
		{"a number shown as one", full, `"12.5"`, `12.5`, "shown"},
		{"facts out of order", full, `"environment_fingerprint":"envfp:1","not_done_exit":75,`, `"not_done_exit":75,"environment_fingerprint":"envfp:1",`, "environment_fingerprint"},
		{"an unknown fact", full, `"not_done_exit":75`, `"job":"job_1","not_done_exit":75`, "job"},
		{"an empty call id", full, `"call_id":"step-3/refund"`, `"call_id":""`, "call_id"},
		{"no determining policies in their list", full, `["policy0","refunds über 10"]`, `[]`, "determined_by"},
		{"an intent that is a digest", full, `"intent":{`, `"intent":"`, "intent"},
		{"a grant of 25 digits", full, testGrant, testGrant[1:], "grant"},
		{"as an event of 1.4.0", full, `"schema_version":"1.5.0"`, `"schema_version":"1.4.0"`, "schema_version"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ledger.Decode([]byte(edit(t, tt.raw, tt.old, tt.new)))
			wantField(t, err, tt.field)
		})
	}
}

// The largest events of the gate, signed, fit into MaxEventSize.
func TestLargestGateEventFits(t *testing.T) {
	quotes := func(n int) string { return strings.Repeat(`"`, n) }
	content := ledger.Content{Digest: hashOf("c"), MediaType: strings.Repeat("x", 63) + "/" + strings.Repeat("x", 63), Name: quotes(255), Size: 1<<53 - 1}
	facts := ledger.GateFacts{EnvironmentFingerprint: quotes(256), NotDoneExit: 255}
	var approvers, policies []string
	for i := range 16 {
		approvers = append(approvers, fmt.Sprintf("%02d%s", i, strings.Repeat("x", 126)))
		policies = append(policies, fmt.Sprintf("%02d%s", i, quotes(126)))
		facts.Shown = append(facts.Shown, ledger.Label{Key: fmt.Sprintf("%02d%s", i, strings.Repeat("x", 126)), Value: quotes(256)})
	}
	all := func(p *ledger.GateDecided) {
		p.Tool, p.Intent, p.ReasonCode, p.CallID, p.CallPrev, p.ContentKey = longestTool, content, strings.Repeat("x", 64), longestCallID, hashOf("p"), hashOf("k")
		p.DeterminedBy, p.Engine, p.Facts = policies, quotes(64), facts
	}
	for _, d := range []ledger.Draft{
		granted(func(p *ledger.GateDecided) { all(p); p.Clearance = hashOf("r") }),
		asked(func(p *ledger.GateDecided) {
			all(p)
			p.CheckpointID, p.RequiredAction, p.Approvers, p.ExpiresAt, p.Quorum, p.Continues = ledger.CheckpointID(1<<53-1), quotes(512), approvers, testTime, 16, hashOf("b")
		}),
		settled(func(p *ledger.EffectSettled) {
			p.CallID, p.CallPrev, p.Intent, p.ContentKey, p.Result, p.Reason = longestCallID, hashOf("p"), hashOf("i"), hashOf("k"), content, quotes(1024)
		}),
	} {
		d.Authority, d.Clock, d.Seq, d.Prev = hashOf("a"), testTime.Add(-time.Second), 1<<53-1, hashOf("p")
		d.Actor, d.Origin, d.JobID, d.RequestID, d.RequestDigest = strings.Repeat("x", 128), strings.Repeat("x", 128), strings.Repeat("x", 128), quotes(128), hashOf("r")
		d.JobSeq, d.Revision = 1<<53-1, 1<<53-1
		d.Command = []byte(quotes(ledger.MaxCommand))
		d.CommandSigs = []ledger.CommandSig{{Sig: make([]byte, ledger.MaxCommandSig)}}
		if n := len(seal(t, d).Bytes()); n > ledger.MaxEventSize {
			t.Errorf("the largest %s has %d bytes, at most %d may be written", d.Type(), n, ledger.MaxEventSize)
		}
	}
}

func TestGateFields(t *testing.T) {
	x := func(n int) string { return strings.Repeat("x", n) }
	for _, tt := range []struct {
		name           string
		field          ledger.Field
		takes, refuses []string
	}{
		{"tool", ledger.FieldTool, []string{"pay", "_x", "0", "mcp__bank/pay", "a.b:c@d-e", x(128)}, []string{"", ".a", "-a", "/a", "a b", `a"b`, "é", "a\n", x(129)}},
		{"call_id", ledger.FieldCallID, []string{"!", "~", `a"b\c`, "step-3/refund", x(128)}, []string{"", " ", "a b", "a\x00b", "a\x7f", "é", x(129)}},
		{"grant", ledger.FieldGrant, []string{testGrant, "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"}, []string{"", testGrant[1:], testGrant + "0", strings.ToLower(testGrant), "8" + testGrant[1:], "O" + testGrant[1:], "01KAQ2C3TBW6FTY9CXR1Q0KF8U"}},
		{"policy", ledger.FieldPolicyID, []string{"policy0", "no refunds über 10", `"`, x(128)}, []string{"", "a\n", "\u202e", "\xff", x(129)}},
		{"shown", ledger.FieldShownPath, []string{"target", "arguments.a-b/c[0]", "!", "~", x(128)}, []string{"", "a b", `a"`, `a\`, "é", "a\x7f", x(129)}},
		{"shown", ledger.FieldShown, []string{`"a \" b"`, "12.5", "null", "é", x(256)}, []string{"", "a\nb", "\u0085", "\u202e", "\xff", x(257)}},
	} {
		for _, s := range tt.takes {
			if err := tt.field.Check(s); err != nil {
				t.Errorf("%s takes no %.60q: %v", tt.name, s, err)
			}
		}
		for _, s := range tt.refuses {
			wantField(t, tt.field.Check(s), tt.name)
		}
	}
}

// The contents of the gate's events are those whose bytes are kept.
func TestContentsOfTheGate(t *testing.T) {
	content := ledger.Content{Digest: hashOf("c"), Size: 3}
	for _, tt := range []struct {
		payload ledger.Payload
		named   int
	}{
		{ledger.GateDecided{Intent: content}, 1},
		{ledger.GateDecided{}, 0},
		{ledger.EffectSettled{Result: content}, 1},
		{ledger.EffectSettled{}, 0},
		{ledger.DispatchBlocked{Intent: content.Digest}, 0},
	} {
		got := ledger.JobContents(tt.payload)
		if len(got) != tt.named || tt.named > 0 && got[0] != content {
			t.Errorf("JobContents of %#v = %v, want %d", tt.payload, got, tt.named)
		}
	}
	if (ledger.GateFacts{NotDoneExit: 1}).IsZero() || !(ledger.GateFacts{}).IsZero() {
		t.Error("facts are zero only without any")
	}
}

// Damage to an event of the gate is found, or makes another event of it.
func TestDecodeDamageOfTheGate(t *testing.T) {
	for _, form := range gateForms(hashOf("a"), hashOf("b")) {
		raw := seal(t, eventOf(form.payload)).Bytes()
		for i := range len(raw) * 8 {
			b := bytes.Clone(raw)
			b[i/8] ^= 1 << (i % 8)
			e, err := ledger.Decode(b)
			if err == nil && (!bytes.Equal(seal(t, e.Draft()).Bytes(), b) || e.LeafHash() == ledger.LeafHash(raw)) {
				t.Errorf("bit %d flipped: decoded %s as %s", i, b, seal(t, e.Draft()).Bytes())
			}
		}
	}
}
