package pebble_test

import (
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	cockroach "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"gait/ledger/ledgertest"
	"gait/ledger/store"
	"gait/ledger/store/pebble"
)

// oneShot opens a log on fs, appends one event for each draft, and closes it.
func oneShot(t *testing.T, fs pebble.FS, drafts ...ledgertest.EventSpec) {
	t.Helper()
	log, err := ledgertest.Open(ledgertest.Dir, ledgertest.Options{FS: fs, OneShot: true, Signer: ledgertest.Key(ledgertest.Origin)})
	if err != nil {
		t.Fatalf("Open = %v", err)
	}
	for _, d := range drafts {
		ledgertest.Append(t, log, d)
	}
	if err := log.Close(); err != nil {
		t.Fatalf("Close = %v", err)
	}
}

// A syncKinds counts the syncs that reach a file system, by what is synced.
type syncKinds struct {
	ledgertest.HookFS
	mu    sync.Mutex
	kinds map[string]int
}

func countKinds(fs pebble.FS) *syncKinds {
	s := &syncKinds{kinds: map[string]int{}}
	s.HookFS = ledgertest.HookFS{FS: fs, Before: func(op ledgertest.Op, name string) error {
		if op == ledgertest.OpSync || op == ledgertest.OpSyncDir {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.kinds[kindOf(op, name)]++
		}
		return nil
	}}
	return s
}

// kindOf names what a file is for.
func kindOf(op ledgertest.Op, name string) string {
	base := path.Base(name)
	switch {
	case op == ledgertest.OpSyncDir && name == ledgertest.Dir:
		return "dir"
	case op == ledgertest.OpSyncDir:
		return "parent"
	case strings.HasPrefix(base, "MANIFEST-"):
		return "manifest"
	case strings.HasPrefix(base, "temporary."):
		return "options"
	}
	return strings.TrimPrefix(path.Ext(base), ".")
}

// take returns what was counted since the last time.
func (s *syncKinds) take() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	kinds := s.kinds
	s.kinds = map[string]int{}
	return kinds
}

