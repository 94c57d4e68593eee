package gate_test

import (
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

// BenchmarkWorst measures the slowest decisions that were found: the dearest policies that the
// gate takes, on the intents that are the worst for them.
func BenchmarkWorst(b *testing.B) {
	intents := hostile()
	for _, tt := range worst {
		policy, n := accepted(b, tt.before, tt.unit, tt.after)
		for name, text := range intents {
			b.Run(tt.name+"/"+name, func(b *testing.B) {
				in := input(b, allowAll, text)
				in.Policy, in.Job.PolicyDigest = policy, policy.Digest()
				for b.Loop() {
					gate.Evaluate(in)
				}
				b.ReportMetric(float64(n), "copies")
			})
		}
	}
}
