package pebble_test

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"gait/ledger/ledgertest"
	"gait/ledger/store"
	"gait/ledger/store/pebble"
)

// failAt lets the n-th call that writes fail, and every one after it.
func failAt(mem vfs.FS, n int, errno error) *ledgertest.HookFS {
	var mu sync.Mutex
	calls := 0
	return &ledgertest.HookFS{FS: mem, Before: func(op ledgertest.Op, name string) error {
		mu.Lock()
		defer mu.Unlock()
		calls++
		if calls < n || op == ledgertest.OpRemove {
			return nil
		}
		return &fs.PathError{Op: string(op), Path: name, Err: errno}
	}}
}

// A disk that is full or broken ends the process at the first call that fails,
// whichever it is: nothing is acknowledged after, and nothing that was is lost.
func TestTheFirstFailedWriteIsFatal(t *testing.T) {
	failed := 0
	for n := 1; ; n++ {
		errno := []error{syscall.ENOSPC, syscall.EIO, syscall.EROFS}[n%3]
		mem := ledgertest.NewFS(t)
		h := &history{mem: mem, cuts: make(chan powerCut)}
		fatal, done := make(chan error, 8), make(chan bool)
		o := ledgertest.Options{FS: failAt(mem, n, errno), Signer: ledgertest.Key(ledgertest.Origin), Fatal: func(err error) {
			fatal <- err
			select {} // as the end of the process would
		}}
		go func() {
			defer close(done)
			shortLife(t, h, o)
		}()
		select {
		case <-done:
			t.Logf("%d calls failed, one at a time", failed)
			return
		case err := <-fatal:
			failed++
			if !errors.Is(err, errno) {
				t.Errorf("Fatal at call %d was told %v, want %v", n, err, errno)
			}
		}
		h.mu.Lock()
		cut := powerCut{at: fmt.Sprintf("failed call %d", n), created: h.created, acked: h.acked}
		h.mu.Unlock()
		for _, percent := range []int{0, 50, 100} {
			cut.fs = mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rand.New(rand.NewPCG(1, uint64(n)))})
			cut.survive(t)
		}
		h.mu.Lock()
		if len(fatal) > 0 || len(h.acked) != len(cut.acked) {
			t.Errorf("after the failed call %d: Fatal called %d times more, %d events acknowledged more", n, len(fatal), len(h.acked)-len(cut.acked))
		}
		h.mu.Unlock()
	}
}

// shortLife is a short life of a ledger.
func shortLife(t *testing.T, h *history, o ledgertest.Options) {
	first := ledgertest.First(o.Signer.VerifierKey())
	log, err := ledgertest.CreateWith(ledgertest.Dir, first, o)
	if err != nil {
		t.Errorf("Create = %v", err)
		return
	}
	h.mu.Lock()
	h.created, h.acked = true, append(h.acked, first)
	h.mu.Unlock()
	h.append(t, log, ledgertest.Submit("job_1"))
	h.append(t, log, ledgertest.Progress("job_1", "step 1"))
	if err := log.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
	if log, err = ledgertest.Open(ledgertest.Dir, o); err != nil {
		t.Errorf("Open = %v", err)
		return
	}
	h.append(t, log, ledgertest.Progress("job_1", "step 2"))
	if err := log.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
}

// After Fatal a log that was left alive, by a recovered panic, writes no more.
func TestNothingIsWrittenAfterAFailure(t *testing.T) {
	mem := ledgertest.NewFS(t)
	var broken atomic.Bool // Pebble cleans up in a goroutine of its own
	var calls atomic.Int64
	hook := &ledgertest.HookFS{FS: mem, Before: func(ledgertest.Op, string) error {
		calls.Add(1)
		if broken.Load() {
			return syscall.EIO
		}
		return nil
	}}
	key := ledgertest.Key(ledgertest.Origin)
	o := pebble.Options{FS: hook}
	if err := create(o, key); err != nil {
		t.Fatal(err)
	}
	table, log, err := open(o, store.Options{Signer: key, Keys: ledgertest.MACKeys})
	if err != nil {
		t.Fatal(err)
	}
	entries := ledgertest.Seal(t, log, ledgertest.Submit("job_1"))
	broken.Store(true)
	if r := recovered(func() { pebble.DB(table).Checkpoint("jobs/copy") }); r == nil {
		t.Fatal("a failed write did not panic, though there is no Fatal")
	}
	before := calls.Load()
	if _, err := log.Append(t.Context(), log.Head(), entries...); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Append after a failed write = %v, want ErrClosed", err)
	}
	if err := log.Close(); !errors.Is(err, store.ErrClosed) {
		t.Errorf("Close after a failed write = %v, want ErrClosed", err)
	}
	if after := calls.Load(); after != before {
		t.Errorf("%d calls to the file system after a failed write", after-before)
	}
}

