package store_test

import (
	"context"
	"errors"
	"testing"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store"
	"gait/ledger/store/memtable"
)

// overTable creates a ledger in a table and opens it.
func overTable(t *testing.T, table store.Table) *store.Log {
	t.Helper()
	key := ledgertest.Key(ledgertest.Origin)
	if err := store.Create(t.Context(), table, ledgertest.First(key.VerifierKey()), store.Options{Signer: key, Keys: ledgertest.MACKeys}); err != nil {
		t.Fatalf("Create = %v", err)
	}
	return opened(t, table)
}

// opened opens the ledger in a table.
func opened(t *testing.T, table store.Table) *store.Log {
	t.Helper()
	log, err := store.Open(t.Context(), table, store.Options{Signer: ledgertest.Key(ledgertest.Origin), Keys: ledgertest.MACKeys})
	if err != nil {
		t.Fatalf("Open = %v", err)
	}
	t.Cleanup(func() { log.Close() })
	return log
}

// A log relies only on what store.Table promises, and inserts no row twice: a
// memtable would refuse that.
func TestLogOverAnotherTable(t *testing.T) {
	ledgertest.TestLog(t, func(t *testing.T) ledgertest.Subject {
		log := overTable(t, &memtable.Table{})
		return ledgertest.Subject{Log: log, Store: log}
	})
}

func TestImportOverAnotherTable(t *testing.T) {
	l := ledgertest.Rotated(t)
	for range 3 {
		drafts := make([]ledgertest.EventSpec, 700)
		for i := range drafts {
			drafts[i] = ledgertest.Progress("job_1", "more than one part")
		}
		ledgertest.Append(t, l.Log, drafts...)
	}
	rotations, err := l.Rotations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, signed := l.Checkpoint()
	table := &memtable.Table{}
	if _, err := store.Import(t.Context(), table, store.Copy{Entries: entries(l.Log, nil), Rotations: rotations, Signed: signed}); err != nil {
		t.Fatalf("Import = %v", err)
	}
	log, err := store.Open(t.Context(), table, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if _, again := log.Checkpoint(); !log.Imported() || string(again) != string(signed) {
		t.Errorf("the copy ends with\n%s\nwant\n%s", again, signed)
	}
	ledgertest.Check(t, log)
}

func TestOpenOfATableWithoutALedger(t *testing.T) {
	_, err := store.Open(t.Context(), &memtable.Table{}, store.Options{})
	if _, corrupt := errors.AsType[*ledger.CorruptError](err); !corrupt {
		t.Errorf("Open of an empty table = %v, want a CorruptError", err)
	}
	key := ledgertest.Key(ledgertest.Origin)
	table := &memtable.Table{}
	ledgertest.Append(t, overTable(t, table), ledgertest.Submit("job_1"))
	err = store.Create(t.Context(), table, ledgertest.First(key.VerifierKey()), store.Options{Signer: key, Keys: ledgertest.MACKeys})
	if !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("Create over a ledger = %v, want ErrConflict", err)
	}
}

// If two logs over one table write after the same head, only one succeeds, and the
// events of the other are not there.
func TestTwoLogsOverOneTable(t *testing.T) {
	table := &memtable.Table{}
	first := overTable(t, table)
	second := opened(t, table)
	ledgertest.Append(t, first, ledgertest.Submit("job_1"))
	entries := ledgertest.Seal(t, second, ledgertest.Submit("job_2"))
	if _, err := second.Append(t.Context(), second.Head(), entries...); !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("Append after an old head = %v, want ErrConflict", err)
	}
	ledgertest.Append(t, first, ledgertest.Submit("job_2"))
	ledgertest.Check(t, first)
	ledgertest.Check(t, opened(t, table))
}

// A failingTable fails while err is set.
type failingTable struct {
	store.Table
	err     error
	written bool // Commit writes although it fails
}

func (f *failingTable) Commit(ctx context.Context, c *store.Change) error {
	if f.err == nil {
		return f.Table.Commit(ctx, c)
	}
	if f.written {
		if err := f.Table.Commit(ctx, c); err != nil {
			return err
		}
	}
	return f.err
}

func (f *failingTable) GetMany(ctx context.Context, keys [][]byte) ([][]byte, error) {
	if f.err != nil {
		return nil, f.err
	}
	return f.Table.GetMany(ctx, keys)
}

func (f *failingTable) Scan(ctx context.Context, from, to []byte, limit int, reverse bool) ([]store.Row, bool, error) {
	if f.err != nil {
		return nil, false, f.err
	}
	return f.Table.Scan(ctx, from, to, limit, reverse)
}

// The log reports the outcome of a commit as the table does.
func TestErrorsOfATable(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want error
	}{
		{store.ErrUnknown, ledger.ErrOutcomeUnknown},
		{store.ErrConflict, ledger.ErrConflict},
		{store.ErrUnavailable, store.ErrUnavailable},
		{store.ErrReadOnly, store.ErrReadOnly},
		{store.ErrClosed, store.ErrClosed},
		{context.Canceled, context.Canceled},
	} {
		table := &failingTable{Table: &memtable.Table{}, written: errors.Is(tt.err, store.ErrUnknown)}
		log := overTable(t, table)
		ledgertest.Append(t, log, ledgertest.Submit("job_1"))
		before := log.Head()
		b := ledgertest.Signed(t, log, before, ledgertest.Seal(t, log, ledgertest.Progress("job_1", "step")))
		table.err = tt.err
		if _, err := b.Commit(t.Context()); !errors.Is(err, tt.want) {
			t.Errorf("Commit when the table says %q = %v, want %v", tt.err, err, tt.want)
		}
		if errors.Is(tt.want, ledger.ErrOutcomeUnknown) {
			table.err = nil
			if got := opened(t, table).Head().Size; got != before.Size+1 {
				t.Errorf("the log reopened has %d events, want %d", got, before.Size+1)
			}
			continue
		}
	}
}

// A table that cannot be read is not damaged.
func TestATableThatCannotBeRead(t *testing.T) {
	table := &failingTable{Table: &memtable.Table{}}
	log := overTable(t, table)
	drafts := []ledgertest.EventSpec{ledgertest.Submit("job_1")}
	for range ledger.TileWidth { // so that there is a full tile, which is not in memory
		drafts = append(drafts, ledgertest.Progress("job_1", "step"))
	}
	ledgertest.Append(t, log, drafts...)
	for _, want := range []error{store.ErrUnavailable, context.DeadlineExceeded} {
		table.err = want
		_, event := log.Event(t.Context(), 1)
		_, signed := log.Checkpoint()
		_, proof := log.ProofIn(t.Context(), signed, 1)
		_, root := log.RootAt(t.Context(), 1)
		_, cosigned := log.Cosigned(t.Context())
		_, loaded := log.Load(t.Context(), []string{"job_1"}, nil)
		for what, err := range map[string]error{"Event": event, "Proof": proof, "RootAt": root, "Cosigned": cosigned, "Load": loaded} {
			if _, corrupt := errors.AsType[*ledger.CorruptError](err); corrupt || !errors.Is(err, want) {
				t.Errorf("%s when the table says %q = %v, want that and no CorruptError", what, want, err)
			}
		}
	}
}
