package commands_test

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"gait/commands"
	"gait/ledger"
)

const someTTL = 60 // seconds

// take returns a request for the lease of job_1.
func take(actor string) commands.Request {
	return by(actor, commands.LeaseTake{TTL: someTTL, Worker: "host_" + actor})
}

// under returns a request that names a lease.
func under(epoch int64, r commands.Request) commands.Request {
	r.Lease = epoch
	return r
}

func release(outcome ledger.LeaseOutcome) commands.Request {
	return by("worker_1", commands.LeaseRelease{Outcome: outcome})
}

// lost takes the lease away, as an operator does.
func lost() commands.Request {
	return by("boss", commands.LeaseRelease{Outcome: ledger.LeaseLost})
}

func endAttempt(cause ledger.AttemptCause) commands.Request {
	return by("worker_1", commands.EndAttempt{Cause: cause})
}

// expire lets a lease end by time.
func (g *gateBench) expire() { g.now = g.now.Add((someTTL + 1) * time.Second) }

// leases gives job_1 the lease of an epoch; those before have ended by time.
func (g *gateBench) leases(epoch int) {
	for i := range epoch {
		if i > 0 {
			g.expire()
		}
		g.must(take("worker_1"))
	}
}

// grants gives job_1 the lease 1, and an open grant under it.
func (g *gateBench) grants() {
	g.leases(1)
	g.allows(under(1, g.eval("read", 1, "call-1")))
}

// leaseStates says how a job gets into each state of testdata/lease.txt.
var leaseStates = map[string]func(g *gateBench){
	"running":           func(*gateBench) {},
	"running,open":      (*gateBench).opens,
	"leased":            func(g *gateBench) { g.leases(1) },
	"leased,open":       (*gateBench).grants,
	"leased,again":      func(g *gateBench) { g.leases(2) },
	"leased,unknown":    func(g *gateBench) { g.grants(); g.expire(); g.must(take("worker_1")) },
	"leased,unleased":   func(g *gateBench) { g.opens(); g.leases(1) }, // the grant is older than all leases
	"leased,another":    func(g *gateBench) { g.leases(1); g.expire(); g.must(take("worker_2")) },
	"expired":           func(g *gateBench) { g.leases(1); g.expire() },
	"expired,open":      func(g *gateBench) { g.grants(); g.expire() },
	"done":              func(g *gateBench) { g.leases(1); g.must(under(1, release(ledger.LeaseDone))) },
	"lost":              func(g *gateBench) { g.leases(1); g.must(lost()) },
	"paused":            func(g *gateBench) { g.leases(1); g.must(pause()) },
	"paused,open":       func(g *gateBench) { g.grants(); g.must(pause()) },
	"resumed":           func(g *gateBench) { g.leases(1); g.must(pause(), g.goesOn()) },
	"decision_needed":   func(g *gateBench) { g.leases(1); g.requiresApproval(under(1, g.eval("pay", 1, "call-2"))) },
	"emergency_stopped": func(g *gateBench) { g.leases(1); g.must(by("boss", commands.Stop{})) },
	"completed":         func(g *gateBench) { g.leases(1); g.must(under(1, checkpoint(ledger.CheckpointCompleted))) },
	"cancelled":         func(g *gateBench) { g.leases(1); g.must(by("boss", commands.Cancel{})) },
}

