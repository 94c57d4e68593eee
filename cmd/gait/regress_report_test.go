package main

import (
	"encoding/json"
	"strings"
	"testing"

	"gait/packspec/regress"
)

// The step summary stays below GitHub's limit, however much differs, and says how
// much it leaves out.
func TestStepSummaryIsBounded(t *testing.T) {
	huge, err := json.Marshal(strings.Repeat("<|`\n", 20_000))
	if err != nil {
		t.Fatal(err)
	}
	d := &regress.Divergence{Event: 1, Field: "/payload/summary", Before: huge, After: huge, Reason: strings.Repeat("it differs ", 5_000)}
	results := make([]fixtureResult, 3_000)
	for i := range results {
		results[i] = fixtureResult{Name: "fixture", Status: "regression", Comparisons: []regress.Comparison{{Name: regress.All, Divergence: d}}}
	}
	text := stepSummary(results)
	if len(text) >= 1<<20 || !strings.Contains(text, "more fixtures are left out") {
		t.Errorf("a summary of %d bytes ends %q", len(text), text[len(text)-80:])
	}
	if rows := strings.Count(text, "\n| fixture | regression |"); rows < 50 || strings.Count(text, "\n") > rows+8 {
		t.Errorf("%d rows in %d lines", rows, strings.Count(text, "\n"))
	}
}
