package connect_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"gait/commands"
	"gait/commands/connect"
	"gait/ledger"
	"gait/projection"
)

var refunds = []ledger.Label{{Key: "queue", Value: "refunds"}}

// submitTo submits a job of a queue.
func submitTo(t *testing.T, o connect.Options, job string, labels []ledger.Label) {
	t.Helper()
	c := submit
	c.Labels = labels
	if _, err := connect.Do(t.Context(), o, commands.Request{JobID: job, Actor: "worker_1", Command: c}); err != nil {
		t.Fatalf("submitting %s: %v", job, err)
	}
}

// TestCandidates asks for jobs to claim, with a daemon and without.
func TestCandidates(t *testing.T) {
	for _, through := range []bool{false, true} {
		t.Run(fmt.Sprintf("daemon %t", through), func(t *testing.T) {
			o := options(t.TempDir())
			if through {
				mustServe(t, o)
			}
			do(t, o, submit)
			submitTo(t, o, "old", refunds)
			submitTo(t, o, "new", refunds)
			submitTo(t, o, "newer", refunds)
			ask := func(q connect.CandidateQuery, want ...string) {
				t.Helper()
				err := connect.With(t.Context(), o, func(l *connect.Ledger) error {
					got, err := l.Candidates(t.Context(), q)
					if !slices.Equal(got, want) {
						t.Errorf("Candidates(%v) = %v, want %v", q, got, want)
					}
					return err
				})
				if err != nil {
					t.Errorf("Candidates(%v): %v", q, err)
				}
			}
			ask(connect.CandidateQuery{Labels: refunds, Limit: 2}, "old", "new")
			if !through { // nothing is kept for a caller
				ask(connect.CandidateQuery{Labels: refunds, Limit: 2}, "old", "new")
			}
			_, err := connect.Do(t.Context(), o, commands.Request{JobID: "newer", Actor: "worker_1", Command: commands.LeaseTake{TTL: 60, Worker: "w1"}})
			if err != nil {
				t.Fatal(err)
			}
			ask(connect.CandidateQuery{}, "job_1")
		})
	}
}

// TestSkippedCandidates has jobs that the caller does not want: it is told of those behind them.
func TestSkippedCandidates(t *testing.T) {
	for _, through := range []bool{false, true} {
		t.Run(fmt.Sprintf("daemon %t", through), func(t *testing.T) {
			o := options(t.TempDir())
			if through {
				mustServe(t, o)
			}
			for i := range 2 * 40 {
				submitTo(t, o, fmt.Sprintf("job_%02d", i), refunds)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			skip := func(id string) bool { return id != "job_77" && id != "job_79" }
			q := connect.CandidateQuery{Labels: refunds, Limit: 40, Skip: skip}
			got, err := connect.WaitCandidates(ctx, o, q)
			if err != nil || !slices.Equal(got, []string{"job_77", "job_79"}) {
				t.Errorf("WaitCandidates = %v, %v", got, err)
			}
		})
	}
}

// TestWaitCandidates waits for a job that is submitted meanwhile, with a daemon and without.
func TestWaitCandidates(t *testing.T) {
	for _, through := range []bool{false, true} {
		t.Run(fmt.Sprintf("daemon %t", through), func(t *testing.T) {
			o := options(t.TempDir())
			if through {
				mustServe(t, o)
			}
			do(t, o, submit)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			looked, came := make(chan bool, 100), make(chan []string, 1)
			waiting := o
			waiting.Opened = func(*connect.Ledger) { looked <- true }
			go func() {
				jobs, err := connect.WaitCandidates(ctx, waiting, connect.CandidateQuery{Labels: refunds})
				if err != nil {
					t.Errorf("WaitCandidates = %v", err)
				}
				came <- jobs
			}()
			<-looked
			submitTo(t, o, "other", nil)
			submitTo(t, o, "job_2", refunds)
			if jobs := <-came; !slices.Equal(jobs, []string{"job_2"}) {
				t.Errorf("WaitCandidates = %v, want job_2", jobs)
			}
		})
	}
}

// TestWaitCandidatesSurvivesDaemons kills the daemon while a worker waits, and goes on with
// another one, and with none.
func TestWaitCandidatesSurvivesDaemons(t *testing.T) {
	o := options(t.TempDir())
	o.LockTimeout = time.Minute
	do(t, o, submit)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for round := range 4 {
		id, came := fmt.Sprint("round_", round), make(chan []string, 1)
		label := []ledger.Label{{Key: "queue", Value: id}}
		go func() {
			jobs, err := connect.WaitCandidates(ctx, o, connect.CandidateQuery{Labels: label})
			if err != nil {
				t.Errorf("round %d: WaitCandidates = %v", round, err)
			}
			came <- jobs
		}()
		d, err := serve(ctx, o)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Millisecond) // it may wait by now
		if err := d.kill(); err != nil {
			t.Fatal(err)
		}
		if round%2 == 1 {
			if d, err = serve(ctx, o); err != nil {
				t.Fatal(err)
			}
		}
		submitTo(t, o, id, label)
		if jobs := <-came; !slices.Equal(jobs, []string{id}) {
			t.Errorf("round %d: WaitCandidates = %v, want %s", round, jobs, id)
		}
		if round%2 == 1 {
			if err := d.kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestWaitCandidatesEnds waits until its context ends, and asks for what no job could be.
func TestWaitCandidatesEnds(t *testing.T) {
	o := options(t.TempDir())
	do(t, o, submit)
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	before := cpu(t)
	time.AfterFunc(time.Second, func() { cancel(enough) })
	if _, err := connect.WaitCandidates(ctx, o, connect.CandidateQuery{Labels: refunds}); !errors.Is(err, enough) {
		t.Errorf("at the end of its context: %v", err)
	}
	t.Logf("1 s took %s of a core", cpu(t)-before)
	_, err := connect.WaitCandidates(t.Context(), o, connect.CandidateQuery{Statuses: []projection.Status{projection.Completed}})
	if _, ok := errors.AsType[*commands.InvalidError](err); !ok {
		t.Errorf("completed jobs: %v", err)
	}
}
