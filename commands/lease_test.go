package commands_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gait/commands"
	"gait/commands/gate"
	"gait/ledger"
	"gait/projection"
)

// quiet carries out a request that must be refused without an event.
func (b *bench) quiet(r commands.Request, code projection.RefusalCode) *projection.Refusal {
	b.t.Helper()
	err := b.fails(r)
	no, ok := errors.AsType[*commands.UnrecordedError](err)
	if !ok || no.Refusal.Code != code {
		b.t.Fatalf("%s by %q = %v, want a refusal %s without an event", r.Command.Verb(), r.Actor, err, code)
	}
	if fault, _ := ledger.FaultOf(err); fault.Code != string(code) || !errors.Is(err, no.Refusal) {
		b.t.Errorf("the error is %+v, want %s", fault, code)
	}
	return no.Refusal
}

// A lease ends at its time, by the reading of the event that is decided, and every event of its
// holder makes it last longer: an hour of work at a steady pace needs no renewal.
func TestLeaseLastsWhileItsHolderWorks(t *testing.T) {
	b := newBench(t)
	b.must(submit())
	event := b.must(take("worker_1")).Event
	p, _ := event.Payload().(ledger.Leased)
	want := ledger.Leased{Epoch: 1, TTL: someTTL, Until: event.Time().Add(someTTL * time.Second), Worker: "host_worker_1"}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Errorf("the event (-want +got):\n%s", diff)
	}
	for range 90 {
		b.now = b.now.Add(40 * time.Second)
		b.quiet(take("worker_2"), projection.LeaseHeld)
		b.must(under(1, checkpoint(ledger.CheckpointProgress)))
	}
	b.now = b.now.Add((someTTL - 1) * time.Second)
	b.must(under(1, by("worker_1", commands.LeaseRenew{TTL: 2 * someTTL})))
	b.now = b.now.Add((2*someTTL - 1) * time.Second)
	b.quiet(take("worker_2"), projection.LeaseHeld)
	b.now = b.now.Add(time.Second)
	if p, _ := b.must(take("worker_2")).Event.Payload().(ledger.Leased); p.Epoch != 2 {
		t.Errorf("the second lease has epoch %d", p.Epoch)
	}
	b.refused(under(1, checkpoint(ledger.CheckpointProgress)), projection.Fenced, 3)
}

// What is said by others does not keep a lease alive.
func TestOthersDoNotKeepALeaseAlive(t *testing.T) {
	b := newBench(t)
	b.must(submit(), take("worker_1"))
	until := b.job("job_1").Lease.Until
	b.now = b.now.Add(time.Second)
	b.must(forPrivacy("boss", commands.EraseContent{Digest: one}))
	b.refused(checkpoint(ledger.CheckpointProgress), projection.Fenced, 3)
	b.refused(under(7, checkpoint(ledger.CheckpointProgress)), projection.Fenced, 3)
	if got := b.job("job_1").Lease.Until; got != until {
		t.Errorf("the lease lasts until %s, want %s", got, until)
	}
	b.now = b.now.Add(someTTL * time.Second)
	b.must(take("worker_2"))
}

// A clock that is set ends leases early or lets them last longer. An older lease is fenced all the
// same, and no two live.
func TestLeasesWhileTheClockIsSet(t *testing.T) {
	b := newBench(t)
	b.must(submit(), take("worker_1"))
	b.now = b.now.Add(time.Hour) // forward: the lease has ended
	b.must(take("worker_2"))
	b.now = b.now.Add(-time.Hour) // back: lease 2 lasts an hour longer, and lease 1 stays behind it
	result, err := b.do(under(1, checkpoint(ledger.CheckpointProgress)))
	if no, ok := errors.AsType[*commands.RefusedError](err); !ok || no.Refusal.Code != projection.Fenced {
		t.Errorf("a checkpoint under the lease before = %+v, %v, want it fenced", result, err)
	}
	b.now = b.now.Add(30 * time.Minute)
	b.quiet(take("worker_1"), projection.LeaseHeld)
	// An event of the holder sets it by what the clock reads now.
	event := b.must(under(2, commands.Request{Actor: "worker_2", Command: checkpoint(ledger.CheckpointProgress).Command})).Event
	if got, want := b.job("job_1").Lease.Until, ledger.FormatTime(event.Clock().Add(someTTL*time.Second)); got != want {
		t.Errorf("the lease lasts until %s, want %s", got, want)
	}
	b.now = b.now.Add((someTTL + 1) * time.Second)
	b.must(take("worker_1"))
	b.now = b.now.Add(500 * 24 * time.Hour) // which is probably wrong: nothing is decided by it
	if _, ok := errors.AsType[*ledger.ClockError](b.fails(take("worker_2"))); !ok {
		t.Error("a lease is given by a clock that is probably wrong")
	}
	b.must(by("boss", commands.Stop{})) // as of the last event
	if b.job("job_1").Lease.Ended == "" {
		t.Error("a job that was stopped is still leased")
	}
}

