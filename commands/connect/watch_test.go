package connect_test

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"gait/commands"
	"gait/commands/connect"
	"gait/ledger"
	"gait/ledger/root"
	"gait/projection"
)

// pauses and resumes, one after the other.
func pauseOrResume(n int) commands.Command {
	if n%2 == 0 {
		return commands.Pause{}
	}
	return commands.Resume{EnvironmentFingerprint: "envfp:test"}
}

// TestWatchJob sees each change of a job, and none of another one, with a daemon and without.
func TestWatchJob(t *testing.T) {
	for _, through := range []bool{false, true} {
		t.Run(fmt.Sprintf("daemon %t", through), func(t *testing.T) {
			o := options(t.TempDir())
			if through {
				mustServe(t, o)
			}
			do(t, o, submit)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
			defer cancel()
			saw, done := make(chan projection.Job), make(chan error, 1)
			go func() {
				done <- connect.WatchJob(ctx, o, "job_1", func(j projection.Job) bool {
					saw <- j
					return j.Status == projection.Cancelled
				})
			}()
			if j := <-saw; j.Status != projection.Running || j.JobSeq != 1 {
				t.Fatalf("first it saw %s, %d", j.Status, j.JobSeq)
			}
			for i := range 6 {
				if _, err := connect.Do(ctx, o, commands.Request{JobID: fmt.Sprint("other_", i), Actor: "worker_1", Command: submit}); err != nil {
					t.Fatal(err)
				}
				want := do(t, o, pauseOrResume(i)).Job
				began := time.Now()
				if j := <-saw; j.Status != want.Status || j.JobSeq != want.JobSeq {
					t.Errorf("after change %d it saw %s, %d, want %s, %d", i, j.Status, j.JobSeq, want.Status, want.JobSeq)
				}
				if took := time.Since(began); took > 20*time.Second {
					t.Errorf("it saw change %d after %s", i, took)
				}
			}
			do(t, o, commands.Cancel{})
			if j := <-saw; j.Status != projection.Cancelled {
				t.Errorf("at the end it saw %s", j.Status)
			}
			if err := <-done; err != nil {
				t.Errorf("WatchJob = %v", err)
			}
		})
	}
}

// TestWatchJobThatIsNotThere watches what is no job, and until its context ends.
func TestWatchJobThatIsNotThere(t *testing.T) {
	o := options(t.TempDir())
	visit := func(projection.Job) bool { return false }
	if err := connect.WatchJob(t.Context(), o, "job_1", visit); err == nil {
		t.Error("a job of no ledger was watched")
	}
	do(t, o, submit)
	if err := connect.WatchJob(t.Context(), o, "other", visit); !errors.Is(err, commands.ErrJobNotFound) {
		t.Errorf("a job that is not there: %v", err)
	}
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	err := connect.WatchJob(ctx, o, "job_1", func(projection.Job) bool {
		cancel(enough)
		return false
	})
	if !errors.Is(err, enough) {
		t.Errorf("at the end of its context: %v", err)
	}
}

// TestWatchJobSurvivesDaemons starts and kills daemons while a job is watched.
func TestWatchJobSurvivesDaemons(t *testing.T) {
	o := options(t.TempDir())
	o.LockTimeout = time.Minute
	do(t, o, submit)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	done := make(chan error, 1)
	var last projection.Job
	go func() {
		done <- connect.WatchJob(ctx, o, "job_1", func(j projection.Job) bool {
			if j.JobSeq <= last.JobSeq {
				t.Errorf("it saw event %d after event %d", j.JobSeq, last.JobSeq)
			}
			last = j
			return j.Status == projection.Completed
		})
	}()
	for round := range 20 {
		if err := serveAWhile(ctx, o); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		do(t, o, commands.AddCheckpoint{Type: ledger.CheckpointProgress, Summary: "one more step"})
	}
	do(t, o, commands.AddCheckpoint{Type: ledger.CheckpointCompleted, Summary: "done"})
	if err := <-done; err != nil || last.JobSeq != 22 {
		t.Errorf("WatchJob = %v, and saw event %d last", err, last.JobSeq)
	}
}

// TestWatchingOpensOnlyWhatChanged watches a job that does not change: its ledger is opened
// again only after a while, and other readers do not count as a change.
func TestWatchingOpensOnlyWhatChanged(t *testing.T) {
	o := options(t.TempDir())
	do(t, o, submit)
	opened := 0
	watched := o
	watched.Opened = func(*connect.Ledger) { opened++ }
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	before := cpu(t)
	done := make(chan error, 1)
	go func() { done <- connect.WatchJob(ctx, watched, "job_1", func(projection.Job) bool { return false }) }()
	reading := o
	reading.Mode = root.Read
	for range 3 {
		if err := connect.With(t.Context(), reading, func(*connect.Ledger) error { return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-done; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("WatchJob = %v", err)
	}
	if opened > 2 { // a slow machine may take a while for the first look
		t.Errorf("the ledger was opened %d times", opened)
	}
	t.Logf("2 s took %s of a core", cpu(t)-before)
}

// cpu returns how much processor time this process has used.
func cpu(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
