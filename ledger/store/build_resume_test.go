package store_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store"
	"gait/ledger/store/memtable"
	"gait/ledger/store/pebble"
)

// step is after how many events the builds of these tests write how far they are: not
// a number of whole tiles.
const step = 100

// A cutTable is a table whose commits fail after some: the process has ended.
type cutTable struct {
	store.Table
	left int
}

func (c *cutTable) Commit(ctx context.Context, change *store.Change) error {
	if c.left == 0 {
		return store.ErrUnavailable
	}
	c.left--
	return c.Table.Commit(ctx, change)
}

// A buildRun is one open that builds an index: where it began to read, or -1 if it
// read nothing.
type buildRun struct {
	log   *store.Log
	err   error
	began int64
}

// build opens a table to write, in steps of 100 events.
func build(t *testing.T, table store.Table) buildRun {
	t.Helper()
	run := buildRun{began: -1}
	o := store.WithBuildStep(openOptions(), step)
	o.Progress = func(phase string, done, _ int64) error {
		if phase == "verifying" && run.began < 0 {
			run.began = done
		}
		return nil
	}
	run.log, run.err = store.Open(t.Context(), table, o)
	return run
}

// finish builds the rest of an index, checks the ledger, and returns where the build
// began to read.
func finish(t *testing.T, table *memtable.Table) int64 {
	t.Helper()
	run := build(t, table)
	if run.err != nil {
		t.Fatalf("Open = %v", run.err)
	}
	if run.log.Index() != ledger.IndexProved {
		t.Fatalf("the index is %s: %v", run.log.Index(), run.log.IndexErr())
	}
	ledgertest.Check(t, run.log)
	if err := run.log.Close(); err != nil {
		t.Fatal(err)
	}
	table.Reopen()
	for key := range rowsOf(t, table) {
		if key[0] == 'b' {
			t.Fatalf("row %q of the build is left", key)
		}
	}
	return run.began
}

// A build that ended anywhere is taken up by the next open to write, which reads only
// what was not read yet. Until then, the ledger can be read.
func TestBuildIsResumed(t *testing.T) {
	old := rowsOf(t, oldTable(t, 300, 2))
	resumed := map[int64]int{}
	for commits := 0; ; commits++ {
		table := old.Table()
		run := build(t, &cutTable{table, commits})
		if run.err == nil {
			run.log.Close()
			t.Logf("a build takes %d commits; cut after each of them, builds went on at %v", commits, resumed)
			break
		}
		if !errors.Is(run.err, store.ErrUnavailable) {
			t.Fatalf("Open with %d commits = %v", commits, run.err)
		}
		table.Reopen()
		reader, err := store.Open(t.Context(), table, store.Options{ReadOnly: true, Keys: ledgertest.MACKeys})
		if err != nil {
			t.Fatalf("Open to read after %d commits = %v", commits, err)
		}
		if state := reader.Index(); commits > 0 && (state != ledger.IndexBuilding || reader.IndexErr() == nil) {
			t.Errorf("after %d commits the index is %s (%v)", commits, state, reader.IndexErr())
		}
		if err := reader.Verify(t.Context(), nil, nil); err != nil {
			t.Errorf("Verify after %d commits = %v", commits, err)
		}
		if found, err := reader.Load(t.Context(), []string{"job_0007"}, []string{"request_3"}); err != nil || len(found.Jobs)+len(found.Requests) != 2 {
			t.Errorf("Load after %d commits = %v, %v", commits, found, err)
		}
		reader.Close()
		table.Reopen()
		began := finish(t, table)
		resumed[began]++
		if want := min(int64(max(commits-1, 0))*step, 901); began != want {
			t.Errorf("after %d commits the build went on at event %d, want %d", commits, began, want)
		}
	}
	if len(resumed) < 10 {
		t.Errorf("builds went on at %v: that tests little", resumed)
	}
}

