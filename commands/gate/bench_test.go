package gate_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cedar-policy/cedar-go"

	"gait/commands/gate"
	"gait/ledger"
)

// BenchmarkEvaluate measures a decision under the payments profile, and what of it is Cedar's
// own share.
func BenchmarkEvaluate(b *testing.B) {
	profile, _ := gate.ProfileNamed("payments")
	in := input(b, string(profile.Policy), `{"tool":"refund","arguments":{"amount_cents":7000,"currency":"EUR"},"target":"inv_1"}`)
	b.Run("decision", func(b *testing.B) {
		for b.Loop() {
			if gate.Evaluate(in).Verdict != ledger.GateRequireApproval {
				b.Fatal("no approval is asked for")
			}
		}
	})
	b.Run("cedar", func(b *testing.B) {
		request, entities := gate.RequestOf(in)
		for b.Loop() {
			cedar.Authorize(in.Policy, entities, request)
		}
	})
	b.Run("intent", func(b *testing.B) {
		for b.Loop() {
			if _, err := gate.ParseIntent(in.Intent.Canonical()); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkWorst measures the slowest decisions that were found: the largest policies, on the
// largest intents. Cedar has no loops, so the time is bounded by the product of both sizes.
func BenchmarkWorst(b *testing.B) {
	fill := func(unit string) string {
		const before, after = "permit (principal, action, resource) when { true", " };"
		return before + strings.Repeat(unit, (gate.MaxPolicy-len(before)-len(after))/len(unit)) + after
	}
	var list strings.Builder
	for i := range 6000 {
		fmt.Fprintf(&list, "%d,", i%10000)
	}
	intent := fmt.Sprintf(`{"tool":"a","arguments":{"l":[%s0],"s":"x"}}`, list.String())
	text := fmt.Sprintf(`{"tool":"a","arguments":{"l":[],"s":"%s"}}`, strings.Repeat("a", 32000))
	for _, tt := range []struct{ name, policy, intent string }{
		{"sets", fill(` && context.arguments.l.containsAll(context.arguments.l)`), intent},
		{"records", fill(` && context.arguments == context.arguments`), intent},
		{"patterns", fill(` && !(context.arguments.s like "*aaaaaaaaaaaaaaaaaaaab*aaaaaaaaaaaaaaaaaaaab*")`), text},
		{"policies", strings.Repeat("permit (principal, action, resource);\n", gate.MaxPolicy/38), text},
	} {
		b.Run(tt.name, func(b *testing.B) {
			in := input(b, tt.policy, tt.intent)
			if in.PolicyErr != nil || in.IntentErr != nil {
				b.Fatal(in.PolicyErr, in.IntentErr)
			}
			for b.Loop() {
				if d := gate.Evaluate(in); !d.Allows() {
					b.Fatal(d.Detail)
				}
			}
		})
	}
}
