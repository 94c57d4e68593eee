package commands_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"time"

	"gait/commands"
	"gait/ledger"
	"gait/projection"
)

// Commands that arrive while a batch is being written are decided meanwhile, and
// written with one commit.
func TestCommandsAreWrittenTogether(t *testing.T) {
	s := newStage(t)
	first := s.start(t.Context(), pause())
	if n := <-s.began; n != 1 {
		t.Fatalf("the first batch has %d events, want 1", n)
	}
	rest := s.start(t.Context(), many(20, progress)...)
	s.through <- struct{}{}
	if n := <-s.began; n != 20 {
		t.Errorf("the second batch has %d events, want 20", n)
	}
	s.through <- struct{}{}
	s.wait.Wait()
	if first.errs[0] != nil || first.results[0].Receipt.TreeSize != 3 {
		t.Errorf("the first command = %v, %+v", first.errs[0], first.results[0].Receipt)
	}
	seen := map[ledger.Seq]bool{}
	for i, r := range rest.results {
		if rest.errs[i] != nil {
			t.Fatal(rest.errs[i])
		}
		if r.Receipt.TreeSize != 23 || r.Receipt.Leaf != r.Event.LeafHash() || r.Receipt.Revision != r.Event.Revision() || seen[r.Receipt.Seq] {
			t.Errorf("receipt %d = %+v of event %d", i, r.Receipt, r.Event.Seq())
		}
		seen[r.Receipt.Seq] = true
	}
	if s.log.appends != 3 {
		t.Errorf("%d commits, want 3", s.log.appends)
	}
	s.log.check(t)
}

// In a batch, each command is decided on the state that the one before it left.
// One that fails or is refused does not affect the others.
func TestCommandsOfABatchSeeEachOther(t *testing.T) {
	s := newStage(t)
	s.start(t.Context(), progress(0))
	<-s.began
	var all []*outcomes
	old := int64(1)
	for _, r := range []commands.Request{
		{JobID: "job_2", Actor: "boss", Command: submit().Command},
		{JobID: "job_2", Actor: "boss", Command: submit().Command},
		{JobID: "job_2", Actor: "w", Command: commands.Pause{}},
		{JobID: "job_2", Actor: "w", Command: commands.Pause{}},
		{JobID: "job_2", Actor: "w", Command: commands.Pause{}},
		{JobID: "job_2", Actor: "w", Command: commands.Cancel{}, IfRevision: &old},
		{JobID: "job_3", Actor: "w", Command: commands.Pause{}},
		{JobID: "job_2", Actor: "w", Command: commands.Cancel{}, DryRun: true},
		{JobID: "job_2", Actor: "w", Command: commands.Resume{EnvironmentFingerprint: env}},
	} {
		all = append(all, s.start(t.Context(), r))
	}
	s.through <- struct{}{}
	if n := <-s.began; n != 4 {
		t.Errorf("the batch has %d events, want 4: submitted, paused, refused, resumed", n)
	}
	s.through <- struct{}{}
	s.wait.Wait()
	var revision *commands.RevisionError
	var refused *commands.RefusedError
	for i, ok := range []func(error) bool{
		func(err error) bool { return err == nil },
		func(err error) bool { return errors.Is(err, commands.ErrJobExists) },
		func(err error) bool { return err == nil },
		func(err error) bool { return errors.As(err, &refused) && !refused.Result.Repeated },
		func(err error) bool { return errors.As(err, &refused) && refused.Result.Repeated },
		func(err error) bool { return errors.As(err, &revision) && revision.Found == 2 },
		func(err error) bool { return errors.Is(err, commands.ErrJobNotFound) },
		func(err error) bool { return err == nil && all[7].results[0].Job.Status == projection.Cancelled },
		func(err error) bool { return err == nil && all[8].results[0].Job.Revision == 3 },
	} {
		if err := all[i].errs[0]; !ok(err) {
			t.Errorf("command %d = %v", i, err)
		}
	}
	s.log.check(t)
}

