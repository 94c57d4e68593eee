package store

import (
	"errors"
	"testing"

	"gait/ledger"
)

// Reading ahead changes nothing about a sequence: neither order, nor where its
// error is, nor that it can be left at any event; and nothing runs on after it.
func TestAhead(t *testing.T) {
	broken := errors.New("disk on fire")
	for _, n := range []int{0, 1, aheadBatch - 1, aheadBatch, aheadBatch + 1, 7*aheadBatch + 3} {
		for _, fails := range []error{nil, broken} {
			for _, until := range []int{0, 1, aheadBatch, 6 * aheadBatch, n, n + 1} {
				ended := false
				source := func(yield func(ledger.Event, error) bool) {
					defer func() { ended = true }()
					for i := range n {
						if !yield(ledger.Event{Seq: ledger.Seq(i)}, nil) {
							return
						}
					}
					if fails != nil {
						yield(ledger.Event{}, fails)
					}
				}
				seen, failed := 0, error(nil)
				for e, err := range ahead(source) {
					if failed = err; err != nil || seen == until {
						break
					}
					if e.Seq != ledger.Seq(seen) {
						t.Fatalf("event %d comes as number %d of %d", e.Seq, seen, n)
					}
					seen++
				}
				want := error(nil)
				if until >= n {
					want = fails
				}
				if !ended || seen != min(n, until) || !errors.Is(failed, want) {
					t.Errorf("of %d events, left after %d: %d events, error %v, want %v; source ended: %t", n, until, seen, failed, want, ended)
				}
			}
		}
	}
}

// A panic while reading ahead is the reader's: in a goroutine of its own it
// would end the process, with nobody asked.
func TestAheadHandsAPanicOn(t *testing.T) {
	defer func() {
		if p := recover(); p != "a mistake" {
			t.Errorf("recovered %v", p)
		}
	}()
	for e, err := range ahead(func(yield func(ledger.Event, error) bool) {
		yield(ledger.Event{Seq: 7}, nil)
		panic("a mistake")
	}) {
		if e.Seq != 7 || err != nil {
			t.Errorf("event %d, %v", e.Seq, err)
		}
	}
	t.Error("the panic got lost")
}