// A request for a lease that is refused writes nothing, unless it was signed.
func TestRefusalsOfLeasesAreQuiet(t *testing.T) {
	o := newOffice(t)
	o.take(o.signed(on("agent_1", submit().Command)))
	leases := commands.LeaseTake{TTL: someTTL, Worker: "host_1"}
	o.take(o.signed(on("agent_1", leases)))
	o.quiet(on("visitor", leases), projection.LeaseHeld)
	signed := o.signed(on("agent_1", leases))
	o.recorded("a lease that is held", signed, "lease_held")
	if _, err := o.give(signed); !errors.As(err, new(*commands.RefusedError)) {
		t.Errorf("the same signed request again = %v, want the refusal", err)
	}
	o.recorded("a lease taken by an operator", o.signed(on("ops_1", leases)), "role_required")
	o.denied("a lease taken by a claim of an enrolled name", on("agent_1", leases), "signature_required")
}

// A signed command names its lease, and so does the event.
func TestSignedUnderALease(t *testing.T) {
	o := newOffice(t)
	o.take(o.signed(on("agent_1", submit().Command)), o.signed(on("agent_1", commands.LeaseTake{TTL: someTTL, Worker: "host_1"})))
	r := o.signed(under(1, on("agent_1", checkpoint(ledger.CheckpointProgress).Command)))
	other := r
	other.Lease = 0
	o.denied("a signed command without the lease that it names", other, "invalid_input")
	if e := o.take(r).Event; e.Lease() != 1 || !strings.Contains(string(e.Command()), `"lease":1`) {
		t.Errorf("event %s", e.Bytes())
	}
	parsed, err := commands.ParseSigned(r.Signed.Text, r.Signed.Sigs)
	if err != nil || parsed.Lease != 1 {
		t.Errorf("ParseSigned = %+v, %v", parsed, err)
	}
	o.recorded("under another lease", o.signed(under(2, on("agent_1", checkpoint(ledger.CheckpointProgress).Command))), "fenced")
	o.take(o.signed(on("ops_1", commands.LeaseRelease{Outcome: ledger.LeaseLost, Epoch: 1})))
	o.recorded("a lease that has ended", o.signed(under(1, on("agent_1", commands.LeaseRenew{}))), "fenced")
}

// The same request under a newer lease is a retry.
func TestRetryUnderANewerLease(t *testing.T) {
	g := newGateBench(t)
	g.leases(1)
	r := identified(under(1, checkpoint(ledger.CheckpointProgress)), "r-1")
	first := g.must(r)
	g.expire()
	g.must(take("worker_1"))
	if again := g.must(under(2, r)); !again.Replayed || again.Event.LeafHash() != first.Event.LeafHash() {
		t.Errorf("the retry = %+v", again)
	}
	if again := g.must(under(0, r)); !again.Replayed {
		t.Error("the retry under no lease is carried out")
	}
}

// An allow is given again under the lease that it was given under, while that lives.
func TestAllowIsRepeatedUnderItsLease(t *testing.T) {
	g := newGateBench(t)
	g.must(by("worker_1", commands.LeaseTake{TTL: ledger.MinLeaseTTL, Worker: "host_1"}))
	r := identified(under(1, g.eval("read", 1, "call-1")), "r-1")
	first := g.allows(r)
	if again := g.allows(r); again.Grant != first.Grant || !again.Repeated {
		t.Errorf("the answer again is %+v", again)
	}
	for _, epoch := range []int64{0, 2} {
		g.blocks(under(epoch, r), string(projection.Fenced))
	}
	g.now = g.now.Add((ledger.MinLeaseTTL + 1) * time.Second)
	g.blocks(r, string(projection.Fenced))
	g.must(take("worker_1"))
	g.blocks(under(2, r), gate.CodeEffectsUnsettled) // what became of it is unknown under a newer lease
	if grants := g.job("job_1").UnknownGrants(); len(grants) != 1 || grants[0].ID != first.Grant || grants[0].UnknownBy != "" {
		t.Errorf("the unknown grants are %+v, want %s", grants, first.Grant)
	}
}

// An allow that was given before the job had any lease is not given again under one, or after one.
func TestAllowOfBeforeLeasesIsNotRepeated(t *testing.T) {
	g := newGateBench(t)
	r := identified(g.eval("read", 1, "call-1"), "r-1")
	g.allows(r)
	g.leases(1)
	g.blocks(r, gate.CodeEffectsUnsettled)
	g.blocks(under(1, r), gate.CodeEffectsUnsettled)
	g.must(lost())
	g.blocks(r, gate.CodeEffectsUnsettled)
}

// The answer of another process permits nothing under another lease than was named.
func TestCheckGateComparesTheLease(t *testing.T) {
	g := newGateBench(t)
	g.leases(1)
	r := under(1, g.eval("read", 1, ""))
	r.JobID = "job_1"
	event := g.must(r).Event
	if err := commands.CheckGate(r, event); err != nil {
		t.Error(err)
	}
	r.Lease = 2
	if err := commands.CheckGate(r, event); err == nil || !strings.Contains(err.Error(), "lease") {
		t.Errorf("CheckGate of another lease = %v", err)
	}
}