func recovered(f func()) (r any) {
	defer func() { r = recover() }()
	f()
	return nil
}

// Each kind of call is watched, and reads and removes are not.
func TestWhatIsFatal(t *testing.T) {
	tests := []struct {
		name  string
		call  func(fs pebble.FS, f vfs.File) error
		fatal bool
	}{
		{"create", func(fs pebble.FS, _ vfs.File) error { _, err := fs.Create("x", ""); return err }, true},
		{"open to write", func(fs pebble.FS, _ vfs.File) error { _, err := fs.OpenReadWrite("x", ""); return err }, true},
		{"reuse", func(fs pebble.FS, _ vfs.File) error { _, err := fs.ReuseForWrite("f", "x", ""); return err }, true},
		{"rename", func(fs pebble.FS, _ vfs.File) error { return fs.Rename("f", "x") }, true},
		{"link", func(fs pebble.FS, _ vfs.File) error { return fs.Link("f", "x") }, true},
		{"mkdir", func(fs pebble.FS, _ vfs.File) error { return fs.MkdirAll("x", 0) }, true},
		{"write", func(_ pebble.FS, f vfs.File) error { _, err := f.Write([]byte("x")); return err }, true},
		{"write at", func(_ pebble.FS, f vfs.File) error { _, err := f.WriteAt([]byte("x"), 0); return err }, true},
		{"sync", func(_ pebble.FS, f vfs.File) error { return f.Sync() }, true},
		{"sync data", func(_ pebble.FS, f vfs.File) error { return f.SyncData() }, true},
		{"open what is not there", func(fs pebble.FS, _ vfs.File) error { _, err := fs.Open("y"); return err }, false},
		{"open a directory that is not there", func(fs pebble.FS, _ vfs.File) error { _, err := fs.OpenDir("y"); return err }, false},
		{"stat what is not there", func(fs pebble.FS, _ vfs.File) error { _, err := fs.Stat("y"); return err }, false},
		{"remove what is not there", func(fs pebble.FS, _ vfs.File) error { return fs.Remove("y") }, false},
		{"list what is not there", func(fs pebble.FS, _ vfs.File) error { _, err := fs.List("y"); return err }, false},
	}
	for _, tt := range tests {
		broken := false
		hook := &ledgertest.HookFS{FS: vfs.NewMem(), Before: func(op ledgertest.Op, _ string) error {
			if broken && op != ledgertest.OpRemove {
				return syscall.EIO
			}
			return nil
		}}
		var told error
		fs := pebble.NewFailStop(hook, func(err error) { told = err; panic(err) })
		f, err := fs.Create("f", "")
		if err != nil {
			t.Fatal(err)
		}
		broken = true
		r := recovered(func() { err = tt.call(fs, f) })
		if tt.fatal && (r == nil || !errors.Is(told, syscall.EIO)) {
			t.Errorf("Fatal on a failed %s was told %v, want EIO", tt.name, told)
		}
		if !tt.fatal && (r != nil || told != nil || err == nil) {
			t.Errorf("Fatal on %s was told %v, want an error that is not fatal (%v)", tt.name, told, err)
		}
	}
}

// A Fatal that returns is a mistake of its author, and stops all the same.
func TestAFatalThatReturnsPanics(t *testing.T) {
	hook := &ledgertest.HookFS{FS: vfs.NewMem(), Before: func(ledgertest.Op, string) error { return syscall.EIO }}
	fs := pebble.NewFailStop(hook, func(error) {})
	if r := recovered(func() { fs.Create("f", "") }); r == nil {
		t.Error("no panic when Fatal returned")
	}
}
