package gate_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cedar-policy/cedar-go"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gait/commands/gate"
	"gait/ledger"
	"gait/projection"
)

// anyCondition draws conditions, some of which cannot be evaluated.
var anyCondition = rapid.SampledFrom([]string{
	`true`, `false`, `context.arguments.amount > 1000`, `context.arguments has amount && context.arguments.amount <= 1000`, `context.arguments.to == "acct_7"`,
	`context.job.cleared`, `context.job.labels has team && context.job.labels.team == "pay"`, `principal.proven`, `principal in Role::"worker"`,
	`context.arguments.missing == 1`, `context.arguments.amount < "x"`, `resource == Target::"payments"`, `["a", "b"].contains(context.arguments.to)`,
	`context.time > datetime("2026-01-01")`, `context.job.open_grants == 0`, `context.arguments.to like "acct_*"`, `!(context.environment has fingerprint)`,
})

// anyPolicy draws one policy, annotated.
func anyPolicy(effects ...string) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		effect := rapid.SampledFrom(effects).Draw(t, "effect")
		var text strings.Builder
		if effect == "permit" {
			text.WriteString(rapid.SampledFrom([]string{"", "", `@gait_verdict("allow") `, `@gait_verdict("require_approval") `, `@gait_verdict("require_approval") @gait_quorum("2") @gait_expires("1h") `}).Draw(t, "annotations"))
		}
		scope := rapid.SampledFrom([]string{"principal, action, resource", `principal == Actor::"worker_1", action, resource`, `principal, action == Action::"pay.transfer", resource`, `principal, action, resource == Target::"other"`}).Draw(t, "scope")
		fmt.Fprintf(&text, "%s (%s)", effect, scope)
		for range rapid.IntRange(0, 2).Draw(t, "conditions") {
			fmt.Fprintf(&text, " %s { %s }", rapid.SampledFrom([]string{"when", "unless"}).Draw(t, "kind"), anyCondition.Draw(t, "condition"))
		}
		return text.String() + ";\n"
	})
}

var anyPolicies = rapid.Map(rapid.SliceOfN(anyPolicy("permit", "permit", "permit", "forbid"), 1, 5), func(list []string) string { return strings.Join(list, "") })

var anyIntent = rapid.SampledFrom([]string{
	transfer, `{"tool":"pay.transfer","arguments":{}}`, `{"tool":"pay.transfer","arguments":{"amount":10,"to":"b"},"target":"other"}`,
	`{"tool":"read","arguments":{"amount":1.5}}`, `{"tool":"read","arguments":{"amount":"x","to":null}}`, `{"tool":`, `{"tool":"pay.transfer","arguments":{"a":[null]}}`, ``,
})

// anyInput draws inputs: most are in order but for a few things, some of which contradict the
// rest.
func anyInput(t *rapid.T, tb testing.TB, policy string) gate.Input {
	in := input(tb, policy, anyIntent.Draw(t, "intent"))
	one := func(label string) bool { return rapid.IntRange(0, 29).Draw(t, label) == 23 }
	change := func(label string, f func()) {
		if one(label) {
			f()
		}
	}
	j := in.Job
	change("no job", func() { in.Job = nil })
	change("status", func() { j.Status = rapid.SampledFrom(projection.Statuses).Draw(t, "status") })
	change("other policy", func() { j.PolicyDigest = ledger.Hash{1} })
	change("unbound", func() { j.PolicyDigest = ledger.Hash{} })
	change("no policy", func() { in.Policy = nil })
	change("policy error", func() { in.PolicyErr = fmt.Errorf("erased") })
	change("given", func() { in.Given = ledger.Hash{2} })
	change("intent error", func() { in.IntentErr = fmt.Errorf("unreadable") })
	change("tool", func() { in.Tool = "other" })
	change("digest", func() { in.Digest = ledger.Hash{} })
	change("denied", func() { in.Denied = "revoked" })
	change("actor", func() { in.Actor = rapid.SampledFrom([]string{"", "other"}).Draw(t, "actor") })
	change("reading", func() { in.Basis.Reading = time.Time{} })
	change("facts", func() { in.Facts.NotDoneExit = rapid.Int64Range(-300, 300).Draw(t, "exit") })
	change("keys", func() { in.Keys = []ledger.Hash{{7}} })
	change("labels", func() { j.Labels = []ledger.Label{{Key: "team", Value: "pay"}} })
	change("call", func() {
		in.CallID, in.Call.Known = "call_1", rapid.Bool().Draw(t, "known")
		change("leaf", func() { in.Call.Leaf = ledger.Hash{1} })
		in.Call.Intent.Digest = in.Digest
		change("call intent", func() { in.Call.Intent.Digest = ledger.Hash{8} })
		in.Call.Before = one("before")
		in.Call.Verdict = rapid.SampledFrom(append(ledger.GateVerdicts, "")).Draw(t, "verdict")
		in.Call.Outcome = rapid.SampledFrom(append(ledger.EffectOutcomes, "")).Draw(t, "outcome")
	})
	change("grants", func() {
		for i := range rapid.SampledFrom([]int{1, 2, 63, 64, 65}).Draw(t, "grants") {
			j.Grants = append(j.Grants, grant(fmt.Sprint(i), "c", ledger.Hash{9, byte(i)}, one("unknown")))
		}
	})
	change("cleared", func() {
		c := cleared(in.Digest)
		change("of the call", func() { c.Ask.CallID = in.CallID })
		change("instead of the call's", func() {
			c.Ask.CallID, c.Ask.Subject.Digest, c.Ask.Amended = in.CallID, ledger.Hash{8}, ledger.Content{Digest: in.Digest, Size: 1}
		})
		change("amended", func() { c.Ask.Amended = ledger.Content{Digest: ledger.Hash{8}, Size: 1} })
		change("undecided", func() { c.Ask.Verdict = projection.Undecided })
		change("expired", func() { c.Ask.Expires = ledger.FormatTime(now.Add(-time.Hour)) })
		j.Cleared = []projection.Cleared{c}
	})
	return in
}

