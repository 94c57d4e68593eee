package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store"
)

// begun begins a batch of sealed entries behind at, and signs it.
func begun(t *testing.T, log *store.Log, at ledger.Head, entries []ledger.Entry) ledger.Batch {
	t.Helper()
	b, err := log.Begin(at)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := b.Add(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Sign(); err != nil {
		t.Fatal(err)
	}
	return b
}

func follow(t *testing.T, head ledger.Head, entries []ledger.Entry) ledger.Head {
	t.Helper()
	for _, e := range entries {
		var err error
		if head, err = head.Follow(e.Event); err != nil {
			t.Fatal(err)
		}
	}
	return head
}

// A batch may be made on one that is not committed yet: it finds that one's
// jobs, request ids and tree. Sizes go over the edges of tiles.
func TestBatchOnABatch(t *testing.T) {
	for _, sizes := range [][2]int{{1, 1}, {253, 2}, {254, 1}, {254, 300}, {255, 256}, {300, 300}, {511, 1}, {600, 700}} {
		t.Run(fmt.Sprintf("%d on %d", sizes[1], sizes[0]), func(t *testing.T) {
			l := ledgertest.New(t)
			ledgertest.Append(t, l.Log, ledgertest.Submit("job_1"))
			drafts := make([]ledgertest.Draft, sizes[0]+sizes[1])
			for i := range drafts {
				drafts[i] = ledgertest.Progress("job_1", "step")
			}
			drafts[0].RequestID = "r-1"
			all := ledgertest.Seal(t, l.Log, drafts...)
			first := begun(t, l.Log, l.Log.Head(), all[:sizes[0]])
			second := begun(t, l.Log, follow(t, l.Log.Head(), all[:sizes[0]]), all[sizes[0]:])
			if got := l.Log.Head().Size; got != 2 {
				t.Fatalf("%d events show before they are committed, want 2", got)
			}
			for _, b := range []ledger.Batch{first, second} {
				if _, err := b.Commit(); err != nil {
					t.Fatal(err)
				}
			}
			ledgertest.Append(t, l.Log, ledgertest.Submit("job_2"))
			ledgertest.Check(t, l.Log)
			ledgertest.Check(t, ledgertest.Reopen(t, l.FS.CrashClone(vfs.CrashCloneCfg{})))
		})
	}
}

func TestBatchFindsTheOneBefore(t *testing.T) {
	l := ledgertest.New(t)
	once := ledgertest.Submit("job_1")
	once.RequestID = "r-1"
	again := ledgertest.Submit("job_2")
	again.RequestID = "r-1"
	all := ledgertest.Seal(t, l.Log, once, again)
	first := begun(t, l.Log, l.Log.Head(), all[:1])
	second, err := l.Log.Begin(follow(t, l.Log.Head(), all[:1]))
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Add(all[1]); err == nil {
		t.Error("a batch takes a request id that the one before it uses")
	}
	second.Discard()
	if _, err := first.Commit(); err != nil {
		t.Fatal(err)
	}
	ledgertest.Check(t, l.Log)
}

// A batch that somebody else was ahead of writes nothing, nor does one on top.
func TestBatchConflict(t *testing.T) {
	l := ledgertest.New(t)
	all := ledgertest.Seal(t, l.Log, ledgertest.Submit("job_1"), ledgertest.Submit("job_2"))
	at := l.Log.Head()
	first := begun(t, l.Log, at, all[:1])
	second := begun(t, l.Log, follow(t, at, all[:1]), all[1:])
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_3"))
	for i, b := range []ledger.Batch{first, second} {
		if _, err := b.Commit(); !errors.Is(err, ledger.ErrConflict) {
			t.Errorf("batch %d behind another writer = %v, want ErrConflict", i, err)
		}
	}
	if _, err := l.Log.Begin(at); !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("Begin at an old head = %v, want ErrConflict", err)
	}
	ledgertest.Check(t, l.Log)
}

// Whoever waits learns of each growth, and of the end.
func TestWait(t *testing.T) {
	l := ledgertest.New(t)
	changed := l.Log.Changed()
	waited := make(chan error)
	go func() { waited <- l.Log.Wait(t.Context(), 2) }()
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_1"))
	<-changed
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_2"))
	if err := <-waited; err != nil || l.Log.Head().Size != 3 {
		t.Errorf("Wait past 2 events = %v at %d", err, l.Log.Head().Size)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Log.Wait(ctx, 3); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait with a context that has ended = %v", err)
	}
	go func() { waited <- l.Log.Wait(context.Background(), 3) }()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-waited; !errors.Is(err, store.ErrClosed) {
		t.Errorf("Wait on a log that is closed = %v, want ErrClosed", err)
	}
}

