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
			"was approved", asking, transfer, func(in *gate.Input) { in.Job.Cleared = []projection.Cleared{cleared(in.Digest)} },
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