// tenTimes checks a property ten times as often as others, so that what is rare comes.
func tenTimes(t *testing.T, property func(*rapid.T)) {
	for range 10 {
		rapid.Check(t, property)
	}
}

// mayAllow is the slow and plain reference: what must be true, at least, of an input that is
// allowed. It asks Cedar about an input that it writes down again.
func mayAllow(tb testing.TB, in gate.Input) bool {
	tb.Helper()
	if in.Job == nil || in.Job.Status != projection.Running || in.Policy == nil || in.PolicyErr != nil || in.IntentErr != nil || in.Intent.IsZero() ||
		in.Denied != "" || in.Digest.IsZero() || in.Policy.Digest() != in.Job.PolicyDigest || !in.Given.IsZero() && in.Given != in.Job.PolicyDigest ||
		in.Tool != in.Intent.Tool() || len(in.Job.Grants) > 63 || in.CallID != "" && !in.Call.Known ||
		in.CallID != "" && !in.Call.Leaf.IsZero() && in.Call.Outcome != ledger.EffectNotDone && in.Call.Verdict != ledger.GateRequireApproval {
		return false
	}
	if in.CallID != "" && !in.Call.Leaf.IsZero() && in.Call.Intent.Digest != in.Digest && !slices.ContainsFunc(in.Job.Cleared, func(c projection.Cleared) bool {
		return c.Ask.CallID == in.CallID && c.Ask.Subject.Digest == in.Call.Intent.Digest && c.Ask.Amended.Digest == in.Digest
	}) {
		return false
	}
	for _, g := range in.Job.Grants {
		if g.Unknown {
			return false
		}
	}
	request, entities := gate.RequestOf(in)
	decision, diagnostic := cedar.Authorize(in.Policy, entities, request)
	if decision != cedar.Allow || len(diagnostic.Errors) > 0 {
		return false
	}
	for _, reason := range diagnostic.Reasons {
		for id, p := range in.Policy.All() {
			if id == reason.PolicyID && p.Annotations()["gait_verdict"] == "require_approval" && len(in.Job.Cleared) == 0 {
				return false
			}
		}
	}
	return true
}

// Whatever the input, the answer is one of three, it is the same again, an allow follows from
// Cedar's own answer without diagnostics about a job that runs, and Explain agrees.
func TestEvaluateAllowsOnlyWhatCedarAllows(t *testing.T) {
	allows := 0
	tenTimes(t, func(r *rapid.T) {
		in := anyInput(r, t, anyPolicies.Draw(r, "policy"))
		d := gate.Evaluate(in)
		switch d.Verdict {
		case ledger.GateAllow:
			allows++
			if !mayAllow(t, in) {
				r.Fatalf("it is allowed (%s), and must not be", d.ReasonCode)
			}
		case ledger.GateRequireApproval, ledger.GateBlock:
		default:
			r.Fatalf("verdict %q", d.Verdict)
		}
		if d.ReasonCode == "" || d.Detail == "" {
			r.Fatalf("no reason: %+v", d)
		}
		if diff := cmp.Diff(d, gate.Evaluate(in)); diff != "" {
			r.Fatalf("the second time:\n%s", diff)
		}
		if diff := cmp.Diff(d, gate.Explain(in).Decision); diff != "" {
			r.Fatalf("Explain decides another way:\n%s", diff)
		}
	})
	t.Logf("%d allows", allows)
	if allows == 0 {
		t.Error("nothing was allowed: the property was not tried")
	}
}

