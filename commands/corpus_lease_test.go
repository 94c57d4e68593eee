package commands_test

import (
	"fmt"
	"time"

	"gait/commands"
	"gait/ledger"
)

// writeLeases writes a ledger of jobs that supervised workers do: what they wait for and work on,
// every event about leases and attempts, and what is refused because of leases. It continues
// another one, in which a job was leased.
func writeLeases(c *writer) {
	before := &writer{t: c.t}
	before.begin("gait.test/before-leases", nil)
	before.engine.Content = corpusContent{}
	before.must("continued.first", submit())
	due := before.clock.Now().Add(-time.Second).Truncate(time.Millisecond)
	const job = "continued.leased"
	before.must(job, before.works(job, due, "continued.first"))
	before.must("continued.first", checkpoint(ledger.CheckpointCompleted))
	before.must(job, take("worker_1"), under(1, endAttempt(ledger.AttemptExited)), under(1, checkpoint(ledger.CheckpointProgress)))
	c.succeeds("gait.test/corpus-lease", before)
	policy := c.gated()
	c.works(job, due) // keeps its input here
	c.continues(before, job)
	c.do(job, under(1, checkpoint(ledger.CheckpointProgress)), false) // which was of another ledger
	c.must(job, endAttempt(ledger.AttemptLost))
	c.must("queue.first", submit(), take("worker_1"), under(1, checkpoint(ledger.CheckpointCompleted)))
	writeWork(c)
	writeFenced(c, policy)
	writeLongestLease(c)
	c.commitIndex()
	c.rotate(1, "the yearly one")
	writeSignedLeases(c)
	c.commitIndex()
}

// works returns what submits a job that waits for others, until a time, with an input.
func (c *writer) works(job string, due time.Time, after ...string) commands.Request {
	return by("boss", commands.Submit{
		EnvironmentFingerprint: env, ProducerVersion: "gait/test", Labels: []ledger.Label{{Key: "queue", Value: "refunds"}},
		After: after, NotBefore: due, Input: c.keepOf(job, `{"order":42}`, "application/json", "order.json"),
	})
}

// traced returns a request with a trace.
func traced(r commands.Request) commands.Request {
	r.Trace = someTrace
	return r
}

// expires lets a lease end by time.
func (c *writer) expires() { c.clock.Advance((someTTL + 1) * time.Second) }

// writeWork writes a job from its lease to its end, with an attempt for each cause, and leases
// that end in every way.
func writeWork(c *writer) {
	const job = "queue.second"
	due := c.clock.Now().Add(time.Minute).Truncate(time.Millisecond)
	c.must(job, traced(c.works(job, due, "queue.first")))
	c.clock.Advance(2 * time.Minute)
	c.must(job, traced(take("worker_1")))
	state := commands.AddCheckpoint{
		Type: ledger.CheckpointProgress, Summary: "step 3", Progress: ledger.StepCount{Done: 3, Total: 14},
		Attachments: []ledger.Attachment{{Content: c.keepOf(job, "state", "application/json", "state.json"), Role: ledger.AttachState}},
	}
	c.must(job, traced(under(1, by("worker_1", state))), under(1, by("worker_1", commands.LeaseRenew{TTL: 2 * someTTL})))
	for i, cause := range ledger.AttemptCauses {
		end := commands.EndAttempt{Cause: cause}
		if i%2 == 0 {
			end.Exit, end.Log = new(int64(20*i)), c.keepOf(job, fmt.Sprintf("attempt %d", i), "text/plain", "log.txt")
		}
		c.must(job, under(1, by("worker_1", end)))
	}
	c.must(job, under(1, release(ledger.LeaseDone)), take("worker_1"), under(2, release(ledger.LeaseGaveUp)), take("worker_2"), lost(), take("worker_1"))
	c.clock.Advance(-300 * time.Millisecond) // the next events are clamped: readings count
	c.must(job, under(4, decision()), approve("reviewer"), by("boss", commands.Resume{EnvironmentFingerprint: env}))
	c.must(job, take("worker_1"), under(5, checkpoint(ledger.CheckpointCompleted)))

	const logged = "queue.logged" // whose first content is the log of an attempt
	c.must(logged, submit(), take("worker_1"))
	c.must(logged, under(1, by("worker_1", commands.EndAttempt{Cause: ledger.AttemptSignaled, Exit: new(int64(137)), Log: c.keepOf(logged, "killed", "", "")})))
	c.expires()
	c.must(logged, endAttempt(ledger.AttemptLost), by("boss", commands.Stop{}), endAttempt(ledger.AttemptStopped))
	for i := range ledger.MaxAfter {
		c.must(fmt.Sprintf("queue.part%02d", i), submit(), checkpoint(ledger.CheckpointCompleted))
	}
	var parts []string
	for i := range ledger.MaxAfter {
		parts = append(parts, fmt.Sprintf("queue.part%02d", i))
	}
	c.must("queue.whole", by("boss", commands.Submit{EnvironmentFingerprint: env, ProducerVersion: "gait/test", After: parts}), take("worker_1"))
}

