package gate_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gait/commands/gate"
	"gait/ledger"
	"gait/projection"
)

func TestEvaluate(t *testing.T) {
	const asking = `@id("big") @gait_verdict("require_approval") @gait_approvers("vera, role:approver") @gait_quorum("2")
		@gait_expires("24h") @gait_action("check the account") @gait_record("target, arguments.amount, arguments.missing")
		permit (principal, action == Action::"pay.transfer", resource) when { context.arguments.amount >= 1000 };
		@id("small") permit (principal, action, resource) when { context.arguments.amount < 1000 };`
	for _, tt := range []struct {
		name, policy, intent string
		change               func(*gate.Input)
		want                 gate.Decision
	}{
		{
			"permitted", allowAll, transfer, nil,
			gate.Decision{Verdict: ledger.GateAllow, ReasonCode: gate.CodePermits, DeterminedBy: []string{"all"}},
		},
		{
			"forbidden", allowAll + `@id("no") forbid (principal, action, resource == Target::"payments");`, transfer, nil,
			gate.Decision{Verdict: ledger.GateBlock, ReasonCode: gate.CodeForbids, DeterminedBy: []string{"no"}},
		},
		{
			"permitted by none", `permit (principal, action == Action::"read", resource);`, transfer, nil,
			gate.Decision{Verdict: ledger.GateBlock, ReasonCode: gate.CodePermitsNone},
		},
		{
			"one policy fails", allowAll + `permit (principal, action, resource) when { context.arguments.nothing == 1 };`, transfer, nil,
			gate.Decision{Verdict: ledger.GateBlock, ReasonCode: gate.CodeDiagnostic, DeterminedBy: []string{"policy1"}},
		},
		{
			"asks", asking, transfer, nil,
			gate.Decision{
				Verdict: ledger.GateRequireApproval, ReasonCode: gate.CodeRequiresApproval, DeterminedBy: []string{"big"},
				RequiredAction: "check the account", Approvers: []string{"role:approver", "vera"}, Quorum: 2, ExpiresAt: now.Add(24 * time.Hour),
				Facts: ledger.GateFacts{Shown: []ledger.Label{{Key: "arguments.amount", Value: "5000"}, {Key: "target", Value: `"payments"`}}},
			},
		},
		{
			"was approved", asking, transfer,
			func(in *gate.Input) {
				in.Job.Cleared = []projection.Cleared{under(cleared(in.Digest), 2, "vera", "role:approver")}
			},
			gate.Decision{
				Verdict: ledger.GateAllow, ReasonCode: gate.CodeApproved, DeterminedBy: []string{"big"}, Clearance: ledger.Hash{3},
				Facts: ledger.GateFacts{Shown: []ledger.Label{{Key: "arguments.amount", Value: "5000"}, {Key: "target", Value: `"payments"`}}},
			},
		},
		{
			"was approved, but is forbidden now", asking + "forbid (principal, action, resource);", transfer,
			func(in *gate.Input) { in.Job.Cleared = []projection.Cleared{cleared(in.Digest)} },
			gate.Decision{Verdict: ledger.GateBlock, ReasonCode: gate.CodeForbids, DeterminedBy: []string{"policy2"}},
		},
		{
			"facts", `permit (principal, action, resource) when { context.environment.not_done_exit == 75 && context.environment.fingerprint == "fp" };`, transfer,
			func(in *gate.Input) { in.Facts = ledger.GateFacts{EnvironmentFingerprint: "fp", NotDoneExit: 75} },
			gate.Decision{
				Verdict: ledger.GateAllow, ReasonCode: gate.CodePermits, DeterminedBy: []string{"policy0"},
				Facts: ledger.GateFacts{EnvironmentFingerprint: "fp", NotDoneExit: 75},
			},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := input(t, tt.policy, tt.intent)
			if in.PolicyErr != nil || in.IntentErr != nil {
				t.Fatal(in.PolicyErr, in.IntentErr)
			}
			if tt.change != nil {
				tt.change(&in)
			}
			got := gate.Evaluate(in)
			if got.Detail == "" || got.Engine != gate.Engine {
				t.Errorf("Detail = %q, Engine = %q", got.Detail, got.Engine)
			}
			got.Detail, got.Engine = "", ""
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("Evaluate (-want +got):\n%s", diff)
			}
		})
	}
}