// A build goes on although jobs were stopped meanwhile, whose events it has read.
func TestBuildIsResumedBehindAStop(t *testing.T) {
	table := oldTable(t, 300, 2)
	if run := build(t, &cutTable{table, 5}); !errors.Is(run.err, store.ErrUnavailable) {
		t.Fatalf("Open = %v", run.err)
	}
	table.Reopen()
	o := openOptions()
	o.Defer = true
	log, err := store.Open(t.Context(), table, o)
	if err != nil {
		t.Fatal(err)
	}
	stopOnly(t, "building", log, "job_0008")
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	table.Reopen()
	if began := finish(t, table); began != 4*step {
		t.Errorf("the build went on at event %d, want %d", began, 4*step)
	}
}

// Whenever the power goes during a build, the next one ends it.
func TestPowerCutsDuringABuild(t *testing.T) {
	mem, rng := ledgertest.NewFS(t), rand.New(rand.NewPCG(3, 5))
	if err := rowsOf(t, oldTable(t, 100, 4)).Write(mem, ledgertest.Dir); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var cuts []*vfs.MemFS
	try := ledgertest.OneIn(t, 2)
	fs := &ledgertest.HookFS{FS: mem, Before: func(op ledgertest.Op, _ string) error {
		mu.Lock()
		defer mu.Unlock()
		if op == ledgertest.OpSync && try() {
			cuts = append(cuts, mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 50, RNG: rng}))
		}
		return nil
	}}
	open := func(fs pebble.FS) buildRun {
		t.Helper()
		table, err := pebble.Open(ledgertest.Dir, pebble.Options{FS: fs})
		if err != nil {
			t.Fatal(err)
		}
		run := build(t, table)
		if run.err != nil {
			t.Fatal(run.err)
		}
		return run
	}
	if err := open(fs).log.Close(); err != nil {
		t.Fatal(err)
	}
	resumed := map[int64]int{}
	for _, cut := range cuts {
		run := open(cut)
		resumed[run.began]++
		if run.log.Index() != ledger.IndexProved {
			t.Fatalf("the index is %s: %v", run.log.Index(), run.log.IndexErr())
		}
		ledgertest.Check(t, run.log)
		if err := run.log.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d power cuts; builds went on at %v", len(cuts), resumed)
	if len(resumed) < 3 {
		t.Errorf("builds went on at %v: that tests little", resumed)
	}
}

