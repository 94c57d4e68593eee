package pebble_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store"
	"gait/ledger/store/pebble"
)

// survival is how much of what was not synced a power cut leaves, in percent.
var survival = []int{0, 25, 50, 75, 100}

// A powerCut is a file system as a power cut left it, and what had been
// acknowledged by then.
type powerCut struct {
	fs      *vfs.MemFS
	at      string
	created bool           // Create had returned
	acked   []ledger.Event // Append had returned
}

// A history writes to a ledger on a file system whose power is cut ahead of
// every call that writes, at every level of survival.
type history struct {
	mem  *vfs.MemFS
	rng  *rand.Rand
	cuts chan powerCut
	try  func() bool // whether to cut, or only to count

	mu      sync.Mutex
	created bool
	acked   []ledger.Event
	calls   int
}

// runHistory does steps, and returns the power cuts on a channel as they come. It
// ends when its reader has read them all.
func runHistory(t *testing.T, mem *vfs.MemFS, created bool, acked []ledger.Event, steps func(h *history, fs pebble.FS)) <-chan powerCut {
	return runSome(t, 1, mem, created, acked, steps)
}

// runSome is runHistory with one power cut in k, chosen at random, or all with
// the flag -every.
func runSome(t *testing.T, k int, mem *vfs.MemFS, created bool, acked []ledger.Event, steps func(h *history, fs pebble.FS)) <-chan powerCut {
	t.Helper()
	h := &history{
		mem: mem, rng: rand.New(rand.NewPCG(7, 11)), cuts: make(chan powerCut), try: ledgertest.OneIn(t, k),
		created: created, acked: slices.Clone(acked),
	}
	fs := &ledgertest.HookFS{FS: mem, Before: func(op ledgertest.Op, name string) error {
		h.cut(string(op) + " " + name)
		return nil
	}}
	go func() {
		defer close(h.cuts)
		steps(h, fs)
		h.cut("end")
	}()
	return h.cuts
}

// cut cuts the power. What was acknowledged is read first: what is acknowledged
// in the meantime need not be there.
func (h *history) cut(at string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls++
	for _, percent := range survival {
		if !h.try() {
			continue
		}
		created, acked := h.created, h.acked[:len(h.acked):len(h.acked)]
		fs := h.mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: h.rng})
		h.cuts <- powerCut{fs: fs, at: fmt.Sprintf("call %d (%s), %d%% of unsynced data kept", h.calls, at, percent), created: created, acked: acked}
	}
}

