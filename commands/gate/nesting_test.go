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
		return before + strings.Repeat(unit, (gate.MaxPolicy-len(before)-len(after))/len(unit)) + after
	}
	fortyTimes := " && context has a" + strings.Repeat(".a", gate.MaxChain)
	for _, tt := range []struct {
		name, text string
		refused    bool
	}{
		{"sums", fill(when+"0", "+1", "==1 };"), false},
		{"products", fill(when+"context.arguments.a", "*1", "==1 };"), false},
		{"conjuncts", fill(when+"true", "&&true", " };"), false},
		{"longest chains", fill(when+"true", fortyTimes, " };"), false},
		{"a set", fill(when+"[1", ",1", "].contains(2) };"), false},
		{"conditions", fill("permit(principal,action,resource)", "when{true}", ";"), false},
		{"methods", fill(when+"context", ".isEmpty()", " };"), false},
		{"policies", fill("", "permit(principal,action,resource);\n", ""), false},
		{"chain of has", fill(when+"context has a", ".a", " };"), true},
		{"chain of dots", fill(when+"context", " . a", " };"), true},
		{"path", fill(when+"a", "::a", `::"x" };`), true},
		{"brackets", fill(when, "(", "true };"), true},
		{"records", fill(when, "{a:", "1 };"), true},
		{"ifs", fill(when, "if ", "true };"), true},
		{"nots", fill(when, "!", "true };"), true},
		{"minuses", fill(when, "- ", "1 };"), true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			from := time.Now()
			_, err := gate.ParsePolicy([]byte(tt.text))
			if took := time.Since(from); took > 20*time.Second {
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
