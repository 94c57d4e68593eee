package pebble_test

import (
	"context"
	"time"

	"gait/commands"
	"gait/ledger"
)

// lease returns the epoch that a client names in a request: most often that of the newest lease
// of the job that it got, though that may have ended. Nothing that begins a job or takes a lease
// names one.
func (c *client) lease(r commands.Request) int64 {
	_, takes := r.Command.(commands.LeaseTake)
	if takes || commands.RowOf(r.Command).BeginsJob || c.rng.IntN(4) == 0 {
		return 0
	}
	return c.epochs[r.JobID]
}

// leased remembers the lease that a client got, and counts what leases lead to.
func (l *life) leased(a answer, e ledger.Event) {
	switch p := e.Payload().(type) {
	case ledger.Leased:
		a.client.epochs[e.JobID()] = max(p.Epoch, a.client.epochs[e.JobID()])
		l.count.add("leases")
	case ledger.Refused:
		if p.Refusal == "fenced" {
			l.count.add("fenced")
		}
	}
}

// A givenLease is the newest lease of a job, as a simple reader of its events derives it.
type givenLease struct {
	epoch int64
	by    string
	until time.Time // if no event ends it before
	left  bool      // an event did
}

// checkLeases requires that no lease was given while another one lived, by the reading of its own
// event, and that no event but a refusal is under another lease than the newest, or by another
// actor than its holder. The clock jumps both ways meanwhile.
func (l *life) checkLeases() {
	jobs := map[string]*givenLease{}
	for e, err := range l.log.Events(context.Background(), 1) {
		l.fail("reading events", err)
		if e.Type().OfLedger() || e.Type() == ledger.TypeRefused {
			continue
		}
		g := jobs[e.JobID()]
		if g == nil {
			g = &givenLease{}
			jobs[e.JobID()] = g
		}
		if p, ok := e.Payload().(ledger.Leased); ok {
			lives := g.epoch > 0 && !g.left && e.Reading().Before(g.until)
			if lives || p.Epoch != g.epoch+1 || !p.Until.Equal(e.Reading().Add(time.Duration(p.TTL)*time.Second)) {
				l.t.Fatalf("event %d gives lease %d until %s, and lease %d lives: %t", e.Seq(), p.Epoch, p.Until, g.epoch, lives)
			}
			*g = givenLease{epoch: p.Epoch, by: e.Actor(), until: p.Until}
			continue
		}
		if e.Lease() != 0 && (e.Lease() != g.epoch || e.Actor() != g.by) {
			l.t.Fatalf("event %d, %s by %s, is under lease %d, and the newest is lease %d of %s", e.Seq(), e.Type(), e.Actor(), e.Lease(), g.epoch, g.by)
		}
		if e.Lease() != 0 && !g.left && e.Reading().Before(g.until) {
			g.until = e.Reading().Add(ledger.MinLeaseTTL * time.Second)
		}
		g.left = g.left || leaves(e)
	}
}

// leaves reports whether an event ends a job's lease, since the job does not run after it.
func leaves(e ledger.Event) bool {
	switch p := e.Payload().(type) {
	case ledger.CheckpointAdded:
		return p.CheckpointType != ledger.CheckpointPlan && p.CheckpointType != ledger.CheckpointProgress
	case ledger.Paused, ledger.Denied, ledger.Stopped, ledger.Cancelled:
		return true
	default:
		return false
	}
}
