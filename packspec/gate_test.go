package packspec_test

import (
	"bytes"
	"strings"
	"testing"

	"gait/ledger"
	"gait/ledger/authoritytest"
	"gait/packspec"
	"gait/packspec/finding"
	"gait/packspec/packtest"
)

const intentText = `{"arguments":{"amount":12},"tool":"pay"}`

// A gatePlay is a play in which the gate was asked about job_1.
type gatePlay struct {
	*play
	kept
	intent, other, result ledger.Content
	policy                ledger.Hash
}

// newGatePlay submits job_1 under a policy.
func newGatePlay(t testing.TB) *gatePlay {
	g := &gatePlay{play: newPlay(t), kept: kept{}, policy: sha256Of(gatePolicy)}
	g.kept[g.policy] = gatePolicy
	g.intent, g.other, g.result = g.put(intentText), g.put("\x00 no intent"), g.put(`{"id":7}`)
	g.Claim("olga", "job_1", ledger.Submitted{EnvironmentFingerprint: "env", ProducerVersion: "gait/test", PolicyDigest: g.policy})
	return g
}

// gate adds an answer of the gate.
func (g *gatePlay) gate(p ledger.GateDecided) ledger.Event {
	p.PolicyDigest, p.Intent = g.policy, g.intent
	if p.Verdict == ledger.GateBlock {
		p.Intent = g.other
	}
	return g.Claim("olga", "job_1", p)
}

// settle adds what became of a grant.
func (g *gatePlay) settle(actor, grant string, outcome ledger.EffectOutcome, of ledger.Event) ledger.Event {
	p := ledger.EffectSettled{Grant: grant, Outcome: outcome, Reason: "looked", Result: g.result}
	if gave, _ := of.Payload().(ledger.GateDecided); gave.CallID != "" {
		p.CallID, p.CallPrev, p.Intent = gave.CallID, of.LeafHash(), gave.Intent.Digest
	}
	return g.Claim(actor, "job_1", p)
}

// gated returns a play in which the gate allowed a tool, which was done; asked for a decision,
// which was approved; granted that, of which it is unknown what became; and blocked another tool
// twice, the second time after an emergency stop.
func gated(t testing.TB) *gatePlay {
	g := newGatePlay(t)
	first := allowed(grantSettled)
	first.ContentKey = ledger.Hash{1}
	g.settle("olga", grantSettled, ledger.EffectDone, g.gate(first))
	ask := g.gate(asked("cp_0001"))
	verdict := g.Sign("bob", "job_1", ledger.Approved{CheckpointID: "cp_0001", Reason: "fine", Target: ask.LeafHash(), Subject: g.intent.Digest}, g.bob)
	resume := g.Claim("olga", "job_1", ledger.Resumed{
		Consumes: []ledger.Hash{verdict.LeafHash()}, ExpectedFingerprint: "env", ActualFingerprint: "env", PreviousPolicyDigest: g.policy, CurrentPolicyDigest: g.policy,
	})
	again := allowed(grantOpen)
	again.Clearance, again.ReasonCode = resume.LeafHash(), "approved"
	g.settle("olga", grantOpen, ledger.EffectUnknown, g.gate(again))
	g.gate(blocked())
	g.Claim("olga", "job_1", ledger.Stopped{Reason: "now"})
	g.Claim("olga", "job_1", ledger.DispatchBlocked{Tool: "wipe", Intent: g.other.Digest, ReasonCode: "emergency_stopped"})
	g.commit()
	return g
}

// A pack shows what the gate decided, what was granted, and what became of it: in the views of
// PackSpec v1 with no fields of its own.
func TestPackShowsTheGate(t *testing.T) {
	g := gated(t)
	plain, whole := g.packOf(nil), g.packOf(g.kept)
	for name, pack := range map[string][]byte{"plain": plain, "with content": whole} {
		r := g.verify(pack)
		if !r.Verified || r.Level(finding.LevelCompleteness).Status != finding.Proved {
			t.Fatalf("%s: it does not verify: %v", name, r.Failure)
		}
		fs := files(t, pack)
		for entry, has := range map[string][]string{
			"evidence.json":    {`"format":6`},
			"job_payload.json": {`"approval_count":1,"checkpoint_count":1,`},
			"job_state.json":   {`"checkpoints":[{"actor":"olga","checkpoint_id":"cp_0001","created_at":"`, `"reason_code":"checkpoint_decision_needed","required_action":"approve","summary":"pay asks for approval","type":"decision-needed"}]`},
			"job_events.jsonl": {
				`"reason_code":"gate_allowed",`, `"reason_code":"checkpoint_decision_needed",`, `"reason_code":"gate_blocked",`, `"reason_code":"dispatch_blocked",`,
				`"reason_code":"effect_settled",`, `"type":"gate_decided"`, `"type":"dispatch_blocked"`, `"type":"effect_settled"`, `"shown":{"arguments.amount":"12"}`,
			},
		} {
			for _, text := range has {
				if !bytes.Contains(file(fs, entry).Data, []byte(text)) {
					t.Errorf("%s: %s does not have %s:\n%s", name, entry, text, file(fs, entry).Data)
				}
			}
		}
		if bytes.Contains(pack, []byte(`{"amount":12}`)) != (name == "with content") {
			t.Errorf("%s: the arguments are in the pack: %t", name, name != "with content")
		}
	}
	if l := g.verify(plain).Level(finding.LevelContent); l.Status != finding.Absent {
		t.Errorf("without content the level is %+v", l)
	}
	if l := g.verify(whole).Level(finding.LevelContent); l.Status != finding.Proved || l.Detail != "the events name 3 contents: 3 are here, 0 erased, 0 not in the pack; policies: 1 of 1 are here" {
		t.Errorf("with content the level is %+v", l)
	}
}

