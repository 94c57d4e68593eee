package gate_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gait/commands/gate"
	"gait/ledger"
	"gait/projection"
)

// grant is an open grant of a test's job.
func grant(id, callID string, intent ledger.Hash, unknown bool) projection.Grant {
	return projection.Grant{ID: id, Tool: "pay.transfer", CallID: callID, Intent: ledger.Content{Digest: intent, Size: 9}, Unknown: unknown}
}

// Whatever is malformed, hostile or inconsistent is a block, with the reason that names it.
func TestEveryErrorBlocks(t *testing.T) {
	type change = func(*gate.Input)
	intent := func(text string) change {
		return func(in *gate.Input) { in.Intent, in.IntentErr = gate.ParseIntent([]byte(text)) }
	}
	policy := func(text string) change {
		return func(in *gate.Input) {
			p := input(t, text, transfer)
			in.Policy, in.PolicyErr, in.Job.PolicyDigest = p.Policy, p.PolicyErr, p.Job.PolicyDigest
		}
	}
	args := func(text string) change { return intent(`{"tool":"pay.transfer","arguments":` + text + `}`) }
	annotated := func(text string) change { return policy(text + ` permit (principal, action, resource);`) }
	status := func(s projection.Status) change { return func(in *gate.Input) { in.Job.Status = s } }
	call := func(c projection.Call) change {
		return func(in *gate.Input) {
			if c.Known = true; c.Intent == (ledger.Content{}) {
				c.Intent.Digest = in.Digest
			}
			in.CallID, in.Call = "call_1", c
		}
	}
	other := ledger.Content{Digest: ledger.Hash{6}}
	job := func(f func(j *projection.Job, d ledger.Hash)) change {
		return func(in *gate.Input) { f(in.Job, in.Digest) }
	}
	const asks = `@gait_verdict("require_approval") `
	fails := func(expression string) change {
		return policy(`permit (principal, action, resource) when { ` + expression + ` };`)
	}
	table := []struct {
		name   string
		change change
		code   string
	}{
		// Intents that are none.
		{"no bytes", intent(""), gate.CodeIntentInvalid},
		{"half an object", intent(`{"tool":"pay.transfer","arguments":{`), gate.CodeIntentInvalid},
		{"a list", intent(`["pay.transfer"]`), gate.CodeIntentInvalid},
		{"null", intent(`null`), gate.CodeIntentInvalid},
		{"two values", intent(transfer + `{}`), gate.CodeIntentInvalid},
		{"bytes behind it", intent(transfer + "\x00"), gate.CodeIntentInvalid},
		{"a byte order mark", intent("\ufeff" + transfer), gate.CodeIntentInvalid},
		{"no tool", intent(`{"arguments":{}}`), gate.CodeIntentInvalid},
		{"no arguments", intent(`{"tool":"pay.transfer"}`), gate.CodeIntentInvalid},
		{"arguments of null", args(`null`), gate.CodeIntentInvalid},
		{"arguments in a list", args(`[1]`), gate.CodeIntentInvalid},
		{"a tool that is a number", intent(`{"tool":1,"arguments":{}}`), gate.CodeIntentInvalid},
		{"a tool with a space", intent(`{"tool":"pay transfer","arguments":{}}`), gate.CodeIntentInvalid},
		{"a tool with a newline", intent(`{"tool":"pay\ntransfer","arguments":{}}`), gate.CodeIntentInvalid},
		{"a tool with no name", intent(`{"tool":"","arguments":{}}`), gate.CodeIntentInvalid},
		{"a long tool", intent(`{"tool":"` + strings.Repeat("a", 129) + `","arguments":{}}`), gate.CodeIntentInvalid},
		{"an empty target", intent(`{"tool":"pay.transfer","arguments":{},"target":""}`), gate.CodeIntentInvalid},
		{"a target of null", intent(`{"tool":"pay.transfer","arguments":{},"target":null}`), gate.CodeIntentInvalid},
		{"an unknown member", intent(`{"tool":"pay.transfer","arguments":{},"approved":true}`), gate.CodeIntentInvalid},
		{"a member of another case", intent(`{"Tool":"pay.transfer","arguments":{}}`), gate.CodeIntentInvalid},
		{"a member twice", intent(`{"tool":"read","tool":"pay.transfer","arguments":{}}`), gate.CodeIntentInvalid},
		{"a member twice, inside", args(`{"a":{"b":1,"b":2}}`), gate.CodeIntentInvalid},
		{"a member twice, escaped", args(`{"amount":1,"\u0061mount":9000}`), gate.CodeIntentInvalid},
		{"an integer beyond 2^53", args(`{"a":9007199254740992}`), gate.CodeIntentInvalid},
		{"an integer far below", args(`{"a":-99999999999999999999}`), gate.CodeIntentInvalid},
		{"an integer with an exponent", args(`{"a":1e300}`), gate.CodeIntentInvalid},
		{"a number without end", args(`{"a":1e999999999}`), gate.CodeIntentInvalid},
		{"a number that vanishes", args(`{"a":1e-999999999}`), gate.CodeIntentInvalid},
		{"a fraction with too many digits", args(`{"a":100.00000000000000001}`), gate.CodeIntentInvalid},
		{"a long number", args(`{"a":0.` + strings.Repeat("0", 100) + `}`), gate.CodeIntentInvalid},
		{"a number with a plus", args(`{"a":+1}`), gate.CodeIntentInvalid},
		{"NaN", args(`{"a":NaN}`), gate.CodeIntentInvalid},
		{"half a surrogate", args(`{"a":"\ud800"}`), gate.CodeIntentInvalid},
		{"no UTF-8", args("{\"a\":\"\xff\"}"), gate.CodeIntentInvalid},
		{"a comment", args(`{/* */}`), gate.CodeIntentInvalid},
		{"a comma too many", args(`{"a":1,}`), gate.CodeIntentInvalid},
		{"too large", args(`{"a":"` + strings.Repeat("x", ledger.MaxIntent) + `"}`), gate.CodeIntentTooLarge},
		{"too large once it is canonical", args(`{"a":[` + strings.Repeat("1e15,", 5000) + `1]}`), gate.CodeIntentTooLarge},
		{"null in a list", args(`{"a":[1,null]}`), gate.CodeIntentUnsupported},
		{"too deep", args(strings.Repeat(`{"a":`, 33) + "1" + strings.Repeat("}", 33)), gate.CodeIntentUnsupported},
		{"brackets without end", intent(strings.Repeat("[", 30000)), gate.CodeIntentUnsupported},
		{"an intent that was not read", func(in *gate.Input) { in.Intent, in.IntentErr = gate.Intent{}, nil }, gate.CodeIntentUnreadable},
		{"an intent that could not be read", func(in *gate.Input) { in.IntentErr = errors.New("no such file") }, gate.CodeIntentUnreadable},
		{"an intent without a digest", func(in *gate.Input) { in.Digest = ledger.Hash{} }, gate.CodeIntentUnreadable},
		{"another tool", func(in *gate.Input) { in.Tool = "read" }, gate.CodeIntentTool},
		{"no tool named", func(in *gate.Input) { in.Tool = "" }, gate.CodeIntentTool},
		// Policies.
		{"the job has no policy", job(func(j *projection.Job, _ ledger.Hash) { j.PolicyDigest = ledger.Hash{} }), gate.CodePolicyMissing},
		{"another policy is given", func(in *gate.Input) { in.Given = ledger.Hash{9} }, gate.CodePolicyMismatch},
		{"the policy is not kept", func(in *gate.Input) { in.Policy = nil }, gate.CodePolicyUnreadable},
		{"the policy was erased", func(in *gate.Input) { in.Policy, in.PolicyErr = nil, errors.New("it was erased") }, gate.CodePolicyUnreadable},
		{"a policy and an error", func(in *gate.Input) { in.PolicyErr = errors.New("half of it") }, gate.CodePolicyUnreadable},
		{"the bytes are another policy's", func(in *gate.Input) { in.Policy = input(t, "forbid (principal, action, resource);", transfer).Policy }, gate.CodePolicyUnreadable},
		{"an empty policy", policy(""), gate.CodePolicyEmpty},
		{"a policy of comments", policy("// permit (principal, action, resource);"), gate.CodePolicyEmpty},
		{"no Cedar", policy("allow everything"), gate.CodePolicyInvalid},
		{"half a policy", policy(allowAll + "forbid (principal"), gate.CodePolicyInvalid},
		{"a policy that is no UTF-8", policy(allowAll + "\xff"), gate.CodePolicyInvalid},
		{"a template", policy("permit (principal == ?principal, action, resource);"), gate.CodePolicyInvalid},
		{"a function that Cedar has not", fails(`now() > 1`), gate.CodePolicyInvalid},
		{"a large policy", policy(allowAll + strings.Repeat(" ", gate.MaxPolicy)), gate.CodePolicyInvalid},
		{"a deep policy", fails(strings.Repeat("(", 200) + "true" + strings.Repeat(")", 200)), gate.CodePolicyInvalid},
		{"an unknown annotation", annotated(`@gait_allow("yes")`), gate.CodePolicyAnnotation},
		{"an annotation in capitals", annotated(`@GAIT_verdict("require_approval")`), gate.CodePolicyAnnotation},
		{"an unknown verdict", annotated(`@gait_verdict("approve")`), gate.CodePolicyAnnotation},
		{"a verdict without a value", annotated(`@gait_verdict`), gate.CodePolicyAnnotation},
		{"a forbid with a verdict", policy(`@gait_verdict("allow") forbid (principal, action, resource);`), gate.CodePolicyAnnotation},
		{"a forbid that asks", policy(asks + `forbid (principal, action, resource);`), gate.CodePolicyAnnotation},
		{"approvers of an allow", annotated(`@gait_approvers("vera")`), gate.CodePolicyAnnotation},
		{"an approver who is no name", annotated(asks + `@gait_approvers("a b")`), gate.CodePolicyAnnotation},
		{"an approver twice", annotated(asks + `@gait_approvers("a, a")`), gate.CodePolicyAnnotation},
		{"a role that is none", annotated(asks + `@gait_approvers("role:boss")`), gate.CodePolicyAnnotation},
		{"a quorum of one", annotated(asks + `@gait_quorum("1")`), gate.CodePolicyAnnotation},
		{"a quorum of a sign", annotated(asks + `@gait_quorum("+2")`), gate.CodePolicyAnnotation},
		{"a quorum that cannot be met", annotated(asks + `@gait_quorum("3") @gait_approvers("a, b")`), gate.CodePolicyAnnotation},
		{"an expiry of seconds", annotated(asks + `@gait_expires("59s")`), gate.CodePolicyAnnotation},
		{"an expiry beyond 30 days", annotated(asks + `@gait_expires("721h")`), gate.CodePolicyAnnotation},
		{"a field that is none", annotated(`@gait_record("tool")`), gate.CodePolicyAnnotation},
		{"a field of all arguments", annotated(`@gait_record("arguments")`), gate.CodePolicyAnnotation},
		{"an id twice", policy(`@id("a") permit (principal, action, resource); @id("a") forbid (principal, action, resource);`), gate.CodePolicyAnnotation},
		{"an id that another has by its place", policy(`@id("policy1") permit (principal, action, resource); forbid (principal, action, resource);`), gate.CodePolicyAnnotation},
		{"an empty id", annotated(`@id("")`), gate.CodePolicyAnnotation},
		{"two lists of approvers", policy(asks + `@gait_approvers("a") permit (principal, action, resource);` + asks + `@gait_approvers("b") permit (principal, action, resource);`), gate.CodePolicyConflict},
		{"more approvals than approvers", policy(asks + `@gait_approvers("a") permit (principal, action, resource);` + asks + `@gait_quorum("2") permit (principal, action, resource);`), gate.CodePolicyConflict},
		// Answers of Cedar.
		{"a forbid beside a permit", policy(allowAll + `forbid (principal, action, resource);`), gate.CodeForbids},
		{"nothing permits it", policy(`permit (principal == Actor::"other", action, resource);`), gate.CodePermitsNone},
		{"a member that is not there", fails(`context.arguments.missing`), gate.CodeDiagnostic},
		{"types that cannot be compared", fails(`context.arguments.amount < "9"`), gate.CodeDiagnostic},
		{"a sum that overflows", fails(`context.arguments.amount + 9223372036854775807 > 0`), gate.CodeDiagnostic},
		{"a condition that is no Bool", fails(`1`), gate.CodeDiagnostic},
		{"a forbid that fails", policy(allowAll + `forbid (principal, action, resource) when { context.arguments.missing == 1 };`), gate.CodeDiagnostic},
		{"an unknown entity's attribute", fails(`Actor::"other".proven`), gate.CodeDiagnostic},
		{"an address that is none", fails(`ip(context.arguments.to).isLoopback()`), gate.CodeDiagnostic},
		// Jobs.
		{"no job", func(in *gate.Input) { in.Job = nil }, gate.CodeJobNotFound},
		{"a job that was never submitted", func(in *gate.Input) { in.Job = &projection.Job{} }, gate.CodeJobNotFound},
		{"paused", status(projection.PausedStatus), gate.CodeNotRunning},
		{"waits for a decision", status(projection.DecisionNeeded), gate.CodeNotRunning},
		{"blocked", status(projection.Blocked), gate.CodeNotRunning},
		{"completed", status(projection.Completed), gate.CodeNotRunning},
		{"failed", status(projection.Failed), gate.CodeNotRunning},
		{"cancelled", status(projection.Cancelled), gate.CodeNotRunning},
		{"a status that is none", status("on_fire"), gate.CodeNotRunning},
		{"emergency stop", status(projection.EmergencyStopped), gate.CodeEmergencyStopped},
		{"an unknown grant of another intent", job(func(j *projection.Job, _ ledger.Hash) {
			j.Grants = []projection.Grant{grant("g1", "other", ledger.Hash{7}, true)}
		}), gate.CodeEffectsUnsettled},
		{"an open grant of the intent", job(func(j *projection.Job, d ledger.Hash) { j.Grants = []projection.Grant{grant("g1", "other", d, false)} }), gate.CodeEffectsUnsettled},
		{"as many grants as there may be", job(func(j *projection.Job, _ ledger.Hash) {
			for i := range ledger.MaxOpenGrants {
				j.Grants = append(j.Grants, grant(fmt.Sprint(i), "", ledger.Hash{1, byte(i)}, false))
			}
		}), gate.CodeTooManyGrants},
		// Calls.
		{"a call that was not looked up", func(in *gate.Input) { in.CallID = "call_1" }, gate.CodeInternal},
		{"a call that is open", call(projection.Call{Leaf: ledger.Hash{5}, Verdict: ledger.GateAllow, Grant: "g1"}), gate.CodeEffectsUnsettled},
		{"a call whose outcome is unknown", call(projection.Call{Leaf: ledger.Hash{5}, Outcome: ledger.EffectUnknown, Grant: "g1"}), gate.CodeEffectsUnsettled},
		{"a call that was done", call(projection.Call{Leaf: ledger.Hash{5}, Outcome: ledger.EffectDone, Grant: "g1"}), gate.CodeAlreadyDone},
		{"a call of a ledger before", call(projection.Call{Leaf: ledger.Hash{5}, Before: true}), gate.CodeCallBefore},
		{"a call that asked for another intent", call(projection.Call{Leaf: ledger.Hash{5}, Verdict: ledger.GateRequireApproval, Intent: other}), gate.CodeCallReused},
		{"a call that was allowed another intent", call(projection.Call{Leaf: ledger.Hash{5}, Verdict: ledger.GateAllow, Grant: "g1", Intent: other}), gate.CodeCallReused},
		{"a call whose outcome with another intent is unknown", call(projection.Call{Leaf: ledger.Hash{5}, Outcome: ledger.EffectUnknown, Grant: "g1", Intent: other}), gate.CodeCallReused},
		{"a call that has done another intent", call(projection.Call{Leaf: ledger.Hash{5}, Outcome: ledger.EffectDone, Grant: "g1", Intent: other}), gate.CodeCallReused},
		{"a call that has not done another intent", call(projection.Call{Leaf: ledger.Hash{5}, Outcome: ledger.EffectNotDone, Grant: "g1", Intent: other}), gate.CodeCallReused},
		{"a call of which no intent is known", func(in *gate.Input) {
			in.CallID, in.Call = "call_1", projection.Call{Known: true, Leaf: ledger.Hash{5}, Outcome: ledger.EffectDone}
		}, gate.CodeCallReused},
		{"a call of which an event says nothing", call(projection.Call{Leaf: ledger.Hash{5}}), gate.CodeEffectsUnsettled},
		{"a call with a block", call(projection.Call{Leaf: ledger.Hash{5}, Verdict: ledger.GateBlock}), gate.CodeEffectsUnsettled},
		// Actors and facts.
		{"authority wants a signature", func(in *gate.Input) { in.Denied = "signature_required" }, "signature_required"},
		{"a revoked actor", func(in *gate.Input) { in.Denied = "revoked" }, "revoked"},
		{"no actor", func(in *gate.Input) { in.Actor = "" }, gate.CodeInternal},
		{"no reading of a clock", func(in *gate.Input) { in.Basis.Reading = time.Time{} }, gate.CodeInternal},
		{"an exit code below 0", func(in *gate.Input) { in.Facts.NotDoneExit = -1 }, gate.CodeInternal},
		{"an exit code over 255", func(in *gate.Input) { in.Facts.NotDoneExit = 256 }, gate.CodeInternal},
		// Approvals.
		{"an approver amended it", job(func(j *projection.Job, d ledger.Hash) {
			c := cleared(d)
			c.Ask.Amended = ledger.Content{Digest: ledger.Hash{8}, Size: 1}
			j.Cleared = []projection.Cleared{c}
		}), gate.CodeIntentAmended},
		{"as many approved intents as there may be", func(in *gate.Input) {
			annotated(asks)(in)
			for i := range ledger.MaxCleared {
				in.Job.Cleared = append(in.Job.Cleared, cleared(ledger.Hash{1, byte(i)}))
			}
		}, gate.CodeTooManyCleared},
		{"as many decisions as there may be", func(in *gate.Input) {
			annotated(asks)(in)
			in.Job.Decisions = make([]projection.Ask, ledger.MaxCleared)
		}, gate.CodeTooManyDecisions},
		// Input of nothing.
		{"nothing at all", func(in *gate.Input) { *in = gate.Input{} }, gate.CodeJobNotFound},
	}
	for _, tt := range table {
		t.Run(tt.name, func(t *testing.T) {
			in := input(t, allowAll, transfer)
			if d := gate.Evaluate(in); !d.Allows() {
				t.Fatalf("without the change: %s, %s", d.Verdict, d.ReasonCode)
			}
			tt.change(&in)
			d := gate.Evaluate(in)
			if d.Verdict != ledger.GateBlock || d.ReasonCode != tt.code || d.Detail == "" {
				t.Errorf("Evaluate = %s, %s (%s), want block, %s", d.Verdict, d.ReasonCode, d.Detail, tt.code)
			}
			if x := gate.Explain(in); x.Decision.Verdict != ledger.GateBlock || x.Words == "" {
				t.Errorf("Explain = %s (%s), want block", x.Decision.Verdict, x.Words)
			}
		})
	}
	t.Logf("%d inputs", len(table))
}

// A panic of cedar-go is a block.
func TestPanicBlocks(t *testing.T) {
	in := input(t, allowAll, transfer)
	in.Policy = gate.Panics(in.Policy)
	d := gate.Evaluate(in)
	if d.Verdict != ledger.GateBlock || d.ReasonCode != gate.CodeDiagnostic || !strings.Contains(d.Detail, "panicked") {
		t.Errorf("Evaluate = %s, %s (%s)", d.Verdict, d.ReasonCode, d.Detail)
	}
	if x := gate.Explain(in); x.Decision.Verdict != ledger.GateBlock || len(x.Policies) > 0 {
		t.Errorf("Explain = %+v", x)
	}
}

// The zero Decision allows nothing.
func TestZeroDecision(t *testing.T) {
	if (gate.Decision{}).Allows() || (gate.Decision{}).Verdict == ledger.GateRequireApproval {
		t.Error("the zero Decision is no block")
	}
}

// Engine names the version of cedar-go that is linked.
func TestEngine(t *testing.T) {
	if v := gate.CedarVersion(t); gate.Engine != "cedar-go/"+strings.TrimPrefix(v, "v") {
		t.Errorf("Engine = %s, and the module is %s", gate.Engine, v)
	}
}
