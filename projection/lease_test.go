package projection_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gait/ledger"
	"gait/projection"
)

// atWork returns a court in which wim has taken lease 1 of a job.
func atWork(t testing.TB) *court {
	c := atTheGate(t)
	leasedTo("wim")(c)
	return c
}

// refusesUnder requires that an act which names a lease is refused with a code.
func (c *court) refusesUnder(lease int64, actor string, p ledger.Payload, want string) {
	c.t.Helper()
	c.lease = lease
	if got := c.verdict(act{actor, c.signs(actor), p}); got != want {
		c.t.Errorf("%s by %s under lease %d: %q, want %q", p.Type(), actor, lease, got, want)
	}
	c.lease = 0
}

func TestLease(t *testing.T) {
	c := atWork(t)
	want := &projection.Lease{
		Epoch: 1, By: "wim", Worker: "host-1", TTL: 60, Since: "2026-11-22T20:00:02.000Z", Until: "2026-11-22T20:01:02.000Z",
	}
	if diff := cmp.Diff(want, c.fold.Job.Lease); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	c.late = 50 * time.Second
	c.under(1, "wim", progresses(c))
	if got := c.fold.Job.Lease.Until; got != "2026-11-22T20:01:53.000Z" {
		t.Errorf("after a checkpoint the lease lasts until %s, want 60 seconds from then", got)
	}
	c.late = 100 * time.Second
	longer := c.renews()
	longer.TTL, longer.Until = 600, c.basis().Reading.Add(10*time.Minute)
	c.under(1, "wim", longer)
	c.late = 10 * time.Minute
	c.under(1, "wim", c.allow(intent, ""))
	if got := c.fold.Job; got.Lease.TTL != 600 || got.Grants[0].Epoch != 1 {
		t.Errorf("the lease lasts for %d seconds, and the grant has epoch %d, want 600 and 1", got.Lease.TTL, got.Grants[0].Epoch)
	}
}

// A refusal names the lease that its command named, whatever that is, and makes no lease last
// longer.
func TestRefusedUnderALease(t *testing.T) {
	c := atWork(t)
	for _, lease := range []int64{0, 1, 2, 7} {
		c.refusedUnder(lease)
	}
	before := c.fold.Job.Lease.Until
	c.late, c.lease = 30*time.Second, 1
	c.by("wim", ledger.Refused{Command: "checkpoint add", Exit: 6, Refusal: "invalid_transition"})
	if got := c.fold.Job.Lease.Until; got != before {
		t.Errorf("a refusal makes the lease last until %s, want %s", got, before)
	}
}

// A clock that ran ahead makes no lease last for ever, and one that steps back gives no second
// one.
func TestLeaseWhenTheClockJumps(t *testing.T) {
	c := atWork(t)
	c.late = 24 * time.Hour
	c.by("wil", c.takes())
	c.late = 0
	c.refusesUnder(0, "wim", c.takes(), "lease_held") // lease 2 lasts for a day and a minute more
	c.refusesUnder(1, "wim", progresses(c), "fenced")
	c.under(2, "wil", progresses(c))
	if got := c.fold.Job.Lease.Until; !strings.HasPrefix(got, "2026-11-22T20:01:") {
		t.Errorf("an event after the clock was set right makes the lease last until %s, want a minute from then", got)
	}
	c.late = -time.Hour
	c.refusesUnder(0, "wim", c.takes(), "lease_held")
	c.under(2, "wil", progresses(c))
	c.late = 0
	c.by("wim", c.takes())
}

