package gate_test

import (
	"strings"
	"testing"
	"time"

	"gait/commands/gate"
)

// A policy of any form is read in bounded time: what cedar-go would read in minutes, or would
// run out of stack with, is refused.
func TestPoliciesAreReadInBoundedTime(t *testing.T) {
	const when = "permit(principal,action,resource) when { "
	fill := func(before, unit, after string) string {
		p, n := accepted(t, before, unit, after)
		if p == nil {
			n = (gate.MaxPolicy - len(before) - len(after)) / len(unit)
		}
		return before + strings.Repeat(unit, n) + after
	}
	repeat := func(before, unit, after string) string { return before + strings.Repeat(unit, 10_000) + after }
	fortyTimes := " && context has a" + strings.Repeat(".a", gate.MaxChain)
	for _, tt := range []struct {
		name, text string
		refused    bool
	}{
		{"sums", fill(when+"0", "+1", "==1 };"), false},
		{"products", fill(when+"context.arguments.a", "*1", "==1 };"), false},
		{"conjuncts", fill(when+"true", "&&true", " };"), false},
		{"longest chains", fill(when+"true", fortyTimes, " };"), false},
		{"sets", fill(when+"true", "&&["+strings.Repeat("1,", gate.MaxMembers-1)+"1].contains(1)", " };"), false},
		{"conditions", fill("permit(principal,action,resource)", "when{true}", ";"), false},
		{"methods", fill(when+"context", ".isEmpty()", " };"), false},
		{"policies", fill("", "permit(principal,action,resource);\n", ""), false},
		{"paths beside one another", fill(when+"true", " && context.arguments has a.b.c", " };"), false},
		{"a path after brackets", when + `context["a"] has b && context["a"].b has c };`, false},
		{"has in has", when + strings.Repeat("(", 12) + "context" + strings.Repeat(" has a.a.a.a)", 12) + " };", true},
		{"has of a sum", when + "context.a + 1 has a.b };", true},
		{"has of a call", when + "context.a.contains(1) has a.b };", true},
		{"has of names like keywords", when + "context has a.if.then.else" + strings.Repeat(".in.like.is", 14) + " };", true},
		{"has in has by keywords", when + "(context has a.b) has if.a.b };", true},
		{"has in has by in", when + "(context has a.b) has a.in.b };", true},
		{"a large set", when + "[1" + strings.Repeat(",1", gate.MaxMembers) + "].contains(2) };", true},
		{"a large set of sets", when + "[[1]" + strings.Repeat(",[1]", gate.MaxInner) + "].contains(2) };", true},
		{"sets with one sum", when + "[[1]" + strings.Repeat(",[1]", gate.MaxInner-1) + "].contains(2) };", false},
		{"a long pattern", when + `"` + strings.Repeat("a", 30000) + `" like "*` + strings.Repeat("a", gate.MaxPattern) + `b" };`, true},
		{"too many words", strings.Repeat("permit(principal,action,resource);", gate.MaxTokens/9+1), true},
		{"chain of has", repeat(when+"context has a", ".a", " };"), true},
		{"chain of dots", repeat(when+"context", " . a", " };"), true},
		{"path", repeat(when+"a", "::a", `::"x" };`), true},
		{"brackets", repeat(when, "(", "true };"), true},
		{"records", repeat(when, "{a:", "1 };"), true},
		{"ifs", repeat(when, "if ", "true };"), true},
		{"nots", when + strings.Repeat("!", gate.MaxPolicy/2) + "true };", true},
		{"minuses", when + strings.Repeat("- ", gate.MaxPolicy/4) + "1 };", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var err error
			if took, ok := within(t, time.Second, func() { _, err = gate.ParsePolicy([]byte(tt.text)) }); !ok {
				t.Errorf("reading %d bytes took %v", len(tt.text), took)
			} else {
				t.Logf("%d bytes in %v: %.80v", len(tt.text), took, err)
			}
			if (err != nil) != tt.refused {
				t.Errorf("ParsePolicy = %.80v, refused: %t", err, tt.refused)
			}
		})
	}
}
