package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store"
	"gait/ledger/store/memtable"
)

// longTable returns the table of a closed ledger with many jobs and request ids, and
// its rows some events before the end.
func longTable(t *testing.T) (table *memtable.Table, older ledgertest.Rows) {
	t.Helper()
	table = &memtable.Table{}
	log := overTable(t, table)
	var drafts []ledgertest.EventSpec
	for j := range 700 {
		d := ledgertest.Submit(fmt.Sprintf("job_%04d", j))
		d.RequestID, d.View = fmt.Sprint("request_", j), []byte("view")
		drafts = append(drafts, d)
	}
	ledgertest.Append(t, log, drafts...)
	older = rowsOf(t, table)
	last := ledgertest.EventSpec{Job: "job_0007", Payload: ledger.Stopped{Reason: "enough"}, RequestID: "stop", View: []byte("stopped")}
	ledgertest.Append(t, log, last, ledgertest.Submit("job_new"))
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	table.Reopen()
	return table, older
}

// Whatever was put back, dropped or changed beside the events is found by the next open,
// or read, and Rebuild writes it again and says what it was.
func TestRebuild(t *testing.T) {
	for _, tt := range []struct {
		name   string
		tamper func(rows, older ledgertest.Rows)
		want   ledger.Rebuilt
	}{
		{"nothing", func(ledgertest.Rows, ledgertest.Rows) {}, ledger.Rebuilt{}},
		{"an older head", func(r, o ledgertest.Rows) { r["hjob_0007"] = o["hjob_0007"] }, ledger.Rebuilt{Heads: []string{"job_0007"}}},
		{"a job gone, and one too many", func(r, _ ledgertest.Rows) { r["hjob_x"] = r["hjob_new"]; delete(r, "hjob_new") }, ledger.Rebuilt{Heads: []string{"job_new", "job_x"}}},
		{"no record", func(r, _ ledgertest.Rows) { delete(r, "m/index") }, ledger.Rebuilt{Record: true}},
		{"an older record", func(r, o ledgertest.Rows) { r["m/index"] = o["m/index"] }, ledger.Rebuilt{Record: true}},
		{"no root page", func(r, _ ledgertest.Rows) { delete(r, "i\x00") }, ledger.Rebuilt{Pages: 1}},
		{"a page too many", func(r, _ ledgertest.Rows) { r["i\x09\x00\x00\x00\x00\x00"] = []byte("x") }, ledger.Rebuilt{Pages: 1}},
		{"a request id gone", func(r, _ ledgertest.Rows) { delete(r, "rrequest_3") }, ledger.Rebuilt{Rows: 1}},
		{"an event out of its job's index", func(r, _ ledgertest.Rows) { delete(r, "jjob_0007\x00\x00\x00\x00\x00\x00\x00\x00\x02") }, ledger.Rebuilt{Rows: 1}},
		{"rows of format 1", func(r, _ ledgertest.Rows) { r["vjob_0007"] = []byte("x") }, ledger.Rebuilt{}},
	} {
		table, older := longTable(t)
		rows := rowsOf(t, table)
		before := rows.Clone()
		tt.tamper(rows, older)
		ledgertest.TamperWith(table, before, rows)
		log := opened(t, table)
		verified := log.Verify(t.Context(), nil, nil)
		if whole := tt.name == "nothing"; (verified == nil) != whole {
			t.Errorf("%s: Verify = %v", tt.name, verified)
		}
		done, err := log.Rebuild(t.Context(), nil)
		tt.want.Jobs = 701
		if err != nil || fmt.Sprint(done) != fmt.Sprint(tt.want) || done.Same() != (verified == nil || tt.name == "rows of format 1") {
			t.Errorf("%s: Rebuild = %+v, %v, want %+v", tt.name, done, err, tt.want)
		}
		ledgertest.Check(t, log)
		ledgertest.Append(t, log, ledgertest.Progress("job_new", "goes on"))
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		table.Reopen()
		ledgertest.Check(t, opened(t, table))
	}
}

