package commands_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store"
)

// callers are goroutines that call one engine, each with a job of its own and one
// that all share.
type callers struct {
	engine *commands.Engine

	mu    sync.Mutex
	acked []ledger.Event
	errs  []error
}

func newCallers(log *store.Log) *callers {
	return &callers{engine: &commands.Engine{Log: log, Now: ledgertest.Now, Entropy: ledgertest.Entropy(1)}}
}

// run lets n callers add some checkpoints each, and waits for all answers.
func (c *callers) run(ctx context.Context, n, each int) {
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() {
			own := fmt.Sprintf("job_%d", i)
			c.do(ctx, commands.Request{JobID: own, Actor: "boss", Command: submit().Command})
			c.do(ctx, commands.Request{JobID: "shared", Actor: "boss", Command: submit().Command})
			for k := range each {
				r := progress(i)
				if r.JobID = own; k%2 == 0 {
					r.JobID = "shared"
				}
				r.RequestID = fmt.Sprintf("r-%d-%d", i, k)
				c.do(ctx, r)
			}
		})
	}
	wait.Wait()
}

func (c *callers) do(ctx context.Context, r commands.Request) {
	result, err := c.engine.Do(ctx, r)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.acked = append(c.acked, result.Event)
	} else if !errors.Is(err, commands.ErrJobExists) {
		c.errs = append(c.errs, err)
	}
}

// When 64 callers write at once, the ledger is whole and holds what was
// acknowledged, also if the power is cut then.
func TestManyCallersOnPebble(t *testing.T) {
	l := ledgertest.New(t)
	c := newCallers(l.Log)
	c.run(t.Context(), 64, 20)
	if len(c.errs) > 0 || len(c.acked) != 64*21+1 {
		t.Fatalf("%d commands were acknowledged, want %d; errors: %v", len(c.acked), 64*21+1, c.errs)
	}
	ledgertest.Check(t, l.Log, c.acked...)
	ledgertest.Check(t, ledgertest.Reopen(t, l.FS.CrashClone(vfs.CrashCloneCfg{})), c.acked...)
}

// A batch costs one sync, however many events it has, and nothing else syncs.
func TestOneSyncForABatch(t *testing.T) {
	var batches atomic.Int64
	fs := ledgertest.NewCountingFS(ledgertest.NewFS(t))
	log := ledgertest.Create(t, ledgertest.Dir, ledgertest.Options{FS: fs, Published: func([]byte) error { batches.Add(1); return nil }})
	c := newCallers(log)
	before, begun := fs.Syncs(), batches.Load()
	c.run(t.Context(), 10, 8) // little enough to stay in one memtable
	syncs, n := fs.Syncs()-before, batches.Load()-begun
	if syncs != n || n == 0 || n >= int64(len(c.acked)) || len(c.errs) > 0 {
		t.Errorf("%d commands in %d batches took %d syncs, want one a batch; errors: %v", len(c.acked), n, syncs, c.errs)
	}
}

// A failing file system fails at its call number at and, if it is broken, at each
// call after it.
type failing struct {
	at     int64
	broken bool
	calls  atomic.Int64
	hit    atomic.Bool
	writes atomic.Int64 // that did not fail
}

func (f *failing) MaybeError(op errorfs.Op) error {
	n := f.calls.Add(1)
	if n == f.at || f.broken && n > f.at {
		f.hit.Store(true)
		return syscall.EIO
	}
	if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && op.Kind != errorfs.OpFileClose {
		f.writes.Add(1)
	}
	return nil
}

func (f *failing) String() string { return "failing" }

// In a run with several callers, each call of the file system fails in turn, once
// or from then on. No caller waits for ever, each acknowledged event is there,
// and after the failed call nothing is acknowledged or written.
func TestFailStopUnderLoad(t *testing.T) {
	step := int64(1)
	if testing.Short() {
		step = 7
	}
	for _, broken := range []bool{false, true} {
		runs, unknown := 0, 0
		for hit, at := true, int64(1); hit; at += step {
			f := &failing{at: at, broken: broken}
			t.Run(fmt.Sprintf("call %d, broken %t", at, broken), func(t *testing.T) { unknown += failUnderLoad(t, f) })
			hit = f.hit.Load()
			runs++
		}
		if runs < int(20/step) || unknown == 0 {
			t.Errorf("%d runs with an error, %d answers of ErrOutcomeUnknown: the test covers nothing", runs, unknown)
		}
		t.Logf("broken from then on: %t: %d runs with an error, %d answers of ErrOutcomeUnknown", broken, runs, unknown)
	}
}

// failUnderLoad runs callers on a failing file system, and returns how many got
// ErrOutcomeUnknown.
func failUnderLoad(t *testing.T, f *failing) (unknown int) {
	mem := ledgertest.NewFS(t)
	if err := ledgertest.Create(t, ledgertest.Dir, ledgertest.Options{FS: mem}).Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	c := newCallers(nil)
	begun, answered, done, stopped := make(chan struct{}), make(chan struct{}), make(chan struct{}), make(chan struct{})
	fatal := func(error) { // a daemon answers its callers with the error, and ends
		cancel()
		close(stopped)
		select {}
	}
	go func() {
		defer close(done)
		log, err := ledgertest.Open(ledgertest.Dir, ledgertest.Options{FS: errorfs.Wrap(mem, f), Signer: ledgertest.Key(ledgertest.Origin), Fatal: fatal})
		if err != nil {
			return
		}
		c.engine.Log = log
		close(begun)
		c.run(ctx, 4, 3)
		close(answered)
		_ = log.Close() // it may fail too
	}()
	soon(t, f, "the end", done, stopped)
	select {
	case <-begun:
		soon(t, f, "the answers", answered)
		if closed(stopped) {
			nothingMore(t, f, c)
		}
	default:
	}
	for _, err := range c.errs {
		if errors.Is(err, ledger.ErrOutcomeUnknown) {
			unknown++
		}
	}
	ledgertest.Check(t, ledgertest.Reopen(t, mem.CrashClone(vfs.CrashCloneCfg{})), c.acked...)
	return unknown
}

// nothingMore checks that a stopped ledger neither writes nor acknowledges.
func nothingMore(t *testing.T, f *failing, c *callers) {
	writes, acked := f.writes.Load(), len(c.acked)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	c.do(ctx, commands.Request{JobID: "late", Actor: "boss", Command: submit().Command})
	if n := f.writes.Load(); n != writes || len(c.acked) != acked {
		t.Errorf("after the failed call %d there were %d writes and %d answers more", f.at, n-writes, len(c.acked)-acked)
	}
}

// soon waits for the first of some channels to be closed.
func soon(t *testing.T, f *failing, what string, any ...chan struct{}) {
	t.Helper()
	for range 20000 {
		if slices.ContainsFunc(any, closed) {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("call %d fails, and %s does not happen", f.at, what)
}

func closed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
