package regress_test

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"go.yaml.in/yaml/v3"

	"gait/ledger/ledgertest"
	"gait/packspec/regress"
)

// bill returns what f costs: CPU time and bytes allocated.
func bill(t *testing.T, f func()) (took time.Duration, allocated uint64) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	took = ledgertest.CPU(t, f)
	runtime.ReadMemStats(&after)
	return took, after.TotalAlloc - before.TotalAlloc
}

// A regress.yaml that others wrote costs its reader little, whatever its patterns are.
func TestPatternsAreBounded(t *testing.T) {
	_, dir := fixture(t, regress.Config{Name: "refund", Compare: []string{regress.All}})
	many := func(n int, pattern string) map[string]string {
		all := map[string]string{}
		for i := range n {
			all[fmt.Sprintf("cp_%04d", i)] = pattern
		}
		return all
	}
	for name, summaries := range map[string]map[string]string{
		"a long one":                     {"cp_0001": strings.Repeat("a", 1025)},
		"many":                           many(65, "a"),
		"repetitions":                    {"cp_0001": strings.Repeat(`[\pL\pN]{1000}`, 60)},
		"nested repetitions":             {"cp_0001": strings.Repeat(`(([\pL\pN]{10}){10}){10}`, 40)},
		"many of middle size":            many(64, `\pL{100}`),
		"many large classes":             many(64, strings.Repeat(`[\pL\pN]`, 100)),
		"ranges that ignore case":        many(60, "(?i)"+strings.Repeat("[B-\U0001E943]", 70)),
		"ranges that ignore case at end": many(64, strings.Repeat("(?s-mi:a)(?mi:[B-\U0001E943])", 20)),
	} {
		text, err := yaml.Marshal(regress.Config{Name: "a", Compare: []string{regress.All}, Summaries: summaries})
		if err != nil || len(text) >= 64<<10 {
			t.Fatalf("%s: %d bytes of YAML, %v", name, len(text), err)
		}
		dir[regress.ConfigFile] = &fstest.MapFile{Data: text}
		took, allocated := bill(t, func() { _, err = regress.Load(dir) })
		if !errors.Is(err, regress.ErrFixture) {
			t.Errorf("%s: %v, want ErrFixture", name, err)
		}
		if took > 2*time.Second || allocated > 32<<20 {
			t.Errorf("%s: refused after %v and %d MiB allocated, want little", name, took, allocated>>20)
		}
	}
}

// What a fixture lists is bounded, since it is worked through for each event.
func TestListsAreBounded(t *testing.T) {
	_, dir := fixture(t, regress.Config{Name: "refund", Compare: []string{regress.All}})
	for name, text := range map[string]string{
		"scopes again and again": "compare: [" + strings.Repeat("all, ", len(regress.Scopes)) + "all]",
		"many ignored":           "compare: [all]\nignore: [" + strings.Repeat("a, ", 256) + "a]",
		"a long one ignored":     "compare: [all]\nignore: [" + strings.Repeat("a", 1025) + "]",
	} {
		dir[regress.ConfigFile] = &fstest.MapFile{Data: []byte("name: a\n" + text + "\n")}
		if _, err := regress.Load(dir); !errors.Is(err, regress.ErrFixture) {
			t.Errorf("%s: %v, want ErrFixture", name, err)
		}
	}
}

// A pattern matches whole summaries, whatever it contains: it cannot leave the group
// that anchors it.
func TestPatternsStayAnchored(t *testing.T) {
	_, dir := fixture(t, regress.Config{Name: "refund", Compare: []string{regress.All}})
	for _, pattern := range []string{`step 1)|(?:.*`, `a)|(b`, `)`, `a)$|^(?:.*`, `a\`, `[a`, `\Qa`, `\Qa)|(?:.*`, `(?i`, `(?`} {
		text, err := yaml.Marshal(regress.Config{Name: "a", Compare: []string{regress.All}, Summaries: map[string]string{"cp_0001": pattern}})
		if err != nil {
			t.Fatal(err)
		}
		dir[regress.ConfigFile] = &fstest.MapFile{Data: text}
		if _, err := regress.Load(dir); !errors.Is(err, regress.ErrFixture) {
			t.Errorf("%s: %v, want ErrFixture", pattern, err)
		}
	}
	for _, pattern := range []string{
		`\d{4}-\d{2}-\d{2}`, `(?i)paid [a-z0-9-]{1,200}`, `\pL+ (\pL|\pN){0,20}`, `.{0,512}`, `a|b`, `(?P<id>x-y)`, `(?m)^a$`,
	} {
		f, _ := fixture(t, regress.Config{Name: "refund", Compare: []string{regress.All}, Summaries: map[string]string{"cp_0002": pattern}})
		if got := f.Ignored(); len(got) != 1 {
			t.Errorf("%s: Ignored = %q", pattern, got)
		}
	}
}