// Jobs come back after more others than the log remembers the heads of, before
// and after that: each goes on where it was.
func TestJobsComeBack(t *testing.T) {
	const jobs = 2700 // more than two generations
	l := ledgertest.New(t)
	for round := range 3 {
		for from := 0; from < jobs; from += 300 {
			var drafts []ledgertest.Draft
			for i := from; i < from+300; i++ {
				job := fmt.Sprintf("job_%d", i)
				if round == 0 {
					drafts = append(drafts, ledgertest.Submit(job))
					continue
				}
				drafts = append(drafts, ledgertest.Progress(job, "step"), ledgertest.Progress(fmt.Sprintf("job_%d", (i*7)%jobs), "and another"))
			}
			ledgertest.Append(t, l.Log, drafts...)
		}
	}
	ledgertest.Check(t, l.Log)
}

// What is not durable does not show: while a batch syncs, readers are answered,
// and with what was there before.
func TestNothingShowsBeforeItIsDurable(t *testing.T) {
	d := newDisk(ledgertest.NewFS(t))
	log := ledgertest.Create(t, ledgertest.Dir, store.Options{FS: d})
	ledgertest.Append(t, log, ledgertest.Submit("job_1"))
	again := ledgertest.Submit("job_2")
	again.RequestID = "r-1"
	at := log.Head()
	before := shown(t, log)
	b := begun(t, log, at, ledgertest.Seal(t, log, again, ledgertest.Progress("job_1", "step")))
	held, done := d.hold(), make(chan error)
	go func() { _, err := b.Commit(); done <- err }()
	<-held.reached
	if diff := cmp.Diff(before, shown(t, log)); diff != "" {
		t.Errorf("while a batch syncs, readers see (-before +now):\n%s", diff)
	}
	if _, err := log.Event(ledger.Seq(at.Size)); err == nil {
		t.Error("Event reads what is not durable")
	}
	if _, err := log.File(ledger.TileName{Index: 0, Width: int(at.Size) + 1}); err == nil {
		t.Error("File reads hashes of what is not durable")
	}
	close(held.release)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	after := shown(t, log)
	for _, what := range []string{"head of job_1", "head of job_2", "request", "events", "job_1", "jobs"} {
		if before[what] == after[what] {
			t.Errorf("what is durable does not show in %s: %s", what, after[what])
		}
	}
	ledgertest.Check(t, log)
}

// shown is what readers find in a log, by what they ask for.
func shown(t *testing.T, log *store.Log) map[string]string {
	t.Helper()
	all := map[string]string{}
	note := func(what string, values ...any) { all[what] += fmt.Sprintln(values...) }
	for _, job := range []string{"job_1", "job_2"} {
		head, ok, err := log.JobHead(job)
		note("head of "+job, head, ok, err)
		view, ok, err := log.View(job)
		note("view of "+job, view, ok, err)
		for e, err := range log.JobEvents(job, 1) {
			note(job, string(e.Bytes()), err)
		}
	}
	seq, ok, err := log.Request("r-1")
	note("request", seq, ok, err)
	for e, err := range log.Events(0) {
		note("events", string(e.Bytes()), err)
	}
	for j, err := range log.Jobs("") {
		note("jobs", j.ID, j.Head, err)
	}
	note("head", log.Head())
	return all
}

// Verify holds nobody up: events come while it reads, and it finds the log as
// it was when it began.
func TestAppendWhileVerifying(t *testing.T) {
	l := ledgertest.New(t)
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_1"), ledgertest.Progress("job_1", "step 1"))
	before, seen := l.Log.Head().Size, int64(0)
	err := l.VerifyEach(nil, func(ledger.Event) error {
		seen++
		ledgertest.Append(t, l.Log, ledgertest.Progress("job_1", "meanwhile"))
		return nil
	})
	if err != nil || seen != before {
		t.Errorf("of %d events it verified %d, %v", before, seen, err)
	}
	if size := l.Log.Head().Size; size != 2*before {
		t.Errorf("there are %d events, want %d", size, 2*before)
	}
	ledgertest.Check(t, l.Log)
}