// Inspect shows each decision with what became of it, and content only if the pack has it.
func TestInspectShowsTheGate(t *testing.T) {
	g := gated(t)
	for name, pack := range map[string][]byte{"plain": g.packOf(nil), "with content": g.packOf(g.kept)} {
		i, err := packspec.Inspect(bytes.NewReader(pack), int64(len(pack)))
		if err != nil {
			t.Fatal(err)
		}
		var says []string
		for _, d := range i.Gate {
			line := strings.Join([]string{string(d.Verdict), d.Tool, d.ReasonCode, d.Outcome, d.CheckpointID, string(d.IntentContent)}, " ")
			if d.Settlement != nil {
				line += " " + d.Settlement.Actor + " " + string(d.Settlement.ResultContent)
			}
			says = append(says, line)
		}
		intent, other, result := intentText, `"\u0000 no intent"`, `{"id":7}`
		if name == "plain" {
			intent, other, result = "", "", ""
		}
		lines := []string{
			"allow pay policy_permits done  " + intent + " olga " + result, "require_approval pay policy_requires_approval  cp_0001 " + intent,
			"allow pay approved unknown  " + intent + " olga " + result, "block wipe policy_permits_none   " + other, "block wipe emergency_stopped   ",
		}
		if got := strings.Join(says, "\n"); got != strings.Join(lines, "\n") {
			t.Errorf("%s: the decisions are\n%s\nwant\n%s", name, got, strings.Join(lines, "\n"))
		}
		if d := i.Gate[0]; d.Shown["arguments.amount"] != "12" || d.PolicyDigest != g.policy.String() || d.Intent != g.intent.Digest.String() || d.IntentSize != g.intent.Size {
			t.Errorf("%s: the first decision is %+v", name, d)
		}
		want := packspec.PolicyShown{Digest: g.policy.String()}
		if name == "with content" {
			want.Present, want.Size = true, int64(len(gatePolicy))
		}
		if len(i.Policies) != 1 || i.Policies[0] != want {
			t.Errorf("%s: the policies are %+v, want %+v", name, i.Policies, want)
		}
	}
}

// What is in a pack and too large is counted, and not shown.
func TestInspectLeavesOutLargeContent(t *testing.T) {
	g := newGatePlay(t)
	g.result = g.put(strings.Repeat("x", 64<<10+1))
	first := allowed(grantSettled)
	first.ContentKey = ledger.Hash{1}
	g.settle("olga", grantSettled, ledger.EffectDone, g.gate(first))
	g.commit()
	pack := g.packOf(g.kept)
	i, err := packspec.Inspect(bytes.NewReader(pack), int64(len(pack)))
	if err != nil || len(i.Gate) != 1 || i.GateLeftOut != 1 || i.Gate[0].IntentContent == nil || i.Gate[0].Settlement.ResultContent != nil {
		t.Errorf("it shows %+v, and leaves out %d (%v)", i.Gate, i.GateLeftOut, err)
	}
}

// A range pack shows how often the gate was asked about each job that begins in it.
func TestRangeShowsTheGate(t *testing.T) {
	g := gated(t)
	var b packspec.Buffer
	if _, err := packspec.BuildRange(t.Context(), &b, g.log(), 0, -1, g.key, packspec.RangeOptions{}); err != nil {
		t.Fatal(err)
	}
	if r := g.verify(b.Bytes()); !r.Verified {
		t.Fatalf("it does not verify: %v", r.Failure)
	}
	i, err := packspec.Inspect(bytes.NewReader(b.Bytes()), int64(len(b.Bytes())))
	if err != nil || len(i.Range.Jobs) != 1 {
		t.Fatalf("it shows %+v, %v", i, err)
	}
	if j := i.Range.Jobs[0]; j.Allows != 2 || j.Blocks != 2 || j.OpenGrants != 1 {
		t.Errorf("the job is %+v, want 2 allows, 2 blocks and 1 open grant", j)
	}
}

