package store

import "gait/ledger"

// How far events are read ahead of whoever ranges over them.
const (
	aheadBatch   = 128
	aheadBatches = 4
)

// A batch is events in order, and what ended them, if it is the last.
type batch struct {
	events   []ledger.Event
	err      error
	panicked any
}

// ahead ranges over events on another goroutine, and yields them, in order, on
// the one it is called from: so reading takes one core and what is made of the
// events another. It returns when both have ended.
func ahead(events ledger.Events) ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		batches, stop := make(chan batch, aheadBatches), make(chan struct{})
		go func() {
			defer close(batches)
			batched(events, func(b batch) bool {
				select {
				case batches <- b:
					return true
				case <-stop:
					return false
				}
			})
		}()
		defer func() {
			close(stop)
			for range batches { // until it is closed, the log is being read
			}
		}()
		for b := range batches {
			for _, e := range b.events {
				if !yield(e, nil) {
					return
				}
			}
			if b.panicked != nil {
				panic(b.panicked)
			}
			if b.err != nil {
				yield(ledger.Event{}, b.err)
			}
		}
	}
}

// batched sends events on in batches, until send says that it is enough.
func batched(events ledger.Events, send func(batch) bool) {
	var b batch
	defer func() {
		if b.panicked = recover(); b.panicked != nil {
			send(b)
		}
	}()
	for e, err := range events {
		if err != nil {
			b.err = err
			break
		}
		if b.events = append(b.events, e); len(b.events) == aheadBatch {
			if !send(b) {
				return
			}
			b = batch{events: make([]ledger.Event, 0, aheadBatch)}
		}
	}
	send(b)
}
