package ledger_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"

	"gait/ledger"
)

// numbers yields so many encoded numbers, then the error if there is one, and sets
// ended when it has ended.
func numbers(n int, fails error, ended *bool) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		defer func() { *ended = true }()
		for i := range n {
			if !yield(binary.BigEndian.AppendUint64(nil, uint64(i)), nil) {
				return
			}
		}
		if fails != nil {
			yield(nil, fails)
		}
	}
}

// decodeNumber returns the event of a number, and fails if it is not the n-th.
func decodeNumber(n int64, encoded []byte) (ledger.Event, error) {
	if got := binary.BigEndian.Uint64(encoded); got != uint64(n) {
		return ledger.Event{}, fmt.Errorf("number %d is decoded as the %d-th", got, n)
	}
	return ledger.Unchecked(ledger.Draft{Seq: ledger.Seq(n)}), nil
}

// Reading and decoding ahead does not change a sequence: its order and its error stay
// the same, the caller can stop at any event, and nothing runs on afterwards.
func TestDecodeAhead(t *testing.T) {
	const run = ledger.AheadEvents
	broken := errors.New("disk on fire")
	for _, n := range []int{0, 1, run - 1, run, run + 1, 7*run + 3} {
		for _, fails := range []error{nil, broken} {
			for _, until := range []int{0, 1, run, 6 * run, n, n + 1} {
				ended, seen, failed := false, 0, error(nil)
				for e, err := range ledger.DecodeAhead(numbers(n, fails, &ended), decodeNumber) {
					if failed = err; err != nil || seen == until {
						break
					}
					if e.Seq() != ledger.Seq(seen) {
						t.Fatalf("event %d comes as number %d of %d", e.Seq(), seen, n)
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

// The error of the first event that does not decode comes after those before it, and
// none of those that decode after it, whatever ends them.
func TestDecodeAheadEndsAtTheFirstError(t *testing.T) {
	const run = ledger.AheadEvents
	broken := errors.New("not an event")
	for _, bad := range []int64{0, 1, run - 1, run, 3*run + 5} {
		ended, seen, failed := false, int64(0), []error(nil)
		source := numbers(int(bad)+run/2, errors.New("a later error"), &ended)
		for _, err := range ledger.DecodeAhead(source, func(n int64, encoded []byte) (ledger.Event, error) {
			if n >= bad {
				return ledger.Event{}, fmt.Errorf("%w: %d", broken, n)
			}
			return decodeNumber(n, encoded)
		}) {
			if err != nil {
				failed = append(failed, err)
				continue
			}
			seen++
		}
		if want := fmt.Sprintf("not an event: %d", bad); seen != bad || len(failed) != 1 || failed[0].Error() != want || !ended {
			t.Errorf("%d events, then %v, want %d and %s; source ended: %t", seen, failed, bad, want, ended)
		}
	}
}

// A panic while reading or decoding ahead is raised in the caller, after the events
// before it. On another goroutine it would end the process, and the caller could not
// recover from it.
func TestDecodeAheadRaisesAPanic(t *testing.T) {
	for _, at := range []int{0, 5, ledger.AheadEvents, 4*ledger.AheadEvents + 7} {
		ended := false
		reading := func(yield func([]byte, error) bool) {
			numbers(at, nil, &ended)(yield)
			panic("a mistake")
		}
		decoding := func(n int64, encoded []byte) (ledger.Event, error) {
			if n == int64(at) {
				panic("a mistake")
			}
			return decodeNumber(n, encoded)
		}
		for name, events := range map[string]ledger.Events{
			"reading":  ledger.DecodeAhead(reading, decodeNumber),
			"decoding": ledger.DecodeAhead(numbers(at+3, nil, &ended), decoding),
		} {
			var seen []ledger.Seq
			func() {
				defer func() {
					if p := recover(); p != "a mistake" {
						t.Errorf("%s: recovered %v", name, p)
					}
				}()
				for e, err := range events {
					if err != nil {
						t.Errorf("%s: %v", name, err)
					}
					seen = append(seen, e.Seq())
				}
				t.Errorf("%s: the panic got lost", name)
			}()
			if len(seen) != at || !slices.IsSorted(seen) || !ended {
				t.Errorf("%s: %d events before the panic, want %d; source ended: %t", name, len(seen), at, ended)
			}
		}
	}
}
