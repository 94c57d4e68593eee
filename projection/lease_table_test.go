package projection_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"gait/ledger"
	"gait/projection"
)

// takes returns a lease of 60 seconds.
func (c *court) takes() ledger.Leased {
	return ledger.Leased{Epoch: c.fold.Job.Epoch() + 1, TTL: 60, Until: c.basis().Reading.Add(time.Minute), Worker: "host-1"}
}

// renews returns a renewal of the lease, for as long as it was.
func (c *court) renews() ledger.LeaseRenewed {
	return ledger.LeaseRenewed{Epoch: max(1, c.fold.Job.Epoch()), TTL: 60, Until: c.basis().Reading.Add(time.Minute), Worker: "host-1"}
}

// releases returns a release of the lease.
func (c *court) releases(outcome ledger.LeaseOutcome) ledger.LeaseReleased {
	p := ledger.LeaseReleased{Epoch: 1, Outcome: outcome, TTL: 60, Until: c.basis().Reading, Worker: "host-1"}
	if l := c.fold.Job.Lease; l != nil && l.Until != "" {
		p.Epoch = l.Epoch
		p.Until, _ = ledger.ParseTime(l.Until)
	}
	return p
}

func (c *court) attempts() ledger.AttemptEnded {
	return ledger.AttemptEnded{Number: c.fold.Job.Attempts + 1, Cause: ledger.AttemptExited}
}

// under does something that the actor signs, if the ledger has authority, and that names a
// lease.
func (c *court) under(lease int64, actor string, p ledger.Payload) {
	c.t.Helper()
	c.lease = lease
	c.by(actor, p)
	c.lease = 0
}

func leasedTo(actor string) func(*court) { return func(c *court) { c.by(actor, c.takes()) } }

// leaseStates say how a job gets into the states of testdata/leases.txt: lease 1 is wim's.
var leaseStates = map[string]func(*court){
	"running":                 func(*court) {},
	"running,leased":          leasedTo("wim"),
	"running,expired":         func(c *court) { leasedTo("wim")(c); hourLater(c) },
	"running,released":        func(c *court) { leasedTo("wim")(c); c.under(1, "wim", c.releases(ledger.LeaseDone)) },
	"running,lost":            func(c *court) { leasedTo("wim")(c); c.by("olga", c.releases(ledger.LeaseLost)) },
	"running,resumed":         func(c *court) { leasedTo("wim")(c); c.pauses(false); c.by("olga", c.resume()) },
	"running,leased-to-wil":   func(c *court) { leasedTo("wim")(c); hourLater(c); leasedTo("wil")(c) },
	"running,not-due":         func(c *court) { c.late = -time.Hour },
	"paused,leased":           func(c *court) { leasedTo("wim")(c); c.pauses(false) },
	"decision_needed,leased":  func(c *court) { leasedTo("wim")(c); c.under(1, "wim", c.requires(intent, "c1")) },
	"emergency_stopped,lease": func(c *court) { leasedTo("wim")(c); c.by("olga", ledger.Stopped{Reason: "now"}) },
	"completed,leased":        func(c *court) { leasedTo("wim")(c); c.under(1, "wim", completes(c)) },
}

// leaseColumns say what is done in each column, by whom, and which lease that names.
var leaseColumns = map[string]struct {
	who   string
	lease int64
	what  func(*court) ledger.Payload
}{
	"take":      {"wil", 0, func(c *court) ledger.Payload { return c.takes() }},
	"renew":     {"wim", 1, func(c *court) ledger.Payload { return c.renews() }},
	"release":   {"wim", 1, func(c *court) ledger.Payload { return c.releases(ledger.LeaseGaveUp) }},
	"take-away": {"olga", 0, func(c *court) ledger.Payload { return c.releases(ledger.LeaseLost) }},
	"attempt":   {"wim", 1, func(c *court) ledger.Payload { return c.attempts() }},
	"progress":  {"wim", 1, progresses},
	"complete":  {"wim", 1, completes},
	"fail":      {"wim", 1, fails},
	"allow":     {"wim", 1, allows(intent2, "")},
	"block":     {"wim", 1, func(c *court) ledger.Payload { return c.blocks(intent2, "", "policy_forbids") }},
	"-attempt":  {"wim", 0, func(c *court) ledger.Payload { return c.attempts() }},
	"-progress": {"wim", 0, progresses},
	"-complete": {"wim", 0, completes},
	"-fail":     {"wim", 0, fails},
	"by-other":  {"wil", 0, completes},
	"-allow":    {"wim", 0, allows(intent2, "")},
	"-block":    {"wim", 0, func(c *court) ledger.Payload { return c.blocks(intent2, "", "policy_forbids") }},
	"-pause":    {"olga", 0, of(ledger.Paused{Reason: "look"})},
	"other":     {"wil", 1, progresses},
	"newer":     {"wim", 2, progresses},
}

func progresses(c *court) ledger.Payload { return c.checkpoint(progress, ledger.Decision{}).payload }

func fails(c *court) ledger.Payload {
	return c.checkpoint(ledger.CheckpointFailed, ledger.Decision{}).payload
}

var leaseCodes = map[string]string{
	no: "no", "fenced": "fenced", "lease_held": "held", "not_due": "not-due", role: "no:role", unsettled: "no:effects",
}

// Each row is a state of the job and of its lease, in a ledger without authority; with
// authority, in mode all, the cells are the same.
func TestLeaseTable(t *testing.T) {
	file, err := os.ReadFile("testdata/leases.txt")
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
			for _, signed := range []bool{false, true} {
				if got := leaseCell(t, cells[0], column, signed); got != cells[1+i] {
					t.Errorf("%s in %s, signed %t: %s, want %s", column, cells[0], signed, got, cells[1+i])
				}
			}
		}
	}
	for name := range leaseStates {
		if !rows[name] {
			t.Errorf("testdata/leases.txt has no row %s", name)
		}
	}
	for name := range leaseColumns {
		if !slices.Contains(head, name) {
			t.Errorf("testdata/leases.txt has no column %s", name)
		}
	}
}

// leaseCell returns what a cell should say.
func leaseCell(t testing.TB, row, column string, signed bool) string {
	c := newCourt(t)
	if signed {
		c.enroll()
		c.rule(ledger.ActorEnrolled{Actor: "wil", Keys: linesOf(c, "wil"), Roles: []ledger.Role{ledger.RoleWorker}})
		c.mode(ledger.ModeAll)
	}
	begun := policied
	begun.NotBefore = c.basis().Reading
	c.by("olga", begun)
	leaseStates[row](c)
	before := c.fold.Job
	if status, _, _ := strings.Cut(row, ","); string(before.Status) != status {
		t.Fatalf("set-up leads to %s", before.Status)
	}
	does := leaseColumns[column]
	p := does.what(c)
	c.lease = does.lease
	code := c.verdict(act{does.who, c.signs(does.who), p})
	c.lease = 0
	if code != "" {
		if short := leaseCodes[code]; short != "" {
			return short
		}
		return code
	}
	switch after := c.fold.Job; {
	case after.Status != before.Status:
		return string(after.Status)
	case after.Epoch() != before.Epoch():
		return "leased"
	case before.Lease != nil && after.Lease.Ended != before.Lease.Ended:
		return string(after.Lease.Ended)
	case len(after.Grants) > len(before.Grants):
		return renewed(before, after, "granted")
	default:
		return renewed(before, after, "=")
	}
}

// renewed returns a cell with a sign that the lease lasts longer.
func renewed(before, after projection.Job, cell string) string {
	if before.Lease != nil && after.Lease.Until > before.Lease.Until {
		return cell + "+"
	}
	return cell
}