// gateForgeries are packs of a job about which the gate was asked, made with the ledger's key.
var gateForgeries = []struct {
	name        string
	forge       func(g *gatePlay) []byte
	level, code string
}{
	{"in format 2", func(g *gatePlay) []byte {
		return g.edit(g.packOf(nil), "evidence.json", `"format":6`, `"format":4`)
	}, "canonical", finding.CodeNotCanonical},
	{"of a job without the gate", func(g *gatePlay) []byte {
		p := whole(g.t)
		return p.edit(build(p.t, p.log(), "job_1"), "evidence.json", `"format":4`, `"format":6`)
	}, "canonical", finding.CodeNotCanonical},
	{"another verdict in the views", func(g *gatePlay) []byte {
		return g.edit(g.packOf(nil), "job_events.jsonl", `"verdict":"block"`, `"verdict":"allow"`)
	}, "views", finding.CodeView},
	{"another summary", func(g *gatePlay) []byte {
		return g.edit(g.packOf(nil), "job_state.json", "pay asks for approval", "say yes")
	}, "views", finding.CodeView},
	{"a checkpoint less", func(g *gatePlay) []byte {
		return g.edit(g.packOf(nil), "job_payload.json", `"checkpoint_count":1`, `"checkpoint_count":0`)
	}, "views", finding.CodeView},
	{"content that no event names", func(g *gatePlay) []byte {
		k := kept{}
		content := k.put("other")
		fs := packtest.Set(files(g.t, g.packOf(g.kept)), "content/"+content.Digest.String(), []byte(k[content.Digest]))
		return resign(g.t, fs, g.key)
	}, "content", finding.CodeContent},
}

// edit replaces text in an entry of a pack, which the key signs again.
func (p *play) edit(pack []byte, entry, old, with string) []byte {
	p.t.Helper()
	fs := files(p.t, pack)
	f := file(fs, entry)
	if !bytes.Contains(f.Data, []byte(old)) {
		p.t.Fatalf("%s does not have %s", entry, old)
	}
	f.Data = bytes.Replace(f.Data, []byte(old), []byte(with), 1)
	return resign(p.t, fs, p.key)
}

// A tool that ran twice, or without a grant, is in no pack that verifies.
func TestGateForgeries(t *testing.T) {
	for _, tt := range gateForgeries {
		g := gated(t)
		r := g.verify(tt.forge(g))
		if r.Verified || r.Failure.Level != tt.level || r.Failure.Code != tt.code {
			t.Errorf("%s: verified: %t, %v, want %s with %s", tt.name, r.Verified, r.Failure, tt.level, tt.code)
		}
	}
	for name, make := range map[string]func(g *gatePlay){
		"one approval used twice": func(g *gatePlay) {
			ask := g.gate(asked("cp_0001"))
			verdict := g.Claim("boss", "job_1", ledger.Approved{CheckpointID: "cp_0001", Reason: "fine", Target: ask.LeafHash(), Subject: g.intent.Digest})
			resume := g.Claim("olga", "job_1", ledger.Resumed{
				Consumes: []ledger.Hash{verdict.LeafHash()}, ExpectedFingerprint: "env", ActualFingerprint: "env", PreviousPolicyDigest: g.policy, CurrentPolicyDigest: g.policy,
			})
			for _, grant := range []string{grantSettled, grantOpen} {
				p := allowed(grant)
				p.Clearance = resume.LeafHash()
				g.settle("olga", grant, ledger.EffectDone, g.gate(p))
			}
		},
		"an allow while a grant is unknown": func(g *gatePlay) {
			g.settle("olga", grantSettled, ledger.EffectUnknown, g.gate(allowed(grantSettled)))
			g.gate(allowed(grantOpen))
		},
		"an allow after an emergency stop": func(g *gatePlay) {
			g.Claim("olga", "job_1", ledger.Stopped{})
			g.gate(allowed(grantOpen))
		},
		"a settlement of no grant": func(g *gatePlay) { g.settle("olga", grantSettled, ledger.EffectDone, ledger.Event{}) },
	} {
		g := newGatePlay(t)
		delete(g.kept, g.intent.Digest)
		make(g)
		if _, err := packspec.CheckJob(t.Context(), g.log(), "job_1"); err == nil {
			t.Errorf("%s can be packed", name)
		}
	}
}

// The program in VERIFY.md of these packs accepts them, and finds content that no event names.
func TestVerifyMDOfTheGate(t *testing.T) {
	needPython(t)
	needKeygen(t)
	g := gated(t)
	vkey := g.key.VerifierKey().String()
	for name, tt := range map[string]struct {
		pack []byte
		says string
	}{
		"plain":        {g.packOf(nil), "; 0 of 3 contents; 0 of 1 policies; 2 grants, 1 not settled\n"},
		"with content": {g.packOf(g.kept), "; 3 of 3 contents; 1 of 1 policies; 2 grants, 1 not settled\n"},
	} {
		fs := files(t, tt.pack)
		out, err := check(t, program(t, fs), fs, vkey)
		if err != nil || !strings.HasPrefix(out, "OK: job job_1, 11 events, 1 of them signed by their actors, of "+authoritytest.Origin) || !strings.HasSuffix(out, tt.says) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	forged := files(t, gateForgeries[len(gateForgeries)-1].forge(g))
	if out, err := check(t, program(t, forged), forged, vkey); err == nil {
		t.Errorf("content that no event names: %s", out)
	}
}