// Each event, a refusal too, has the lease and the trace that its request names.
func TestEventsNameLeaseAndTrace(t *testing.T) {
	b := newBench(t)
	r := submit()
	r.Trace = someTrace
	if e := b.must(r).Event; e.Trace() != someTrace || e.Lease() != 0 {
		t.Errorf("event %s", e.Bytes())
	}
	b.must(take("worker_1"))
	r = under(1, pause())
	r.Trace = someTrace
	if e := b.must(r).Event; e.Trace() != someTrace || e.Lease() != 1 {
		t.Errorf("event %s", e.Bytes())
	}
	r.Lease = 4
	if e := b.refused(r, projection.Fenced, 3).Result.Event; e.Trace() != someTrace || e.Lease() != 4 {
		t.Errorf("refusal %s", e.Bytes())
	}
	result, err := b.engine.Do(t.Context(), commands.Request{Command: commands.CommitIndex{}, Trace: someTrace})
	if err != nil || result.Event.Trace() != someTrace {
		t.Errorf("event %s, %v", result.Event.Bytes(), err)
	}
}

// A lease and a trace are checked before anything is decided.
func TestLeaseIsChecked(t *testing.T) {
	begins := submit()
	begins.JobID, begins.Actor = "job_1", "w"
	for name, r := range map[string]commands.Request{
		"lease: -1":         {JobID: "job_1", Actor: "w", Lease: -1, Command: commands.Pause{}},
		"lease: submit":     under(1, begins),
		"lease: commit":     {Lease: 1, Command: commands.CommitIndex{}},
		"trace":             {JobID: "job_1", Actor: "w", Trace: strings.ToUpper(someTrace), Command: commands.Pause{}},
		"lease: missing":    on("w", commands.LeaseRenew{}),
		"ttl: 4":            on("w", commands.LeaseTake{TTL: 4, Worker: "host"}),
		"ttl: 86401":        under(1, on("w", commands.LeaseRenew{TTL: 86401})),
		"worker":            on("w", commands.LeaseTake{TTL: 60}),
		"outcome":           on("w", commands.LeaseRelease{Outcome: "lost it"}),
		"epoch: -1":         on("w", commands.LeaseRelease{Outcome: ledger.LeaseLost, Epoch: -1}),
		"cause":             on("w", commands.EndAttempt{Cause: "tired"}),
		"number":            on("w", commands.EndAttempt{Cause: ledger.AttemptLost, Number: -1}),
		"reason: the event": {JobID: "job_1", Actor: "w", Reason: "why", Command: commands.LeaseTake{TTL: 60, Worker: "host"}},
		"exit: 256":         on("w", commands.EndAttempt{Cause: ledger.AttemptExited, Exit: new(int64(256))}),
		"progress: 3 of 2":  on("w", commands.AddCheckpoint{Type: ledger.CheckpointProgress, Summary: "s", Progress: ledger.StepCount{Done: 3, Total: 2}}),
		"total: -2":         on("w", commands.AddCheckpoint{Type: ledger.CheckpointProgress, Summary: "s", Progress: ledger.StepCount{Done: 1, Total: -2}}),
	} {
		err := r.Check()
		if _, ok := errors.AsType[*commands.InvalidError](err); !ok || !strings.Contains(err.Error(), name) {
			t.Errorf("Check of a request with a false %q = %v", name, err)
		}
	}
}

// Attempts are counted, and what one of them wrote is kept.
func TestAttempts(t *testing.T) {
	b := newBench(t)
	k := keepContent(t, b)
	b.must(submit(), take("worker_1"))
	c := commands.EndAttempt{Cause: ledger.AttemptExited, Exit: new(int64(3)), Log: k.put(t, "job_1", "no such file\n")}
	r := identified(under(1, by("worker_1", c)), "attempt-1")
	first := b.must(r)
	p, _ := first.Event.Payload().(ledger.AttemptEnded)
	if p.Number != 1 || *p.Exit != 3 || p.Log != c.Log || p.ContentKey.IsZero() || first.Job.Attempts != 1 {
		t.Errorf("the event says %+v", p)
	}
	if again := b.must(r); !again.Replayed {
		t.Error("the attempt is counted twice")
	}
	second := under(1, by("worker_1", commands.EndAttempt{Cause: ledger.AttemptLost, Number: 4}))
	b.refused(second, projection.InvalidTransition, 6)
	second.Command = commands.EndAttempt{Cause: ledger.AttemptLost, Number: 2}
	if b.must(second); b.job("job_1").Attempts != 2 {
		t.Errorf("%d attempts, want 2", b.job("job_1").Attempts)
	}
}

// The newest count of steps is kept.
func TestProgressOfSteps(t *testing.T) {
	b := newBench(t)
	b.must(submit())
	for _, steps := range []ledger.StepCount{{Done: 0, Total: 3}, {Done: 2, Total: 3}} {
		b.must(by("worker_1", commands.AddCheckpoint{Type: ledger.CheckpointProgress, Summary: "step", Progress: steps}), checkpoint(ledger.CheckpointProgress))
		if got := b.job("job_1").Steps; got != steps {
			t.Errorf("the job has come to %+v, want %+v", got, steps)
		}
	}
}
