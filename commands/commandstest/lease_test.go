package commandstest_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gait/commands"
	"gait/commands/commandstest"
	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/projection"
)

// A sharedClock is read by an engine, which moves it, and by those who only look.
type sharedClock struct{ ms atomic.Int64 }

func (c *sharedClock) look() time.Time {
	return ledgertest.Start.Add(time.Duration(c.ms.Load()) * time.Millisecond)
}

func (c *sharedClock) now() time.Time {
	c.ms.Add(7)
	return c.look()
}

// A leaseClient draws requests of a worker that believes to hold leases, and may be wrong, and of
// the people around.
type leaseClient struct {
	*gateClient
	believes map[string]int64 // the epoch, by job
	clock    *sharedClock
}

func (c *leaseClient) request() commands.Request {
	r := commands.Request{JobID: fmt.Sprintf("job_%d", c.rng.IntN(2)), Actor: fmt.Sprintf("worker_%d", c.id)}
	r.Lease = c.believes[r.JobID]
	switch c.rng.IntN(12) {
	case 0:
		r.Lease = 0
	case 1:
		r.Lease = max(1, r.Lease-1)
	}
	switch n := c.rng.IntN(100); {
	case n < 25:
		r.Lease, r.Command = 0, commands.LeaseTake{TTL: ledger.MinLeaseTTL, Worker: "host"}
	case n < 35 && r.Lease > 0:
		r.Command = commands.LeaseRenew{}
	case n < 40:
		r.Command = commands.LeaseRelease{Outcome: ledger.LeaseGaveUp}
	case n < 43:
		r.Lease, r.Actor, r.Command = 0, "boss", commands.LeaseRelease{Outcome: ledger.LeaseLost}
	case n < 50:
		r.Command = commands.EndAttempt{Cause: ledger.AttemptExited}
	case n < 68:
		lease := r.Lease
		c.eval(&r)
		if r.Actor == "retrier" { // who would be another holder
			r.Actor = fmt.Sprintf("worker_%d", c.id)
			r.RequestID = fmt.Sprintf("%s-%d", r.RequestID, c.id)
		}
		r.Lease = lease
	case n < 80:
		r.Command = commands.GateSettle{Grant: c.grants.some(c.rng), Outcome: ledger.EffectDone}
		if c.rng.IntN(2) == 0 {
			r.Lease, r.Actor, r.Reason = 0, "boss", "looked it up"
		}
	case n < 83:
		r.Lease, r.Actor, r.Command = 0, "boss", commands.Pause{}
	case n < 90:
		r.Lease, r.Actor, r.Command = 0, "boss", commands.Resume{EnvironmentFingerprint: "envfp:here", PolicyDigest: c.policy}
	case n < 95:
		r.Lease, r.Actor, r.Command = 0, "reviewer", commands.Approve{}
	default:
		r.Command = commands.AddCheckpoint{Type: ledger.CheckpointProgress, Summary: "step"}
	}
	return r
}

// do carries out one request, and lets time pass now and then: more than a lease lasts.
func (c *leaseClient) do(h *commandstest.History, do func(commands.Request) (commands.Result, error)) {
	if c.rng.IntN(12) == 0 {
		c.clock.ms.Add(int64(1000 + c.rng.IntN(5000)))
	}
	r := c.request()
	result, err := h.Do(c.id, r, do)
	if p, ok := result.Event.Payload().(ledger.Leased); ok && err == nil {
		c.believes[r.JobID] = p.Epoch
	}
	if p, ok := result.Event.Payload().(ledger.GateDecided); ok && p.Verdict == ledger.GateAllow {
		c.grants.add(p.Grant)
	}
}

// Workers take the leases of shared jobs from each other, and go on when theirs have ended. They
// get the answers of a ledger that carries out one request after another, and at no event more
// than one lease lives.
func TestLeasesAreLinearizable(t *testing.T) {
	const clients, each = 6, 40
	counts := map[string]int{}
	for seed := range uint64(10) {
		l, kept, clock := ledgertest.New(t), contents{}, &sharedClock{}
		policy := kept.keep(gatePolicy).Digest
		var intents []ledger.Content
		for i, tool := range []string{"read", "read", "read", "pay", "drop"} {
			intents = append(intents, kept.keep(fmt.Sprintf(`{"arguments":{"n":%d},"tool":%q}`, i, tool)))
		}
		engine := &commands.Engine{Log: l.Log, Now: clock.now, Entropy: ledgertest.Entropy(seed), Content: kept}
		h := commandstest.History{Gate: kept.input(t, policy), Now: clock.look}
		do := func(r commands.Request) (commands.Result, error) { return engine.Do(context.Background(), r) }
		for i := range 2 {
			submit := commands.Submit{EnvironmentFingerprint: "envfp:here", PolicyDigest: policy, ProducerVersion: "test"}
			h.Do(0, commands.Request{JobID: fmt.Sprintf("job_%d", i), Actor: "boss", Command: submit}, do)
		}
		shared := &grants{}
		var wait sync.WaitGroup
		for id := range clients {
			c := &leaseClient{believes: map[string]int64{}, clock: clock}
			c.gateClient = &gateClient{id: id, rng: rand.New(rand.NewPCG(seed, uint64(id)+100)), policy: policy, intents: intents, grants: shared}
			wait.Go(func() {
				for range each {
					c.do(&h, do)
				}
			})
		}
		wait.Wait()
		if !h.Linearizable() {
			t.Errorf("seed %d: no order of the requests gives these answers", seed)
		}
		for _, op := range h.Operations() {
			counts[commandstest.Kind(op)]++
		}
		oneLeaseLives(t, l.Log, counts)
		ledgertest.Check(t, l.Log)
	}
	for _, kind := range []string{"written", "refused", "lease_held", "fenced", "expired", "released", "invalid_transition"} {
		if counts[kind] == 0 {
			t.Errorf("no request was %s", kind)
		}
	}
	t.Logf("answers: %v", counts)
}