// What a build has written is used only as it was written with the key: a record under
// another MAC is damage, and with parts that are not those of the record the build begins
// again, and comes to the same index.
func TestPlantedBuild(t *testing.T) {
	old := rowsOf(t, oldTable(t, 300, 2))
	cut := func(commits int) ledgertest.Rows {
		table := old.Table()
		if run := build(t, &cutTable{table, commits}); !errors.Is(run.err, store.ErrUnavailable) {
			t.Fatalf("Open = %v", run.err)
		}
		table.Reopen()
		return rowsOf(t, table)
	}
	earlier, half := cut(3), cut(5)
	part := func(n byte) string { return "b\x00\x00\x00\x00\x00\x00\x00" + string(n) }
	for _, tt := range []struct {
		name  string
		edit  func(ledgertest.Rows)
		began int64 // -1: exit 2
	}{
		{"nothing", func(ledgertest.Rows) {}, 4 * step},
		{"an older record with its parts", func(r ledgertest.Rows) { r["m/index"] = earlier["m/index"] }, 2 * step},
		{"a record whose size is changed", func(r ledgertest.Rows) { r["m/index"] = flipAt(r["m/index"], 9) }, -1},
		{"a record whose MAC is changed", func(r ledgertest.Rows) { r["m/index"] = flipped(r["m/index"]) }, -1},
		{"a record that is gone", func(r ledgertest.Rows) { delete(r, "m/index") }, -1},
		{"a part that is changed", func(r ledgertest.Rows) { r[part(1)] = flipped(r[part(1)]) }, 0},
		{"a part that is gone", func(r ledgertest.Rows) { delete(r, part(1)) }, 0},
		{"the last part gone", func(r ledgertest.Rows) { delete(r, part(3)) }, 0},
		{"parts that change places", func(r ledgertest.Rows) { r[part(0)], r[part(1)] = r[part(1)], r[part(0)] }, 0},
		{"a part without its last entry", func(r ledgertest.Rows) { r[part(2)] = r[part(2)][:len(r[part(2)])-64] }, 0},
		{"a part with a byte more", func(r ledgertest.Rows) { r[part(2)] = append(bytes.Clone(r[part(2)]), 0) }, 0},
		{"a part that no record names", func(r ledgertest.Rows) { r[part(4)] = bytes.Repeat([]byte{7}, 64) }, 4 * step},
		{"pages that no record names", func(r ledgertest.Rows) { r["i\x00"] = []byte("page") }, 4 * step},
	} {
		rows := half.Clone()
		tt.edit(rows)
		table := rows.Table()
		if tt.began >= 0 {
			if began := finish(t, table); began != tt.began {
				t.Errorf("%s: the build went on at event %d, want %d", tt.name, began, tt.began)
			}
			continue
		}
		run := build(t, table)
		if run.err != nil || run.log.Index() != ledger.IndexBroken || !isIndexError(run.log.IndexErr()) || run.began >= 0 {
			t.Errorf("%s: Open = %v, and the build went on at event %d", tt.name, run.err, run.began)
			continue
		}
		if found, err := run.log.Rebuild(t.Context(), nil); err != nil || !found.Record || run.log.Index() != ledger.IndexProved {
			t.Errorf("%s: Rebuild = %+v, %v, and the index is %s", tt.name, found, err, run.log.Index())
		}
		ledgertest.Check(t, run.log)
		if err := run.log.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func flipAt(b []byte, i int) []byte {
	b = bytes.Clone(b)
	b[i] ^= 1
	return b
}

// Damage in what was read before is found by a build that goes on, as far as the index
// depends on it, and so is all damage after that.
func TestResumedBuildFindsDamage(t *testing.T) {
	table := oldTable(t, 300, 2)
	if run := build(t, &cutTable{table, 5}); !errors.Is(run.err, store.ErrUnavailable) {
		t.Fatalf("Open = %v", run.err)
	}
	table.Reopen()
	half := rowsOf(t, table)
	for _, tt := range []struct {
		name   string
		tamper func(ledgertest.Rows)
	}{
		{"a row of the event index is gone", func(r ledgertest.Rows) { delete(r, "jjob_0150\x00\x00\x00\x00\x00\x00\x00\x00\x01") }},
		{"a row of the event index is of another event", func(r ledgertest.Rows) {
			r["jjob_0150\x00\x00\x00\x00\x00\x00\x00\x00\x01"] = r["jjob_0151\x00\x00\x00\x00\x00\x00\x00\x00\x01"]
		}},
		{"a head is an older one", func(r ledgertest.Rows) { r["hjob_0250"] = append(bytes.Clone(r["hjob_0250"][:63]), 0) }},
		{"a head is gone", func(r ledgertest.Rows) { delete(r, "hjob_0250") }},
		{"a head too many", func(r ledgertest.Rows) { r["hjob_none"] = r["hjob_0250"] }},
		{"a request id too many", func(r ledgertest.Rows) { r["rnone"] = r["rrequest_3"] }},
		{"an event of the rest is changed", func(r ledgertest.Rows) {
			r["e\x00\x00\x00\x00\x00\x00\x02\x00"] = r["e\x00\x00\x00\x00\x00\x00\x02\x01"]
		}},
		{"a row of the rest is gone", func(r ledgertest.Rows) { delete(r, "jjob_0150\x00\x00\x00\x00\x00\x00\x00\x00\x03") }},
	} {
		rows := half.Clone()
		tt.tamper(rows)
		run := build(t, rows.Table())
		if run.err != nil {
			t.Errorf("%s: Open = %v", tt.name, run.err)
			continue
		}
		if _, damaged := errors.AsType[*ledger.CorruptError](run.log.IndexErr()); !damaged || run.log.Index() != ledger.IndexRefused {
			t.Errorf("%s: the index is %s: %v", tt.name, run.log.Index(), run.log.IndexErr())
		}
		if run.began != 4*step {
			t.Errorf("%s: the build went on at event %d, want %d", tt.name, run.began, 4*step)
		}
		run.log.Close()
	}
}