// leaseRequests says which request stands for each line. One of a name with a number names the
// lease of that epoch.
var leaseRequests = map[string]func(g *gateBench) commands.Request{
	"take":       func(*gateBench) commands.Request { return take("worker_1") },
	"take-1":     func(*gateBench) commands.Request { return under(1, take("worker_1")) },
	"steal":      func(*gateBench) commands.Request { return take("worker_2") },
	"renew-1":    func(*gateBench) commands.Request { return under(1, by("worker_1", commands.LeaseRenew{})) },
	"renew-2":    func(*gateBench) commands.Request { return under(2, by("worker_1", commands.LeaseRenew{TTL: 90})) },
	"done-1":     func(*gateBench) commands.Request { return under(1, release(ledger.LeaseDone)) },
	"lost-1":     func(*gateBench) commands.Request { return under(1, release(ledger.LeaseLost)) },
	"lost":       func(*gateBench) commands.Request { return lost() },
	"done":       func(*gateBench) commands.Request { return by("boss", commands.LeaseRelease{Outcome: ledger.LeaseDone}) },
	"attempt":    func(*gateBench) commands.Request { return endAttempt(ledger.AttemptLost) },
	"attempt-1":  func(*gateBench) commands.Request { return under(1, endAttempt(ledger.AttemptExited)) },
	"progress":   func(*gateBench) commands.Request { return checkpoint(ledger.CheckpointProgress) },
	"progress-1": func(*gateBench) commands.Request { return under(1, checkpoint(ledger.CheckpointProgress)) },
	"other-1": func(*gateBench) commands.Request {
		return under(1, commands.Request{Actor: "worker_2", Command: checkpoint(ledger.CheckpointProgress).Command})
	},
	"decide-1":    func(*gateBench) commands.Request { return under(1, decision()) },
	"completed":   func(*gateBench) commands.Request { return checkpoint(ledger.CheckpointCompleted) },
	"completed-1": func(*gateBench) commands.Request { return under(1, checkpoint(ledger.CheckpointCompleted)) },
	"failed":      func(*gateBench) commands.Request { return checkpoint(ledger.CheckpointFailed) },
	"failed-1":    func(*gateBench) commands.Request { return under(1, checkpoint(ledger.CheckpointFailed)) },
	"allow":       func(g *gateBench) commands.Request { return g.eval("read", 2, "call-3") },
	"allow-1":     func(g *gateBench) commands.Request { return under(1, g.eval("read", 2, "call-3")) },
	"ask":         func(g *gateBench) commands.Request { return g.eval("pay", 2, "call-4") },
	"ask-1":       func(g *gateBench) commands.Request { return under(1, g.eval("pay", 2, "call-4")) },
	"forbid":      func(g *gateBench) commands.Request { return g.eval("drop", 2, "call-5") },
	"forbid-1":    func(g *gateBench) commands.Request { return under(1, g.eval("drop", 2, "call-5")) },
	"settle":      func(*gateBench) commands.Request { return settle("", ledger.EffectDone) },
	"settle-1":    func(*gateBench) commands.Request { return under(1, settle("", ledger.EffectDone)) },
	"by_hand":     func(*gateBench) commands.Request { return byHand("", ledger.EffectNotDone) },
	"pause":       func(*gateBench) commands.Request { return by("boss", commands.Pause{}) },
	"pause-1":     func(*gateBench) commands.Request { return under(1, by("worker_1", commands.Pause{})) },
	"resume":      (*gateBench).goesOn,
	"stop":        func(*gateBench) commands.Request { return by("boss", commands.Stop{}) },
	"stop-9":      func(*gateBench) commands.Request { return under(9, by("boss", commands.Stop{})) },
	"cancel":      func(*gateBench) commands.Request { return by("boss", commands.Cancel{}) },
}

// leaseCell carries out a request for a job in a state, and says what
// came of it, as gateCell does. A lease that lives afterwards and did not before is "leased", one
// that does not any more "ended". What is refused without an event begins with "quiet:".
func leaseCell(t *testing.T, state, request string) string {
	g := newGateBench(t)
	leaseStates[state](g)
	before, size := g.job("job_1"), g.size()
	lived := before.Lease.Lives(g.now)
	r := g.filled(leaseRequests[request](g))
	result, err := g.do(r)
	after, written := g.job("job_1"), g.size()-size
	g.log.check(t)
	if no, quiet := errors.AsType[*commands.UnrecordedError](err); quiet {
		if written != 0 || after.JobSeq != before.JobSeq {
			t.Errorf("%s of a job that is %s writes %d events, want none", request, state, written)
		}
		return "quiet:" + string(no.Refusal.Code)
	}
	if written != 1 {
		t.Errorf("%s of a job that is %s writes %d events, want 1", request, state, written)
	}
	if no, refused := errors.AsType[*commands.RefusedError](err); refused {
		if after.Status != before.Status || after.Revision != before.Revision || after.Lease.Lives(g.now) != lived || no.Result.Event.Lease() != r.Lease {
			t.Errorf("%s of a job that is %s is refused, and changes it", request, state)
		}
		return "no:" + string(no.Refusal.Code)
	} else if err != nil {
		t.Fatalf("%s of a job that is %s: %v", request, state, err)
	}
	if result.Event.Lease() != r.Lease {
		t.Errorf("the event of %s names the lease %d, want %d", request, result.Event.Lease(), r.Lease)
	}
	led := "="
	if _, evaluates := r.Command.(commands.GateEval); evaluates {
		a := commands.AnswerOf(result, err)
		checkAnswer(t, g.bench, result, err, a)
		led = string(a.Verdict)
	} else if after.Status != before.Status {
		led = string(after.Status)
	}
	switch lives := after.Lease.Lives(g.now); {
	case lives && !lived:
		led += ",leased"
	case !lives && lived:
		led += ",ended"
	}
	return led
}

// What follows from each request about leases, and from each that a lease can keep from what it
// would lead to, in each state of a job and its lease. The file has a line for each request, and
// a column for each state.
func TestLeaseTransitions(t *testing.T) {
	const file = "testdata/lease.txt"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	states, requests := strings.Fields(lines[0])[1:], map[string]bool{}
	for state := range leaseStates {
		if !slices.Contains(states, state) {
			t.Errorf("%s has no state %s", file, state)
		}
	}
	for _, line := range lines[1:] {
		fields := strings.Fields(line)
		requests[fields[0]] = true
		for i, want := range fields[1:] {
			t.Run(states[i]+"/"+fields[0], func(t *testing.T) {
				if got := leaseCell(t, states[i], fields[0]); got != want {
					t.Errorf("%s of a job that is %s = %s, want %s", fields[0], states[i], got, want)
				}
			})
		}
	}
	for request := range leaseRequests {
		if !requests[request] {
			t.Errorf("%s has no request %s", file, request)
		}
	}
}
