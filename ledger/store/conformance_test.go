package store_test

import (
	"testing"

	"gait/ledger/ledgertest"
	"gait/ledger/store"
)

// A log behaves the same over every table.
func TestLog(t *testing.T) {
	for name, newLog := range map[string]func(*testing.T) *store.Log{
		"over Pebble": func(t *testing.T) *store.Log { return ledgertest.New(t).Log },
		"in memory": func(t *testing.T) *store.Log {
			key := ledgertest.Key(ledgertest.Origin)
			return ledgertest.InMemory(t, ledgertest.First(key.VerifierKey()), key)
		},
	} {
		t.Run(name, func(t *testing.T) {
			ledgertest.TestLog(t, func(t *testing.T) ledgertest.Subject {
				l := newLog(t)
				return ledgertest.Subject{Log: l, Store: l}
			})
		})
	}
}