// What a newer lease does to grants, and who settles them then.
func TestLeaseMakesGrantsUnknown(t *testing.T) {
	c := atTheGate(t)
	c.by("tom", c.allow(intent, "c1"))
	leasedTo("wim")(c)
	c.refusesUnder(1, "wim", c.allow(intent2, ""), "effects_unsettled")
	g := c.fold.Job.Grants[0]
	if !g.Unknown || g.UnknownBy != "" || g.Epoch != 0 || c.fold.Job.WaitingFor() != "effects" {
		t.Errorf("the grant is %+v, and the job waits for %s", g, c.fold.Job.WaitingFor())
	}
	c.refusesUnder(1, "tom", c.settle("done", ""), "fenced")
	c.refusesUnder(0, "tom", c.settle("done", ""), "fenced")
	c.by("olga", c.settle("done", "I looked"))
	c.under(1, "wim", c.allow(intent2, ""))
	hourLater(c)
	c.under(1, "wim", c.settle("done", "")) // late, and no other lease was taken
	c.by("wil", c.takes())
	c.under(2, "wil", c.allow(intent, "c2"))
	c.late = 2 * time.Hour
	c.by("wil", c.takes())
	c.refusesUnder(2, "wil", c.settle("done", ""), "fenced")
	c.refusesUnder(3, "wil", c.settle("not_done", ""), "role_required")
	c.under(3, "wil", c.settle("unknown", ""))
	c.refusesUnder(3, "wil", c.settle("unknown", ""), "invalid_transition")
	c.under(3, "wil", c.settle("done", "")) // the same actor, who knows what was done
	if n := len(c.fold.Job.Grants); n != 0 {
		t.Errorf("%d grants are left", n)
	}
}

func TestLeaseRefuses(t *testing.T) {
	edit := func(change func(*ledger.Leased)) ledger.Leased {
		c := atTheGate(t)
		p := c.takes()
		change(&p)
		return p
	}
	c := atTheGate(t)
	for name, p := range map[string]ledger.Leased{
		"another epoch":               edit(func(p *ledger.Leased) { p.Epoch = 2 }),
		"another end":                 edit(func(p *ledger.Leased) { p.Until = p.Until.Add(time.Millisecond) }),
		"what it does not come after": edit(func(p *ledger.Leased) { p.After = []ledger.Hash{one} }),
	} {
		if code := c.verdict(act{actor: "wim", payload: p}); code != no {
			t.Errorf("a lease with %s: %q, want %s", name, code, no)
		}
	}
	leasedTo("wim")(c)
	renew, release := c.renews(), c.releases(ledger.LeaseDone)
	for name, p := range map[string]ledger.Payload{
		"a renewal of another epoch":  ledger.LeaseRenewed{Epoch: 2, TTL: 60, Until: renew.Until, Worker: "host-1"},
		"a renewal for another":       ledger.LeaseRenewed{Epoch: 1, TTL: 60, Until: renew.Until, Worker: "host-2"},
		"a renewal until later":       ledger.LeaseRenewed{Epoch: 1, TTL: 61, Until: renew.Until, Worker: "host-1"},
		"a release of another epoch":  ledger.LeaseReleased{Epoch: 2, Outcome: "done", TTL: 60, Until: release.Until, Worker: "host-1"},
		"a release of another worker": ledger.LeaseReleased{Epoch: 1, Outcome: "done", TTL: 60, Until: release.Until, Worker: "host-2"},
		"a release of another ttl":    ledger.LeaseReleased{Epoch: 1, Outcome: "done", TTL: 61, Until: release.Until, Worker: "host-1"},
		"a release of another end":    ledger.LeaseReleased{Epoch: 1, Outcome: "done", TTL: 60, Until: renew.Until, Worker: "host-1"},
		"its holder's loss":           c.releases(ledger.LeaseLost),
		"a lease under a lease":       ledger.Leased{Epoch: 2, TTL: 60, Until: renew.Until, Worker: "host-1"},
	} {
		want := no
		if p.Type() == ledger.TypeLeased {
			want = "lease_held"
		}
		t.Run(name, func(t *testing.T) { c.refusesUnder(1, "wim", p, want) })
	}
	c.refusesUnder(0, "olga", c.releases(ledger.LeaseDone), no)
	hourLater(c)
	c.refusesUnder(1, "wim", c.takes(), no) // a lease is taken without naming another one
	c.refusesUnder(1, "wim", ledger.AttemptEnded{Number: 2, Cause: ledger.AttemptExited}, no)
}

