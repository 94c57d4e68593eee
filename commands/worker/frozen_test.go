package worker_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gait/commands/process"
	"gait/commands/worker"
	"gait/ledger"
	"gait/projection"
)

// A freezer stops a supervisor for some time, as SIGSTOP does: its clock, its calls and what is
// called by them. Its child goes on, and so does the guard of that.
type freezer struct {
	mu    sync.Mutex
	until time.Time
	after time.Duration // how long Take freezes it, before it sees the answer
}

func (f *freezer) freeze(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.until = time.Now().Add(d)
}

// pass waits until the supervisor is not frozen.
func (f *freezer) pass() {
	for {
		f.mu.Lock()
		left := time.Until(f.until)
		f.mu.Unlock()
		if left <= 0 {
			return
		}
		time.Sleep(left)
	}
}

func (f *freezer) now() time.Time {
	f.pass()
	return time.Now()
}

// A freezing is a job whose supervisor can be frozen.
type freezing struct {
	*client
	*freezer
}

func (j freezing) through(f func() (worker.State, error)) (worker.State, error) {
	j.pass()
	defer j.pass() // it reads the answer later
	return f()
}

func (j freezing) Look(ctx context.Context) (worker.State, error) {
	return j.through(func() (worker.State, error) { return j.client.Look(ctx) })
}

func (j freezing) Watch(ctx context.Context, visit func(worker.State) bool) error {
	return j.client.Watch(ctx, func(s worker.State) bool { j.pass(); return visit(s) })
}

func (j freezing) Take(ctx context.Context) (worker.State, error) {
	return j.through(func() (worker.State, error) {
		defer j.freeze(j.after)
		return j.client.Take(ctx)
	})
}

func (j freezing) Renew(ctx context.Context) (worker.State, error) {
	return j.through(func() (worker.State, error) { return j.client.Renew(ctx) })
}

func (j freezing) Release(ctx context.Context, o ledger.LeaseOutcome) (worker.State, error) {
	return j.through(func() (worker.State, error) { return j.client.Release(ctx, o) })
}

func (j freezing) EndAttempt(ctx context.Context, c ledger.AttemptCause, e *process.Exit, tail []byte) (worker.State, error) {
	return j.through(func() (worker.State, error) { return j.client.EndAttempt(ctx, c, e, tail) })
}

func (j freezing) Complete(ctx context.Context, summary string) (worker.State, error) {
	return j.through(func() (worker.State, error) { return j.client.Complete(ctx, summary) })
}

// Start starts a child, and does not say so while the supervisor is frozen.
func (l freezingLauncher) Start(ctx context.Context, s worker.State, n int64) (worker.Child, error) {
	l.pass()
	c, err := l.launcher.Start(ctx, s, n)
	l.pass()
	return c, err
}

type freezingLauncher struct {
	*launcher
	*freezer
}

// TestFrozen freezes a supervisor beyond its lease while its child works or has just ended, and
// another takes the job: the first one does not even try to write, and its child is gone when the
// other begins.
func TestFrozen(t *testing.T) {
	tests := map[string]struct {
		at     time.Duration
		script func(*child) int
		starts int // of the first supervisor
	}{
		"at work":              {100 * time.Second, silent, 1},
		"before it looked":     {50 * time.Millisecond, silent, 1},
		"before it started":    {0, silent, 0},
		"deaf":                 {100 * time.Second, func(c *child) int { c.deaf(time.Hour); return 0 }, 1},
		"ends meanwhile":       {100 * time.Second, func(c *child) int { c.sleep(110 * time.Second); return 0 }, 1},
		"ends as it thaws":     {100 * time.Second, func(c *child) int { c.deaf(100*time.Second + 3*ttl); return 0 }, 1},
		"would ask, too late":  {100 * time.Second, func(c *child) int { c.deaf(170 * time.Second); _ = c.book.ask(1); return 75 }, 1},
		"keeps its lease busy": {100 * time.Second, steady(time.Second), 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, f := newBook(), &freezer{}
				o := options(t)
				o.Now = f.now
				l := &launcher{book: b, script: tt.script}
				r := &worker.Runner{Job: freezing{&client{book: b, ttl: ttl}, f}, Options: o, Launcher: freezingLauncher{l, f}}
				if tt.at == 0 {
					f.after = 3 * ttl
				}
				go func() {
					time.Sleep(tt.at)
					if tt.at > 0 {
						f.freeze(3 * ttl)
					}
					time.Sleep(5 * ttl / 2)
					again := options(t)
					again.Retries = 1
					got, err := run(t, b, again, func(c *child) int {
						if l.mu.Lock(); l.running > 0 {
							t.Error("two children work")
						}
						l.mu.Unlock()
						c.sleep(30 * time.Minute)
						return 0
					})
					if got != worker.Completed || err != nil {
						t.Errorf("the second supervisor: Run = %q, %v, want completed", got, err)
					}
				}()
				if got, err := r.Run(t.Context()); got != worker.LeaseLost || err != nil {
					t.Errorf("Run = %q, %v, want lease_lost", got, err)
				}
				time.Sleep(time.Hour)
				want := []string{"leased 1", "attempt_ended lost", "leased 2", "attempt_ended exited 0", "completed"}
				got := slices.DeleteFunc(b.list(), func(e string) bool { return e == "lease_renewed" || e == "checkpoint" })
				if diff := cmp.Diff(want, got); diff != "" {
					t.Error(diff)
				}
				if b.late > 0 || l.started != tt.starts {
					t.Errorf("it tried to write %d times after its lease had ended, and started %d children", b.late, l.started)
				}
			})
		})
	}
}

