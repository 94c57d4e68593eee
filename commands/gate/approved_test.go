package gate_test

import (
	"strings"
	"testing"

	"gait/commands/gate"
	"gait/ledger"
	"gait/projection"
)

// An approval allows only if it was given under terms that are no weaker than those that the
// policy in force asks for.
func TestApprovedUnderWeakerTerms(t *testing.T) {
	asks := func(annotations string) string {
		return `@id("ask") @gait_verdict("require_approval") ` + annotations + ` permit (principal, action, resource);`
	}
	for _, tt := range []struct {
		name, policy string
		quorum       int64
		approvers    []string
		weaker       string // what the answer says of the terms; "": it allows
	}{
		{"the same terms", asks(`@gait_quorum("2") @gait_approvers("role:approver")`), 2, []string{"role:approver"}, ""},
		{"the same approvers in another order", asks(`@gait_approvers("abe, vera")`), 0, []string{"vera", "abe"}, ""},
		{"more approvals", asks(""), 3, nil, ""},
		{"no approvers are named now", asks(""), 0, []string{"vera"}, ""},
		{"one approval is one", asks(""), 1, nil, ""},
		{"fewer approvals", asks(`@gait_quorum("3")`), 2, nil, "2 of 3 approvals"},
		{"one approval, and not two", asks(`@gait_quorum("2")`), 0, nil, "1 of 2 approvals"},
		{"by anyone", asks(`@gait_approvers("role:approver")`), 0, nil, "by anyone, and not by role:approver"},
		{"by others", asks(`@gait_approvers("role:approver")`), 0, []string{"vera"}, "by vera, and not by role:approver"},
		{"by one more", asks(`@gait_approvers("vera")`), 0, []string{"abe", "vera"}, "by abe, vera, and not by vera"},
		{"a second policy asks for more", asks("") + strings.Replace(asks(`@gait_quorum("2")`), `"ask"`, `"more"`, 1), 0, nil, "1 of 2 approvals"},
		{"a policy that permits asks for nothing", allowAll, 0, nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := input(t, tt.policy, transfer)
			in.Job.Cleared = []projection.Cleared{under(cleared(in.Digest), tt.quorum, tt.approvers...)}
			d := gate.Evaluate(in)
			if tt.weaker == "" {
				if !d.Allows() || d.ReasonCode != gate.CodeApproved || d.Clearance != (ledger.Hash{3}) {
					t.Errorf("it is not allowed: %+v", d)
				}
				return
			}
			if d.Verdict != ledger.GateRequireApproval || !d.Clearance.IsZero() || !strings.HasSuffix(d.Detail, "weaker terms: "+tt.weaker) {
				t.Errorf("it is not asked for again because of %q: %+v", tt.weaker, d)
			}
		})
	}
}

// What policies ask for that conflict is blocked, approved or not: no approval can be what all
// of them ask for.
func TestApprovedUnderConflict(t *testing.T) {
	in := input(t, `@id("a") @gait_verdict("require_approval") @gait_approvers("vera") permit (principal, action, resource);
		@id("b") @gait_verdict("require_approval") @gait_approvers("abe") permit (principal, action, resource);`, transfer)
	in.Job.Cleared = []projection.Cleared{under(cleared(in.Digest), 1, "vera")}
	if d := gate.Evaluate(in); d.ReasonCode != gate.CodePolicyConflict {
		t.Errorf("it is not blocked: %+v", d)
	}
}

// A replay shows that another policy asks for another approval.
func TestReplayShowsTerms(t *testing.T) {
	asks := func(annotations string) string {
		return `@id("ask") @gait_verdict("require_approval") ` + annotations + ` permit (principal, action, resource);`
	}
	r := record(t, asks(`@gait_expires("1h")`))
	if d := r.decide(t, asks(`@gait_expires("1h")`), transfer, "", projection.Call{}); d.Verdict != ledger.GateRequireApproval {
		t.Fatal(d)
	}
	for policy, want := range map[string]string{
		asks(`@gait_expires("2h")`): "1 approval until",
		asks(``):                    "1 approval",
		asks(`@gait_expires("1h") @gait_quorum("2")`):                "2 approvals until",
		asks(`@gait_expires("1h") @gait_approvers("role:approver")`): "1 approval by role:approver until",
	} {
		got := r.replay(t, policy)
		if got.Same != 0 || len(got.Changed) != 1 || !strings.HasPrefix(got.Changed[0].Now.Terms(), want) || got.Changed[0].Was.Terms() == got.Changed[0].Now.Terms() {
			t.Errorf("%s: %+v", policy, got)
		}
	}
}
