package authority_test

import (
	"bytes"
	"errors"
	"testing"

	"gait/ledger"
	"gait/ledger/authority"
	"gait/ledger/authoritytest"
)

// Signatures names the first event whose signature does not hold, whichever goroutine
// comes to it first.
func TestSignaturesNamesTheFirst(t *testing.T) {
	l, key := authoritytest.New(t), authoritytest.Key(t, "ann")
	l.Begin("ann", key)
	for range 300 {
		l.Sign("ann", "", ledger.AuthoritySet{Admins: 1, Mode: ledger.ModeClaims}, key)
	}
	var all, none authority.Signatures
	for _, e := range l.Events {
		all.Add(e)
	}
	if err := all.Wait(); err != nil || all.Count() != 301 {
		t.Errorf("of the signatures of %d events: %v, want 301 that hold", all.Count(), err)
	}
	none.Add(l.Events[0])
	if err := none.Wait(); err != nil || none.Count() != 0 {
		t.Errorf("of no signatures: %d, %v", none.Count(), err)
	}
	var changed []ledger.Event
	for _, e := range l.Events {
		if e.Seq() >= 100 && e.Seq()%50 == 0 {
			d := e.Draft()
			d.Command = bytes.Replace(d.Command, []byte(`"claims"`), []byte(`"ClaimS"`), 1)
			var err error
			if e, err = ledger.Seal(d); err != nil {
				t.Fatal(err)
			}
		}
		all.Add(e)
		changed = append(changed, e)
	}
	err := all.Wait()
	if c, ok := errors.AsType[*ledger.CorruptError](err); !ok || c.Seq != 100 {
		t.Errorf("Wait = %v, want a *CorruptError of event 100", err)
	}
	if n, err := ranged(authority.Verified(eventsOf(l.Events, nil))); err != nil || n != len(l.Events) {
		t.Errorf("Verified yields %d events and ends with %v, want all of them and nil", n, err)
	}
	_, err = ranged(authority.Verified(eventsOf(changed, nil)))
	if c, ok := errors.AsType[*ledger.CorruptError](err); !ok || c.Seq != 100 {
		t.Errorf("Verified ends with %v, want a *CorruptError of event 100", err)
	}
	later := errors.New("later")
	if _, err = ranged(authority.Verified(eventsOf(l.Events[:50], later))); !errors.Is(err, later) {
		t.Errorf("Verified ends with %v, want the error of the events", err)
	}
	for range authority.Verified(eventsOf(changed, nil)) {
		break // the caller may stop early
	}
}

// eventsOf yields events, and then an error if there is one.
func eventsOf(events []ledger.Event, err error) ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		for _, e := range events {
			if !yield(e, nil) {
				return
			}
		}
		if err != nil {
			yield(ledger.Event{}, err)
		}
	}
}

// ranged counts events and returns the error with which they end.
func ranged(events ledger.Events) (n int, err error) {
	for _, err := range events {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}