// oneLeaseLives reads the events of each job as a simple reader does: a lease is given only if
// none lives by the reading of its own event, and what a worker says is said under the newest.
// It counts how leases ended before another one was given.
func oneLeaseLives(t *testing.T, log ledger.EventReader, counts map[string]int) {
	t.Helper()
	type lease struct {
		epoch int64
		until time.Time
		ttl   time.Duration
		ended string
	}
	newest := map[string]*lease{}
	for e, err := range log.Events(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		l := newest[e.JobID()]
		if l == nil {
			l = &lease{}
			newest[e.JobID()] = l
		}
		switch p := e.Payload().(type) {
		case ledger.Refused:
			counts[p.Refusal]++
			continue
		case ledger.Leased:
			if l.ended == "" && e.Reading().Before(l.until) || p.Epoch != l.epoch+1 {
				t.Errorf("event %d gives lease %d of %s, and lease %d lives until %s", e.Seq(), p.Epoch, e.JobID(), l.epoch, l.until)
			}
			if l.epoch > 0 && l.ended == "" {
				counts["expired"]++
			}
			*l = lease{epoch: p.Epoch, until: p.Until, ttl: time.Duration(p.TTL) * time.Second}
			continue
		case ledger.LeaseReleased:
			counts["released"]++
			l.ended = "released"
			continue
		case ledger.GateDecided:
			if p.Verdict == ledger.GateAllow && l.epoch > 0 && (e.Lease() != l.epoch || l.ended != "" || !e.Reading().Before(l.until)) {
				t.Errorf("event %d allows a tool to run under lease %d, and lease %d has ended: %q, %s", e.Seq(), e.Lease(), l.epoch, l.ended, l.until)
			}
			if p.Verdict == ledger.GateRequireApproval {
				l.ended = "left"
			}
		case ledger.Paused:
			l.ended = "left"
		}
		if e.Lease() != 0 && e.Lease() != l.epoch {
			t.Errorf("event %d, %s, is under lease %d, and the newest is %d", e.Seq(), e.Type(), e.Lease(), l.epoch)
		}
		if e.Lease() != 0 && e.Reading().Before(l.until) {
			l.until = e.Reading().Add(l.ttl)
		}
	}
}

// The model finds answers about leases that no ledger gives.
func TestModelFindsFalseLeases(t *testing.T) {
	l, clock := ledgertest.New(t), &sharedClock{}
	engine := &commands.Engine{Log: l.Log, Now: clock.now, Entropy: ledgertest.Entropy(1)}
	do := func(r commands.Request) (commands.Result, error) { return engine.Do(context.Background(), r) }
	held := func(commands.Request) (commands.Result, error) {
		return commands.Result{}, &commands.UnrecordedError{Refusal: &projection.Refusal{Code: projection.LeaseHeld}}
	}
	take := commands.Request{JobID: "job_1", Actor: "a", Command: commands.LeaseTake{TTL: ledger.MinLeaseTTL, Worker: "host"}}
	h := commandstest.History{Now: clock.look}
	submit := commands.Request{JobID: "job_1", Actor: "a", Command: commands.Submit{EnvironmentFingerprint: "envfp:here", ProducerVersion: "test"}}
	for _, r := range []commands.Request{submit, take} {
		if _, err := h.Do(0, r, do); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.Do(1, take, do); !errors.As(err, new(*commands.UnrecordedError)) || !h.Linearizable() {
		t.Fatalf("taking a lease twice = %v, which the model takes: %t", err, h.Linearizable())
	}
	clock.ms.Add(ledger.MinLeaseTTL * 1000)
	h.Do(1, take, held)
	if h.Linearizable() {
		t.Error("the model takes it that a lease is held that has ended")
	}
}
