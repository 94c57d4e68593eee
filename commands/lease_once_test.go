package commands_test

import (
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"gait/commands"
	"gait/commands/gate"
	"gait/ledger"
	"gait/projection"
)

// A crowd is a job that several supervised workers want to do, each under a lease. Any of them
// may be frozen at any step while the others go on, and thawed later, or killed.
type crowd struct {
	*life
	workers []*crowdWorker
	made    int
	fenced  int // answers
	taken   int // leases
}

// A crowdWorker is one process: next lets it go on to its next step.
type crowdWorker struct {
	name  string
	epoch int64
	next  func() (string, bool)
	stop  func()
}

// add starts a worker.
func (c *crowd) add() {
	c.made++
	w := &crowdWorker{name: fmt.Sprintf("worker_%d", c.made)}
	w.next, w.stop = iter.Pull(func(yield func(string) bool) { c.works(w, yield) })
	c.workers = append(c.workers, w)
}

// request carries a request of a worker out between two steps, at which it may be frozen or
// killed: it returns false then, or if it lost its lease.
func (c *crowd) request(w *crowdWorker, yield func(string) bool, r commands.Request) (commands.Result, error, bool) {
	if !yield("before " + r.Command.Verb()) {
		return commands.Result{}, nil, false
	}
	r.Actor = w.name
	if _, takes := r.Command.(commands.LeaseTake); !takes {
		r.Lease = w.epoch
	}
	result, err := c.do(r)
	return result, err, yield("after " + r.Command.Verb())
}

// works is the life of a worker, from its lease on. It ends when it has lost that, when it has to
// wait for people, when the job is done, or when it is killed.
func (c *crowd) works(w *crowdWorker, yield func(string) bool) {
	for w.epoch == 0 {
		result, _, alive := c.request(w, yield, by("", commands.LeaseTake{TTL: ledger.MinLeaseTTL, Worker: w.name}))
		if !alive {
			return
		}
		if p, ok := result.Event.Payload().(ledger.Leased); ok {
			w.epoch = p.Epoch
			c.taken++
		}
	}
	for i, call := range c.calls {
		if !c.callUnder(w, yield, i, call) {
			return
		}
		if c.rng.IntN(4) == 0 {
			if _, _, alive := c.request(w, yield, by("", commands.LeaseRenew{})); !alive {
				return
			}
		}
	}
	if _, err, alive := c.request(w, yield, checkpoint(ledger.CheckpointCompleted)); !alive || err == nil {
		return
	}
	if _, _, alive := c.request(w, yield, endAttempt(ledger.AttemptExited)); alive {
		c.request(w, yield, release(ledger.LeaseGaveUp))
	}
}

// callUnder makes sure that a call is done, and reports whether the worker may go on.
func (c *crowd) callUnder(w *crowdWorker, yield func(string) bool, i int, call string) bool {
	tool := "read"
	if i%3 == 2 {
		tool = "pay"
	}
	result, err, alive := c.request(w, yield, c.eval(tool, i, call))
	if !alive {
		return false
	}
	a := commands.AnswerOf(result, err)
	switch {
	case a.Verdict == ledger.GateAllow:
	case a.ReasonCode == gate.CodeAlreadyDone && a.Outcome == ledger.EffectDone:
		c.reported[call] = true
		return true
	default:
		if a.ReasonCode == string(projection.Fenced) {
			c.fenced++
		}
		return false
	}
	if !yield("before acting") {
		return false
	}
	c.world.ran[call]++
	if !yield("after acting") {
		return false
	}
	_, err, alive = c.request(w, yield, settle(a.Grant, ledger.EffectDone))
	if no, refused := errors.AsType[*commands.RefusedError](err); refused && no.Refusal.Code == projection.Fenced {
		c.fenced++
	}
	if err == nil {
		c.reported[call] = true
	}
	return alive && err == nil
}

