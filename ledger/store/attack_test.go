package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/mpt"
	"gait/ledger/store"
	"gait/ledger/store/memtable"
)

// Pages of the index that lie deep are read when they are needed. One that was dropped,
// damaged or replaced by an older one while the log was open hides nothing: who looks
// for a job or a request id after it gets an *ledger.IndexError, and every other command
// what is true.
func TestDeepPagesAreCheckedWhenRead(t *testing.T) {
	if testing.Short() {
		t.Skip("tens of thousands of events")
	}
	const events, batch = 32_000, 4_000
	table, o := &memtable.Table{}, store.Options{Signer: ledgertest.Key(ledgertest.Origin), Keys: ledgertest.MACKeys, Indexed: true}
	if err := store.Create(t.Context(), table, ledgertest.First(o.Signer.VerifierKey()), o); err != nil {
		t.Fatal(err)
	}
	open := func() *store.Log {
		t.Helper()
		table.Reopen()
		log, err := store.Open(t.Context(), table, o)
		if err != nil {
			t.Fatal(err)
		}
		return log
	}
	rows := func() ledgertest.Rows {
		table.Reopen()
		all, err := ledgertest.ReadRows(t.Context(), table)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	var older ledgertest.Rows
	jobs := map[mpt.Key]string{}
	for n := 0; n < events; n += batch {
		log := open()
		specs := make([]ledgertest.EventSpec, batch)
		for i := range specs {
			specs[i] = ledgertest.Submit(fmt.Sprintf("job_%d", n+i))
			specs[i].RequestID = fmt.Sprintf("request_%d", n+i)
			jobs[ledger.JobKey(specs[i].Job)] = specs[i].Job
		}
		ledgertest.Append(t, log, specs...)
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		if n == events-2*batch {
			older = rows()
		}
	}
	now := rows()
	deep := 0
	for _, key := range slices.Sorted(maps.Keys(now)) {
		id, err := mpt.ParsePageID([]byte(key[1:]))
		if key[0] != 'i' || err != nil || id.Depth < 4 || deep == 50 {
			continue
		}
		job := under(jobs, id)
		if job == "" {
			continue
		}
		deep++
		for _, value := range [][]byte{nil, {}, now[key][:len(now[key])/2], flipped(now[key]), older[key]} {
			if bytes.Equal(value, now[key]) && value != nil {
				continue
			}
			log := open()
			table.Tamper([]byte(key), value)
			if found, err := log.Load(t.Context(), []string{job}, nil); !isIndexError(err) {
				t.Errorf("page %x is %x: Load(%s) = %v, %v, want an *ledger.IndexError", key, value, job, found, err)
			}
			if found, err := log.Load(t.Context(), []string{"job_0"}, []string{"request_0", "never"}); err != nil && !isIndexError(err) || err == nil && (len(found.Jobs) != 1 || len(found.Requests) != 1) {
				t.Errorf("page %x is %x: Load(job_0) = %v, %v", key, value, found, err)
			}
			table.Tamper([]byte(key), now[key])
			if found, err := log.Load(t.Context(), []string{job}, nil); err != nil || len(found.Jobs) != 1 {
				t.Errorf("page %x is there again: Load(%s) = %v, %v", key, job, found, err)
			}
			if err := log.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Logf("%d deep pages", deep)
	if deep == 0 {
		t.Error("there is no deep page")
	}
}

func isIndexError(err error) bool {
	_, ok := errors.AsType[*ledger.IndexError](err)
	return ok
}

func flipped(b []byte) []byte {
	b = bytes.Clone(b)
	b[len(b)-1] ^= 1
	return b
}

// A row that belongs to an event which is not there yet was planted. Nothing is written
// over it.
func TestPlantedRowIsDamage(t *testing.T) {
	table, o := &memtable.Table{}, store.Options{Signer: ledgertest.Key(ledgertest.Origin), Keys: ledgertest.MACKeys, Indexed: true}
	if err := store.Create(t.Context(), table, ledgertest.First(o.Signer.VerifierKey()), o); err != nil {
		t.Fatal(err)
	}
	log, err := store.Open(t.Context(), table, o)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	table.Tamper([]byte("rrequest_1"), make([]byte, 8))
	spec := ledgertest.Submit("job_1")
	spec.RequestID = "request_1"
	_, err = log.Append(t.Context(), log.Head(), ledgertest.Seal(t, log, spec)...)
	if _, ok := errors.AsType[*ledger.CorruptError](err); !ok || log.Head().Size != 1 {
		t.Errorf("Append = %v, and there are %d events, want a *ledger.CorruptError and 1", err, log.Head().Size)
	}
}

// An event that was forged with its hash in the tile above it is found out, wherever it
// is read. What is after it in its job proves nothing else.
func TestForgedEventUnderAFullTile(t *testing.T) {
	o := store.Options{Signer: ledgertest.Key(ledgertest.Origin), Keys: ledgertest.MACKeys, Indexed: true}
	honest := &memtable.Table{}
	if err := store.Create(t.Context(), honest, ledgertest.First(o.Signer.VerifierKey()), o); err != nil {
		t.Fatal(err)
	}
	log, err := store.Open(t.Context(), honest, o)
	if err != nil {
		t.Fatal(err)
	}
	specs := []ledgertest.EventSpec{ledgertest.Submit("job_1"), ledgertest.Progress("job_1", "true"), ledgertest.Progress("job_1", "later"), ledgertest.Submit("job_2")}
	for range 300 {
		specs = append(specs, ledgertest.Progress("job_2", "a step"))
	}
	ledgertest.Append(t, log, specs...)
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	honest.Reopen()
	rows, err := ledgertest.ReadRows(t.Context(), honest)
	if err == nil {
		rows, err = rows.Edit(nil, "forge", "2", `"true"`, `"false"`)
	}
	if err != nil {
		t.Fatal(err)
	}
	if log, err = store.Open(t.Context(), rows.Table(), o); err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	_, err = log.Event(t.Context(), 2)
	for what, err := range map[string]error{
		"Event": err, "Events": lastOf(log.Events(t.Context(), 0)), "JobEvents": lastOf(log.JobEvents(t.Context(), "job_1", 1)),
		"JobEvents from it on": lastOf(log.JobEvents(t.Context(), "job_1", 2)), "Verify": log.Verify(t.Context(), nil, nil),
	} {
		if _, corrupt := errors.AsType[*ledger.CorruptError](err); !corrupt {
			t.Errorf("%s = %v, want a *ledger.CorruptError", what, err)
		}
	}
	if found, err := log.Load(t.Context(), []string{"job_1"}, nil); err != nil || found.Jobs["job_1"].Head.JobSeq != 3 {
		t.Errorf("Load = %v, %v", found, err)
	}
	if e, err := log.Event(t.Context(), 299); err != nil || e.JobID() != "job_2" {
		t.Errorf("Event under another tile = %v", err)
	}
}

// One damaged event among the last does not keep the rest of the ledger from being read
// and written, and is named when it is read.
func TestDamagedEventOfTheLast(t *testing.T) {
	o := store.Options{Signer: ledgertest.Key(ledgertest.Origin), Keys: ledgertest.MACKeys, Indexed: true, OneShot: true}
	honest := &memtable.Table{}
	if err := store.Create(t.Context(), honest, ledgertest.First(o.Signer.VerifierKey()), o); err != nil {
		t.Fatal(err)
	}
	log, err := store.Open(t.Context(), honest, o)
	if err != nil {
		t.Fatal(err)
	}
	ledgertest.Append(t, log, ledgertest.Submit("job_1"), ledgertest.Submit("job_2"), ledgertest.Progress("job_1", "a"), ledgertest.Progress("job_1", "b"), ledgertest.Progress("job_2", "c"))
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	honest.Reopen()
	rows, err := ledgertest.ReadRows(t.Context(), honest)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		step []string
		seq  ledger.Seq
	}{
		{[]string{"flip", "e:3"}, 3},
		{[]string{"drop", "e:3"}, 3},
		{[]string{"cut", "e:3"}, 3},
		{[]string{"forge", "3", "tester", "taster"}, 3},
		{[]string{"copy", "e\x00\x00\x00\x00\x00\x00\x00\x04", "e\x00\x00\x00\x00\x00\x00\x00\x03"}, 3},
	} {
		edited, err := rows.Edit(nil, tt.step...)
		if err != nil {
			t.Fatal(err)
		}
		log, err := store.Open(t.Context(), edited.Table(), o)
		if err != nil {
			t.Errorf("%v: Open = %v", tt.step, err)
			continue
		}
		for what, err := range map[string]error{
			"Verify": log.Verify(t.Context(), nil, nil), "JobEvents": lastOf(log.JobEvents(t.Context(), "job_1", 1)),
			"Event": func() error { _, err := log.Event(t.Context(), tt.seq); return err }(),
		} {
			c, corrupt := errors.AsType[*ledger.CorruptError](err)
			if behind := what == "JobEvents" && tt.step[0] == "forge"; !corrupt || c.Seq != tt.seq && !behind {
				t.Errorf("%v: %s = %v, want a *ledger.CorruptError about event %d", tt.step, what, err, tt.seq)
			}
		}
		if err := lastOf(log.JobEvents(t.Context(), "job_2", 1)); err != nil {
			t.Errorf("%v: the other job's events end with %v", tt.step, err)
		}
		ledgertest.Append(t, log, ledgertest.Progress("job_2", "d"))
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
	}
	edited, err := rows.Edit(nil, "drop", "e:3-")
	if err == nil {
		_, err = store.Open(t.Context(), edited.Table(), o)
	}
	if c, corrupt := errors.AsType[*ledger.CorruptError](err); !corrupt || c.Seq != 3 {
		t.Errorf("without its last events: Open = %v, want a *ledger.CorruptError about event 3", err)
	}
}

// The progress of a build is no index: one who plants that of a build which ended long
// ago, with older rows, is found out. A home that does not know that the ledger had an
// index builds it again, from all events.
func TestPlantedProgress(t *testing.T) {
	o := store.Options{Signer: ledgertest.Key(ledgertest.Origin), Keys: ledgertest.MACKeys, OneShot: true}
	rowsOf := func(table *memtable.Table) ledgertest.Rows {
		t.Helper()
		table.Reopen()
		rows, err := ledgertest.ReadRows(t.Context(), table)
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	open := func(table *memtable.Table, o store.Options) *store.Log {
		t.Helper()
		table.Reopen()
		log, err := store.Open(t.Context(), table, o)
		if err != nil {
			t.Fatal(err)
		}
		return log
	}
	honest := &memtable.Table{}
	if err := store.Create(t.Context(), honest, ledgertest.First(o.Signer.VerifierKey()), o); err != nil {
		t.Fatal(err)
	}
	log := open(honest, o)
	ledgertest.Append(t, log, ledgertest.Submit("job_1"), ledgertest.Submit("job_2"))
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}

	old := rowsOf(honest).Format1().Table()
	interrupted, stopped := o, errors.New("interrupted")
	interrupted.Progress = func(phase string, _, _ int64) error {
		if phase != "verifying" {
			return stopped
		}
		return nil
	}
	if _, err := store.Open(t.Context(), old, interrupted); !errors.Is(err, stopped) {
		t.Fatalf("Open = %v, want the error of Progress", err)
	}
	half := rowsOf(old)
	log = open(old, o)
	if log.Index() != ledger.IndexProved {
		t.Fatalf("the build ends with an index that is %s: %v", log.Index(), log.IndexErr())
	}
	ledgertest.Append(t, log, ledgertest.Progress("job_1", "this will be hidden"))
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	whole, saved := rowsOf(old), map[string]ledgertest.Rows{"half": half}
	ends := map[ledger.IndexState]int{}
	for _, steps := range [][][]string{
		{{"older", "half", "m/index"}},
		{{"older", "half", "index"}},
		{{"older", "half", "index"}, {"older", "half", "job:job_1"}},
		{{"older", "half", "index"}, {"older", "half", "job:job_1"}, {"older", "half", "p"}, {"older", "half", "v"}},
	} {
		rows := whole
		for _, step := range steps {
			if edited, err := rows.Edit(saved, step...); err == nil {
				rows = edited
			}
		}
		known := o
		known.Indexed = true
		log := open(rows.Table(), known)
		if _, err := log.Load(t.Context(), []string{"job_1"}, nil); log.Index() != ledger.IndexBroken || !isIndexError(err) {
			t.Errorf("%v: the index is %s, and Load = %v", steps, log.Index(), err)
		}
		if _, err := log.Begin(t.Context(), log.Head()); err == nil {
			b, _ := log.Begin(t.Context(), log.Head())
			if err := b.Add(t.Context(), ledgertest.Seal(t, open(whole.Table(), known), ledgertest.Progress("job_1", "on a false state"))[0]); err == nil {
				t.Errorf("%v: a batch takes an event", steps)
			}
			b.Discard()
		}
		log.Close()

		log = open(rows.Table(), o)
		found, err := log.Load(t.Context(), []string{"job_1"}, nil)
		if log.Index() == ledger.IndexProved && (err != nil || found.Jobs["job_1"].Head.JobSeq != 2) {
			t.Errorf("%v: built again, Load = %v, %v", steps, found, err)
		}
		if log.Index() != ledger.IndexProved && log.IndexErr() == nil {
			t.Errorf("%v: the index is %s, and says no reason", steps, log.Index())
		}
		ends[log.Index()]++
		log.Close()
	}
	if ends[ledger.IndexProved] != 2 || ends[ledger.IndexBuilding]+ends[ledger.IndexRefused] != 2 {
		t.Errorf("built again, the indexes are %v, want 2 that are proved, of whole rows, and 2 that are refused", ends)
	}
}

// lastOf returns the error that events end with.
func lastOf(events ledger.Events) (err error) {
	for _, err = range events {
	}
	return err
}

// under returns a job whose key lies under a page.
func under(jobs map[mpt.Key]string, id mpt.PageID) string {
	for key, job := range jobs {
		whole := id.Depth / 2
		if bytes.Equal(key[:whole], id.Prefix[:whole]) && (id.Depth%2 == 0 || key[whole]>>4 == id.Prefix[whole]>>4) {
			return job
		}
	}
	return ""
}