// TestFrozenAlone freezes a supervisor beyond its lease, and no other takes the job.
func TestFrozenAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, f, o := newBook(), &freezer{}, options(t)
		o.Now = f.now
		go after(10*time.Second, func() { f.freeze(2 * ttl) })()
		r := &worker.Runner{
			Job: freezing{&client{book: b, ttl: ttl}, f}, Options: o,
			Launcher: freezingLauncher{&launcher{book: b, script: silent}, f},
		}
		if got, err := r.Run(t.Context()); got != worker.LeaseLost || err != nil {
			t.Errorf("Run = %q, %v, want lease_lost", got, err)
		}
		if diff := cmp.Diff([]string{"leased 1", "attempt_ended lease_lost 137"}, b.list()); diff != "" || b.late > 0 {
			t.Error(diff, b.late)
		}
	})
}

// TestThawedInTime freezes a supervisor for less than its lease: nothing is lost.
func TestThawedInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, f, o := newBook(), &freezer{}, options(t)
		o.Now, o.Log = f.now, nil
		go func() {
			for range 30 {
				time.Sleep(91 * time.Second)
				f.freeze(27 * time.Second)
			}
		}()
		r := &worker.Runner{
			Job: freezing{&client{book: b, ttl: ttl}, f}, Options: o,
			Launcher: freezingLauncher{&launcher{book: b, script: silent}, f},
		}
		if got, err := r.Run(t.Context()); got != worker.Completed || err != nil {
			t.Errorf("Run = %q, %v, want completed", got, err)
		}
		time.Sleep(2 * time.Hour)
	})
}

// TestClockJumps sets the clock of supervisor and ledger, or of the ledger alone: what happens has a
// name.
func TestClockJumps(t *testing.T) {
	tests := map[string]struct {
		by, back time.Duration // and back again, after ten minutes
		alone    bool
		want     worker.Outcome
	}{
		"ahead":            {24 * time.Hour, 0, false, worker.LeaseLost},
		"a little ahead":   {20 * time.Second, 0, false, worker.Completed},
		"back":             {-24 * time.Hour, 0, false, worker.Completed},
		"back for a time":  {-30 * time.Minute, 30 * time.Minute, false, worker.LeaseLost},
		"a little back":    {-20 * time.Second, 20 * time.Second, false, worker.Completed},
		"its back":         {-10 * time.Minute, 0, true, worker.Completed},
		"its ahead":        {10 * time.Minute, 0, true, worker.LeaseLost},
		"its little ahead": {20 * time.Second, -20 * time.Second, true, worker.Completed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, o := newBook(), options(t)
				o.Log = nil
				o.Now = func() time.Time {
					if tt.alone {
						return time.Now().Round(0)
					}
					b.mu.Lock()
					defer b.mu.Unlock()
					return b.now().Round(0)
				}
				during := func() {
					for _, by := range []time.Duration{tt.by, tt.back} {
						time.Sleep(10 * time.Minute)
						b.mu.Lock()
						b.ahead += by
						b.mu.Unlock()
					}
				}
				got, err := run(t, b, o, silent, during)
				if got != tt.want || err != nil {
					t.Errorf("Run = %q, %v, want %q; %q", got, err, tt.want, b.list())
				}
				if n := b.count("lease_renewed"); got == worker.Completed && (n < 110 || n > 122) {
					t.Errorf("%d renewals in an hour", n)
				}
				time.Sleep(time.Hour)
			})
		})
	}
}