// writeFenced writes what an older epoch, or none, may not do any more, and what a newer one does
// to grants.
func writeFenced(c *writer, policy ledger.Hash) {
	const job = "fenced"
	c.must(job, c.underPolicy(policy), take("worker_1"), under(1, c.asksGate(job, "read", "", "call-1")))
	c.do(job, checkpoint(ledger.CheckpointProgress), false)
	c.do(job, c.asksGate(job, "read", "", "call-2"), false)
	c.expires()
	c.do(job, traced(under(1, c.asksGate(job, "read", "", "call-3"))), false)
	c.must(job, under(1, checkpoint(ledger.CheckpointProgress)), take("worker_2")) // the one is late
	c.do(job, under(1, by("worker_1", c.settledOf(job, ledger.EffectDone))), false)
	c.do(job, under(1, checkpoint(ledger.CheckpointCompleted)), false)
	c.do(job, lostOf("boss", 1), false)
	c.settles(job, "boss", ledger.EffectDone, "")
	c.must(job, by("boss", commands.Pause{}))
	c.do(job, lost(), false)
	c.must(job, c.resumes(policy))
	c.do(job, under(2, checkpoint(ledger.CheckpointFailed)), false)
	c.must(job, checkpoint(ledger.CheckpointFailed))
}

// lostOf takes the lease of an epoch away.
func lostOf(actor string, epoch int64) commands.Request {
	return by(actor, commands.LeaseRelease{Outcome: ledger.LeaseLost, Epoch: epoch})
}

// writeLongestLease writes a lease in which all is as long as it can be.
func writeLongestLease(c *writer) {
	const job = "longest"
	c.must(job, submit(), by(longActor, commands.LeaseTake{TTL: ledger.MaxLeaseTTL, Worker: fill("host/", 128)}))
	renewed := under(1, by(longActor, commands.LeaseRenew{}))
	renewed.RequestID = fill("renewal-", ledger.MaxRequestID)
	c.must(job, renewed)
	c.must(job, under(1, by(longActor, commands.AddCheckpoint{Type: ledger.CheckpointPlan, Summary: "long", Progress: ledger.StepCount{Done: ledger.MaxTotal, Total: ledger.MaxTotal}})))
	c.must(job, under(1, by(longActor, commands.LeaseRelease{Outcome: ledger.LeaseGaveUp, Epoch: 1})))
}

// writeSignedLeases writes leases that enrolled actors take, in the mode in which all is signed,
// and the refusals that only a signed request for a lease leaves on the ledger.
func writeSignedLeases(c *writer) {
	c.must("signed.pending", submit())
	c.must("signed.failed", submit(), checkpoint(ledger.CheckpointFailed))
	c.must("", c.sign("", add(c.t, "root_1", ledger.BootstrapInit, "root_1")))
	for _, name := range []string{"ops_1", "agent_1"} {
		c.must("", c.sign("", add(c.t, name, "", "root_1")))
	}
	c.must("", c.sign("", by("root_1", commands.SetAuthority{Admins: 1, Mode: ledger.ModeAll})))
	leases := commands.LeaseTake{TTL: someTTL, Worker: "host_1"}
	works := func(job string, due time.Time, after ...string) {
		submitted := c.works(job, due, after...)
		submitted.Actor = "ops_1"
		c.must(job, c.sign(job, submitted))
		c.signsRefused(job, "agent_1", leases)
	}
	now := c.clock.Now().Truncate(time.Millisecond)
	works("signed.not_due", now.Add(time.Hour))
	works("signed.after", now, "signed.pending")
	works("signed.after_failed", now, "signed.failed", "signed.pending")
	const job = "signed.leased"
	c.signs(job, "ops_1", commands.Submit{EnvironmentFingerprint: env, ProducerVersion: "gait/test"})
	c.signs(job, "agent_1", leases)
	c.signsRefused(job, "agent_1", leases)
	signsUnder := func(epoch int64, command commands.Command, ok bool) {
		c.do(job, c.sign(job, under(epoch, by("agent_1", command))), ok)
	}
	signsUnder(0, checkpoint(ledger.CheckpointProgress).Command, false)
	signsUnder(1, checkpoint(ledger.CheckpointProgress).Command, true)
	signsUnder(1, commands.LeaseRenew{}, true)
	signsUnder(1, commands.EndAttempt{Cause: ledger.AttemptExited, Exit: new(int64(1)), Log: c.keepOf(job, "it failed", "text/plain", "log.txt"), Number: 1}, true)
	signsUnder(1, commands.LeaseRelease{Outcome: ledger.LeaseDone}, true)
	c.signs(job, "agent_1", leases)
	c.signsRefused(job, "agent_1", commands.LeaseRelease{Outcome: ledger.LeaseLost})
	c.signs(job, "ops_1", commands.LeaseRelease{Outcome: ledger.LeaseLost, Epoch: 2})
}
