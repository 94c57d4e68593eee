package authority

import (
	"runtime"
	"sync"

	"gait/ledger"
)

// Signatures verifies the signatures of many events, on as many goroutines as there are
// processors, while its caller reads on. The zero Signatures is ready. One goroutine may
// use it, and calls Wait at last, or goroutines are left.
type Signatures struct {
	work    chan ledger.Event
	running sync.WaitGroup

	mu    sync.Mutex
	count int64
	err   error
	seq   ledger.Seq // of the event with err
}

// queued is how many events wait for each goroutine at most.
const queued = 64

// Add has the signatures of an event verified. It waits if too many events wait.
func (s *Signatures) Add(e ledger.Event) {
	if len(e.Command()) == 0 {
		return
	}
	if s.work == nil {
		s.start()
	}
	s.work <- e
}

func (s *Signatures) start() {
	workers := runtime.GOMAXPROCS(0)
	s.work = make(chan ledger.Event, workers*queued)
	for range workers {
		s.running.Go(func() {
			for e := range s.work {
				s.note(e.Seq(), VerifySignatures(e))
			}
		})
	}
}

func (s *Signatures) note(seq ledger.Seq, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	if err != nil && (s.err == nil || seq < s.seq) {
		s.err, s.seq = err, seq
	}
}

// Wait waits until all signatures are verified, and returns the error of the first event in
// the ledger that has one that does not hold: as VerifySignatures does. It may be called
// again, and events may be added again.
func (s *Signatures) Wait() error {
	if s.work != nil {
		close(s.work)
		s.running.Wait()
		s.work = nil
	}
	return s.err
}

// Count returns how many events with signatures were added, after Wait.
func (s *Signatures) Count() int64 { return s.count }
