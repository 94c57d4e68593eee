package commands_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/commands"
	"gait/ledger"
	"gait/projection"
)

func TestRequestID(t *testing.T) {
	b := newBench(t)
	b.must(submit())
	request := pause()
	request.RequestID = "r-1"
	first := b.must(request)
	b.must(resume(), checkpoint(ledger.CheckpointProgress))

	size := b.size()
	again, err := b.do(request)
	if err != nil || !again.Replayed || b.size() != size {
		t.Fatalf("retry: replayed %t, %d events (%v), want the first receipt", again.Replayed, b.size()-size, err)
	}
	if diff := cmp.Diff(earlier(first.Receipt), again.Receipt); diff != "" {
		t.Errorf("receipt of the retry (-first +again):\n%s", diff)
	}
	if diff := cmp.Diff(first.Event, again.Event, compareResults); diff != "" {
		t.Errorf("event of the retry (-first +again):\n%s", diff)
	}
	if again.Job.Status != projection.Running {
		t.Errorf("a retry shows a job that is %s, want it as it is now, running", again.Job.Status)
	}

	// Neither if_revision nor dry_run is part of the command.
	revision := int64(1)
	request.IfRevision = &revision
	if again, err := b.do(request); err != nil || !again.Replayed {
		t.Errorf("retry with a revision: replayed %t (%v)", again.Replayed, err)
	}
}

func TestRequestIDOfAnotherCommand(t *testing.T) {
	first := commands.Request{
		JobID: "job_1", Actor: "worker_1", RequestID: "r-1",
		Command: commands.AddCheckpoint{Type: ledger.CheckpointProgress, Summary: "s"},
	}
	others := map[string]func(*commands.Request){
		"job":    func(r *commands.Request) { r.JobID = "job_2" },
		"actor":  func(r *commands.Request) { r.Actor = "worker_2" },
		"verb":   func(r *commands.Request) { r.Command = commands.Pause{} },
		"reason": func(r *commands.Request) { r.Command, r.Reason = commands.Pause{}, "r" },
		"summary": func(r *commands.Request) {
			r.Command = commands.AddCheckpoint{Type: ledger.CheckpointProgress, Summary: "t"}
		},
		"type": func(r *commands.Request) {
			r.Command = commands.AddCheckpoint{Type: ledger.CheckpointPlan, Summary: "s"}
		},
	}
	b := newBench(t)
	second := submit()
	second.JobID = "job_2"
	b.must(submit(), second, first)
	for name, change := range others {
		r := first
		change(&r)
		err := b.fails(r)
		conflict, ok := errors.AsType[*commands.RequestIDError](err)
		if !ok || conflict.RequestID != "r-1" || conflict.Seq != 3 {
			t.Errorf("another %s under the same request id = %v, want a RequestIDError at event 3", name, err)
		}
	}
}

// Pause and stop have the same arguments. They differ in their verbs.
func TestRequestIDOfAnotherVerb(t *testing.T) {
	b := newBench(t)
	b.must(submit(), commands.Request{Actor: "boss", RequestID: "r-1", Command: commands.Pause{}})
	err := b.fails(commands.Request{Actor: "boss", RequestID: "r-1", Command: commands.Stop{}})
	if _, ok := errors.AsType[*commands.RequestIDError](err); !ok {
		t.Errorf("stop under the request id of a pause = %v", err)
	}
}

// The labels of a job have no order, and a retry by a newer gait is the same command.
func TestRequestIDOfASubmit(t *testing.T) {
	a, z := ledger.Label{Key: "a", Value: "1"}, ledger.Label{Key: "z", Value: "2"}
	request := func(version string, labels ...ledger.Label) commands.Request {
		return commands.Request{Actor: "boss", RequestID: "r-1", Command: commands.Submit{EnvironmentFingerprint: env, Labels: labels, ProducerVersion: version}}
	}
	b := newBench(t)
	first := b.must(request("gait/1", z, a))
	if diff := cmp.Diff([]ledger.Label{a, z}, first.Job.Labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	if again, err := b.do(request("gait/2", a, z)); err != nil || !again.Replayed {
		t.Errorf("retry with labels in another order, by another version: replayed %t (%v)", again.Replayed, err)
	}
	if _, ok := errors.AsType[*commands.RequestIDError](b.fails(request("gait/1", a))); !ok {
		t.Error("other labels pass for the same command")
	}
}

func TestRefusalsUseUpNoRequestID(t *testing.T) {
	b := newBench(t)
	b.must(submit())
	request := resume()
	request.RequestID = "r-1"
	no := b.refused(request, projection.InvalidTransition, 6)
	if e := no.Result.Event; e.RequestID() != "" || !e.RequestDigest().IsZero() {
		t.Errorf("a refusal holds request id %q", e.RequestID())
	}
	b.must(pause())
	if result := b.must(request); result.Replayed || result.Event.RequestID() != "r-1" {
		t.Errorf("after a refusal: replayed %t, request id %q", result.Replayed, result.Event.RequestID())
	}
	b.must(pause())
	if result := b.must(request); !result.Replayed {
		t.Error("the same request id let a job resume twice")
	}
}
