package daemon_test

import (
	"testing"

	"gait/ledger/ledgertest"
)

// A ledger read through a daemon behaves as any other log.
func TestLog(t *testing.T) {
	ledgertest.TestLog(t, func(t *testing.T) ledgertest.Subject {
		s := serve(t)
		l, err := s.client.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return ledgertest.Subject{Log: l, Store: s.Log, Renew: func(t *testing.T) {
			if err := l.Renew(t.Context()); err != nil {
				t.Fatal(err)
			}
		}}
	})
}
