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
			t.Errorf("Append after a head with %s = %v, want ErrConflict", name, err)
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
	var seals sync.Mutex // Seal fails the test if the head moves while it reads
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
				case errors.Is(err, ledger.ErrConflict) || entries[0].Event.Prev() != head.Leaf:
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
	ledgertest.Append(t, l.Log, ledgertest.EventSpec{Job: "job_1", Payload: ledgertest.Submit("").Payload, RequestID: "r1"})
	next := func() ledger.Event {
		return ledgertest.Seal(t, l.Log, ledgertest.Progress("job_1", "x"))[0].Event
	}
	change := func(f func(e *ledger.Draft)) []ledger.Entry {
		d := next().Draft()
		f(&d)
		e, err := ledger.Seal(d)
		if err != nil {
			t.Fatal(err)
		}
		return []ledger.Entry{{Event: e}}
	}
	tests := map[string][]ledger.Entry{
		"nothing":             nil,
		"the zero Event":      {{}},
		"another origin":      change(func(e *ledger.Draft) { e.Origin = "gait.test/other" }),
		"a gap":               change(func(e *ledger.Draft) { e.Seq++ }),
		"another prev":        change(func(e *ledger.Draft) { e.Prev[0] ^= 1 }),
		"an earlier time":     change(func(e *ledger.Draft) { e.Time = ledgertest.Start }),
		"another job_prev":    change(func(e *ledger.Draft) { e.JobPrev[0] ^= 1 }),
		"a job_seq too high":  change(func(e *ledger.Draft) { e.JobSeq++ }),
		"a revision too high": change(func(e *ledger.Draft) { e.Revision++ }),
		"a request id again":  ledgertest.Seal(t, l.Log, ledgertest.EventSpec{Job: "job_2", Payload: ledgertest.Submit("").Payload, RequestID: "r1"}),
		"a request id twice": ledgertest.Seal(t, l.Log,
			ledgertest.EventSpec{Job: "job_2", Payload: ledgertest.Submit("").Payload, RequestID: "r2"},
			ledgertest.EventSpec{Job: "job_3", Payload: ledgertest.Submit("").Payload, RequestID: "r2"}),
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

func TestOneAppendIsOneSync(t *testing.T) {
	fs := ledgertest.NewCountingFS(ledgertest.NewFS(t))
	log := ledgertest.Create(t, ledgertest.Dir, ledgertest.Options{FS: fs})
	for _, n := range []int{1, 2, 300} {
		var drafts []ledgertest.EventSpec
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
		o    ledgertest.Options
		ctx  context.Context
		want error
	}{
		{"no signer", ledgertest.Options{}, t.Context(), store.ErrNoSigner},
		{"read-only", ledgertest.Options{Signer: key, ReadOnly: true}, t.Context(), store.ErrReadOnly},
		{"a context that is over", ledgertest.Options{Signer: key}, cancelled, context.Canceled},
	}
	for _, tt := range tests {
		tt.o.FS = l.FS
		log, err := ledgertest.Open(l.Dir, tt.o)
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
		if _, err := log.Event(t.Context(), 0); !errors.Is(err, store.ErrClosed) {
			t.Errorf("Event after Close = %v, want ErrClosed", err)
		}
	}
}

func TestAnotherLedgersKeyIsNotTaken(t *testing.T) {
	l := ledgertest.New(t)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := ledgertest.Open(l.Dir, ledgertest.Options{FS: l.FS, Signer: ledgertest.Key("gait.test/other")})
	if !errors.Is(err, store.ErrNoSigner) {
		t.Errorf("Open with another ledger's key = %v, want ErrNoSigner", err)
	}
}

// A batch whose checkpoint could not be kept elsewhere is not written.
func TestNothingIsWrittenUnlessReady(t *testing.T) {
	full := errors.New("no room outside")
	ready := full
	log := ledgertest.Create(t, ledgertest.Dir, ledgertest.Options{FS: ledgertest.NewFS(t), Ready: func() error { return ready }})
	refused := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, full) || errors.Is(err, ledger.ErrOutcomeUnknown) || log.Head().Size != 1 {
			t.Errorf("%s that is not ready = %v, and the log has %d events, want the cause and 1", what, err, log.Head().Size)
		}
	}
	_, err := log.Append(t.Context(), log.Head(), ledgertest.Seal(t, log, ledgertest.Submit("job_1"))...)
	refused("Append", err)
	b, err := log.Begin(t.Context(), log.Head())
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(b.Add(t.Context(), ledgertest.Seal(t, log, ledgertest.Submit("job_1"))[0]), b.Sign(t.Context())); err != nil {
		t.Fatal(err)
	}
	_, err = b.Commit(t.Context())
	refused("Commit", err)
	ready = nil
	ledgertest.Append(t, log, ledgertest.Submit("job_1"))
	ledgertest.Check(t, log)
}

// A checkpoint is published only once a power cut can no longer take it away, and
// Append returns after that.
func TestPublishedSeesOnlyWhatIsDurable(t *testing.T) {
	mem := ledgertest.NewFS(t)
	var seen []int64
	fail := errors.New("no room outside")
	var failing bool
	o := ledgertest.Options{FS: mem, Published: func(signed []byte) error {
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
