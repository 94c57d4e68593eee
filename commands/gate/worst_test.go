package gate_test

import (
	"fmt"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"gait/commands/gate"
	"gait/ledger"
)

// large returns the largest intent whose arguments have a list, or what else text writes n
// times.
func large(before, after string, text func(i int) string) string {
	intent := `{"tool":"a","target":"t","arguments":{` + before
	for i := 0; ; i++ {
		next := text(i)
		if len(intent)+len(next)+len(after)+4 > ledger.MaxIntent {
			return strings.TrimSuffix(intent, ",") + after + "}}"
		}
		intent += next
	}
}

// hostile are intents that are the worst for some policy.
func hostile() map[string]string {
	number := func(i int) string { return fmt.Sprintf("%d,", i) }
	var fractions strings.Builder
	for i := range 2000 {
		fmt.Fprintf(&fractions, "0.%04d,", i+1)
	}
	return map[string]string{
		"text":    large(`"l":[],"m":[],"s":"`, `"`, func(int) string { return "a" }),
		"texts":   large(`"s":"`+strings.Repeat("a", ledger.MaxIntent/2-50)+`","l":[],"m":"`, `"`, func(int) string { return "a" }),
		"target":  `{"tool":"a","arguments":{},"target":"` + strings.Repeat("\u00ad", 16_000) + `"}`,
		"quotes":  large(`"l":[],"m":[],"s":"`, `"`, func(int) string { return "\u00ad" }),
		"numbers": large(`"s":"","m":[0],"l":[`, `]`, number),
		"two":     large(`"s":"","m":[0.0001],"l":[`, `]`, func(i int) string { return fmt.Sprintf("[%d,%d],", i, i) }),
		"objects": large(`"s":"","m":[],"l":[`, `]`, func(i int) string { return fmt.Sprintf(`{"a":%d},`, i) }),
		"members": large(`"s":"","m":[],"l":{`, `}`, func(i int) string { return fmt.Sprintf(`"%x":0,`, i) }),
		"cross":   large(`"s":"","m":[`+fractions.String()+`0.5],"l":[`, `]`, number),
		"digits":  large(`"s":"","m":[],"l":{`, `}`, func(i int) string { return fmt.Sprintf(`"%x":[0,1,2,3,4,5,6,7,8,9],`, i) }),
		"fractions": large(`"s":"","m":[],"l":[`, `]`, func(i int) string {
			return fmt.Sprintf("0.%04d,", i+1)
		}),
	}
}

// accepted returns the largest policy of copies of a unit that the gate takes.
func accepted(tb testing.TB, before, unit, after string) (*gate.Policy, int) {
	tb.Helper()
	most := (gate.MaxPolicy - len(before) - len(after)) / len(unit)
	low, high := 0, most
	var policy *gate.Policy
	for low < high {
		n := (low + high + 1) / 2
		p, err := gate.ParsePolicy([]byte(before + strings.Repeat(unit, n) + after))
		if err == nil {
			low, policy = n, p
		} else {
			high = n - 1
		}
	}
	return policy, low
}

// worst are the policies of one form that take the longest for their length.
var worst = []struct{ name, before, unit, after string }{
	{"like", whenTrue, ` && !(context.arguments.s like "*aab")`, " };"},
	{"like a run", whenTrue, ` && !(context.arguments.s like "*aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab")`, " };"},
	{"like the longest", whenTrue, ` && !(context.arguments.s like "*` + strings.Repeat("a", gate.MaxPattern-2) + `b")`, " };"},
	{"like in parts", whenTrue, ` && !(context.arguments.s like "*a*a*a*a*a*a*b")`, " };"},
	{"like without a star", whenTrue, ` && !(context.arguments.s like "aaaaaaaaaaaaaaaaaaaaaaaa")`, " };"},
	{"equals", whenTrue, ` && context.arguments == context.arguments`, " };"},
	{"equal texts", whenTrue, ` && (context.arguments.s == context.arguments.m || true)`, " };"},
	{"not equal", whenTrue, ` && !(context.arguments.l != context.arguments.l)`, " };"},
	{"contains", whenTrue, ` && (context.arguments.l.contains(context.arguments.s)||true)`, " };"},
	{"contains a number", whenTrue, ` && (context.arguments.l.contains(decimal("0.0001"))||true)`, " };"},
	{"contains all", whenTrue, ` && context.arguments.l.containsAll(context.arguments.l)`, " };"},
	{"contains any", whenTrue, ` && (context.arguments.l.containsAny(context.arguments.m)||true)`, " };"},
	{"contains constants", whenTrue, ` && (context.arguments.l.containsAny([decimal("0.0001"),decimal("0.0002"),decimal("0.0003")])||true)`, " };"},
	{"constants contain", whenTrue, ` && ([1,2,3,4,5,6,7,8,9].containsAny(context.arguments.l)||true)`, " };"},
	{"a set", whenTrue + " && ([1", ",context.arguments.s", "].isEmpty()||true) };"},
	{"sets", whenTrue, " && ([1,context.arguments.s,context.arguments.m].isEmpty()||true)", " };"},
	{"a set of sets", whenTrue + " && ([1", ",context.arguments.l", "].isEmpty()||true) };"},
	{"a set of the context", whenTrue + " && ([1", ",context", "].isEmpty()||true) };"},
	{"a set of the resource", whenTrue + " && ([1", ",resource", "].isEmpty()||true) };"},
	{"in", whenTrue, ` && (principal in [resource,resource,resource,action]||true)`, " };"},
	{"records", whenTrue, ` && {a:context.arguments.s,b:context.arguments.l} has a`, " };"},
	{"ip", "", `permit(principal,action,resource)when{ip(context.arguments.s).isIpv4()};`, ""},
	{"decimal", "", `permit(principal,action,resource)when{decimal(context.arguments.s)==1};`, ""},
	{"duration", "", `permit(principal,action,resource)when{duration(context.arguments.s)==1};`, ""},
	{"resource", "", `permit(principal,action,resource)when{resource.x};`, ""},
	{"nodes", whenTrue, `&&true`, " };"},
	{"sums", whenTrue + "&&context.job.checkpoints", `+1`, "==1 };"},
	{"paths", whenTrue, "&&(context has a" + strings.Repeat(".a", gate.MaxChain-2) + "||true)", " };"},
	{"policies", "", "permit(principal,action,resource);", ""},
}