// When a batch fails, none of its commands is acknowledged, and none of the batch
// that was made behind it, which is not written.
func TestFailedBatchAcknowledgesNothing(t *testing.T) {
	s := newStage(t)
	s.log.fail = []error{ledger.ErrOutcomeUnknown}
	flying := s.start(t.Context(), progress(0))
	<-s.began
	behind := s.startBehind(t.Context(), many(10, progress)...)
	s.through <- struct{}{}
	s.wait.Wait()
	for _, err := range append(flying.errs, behind.errs...) {
		if !errors.Is(err, ledger.ErrOutcomeUnknown) {
			t.Errorf("a command of a failed batch = %v, want ErrOutcomeUnknown", err)
		}
	}
	if s.log.appends != 2 || s.size() != 2 {
		t.Errorf("%d commits, %d events, want 2 and 2", s.log.appends, s.size())
	}
	s.log.check(t)
}

// When nothing of a batch was written, the batch behind it says so too.
func TestBatchBehindOneThatWasNotWritten(t *testing.T) {
	s := newStage(t)
	full := errors.New("no room outside")
	s.log.fail = []error{full}
	flying := s.start(t.Context(), progress(0))
	<-s.began
	behind := s.startBehind(t.Context(), many(10, progress)...)
	s.through <- struct{}{}
	s.wait.Wait()
	for _, err := range append(flying.errs, behind.errs...) {
		if !errors.Is(err, full) || errors.Is(err, ledger.ErrOutcomeUnknown) {
			t.Errorf("a command of a batch that was not written = %v, want its cause", err)
		}
	}
	s.log.check(t)
}

// If another writer appends first, all commands of the batch, and of the one
// behind it, are decided again.
func TestBatchesAreDecidedAgain(t *testing.T) {
	s := newStage(t)
	other := &commands.Engine{Log: s.log, Now: newBench(t).engine.Now, Entropy: rand.NewChaCha8([32]byte{1})}
	all := s.start(t.Context(), progress(0))
	<-s.began
	behind := s.start(t.Context(), many(10, progress)...)
	s.log.onCommit = nil
	if _, err := other.Do(t.Context(), commands.Request{JobID: "job_1", Actor: "boss", Command: commands.Cancel{}}); err != nil {
		t.Fatal(err)
	}
	s.through <- struct{}{}
	s.wait.Wait()
	for _, err := range append(all.errs, behind.errs...) {
		if no, ok := errors.AsType[*commands.RefusedError](err); !ok || no.Refusal.Code != projection.InvalidTransition {
			t.Errorf("a checkpoint of a job that was cancelled meanwhile = %v, want a refusal", err)
		}
	}
	s.log.check(t)
}

// If a batch has several commands of one request id, one is written and the others
// are answered with its event, when it is durable.
func TestRequestIDWithinABatch(t *testing.T) {
	s := newStage(t)
	s.start(t.Context(), progress(0))
	<-s.began
	r := pause()
	r.RequestID = "r-1"
	all := s.start(t.Context(), many(5, func(int) commands.Request { return r })...)
	r.Command = commands.Cancel{}
	other := s.start(t.Context(), r)
	select {
	case <-s.began:
		t.Error("a batch began before the one ahead of it was written")
	default:
	}
	s.through <- struct{}{}
	<-s.began
	r.Command = commands.Pause{}
	late := s.start(t.Context(), r) // while the event is being written
	s.through <- struct{}{}
	s.wait.Wait()
	fresh := 0
	for i, result := range append(all.results, late.results...) {
		if !result.Replayed {
			fresh++
		}
		if result.Event.LeafHash() != all.results[0].Event.LeafHash() || result.Receipt.Seq != result.Event.Seq() {
			t.Errorf("answer %d is event %d, receipt %+v", i, result.Event.Seq(), result.Receipt)
		}
	}
	if _, ok := errors.AsType[*commands.RequestIDError](other.errs[0]); fresh != 1 || !ok {
		t.Errorf("%d commands were written, want 1; another command under the id = %v", fresh, other.errs[0])
	}
	s.log.check(t)
}