// Someone who is no operator takes no lease away if names are more than claims.
func TestTakeLeaseAway(t *testing.T) {
	c := newCourt(t)
	c.enroll()
	c.by("olga", policied)
	leasedTo("wim")(c)
	c.refusesUnder(0, "both", c.releases(ledger.LeaseLost), "role_required")
	c.do("tom", c.releases(ledger.LeaseLost)) // a claim, in mode claims
	leasedTo("wim")(c)
	c.by("olga", c.releases(ledger.LeaseLost))
	if l := c.fold.Job.Lease; l.Epoch != 2 || l.Ended != projection.LeaseReleased || l.Outcome != ledger.LeaseLost {
		t.Errorf("the lease is %+v", l)
	}
}

// The holder is known by name, by key, and by each name under which the key was enrolled.
func TestHolderByKey(t *testing.T) {
	c := newCourt(t)
	c.enroll()
	c.by("olga", policied)
	leasedTo("wim")(c)
	c.refusesUnder(1, "both", progresses(c), "fenced")
	c.rule(ledger.ActorRevoked{Actor: "wim", Reason: "gone"})
	c.refusesUnder(1, "tom", progresses(c), "fenced")
	c.mode(ledger.ModeClaims)
	c.lease = 1
	if code := c.verdict(act{actor: "wim", payload: progresses(c)}); code != "signature_required" && code != "revoked" {
		t.Errorf("a checkpoint by a holder who was revoked: %q", code)
	}
}

// Attempts are counted, and the lease knows of those that ended under it.
func TestAttempts(t *testing.T) {
	c := atTheGate(t)
	c.by("wim", c.attempts())
	leasedTo("wim")(c)
	lost := c.attempts()
	lost.Cause = ledger.AttemptLost
	c.under(1, "wim", lost)
	if j := c.fold.Job; j.Attempts != 2 || j.Lease.Attempted {
		t.Errorf("%d attempts have ended, under this lease: %t", j.Attempts, j.Lease.Attempted)
	}
	named := c.attempts()
	named.Log, named.ContentKey = ledger.Content{Digest: one, Size: 3}, two
	c.under(1, "wim", named)
	if j := c.fold.Job; j.Attempts != 3 || !j.Lease.Attempted || j.ContentKey != two || j.Status != projection.Running {
		t.Errorf("%d attempts have ended, under this lease: %t, with the secret %s, and the job is %s", j.Attempts, j.Lease.Attempted, j.ContentKey, j.Status)
	}
	c.by("olga", ledger.Stopped{Reason: "now"})
	c.under(1, "wim", c.attempts())
	c.by("olga", ledger.Cancelled{Reason: "enough"})
	c.refusesUnder(1, "wim", c.attempts(), no)
}

// A job keeps what it comes after, when it is due, what it works on, and how far it has come;
// and which event ended it.
func TestWorkOfAJob(t *testing.T) {
	c := newCourt(t)
	p := policied
	p.After, p.NotBefore = []string{"job_0", "job_2"}, c.basis().Reading.Add(time.Minute)
	p.Input, p.ContentKey = subject, one
	c.by("sam", p)
	early := c.takes()
	early.After = []ledger.Hash{one, two}
	c.refusesUnder(0, "wim", early, "not_due")
	c.late = time.Minute
	c.refusesUnder(0, "wim", c.takes(), no)
	early.Until = c.basis().Reading.Add(time.Minute)
	c.by("wim", early)
	steps := progresses(c).(ledger.CheckpointAdded)
	steps.Progress = ledger.StepCount{Done: 3, Total: 14}
	c.under(1, "wim", steps)
	c.under(1, "wim", progresses(c))
	if j := c.fold.Job; j.Steps != steps.Progress || j.Input != subject || j.NotBefore != "2026-11-22T20:01:01.000Z" || !j.Ended.IsZero() || j.LastCheckpoint.Steps != (ledger.StepCount{}) {
		t.Errorf("progress %v, input %v, not before %s, ended by %s", j.Steps, j.Input, j.NotBefore, j.Ended)
	}
	c.under(1, "wim", completes(c))
	ended := c.Events[len(c.Events)-1].LeafHash()
	c.by("olga", ledger.ContentErased{Digest: one, Reason: "old"})
	if j := c.fold.Job; j.Ended != ended {
		t.Errorf("the job was ended by %s, want %s", j.Ended, ended)
	}
}
