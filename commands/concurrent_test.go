package commands_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"gait/commands"
	"gait/ledger"
	"gait/projection"
)

// together runs f in n goroutines, each with an engine of its own on the log.
func together(t *testing.T, log *hookedLog, n int, f func(i int, e *commands.Engine)) {
	t.Helper()
	var wait sync.WaitGroup
	for i := range n {
		engine := &commands.Engine{Log: log, Now: newBench(t).engine.Now, Entropy: rand.NewChaCha8([32]byte{byte(i), 1})}
		wait.Go(func() { f(i, engine) })
	}
	wait.Wait()
	log.check(t)
}

// persist retries while other engines append first.
func persist(t *testing.T, e *commands.Engine, r commands.Request) (commands.Result, error) {
	for {
		result, err := e.Do(t.Context(), r)
		if !errors.Is(err, commands.ErrContention) {
			return result, err
		}
	}
}

func TestEnginesTogether(t *testing.T) {
	const engines, each = 8, 25
	b := newBench(t)
	b.must(submit())
	together(t, b.log, engines, func(i int, e *commands.Engine) {
		for k := range each {
			r := checkpoint(ledger.CheckpointProgress)
			r.JobID, r.Actor = "job_1", fmt.Sprintf("worker_%d", i)
			if k%5 == 4 {
				r = commands.Request{JobID: "job_1", Actor: r.Actor, Command: commands.Resume{EnvironmentFingerprint: env}}
			}
			_, err := persist(t, e, r)
			if _, refused := errors.AsType[*commands.RefusedError](err); err != nil && !refused {
				t.Errorf("engine %d: %v", i, err)
			}
		}
	})
	j := b.job("job_1")
	if want := int64(engines * each * 4 / 5); j.Checkpoints != want || j.Revision != want+1 || j.Refusals == 0 {
		t.Errorf("%d checkpoints, revision %d, %d refusals, want %d, %d and some", j.Checkpoints, j.Revision, j.Refusals, want, want+1)
	}
}

// If many callers send one command under one request id, it is done once.
func TestRequestIDTogether(t *testing.T) {
	const engines = 8
	b := newBench(t)
	b.must(submit())
	receipts, fresh := make([]ledger.Receipt, engines), make([]bool, engines)
	together(t, b.log, engines, func(i int, e *commands.Engine) {
		r := commands.Request{JobID: "job_1", Actor: "boss", RequestID: "r-1", Command: commands.Pause{}}
		result, err := persist(t, e, r)
		if err != nil {
			t.Errorf("engine %d: %v", i, err)
		}
		receipts[i], fresh[i] = result.Receipt, !result.Replayed
	})
	count := 0
	for i := range engines {
		if fresh[i] {
			count++
		}
		if receipts[i].Leaf != receipts[0].Leaf {
			t.Errorf("engine %d has another receipt than engine 0", i)
		}
	}
	if count != 1 || b.size() != 3 {
		t.Errorf("%d engines paused the job, %d events, want 1 and 3", count, b.size())
	}
}

// If many callers resume a job with one approval, one of them succeeds.
func TestApprovalTogether(t *testing.T) {
	const engines = 8
	b := newBench(t)
	b.must(submit(), decision(), approve("reviewer"))
	went := make([]bool, engines)
	together(t, b.log, engines, func(i int, e *commands.Engine) {
		r := resume()
		r.JobID, r.Actor = "job_1", fmt.Sprintf("worker_%d", i)
		_, err := persist(t, e, r)
		if no, ok := errors.AsType[*commands.RefusedError](err); err != nil && (!ok || no.Refusal.Code != projection.InvalidTransition) {
			t.Errorf("engine %d: %v", i, err)
		}
		went[i] = err == nil
	})
	count := 0
	for _, ok := range went {
		if ok {
			count++
		}
	}
	if count != 1 {
		t.Errorf("%d engines resumed the job, want 1", count)
	}
}
