package store_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store"
	"gait/ledger/store/memtable"
)

// killed returns the rows that a killed process left: the pages of its index are of the
// first 101 events, its record is of all 181. Each job has one of the first events; every
// second one has one of the later ones, too.
func killed(t *testing.T) ledgertest.Rows {
	t.Helper()
	table := &memtable.Table{}
	log := overTable(t, table)
	var specs []ledgertest.EventSpec
	for i := range 100 {
		specs = append(specs, ledgertest.Submit(fmt.Sprintf("job_%03d", i)))
	}
	ledgertest.Append(t, log, specs...)
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	table.Reopen()
	log = opened(t, table)
	for i := range 80 {
		d := ledgertest.Progress(fmt.Sprintf("job_%03d", i%50*2), "later")
		d.RequestID = fmt.Sprint("request_", i)
		ledgertest.Append(t, log, d)
	}
	return rowsOf(t, table)
}

// What a killed process has not written of its index is known when the ledger is opened,
// and written with the next batch.
func TestIndexBehindItsPages(t *testing.T) {
	table := killed(t).Table()
	log := opened(t, table)
	if log.Index() != ledger.IndexProved {
		t.Fatalf("the index is %s: %v", log.Index(), log.IndexErr())
	}
	check := func() {
		t.Helper()
		for i, jobSeq := range map[int]int64{0: 3, 1: 1, 58: 3, 60: 2, 99: 1} {
			job := fmt.Sprintf("job_%03d", i)
			found, err := log.Load(t.Context(), []string{job}, []string{"request_79", "never"})
			if err != nil || found.Jobs[job].Head.JobSeq != jobSeq || len(found.Requests) != 1 {
				t.Errorf("Load(%s) = %v, %v, want job_seq %d and one of the requests", job, found, err, jobSeq)
			}
		}
	}
	check()
	if _, _, err := log.IndexAt(t.Context(), 150, ledger.JobKey("job_000")); err != nil {
		t.Errorf("IndexAt = %v", err)
	}
	used := ledgertest.Progress("job_001", "again")
	used.RequestID = "request_3"
	if _, err := log.Append(t.Context(), log.Head(), ledgertest.Seal(t, log, used)...); err == nil {
		t.Error("a request id is used twice")
	}
	ledgertest.Check(t, log)
	ledgertest.Append(t, log, ledgertest.Progress("job_001", "goes on"))
	ledgertest.Check(t, log)
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	table.Reopen()
	ledgertest.Check(t, opened(t, table))

	// Nothing but opened and closed, its pages are written, too.
	table = killed(t).Table()
	log = opened(t, table)
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	table.Reopen()
	log = opened(t, table)
	check()
	ledgertest.Check(t, log)
}

// A page that is damaged when the ledger is opened after it makes commands fail that
// need it, and no command see anything else than what is true. Jobs can be stopped.
func TestDamagedPageBehindTheIndex(t *testing.T) {
	rows := killed(t)
	counts := map[string]int{}
	for _, key := range slices.Sorted(maps.Keys(rows)) {
		if key[0] != 'i' {
			continue
		}
		edited := rows.Clone()
		edited[key] = flipped(rows[key])
		log, err := store.Open(t.Context(), edited.Table(), openOptions())
		if err != nil {
			t.Fatal(err)
		}
		for i := range 100 {
			job, want := fmt.Sprintf("job_%03d", i), int64(1)
			if i%2 == 0 {
				want = 2 + int64(min(1, max(0, 60-i)))
			}
			switch found, err := log.Load(t.Context(), []string{job}, nil); {
			case isIndexError(err):
				counts["refused"]++
			case err != nil || found.Jobs[job].Head.JobSeq != want:
				t.Errorf("page %x is damaged: Load(%s) = %v, %v, want job_seq %d", key[1:], job, found, err, want)
			default:
				counts["true"]++
			}
		}
		_, err = log.Append(t.Context(), log.Head(), ledgertest.Seal(t, opened(t, rows.Table()), ledgertest.Submit("new"))...)
		if !isIndexError(err) {
			t.Errorf("page %x is damaged: Append = %v, want an IndexError", key[1:], err)
		}
		stopped := func() error {
			entry, _, err := log.LoadUnproved(t.Context(), "job_004")
			if err != nil {
				t.Fatal(err)
			}
			d := ledgertest.EventSpec{Job: "job_004", Payload: ledger.Stopped{Reason: "enough"}}
			b, err := log.Begin(t.Context(), log.Head())
			if err != nil {
				return err
			}
			defer b.Discard()
			if err := errors.Join(b.Add(t.Context(), ledgertest.SealAfter(t, log, entry.Head, d)[0]), b.Sign(t.Context())); err != nil {
				return err
			}
			_, err = b.Commit(t.Context())
			return err
		}
		err = stopped()
		if errors.Is(err, ledger.ErrConflict) { // the index is broken now: it is decided again
			err = stopped()
		}
		if err != nil {
			t.Errorf("page %x is damaged: stopping a job = %v", key[1:], err)
		}
		log.Close()
	}
	t.Logf("%v", counts)
	if counts["refused"] == 0 || counts["true"] == 0 {
		t.Errorf("%v: that tests little", counts)
	}
}
