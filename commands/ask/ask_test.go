package ask_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"gait/commands"
	"gait/commands/ask"
	"gait/ledger"
)

// rows are those of the table of reason codes in the page about the gate.
var rows = regexp.MustCompile("(?m)^\\| `(\\w+)` \\|")

// An agent is told something of its own about each reason, never that it may run the tool, and
// no command line.
func TestWords(t *testing.T) {
	page, err := os.ReadFile("../../docs/gate.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "\n## Reason codes\n")
	table, _, _ = strings.Cut(table, "\n## ")
	found := rows.FindAllStringSubmatch(table, -1)
	if len(found) < 30 {
		t.Fatalf("the page has %d reason codes", len(found))
	}
	unknown := ask.Words(commands.GateAnswer{Verdict: ledger.GateBlock, ReasonCode: "io_failure"})
	for _, row := range found {
		said := ask.Words(commands.GateAnswer{Verdict: ledger.GateBlock, ReasonCode: row[1]})
		switch code := row[1]; {
		case code == "policy_permits", code == "approved": // reasons of an allow alone
		case code != "internal_failure" && code != "intent_unreadable" && strings.HasPrefix(unknown, strings.TrimSuffix(said, "("+code+")")):
			t.Errorf("about %s an agent is told %q, as of any failure", code, said)
		case !strings.Contains(said, "("+code+")"), strings.Contains(said, "gait "), len(said) > 200:
			t.Errorf("about %s an agent is told %q", code, said)
		}
	}
	if said := ask.Words(commands.GateAnswer{Verdict: ledger.GateRequireApproval, ReasonCode: "new"}); !strings.Contains(said, "approve") {
		t.Errorf("about an approval for a new reason an agent is told %q", said)
	}
	if said := ask.Words(commands.GateAnswer{}); said == "" {
		t.Error("an agent is told nothing about no answer")
	}
}

// Only a whole answer about the same call permits it.
func TestAllows(t *testing.T) {
	yes := commands.GateAnswer{Verdict: ledger.GateAllow, Grant: "01M8RKSJF74B1GTB700M3AWXBK", Tool: "pay", CallID: "c1"}
	if !ask.Allows(yes, "pay", "c1") || !ask.Allows(yes, "pay", "") {
		t.Error("an allow does not permit its call")
	}
	for name, change := range map[string]func(*commands.GateAnswer){
		"no verdict":   func(a *commands.GateAnswer) { a.Verdict = "" },
		"a block":      func(a *commands.GateAnswer) { a.Verdict = ledger.GateBlock },
		"an approval":  func(a *commands.GateAnswer) { a.Verdict = ledger.GateRequireApproval },
		"a new one":    func(a *commands.GateAnswer) { a.Verdict = "permit" },
		"no grant":     func(a *commands.GateAnswer) { a.Grant = "" },
		"another tool": func(a *commands.GateAnswer) { a.Tool = "drop" },
		"another call": func(a *commands.GateAnswer) { a.CallID = "c2" },
	} {
		a := yes
		if change(&a); ask.Allows(a, "pay", "c1") {
			t.Errorf("%s permits the call", name)
		}
	}
}
