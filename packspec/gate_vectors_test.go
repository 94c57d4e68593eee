package packspec_test

import (
	"strings"
	"testing"

	"gait/ledger"
	"gait/packspec"
)

// gateVectors are packs of jobs about which the gate was asked, of evidence format 6, and those
// of the same format with policies. Forged ones are signed with the ledger's key.
func gateVectors(t *testing.T) []vector {
	g := gated(t)
	calls, _ := calledPlay(t, nil)
	changed, _ := changedPolicy(t)
	bound := boundPlay(t)
	signed := signedGate(t)
	var ranged packspec.Buffer
	if _, err := packspec.BuildRange(t.Context(), &ranged, calls.log(), 0, -1, calls.key, packspec.RangeOptions{}); err != nil {
		t.Fatal(err)
	}
	intentsOnly := kept{g.intent.Digest: g.kept[g.intent.Digest], g.other.Digest: g.kept[g.other.Digest], g.result.Digest: g.kept[g.result.Digest]}
	all := []vector{
		newVector(t, "gate", g.packOf(g.kept), g.key), newVector(t, "gate without content", g.packOf(nil), g.key),
		newVector(t, "gate without the policy", g.packOf(intentsOnly), g.key), newVector(t, "gate with the policy alone", g.packOf(kept{g.policy: gatePolicy}), g.key),
		newVector(t, "gate under another key", g.packOf(g.kept), testKey(t, 2)), newVector(t, "gate of a call made again", calls.packOf(calls.kept), g.key),
		newVector(t, "gate with one of two policies", changed.packOf(changed.kept), g.key), newVector(t, "gate not asked, with a policy", bound.packOf(bound.kept), g.key),
		newVector(t, "gate asked by a signed command", signed.packOf(nil), g.key), newVector(t, "range gate of a call made again", ranged.Bytes(), g.key),
	}
	for _, tt := range gateForgeries {
		all = append(all, newVector(t, "gate forged "+tt.name, tt.forge(g), g.key))
	}
	forged := forgedPolicies(t, g)
	for _, name := range sortedKeys(forged) {
		if pack := forged[name]; len(pack) < 200<<10 {
			all = append(all, newVector(t, "gate forged "+name, pack, g.key))
		}
	}
	all = append(all, newVector(t, "gate forged in format 6 without gate or policy", withoutPolicy(t, bound), g.key))
	for _, tt := range wrongCalls {
		wrong := wrongCall(t, tt.at, tt.change)
		all = append(all, newVector(t, "gate forged "+tt.name, forgedCall(t, wrong), g.key), newVector(t, "range gate forged "+tt.name, forgedRange(t, wrong), g.key))
	}
	return all
}

// signedGate is a play in which ann asked the gate about a job that is bound to a policy, and
// settled the grant, all signed.
func signedGate(t testing.TB) *play {
	p := newPlay(t)
	first := allowed(grantSettled)
	first.ContentKey = ledger.Hash{1}
	p.Sign("ann", "job_1", ledger.Submitted{EnvironmentFingerprint: "env", ProducerVersion: "gait/test", PolicyDigest: first.PolicyDigest}, p.ann)
	p.Sign("ann", "job_1", first, p.ann)
	p.Sign("ann", "job_1", ledger.EffectSettled{Grant: grantSettled, Outcome: ledger.EffectDone}, p.ann)
	p.commit()
	return p
}

// The verifiers find in each vector of the gate what its name says.
func TestGateVectors(t *testing.T) {
	honest := 0
	for _, v := range gateVectors(t) {
		want := !strings.Contains(v.File, "forged") && !strings.Contains(v.File, "under_another_key")
		if v.Verified != want {
			t.Errorf("%s: verified: %t, %+v", v.File, v.Verified, v.Failure)
		}
		if want {
			honest++
		}
	}
	if honest != 9 {
		t.Errorf("%d honest vectors, want 9", honest)
	}
}
