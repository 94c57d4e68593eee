package ledger_test

import (
	"slices"
	"strings"

	"pgregory.net/rapid"

	"gait/ledger"
)

const testGrant = "01KAQ2C3TBW6FTY9CXR1Q0KF8N"

// gateForms are the forms of the types that version 1.5.0 brought.
func gateForms(a, b ledger.Hash) []payloadForm {
	ha, hb := a.String(), b.String()
	content := ledger.Content{Digest: a, MediaType: "application/json", Name: "intent.json", Size: 12}
	object := `{"digest":"` + ha + `","media_type":"application/json","name":"intent.json","size":12}`
	facts := ledger.GateFacts{
		EnvironmentFingerprint: "envfp:1", NotDoneExit: 75,
		Shown: []ledger.Label{{Key: "arguments.amount", Value: "12.5"}, {Key: "target", Value: `"märz"`}},
	}
	return []payloadForm{
		{
			ledger.GateDecided{
				Verdict: ledger.GateAllow, Tool: "stripe.refund", Intent: content, ReasonCode: "approved", CallID: "step-3/refund", CallPrev: b, ContentKey: b,
				PolicyDigest: a, DeterminedBy: []string{"policy0", "refunds über 10"}, Engine: "cedar-go/1.9.0", Facts: facts, Grant: testGrant, Clearance: b,
			},
			`{"call_id":"step-3/refund","call_prev":"` + hb + `","clearance":"` + hb + `","content_key":"` + hb + `","determined_by":["policy0","refunds über 10"],"engine":"cedar-go/1.9.0",` +
				`"facts":{"environment_fingerprint":"envfp:1","not_done_exit":75,"shown":{"arguments.amount":"12.5","target":"\"märz\""}},"grant":"` + testGrant +
				`","intent":` + object + `,"policy_digest":"` + ha + `","reason_code":"approved","tool":"stripe.refund","verdict":"allow"}`,
		},
		{
			ledger.GateDecided{Verdict: ledger.GateAllow, Tool: "t", Intent: ledger.Content{Digest: b}, ReasonCode: "policy_permits", PolicyDigest: a, Grant: testGrant},
			`{"grant":"` + testGrant + `","intent":{"digest":"` + hb + `","size":0},"policy_digest":"` + ha + `","reason_code":"policy_permits","tool":"t","verdict":"allow"}`,
		},
		{
			ledger.GateDecided{
				Verdict: ledger.GateRequireApproval, Tool: "stripe.refund", Intent: content, ReasonCode: "policy_requires_approval", CallID: "c1", CallPrev: a, ContentKey: b,
				PolicyDigest: b, DeterminedBy: []string{"big"}, Engine: "cedar-go/1.9.0", Facts: ledger.GateFacts{EnvironmentFingerprint: "envfp:1"},
				CheckpointID: "cp_0003", RequiredAction: "look at the amount", Approvers: []string{"bob", "role:approver"}, ExpiresAt: testTime, Quorum: 2, Continues: a,
			},
			`{"approvers":["bob","role:approver"],"call_id":"c1","call_prev":"` + ha + `","checkpoint_id":"cp_0003","content_key":"` + hb + `","continues":"` + ha +
				`","determined_by":["big"],"engine":"cedar-go/1.9.0","expires_at":"2026-11-22T20:32:58.058Z","facts":{"environment_fingerprint":"envfp:1"},"intent":` + object +
				`,"policy_digest":"` + hb + `","quorum":2,"reason_code":"policy_requires_approval","required_action":"look at the amount","tool":"stripe.refund","verdict":"require_approval"}`,
		},
		{
			ledger.GateDecided{
				Verdict: ledger.GateRequireApproval, Tool: "t", Intent: ledger.Content{Digest: a}, ReasonCode: "policy_requires_approval", PolicyDigest: a, CheckpointID: "cp_0001",
			},
			`{"checkpoint_id":"cp_0001","intent":{"digest":"` + ha + `","size":0},"policy_digest":"` + ha + `","reason_code":"policy_requires_approval","tool":"t","verdict":"require_approval"}`,
		},
		{
			ledger.GateDecided{
				Verdict: ledger.GateBlock, Tool: "mcp__bank/pay", Intent: content, ReasonCode: "policy_forbids", CallID: "c1", ContentKey: b,
				PolicyDigest: a, DeterminedBy: []string{"never"}, Engine: "cedar-go/1.9.0", Facts: ledger.GateFacts{NotDoneExit: 1},
			},
			`{"call_id":"c1","content_key":"` + hb + `","determined_by":["never"],"engine":"cedar-go/1.9.0","facts":{"not_done_exit":1},"intent":` + object +
				`,"policy_digest":"` + ha + `","reason_code":"policy_forbids","tool":"mcp__bank/pay","verdict":"block"}`,
		},
		{
			ledger.GateDecided{Verdict: ledger.GateBlock, Tool: "t", ReasonCode: "intent_too_large", Facts: ledger.GateFacts{Shown: []ledger.Label{{Key: "target", Value: "1"}}}},
			`{"facts":{"shown":{"target":"1"}},"reason_code":"intent_too_large","tool":"t","verdict":"block"}`,
		},
		{
			ledger.GateDecided{Verdict: ledger.GateBlock, Tool: "_", ReasonCode: "policy_missing"},
			`{"reason_code":"policy_missing","tool":"_","verdict":"block"}`,
		},
		{
			ledger.DispatchBlocked{Tool: "stripe.refund", Intent: a, ReasonCode: "emergency_stopped", CallID: "c1", ContentKey: b},
			`{"call_id":"c1","content_key":"` + hb + `","intent":"` + ha + `","reason_code":"emergency_stopped","tool":"stripe.refund"}`,
		},
		{ledger.DispatchBlocked{Tool: "t", ReasonCode: "emergency_stopped"}, `{"reason_code":"emergency_stopped","tool":"t"}`},
		{
			ledger.EffectSettled{Grant: testGrant, Outcome: ledger.EffectNotDone, CallID: "c1", CallPrev: a, Intent: b, Result: content, ContentKey: b, Reason: "the bank says so"},
			`{"call_id":"c1","call_prev":"` + ha + `","content_key":"` + hb + `","grant":"` + testGrant + `","intent":"` + hb + `","outcome":"not_done","reason":"the bank says so","result":` + object + `}`,
		},
		{ledger.EffectSettled{Grant: testGrant, Outcome: ledger.EffectDone}, `{"grant":"` + testGrant + `","outcome":"done"}`},
		{ledger.EffectSettled{Grant: testGrant, Outcome: ledger.EffectUnknown, Reason: "r"}, `{"grant":"` + testGrant + `","outcome":"unknown","reason":"r"}`},
	}
}

