package packspec

import (
	"iter"
	"runtime"
)

// maxWorkers is how many goroutines work at a time at most, so that memory is bounded
// on machines with many processors.
const maxWorkers = 8

// An outcome is the result of some work, or the panic that ended it.
type outcome[T any] struct {
	value    T
	panicked any
}

// inOrder calls work for each item, as many at a time as there are processors, and
// yields the results in the order of the items. It ranges over the items on another
// goroutine, a few items ahead of the caller. It returns when all work has ended. A panic
// in work or in items is raised again in the caller.
func inOrder[A, B any](items iter.Seq[A], work func(A) B) iter.Seq[B] {
	return func(yield func(B) bool) {
		workers := min(runtime.GOMAXPROCS(0), maxWorkers)
		results, stop := make(chan chan outcome[B], 2*workers), make(chan struct{})
		go produce(items, work, make(chan struct{}, workers), results, stop)
		defer func() {
			close(stop)
			for result := range results {
				<-result
			}
		}()
		for result := range results {
			r := <-result
			if r.panicked != nil {
				panic(r.panicked)
			}
			if !yield(r.value) {
				return
			}
		}
	}
}

// produce ranges over items until they end or stop is closed. For each it sends a channel
// that will get the outcome, and then closes results. A place in busy is a goroutine that
// works.
func produce[A, B any](items iter.Seq[A], work func(A) B, busy chan struct{}, results chan<- chan outcome[B], stop <-chan struct{}) {
	defer close(results)
	send := func() (result chan outcome[B], stopped bool) {
		result = make(chan outcome[B], 1)
		select {
		case results <- result:
			return result, false
		case <-stop:
			return nil, true
		}
	}
	defer func() {
		if p := recover(); p != nil {
			if result, stopped := send(); !stopped {
				result <- outcome[B]{panicked: p}
			}
		}
	}()
	for item := range items {
		result, stopped := send()
		if stopped {
			return
		}
		busy <- struct{}{}
		go func() {
			var o outcome[B]
			defer func() {
				o.panicked = recover()
				result <- o
				<-busy
			}()
			o.value = work(item)
		}()
	}
}
