package commands_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gait/commands"
	"gait/ledger"
	"gait/projection"
)

// of returns a request for a job.
func of(job string, r commands.Request) commands.Request {
	r.JobID = job
	return r
}

// after submits a job that waits for others.
func after(job string, others ...string) commands.Request {
	return of(job, by("worker_1", commands.Submit{EnvironmentFingerprint: env, ProducerVersion: "gait/test", After: others}))
}

// No lease is given before what the job waits for is completed. The lease names the events that
// completed it, in the order of the jobs' ids.
func TestLeaseWaitsForOtherJobs(t *testing.T) {
	b := newBench(t)
	b.must(of("job_a", submit()), of("job_b", submit()), after("job_1", "job_b", "job_a"))
	b.quiet(take("worker_1"), projection.DependencyPending)
	last := b.must(of("job_b", checkpoint(ledger.CheckpointCompleted))).Event
	no := b.quiet(take("worker_1"), projection.DependencyPending)
	if want := "job job_1 waits for what is not completed yet: job_a (running)"; no.Reason != want {
		t.Errorf("the refusal says %q, want %q", no.Reason, want)
	}
	b.must(of("job_a", pause()))
	b.quiet(take("worker_1"), projection.DependencyPending)
	b.must(of("job_a", by("boss", commands.Resume{EnvironmentFingerprint: env})))
	first := b.must(of("job_a", checkpoint(ledger.CheckpointCompleted))).Event
	b.must(of("job_a", forPrivacy("boss", commands.EraseContent{Digest: one}))) // a later event than the one that completed it
	dry := take("worker_1")
	dry.DryRun = true
	b.must(dry)
	p, _ := b.must(take("worker_1")).Event.Payload().(ledger.Leased)
	if diff := cmp.Diff([]ledger.Hash{first.LeafHash(), last.LeafHash()}, p.After); diff != "" {
		t.Errorf("the lease names others (-want +got):\n%s", diff)
	}
}

// A job that failed, or was cancelled or stopped, will not be completed.
func TestLeaseAfterAFailedJob(t *testing.T) {
	for name, r := range map[string]commands.Request{
		"failed": checkpoint(ledger.CheckpointFailed), "cancelled": by("boss", commands.Cancel{}), "emergency_stopped": by("boss", commands.Stop{}),
	} {
		b := newBench(t)
		b.must(of("job_a", submit()), of("job_b", submit()), after("job_1", "job_a", "job_b"))
		b.must(of("job_b", r))
		no := b.quiet(take("worker_1"), projection.DependencyFailed)
		if want := "job job_1 waits for what will not be completed: job_b (" + name + ")"; no.Reason != want {
			t.Errorf("the refusal says %q, want %q", no.Reason, want)
		}
		b.must(checkpoint(ledger.CheckpointProgress)) // who needs no lease goes on
	}
}

// A job that is not due is not leased, however often it is asked for.
func TestLeaseBeforeItsTime(t *testing.T) {
	b := newBench(t)
	due := b.now.Add(time.Hour).Truncate(time.Millisecond)
	b.must(by("worker_1", commands.Submit{EnvironmentFingerprint: env, ProducerVersion: "gait/test", NotBefore: due}))
	b.quiet(take("worker_1"), projection.NotDue)
	b.now = due.Add(-2 * time.Millisecond)
	b.quiet(take("worker_1"), projection.NotDue)
	b.must(take("worker_1")) // the clock of the bench moves by a millisecond each time
}

// What a batch decides is seen by what is decided behind it, before anything is durable.
func TestDependencyInItsBatch(t *testing.T) {
	s := newStage(t)
	s.log.onCommit = nil
	s.must(after("job_2", "job_1"))
	s.log.onCommit = func(n int) { s.began <- n; <-s.through }
	for len(s.decided) > 0 {
		<-s.decided
	}
	first := s.start(t.Context(), progress(0))
	<-s.began
	done := s.startBehind(t.Context(), by("worker_1", checkpoint(ledger.CheckpointCompleted).Command))
	led := s.startBehind(t.Context(), of("job_2", take("worker_1")))
	s.log.onCommit = nil
	s.through <- struct{}{}
	s.wait.Wait()
	for _, o := range []*outcomes{first, done, led} {
		if o.errs[0] != nil {
			t.Fatal(o.errs[0])
		}
	}
	p, _ := led.results[0].Event.Payload().(ledger.Leased)
	if diff := cmp.Diff([]ledger.Hash{done.results[0].Event.LeafHash()}, p.After); diff != "" {
		t.Errorf("the lease names others (-want +got):\n%s", diff)
	}
	s.log.check(t)
}
