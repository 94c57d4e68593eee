package ledger

import (
	"iter"
	"runtime"
	"sync"
)

// How many events are read and decoded at once, and at most how many bytes of them.
const (
	aheadEvents = 128
	aheadBytes  = 128 << 10
)

// DecodeAhead returns the events that decode makes of the encoded ones in raw, in
// order, up to the first error. Reading runs on a goroutine of its own and decoding on
// as many as there are processors, while the caller works with the events before, so
// that all processors are busy. A few hundred events are held for each of them.
//
// decode is called from several goroutines at a time, with the number of the event in
// raw, from 0. Its result must depend on nothing else. Each range over the events
// ranges over raw once, and when it ends, raw has ended and no goroutine is left. A
// panic of raw or of decode is raised in the caller.
func DecodeAhead(raw iter.Seq2[[]byte, error], decode func(n int64, encoded []byte) (Event, error)) Events {
	return func(yield func(Event, error) bool) {
		workers := runtime.GOMAXPROCS(0)
		r := &readAhead{order: make(chan *stretch, workers+1), work: make(chan *stretch), stop: make(chan struct{})}
		var running sync.WaitGroup
		running.Go(func() { r.read(raw) })
		for range workers {
			running.Go(func() {
				for s := range r.work {
					s.decode(decode)
				}
			})
		}
		defer running.Wait()
		defer close(r.stop)
		for s := range r.order {
			if <-s.decoded; !s.yield(yield) {
				return
			}
		}
	}
}

// A readAhead passes stretches of events from the goroutine that reads them to those
// that decode them, and, in order, to the caller.
type readAhead struct {
	order, work chan *stretch
	stop        chan struct{} // closed when the caller wants no more
}

// A stretch is a number of events that follow each other.
type stretch struct {
	first    int64 // number of the first one
	raw      [][]byte
	bytes    int
	events   []Event // decoded
	err      error   // after the events: of reading or decoding
	panicked any     // the same, if it was a panic
	decoded  chan struct{}
}

// read sends raw in stretches.
func (r *readAhead) read(raw iter.Seq2[[]byte, error]) {
	defer close(r.order)
	defer close(r.work)
	s := newStretch(0)
	defer func() {
		if p := recover(); p != nil {
			s.panicked = p
			r.send(s)
		}
	}()
	for encoded, err := range raw {
		if err != nil {
			s.err = err
			break
		}
		s.raw, s.bytes = append(s.raw, encoded), s.bytes+len(encoded)
		if len(s.raw) == aheadEvents || s.bytes >= aheadBytes {
			if !r.send(s) {
				return
			}
			s = newStretch(s.first + int64(len(s.raw)))
		}
	}
	r.send(s)
}

func newStretch(first int64) *stretch {
	return &stretch{first: first, decoded: make(chan struct{})}
}

// send returns false if the caller wants no more.
func (r *readAhead) send(s *stretch) bool {
	select {
	case r.order <- s:
	case <-r.stop:
		return false
	}
	r.work <- s
	return true
}

// decode decodes the events, up to the first that fails.
func (s *stretch) decode(decode func(n int64, encoded []byte) (Event, error)) {
	defer close(s.decoded)
	defer func() {
		if p := recover(); p != nil {
			s.panicked = p
		}
	}()
	s.events = make([]Event, 0, len(s.raw))
	for i, encoded := range s.raw {
		e, err := decode(s.first+int64(i), encoded)
		if err != nil {
			s.err, s.panicked = err, nil
			return
		}
		s.events = append(s.events, e)
	}
}

// yield yields the events, and what ended them. It returns false if there are no more.
func (s *stretch) yield(yield func(Event, error) bool) bool {
	for _, e := range s.events {
		if !yield(e, nil) {
			return false
		}
	}
	if s.panicked != nil {
		panic(s.panicked)
	}
	if s.err != nil {
		yield(Event{}, s.err)
		return false
	}
	return true
}
