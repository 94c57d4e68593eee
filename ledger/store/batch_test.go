package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store"
)

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

// A batch may be made after one that is not committed yet: it finds that one's
// jobs, request ids and tree. The sizes cross the ends of tiles.
func TestBatchOnABatch(t *testing.T) {
	for _, sizes := range [][2]int{{1, 1}, {253, 2}, {254, 1}, {254, 300}, {255, 256}, {300, 300}, {511, 1}, {600, 700}} {
		t.Run(fmt.Sprintf("%d on %d", sizes[1], sizes[0]), func(t *testing.T) {
			l := ledgertest.New(t)
			ledgertest.Append(t, l.Log, ledgertest.Submit("job_1"))
			drafts := make([]ledgertest.EventSpec, sizes[0]+sizes[1])
			for i := range drafts {
				drafts[i] = ledgertest.Progress("job_1", "step")
			}
			drafts[0].RequestID = "r-1"
			all := ledgertest.Seal(t, l.Log, drafts...)
			first := ledgertest.Signed(t, l.Log, l.Log.Head(), all[:sizes[0]])
			second := ledgertest.Signed(t, l.Log, follow(t, l.Log.Head(), all[:sizes[0]]), all[sizes[0]:])
			if got := l.Log.Head().Size; got != 2 {
				t.Fatalf("%d events show before they are committed, want 2", got)
			}
			for _, b := range []ledger.Batch{first, second} {
				if _, err := b.Commit(t.Context()); err != nil {
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
	first := ledgertest.Signed(t, l.Log, l.Log.Head(), all[:1])
	second, err := l.Log.Begin(t.Context(), follow(t, l.Log.Head(), all[:1]))
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Add(t.Context(), all[1]); err == nil {
		t.Error("a batch takes a request id that the one before it uses")
	}
	second.Discard()
	if _, err := first.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	ledgertest.Check(t, l.Log)
}

// A batch writes nothing if another one commits first, and neither does a batch after it.
func TestBatchConflict(t *testing.T) {
	l := ledgertest.New(t)
	all := ledgertest.Seal(t, l.Log, ledgertest.Submit("job_1"), ledgertest.Submit("job_2"))
	at := l.Log.Head()
	first := ledgertest.Signed(t, l.Log, at, all[:1])
	second := ledgertest.Signed(t, l.Log, follow(t, at, all[:1]), all[1:])
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_3"))
	for i, b := range []ledger.Batch{first, second} {
		if _, err := b.Commit(t.Context()); !errors.Is(err, ledger.ErrConflict) {
			t.Errorf("batch %d after another writer = %v, want ErrConflict", i, err)
		}
	}
	if _, err := l.Log.Begin(t.Context(), at); !errors.Is(err, ledger.ErrConflict) {
		t.Errorf("Begin at an old head = %v, want ErrConflict", err)
	}
	ledgertest.Check(t, l.Log)
}

// A caller of Wait learns of each growth, and of the end.
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

// Jobs are written again after more other jobs than the log remembers the heads of,
// and once more after that: each continues from its own head.
func TestJobsComeBack(t *testing.T) {
	const jobs = 2700 // more than two generations
	l := ledgertest.New(t)
	for round := range 3 {
		for from := 0; from < jobs; from += 300 {
			var drafts []ledgertest.EventSpec
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

// Verify does not delay other calls: events are appended while it reads, and it
// verifies the log as it was when it began.
func TestAppendWhileVerifying(t *testing.T) {
	l := ledgertest.New(t)
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_1"), ledgertest.Progress("job_1", "step 1"))
	before, seen := l.Log.Head().Size, int64(0)
	err := l.Verify(t.Context(), func(ledger.Event) error {
		seen++
		ledgertest.Append(t, l.Log, ledgertest.Progress("job_1", "meanwhile"))
		return nil
	}, nil)
	if err != nil || seen != before {
		t.Errorf("of %d events it verified %d, %v", before, seen, err)
	}
	if size := l.Log.Head().Size; size != 2*before {
		t.Errorf("there are %d events, want %d", size, 2*before)
	}
	ledgertest.Check(t, l.Log)
}
