package ledgertest

import (
	"testing"

	"gait/ledger"
	"gait/ledger/store"
	"gait/ledger/store/memtable"
)

// InMemory returns a ledger that begins with first and is signed by key. It is a
// log like every other, over a table that is a sorted list in memory, so it costs
// less than New. It is closed when the test ends.
func InMemory(t testing.TB, first ledger.Event, key ledger.PrivateKey) *store.Log {
	t.Helper()
	table, o := new(memtable.Table), store.Options{Signer: key, Keys: MACKeys}
	if err := store.Create(t.Context(), table, first, o); err != nil {
		t.Fatalf("Create = %v", err)
	}
	log, err := store.Open(t.Context(), table, o)
	if err != nil {
		t.Fatalf("Open = %v", err)
	}
	closeAfter(t, log)
	return log
}
