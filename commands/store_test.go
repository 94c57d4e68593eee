package commands_test

import (
	"context"
	"errors"
	"fmt"
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

// A crowd is callers of one engine, each with a job of its own and one that
// all share.
type crowd struct {
	engine *commands.Engine

	mu    sync.Mutex
	acked []ledger.Event
	errs  []error
}

func newCrowd(log *store.Log) *crowd {
	return &crowd{engine: &commands.Engine{Log: log, Now: time.Now, Entropy: ledgertest.Entropy(1)}}
}

// run has n callers give some checkpoints each, and waits for all answers.
func (c *crowd) run(ctx context.Context, n, each int) {
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

func (c *crowd) do(ctx context.Context, r commands.Request) {
	result, err := c.engine.Do(ctx, r)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.acked = append(c.acked, result.Event)
	} else if !errors.Is(err, commands.ErrJobExists) {
		c.errs = append(c.errs, err)
	}
}

// What 64 callers write at once is a whole ledger, and what they were told is
// in it, also when the power is cut then.
func TestManyCallersOnPebble(t *testing.T) {
	l := ledgertest.New(t)
	c := newCrowd(l.Log)
	c.run(t.Context(), 64, 20)
	if len(c.errs) > 0 || len(c.acked) != 64*21+1 {
		t.Fatalf("%d commands were acknowledged, want %d; errors: %v", len(c.acked), 64*21+1, c.errs)
	}
	ledgertest.Check(t, l.Log, c.acked...)
	ledgertest.Check(t, ledgertest.Reopen(t, l.FS.CrashClone(vfs.CrashCloneCfg{})), c.acked...)
}

// A batch costs one sync, whatever is in it, and there is nothing else to sync.
func TestOneSyncForABatch(t *testing.T) {
	var batches atomic.Int64
	fs := ledgertest.NewCountingFS(ledgertest.NewFS(t))
	log := ledgertest.Create(t, ledgertest.Dir, store.Options{FS: fs, Published: func([]byte) error { batches.Add(1); return nil }})
	c := newCrowd(log)
	before, begun := fs.Syncs(), batches.Load()
	c.run(t.Context(), 10, 8) // little enough to stay in one memtable
	syncs, n := fs.Syncs()-before, batches.Load()-begun
	if syncs != n || n == 0 || n >= int64(len(c.acked)) || len(c.errs) > 0 {
		t.Errorf("%d commands in %d batches took %d syncs, want one a batch; errors: %v", len(c.acked), n, syncs, c.errs)
	}
}

// A failing file system fails at its at-th call, and where it is broken at each
// one after it.
type failing struct {
	at     int64
	broken bool
	calls  atomic.Int64
	hit    atomic.Bool
	writes atomic.Int64 // that went through
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

// At every call of the file system of a run with several callers an error comes,
// once or from then on. Nobody waits for ever, whoever was told that a command
// is written finds it, nobody is told so after a write has failed, and nothing
// more is written then.
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
			t.Errorf("%d runs with an error, %d answers of ErrOutcomeUnknown: this tries nothing", runs, unknown)
		}
		t.Logf("broken from then on: %t: %d runs with an error, %d answers of ErrOutcomeUnknown", broken, runs, unknown)
	}
}

// failUnderLoad runs callers on a failing file system, and returns how many were
// told that nobody knows.
func failUnderLoad(t *testing.T, f *failing) (unknown int) {
	mem := ledgertest.NewFS(t)
	if err := ledgertest.Create(t, ledgertest.Dir, store.Options{FS: mem}).Close(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	c := newCrowd(nil)
	begun, answered, done, stopped := make(chan struct{}), make(chan struct{}), make(chan struct{}), make(chan struct{})
	fatal := func(error) { // a daemon tells its callers so, and ends
		cancel()
		close(stopped)
		select {}
	}
	go func() {
		defer close(done)
		log, err := store.Open(ledgertest.Dir, store.Options{FS: errorfs.Wrap(mem, f), Signer: ledgertest.Key(ledgertest.Origin), Fatal: fatal})
		if err != nil {
			return
		}
		c.engine.Log = log
		close(begun)
		c.run(ctx, 4, 3)
		close(answered)
		_ = log.Close() // it may fail, as anything here
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

// nothingMore sees that a stopped ledger neither writes nor acknowledges.
func nothingMore(t *testing.T, f *failing, c *crowd) {
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
		for _, c := range any {
			if closed(c) {
				return
			}
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("call %d fails, and %s never comes", f.at, what)
}

func closed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
