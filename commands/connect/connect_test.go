package connect_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"gait/commands"
	"gait/commands/connect"
	"gait/ledger"
	"gait/ledger/root"
	"gait/projection"
)

var submit = commands.Submit{EnvironmentFingerprint: "envfp:test", ProducerVersion: "test/1"}

// do issues a command for job_1.
func do(t *testing.T, o connect.Options, c commands.Command) commands.Result {
	t.Helper()
	result, err := connect.Do(t.Context(), o, commands.Request{JobID: "job_1", Actor: "worker_1", Command: c})
	if err != nil {
		t.Fatalf("%T: %v", c, err)
	}
	return result
}

// TestSameHereAndThroughADaemon runs one program with a daemon and without.
func TestSameHereAndThroughADaemon(t *testing.T) {
	for _, through := range []bool{false, true} {
		t.Run(fmt.Sprintf("daemon %t", through), func(t *testing.T) {
			o := options(t.TempDir())
			if through {
				mustServe(t, o)
				o.Daemon = connect.Require
			}
			if r := do(t, o, submit); r.Receipt.Seq != 1 || r.Receipt.Checkpoint == nil {
				t.Errorf("submit leads to %+v", r.Receipt)
			}
			do(t, o, commands.Pause{})
			want, _ := projection.ParseCondition("status=paused")
			seen, err := connect.Wait(t.Context(), o, "job_1", want)
			job, stop := seen.Job, seen.Stop
			if err != nil || job.Status != projection.PausedStatus || stop.Type() != ledger.TypePaused {
				t.Errorf("Wait = %s, stopped by %q, %v", job.Status, stop.Type(), err)
			}
			var types []ledger.Type
			for e, err := range connect.Events(t.Context(), o, "job_1", 0) {
				if err != nil {
					t.Fatal(err)
				}
				if types = append(types, e.Type()); len(types) == 2 {
					break
				}
			}
			if types[0] != ledger.TypeSubmitted || types[1] != ledger.TypePaused {
				t.Errorf("events = %v", types)
			}
			_, err = connect.Do(t.Context(), o, commands.Request{JobID: "job_1", Actor: "worker_1", Command: commands.Pause{}})
			if no, ok := errors.AsType[*commands.RefusedError](err); !ok || no.Result.Receipt.Seq != 3 {
				t.Errorf("a second pause: %v", err)
			}
		})
	}
}

// TestDaemonModes opens a ledger in each mode, with a daemon and without.
func TestDaemonModes(t *testing.T) {
	o := options(t.TempDir())
	do(t, o, submit)
	o.LockTimeout, o.Daemon = -1, connect.Require
	_, err := connect.Open(t.Context(), o)
	if _, ok := errors.AsType[*connect.MissingError](err); !ok {
		t.Errorf("required and none runs: %v", err)
	}
	mustServe(t, o)
	if s, ok := connect.Served(t.Context(), o); !ok || s.Size != 2 {
		t.Errorf("Served = %+v, %t", s, ok)
	}
	if _, ok := errors.AsType[*connect.RunningError](connect.Held(o)()); !ok {
		t.Errorf("Held does not name the daemon")
	}
	err = connect.With(t.Context(), o, func(l *connect.Ledger) error {
		_, err := l.Root()
		return err
	})
	if _, ok := errors.AsType[*connect.RunningError](err); !ok {
		t.Errorf("the root of a daemon's ledger: %v", err)
	}
	o.Daemon = connect.Never
	_, err = connect.Open(t.Context(), o)
	if _, ok := errors.AsType[*root.LockedError](err); !ok {
		t.Errorf("never, and a daemon runs: %v", err)
	}
}

// TestReadingWritesNothing issues a command on a ledger that was opened to be
// read: only a dry run is carried out, with a daemon and without.
func TestReadingWritesNothing(t *testing.T) {
	o := options(t.TempDir())
	do(t, o, submit)
	o.Mode = root.Read
	for _, through := range []bool{false, true} {
		if through {
			mustServe(t, o)
			o.Daemon = connect.Require
		}
		r := commands.Request{JobID: "job_1", Actor: "worker_1", Command: commands.Pause{}}
		if _, err := connect.Do(t.Context(), o, r); !errors.Is(err, connect.ErrReadOnly) {
			t.Errorf("daemon %t: Do = %v, want ErrReadOnly", through, err)
		}
		r.DryRun = true
		if result, err := connect.Do(t.Context(), o, r); err != nil || result.Job.Status != projection.PausedStatus {
			t.Errorf("daemon %t: a dry run gives %s, %v", through, result.Job.Status, err)
		}
	}
}

