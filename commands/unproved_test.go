package commands_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store"
	"gait/ledger/store/memtable"
)

// A tampered is a ledger in memory whose rows an attacker without the key edits while
// it is closed.
type tampered struct {
	*bench
	table *memtable.Table
	key   ledger.PrivateKey
	store *store.Log
}

func newTampered(t *testing.T) *tampered {
	t.Helper()
	b := &tampered{bench: newBench(t), table: new(memtable.Table), key: ledgertest.Key(ledgertest.Origin)}
	o := store.Options{Signer: b.key, Keys: ledgertest.MACKeys}
	if err := store.Create(t.Context(), b.table, ledgertest.First(b.key.VerifierKey()), o); err != nil {
		t.Fatal(err)
	}
	b.reopen(nil)
	return b
}

// reopen closes the log, edits its rows and opens it again, for a new engine.
func (b *tampered) reopen(edit func(ledgertest.Rows)) {
	b.t.Helper()
	if b.store != nil {
		b.engine.Drain()
		if err := b.store.Close(); err != nil {
			b.t.Fatal(err)
		}
		b.table.Reopen()
	}
	if edit != nil {
		before, err := ledgertest.ReadRows(b.t.Context(), b.table)
		if err != nil {
			b.t.Fatal(err)
		}
		after := before.Clone()
		edit(after)
		ledgertest.TamperWith(b.table, before, after)
	}
	var err error
	if b.store, err = store.Open(b.t.Context(), b.table, store.Options{Signer: b.key, Keys: ledgertest.MACKeys, Indexed: true}); err != nil {
		b.t.Fatal(err)
	}
	now := b.engine.Now
	b.engine = &commands.Engine{Log: b.store, Entropy: rand.NewChaCha8([32]byte{9}), Now: now}
}

func dropRecord(r ledgertest.Rows) { delete(r, "m/index") }

// TestUnproved tests what is carried out while the index does not hold: only what ends
// a job, decided on what all events say.
func TestUnproved(t *testing.T) {
	b := newTampered(t)
	for _, job := range []string{"job_1", "job_2", "job_3", "job_4"} {
		b.must(commands.Request{JobID: job, Command: submit().Command})
	}
	b.must(commands.Request{JobID: "job_2", Command: progress(1).Command})
	b.reopen(func(r ledgertest.Rows) {
		dropRecord(r)
		delete(r, "hjob_3")
		r["hjob_4"] = r["hjob_4"][:64] // without its view
	})
	size := b.store.Head().Size
	for name, r := range map[string]commands.Request{
		"submit": {JobID: "job_9", Command: submit().Command}, "checkpoint": {JobID: "job_1", Command: progress(1).Command}, "pause": {JobID: "job_1", Command: commands.Pause{}},
		"stop of a hidden job": {JobID: "job_3", Command: commands.Stop{}}, "commit-index": {Command: commands.CommitIndex{}},
	} {
		if _, err := b.engine.Do(t.Context(), withActor(r)); !isIndexError(err) {
			t.Errorf("%s: %v, want an index error", name, err)
		}
	}
	if got := b.store.Head().Size; got != size {
		t.Fatalf("%d events were written", got-size)
	}
	stop := commands.Request{JobID: "job_1", Command: commands.Stop{}, RequestID: "stop-1"}
	first := b.must(stop)
	if again := b.must(stop); !again.Replayed || again.Event.Seq() != first.Event.Seq() {
		t.Errorf("the same stop again: %+v", again)
	}
	b.must(commands.Request{JobID: "job_1", Command: commands.Cancel{}}, commands.Request{JobID: "job_4", Command: commands.Cancel{}})
	if err := b.store.Verify(t.Context(), nil, nil); err == nil {
		t.Error("the ledger verifies without its record")
	}
}

// TestUnprovedOlderHead tests that a stop is not decided on an older head of the job.
func TestUnprovedOlderHead(t *testing.T) {
	b := newTampered(t)
	b.must(commands.Request{JobID: "job_1", Command: submit().Command})
	older, err := ledgertest.ReadRows(t.Context(), b.table)
	if err != nil {
		t.Fatal(err)
	}
	b.must(commands.Request{JobID: "job_1", Command: commands.Cancel{}})
	b.reopen(func(r ledgertest.Rows) {
		dropRecord(r)
		r["hjob_1"] = older["hjob_1"]
	})
	if _, err := b.do(commands.Request{Command: commands.Stop{}}); !isIndexError(err) {
		t.Fatalf("stop of a job whose end was hidden: %v", err)
	}
}

func withActor(r commands.Request) commands.Request {
	if r.JobID != "" {
		r.Actor = "worker_1"
	}
	return r
}

func isIndexError(err error) bool {
	_, ok := errors.AsType[*ledger.IndexError](err)
	return ok
}