func TestBusy(t *testing.T) {
	s := newStage(t)
	s.engine.MaxWaiting = 2
	release := s.blocked()
	for range 2 {
		s.wait.Go(func() {
			if _, err := s.do(progress(1)); err != nil {
				t.Errorf("a command that had a place in the queue: %v", err)
			}
		})
	}
	s.untilWaiting(2)
	if _, err := s.do(pause()); !errors.Is(err, commands.ErrBusy) {
		t.Errorf("a command past the end of the queue = %v, want ErrBusy", err)
	}
	release()
	s.wait.Wait()
	if j := s.job("job_1"); j.Checkpoints != 3 || j.Status != projection.Running {
		t.Errorf("%d checkpoints, %s, want 3 and running", j.Checkpoints, j.Status)
	}
}

// A request whose context ends while it waits is not carried out.
func TestDeadlineInTheQueue(t *testing.T) {
	s := newStage(t)
	release := s.blocked()
	ctx, cancel := context.WithCancel(t.Context())
	late := make(chan error)
	go func() {
		_, err := s.engine.Do(ctx, commands.Request{JobID: "job_1", Actor: "boss", Command: commands.Cancel{}})
		late <- err
	}()
	s.untilWaiting(1)
	cancel()
	if err := <-late; !errors.Is(err, context.Canceled) || errors.Is(err, ledger.ErrOutcomeUnknown) {
		t.Errorf("a request withdrawn from the queue = %v, want the context's error alone", err)
	}
	release()
	s.wait.Wait()
	if j := s.job("job_1"); j.Status != projection.Running || s.size() != 3 {
		t.Errorf("the job is %s, %d events, want running and 3", j.Status, s.size())
	}
}

// If the context ends later, the outcome is unknown to the caller: the event is
// written.
func TestDeadlineInABatch(t *testing.T) {
	s := newStage(t)
	ctx, cancel := context.WithCancel(t.Context())
	o := s.start(ctx, pause())
	<-s.began
	cancel()
	s.wait.Wait()
	if err := o.errs[0]; !errors.Is(err, ledger.ErrOutcomeUnknown) || !errors.Is(err, context.Canceled) {
		t.Errorf("a command whose context ended in a batch = %v, want ErrOutcomeUnknown and the cause", err)
	}
	s.through <- struct{}{}
	s.log.onCommit = nil
	s.must(resume())
}

// A panic is re-raised in its own caller only.
func TestPanicIsTheCallers(t *testing.T) {
	s := newStage(t)
	s.start(t.Context(), pause())
	<-s.began
	ok := s.start(t.Context(), progress(1))
	s.wait.Go(func() {
		defer func() {
			if r := recover(); r != commands.PanicOfSummary {
				t.Errorf("the caller recovered %v, want its panic", r)
			}
		}()
		s.do(by("w", commands.Panicking{}))
	})
	<-s.decided
	s.log.onCommit = nil
	s.through <- struct{}{}
	s.wait.Wait()
	if ok.errs[0] != nil || s.job("job_1").Checkpoints != 1 {
		t.Errorf("a command in the batch of one that panicked = %v", ok.errs[0])
	}
	s.log.check(t)
}

// What calls that wait together need from the log is read in one go.
func TestCallsAreReadTogether(t *testing.T) {
	b := newBench(t)
	requests := many(10, func(i int) commands.Request {
		r := submit()
		r.JobID = fmt.Sprintf("job_%d", i)
		return r
	})
	b.must(requests...)
	entered, goOn := make(chan struct{}), make(chan struct{})
	enter := sync.OnceFunc(func() { close(entered); <-goOn })
	e := &commands.Engine{Log: b.log, Entropy: rand.NewChaCha8([32]byte{1}), Now: func() time.Time { enter(); return epoch }}
	var wait sync.WaitGroup
	do := func(r commands.Request) {
		wait.Go(func() {
			if _, err := e.Do(t.Context(), r); err != nil {
				t.Error(err)
			}
		})
	}
	pauses := many(10, func(i int) commands.Request {
		r := pause()
		r.JobID, r.RequestID = fmt.Sprintf("job_%d", i), fmt.Sprintf("r-%d", i)
		return r
	})
	do(pauses[0])
	<-entered
	before := b.log.loads
	for _, r := range pauses[1:] {
		do(r)
	}
	for commands.Waiting(e) < 9 {
		runtime.Gosched()
	}
	close(goOn)
	wait.Wait()
	if n := b.log.loads - before; n != 1 {
		t.Errorf("9 calls that waited together took %d reads, want 1", n)
	}
	b.log.check(t)
}
