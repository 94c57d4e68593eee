package projection_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"gait/ledger"
	at "gait/ledger/authoritytest"
	"gait/projection"
)

// opens gives wim a grant for call c1, with an exit code that says that nothing was done.
func opens(c *court) {
	p := c.allow(intent, "c1")
	p.Facts.NotDoneExit = 3
	c.by("wim", p)
}

func unknown(c *court) { opens(c); c.by("wim", c.settle("unknown", "")) }

// gateSituations say how a job gets into the states of testdata/gate.txt.
var gateSituations = map[string]func(*court){
	"running":                  func(*court) {},
	"running,open":             opens,
	"running,unknown":          unknown,
	"running,done":             func(c *court) { opens(c); c.by("wim", c.settle("done", "")) },
	"running,not_done":         func(c *court) { opens(c); c.by("wim", c.settle("not_done", "")) },
	"running,cleared":          func(c *court) { c.clears(intent, "c1") },
	"running,lapsed":           func(c *court) { c.clearsSoon(); hourLater(c) },
	"paused":                   func(c *court) { c.pauses(false) },
	"paused,open":              func(c *court) { opens(c); c.pauses(false) },
	"paused,unknown":           func(c *court) { unknown(c); c.pauses(false) },
	"paused,cleared":           func(c *court) { c.clears(intent, "c1"); c.pauses(false) },
	"decision_needed":          func(c *court) { c.by("wim", c.requires(intent, "c1")) },
	"decision_needed,approved": func(c *court) { c.by("wim", c.requires(intent, "c1")); approvedBy("vito")(c) },
	"decision_needed,open": func(c *court) {
		c.by("wim", c.allow(intent2, "c2"))
		c.by("wim", c.requires(intent, "c1"))
		approvedBy("vito")(c)
	},
	"blocked":                   func(c *court) { c.checks(ledger.CheckpointBlocked) },
	"blocked,denied":            func(c *court) { c.by("wim", c.requires(intent, "c1")); deniedBy("vito")(c) },
	"emergency_stopped":         func(c *court) { c.by("olga", ledger.Stopped{Reason: "now"}) },
	"emergency_stopped,open":    func(c *court) { opens(c); c.by("olga", ledger.Stopped{Reason: "now"}) },
	"emergency_stopped,cleared": func(c *court) { c.clears(intent, "c1"); c.by("olga", ledger.Stopped{Reason: "now"}) },
	"completed":                 func(c *court) { c.checks(ledger.CheckpointCompleted) },
	"failed,open":               func(c *court) { opens(c); c.checks(ledger.CheckpointFailed) },
	"cancelled,unknown":         func(c *court) { unknown(c); c.by("olga", ledger.Cancelled{Reason: "enough"}) },
}

// clearsSoon is clears with a decision that expires in a minute.
func (c *court) clearsSoon() {
	p := c.requires(intent, "c1")
	p.ExpiresAt = soon().ExpiresAt
	c.by("wim", p)
	c.by("vera", c.approval())
	c.by("olga", c.resume())
}

// gateColumns say what is done in each column, and by whom.
var gateColumns = map[string]struct {
	who  string
	what func(*court) ledger.Payload
}{
	"allow":            {"wim", allows(intent2, "")},
	"allow-again":      {"wim", allows(intent, "c1")},
	"allow-cleared":    {"wim", withClearance(intent, 0)},
	"require_approval": {"wim", asks(intent, "c1")},
	"block":            {"wim", func(c *court) ledger.Payload { return c.blocks(intent, "c1", "policy_forbids") }},
	"dispatch_blocked": {"wim", of(ledger.DispatchBlocked{Tool: "pay", Intent: one, ReasonCode: "emergency_stopped"})},
	"done":             {"wim", settles("done", "")},
	"not_done":         {"wim", settles("not_done", "")},
	"unknown":          {"wim", settles("unknown", "")},
	"hand-done":        {"olga", settles("done", "I looked")},
	"hand-not_done":    {"olga", settles("not_done", "I looked")},
	"worker-not_done":  {"wil", settles("not_done", "I looked")},
	"resume":           {"olga", resumes},
	"completed":        {"wim", completes},
	"failed":           {"wim", func(c *court) ledger.Payload { return c.checkpoint(ledger.CheckpointFailed, ledger.Decision{}).payload }},
	"stop":             {"olga", of(ledger.Stopped{Reason: "now"})},
}

var gateCodes = map[string]string{
	no: "no", "approval_required": "no!", unsettled: "no:effects", notFound: "no:grant", role: "no:role", "signature_required": "no:sign",
}

// gateCell says what a job came to.
func gateCell(before, after projection.Job) string {
	words := map[bool]string{}
	words[after.Status != before.Status] = string(after.Status)
	words[len(after.Grants) > len(before.Grants)] = "granted"
	words[len(after.Grants) < len(before.Grants)] = "settled"
	words[len(after.UnknownGrants()) > len(before.UnknownGrants())] = "unknown"
	words[after.Blocks > before.Blocks] = "blocked"
	if cell := words[true]; cell != "" {
		return cell
	}
	return "="
}

// Each row is a state of the job and of its grants, first without authority and then with it,
// in mode verdicts.
func TestGateTable(t *testing.T) {
	file, err := os.ReadFile("testdata/gate.txt")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(file)), "\n")
	head := strings.Fields(lines[0])[1:]
	rows := map[string]bool{}
	for _, line := range lines[1:] {
		cells := strings.Fields(line)
		rows[cells[0]] = true
		for i, column := range head {
			t.Run(cells[0]+"/"+column, func(t *testing.T) {
				if got := gateTableCell(t, cells[0], column); got != cells[1+i] {
					t.Errorf("%s, want %s", got, cells[1+i])
				}
			})
		}
	}
	for name := range gateSituations {
		for _, where := range []string{"", "authority:"} {
			if !rows[where+name] {
				t.Errorf("testdata/gate.txt has no row %s%s", where, name)
			}
		}
	}
	for name := range gateColumns {
		if !slices.Contains(head, name) {
			t.Errorf("testdata/gate.txt has no column %s", name)
		}
	}
}

// gateTableCell returns what a cell should say.
func gateTableCell(t testing.TB, row, column string) string {
	c := newCourt(t)
	state, authority := strings.CutPrefix(row, "authority:")
	if authority {
		c.enroll()
		c.rule(ledger.ActorEnrolled{Actor: "wil", Keys: linesOf(c, "wil"), Roles: []ledger.Role{ledger.RoleWorker}})
		c.mode(ledger.ModeVerdicts)
	}
	c.by("olga", policied)
	gateSituations[state](c)
	before := c.fold.Job
	if status, _, _ := strings.Cut(state, ","); string(before.Status) != status {
		t.Fatalf("set-up leads to %s", before.Status)
	}
	does := gateColumns[column]
	if code := c.verdict(act{does.who, c.signs(does.who), does.what(c)}); code != "" {
		if short := gateCodes[code]; short != "" {
			return short
		}
		return code
	}
	if got := c.fold.Job; got.Revision != before.Revision+1 {
		return fmt.Sprintf("revision-%d", got.Revision)
	}
	return gateCell(before, c.fold.Job)
}

func linesOf(c *court, name string) []string { return at.Lines(c.key(name)) }
