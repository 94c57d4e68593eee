package store_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store"
)

func TestAppendConflictsWhenTheHeadMovedOn(t *testing.T) {
	l := ledgertest.New(t)
	seen := l.Head()
	late := ledgertest.Seal(t, l.Log, ledgertest.Submit("late"))
	ledgertest.Append(t, l.Log, ledgertest.Submit("first"))
	head := l.Head()
	other := head
	other.Leaf[0] ^= 1
	for name, at := range map[string]ledger.Head{"older size": seen, "other leaf": other, "empty": {}} {
		if _, err := l.Append(t.Context(), at, late...); !errors.Is(err, ledger.ErrConflict) {
			t.Errorf("Append behind a head with %s = %v, want ErrConflict", name, err)
		}
	}
	if l.Head() != head {
		t.Errorf("the head after conflicts is %v, want %v", l.Head(), head)
	}
	ledgertest.Check(t, l.Log)
}

func TestConcurrentAppendersRetryConflicts(t *testing.T) {
	const workers, each = 8, 10
	l := ledgertest.New(t)
	var seals sync.Mutex // Seal fails the test when it reads a head that moves
	var wg sync.WaitGroup
	conflicts, acked := make([]int, workers), make([][]ledger.Event, workers)
	for w := range workers {
		wg.Go(func() {
			for n := 0; n < each; {
				head := l.Head()
				seals.Lock()
				entries := ledgertest.Seal(t, l.Log, ledgertest.Submit(fmt.Sprintf("job_%d_%d", w, n)))
				seals.Unlock()
				_, err := l.Append(context.Background(), head, entries...)
				switch {
				case err == nil:
					acked[w] = append(acked[w], entries[0].Event)
					n++
				case errors.Is(err, ledger.ErrConflict) || entries[0].Event.Prev != head.Leaf:
					conflicts[w]++
				default:
					t.Errorf("Append = %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	if got := l.Head().Size; got != 1+workers*each {
		t.Errorf("%d events, want %d", got, 1+workers*each)
	}
	ledgertest.Check(t, l.Log, slices.Concat(acked...)...)
	t.Logf("conflicts by worker: %v", conflicts)
}

func TestAppendRefusesWhatDoesNotFit(t *testing.T) {
	l := ledgertest.New(t)
	ledgertest.Append(t, l.Log, ledgertest.Draft{Job: "job_1", Payload: ledgertest.Submit("").Payload, RequestID: "r1"})
	next := func() ledger.Event {
		return ledgertest.Seal(t, l.Log, ledgertest.Progress("job_1", "x"))[0].Event
	}
	change := func(f func(e *ledger.Event)) []ledger.Entry {
		e := next()
		f(&e)
		e, err := ledger.Seal(e)
		if err != nil {
			t.Fatal(err)
		}
		return []ledger.Entry{{Event: e}}
	}
	unsealed := next()
	tests := map[string][]ledger.Entry{
		"nothing":             nil,
		"an unsealed event":   {{Event: ledger.Event{Seq: unsealed.Seq, Payload: unsealed.Payload}}},
		"another origin":      change(func(e *ledger.Event) { e.Origin = "gait.test/other" }),
		"a gap":               change(func(e *ledger.Event) { e.Seq++ }),
		"another prev":        change(func(e *ledger.Event) { e.Prev[0] ^= 1 }),
		"an earlier time":     change(func(e *ledger.Event) { e.Time = ledgertest.Start }),
		"another job_prev":    change(func(e *ledger.Event) { e.JobPrev[0] ^= 1 }),
		"a job_seq too high":  change(func(e *ledger.Event) { e.JobSeq++ }),
		"a revision too high": change(func(e *ledger.Event) { e.Revision++ }),
		"a request id again":  ledgertest.Seal(t, l.Log, ledgertest.Draft{Job: "job_2", Payload: ledgertest.Submit("").Payload, RequestID: "r1"}),
		"a request id twice": ledgertest.Seal(t, l.Log,
			ledgertest.Draft{Job: "job_2", Payload: ledgertest.Submit("").Payload, RequestID: "r2"},
			ledgertest.Draft{Job: "job_3", Payload: ledgertest.Submit("").Payload, RequestID: "r2"}),
	}
	head := l.Head()
	for name, entries := range tests {
		_, err := l.Append(t.Context(), head, entries...)
		if err == nil || errors.Is(err, ledger.ErrConflict) || errors.Is(err, ledger.ErrOutcomeUnknown) {
			t.Errorf("Append of %s = %v, want an error of its own", name, err)
		}
		if c, ok := errors.AsType[*ledger.CorruptError](err); ok {
			t.Errorf("Append of %s = %v: the ledger is not corrupt", name, c)
		}
	}
	if l.Head() != head {
		t.Errorf("the head is %v, want %v", l.Head(), head)
	}
	ledgertest.Check(t, l.Log)
}

func TestAppendIndexesTheBytesNotTheFields(t *testing.T) {
	l := ledgertest.New(t)
	entries := ledgertest.Seal(t, l.Log, ledgertest.Submit("job_1"))
	entries[0].Event.JobID = "job_2"
	if _, err := l.Append(t.Context(), l.Head(), entries...); err != nil {
		t.Fatalf("Append = %v", err)
	}
	if _, found, err := l.JobHead("job_2"); found || err != nil {
		t.Errorf("JobHead of a job that no event names = %t, %v", found, err)
	}
	ledgertest.Check(t, l.Log)
}

func TestOneAppendIsOneSync(t *testing.T) {
	fs := ledgertest.NewCountingFS(ledgertest.NewFS(t))
	log := ledgertest.Create(t, ledgertest.Dir, store.Options{FS: fs})
	for _, n := range []int{1, 2, 300} {
		var drafts []ledgertest.Draft
		for i := range n {
			drafts = append(drafts, ledgertest.Submit(fmt.Sprintf("job_%d_%d", n, i)))
		}
		before := fs.Syncs()
		ledgertest.Append(t, log, drafts...)
		if got := fs.Syncs() - before; got != 1 {
			t.Errorf("%d syncs for an Append of %d events, want 1", got, n)
		}
	}
	ledgertest.Check(t, log)
}

func TestAppendWithoutWhatItNeeds(t *testing.T) {
	l := ledgertest.New(t)
	entries := ledgertest.Seal(t, l.Log, ledgertest.Submit("job_1"))
	head := l.Head()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	key := ledgertest.Key(ledgertest.Origin)
	tests := []struct {
		name string
		o    store.Options
		ctx  context.Context
		want error
	}{
		{"no signer", store.Options{}, t.Context(), store.ErrNoSigner},
		{"read-only", store.Options{Signer: key, ReadOnly: true}, t.Context(), store.ErrReadOnly},
		{"a context that is over", store.Options{Signer: key}, cancelled, context.Canceled},
	}
	for _, tt := range tests {
		tt.o.FS = l.FS
		log, err := store.Open(l.Dir, tt.o)
		if err != nil {
			t.Fatalf("Open with %s = %v", tt.name, err)
		}
		if _, err := log.Append(tt.ctx, head, entries...); !errors.Is(err, tt.want) {
			t.Errorf("Append with %s = %v, want %v", tt.name, err, tt.want)
		}
		ledgertest.Check(t, log)
		if err := log.Close(); err != nil {
			t.Errorf("Close with %s = %v", tt.name, err)
		}
		if _, err := log.Append(tt.ctx, head, entries...); !errors.Is(err, store.ErrClosed) {
			t.Errorf("Append after Close = %v, want ErrClosed", err)
		}
		if _, err := log.Event(0); !errors.Is(err, store.ErrClosed) {
			t.Errorf("Event after Close = %v, want ErrClosed", err)
		}
	}
}

func TestAnotherLedgersKeyIsNotTaken(t *testing.T) {
	l := ledgertest.New(t)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := store.Open(l.Dir, store.Options{FS: l.FS, Signer: ledgertest.Key("gait.test/other")})
	if !errors.Is(err, store.ErrNoSigner) {
		t.Errorf("Open with another ledger's key = %v, want ErrNoSigner", err)
	}
}

// A checkpoint is published when a power cut can no longer take it away, and
// Append returns after that.
func TestPublishedSeesOnlyWhatIsDurable(t *testing.T) {
	mem := ledgertest.NewFS(t)
	var seen []int64
	fail := errors.New("no room outside")
	var failing bool
	o := store.Options{FS: mem, Published: func(signed []byte) error {
		c, err := ledger.OpenCheckpoint(signed, ledgertest.Key(ledgertest.Origin).VerifierKey())
		if err != nil {
			t.Errorf("published a checkpoint that does not open: %v", err)
		}
		seen = append(seen, c.Size)
		crashed := ledgertest.Reopen(t, mem.CrashClone(vfs.CrashCloneCfg{}))
		if got, _ := crashed.Checkpoint(); got != c {
			t.Errorf("published %v, a power cut leaves %v", c, got)
		}
		if failing {
			return fail
		}
		return nil
	}}
	log := ledgertest.Create(t, ledgertest.Dir, o)
	ledgertest.Append(t, log, ledgertest.Submit("job_1"))
	ledgertest.Append(t, log, ledgertest.Submit("job_2"), ledgertest.Submit("job_3"))
	if want := []int64{1, 2, 4}; !slices.Equal(seen, want) {
		t.Errorf("published sizes %v, want %v", seen, want)
	}
	failing = true
	_, err := log.Append(t.Context(), log.Head(), ledgertest.Seal(t, log, ledgertest.Submit("job_4"))...)
	if !errors.Is(err, ledger.ErrOutcomeUnknown) || !errors.Is(err, fail) {
		t.Errorf("Append when publishing fails = %v, want ErrOutcomeUnknown with the cause", err)
	}
	failing = false
	ledgertest.Append(t, log, ledgertest.Submit("job_5"))
	ledgertest.Check(t, log)
}
