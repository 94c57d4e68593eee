package commands_test

import (
	"fmt"
	"testing"
	"time"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store"
	"gait/ledger/store/memtable"
)

// A rowsBench is an engine over a table whose rows a test changes.
type rowsBench struct {
	t      *testing.T
	table  *memtable.Table
	log    *store.Log
	engine *commands.Engine
}

func newRowsBench(t *testing.T) *rowsBench {
	t.Helper()
	b := &rowsBench{t: t, table: &memtable.Table{}}
	key := ledgertest.Key(ledgertest.Origin)
	if err := store.Create(t.Context(), b.table, ledgertest.First(key.VerifierKey()), b.options()); err != nil {
		t.Fatal(err)
	}
	b.open()
	return b
}

func (b *rowsBench) options() store.Options {
	return store.Options{Signer: ledgertest.Key(ledgertest.Origin), Keys: ledgertest.MACKeys}
}

func (b *rowsBench) open() {
	b.t.Helper()
	log, err := store.Open(b.t.Context(), b.table, b.options())
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { log.Close() })
	at := log.Head().Time
	now := func() time.Time { at = at.Add(time.Second); return at }
	b.log, b.engine = log, &commands.Engine{Log: log, Now: now, Entropy: ledgertest.Entropy(uint64(log.Head().Size))}
}

// edit changes the rows while no log has the table open.
func (b *rowsBench) edit(change func(rows ledgertest.Rows)) {
	b.t.Helper()
	if err := b.log.Close(); err != nil {
		b.t.Fatal(err)
	}
	b.table.Reopen()
	b.editLive(change)
	b.open()
}

func (b *rowsBench) editLive(change func(rows ledgertest.Rows)) {
	b.t.Helper()
	before := b.rows()
	after := before.Clone()
	change(after)
	ledgertest.TamperWith(b.table, before, after)
}

func (b *rowsBench) rows() ledgertest.Rows {
	b.t.Helper()
	rows, err := ledgertest.ReadRows(b.t.Context(), b.table)
	if err != nil {
		b.t.Fatal(err)
	}
	return rows
}

func (b *rowsBench) do(job, requestID string, c commands.Command) (commands.Result, error) {
	return b.engine.Do(b.t.Context(), commands.Request{JobID: job, RequestID: requestID, Actor: "boss", Reason: "why", Command: c})
}

func (b *rowsBench) must(job, requestID string, c commands.Command) commands.Result {
	b.t.Helper()
	r, err := b.do(job, requestID, c)
	if err != nil {
		b.t.Fatalf("%s %s = %v", c.Verb(), job, err)
	}
	return r
}

func (b *rowsBench) fill() {
	b.t.Helper()
	for _, job := range []string{"a", "b", "c", "d"} {
		if _, err := b.engine.Do(b.t.Context(), commands.Request{JobID: job, RequestID: "submit-" + job, Actor: "boss", Command: commands.Submit{EnvironmentFingerprint: "envfp:test", ProducerVersion: "test"}}); err != nil {
			b.t.Fatal(err)
		}
	}
	b.must("d", "stop-d", commands.Stop{})
}

// refuses requires that commands fail with an *ledger.IndexError, and write nothing.
func (b *rowsBench) refuses(what string) {
	b.t.Helper()
	size := b.log.Head().Size
	for _, c := range []struct {
		job, id string
		command commands.Command
	}{
		{"a", "", commands.Pause{}},
		{"a", "pause-a", commands.Pause{}},
		{"none", "", commands.Pause{}},
		{"none", "submit-none", commands.Pause{}},
	} {
		if _, err := b.do(c.job, c.id, c.command); !isIndexError(err) {
			b.t.Errorf("%s: %s %s with request id %q = %v, want an IndexError", what, c.command.Verb(), c.job, c.id, err)
		}
	}
	if b.log.Head().Size != size {
		b.t.Errorf("%s: %d events were written", what, b.log.Head().Size-size)
	}
}

// A job can be ended although the pages of the index were changed under a running
// process. From then on the index is broken.
func TestEndingAJobBesideADamagedPage(t *testing.T) {
	b := newRowsBench(t)
	b.fill()
	var others []ledgertest.EventSpec
	for i := range 500 {
		others = append(others, ledgertest.Submit(fmt.Sprint("other_", i)))
	}
	ledgertest.Append(t, b.log, others...)
	b.edit(func(ledgertest.Rows) {}) // so that pages below the root are not in memory
	b.editLive(func(rows ledgertest.Rows) {
		for key, page := range rows {
			if key[0] == 'i' && key[1] == 1 {
				rows[key] = page[:len(page)-1]
			}
		}
	})
	b.refuses("a damaged page")
	if b.log.Index() != ledger.IndexProved {
		t.Errorf("before a job is ended the index is %s", b.log.Index())
	}
	b.must("a", "stop-a", commands.Stop{})
	if b.log.Index() != ledger.IndexBroken {
		t.Errorf("after a job was ended the index is %s", b.log.Index())
	}
	b.refuses("a broken index")
	b.edit(func(ledgertest.Rows) {})
	b.must("b", "", commands.Cancel{})
	if _, err := b.log.Rebuild(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	b.must("c", "", commands.Pause{})
	ledgertest.Check(t, b.log)
}

// A request id cannot be used twice because its row is gone.
func TestARequestIDWhoseRowIsGone(t *testing.T) {
	b := newRowsBench(t)
	b.fill()
	b.edit(func(rows ledgertest.Rows) { delete(rows, "rsubmit-a") })
	if _, err := b.do("a", "submit-a", commands.Pause{}); !isIndexError(err) {
		t.Errorf("using it again = %v, want an IndexError", err)
	}
	if _, err := b.do("a", "submit-a", commands.Stop{}); err == nil || isIndexError(err) {
		t.Errorf("using it again to stop = %v, want an error about the request id", err)
	}
	b.must("a", "", commands.Pause{})
}