// What Rebuild cannot mend stays as it is.
func TestRebuildRefuses(t *testing.T) {
	for name, tamper := range map[string]func(ledgertest.Rows){
		"an event gone":          func(r ledgertest.Rows) { delete(r, "e\x00\x00\x00\x00\x00\x00\x00\x14") },
		"a request id too many":  func(r ledgertest.Rows) { r["rother"] = r["rrequest_3"] },
		"a request id misplaced": func(r ledgertest.Rows) { r["rrequest_4"] = r["rrequest_3"] },
		"an index of another":    func(r ledgertest.Rows) { r["jjob_x\x00\x00\x00\x00\x00\x00\x00\x00\x01"] = r["rrequest_3"] },
	} {
		table, _ := longTable(t)
		rows := rowsOf(t, table)
		before := rows.Clone()
		tamper(rows)
		ledgertest.TamperWith(table, before, rows)
		log := opened(t, table)
		_, err := log.Rebuild(t.Context(), nil)
		if _, corrupt := errors.AsType[*ledger.CorruptError](err); !corrupt {
			t.Errorf("%s: Rebuild = %v, want a CorruptError", name, err)
		}
		log.Close()
		table.Reopen()
		if changes := rows.Changes(rowsOf(t, table)); len(changes) > 0 {
			t.Errorf("%s: Rebuild wrote %d rows", name, len(changes))
		}
	}
	table, _ := longTable(t)
	for what, o := range map[string]store.Options{"read-only": {ReadOnly: true, Keys: ledgertest.MACKeys}, "without keys": {}} {
		log, err := store.Open(t.Context(), table, o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := log.Rebuild(t.Context(), nil); !errors.Is(err, store.ErrReadOnly) && !errors.Is(err, store.ErrNoSigner) {
			t.Errorf("Rebuild %s = %v", what, err)
		}
		log.Close()
		table.Reopen()
	}
}

// A damaged ledger that got no index gets one when it is whole again.
func TestRebuildOfARefusedLedger(t *testing.T) {
	rows := rowsOf(t, oldTable(t, 10, 5))
	const key = "e\x00\x00\x00\x00\x00\x00\x00\x14"
	event := rows[key]
	delete(rows, key)
	table := rows.Table()
	log := opened(t, table)
	if log.Index() != ledger.IndexRefused {
		t.Fatalf("the index is %s", log.Index())
	}
	if _, err := log.Rebuild(t.Context(), nil); err == nil {
		t.Error("Rebuild of a damaged ledger succeeds")
	}
	table.Tamper([]byte(key), event)
	if done, err := log.Rebuild(t.Context(), nil); err != nil || log.Index() != ledger.IndexProved || !done.Record {
		t.Fatalf("Rebuild = %+v, %v, the index is %s", done, err, log.Index())
	}
	ledgertest.Check(t, log)
}

// A batch that was begun before a rebuild is decided again: it would write pages
// after those of the rebuild.
func TestRebuildBesideABatch(t *testing.T) {
	table, _ := longTable(t)
	log := opened(t, table)
	entries := ledgertest.Seal(t, log, ledgertest.Submit("late"))
	b := ledgertest.Signed(t, log, log.Head(), entries)
	if _, err := log.Rebuild(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Commit(t.Context()); !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("Commit = %v, want ErrConflict", err)
	}
	ledgertest.Append(t, log, ledgertest.Submit("late"))
	ledgertest.Check(t, log)
}

// Rebuild writes an index into a copy, which nothing authenticates.
func TestRebuildOfACopy(t *testing.T) {
	l := ledgertest.New(t)
	ledgertest.Append(t, l.Log, ledgertest.Submit("a"), ledgertest.Submit("b"))
	_, signed := l.Checkpoint()
	table := &memtable.Table{}
	if _, err := store.Import(t.Context(), table, store.Copy{Entries: entries(l.Log, nil), Signed: signed}); err != nil {
		t.Fatal(err)
	}
	whole := rowsOf(t, table)
	table.Tamper([]byte("m/index"), nil)
	table.Tamper([]byte("i\x00"), nil)
	log, err := store.Open(t.Context(), table, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if done, err := log.Rebuild(t.Context(), nil); err != nil || done.Pages != 1 || !done.Record || log.Index() != ledger.IndexUnchecked {
		t.Errorf("Rebuild of a copy = %+v, %v, the index is %s", done, err, log.Index())
	}
	log.Close()
	table.Reopen()
	if changes := whole.Changes(rowsOf(t, table)); len(changes) > 0 {
		t.Errorf("%d rows differ from those of the import: %q", len(changes), slices.Collect(func(yield func([]byte) bool) {
			for _, c := range changes {
				yield(c.Key)
			}
		}))
	}
}

// countedTable counts the rows that it is given.
type countedTable struct {
	store.Table
	rows int
}

func (c *countedTable) Commit(ctx context.Context, change *store.Change) error {
	c.rows += len(change.Insert) + len(change.Put) + len(change.Remove)
	return c.Table.Commit(ctx, change)
}

// What is right already is not written again: neither the index nor a view.
func TestRebuildWritesWhatDiffers(t *testing.T) {
	memory, _ := longTable(t)
	table := &countedTable{Table: memory}
	log := opened(t, table)
	rebuild := func(views func(id string) string) int {
		t.Helper()
		table.rows = 0
		if _, err := log.Rebuild(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		err := log.ReplaceViews(t.Context(), func(yield func(ledger.JobView, error) bool) {
			for j := range 700 {
				id := fmt.Sprintf("job_%04d", j)
				if !yield(ledger.JobView{ID: id, View: []byte(views(id))}, nil) {
					return
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		return table.rows
	}
	same := func(id string) string {
		if id == "job_0007" {
			return "stopped"
		}
		return "view"
	}
	if n := rebuild(same); n != 0 {
		t.Errorf("%d rows were written, and nothing differed", n)
	}
	other := func(id string) string {
		if id == "job_0300" || id == "job_0699" {
			return "another view"
		}
		return same(id)
	}
	if n := rebuild(other); n != 2 {
		t.Errorf("%d rows were written, and 2 views differed", n)
	}
	if n := rebuild(other); n != 0 {
		t.Errorf("%d rows were written, and nothing differed any more", n)
	}
	ledgertest.Check(t, log)
}
