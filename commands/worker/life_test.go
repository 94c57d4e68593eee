package worker_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gait/commands/worker"
	"gait/projection"
)

// count counts the events of a kind.
func (b *book) count(kind string) int {
	n := 0
	for _, e := range b.list() {
		if strings.HasPrefix(e, kind) {
			n++
		}
	}
	return n
}

// steady is a script that says something every so often, for an hour.
func steady(every time.Duration) func(*child) int {
	return func(c *child) int {
		for range time.Hour / every {
			if !c.sleep(every) {
				return 3
			}
			if c.book.work(c.state.Epoch, "checkpoint", nil) != nil {
				return 4
			}
		}
		return 0
	}
}

func silent(c *child) int {
	if c.sleep(time.Hour) {
		return 0
	}
	return 3
}

// TestRenewals counts the events that keep a lease for an hour.
func TestRenewals(t *testing.T) {
	const halves = int(2 * time.Hour / ttl)
	tests := map[string]struct {
		ahead       time.Duration // of the ledger's clock
		script      func(*child) int
		least, most int
	}{
		"steady":                  {0, steady(10 * time.Second), 0, 0},
		"just often enough":       {0, steady(29 * time.Second), 0, 0},
		"silent":                  {0, silent, halves - 5, halves},
		"rarely":                  {0, steady(45 * time.Second), 1, int(time.Hour / (45 * time.Second))},
		"the ledger is ahead":     {3 * time.Hour, silent, halves - 5, halves},
		"the ledger is behind":    {-3 * time.Hour, silent, halves - 5, halves},
		"steady, another's clock": {7 * time.Minute, steady(10 * time.Second), 0, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBook()
				b.ahead = tt.ahead
				o := options(t)
				o.Log = nil
				if got, err := run(t, b, o, tt.script); got != worker.Completed || err != nil {
					t.Errorf("Run = %q, %v, want completed", got, err)
				}
				if n := b.count("lease_renewed"); n < tt.least || n > tt.most {
					t.Errorf("%d renewals in an hour, want %d to %d", n, tt.least, tt.most)
				}
			})
		})
	}
}