// What a one-shot log may sync: each one more is a wait of the user's.
func TestOneShotSyncsAreCounted(t *testing.T) {
	fs := ledgertest.NewFS(t)
	if err := ledgertest.Create(t, ledgertest.Dir, ledgertest.Options{FS: fs}).Close(); err != nil {
		t.Fatal(err)
	}
	oneShot(t, fs, ledgertest.Submit("job_1")) // takes the write-ahead log of Create away
	counted := countKinds(fs)
	for range 12 {
		oneShot(t, counted, ledgertest.Progress("job_1", "step"))
		want := map[string]int{"options": 1, "sst": 1, "manifest": 1, "dir": 2}
		if diff := cmp.Diff(want, counted.take()); diff != "" {
			t.Fatalf("a one-shot append syncs (-want +got):\n%s", diff)
		}
	}
	log, err := ledgertest.Open(ledgertest.Dir, ledgertest.Options{FS: counted, OneShot: true, Signer: ledgertest.Key(ledgertest.Origin)})
	if err != nil {
		t.Fatal(err)
	}
	ledgertest.Append(t, log, ledgertest.Progress("job_1", "first"))
	counted.take()
	ledgertest.Append(t, log, ledgertest.Progress("job_1", "second"))
	if diff := cmp.Diff(map[string]int{"sst": 1, "manifest": 1, "dir": 1}, counted.take()); diff != "" {
		t.Errorf("the second append of a one-shot log syncs (-want +got):\n%s", diff)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if got := counted.take(); len(got) > 0 {
		t.Errorf("Close of a one-shot log syncs %v", got)
	}
	if _, err := ledgertest.Open(ledgertest.Dir, ledgertest.Options{FS: counted, ReadOnly: true}); err != nil || len(counted.take()) > 0 {
		t.Errorf("Open to read, after a one-shot log, syncs, or fails: %v", err)
	}
}

// Hundreds of commands in a row: none waits for a compaction for ever, and the
// tables do not pile up.
func TestHundredsOfOneShots(t *testing.T) {
	if testing.Short() {
		t.Skip("hundreds of opens")
	}
	fs := ledgertest.NewFS(t)
	if err := ledgertest.Create(t, ledgertest.Dir, ledgertest.Options{FS: fs}).Close(); err != nil {
		t.Fatal(err)
	}
	oneShot(t, fs, ledgertest.Submit("job_1"))
	counted, usual, most := countKinds(fs), 0, 0
	const n = 300
	done := make(chan struct{})
	go func() {
		select {
		case <-done:
		case <-time.After(5 * time.Minute):
			panic("a one-shot command waits for ever")
		}
	}()
	for i := range n {
		oneShot(t, counted, ledgertest.Progress("job_1", fmt.Sprint("step ", i)))
		syncs := 0
		for _, n := range counted.take() {
			syncs += n
		}
		if syncs == 5 {
			usual++
		}
		most = max(most, len(tables(fs)))
	}
	close(done)
	if usual < n*9/10 {
		t.Errorf("%d of %d one-shot commands sync 5 times, the others more", usual, n)
	}
	if most > 50 {
		t.Errorf("%d tables piled up", most)
	}
	t.Logf("%d of %d sync 5 times, at most %d tables", usual, n, most)
	log, err := ledgertest.Open(ledgertest.Dir, ledgertest.Options{FS: fs, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if got := log.Head().Size; got != n+2 {
		t.Errorf("%d events, want %d", got, n+2)
	}
	ledgertest.Check(t, log, events(t, log)...)
}

func tables(mem *vfs.MemFS) []string {
	return slices.DeleteFunc(list(mem, "/"+ledgertest.Dir), func(name string) bool { return path.Ext(name) != ".sst" })
}

// once does the history of one-shot commands, with an ordinary log between them.
func (h *history) once(t *testing.T, fs pebble.FS, drafts ...ledgertest.EventSpec) {
	log, err := ledgertest.Open(ledgertest.Dir, ledgertest.Options{FS: fs, OneShot: true, Signer: ledgertest.Key(ledgertest.Origin)})
	if err != nil {
		t.Errorf("Open = %v", err)
		return
	}
	for _, d := range drafts {
		h.append(t, log, d)
	}
	if err := log.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
}

func TestOneShotSurvivesAPowerCut(t *testing.T) {
	if testing.Short() {
		t.Skip("thousands of reopens")
	}
	reopened := 0
	steps := func(h *history, fs pebble.FS) {
		if err := h.create(t, fs).Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
		h.once(t, fs, ledgertest.Submit("job_1"))
		h.once(t, fs, ledgertest.Progress("job_1", "one"), ledgertest.Progress("job_1", "two"), ledgertest.Progress("job_1", "three"))
		h.once(t, fs)
		log, err := ledgertest.Open(ledgertest.Dir, ledgertest.Options{FS: fs, Signer: ledgertest.Key(ledgertest.Origin)})
		if err != nil {
			t.Errorf("Open = %v", err)
			return
		}
		h.append(t, log, ledgertest.Progress("job_1", "four"))
		if err := log.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
		h.once(t, fs, ledgertest.Progress("job_1", "five"))
	}
	for cut := range runSome(t, 5, ledgertest.NewFS(t), false, nil, steps) {
		reopened++
		cut.survive(t)
	}
	t.Logf("%d reopens", reopened)
}

// The merge of what one-shot commands left is cut off like anything else.
func TestAPowerCutDuringAMerge(t *testing.T) {
	if testing.Short() {
		t.Skip("hundreds of reopens")
	}
	fs := ledgertest.NewFS(t)
	log := ledgertest.Create(t, ledgertest.Dir, ledgertest.Options{FS: fs})
	first := events(t, log)
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	merge := func(p *cockroach.Options) { p.L0CompactionThreshold, p.DisableAutomaticCompactions = 2, false }
	steps := func(h *history, fs pebble.FS) {
		for i := range 5 {
			_, log, err := open(pebble.Tuned(pebble.Options{FS: fs, OneShot: true}, merge), store.Options{Signer: ledgertest.Key(ledgertest.Origin), Keys: ledgertest.MACKeys})
			if err != nil {
				t.Errorf("Open = %v", err)
				return
			}
			h.append(t, log, ledgertest.Submit(fmt.Sprint("job_", i)))
			if err := log.Close(); err != nil {
				t.Errorf("Close = %v", err)
			}
		}
	}
	for cut := range runHistory(t, fs, true, first, steps) {
		cut.survive(t)
	}
	if n := len(tables(fs)); n > 4 {
		t.Errorf("%d tables: nothing was merged", n)
	}
}

// A killed process leaves bytes that a power cut may still take. A process that reads
// them makes them durable before it shows them.
func TestWhatAKilledOneShotLeftIsSettled(t *testing.T) {
	fs := ledgertest.NewFS(t)
	if err := ledgertest.Create(t, ledgertest.Dir, ledgertest.Options{FS: fs}).Close(); err != nil {
		t.Fatal(err)
	}
	oneShot(t, fs, ledgertest.Submit("job_1"))
	shown := 0
	for at := 1; ; at++ {
		mem := whole(fs)
		if !killedAt(t, mem, at) {
			break
		}
		log, err := ledgertest.Open(ledgertest.Dir, ledgertest.Options{FS: unlocked{mem}, ReadOnly: true})
		if err != nil {
			t.Fatalf("killed ahead of sync %d: Open = %v", at, err)
		}
		seen := events(t, log)
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
		shown += len(seen)
		powerCut{fs: mem.CrashClone(vfs.CrashCloneCfg{}), at: fmt.Sprint("after a kill ahead of sync ", at), created: true, acked: seen}.survive(t)
	}
	if shown < 4*2+1 {
		t.Errorf("%d events were shown", shown)
	}
}

// killedAt appends two events to the ledger on mem, and kills the process ahead
// of its n-th sync. It returns false if there are not that many.
func killedAt(t *testing.T, mem *vfs.MemFS, n int) (killed bool) {
	var syncs atomic.Int64
	dead := errors.New("killed")
	fs := &ledgertest.HookFS{FS: mem, Before: func(op ledgertest.Op, _ string) error {
		if op == ledgertest.OpSync || op == ledgertest.OpSyncDir {
			syncs.Add(1)
		}
		if syncs.Load() >= int64(n) {
			return dead
		}
		return nil
	}}
	ended := make(chan bool, 1)
	o := ledgertest.Options{FS: fs, OneShot: true, Signer: ledgertest.Key(ledgertest.Origin), Fatal: func(error) {
		ended <- true
		select {}
	}}
	go func() {
		log, err := ledgertest.Open(ledgertest.Dir, o)
		for i := 0; i < 2 && err == nil; i++ {
			entries := ledgertest.Seal(t, log, ledgertest.Progress("job_1", fmt.Sprint("step ", i)))
			_, err = log.Append(t.Context(), log.Head(), entries...)
		}
		if err == nil {
			err = log.Close()
		}
		if err != nil {
			t.Errorf("killed ahead of sync %d: %v", n, err)
		}
		ended <- false
	}()
	return <-ended
}

// unlocked is a file system that a killed process has left: its locks are gone.
type unlocked struct{ vfs.FS }

func (unlocked) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }
