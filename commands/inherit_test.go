package commands_test

import (
	"errors"
	"testing"
	"time"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/mpt"
	"gait/ledger/store"
	"gait/ledger/store/memtable"
)

// A request id that a ledger before used is refused, whatever the command, and writes
// nothing.
func TestRequestIDsOfBefore(t *testing.T) {
	key := ledgertest.Key("gait.test/log")
	draft := ledgertest.First(key.VerifierKey()).Draft()
	p := draft.Payload.(ledger.LedgerCreated)
	requests, content := ledger.RequestsOf([]mpt.Key{ledger.RequestKey("pay-1")})
	p.Predecessor = &ledger.Predecessor{Origin: "gait.test/before", Requests: requests}
	draft.Payload = p
	first, err := ledger.Seal(draft)
	if err != nil {
		t.Fatal(err)
	}
	table, o := new(memtable.Table), store.Options{Signer: key, Keys: ledgertest.MACKeys, Inherited: ledgertest.Inherits(content)}
	if err := store.Create(t.Context(), table, first, o); err != nil {
		t.Fatal(err)
	}
	log, err := store.Open(t.Context(), table, o)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	clock := ledgertest.Clock{Step: time.Millisecond}
	e := &commands.Engine{Log: log, Now: clock.Now, Entropy: ledgertest.Entropy(3)}
	defer e.Drain()
	r := submit()
	r.JobID, r.RequestID = "job_1", "pay-2"
	if _, err := e.Do(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	for _, r := range []commands.Request{submit(), pause(), by("boss", commands.Stop{})} {
		for _, dry := range []bool{true, false} {
			r.JobID, r.RequestID, r.DryRun = "job_1", "pay-1", dry
			_, err := e.Do(t.Context(), r)
			used, ok := errors.AsType[*ledger.RequestUsedError](err)
			if !ok || used.Origin != "gait.test/before" || log.Head().Size != 2 {
				t.Errorf("%s with a request id of before: %v; the ledger has %d events", r.Command.Verb(), err, log.Head().Size)
			}
		}
	}
}
