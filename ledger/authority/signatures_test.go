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
	}
	err := all.Wait()
	if c, ok := errors.AsType[*ledger.CorruptError](err); !ok || c.Seq != 100 {
		t.Errorf("Wait = %v, want a *CorruptError of event 100", err)
	}
}