// TestAnything has two supervisors of one job, and all that can happen to them at random times.
// No child works longer than its lease lives, nothing of an old lease lands, and in the end
// the job is completed once.
func TestAnything(t *testing.T) {
	seeds := uint64(200)
	if testing.Short() {
		seeds = 60
	}
	outcomes := map[worker.Outcome]int{}
	for seed := range seeds {
		synctest.Test(t, func(t *testing.T) { anything(t, seed, outcomes) })
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	t.Log(outcomes)
	for _, o := range []worker.Outcome{worker.Completed, worker.LeaseLost, worker.Paused, worker.Waiting, worker.Interrupted} {
		if outcomes[o] == 0 {
			t.Errorf("no run was %s", o)
		}
	}
}

func anything(t *testing.T, seed uint64, outcomes map[worker.Outcome]int) {
	rng := rand.New(rand.NewPCG(seed, 18))
	var mu sync.Mutex
	chance := func(n int) int {
		mu.Lock()
		defer mu.Unlock()
		return rng.IntN(n)
	}
	seconds := func(n int) time.Duration { return time.Duration(chance(n*1000)) * time.Millisecond }
	b, steps := newBook(), 0
	b.after = func(string) error {
		if chance(20) == 0 {
			return ledger.ErrOutcomeUnknown
		}
		return nil
	}
	down := &freezer{} // the daemon
	b.fails = func(string) error {
		down.mu.Lock()
		defer down.mu.Unlock()
		if time.Now().Before(down.until) {
			return errUnreachable
		}
		return nil
	}
	script := func(c *child) int {
		for {
			if !c.sleep(seconds(40)) && chance(3) > 0 {
				return 3
			}
			b.mu.Lock()
			done, late := steps >= 40, c.state.Epoch == b.epoch && !b.ended && !b.lives()
			b.mu.Unlock()
			select {
			case <-c.killed:
				return 137
			default:
			}
			switch {
			case late:
				t.Errorf("the child of epoch %d outlived its lease", c.state.Epoch)
			case done:
				return 0
			case chance(12) == 0:
				return chance(4)
			case chance(15) == 0 && b.ask(c.state.Epoch) == nil:
				return worker.AskedExit
			case b.work(c.state.Epoch, "step", func() { steps++ }) != nil:
				return 4
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var supervisors sync.WaitGroup
	freezers := []*freezer{{}, {}}
	for _, f := range freezers {
		supervisors.Go(func() {
			c := &client{book: b, ttl: ttl}
			for ctx.Err() == nil {
				once, stop := context.WithTimeout(ctx, 5*time.Minute+seconds(600))
				o := worker.Options{Grace: 10 * time.Second, Retries: chance(3), Now: f.now, AutoResume: chance(2) == 0, WaitForPeople: chance(2) == 0}
				o.RetryOn = []int{1, 2, 3, 4, 137}
				r := &worker.Runner{Job: freezing{c, f}, Launcher: freezingLauncher{&launcher{book: b, script: script}, f}, Options: o}
				got, _ := r.Run(once)
				stop()
				mu.Lock()
				outcomes[got]++
				mu.Unlock()
				if time.Sleep(time.Second); got == worker.Completed || got == worker.Failed {
					return
				}
			}
		})
	}
	for end := time.Now().Add(2 * time.Hour); time.Now().Before(end); time.Sleep(seconds(200)) {
		switch chance(8) {
		case 0:
			freezers[chance(2)].freeze(seconds(200))
		case 1:
			down.freeze(seconds(90))
		case 2:
			b.mu.Lock()
			running := b.status == projection.Running
			b.mu.Unlock()
			if running {
				b.pause()
			}
		case 3:
			b.by("lease_released lost", func() { b.ended = true })
		default:
			b.mu.Lock()
			waits := b.status != projection.Running && !b.status.Final()
			b.mu.Unlock()
			if waits {
				b.resume()
			}
		}
	}
	cancel()
	supervisors.Wait()
	time.Sleep(time.Hour)
	if n := b.count("completed"); n > 1 {
		t.Errorf("it was completed %d times", n)
	}
	if n := b.count("attempt_ended"); int64(n) != b.attempts {
		t.Errorf("%d attempts ended, the job counts %d", n, b.attempts)
	}
}
