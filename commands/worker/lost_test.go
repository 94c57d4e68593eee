package worker_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gait/commands/worker"
	"gait/ledger"
	"gait/projection"
)

// TestUnreachable has a ledger that cannot be reached from some time on, for some time.
func TestUnreachable(t *testing.T) {
	tests := map[string]struct {
		from, to time.Duration
		want     worker.Outcome
	}{
		"for ever":                      {100 * time.Second, 1000 * time.Hour, worker.LeaseLost},
		"from the start":                {time.Second, 1000 * time.Hour, worker.LeaseLost},
		"as long as the lease may miss": {100 * time.Second, 125 * time.Second, worker.Completed},
		"until it is too late":          {61 * time.Second, 600 * time.Second, worker.LeaseLost},
		"at the end":                    {3599 * time.Second, 3603 * time.Second, worker.Completed},
		"at the end, for ever":          {3599 * time.Second, 1000 * time.Hour, worker.LeaseLost},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, began := newBook(), time.Now()
				b.fails = func(string) error {
					if since := time.Since(began); since >= tt.from && since < tt.to {
						return errUnreachable
					}
					return nil
				}
				l := &launcher{book: b, script: func(c *child) int {
					code := silent(c)
					b.mu.Lock()
					defer b.mu.Unlock()
					if !b.lives() {
						t.Errorf("the child lived %s longer than its lease", b.now().Sub(b.until))
					}
					return code
				}}
				o := options(t)
				o.Log = nil
				r := &worker.Runner{Job: &client{book: b, ttl: ttl}, Launcher: l, Options: o}
				got, err := r.Run(t.Context())
				if got != tt.want || err != nil && (got == worker.Completed || !errors.Is(err, errUnreachable)) {
					t.Errorf("Run = %q, %v, want %q; %q", got, err, tt.want, b.list())
				}
			})
		})
	}
}

// TestHangs has a renewal that is never answered: the child is ended in time all the same.
func TestHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBook()
		r := &worker.Runner{Job: hanging{&client{book: b, ttl: ttl}}, Launcher: &launcher{book: b, script: func(c *child) int {
			code := silent(c)
			if b.mu.Lock(); !b.lives() {
				t.Error("the child outlived its lease")
			}
			b.mu.Unlock()
			return code
		}}, Options: options(t)}
		got, err := r.Run(t.Context())
		if got != worker.LeaseLost || err != nil {
			t.Errorf("Run = %q, %v", got, err)
		}
		if diff := cmp.Diff([]string{"leased 1", "attempt_ended lease_lost 3", "lease_released gave_up"}, b.list()); diff != "" {
			t.Error(diff)
		}
	})
}

// hanging is a job whose renewals are never answered.
type hanging struct{ *client }

func (hanging) Renew(ctx context.Context) (worker.State, error) {
	<-ctx.Done()
	return worker.State{}, ctx.Err()
}

// TestUnknownOutcomes loses each answer once: nothing is said twice.
func TestUnknownOutcomes(t *testing.T) {
	for _, op := range []string{"end", "complete", "renew", "release", "fail"} {
		t.Run(op, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, o := newBook(), options(t)
				var once sync.Once
				b.after = func(now string) (err error) {
					if now == op {
						once.Do(func() { err = ledger.ErrOutcomeUnknown })
					}
					return err
				}
				want, code := worker.Completed, 0
				switch op {
				case "fail":
					want, code = worker.Failed, 1
				case "release":
					o.NoComplete, want = true, worker.Left
				}
				script := func(c *child) int { c.sleep(40 * time.Second); return code }
				if got, err := run(t, b, o, script); got != want || err != nil {
					t.Errorf("Run = %q, %v, want %q", got, err, want)
				}
				for _, kind := range []string{"attempt_ended", "completed", "failed", "lease_released"} {
					if n := b.count(kind); n > 1 {
						t.Errorf("%d events %s", n, kind)
					}
				}
			})
		})
	}
}

// TestLastMoment has what can come between the end of an attempt and the job's last event.
func TestLastMoment(t *testing.T) {
	tests := map[string]struct {
		before func(*book) // the last event
		want   worker.Outcome
	}{
		"the lease ends":   {func(b *book) { b.ahead += time.Hour }, worker.LeaseLost},
		"a grant":          {func(b *book) { b.grants++ }, worker.Waiting},
		"a pause":          {func(b *book) { b.to(projection.PausedStatus, projection.WaitsForResume) }, worker.Paused},
		"a question":       {func(b *book) { b.to(projection.DecisionNeeded, projection.WaitsForDecision); b.asked = true }, worker.Waiting},
		"it is taken away": {func(b *book) { b.ended = true }, worker.LeaseLost},
		"another has it":   {func(b *book) { b.epoch++ }, worker.LeaseLost},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBook()
				b.fails = func(op string) error {
					if b.mu.Lock(); op == "complete" {
						tt.before(b)
					}
					b.mu.Unlock()
					return nil
				}
				if got, err := run(t, b, options(t), exits(0)); got != tt.want || err != nil {
					t.Errorf("Run = %q, %v, want %q", got, err, tt.want)
				}
			})
		})
	}
}

// TestRefused has a ledger that refuses what the supervisor says, for reasons of its own.
func TestRefused(t *testing.T) {
	no := ledger.NewError("the actor may not", ledger.Fault{Code: "role_required", Category: ledger.CategoryPolicy})
	for _, op := range []string{"end", "complete"} {
		t.Run(op, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBook()
				b.fails = func(now string) error {
					if now == op {
						return no
					}
					return nil
				}
				if got, err := run(t, b, options(t), exits(0)); got != "" || !errors.Is(err, no) {
					t.Errorf("Run = %q, %v, want the refusal", got, err)
				}
				if b.count("lease_released gave_up") != 1 {
					t.Errorf("the lease was not given back: %q", b.list())
				}
			})
		})
	}
}
