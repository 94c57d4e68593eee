package store_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"strings"
	"testing"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store"
	"gait/ledger/store/memtable"
)

// oldTable returns a table of store format 1 with many events and jobs, and some
// request ids and views.
func oldTable(t *testing.T, jobs, steps int) *memtable.Table {
	t.Helper()
	table := &memtable.Table{}
	log := overTable(t, table)
	var drafts []ledgertest.EventSpec
	for j := range jobs {
		d := ledgertest.Submit(fmt.Sprintf("job_%04d", j))
		d.RequestID, d.View = fmt.Sprint("request_", j), []byte("view")
		drafts = append(drafts, d)
	}
	for i := range jobs * steps {
		d := ledgertest.Progress(fmt.Sprintf("job_%04d", i%jobs), "step")
		d.View = fmt.Appendf(nil, "view %d", i)
		drafts = append(drafts, d)
	}
	ledgertest.Append(t, log, drafts...)
	w := ledgertest.NewWitness("a.example")
	_, signed := log.Checkpoint()
	keep(t, log, w, signed, 10)
	return rowsOf(t, table).Format1().Table()
}

func rowsOf(t *testing.T, table store.Reader) ledgertest.Rows {
	t.Helper()
	rows, err := ledgertest.ReadRows(t.Context(), table)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// openOptions are those with which opened opens.
func openOptions() store.Options {
	return store.Options{Signer: ledgertest.Key(ledgertest.Origin), Keys: ledgertest.MACKeys}
}

// A ledger of format 1 is read as it is by every reader, and changed by none.
func TestReadOldLedger(t *testing.T) {
	table := oldTable(t, 40, 20)
	before := rowsOf(t, table)
	for name, o := range map[string]store.Options{
		"read-only": {ReadOnly: true, Keys: ledgertest.MACKeys}, "without keys": {}, "without keys, to write": {Signer: ledgertest.Key(ledgertest.Origin)},
	} {
		table.Reopen()
		log, err := store.Open(t.Context(), table, o)
		if err != nil {
			t.Fatalf("%s: Open = %v", name, err)
		}
		if log.Index() != ledger.IndexUnchecked {
			t.Errorf("%s: the index is %s, want unchecked", name, log.Index())
		}
		ledgertest.Check(t, log)
		found, err := log.Load(t.Context(), []string{"job_0007"}, []string{"request_3"})
		if view := string(found.Jobs["job_0007"].View); err != nil || !strings.HasPrefix(view, "view ") || len(found.Requests) != 1 {
			t.Errorf("%s: Load = view %q, %d requests, %v", name, view, len(found.Requests), err)
		}
		if _, _, err := log.IndexAt(t.Context(), 5); err == nil {
			t.Errorf("%s: IndexAt succeeds without an index", name)
		}
		if _, err := log.Append(t.Context(), log.Head(), ledgertest.Seal(t, log, ledgertest.Submit("new"))...); err == nil {
			t.Errorf("%s: Append succeeds", name)
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
	}
	table.Reopen()
	if changes := before.Changes(rowsOf(t, table)); len(changes) > 0 {
		t.Errorf("reading changed %d rows: %q", len(changes), changes[0].Key)
	}
}

// Opening an old ledger to write gives it its index, and views if the caller has them.
func TestBuildIndex(t *testing.T) {
	table := oldTable(t, 300, 5)
	phases := map[string]int64{}
	o := openOptions()
	o.Progress = func(phase string, done, total int64) error {
		if done > total || done < phases[phase] {
			t.Errorf("%s is at %d of %d, after %d", phase, done, total, phases[phase])
		}
		phases[phase] = done
		return nil
	}
	o.Views = func(ctx context.Context, log ledger.EventReader) iter.Seq2[ledger.JobView, error] {
		return func(yield func(ledger.JobView, error) bool) {
			for entry, err := range log.Jobs(ctx, "") {
				if entry.View != nil {
					t.Errorf("%s has view %q, which nothing proves", entry.ID, entry.View)
				}
				if !yield(ledger.JobView{ID: entry.ID, View: []byte("made again")}, err) {
					return
				}
			}
		}
	}
	log, err := store.Open(t.Context(), table, o)
	if err != nil {
		t.Fatal(err)
	}
	if log.Index() != ledger.IndexProved || phases["verifying"] != log.Head().Size || phases["writing pages"] == 0 {
		t.Errorf("the index is %s (%v), and progress was %v", log.Index(), log.IndexErr(), phases)
	}
	ledgertest.Check(t, log)
	if found, err := log.Load(t.Context(), []string{"job_0200"}, nil); err != nil || string(found.Jobs["job_0200"].View) != "made again" {
		t.Errorf("Load = %v, %v", found, err)
	}
	ledgertest.Append(t, log, ledgertest.Submit("new"), ledgertest.Progress("job_0001", "goes on"))
	ledgertest.Check(t, log)
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	table.Reopen()
	for key := range rowsOf(t, table) {
		if key[0] == 'p' || key[0] == 'v' {
			t.Fatalf("row %q of format 1 is left", key)
		}
	}
	again := opened(t, table)
	if again.Index() != ledger.IndexProved {
		t.Errorf("opened again, the index is %s: %v", again.Index(), again.IndexErr())
	}
	ledgertest.Check(t, again)
}

// An error of Progress ends Open, and the ledger is as it was, or being built.
func TestBuildIsCancelled(t *testing.T) {
	table := oldTable(t, 10, 5)
	enough := errors.New("enough")
	o := openOptions()
	o.Progress = func(string, int64, int64) error { return enough }
	if _, err := store.Open(t.Context(), table, o); !errors.Is(err, enough) {
		t.Errorf("Open = %v, want the error of Progress", err)
	}
	table.Reopen()
	ledgertest.Check(t, opened(t, table))
}

// A damaged old ledger gets no index, and says which event is damaged. It can be read,
// and jobs can be stopped, but nothing else is written.
func TestBuildOfADamagedLedger(t *testing.T) {
	for _, tt := range []struct {
		name   string
		tamper func(rows ledgertest.Rows)
		seq    ledger.Seq
		says   string
	}{
		{"an event that is gone", func(r ledgertest.Rows) { delete(r, "e\x00\x00\x00\x00\x00\x00\x00\x14") }, 20, "missing"},
		{"a head put back", func(r ledgertest.Rows) { r["hjob_0003"] = r["hjob_0004"] }, -2, "head of job"},
		{"a request id that is gone", func(r ledgertest.Rows) { delete(r, "rrequest_3") }, 4, "request id"},
	} {
		rows := rowsOf(t, oldTable(t, 10, 5))
		tt.tamper(rows)
		table := rows.Table()
		for range 2 { // the second open finds it in the record
			table.Reopen()
			o := openOptions()
			verified := 0
			o.Progress = func(string, int64, int64) error { verified++; return nil }
			log, err := store.Open(t.Context(), table, o)
			if err != nil {
				t.Fatalf("%s: Open = %v", tt.name, err)
			}
			err = log.IndexErr()
			damage, named := errors.AsType[*ledger.CorruptError](err)
			if f, _ := ledger.FaultOf(err); log.Index() != ledger.IndexRefused || !named || f.Code != "index_mismatch" || !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("%s: the index is %s: %v (%s)", tt.name, log.Index(), err, f.Code)
			}
			if tt.seq != -2 && damage.Seq != tt.seq {
				t.Errorf("%s: it names event %d, want %d", tt.name, damage.Seq, tt.seq)
			}
			stopOnly(t, tt.name, log, "job_0008")
			if err := log.Close(); err != nil {
				t.Fatal(err)
			}
			if verified > 0 {
				t.Logf("%s: verified", tt.name)
			}
		}
	}
}

// stopOnly tests that a job can be stopped and nothing else be written.
func stopOnly(t *testing.T, name string, log *store.Log, job string) {
	t.Helper()
	entry, found, err := log.LoadUnproved(t.Context(), job)
	if err != nil || !found {
		t.Fatalf("%s: LoadUnproved = %t, %v", name, found, err)
	}
	for _, d := range []ledgertest.EventSpec{ledgertest.Progress(job, "no"), ledgertest.Submit("another"), {Job: job, Payload: ledger.Stopped{Reason: "enough"}}} {
		entries := ledgertest.SealAfter(t, log, entry.Head, d)
		_, err := log.Append(t.Context(), log.Head(), entries...)
		_, stops := d.Payload.(ledger.Stopped)
		if stops && err != nil {
			t.Errorf("%s: stopping a job = %v", name, err)
		}
		if _, refused := errors.AsType[*ledger.IndexError](err); !stops && !refused {
			t.Errorf("%s: Append of %s = %v, want an IndexError", name, d.Payload.Type(), err)
		}
	}
}

// The ledger that was stored when there was no index gets one.
func TestBuildIndexOfAStoredLedger(t *testing.T) {
	text, err := os.ReadFile("../../fixtures/stores/1.rows")
	if err != nil {
		t.Fatal(err)
	}
	moments, err := ledgertest.ParseMoments(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range moments {
		log, err := store.Open(t.Context(), m.Rows.Table(), openOptions())
		if err != nil {
			t.Fatalf("%s: Open = %v", m.Name, err)
		}
		whole := m.Name == "created" || m.Name == "begun" || m.Name == "whole"
		if proved := log.Index() == ledger.IndexProved; proved != whole {
			t.Errorf("%s: the index is %s: %v", m.Name, log.Index(), log.IndexErr())
		}
		if whole {
			ledgertest.Check(t, log)
		}
		log.Close()
	}
}

// A command that cannot wait leaves the index to the next one.
func TestDeferIndex(t *testing.T) {
	table := oldTable(t, 10, 5)
	o := openOptions()
	o.Defer = true
	o.Progress = func(string, int64, int64) error { t.Error("it reads the ledger"); return nil }
	for range 2 {
		log, err := store.Open(t.Context(), table, o)
		if err != nil || log.Index() != ledger.IndexBuilding {
			t.Fatalf("Open = %v, the index is %s", err, log.Index())
		}
		if log.Head().Size == 61 {
			stopOnly(t, "deferred", log, "job_0008")
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		table.Reopen()
	}
	log, err := store.Open(t.Context(), table, openOptions())
	if err != nil || log.Index() != ledger.IndexProved {
		t.Fatalf("Open = %v, the index is %s: %v", err, log.Index(), log.IndexErr())
	}
	ledgertest.Check(t, log)
	log.Close()
}