// plainRounds is how often plainLoop goes through its text.
const plainRounds = 500

const whenTrue = "permit (principal, action, resource) when { true"

// cpuTime returns how long the processors work for f: what other processes do does not count.
func cpuTime(tb testing.TB, f func()) time.Duration {
	tb.Helper()
	used := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			tb.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	runtime.GC()
	from := used()
	f()
	return used() - from
}

// within reports whether f takes at most bound on the machine that costs were measured on, and
// how long it took at best. A machine that is slower at the moment, or shared, gets more time,
// as much more as a plain loop takes there.
func within(tb testing.TB, bound time.Duration, f func()) (time.Duration, bool) {
	tb.Helper()
	const usual = 8 * time.Millisecond // for plainLoop, where costs were measured
	best := time.Hour
	for range 5 {
		slower := max(1, float64(cpuTime(tb, plainLoop))/float64(usual))
		best = min(best, cpuTime(tb, f))
		if float64(best) <= float64(slowdown*bound)*slower {
			return best, true
		}
	}
	return best, false
}

// looped keeps the compiler from leaving plainLoop out.
var looped int

// plainLoop compares bytes, which is what evaluating the worst policies is. The race detector
// does not slow it down.
//
//go:norace
func plainLoop() {
	text := make([]byte, 1<<16)
	for i := range plainRounds {
		for _, b := range text {
			if b == byte(i)|1 {
				looped++
			}
		}
	}
}

// The worst policies that the gate takes are evaluated within the bound, on the intents that
// are the worst for them.
func TestWorstPolicies(t *testing.T) {
	intents := hostile()
	for i, tt := range worst {
		t.Run(tt.name, func(t *testing.T) {
			if testing.Short() && i%4 != 1 {
				t.Skip("all forms take half a minute")
			}
			policy, n := accepted(t, tt.before, tt.unit, tt.after)
			if policy == nil {
				t.Fatal("not one is accepted")
			}
			in := input(t, allowAll, transfer)
			in.Policy, in.Job.PolicyDigest = policy, policy.Digest()
			for name, text := range intents {
				in.Intent, in.IntentErr = gate.ParseIntent([]byte(text))
				if in.IntentErr != nil {
					t.Fatalf("intent %s: %v", name, in.IntentErr)
				}
				in.Tool = in.Intent.Tool()
				took, ok := within(t, 2*gate.MaxCost, func() { gate.Evaluate(in) })
				if t.Logf("%s, %d times on %s: %v", tt.name, n, name, took); !ok {
					t.Errorf("it took more than 2 times %v", gate.MaxCost)
				}
			}
		})
	}
}

// A policy of hundreds of rules, such as people write, is far from the bound.
func TestHundredsOfRules(t *testing.T) {
	var b strings.Builder
	for i := range 300 {
		fmt.Fprintf(&b, `@id("r%d")
permit (principal in Role::"worker", action == Action::"tool_%d", resource)
when {
  context.arguments has path && context.arguments.path like "/srv/%d/*" && !(context.arguments.path like "*..*") &&
  ["a", "b", "c"].contains(context.job.labels.team)
};
`, i, i, i)
		if i%3 == 0 {
			fmt.Fprintf(&b, "forbid (principal, action, resource) when { context.arguments has url && context.arguments.url like \"*://host%d.*\" };\n", i)
		}
		if i%10 == 0 {
			fmt.Fprintf(&b, "forbid (principal, action, resource) when { context.arguments has addr && ip(context.arguments.addr).isInRange(ip(\"10.%d.0.0/16\")) };\n", i%250)
		}
		if i%10 == 1 {
			fmt.Fprintf(&b, "forbid (principal, action, resource) when { context.arguments has tags && context.arguments.tags.contains(\"secret%d\") };\n", i)
		}
	}
	p, err := gate.ParsePolicy([]byte(b.String()))
	if err != nil {
		t.Fatalf("%d bytes: %v", b.Len(), err)
	}
	if p.Len() < 400 {
		t.Errorf("there are %d rules", p.Len())
	}
}
