package worker_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gait/commands/worker"
	"gait/projection"
)

const ttl = time.Minute

// options are those of most tests.
func options(t *testing.T) worker.Options {
	return worker.Options{Grace: 10 * time.Second, Now: time.Now, Log: t.Logf}
}

// run runs a job with a script, in a bubble. during is what happens meanwhile.
func run(t *testing.T, b *book, o worker.Options, script func(*child) int, during ...func()) (worker.Outcome, error) {
	t.Helper()
	for _, f := range during {
		go f()
	}
	r := &worker.Runner{Job: &client{book: b, ttl: ttl}, Launcher: &launcher{book: b, script: script}, Options: o}
	return r.Run(t.Context())
}

// exits is a script that works for a second and exits with the codes, one an attempt.
func exits(codes ...int) func(*child) int {
	return func(c *child) int {
		c.sleep(time.Second)
		return codes[c.n-1]
	}
}

// busy is a script that ends when it is told to.
func busy(c *child) int {
	if c.sleep(time.Hour) {
		return 0
	}
	return 3
}

// after does something after a time.
func after(d time.Duration, do func()) func() {
	return func() {
		time.Sleep(d)
		do()
	}
}

func TestOutcomes(t *testing.T) {
	tests := map[string]struct {
		set    func(*worker.Options)
		script func(*child) int
		during func(*book) func()
		want   worker.Outcome
		events []string
	}{
		"done": {
			script: exits(0), want: worker.Completed,
			events: []string{"leased 1", "attempt_ended exited 0", "completed"},
		},
		"left": {
			set: func(o *worker.Options) { o.NoComplete = true }, script: exits(0), want: worker.Left,
			events: []string{"leased 1", "attempt_ended exited 0", "lease_released done"},
		},
		"completed by itself": {
			script: func(c *child) int {
				_ = c.book.work(1, "completed by the worker", func() { c.book.to(projection.Completed, projection.WaitsForNothing) })
				c.deaf(5 * time.Second)
				return 0
			},
			want: worker.Completed, events: []string{"leased 1", "completed by the worker"},
		},
		"failed at once": {
			script: exits(2), want: worker.Failed,
			events: []string{"leased 1", "attempt_ended exited 2", "failed attempt 1: exit 2; its end"},
		},
		"the third time": {
			set: func(o *worker.Options) { o.Retries = 2 }, script: exits(2, 1, 0), want: worker.Completed,
			events: []string{"leased 1", "attempt_ended exited 2", "attempt_ended exited 1", "attempt_ended exited 0", "completed"},
		},
		"not the third time": {
			set: func(o *worker.Options) { o.Retries = 2 }, script: exits(2, 1, 1, 0), want: worker.Failed,
			events: []string{"leased 1", "attempt_ended exited 2", "attempt_ended exited 1", "attempt_ended exited 1", "failed attempt 3: exit 1; its end"},
		},
		"a code not tried again": {
			set: func(o *worker.Options) { o.Retries, o.NoRetryOn = 5, []int{2} }, script: exits(1, 2), want: worker.Failed,
			events: []string{"leased 1", "attempt_ended exited 1", "attempt_ended exited 2", "failed attempt 2: exit 2, which is not tried again; its end"},
		},
		"only a code tried again": {
			set: func(o *worker.Options) { o.Retries, o.RetryOn = 5, []int{2} }, script: exits(2, 1), want: worker.Failed,
			events: []string{"leased 1", "attempt_ended exited 2", "attempt_ended exited 1", "failed attempt 2: exit 1, which is not tried again; its end"},
		},
		"75 without a question is a failure": {
			script: exits(worker.AskedExit), want: worker.Failed,
			events: []string{"leased 1", "attempt_ended exited 75", "failed attempt 1: exit 75; its end"},
		},
		"asked": {
			script: func(c *child) int { _ = c.book.ask(1); c.sleep(time.Second); return worker.AskedExit }, want: worker.Waiting,
			events: []string{"leased 1", "asked", "attempt_ended asked 75"},
		},
		"asked and exited with 0 at once": {
			script: func(c *child) int { _ = c.book.ask(1); return 0 }, want: worker.Waiting,
			events: []string{"leased 1", "asked", "attempt_ended asked 0"},
		},
		"asked and has time to save its state": {
			script: func(c *child) int { _ = c.book.ask(1); c.deaf(9 * time.Second); return worker.AskedExit }, want: worker.Waiting,
			events: []string{"leased 1", "asked", "attempt_ended asked 75"},
		},
		"asked and does not end": {
			script: func(c *child) int { _ = c.book.ask(1); c.deaf(time.Hour); return 0 }, want: worker.Waiting,
			events: []string{"leased 1", "asked", "attempt_ended asked 137"},
		},
		"asked, and resumed at once": {
			script: func(c *child) int { _ = c.book.ask(1); c.book.resume(); return worker.AskedExit }, want: worker.Waiting,
			events: []string{"leased 1", "asked", "resumed", "attempt_ended asked 75"},
		},
		"paused": {
			script: busy, during: func(b *book) func() { return after(3*time.Second, b.pause) }, want: worker.Paused,
			events: []string{"leased 1", "paused", "attempt_ended paused 3"},
		},
		"paused, deaf": {
			script: func(c *child) int { c.deaf(time.Hour); return 0 },
			during: func(b *book) func() { return after(3*time.Second, b.pause) }, want: worker.Paused,
			events: []string{"leased 1", "paused", "attempt_ended paused 137"},
		},
		"paused and resumed before it was seen": {
			script: busy,
			during: func(b *book) func() {
				return after(3*time.Second, func() {
					b.pause()
					time.Sleep(400 * time.Millisecond)
					b.resume()
				})
			},
			want: worker.Paused, events: []string{"leased 1", "paused", "attempt_ended paused 3", "resumed"},
		},
		"paused and resumed before the child has ended": {
			script: func(c *child) int { <-c.term; c.deaf(2 * time.Second); return 3 },
			during: func(b *book) func() {
				return after(3*time.Second, func() {
					b.pause()
					time.Sleep(time.Second)
					b.resume()
				})
			},
			want: worker.Paused, events: []string{"leased 1", "paused", "resumed", "attempt_ended paused 3"},
		},
		"keeps the lease in a long grace": {
			set:    func(o *worker.Options) { o.Timeout, o.Grace, o.Retries = 5*time.Minute, 5*time.Minute, 1 },
			script: func(c *child) int { c.deaf(time.Duration(9*(2-c.n)) * time.Minute); return int(2 - c.n) },
			want:   worker.Completed,
			events: []string{"leased 1", "attempt_ended timeout 1", "attempt_ended exited 0", "completed"},
		},
		"stopped": {
			script: busy,
			during: func(b *book) func() {
				return after(3*time.Second, func() {
					b.by("stopped", func() { b.to(projection.EmergencyStopped, projection.WaitsForCancel) })
				})
			},
			want: worker.Stopped, events: []string{"leased 1", "stopped", "attempt_ended stopped 3"},
		},
		"cancelled": {
			script: busy,
			during: func(b *book) func() {
				return after(3*time.Second, func() {
					b.by("cancelled", func() { b.to(projection.Cancelled, projection.WaitsForNothing) })
				})
			},
			want: worker.Cancelled, events: []string{"leased 1", "cancelled"},
		},
		"taken away": {
			script: busy,
			during: func(b *book) func() {
				return after(3*time.Second, func() { b.by("lease_released lost", func() { b.ended = true }) })
			},
			want: worker.LeaseLost, events: []string{"leased 1", "lease_released lost", "attempt_ended lease_lost 3"},
		},
		"unsettled grants": {
			set: func(o *worker.Options) { o.Retries = 5 },
			script: func(c *child) int {
				_ = c.book.work(1, "allow", func() { c.book.grants++ })
				return 1
			},
			want: worker.Waiting, events: []string{"leased 1", "allow", "attempt_ended exited 1", "lease_released gave_up"},
		},
		"unsettled grants after exit 0": {
			script: func(c *child) int {
				_ = c.book.work(1, "allow", func() { c.book.grants++ })
				return 0
			},
			want: worker.Waiting, events: []string{"leased 1", "allow", "attempt_ended exited 0", "lease_released gave_up"},
		},
		"too long": {
			set:    func(o *worker.Options) { o.Timeout, o.Retries = 10*time.Minute, 1 },
			script: busy, want: worker.Failed,
			events: []string{"leased 1", "attempt_ended timeout 3", "attempt_ended timeout 3", "failed attempt 2: timeout; its end"},
		},
		"too long is a code": {
			set:    func(o *worker.Options) { o.Timeout, o.Retries, o.NoRetryOn = time.Minute, 1, []int{worker.TimeoutExit} },
			script: busy, want: worker.Failed,
			events: []string{"leased 1", "attempt_ended timeout 3", "failed attempt 1: timeout, which is not tried again; its end"},
		},
		"all attempts too long": {
			set:    func(o *worker.Options) { o.Deadline, o.Retries = 5*time.Minute, 9 },
			script: busy, want: worker.Failed,
			events: []string{"leased 1", "attempt_ended deadline 3", "failed attempt 1: deadline, and no time for another attempt; its end"},
		},
		"no time for a pause": {
			set:    func(o *worker.Options) { o.Deadline, o.Retries, o.Backoff.Base = 10*time.Second, 9, 5*time.Second },
			script: exits(1, 1, 1), want: worker.Failed,
			events: []string{"leased 1", "attempt_ended exited 1", "attempt_ended exited 1", "failed attempt 2: exit 1, and no time for another attempt; its end"},
		},
		"paused and resumed between attempts": {
			set:    func(o *worker.Options) { o.Retries, o.Backoff.Base = 1, 30*time.Second },
			script: exits(1, 0), during: func(b *book) func() { return after(5*time.Second, func() { b.pause(); b.resume() }) }, want: worker.Paused,
			events: []string{"leased 1", "attempt_ended exited 1", "paused", "resumed"},
		},
		"paused between attempts": {
			set:    func(o *worker.Options) { o.Retries, o.Backoff.Base = 1, 30*time.Second },
			script: exits(1, 0), during: func(b *book) func() { return after(5*time.Second, b.pause) }, want: worker.Paused,
			events: []string{"leased 1", "attempt_ended exited 1", "paused"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, o := newBook(), options(t)
				if tt.set != nil {
					tt.set(&o)
				}
				var during []func()
				if tt.during != nil {
					during = append(during, tt.during(b))
				}
				got, err := run(t, b, o, tt.script, during...)
				if err != nil || got != tt.want {
					t.Errorf("Run = %q, %v, want %q", got, err, tt.want)
				}
				events := b.list()
				for i := 0; i < len(events); i++ {
					if events[i] == "lease_renewed" {
						events = append(events[:i], events[i+1:]...)
						i--
					}
				}
				if diff := cmp.Diff(tt.events, events); diff != "" {
					t.Errorf("events (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func TestNotStarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		r := &worker.Runner{Job: &client{book: b, ttl: ttl}, Launcher: &launcher{err: errNoCommand}, Options: options(t)}
		got, err := r.Run(t.Context())
		if got != worker.NotStarted || !errors.Is(err, errNoCommand) {
			t.Errorf("Run = %q, %v, want that it could not be started", got, err)
		}
		if diff := cmp.Diff([]string{"leased 1", "attempt_ended not_started", "lease_released gave_up"}, b.list()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestNotTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		other := &client{book: b, ttl: ttl}
		if _, err := other.Take(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, err := run(t, b, options(t), busy); got != "" || !errors.Is(err, errHeld) {
			t.Errorf("Run = %q, %v, want that another has the lease", got, err)
		}
		for status, want := range map[projection.Status]worker.Outcome{
			projection.PausedStatus: worker.Paused, projection.Blocked: worker.Paused, projection.Completed: worker.Completed,
			projection.Failed: worker.Failed, projection.Cancelled: worker.Cancelled, projection.EmergencyStopped: worker.Stopped,
		} {
			b := newBook()
			b.status = status
			if got, err := run(t, b, options(t), busy); got != want || err != nil || len(b.events) > 0 {
				t.Errorf("Run of a job that is %s = %q, %v, want %q", status, got, err, want)
			}
		}
	})
}

func TestInterrupted(t *testing.T) {
	tests := map[string]struct {
		at     time.Duration
		script func(*child) int
		events []string
	}{
		"at work":      {5 * time.Second, busy, []string{"leased 1", "attempt_ended interrupted 3", "lease_released gave_up"}},
		"deaf":         {5 * time.Second, func(c *child) int { c.deaf(time.Hour); return 0 }, []string{"leased 1", "attempt_ended interrupted 137", "lease_released gave_up"}},
		"exits with 0": {5 * time.Second, func(c *child) int { c.sleep(time.Hour); return 0 }, []string{"leased 1", "attempt_ended interrupted 0", "lease_released gave_up"}},
		"in a pause":   {5 * time.Second, exits(1, 0), []string{"leased 1", "attempt_ended exited 1", "lease_released gave_up"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, o := newBook(), options(t)
				o.Retries, o.Backoff.Base = 1, 20*time.Second
				ctx, cancel := context.WithTimeout(t.Context(), tt.at)
				defer cancel()
				r := &worker.Runner{Job: &client{book: b, ttl: ttl}, Launcher: &launcher{book: b, script: tt.script}, Options: o}
				if got, err := r.Run(ctx); got != worker.Interrupted || err != nil {
					t.Errorf("Run = %q, %v, want interrupted", got, err)
				}
				if diff := cmp.Diff(tt.events, b.list()); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		b := newBook()
		r := &worker.Runner{Job: &client{book: b, ttl: ttl}, Launcher: &launcher{book: b, script: busy}, Options: options(t)}
		if got, err := r.Run(ctx); got != worker.Interrupted || err != nil || len(b.events) > 0 {
			t.Errorf("Run = %q, %v, want interrupted", got, err)
		}
	})
}
