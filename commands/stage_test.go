package commands_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"gait/commands"
	"gait/ledger"
)

// A stage is a bench whose commits wait for the test, and which reports when
// commands were decided.
type stage struct {
	*bench
	began   chan int      // gets the number of events of each commit that begins
	through chan struct{} // lets one commit go on
	decided chan struct{} // gets a value for each reading of the clock
	wait    sync.WaitGroup
}

func newStage(t *testing.T) *stage {
	s := &stage{bench: newBench(t), began: make(chan int, 100), through: make(chan struct{}), decided: make(chan struct{}, 1000)}
	s.must(submit())
	now := s.engine.Now
	s.engine.Now = func() time.Time { s.decided <- struct{}{}; return now() }
	s.log.onCommit = func(n int) { s.began <- n; <-s.through }
	return s
}

// outcomes collects what commands led to.
type outcomes struct {
	results []commands.Result
	errs    []error
}

// start carries requests out, each in a goroutine, and returns when all are
// decided. Their outcomes are complete after s.wait.Wait.
func (s *stage) start(ctx context.Context, requests ...commands.Request) *outcomes {
	o := &outcomes{results: make([]commands.Result, len(requests)), errs: make([]error, len(requests))}
	for i, r := range requests {
		if r.JobID == "" && !commands.RowOf(r.Command).OfLedger {
			r.JobID = "job_1"
		}
		s.wait.Go(func() { o.results[i], o.errs[i] = s.engine.Do(ctx, r) })
	}
	for range requests {
		<-s.decided
	}
	return o
}

// startBehind is start for requests that each write an event, behind a batch that is being
// written. It returns when the next batch has their events: they share the fate of that one.
func (s *stage) startBehind(ctx context.Context, requests ...commands.Request) *outcomes {
	all := s.log.added.Load() + int64(len(requests))
	o := s.start(ctx, requests...)
	for s.log.added.Load() < all {
		runtime.Gosched()
	}
	return o
}

func many(n int, r func(i int) commands.Request) []commands.Request {
	all := make([]commands.Request, n)
	for i := range all {
		all[i] = r(i)
	}
	return all
}

func progress(i int) commands.Request {
	r := checkpoint(ledger.CheckpointProgress)
	r.Actor = fmt.Sprintf("worker_%d", i)
	return r
}

// blocked holds the sequencer while it decides, so that later calls wait.
func (s *stage) blocked() (release func()) {
	hold, held := make(chan struct{}), make(chan struct{})
	now := s.engine.Now
	var once sync.Once
	s.engine.Now = func() time.Time {
		once.Do(func() { close(held); <-hold })
		return now()
	}
	s.log.onCommit = nil
	s.wait.Go(func() {
		if _, err := s.do(progress(0)); err != nil {
			s.t.Error(err)
		}
	})
	<-held
	return func() { close(hold) }
}

func (s *stage) untilWaiting(n int) {
	for commands.Waiting(s.engine) != n {
		runtime.Gosched()
	}
}