// step lets some worker make a step, or kills it, and lets time pass: a little, more than a
// lease lasts, or as when the clock is set.
func (c *crowd) step() {
	for len(c.workers) < 3 {
		c.add()
	}
	i := c.rng.IntN(len(c.workers))
	w := c.workers[i]
	if c.rng.IntN(40) == 0 {
		w.stop()
		c.workers = slices.Delete(c.workers, i, i+1)
	} else if _, alive := w.next(); !alive {
		w.stop()
		c.workers = slices.Delete(c.workers, i, i+1)
	}
	switch c.rng.IntN(60) {
	case 0, 1, 2:
		c.now = c.now.Add((ledger.MinLeaseTTL + 1) * time.Second)
	case 3:
		c.now = c.now.Add(-4 * time.Second)
	case 4:
		c.now = c.now.Add(time.Hour)
	case 5:
		c.now = c.now.Add(-time.Hour)
	default:
		c.now = c.now.Add(time.Duration(c.rng.IntN(300)) * time.Millisecond)
	}
}

// people do what people do: they settle what is unknown by the tool's own record, wrongly now and
// then, decide, resume, and take a lease away that lasts although its holder is gone.
func (c *crowd) people() {
	j := c.job("job_1")
	for _, g := range j.UnknownGrants() {
		said := ledger.EffectNotDone
		if c.world.ran[g.CallID] > 0 != (c.rng.IntN(8) == 0) {
			said = ledger.EffectDone
		}
		c.do(byHand(g.ID, said)) //nolint:errcheck // they try again later
	}
	for _, a := range j.Decisions {
		if a.Verdict == projection.Undecided {
			c.do(approveNamed("reviewer", a.CheckpointID)) //nolint:errcheck // as above
		}
	}
	switch {
	case j.Status == projection.Running && c.rng.IntN(10) == 0:
		c.do(by("boss", commands.Pause{})) //nolint:errcheck // as above
	case j.Status == projection.Running && c.rng.IntN(10) == 0:
		c.do(lost()) //nolint:errcheck // as above
	case j.Status != projection.Running:
		for _, g := range c.job("job_1").Grants { // open ones of a job that does not run
			said := ledger.EffectNotDone
			if c.world.ran[g.CallID] > 0 {
				said = ledger.EffectDone
			}
			c.do(byHand(g.ID, said)) //nolint:errcheck // as above
		}
		c.do(c.goesOn()) //nolint:errcheck // as above
	}
}

// Workers under leases are frozen, thawed and killed at each step while the clock jumps both ways.
// What an older epoch writes is fenced, and no tool runs twice without an operator's recorded word
// that it had not.
func TestToolsRunExactlyOnceUnderLeases(t *testing.T) {
	runs := uint64(120)
	if testing.Short() {
		runs = 30
	}
	completed, fenced, taken, twice := 0, 0, 0, 0
	for seed := range runs {
		c := &crowd{life: newLife(t, seed)}
		c.rng = rand.New(rand.NewPCG(seed, 23))
		for range 3000 {
			c.step()
			if c.rng.IntN(12) == 0 {
				c.people()
			}
			if c.job("job_1").Status.Final() {
				break
			}
		}
		for range 60 { // those who are left are thawed
			for _, w := range c.workers {
				w.next()
			}
		}
		for _, w := range c.workers {
			w.stop()
		}
		c.check(seed)
		observeLease(t, c.log, "job_1", c.job("job_1").JobSeq)
		if c.job("job_1").Status == projection.Completed {
			completed++
		}
		fenced, taken = fenced+c.fenced, taken+c.taken
		for _, n := range c.world.ran {
			twice += max(0, n-1)
		}
	}
	t.Logf("%d of %d jobs completed, under %d leases; %d answers were fenced, %d times a tool ran again after an operator said that it had not", completed, runs, taken, fenced, twice)
	if completed < int(runs)*9/10 || fenced == 0 || taken < 2*int(runs) || twice == 0 {
		t.Error("the test shows little")
	}
}