// TestJobsThatAreNotThere asks for jobs that are not there, and for what is no id.
func TestJobsThatAreNotThere(t *testing.T) {
	o := options(t.TempDir())
	do(t, o, submit)
	err := connect.With(t.Context(), o, func(l *connect.Ledger) error {
		for _, id := range []string{"other", "no id"} {
			_, one := l.Job(t.Context(), id)
			_, two := l.At(t.Context(), id, projection.AtSeq(1))
			three := l.History(t.Context(), id, func(projection.Job, ledger.Event) error { return nil })
			for _, err := range []error{one, two, three} {
				_, invalid := errors.AsType[*commands.InvalidError](err)
				if invalid != (id == "no id") || !invalid && !errors.Is(err, commands.ErrJobNotFound) {
					t.Errorf("%q: %v", id, err)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// TestFollowersSurviveDaemons kills and starts a daemon 200 times, at any
// moment, while one follower reads the events, another waits for the end, and a
// writer goes on. Each event is seen once and in order.
func TestFollowersSurviveDaemons(t *testing.T) {
	const rounds = 200
	o := options(t.TempDir())
	o.LockTimeout = time.Minute // under the race detector the others may hold the lock in turn for longer than usual
	do(t, o, submit)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	writing, stop := context.WithCancel(ctx)
	wrote, seen, waited := make(chan int64, 1), make(chan int64, 1), make(chan error, 1)
	go func() { wrote <- write(writing, t, o) }()
	go func() { seen <- readUntilCompleted(ctx, t, o) }()
	go func() {
		want, _ := projection.ParseCondition("status=completed")
		_, err := connect.Wait(ctx, o, "job_1", want)
		waited <- err
	}()
	for round := range rounds {
		if err := serveAWhile(ctx, o); err != nil {
			t.Errorf("round %d: %v", round, err)
			break
		}
	}
	stop()
	n := <-wrote
	do(t, o, commands.AddCheckpoint{Type: ledger.CheckpointCompleted, Summary: "done"})
	if got := <-seen; got != n+2 {
		t.Errorf("saw %d events, want %d", got, n+2)
	}
	if err := <-waited; err != nil {
		t.Errorf("waiting: %v", err)
	}
}

// serveAWhile runs a daemon for a few milliseconds.
func serveAWhile(ctx context.Context, o connect.Options) error {
	d, err := serve(ctx, o)
	if err != nil {
		return err
	}
	time.Sleep(rand.N(4 * time.Millisecond))
	return d.kill()
}

// write adds checkpoints until ctx ends, and returns how many. A command whose
// outcome is unknown is repeated with its request id.
func write(ctx context.Context, t *testing.T, o connect.Options) (n int64) {
	for ctx.Err() == nil {
		r := commands.Request{
			JobID: "job_1", Actor: "worker_1", RequestID: fmt.Sprint("step-", n),
			Command: commands.AddCheckpoint{Type: ledger.CheckpointProgress, Summary: "one more step"},
		}
		_, err := connect.Do(context.WithoutCancel(ctx), o, r)
		fault, _ := ledger.FaultOf(err)
		switch {
		case err == nil:
			n++
		case !fault.Retryable:
			t.Errorf("writing: %v", err)
			return n
		}
	}
	return n
}

// readUntilCompleted follows the job and returns how many events it saw.
func readUntilCompleted(ctx context.Context, t *testing.T, o connect.Options) (n int64) {
	for e, err := range connect.Events(ctx, o, "job_1", 0) {
		if err != nil {
			t.Errorf("following: %v", err)
			return n
		}
		if n++; e.JobSeq() != n {
			t.Errorf("event %d of the job after %d", e.JobSeq(), n-1)
		}
		if p, ok := e.Payload().(ledger.CheckpointAdded); ok && p.CheckpointType == ledger.CheckpointCompleted {
			break
		}
	}
	return n
}

// A lateFollower looks until its context has ended.
type lateFollower struct{ end func() }

func (f lateFollower) Look(ctx context.Context, _ *connect.Ledger) (int64, error) {
	f.end()
	return 0, fmt.Errorf("reading: %w", ctx.Err())
}

func (lateFollower) Show() (bool, error) { return true, nil }

// TestFollowEndsWhileItLooks ends the context during a look: the error is the
// context's cause, as it is between two looks.
func TestFollowEndsWhileItLooks(t *testing.T) {
	o := options(t.TempDir())
	do(t, o, submit)
	enough := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	if err := connect.Follow(ctx, o, lateFollower{func() { cancel(enough) }}); !errors.Is(err, enough) {
		t.Errorf("following ends with %v, want the cause", err)
	}
}

// TestFollowEnds ends following by its context, and when another ledger is in
// the place of the first.
func TestFollowEnds(t *testing.T) {
	o := options(t.TempDir())
	do(t, o, submit)
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	time.AfterFunc(50*time.Millisecond, func() { cancel(enough) })
	var last error
	for _, err := range connect.Events(ctx, o, "", 5) {
		last = err
	}
	if !errors.Is(last, enough) {
		t.Errorf("events end with %v", last)
	}
}

// TestWaitLooksAtLeastOnce waits until a deadline that has passed: a free ledger
// is looked at all the same, and a lock that others hold is not waited for.
func TestWaitLooksAtLeastOnce(t *testing.T) {
	o := options(t.TempDir())
	do(t, o, submit)
	over := errors.New("the time is over")
	ctx, cancel := context.WithDeadlineCause(t.Context(), time.Unix(1, 0), over)
	defer cancel()
	for status, want := range map[projection.Status]error{projection.Running: nil, projection.DecisionNeeded: over} {
		condition, err := projection.ParseCondition("status=" + string(status))
		if err != nil {
			t.Fatal(err)
		}
		seen, err := connect.Wait(ctx, o, "job_1", condition)
		job := seen.Job
		if !errors.Is(err, want) || job.Status != projection.Running {
			t.Errorf("waiting for %s sees a job that is %q, and ends with %v, want %v", status, job.Status, err, want)
		}
	}
	err := connect.With(t.Context(), o, func(*connect.Ledger) error {
		condition, err := projection.ParseCondition("status=running")
		if err != nil {
			return err
		}
		_, err = connect.Wait(ctx, o, "job_1", condition)
		return err
	})
	if !errors.Is(err, over) {
		t.Errorf("waiting while the lock is held ends with %v", err)
	}
}
