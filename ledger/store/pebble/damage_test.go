package pebble_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store"
	"gait/ledger/store/pebble"
)

// A damage is one thing that happens to one file.
type damage struct {
	file string
	at   int
	kind string // flip, bit (of which at is the number), cut, zero, gone
}

func (d damage) String() string { return fmt.Sprintf("%s of %s at %d", d.kind, d.file, d.at) }

// do damages a file of the ledger on mem.
func (d damage) do(t *testing.T, mem *vfs.MemFS) {
	t.Helper()
	name := mem.PathJoin(ledgertest.Dir, d.file)
	b, err := mem.UnsafeGetFileDataBuffer(name)
	if err != nil {
		t.Fatal(err)
	}
	switch d.kind {
	case "flip":
		b[d.at] ^= 1 << (d.at % 8)
	case "bit":
		b[d.at/8] ^= 1 << (d.at % 8)
	case "zero":
		clear(b[d.at:min(d.at+512, len(b))])
	case "cut":
		f, err := mem.Create(name, "")
		if err == nil {
			_, err = f.Write(bytes.Clone(b[:d.at]))
		}
		if err != nil {
			t.Fatal(err)
		}
	case "gone":
		if err := mem.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
}

// damages lists about n things that can happen to the files of a ledger.
func damages(t *testing.T, mem *vfs.MemFS, n int) []damage {
	t.Helper()
	names, err := mem.List(ledgertest.Dir)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	total := 0
	size := func(name string) int {
		info, err := mem.Stat(mem.PathJoin(ledgertest.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return int(info.Size())
	}
	for _, name := range names {
		total += size(name)
	}
	var out []damage
	for _, name := range names {
		if name != "LOCK" {
			out = append(out, damage{name, 0, "gone"})
		}
		kinds := []string{"flip", "flip", "cut", "zero"}
		for at := 0; at < size(name); at += max(1, total/n) {
			out = append(out, damage{name, at, kinds[len(out)%len(kinds)]})
		}
		if last := size(name) - 1; last >= 0 {
			out = append(out, damage{name, last, "flip"}, damage{name, last, "cut"})
		}
	}
	return out
}

// readAll opens a damaged ledger and reads all of it.
func readAll(mem pebble.FS, readOnly bool) (events []ledger.Event, size int64, err error) {
	log, err := ledgertest.Open(ledgertest.Dir, ledgertest.Options{FS: mem, ReadOnly: readOnly, Fatal: func(err error) { panic(err) }})
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	for e, err := range log.Events(context.Background(), 0) {
		if err != nil {
			return nil, 0, err
		}
		events = append(events, e)
	}
	c, _ := log.Checkpoint()
	return events, c.Size, log.Verify(context.Background(), nil, nil)
}

// check checks what a damaged ledger gave. It must be everything, or a CorruptError,
// or a checkpoint older than the newest one published, which a caller that compares
// the two refuses. The last may come of damage to the write-ahead log of a ledger
// that was not closed, or to the manifest: Pebble takes an invalid record at the end
// of either for a write that was cut short.
func (d damage) check(t *testing.T, closed bool, all, got []ledger.Event, size int64, err error, count map[string]int) {
	t.Helper()
	if err != nil {
		if _, ok := errors.AsType[*ledger.CorruptError](err); !ok {
			t.Errorf("%s: %v, want a CorruptError", d, err)
		}
		count["refused"]++
		return
	}
	if size < int64(len(all)) {
		if !strings.HasPrefix(d.file, "MANIFEST-") && (closed || !strings.HasSuffix(d.file, ".log")) {
			t.Errorf("%s: %d events, want %d", d, size, len(all))
		}
		count["older than the published checkpoint"]++
		return
	}
	same := func(a, b ledger.Event) bool { return bytes.Equal(a.Bytes(), b.Bytes()) }
	if !slices.EqualFunc(got, all, same) {
		t.Errorf("%s: other events, and no error", d)
	}
	count["whole"]++
}

func damageEverything(t *testing.T, mem *vfs.MemFS, closed bool, all []ledger.Event, n int) {
	t.Helper()
	copyOf := func() *vfs.MemFS {
		return mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(1, 2))})
	}
	count := map[string]int{}
	list := damages(t, copyOf(), n)
	for i, d := range list {
		damaged := copyOf()
		d.do(t, damaged)
		got, size, err := readAll(damaged, i%3 == 0)
		d.check(t, closed, all, got, size, err, count)
	}
	t.Logf("%d damages: %v", len(list), count)
}