// Generators of what version 1.5.0 brought.
var (
	anyTool   = rapid.StringMatching(`[A-Za-z0-9_][A-Za-z0-9_.:@/-]{0,127}`)
	anyCallID = rapid.StringMatching(`[!-~]{1,128}`)
	anyReason = rapid.StringMatching(`[a-z][a-z_]{0,63}`)
	anyShown  = rapid.Custom(func(t *rapid.T) (shown []ledger.Label) {
		paths := rapid.SliceOfNDistinct(rapid.StringMatching(`[!#-\[\]-~]{1,128}`), 1, 16, rapid.ID).Draw(t, "paths")
		for _, path := range slices.Sorted(slices.Values(paths)) {
			shown = append(shown, ledger.Label{Key: path, Value: anyText(256).Draw(t, "value")})
		}
		return shown
	})
	anyFacts = rapid.Custom(func(t *rapid.T) ledger.GateFacts {
		return ledger.GateFacts{
			EnvironmentFingerprint: maybe(t, "env", anyText(256)), NotDoneExit: maybe(t, "not done exit", rapid.Int64Range(1, 255)), Shown: maybe(t, "shown", anyShown),
		}
	})
	anyGateDecided = asPayload(func(t *rapid.T) ledger.GateDecided {
		p := ledger.GateDecided{
			Verdict: rapid.SampledFrom(ledger.GateVerdicts).Draw(t, "verdict"), Tool: anyTool.Draw(t, "tool"), ReasonCode: anyReason.Draw(t, "reason"),
			CallID: maybe(t, "call", anyCallID), Engine: maybe(t, "engine", rapid.StringMatching(`[!-~]{1,64}`)), Facts: maybe(t, "facts", anyFacts),
			DeterminedBy: maybe(t, "determined by", anySet(anyText(128), 1, 16)),
		}
		if p.Verdict != ledger.GateBlock || rapid.Bool().Draw(t, "intent is there") {
			p.Intent, p.ContentKey = anyContent.Draw(t, "intent"), maybe(t, "content key", anyHash)
		}
		if p.Verdict != ledger.GateBlock || rapid.Bool().Draw(t, "policy is there") {
			p.PolicyDigest = anyHash.Draw(t, "policy")
		}
		if p.CallID != "" && p.Verdict != ledger.GateBlock {
			p.CallPrev = maybe(t, "call prev", anyHash)
		}
		switch p.Verdict {
		case ledger.GateAllow:
			p.Grant, p.Clearance = anyULID.Draw(t, "grant"), maybe(t, "clearance", anyHash)
		case ledger.GateRequireApproval:
			p.CheckpointID, p.RequiredAction = anyID.Draw(t, "id"), maybe(t, "action", anyText(512))
			p.Approvers, p.ExpiresAt = maybe(t, "approvers", anySet(anyApprover, 1, 16)), maybe(t, "expires", anyTime)
			p.Quorum, p.Continues = maybe(t, "quorum", rapid.Int64Range(2, 16)), maybe(t, "continues", anyHash)
		case ledger.GateBlock:
		}
		return p
	})
	anyDispatchBlocked = asPayload(func(t *rapid.T) ledger.DispatchBlocked {
		p := ledger.DispatchBlocked{Tool: anyTool.Draw(t, "tool"), ReasonCode: anyReason.Draw(t, "reason"), CallID: maybe(t, "call", anyCallID), Intent: maybe(t, "intent", anyHash)}
		if !p.Intent.IsZero() {
			p.ContentKey = maybe(t, "content key", anyHash)
		}
		return p
	})
	anyEffectSettled = asPayload(func(t *rapid.T) ledger.EffectSettled {
		p := ledger.EffectSettled{
			Grant: anyULID.Draw(t, "grant"), Outcome: rapid.SampledFrom(ledger.EffectOutcomes).Draw(t, "outcome"),
			CallID: maybe(t, "call", anyCallID), Result: maybe(t, "result", anyContent), Reason: maybe(t, "reason", anyText(1024)),
		}
		if p.CallID != "" {
			p.CallPrev, p.Intent = anyHash.Draw(t, "call prev"), anyHash.Draw(t, "intent")
		}
		if p.Result != (ledger.Content{}) {
			p.ContentKey = maybe(t, "content key", anyHash)
		}
		return p
	})
)

// The longest texts of the gate's events.
var (
	longestTool   = strings.Repeat("x", ledger.MaxTool)
	longestCallID = strings.Repeat(`"`, ledger.MaxCallID)
)