// TestWeek waits a week for a person: without a lease, a child or a look at the job.
func TestWeek(t *testing.T) {
	const week = 7 * 24 * time.Hour
	for name, auto := range map[string]bool{"resumed": false, "resumes itself": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, o := newBook(), options(t)
				o.WaitForPeople, o.AutoResume, o.Deadline = true, auto, time.Hour
				l := &launcher{book: b, script: func(c *child) int {
					c.sleep(time.Second)
					if c.n == 1 {
						_ = c.book.ask(c.state.Epoch)
						return worker.AskedExit
					}
					return 0
				}}
				go func() {
					time.Sleep(week)
					b.mu.Lock()
					reads, live := b.reads, b.lives()
					b.mu.Unlock()
					l.mu.Lock()
					running := l.running
					l.mu.Unlock()
					if reads > 10 || live || running > 0 {
						t.Errorf("in a week of waiting: %d reads, lease %v, %d children", reads, live, running)
					}
					b.by("approved", b.approve)
					if !auto {
						b.resume()
					}
				}()
				r := &worker.Runner{Job: &client{book: b, ttl: ttl}, Launcher: l, Options: o}
				if got, err := r.Run(t.Context()); got != worker.Completed || err != nil {
					t.Errorf("Run = %q, %v, want completed", got, err)
				}
				resumed := map[bool]string{false: "resumed", true: "resumed by the supervisor"}[auto]
				want := []string{"leased 1", "asked", "attempt_ended asked 75", "approved", resumed, "leased 2", "attempt_ended exited 0", "completed"}
				if diff := cmp.Diff(want, b.list()); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// TestWaits has what else is waited for.
func TestWaits(t *testing.T) {
	tests := map[string]struct {
		script func(*child) int
		during func(*book)
		want   worker.Outcome
		events []string
	}{
		"a pause": {
			busyOnce, func(b *book) { time.Sleep(3 * time.Second); b.pause(); time.Sleep(time.Hour); b.resume() }, worker.Completed,
			[]string{"leased 1", "paused", "attempt_ended paused 3", "resumed", "leased 2", "attempt_ended exited 0", "completed"},
		},
		"grants to be settled": {
			func(c *child) int {
				if c.n == 1 {
					_ = c.book.work(1, "allow", func() { c.book.grants++ })
				}
				return int(2 - c.n)
			},
			func(b *book) {
				time.Sleep(time.Hour)
				b.by("effect_settled", func() { b.grants = 0 })
			}, worker.Completed,
			[]string{"leased 1", "allow", "attempt_ended exited 1", "lease_released gave_up", "effect_settled", "leased 2", "attempt_ended exited 0", "completed"},
		},
		"what is cancelled instead": {
			busyOnce, func(b *book) {
				time.Sleep(3 * time.Second)
				b.pause()
				time.Sleep(time.Hour)
				b.by("cancelled", func() { b.to(projection.Cancelled, projection.WaitsForNothing) })
			}, worker.Cancelled,
			[]string{"leased 1", "paused", "attempt_ended paused 3", "cancelled"},
		},
		"what is stopped instead": {
			busyOnce, func(b *book) {
				time.Sleep(3 * time.Second)
				b.pause()
				time.Sleep(time.Hour)
				b.by("stopped", func() { b.to(projection.EmergencyStopped, projection.WaitsForCancel) })
			}, worker.Stopped,
			[]string{"leased 1", "paused", "attempt_ended paused 3", "stopped"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, o := newBook(), options(t)
				o.WaitForPeople = true
				if got, err := run(t, b, o, tt.script, func() { tt.during(b) }); got != tt.want || err != nil {
					t.Errorf("Run = %q, %v, want %q", got, err, tt.want)
				}
				if diff := cmp.Diff(tt.events, b.list()); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		b, o := newBook(), options(t)
		o.WaitForPeople = true
		b.status = projection.PausedStatus
		r := &worker.Runner{Job: &client{book: b, ttl: ttl}, Launcher: &launcher{book: b, script: busy}, Options: o}
		if got, err := r.Run(ctx); got != worker.Interrupted || err != nil || len(b.events) > 0 {
			t.Errorf("Run = %q, %v, want interrupted", got, err)
		}
	})
}

// TestTakenByAnother has a job that another worker takes when it goes on: its supervisor stands by.
func TestTakenByAnother(t *testing.T) {
	for name, tt := range map[string]struct {
		want   worker.Outcome
		events []string
		script func(*child) int // of the other
	}{
		"and completed": {worker.Completed, []string{"leased 2", "attempt_ended exited 0", "completed"}, exits(0, 0)},
		"and given back": {
			worker.Completed, []string{"leased 2", "attempt_ended interrupted 3", "lease_released gave_up", "leased 3", "attempt_ended exited 0", "completed"}, busy,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, o, began := newBook(), options(t), time.Now()
				o.WaitForPeople = true
				b.fails = func(string) error {
					if since := time.Since(began); since > 60*time.Minute && since < 61*time.Minute {
						return errUnreachable
					}
					return nil
				}
				ctx, cancel := context.WithTimeout(t.Context(), 70*time.Minute)
				defer cancel()
				other := after(61*time.Minute, func() {
					r := &worker.Runner{Job: &client{book: b, ttl: ttl}, Launcher: &launcher{book: b, script: tt.script}, Options: options(t)}
					_, _ = r.Run(ctx)
				})
				resumes := after(time.Hour, b.resume)
				script := func(c *child) int {
					if c.n == 1 {
						_ = b.ask(1)
						return worker.AskedExit
					}
					return 0
				}
				if got, err := run(t, b, o, script, resumes, other); got != tt.want || err != nil {
					t.Errorf("Run = %q, %v, want %q", got, err, tt.want)
				}
				got := slices.DeleteFunc(b.list(), func(e string) bool { return e == "lease_renewed" })
				if diff := cmp.Diff(append([]string{"leased 1", "asked", "attempt_ended asked 75", "resumed"}, tt.events...), got); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}

// busyOnce is busy in the first attempt.
func busyOnce(c *child) int {
	if c.n == 1 {
		return busy(c)
	}
	return 0
}

// TestReaction measures how soon a child is told to end.
func TestReaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		var paused, told time.Time
		script := func(c *child) int {
			<-c.term
			told = time.Now()
			return 3
		}
		got, err := run(t, b, options(t), script, after(100*time.Second, func() { paused = time.Now(); b.pause() }))
		if got != worker.Paused || err != nil || told.Sub(paused) > time.Second {
			t.Errorf("Run = %q, %v; the child was told %s after the pause", got, err, told.Sub(paused))
		}
	})
}

// TestDeadlineOfAll counts the time of all attempts, and not that of people.
func TestDeadlineOfAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, o := newBook(), options(t)
		o.WaitForPeople, o.Deadline = true, 10*time.Minute
		script := func(c *child) int {
			if c.sleep(6*time.Minute) && b.ask(c.state.Epoch) == nil {
				return worker.AskedExit
			}
			return 3
		}
		began := time.Now()
		got, err := run(t, b, o, script, after(time.Hour, b.resume))
		if took := time.Since(began); got != worker.Failed || err != nil || took.Round(time.Minute) != 64*time.Minute {
			t.Errorf("Run = %q, %v after %s, want that it failed after 6 minutes, 54 of waiting and 4", got, err, took)
		}
	})
}

// TestOldNews has a job whose states are seen long after they were so.
func TestOldNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		script := func(c *child) int {
			for range 30 {
				c.sleep(2 * time.Minute)
				_ = b.work(1, "step", nil)
			}
			return 0
		}
		r := &worker.Runner{Job: slow{&client{book: b, ttl: ttl}}, Launcher: &launcher{book: b, script: script}, Options: options(t)}
		if got, err := r.Run(t.Context()); got != worker.Completed || err != nil {
			t.Errorf("Run = %q, %v, want completed", got, err)
		}
		if n := b.count("lease_renewed"); n > 120 {
			t.Errorf("%d renewals in an hour", n)
		}
	})
}

// slow is a job that is watched with a delay.
type slow struct{ *client }

func (j slow) Watch(ctx context.Context, visit func(worker.State) bool) error {
	return j.client.Watch(ctx, func(s worker.State) bool {
		select {
		case <-time.After(45 * time.Second):
		case <-ctx.Done():
		}
		return visit(s)
	})
}