// lived is a ledger with a little of everything. Its log is still open.
func lived(t *testing.T) *ledgertest.Ledger {
	l := ledgertest.New(t)
	for i := range 6 {
		job := fmt.Sprint("job_", i)
		ledgertest.Append(t, l.Log, ledgertest.EventSpec{Job: job, Payload: ledgertest.Submit("").Payload, RequestID: job, View: []byte(strings.Repeat(job, 50))})
		ledgertest.Append(t, l.Log, ledgertest.Progress(job, strings.Repeat("progress ", 30)))
		if i%2 == 1 {
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			l.Reopen(t)
		}
	}
	return l
}

func events(t *testing.T, log *store.Log) (all []ledger.Event) {
	t.Helper()
	for e, err := range log.Events(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

func TestADamagedClosedLedgerIsWholeOrRefused(t *testing.T) {
	l := lived(t)
	ledgertest.Append(t, l.Log, ledgertest.Progress("job_1", "flushed before the end"))
	if err := pebble.DB(l.Table).Flush(); err != nil {
		t.Fatal(err)
	}
	ledgertest.Append(t, l.Log, ledgertest.Progress("job_1", "flushed at the end"))
	all := events(t, l.Log)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	damageEverything(t, l.FS, true, all, 300)
}

func TestADamagedCrashedLedgerIsWholeOrFoundOut(t *testing.T) {
	l := lived(t)
	for i := range 12 {
		ledgertest.Append(t, l.Log, ledgertest.Progress("job_1", fmt.Sprint("in the write-ahead log only ", i)))
	}
	damageEverything(t, l.FS, false, events(t, l.Log), 200)
}

// What a killed process wrote and did not sync is shown only once a power cut
// can no longer take it away, by a read-only open too.
func TestOpenMakesDurableWhatItShows(t *testing.T) {
	for _, readOnly := range []bool{true, false} {
		killed := killedBeforeSync(t)
		seen, err := ledgertest.Open(ledgertest.Dir, ledgertest.Options{FS: killed, ReadOnly: readOnly})
		if err != nil {
			t.Fatalf("Open = %v", err)
		}
		if size := seen.Head().Size; size != 2 {
			t.Fatalf("%d events after the kill, want 2", size)
		}
		after := ledgertest.Reopen(t, killed.CrashClone(vfs.CrashCloneCfg{}))
		if got := after.Head().Size; got < 2 {
			t.Errorf("a power cut after an open (read-only: %t) that showed 2 events leaves %d", readOnly, got)
		}
		ledgertest.Check(t, after)
		if err := seen.Close(); err != nil {
			t.Error(err)
		}
	}
}

// killedBeforeSync is a ledger of two events as a process leaves it that was
// killed when it had written the second one and not yet synced it: the bytes
// are in the write-ahead log, for now.
func killedBeforeSync(t *testing.T) *vfs.MemFS {
	mem := ledgertest.NewFS(t)
	var written *vfs.MemFS
	hook := &ledgertest.HookFS{FS: mem, Before: func(op ledgertest.Op, _ string) error {
		if op == ledgertest.OpSync {
			written = mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(3, 4))})
		}
		return nil
	}}
	ledgertest.Append(t, ledgertest.Create(t, ledgertest.Dir, ledgertest.Options{FS: hook}), ledgertest.Submit("job_1"))
	// A crash clone counts as synced, so its write-ahead logs are written again.
	names, err := written.List(ledgertest.Dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if !strings.HasSuffix(name, ".log") {
			continue
		}
		name = written.PathJoin(ledgertest.Dir, name)
		b, err := written.UnsafeGetFileDataBuffer(name)
		if err != nil {
			t.Fatal(err)
		}
		f, err := written.Create(name, "")
		if err == nil {
			_, err = f.Write(bytes.Clone(b))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	dir, err := written.OpenDir(ledgertest.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
		t.Fatal(err)
	}
	return written
}