// Explain says which parts of a policy are false.
func TestExplain(t *testing.T) {
	in := input(t, `@id("a") permit (principal == Actor::"other", action, resource == Target::"payments")
		when { context.arguments.amount > 1 && context.arguments.to == "acct_8" } unless { context.arguments.amount == 5000 };
		@id("b") forbid (principal, action in [Action::"read", Action::"list, all"], resource);
		@id("c") permit (principal, action, resource) when { context.arguments.missing };
		@id("d") @gait_verdict("require_approval") permit (principal, action, resource);`, transfer)
	x := gate.Explain(in)
	want := []gate.PolicyResult{
		{ID: "a", Line: 1, Effect: "permit", Verdict: "allow", Why: []string{`principal == Actor::"other"`, `when { context.arguments.to == "acct_8" }`, `unless { context.arguments.amount == 5000 }`}},
		{ID: "b", Line: 3, Effect: "forbid", Verdict: "block", Why: []string{`action in [Action::"read", Action::"list, all"]`}},
		{ID: "c", Line: 4, Effect: "permit", Verdict: "allow", Error: "record does not have the attribute `missing`"},
		{ID: "d", Line: 5, Effect: "permit", Verdict: "require_approval", Applies: true},
	}
	for i, p := range x.Policies {
		if p.Error != "" {
			x.Policies[i].Error = want[i].Error // in Cedar's words
		}
	}
	if diff := cmp.Diff(want, x.Policies); diff != "" {
		t.Errorf("Explain (-want +got):\n%s", diff)
	}
}

// Check says what each policy does, and with a schema what does not fit it.
func TestCheck(t *testing.T) {
	const policy = `@id("a") permit (principal, action == Action::"pay", resource) when { context.arguments.amount < 5 };
		@id("b") @gait_verdict("require_approval") @gait_quorum("2") @gait_approvers("x, role:approver") @gait_expires("90m") permit (principal, action, resource) when { context.arguments.amuont < 5 };`
	const schema = `entity Role; entity Actor in [Role] { proven: Bool, roles: Set<String> }; entity Target;
		action "pay" appliesTo { principal: Actor, resource: Target, context: { arguments: { amount: Long } } };`
	plain := gate.Check([]byte(policy), nil)
	if len(plain.Problems) > 0 || plain.Schema || len(plain.Policies) != 2 || plain.Policies[1].Expires != "1h30m" ||
		plain.Policies[1].Words != "if it applies, and no forbid does, 2 approvals are needed from among role:approver, x, and used within 1h30m" {
		t.Errorf("without a schema: %+v", plain)
	}
	with := gate.Check([]byte(policy), []byte(schema))
	if len(with.Problems) != 1 || with.Problems[0].Policy != "b" || with.Problems[0].Code != gate.CodeSchemaMismatch || !with.Schema {
		t.Errorf("with a schema: %+v", with.Problems)
	}
	for _, bad := range []string{"entity", `{"": {"entityTypes"`, `{}x`} {
		if r := gate.Check([]byte(policy), []byte(bad)); len(r.Problems) != 1 || r.Problems[0].Code != gate.CodeSchemaInvalid {
			t.Errorf("with the schema %s: %+v", bad, r.Problems)
		}
	}
	if r := gate.Check([]byte("permit"), nil); len(r.Problems) != 1 || r.Problems[0].Code != gate.CodePolicyInvalid {
		t.Errorf("of no policy: %+v", r)
	}
}
