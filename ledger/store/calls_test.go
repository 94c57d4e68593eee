package store_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store"
	"gait/ledger/store/memtable"
)

// withCalls returns the table of a closed ledger in which two jobs have three calls, and the
// number of events that each call had.
func withCalls(t *testing.T) *memtable.Table {
	t.Helper()
	table := &memtable.Table{}
	log := overTable(t, table)
	ledgertest.Append(t, log, ledgertest.Submit("job_1"), ledgertest.Submit("job_2"))
	ledgertest.Append(t, log, ledgertest.Block("job_1", "call_1"))
	if format := rowsOf(t, table)["m/format"]; string(format) != "3" {
		t.Errorf("before an event about a call the store format is %q, want 3", format)
	}
	ledgertest.Append(t, log, ledgertest.Allow("job_1", "call_1", 1), ledgertest.Allow("job_1", "call_2", 1), ledgertest.Allow("job_2", "call_1", 1))
	ledgertest.Append(
		t, log, ledgertest.Settle("job_1", "call_1", 1, ledger.EffectUnknown), ledgertest.Settle("job_1", "call_1", 1, ledger.EffectNotDone),
		ledgertest.Allow("job_1", "call_1", 2), ledgertest.Settle("job_2", "call_1", 1, ledger.EffectDone),
	)
	ledgertest.Append(t, log, ledgertest.Block("job_2", "call_1"), ledgertest.Progress("job_1", "a step"))
	ledgertest.Check(t, log)
	if format := rowsOf(t, table)["m/format"]; string(format) != "5" {
		t.Errorf("with calls the store format is %q, want 5", format)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	table.Reopen()
	return table
}

// callRows returns the keys of rows of calls, sorted.
func callRows(rows ledgertest.Rows) []string {
	return slices.Sorted(func(yield func(string) bool) {
		for key := range maps.Keys(rows) {
			if key[0] == 'l' && !yield(key) {
				return
			}
		}
	})
}

// A log finds the newest event about each call, also when it is opened again, and keeps its
// format when it is written.
func TestCalls(t *testing.T) {
	table := withCalls(t)
	want := []string{"ljob_1\x00call_1", "ljob_1\x00call_2", "ljob_2\x00call_1"}
	if keys := callRows(rowsOf(t, table)); !slices.Equal(keys, want) {
		t.Errorf("there are rows of calls %q, want %q", keys, want)
	}
	log := opened(t, table)
	ledgertest.Check(t, log)
	ledgertest.Append(t, log, ledgertest.Settle("job_1", "call_2", 1, ledger.EffectDone), ledgertest.FirstAdmin(t, "admin_1"))
	ledgertest.Check(t, log)
	if format := rowsOf(t, table)["m/format"]; string(format) != "5" {
		t.Errorf("with calls and an actor the store format is %q, want 5", format)
	}
}

// An event must name the newest event about its call: of the log, of the batch before, and of
// its own batch.
func TestAppendFollowsCall(t *testing.T) {
	table := withCalls(t)
	log := opened(t, table)
	newest := func() ledger.Event {
		found, err := log.Load(t.Context(), nil, nil, ledger.CallID{Job: "job_1", Call: "call_1"})
		if err != nil || len(found.Calls) != 1 {
			t.Fatalf("Load = %v, %v", found, err)
		}
		return found.Calls[ledger.CallID{Job: "job_1", Call: "call_1"}]
	}
	named := func(spec ledgertest.EventSpec, prev ledger.Hash) ledgertest.EventSpec {
		spec.Edit = func(d *ledger.Draft) { d.Payload = naming(d.Payload, prev) }
		return spec
	}
	other, _ := log.Event(t.Context(), 1)
	settle := ledgertest.Settle("job_1", "call_1", 2, ledger.EffectDone)
	for what, specs := range map[string][]ledgertest.EventSpec{
		"none":                       {named(ledgertest.Allow("job_1", "call_1", 3), ledger.Hash{})},
		"another event":              {named(settle, other.LeafHash())},
		"an older event of its call": {named(settle, newest().JobPrev())},
		"one before, in its batch":   {settle, named(settle, newest().LeafHash())},
		"one of a call that is new":  {named(ledgertest.Allow("job_1", "call_9", 1), newest().LeafHash())},
		"one of another job's call":  {named(ledgertest.Settle("job_2", "call_1", 1, ledger.EffectDone), newest().LeafHash())},
	} {
		at := log.Head()
		_, err := log.Append(t.Context(), at, ledgertest.Seal(t, log, specs...)...)
		if err == nil || isDamage(err) || !strings.Contains(err.Error(), "newest event about call") || log.Head() != at {
			t.Errorf("Append of an event that names %s = %v", what, err)
		}
	}
	entries := ledgertest.Seal(t, log, settle, ledgertest.Allow("job_1", "call_9", 1), settle, ledgertest.Settle("job_1", "call_9", 1, ledger.EffectDone))
	first := ledgertest.Signed(t, log, log.Head(), entries[:2])
	behind := ledgertest.Signed(t, log, ledger.HeadAfter(entries[1].Event), entries[2:])
	for _, b := range []ledger.Batch{first, behind} {
		if _, err := b.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if newest().LeafHash() != entries[2].Event.LeafHash() {
		t.Errorf("the newest event about the call is %d", newest().Seq())
	}
	ledgertest.Check(t, log)
}

// findCalls opens a ledger with other rows than it had, and says what Verify and Load of all
// calls end with.
func findCalls(t *testing.T, rows ledgertest.Rows) (verified, loaded error) {
	t.Helper()
	log, err := store.Open(t.Context(), rows.Table(), openOptions())
	if err != nil {
		return err, err
	}
	defer log.Close()
	_, loaded = log.Load(t.Context(), nil, nil, ledger.CallID{Job: "job_1", Call: "call_1"}, ledger.CallID{Job: "job_1", Call: "call_2"}, ledger.CallID{Job: "job_2", Call: "call_1"})
	return log.Verify(t.Context(), nil, nil), loaded
}

// No bit of a row of a call can be changed, and no such row dropped, added or moved, without an
// error of Verify and of the command that looks the call up. Rebuild makes it right again.
func TestDamagedCallRows(t *testing.T) {
	rows := rowsOf(t, withCalls(t))
	keys := callRows(rows)
	try := func(what string, change func(ledgertest.Rows)) {
		t.Helper()
		changed := rows.Clone()
		change(changed)
		if verified, loaded := findCalls(t, changed); !isDamage(verified) || !isDamage(loaded) {
			t.Errorf("%s: Verify = %v, Load = %v, want damage", what, verified, loaded)
		}
		log := opened(t, changed.Table())
		if _, err := log.Rebuild(t.Context(), nil); err != nil {
			t.Errorf("%s: Rebuild = %v", what, err)
		}
		ledgertest.Check(t, log)
	}
	for _, key := range keys {
		for bit := range 8 * len(rows[key]) {
			try(fmt.Sprintf("bit %d of %q", bit, key), func(r ledgertest.Rows) {
				r[key] = slices.Clone(r[key])
				r[key][bit/8] ^= 1 << (bit % 8)
			})
		}
		for bit := 8; bit < 8*len(key); bit++ {
			try(fmt.Sprintf("bit %d of the key %q", bit, key), func(r ledgertest.Rows) {
				moved := []byte(key)
				moved[bit/8] ^= 1 << (bit % 8)
				r[string(moved)] = r[key]
				delete(r, key)
			})
		}
		try("a short row", func(r ledgertest.Rows) { r[key] = r[key][:7] })
		try("a long row", func(r ledgertest.Rows) { r[key] = append(slices.Clone(r[key]), 0) })
		try("a row gone", func(r ledgertest.Rows) { delete(r, key) })
		try("the row of another event", func(r ledgertest.Rows) { r[key] = []byte{0, 0, 0, 0, 0, 0, 0, 1} })
	}
	try("an older row", func(r ledgertest.Rows) { r[keys[0]] = []byte{0, 0, 0, 0, 0, 0, 0, 4} })
	try("two rows exchanged", func(r ledgertest.Rows) { r[keys[0]], r[keys[1]] = r[keys[1]], r[keys[0]] })
	try("no rows", func(r ledgertest.Rows) {
		for _, key := range keys {
			delete(r, key)
		}
	})
}

// Rows of calls that no event is about are found by Verify and removed by Rebuild, and so is
// another format. The format tells whether there are any.
func TestStrangeCallRows(t *testing.T) {
	rows := rowsOf(t, withCalls(t))
	row := rows[callRows(rows)[0]]
	without := &memtable.Table{}
	log := overTable(t, without)
	ledgertest.Append(t, log, ledgertest.Submit("job_1"), ledgertest.Block("job_1", "call_1"))
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	without.Reopen()
	with := func(rows ledgertest.Rows, key string, value []byte) ledgertest.Rows {
		rows = rows.Clone()
		rows[key] = value
		return rows
	}
	for what, changed := range map[string]ledgertest.Rows{
		"a row of no call":               with(rows, "ljob_1\x00call_7", row),
		"a row of no job":                with(rows, "l\x00call_1", row),
		"a row without a call":           with(rows, "ljob_1\x00", row),
		"a row of nothing":               with(rows, "l", row),
		"the format before":              with(rows, "m/format", []byte("3")),
		"the format of authority events": with(rows, "m/format", []byte("4")),
		"a format of calls without any":  with(rowsOf(t, without), "m/format", []byte("5")),
		"a row of a call without any":    with(rowsOf(t, without), "ljob_1\x00call_1", row),
	} {
		if verified, _ := findCalls(t, changed); !isDamage(verified) {
			t.Errorf("%s: Verify = %v, want damage", what, verified)
		}
		log := opened(t, changed.Table())
		done, err := log.Rebuild(t.Context(), nil)
		if err != nil || done.Rows != 1 {
			t.Errorf("%s: Rebuild = %+v, %v, want one row that differed", what, done, err)
		}
		ledgertest.Check(t, log)
	}
}