// A forbid that is added never turns a block into an allow, nor an approval that is needed.
func TestForbidNeverAllows(t *testing.T) {
	weaker := map[ledger.GateVerdict]int{ledger.GateBlock: 0, ledger.GateRequireApproval: 1, ledger.GateAllow: 2}
	stricter := 0
	tenTimes(t, func(r *rapid.T) {
		text := anyPolicies.Draw(r, "policy")
		before := anyInput(r, t, text)
		added := anyPolicy("forbid").Draw(r, "forbid")
		where := rapid.SampledFrom([]string{text + added, added + text}).Draw(r, "where")
		after := before
		if before.Policy != nil {
			var err error
			if after.Policy, err = gate.ParsePolicy([]byte(where)); err != nil {
				r.Fatal(err)
			}
		}
		if before.Job != nil && before.Policy != nil && before.Job.PolicyDigest == before.Policy.Digest() {
			job := before.Job.Clone()
			job.PolicyDigest, after.Job = after.Policy.Digest(), &job
		}
		was, is := gate.Evaluate(before), gate.Evaluate(after)
		if weaker[is.Verdict] > weaker[was.Verdict] {
			r.Fatalf("%s (%s) became %s (%s) with %s", was.Verdict, was.ReasonCode, is.Verdict, is.ReasonCode, added)
		}
		if is.Verdict != was.Verdict {
			stricter++
		}
	})
	t.Logf("%d verdicts became stricter", stricter)
	if stricter == 0 {
		t.Error("no forbid changed a verdict: the property was not tried")
	}
}

// What is read as an intent is written as one text, which is read as the same intent.
func FuzzParseIntent(f *testing.F) {
	for _, s := range []string{transfer, `{"tool":"a","arguments":{"x":1.50,"y":[1e2,-0,"\u00e9"],"z":null}}`, `{"arguments":{"\u0000":{}},"tool":"a/b"}`, `{"tool":"a","arguments":{"a":1e-7}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		in, err := gate.ParseIntent(b)
		if err != nil {
			if !in.IsZero() {
				t.Fatalf("an intent with the error %v", err)
			}
			return
		}
		canonical := in.Canonical()
		again, err := gate.ParseIntent(canonical)
		if err != nil || string(again.Canonical()) != string(canonical) {
			t.Fatalf("%s is read again as %s, %v", canonical, again.Canonical(), err)
		}
		if diff := cmp.Diff(in.Arguments(), again.Arguments()); diff != "" || in.Tool() != again.Tool() || in.Target() != again.Target() {
			t.Fatalf("%s has other values than %s:\n%s", canonical, b, diff)
		}
		if !json.Valid(canonical) {
			t.Fatalf("%s is not JSON", canonical)
		}
	})
}

// Whatever is read as a policy is evaluated, explained and checked without a panic.
func FuzzParsePolicy(f *testing.F) {
	for _, name := range gate.ProfileNames {
		profile, _ := gate.ProfileNamed(name)
		f.Add(profile.Policy)
	}
	f.Add([]byte(`@id("a") @gait_verdict("require_approval") @gait_expires("1h") permit (principal is Actor in Role::"worker", action in [Action::"a"], resource) unless { if context has a.b then [1].containsAll([2]) else {"a": 1} has a };`))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := gate.ParsePolicy(b)
		report := gate.Check(b, nil)
		taken := !slices.ContainsFunc(report.Problems, func(p gate.Problem) bool { return p.Code != gate.CodeFieldUnknown })
		if (err == nil) != taken {
			t.Fatalf("ParsePolicy: %v, Check: %+v", err, report.Problems)
		}
		if err != nil {
			return
		}
		in := input(t, string(b), transfer)
		if p.Len() != len(report.Policies) || gate.Evaluate(in).ReasonCode == "" || len(gate.Explain(in).Policies) != p.Len() {
			t.Fatalf("%d policies, %d checked", p.Len(), len(report.Policies))
		}
	})
}