// append appends drafts, and notes that they were acknowledged.
func (h *history) append(t *testing.T, log *store.Log, drafts ...ledgertest.EventSpec) {
	entries := ledgertest.Seal(t, log, drafts...)
	if _, err := log.Append(t.Context(), log.Head(), entries...); err != nil {
		t.Errorf("Append = %v", err)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range entries {
		h.acked = append(h.acked, e.Event)
	}
}

func (h *history) create(t *testing.T, fs pebble.FS) *store.Log {
	key := ledgertest.Key(ledgertest.Origin)
	first := ledgertest.First(key.VerifierKey())
	log, err := ledgertest.CreateWith(ledgertest.Dir, first, ledgertest.Options{FS: fs, Signer: key})
	if err != nil {
		t.Errorf("Create = %v", err)
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.created, h.acked = true, append(h.acked, first)
	return log
}

func (h *history) reopen(t *testing.T, log *store.Log, fs pebble.FS) *store.Log {
	if err := log.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
	log, err := ledgertest.Open(ledgertest.Dir, ledgertest.Options{FS: fs, Signer: ledgertest.Key(ledgertest.Origin)})
	if err != nil {
		t.Errorf("Open = %v", err)
	}
	return log
}

// script is the history that tells most: create, append, close, reopen, and at
// last append many at once over the edge of a tile.
func script(t *testing.T) func(h *history, fs pebble.FS) {
	return func(h *history, fs pebble.FS) {
		log := h.create(t, fs)
		h.append(t, log, ledgertest.EventSpec{Job: "job_1", Payload: ledgertest.Submit("job_1").Payload, RequestID: "r1", View: []byte("one")})
		h.append(t, log, ledgertest.Submit("job_2"), ledgertest.Progress("job_1", "step 1"))
		log = h.reopen(t, log, fs)
		h.append(t, log, ledgertest.Progress("job_2", "step 2"), ledgertest.FirstAdmin(t, "admin_1"))
		log = h.reopen(t, log, fs)
		h.append(t, log, ledgertest.Enroll(t, "admin_1", "approver_1", ledger.RoleApprover))
		h.append(t, log, ledgertest.Progress("job_2", "step 3"))
		var many []ledgertest.EventSpec
		for i := range 260 {
			many = append(many, ledgertest.Progress("job_1", fmt.Sprintf("many %d", i)))
		}
		h.append(t, log, many...)
		h.append(t, log, ledgertest.Progress("job_1", "a new tile"))
		if err := log.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	}
}

// randomly is a history of n steps that seed decides.
func randomly(t *testing.T, seed uint64, n int) func(h *history, fs pebble.FS) {
	return func(h *history, fs pebble.FS) {
		rng := rand.New(rand.NewPCG(seed, 1))
		log := h.create(t, fs)
		jobs := 0
		for range n {
			if jobs > 0 && rng.IntN(4) == 0 {
				log = h.reopen(t, log, fs)
				continue
			}
			var drafts []ledgertest.EventSpec
			for range 1 + rng.IntN(3) {
				if jobs == 0 || rng.IntN(3) == 0 {
					jobs++
					drafts = append(drafts, ledgertest.Submit(fmt.Sprint("job_", jobs)))
					continue
				}
				d := ledgertest.Progress(fmt.Sprint("job_", 1+rng.IntN(jobs)), strings.Repeat("x", 1+rng.IntN(ledger.MaxSummary)))
				d.View = []byte(strings.Repeat("v", rng.IntN(9000)))
				drafts = append(drafts, d)
			}
			h.append(t, log, drafts...)
		}
		if err := log.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	}
}

// survive opens what a power cut left, appends to it, and checks that all
// acknowledged events are there and the ledger is whole.
func (c powerCut) survive(t *testing.T) {
	t.Helper()
	log, err := ledgertest.Open(ledgertest.Dir, ledgertest.Options{FS: c.fs, Signer: ledgertest.Key(ledgertest.Origin)})
	if errors.Is(err, store.ErrNotFound) && !c.created {
		h := history{}
		log = h.create(t, c.fs) // a creation that crashed can be done again
	} else if err != nil {
		t.Fatalf("power cut at %s: Open = %v", c.at, err)
	}
	defer func() {
		if err := log.Close(); err != nil {
			t.Errorf("power cut at %s: Close = %v", c.at, err)
		}
		if t.Failed() {
			t.Logf("after a power cut at %s", c.at)
		}
	}()
	ledgertest.Append(t, log, ledgertest.Submit("after"))
	ledgertest.Check(t, log, c.acked...)
}

func TestAcknowledgedEventsSurviveAPowerCut(t *testing.T) {
	if testing.Short() {
		t.Skip("thousands of reopens")
	}
	reopened := 0
	for _, steps := range []func(h *history, fs pebble.FS){script(t), randomly(t, 0, 8), randomly(t, 1, 8)} {
		for cut := range runSome(t, 10, ledgertest.NewFS(t), false, nil, steps) {
			reopened++
			cut.survive(t)
		}
	}
	t.Logf("%d reopens", reopened)
}

// Recovery is interrupted like anything else.
func TestAPowerCutDuringRecovery(t *testing.T) {
	if testing.Short() {
		t.Skip("hundreds of reopens")
	}
	reopened, n := 0, 0
	for cut := range runHistory(t, ledgertest.NewFS(t), false, nil, randomly(t, 5, 6)) {
		n++
		if n%97 != 0 || !cut.created {
			continue
		}
		steps := func(h *history, fs pebble.FS) {
			log, err := ledgertest.Open(ledgertest.Dir, ledgertest.Options{FS: fs, Signer: ledgertest.Key(ledgertest.Origin)})
			if err != nil {
				t.Errorf("power cut at %s: Open = %v", cut.at, err)
				return
			}
			h.append(t, log, ledgertest.Submit("recovered"))
			if err := log.Close(); err != nil {
				t.Errorf("power cut at %s: Close = %v", cut.at, err)
			}
		}
		for again := range runSome(t, 5, cut.fs, true, cut.acked, steps) {
			reopened++
			again.survive(t)
		}
	}
	t.Logf("%d reopens", reopened)
}
