package pebble_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store"
	"gait/ledger/store/pebble"
)

// Situations of honest ledgers, after which their index must be proved.
const (
	afterFlush    = "crash between flush and record"
	afterKill     = "kill -9"
	afterPower    = "power cut"
	afterFull     = "full disk"
	afterRotation = "rotation crash then read-only open"
)

var situations = []string{afterFlush, afterKill, afterPower, afterFull, afterRotation}

// refusedAfter comes before a situation in the counts of ledgers that were refused.
const refusedAfter = "refused as index_mismatch after "

// enoughSeeds is how many seeds bring each situation up.
const enoughSeeds = 40

// situations says how often each situation came up, and how often a ledger was refused
// after it: never.
func (c *counts) situations(t *testing.T, seeds int) {
	for _, what := range situations {
		t.Logf("%s: came up %d times, %d refused as index_mismatch", what, c.of[what], c.of[refusedAfter+what])
		if c.of[what] == 0 && seeds >= enoughSeeds {
			t.Errorf("%s: it never came up, so it shows nothing", what)
		}
	}
}

// happened notes that a situation came up.
func (s *sim) happened(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.came, what) {
		s.came = append(s.came, what)
	}
}

// interrupted notes what a fault has interrupted.
func (l *life) interrupted(kind string) {
	switch kind {
	case faultKill:
		l.happened(afterKill)
	case faultPower:
		l.happened(afterPower)
	case faultFull, faultShort:
		l.happened(afterFull)
	}
	if l.within.pages.Load() {
		l.happened(afterFlush)
	}
	if l.within.rotation.Load() {
		l.happened(afterRotation)
		l.rotationCut = true
	}
}

// A watchedTable is the table of a process, and knows when that writes pages of the index
// with the record that names them.
type watchedTable struct {
	store.Table
	life *life
}

// Commit implements store.Table.
func (w watchedTable) Commit(ctx context.Context, c *store.Change) error {
	w.life.within.pages.Store(slices.ContainsFunc(c.Put, func(r store.Row) bool { return r.Key[0] == 'i' }))
	defer w.life.within.pages.Store(false)
	return w.Table.Commit(ctx, c)
}

// honest requires that the index of a ledger is proved, whatever came up before, and
// counts that.
func (s *sim) honest(log *store.Log, came []string) {
	proved := log.Index() == ledger.IndexProved
	for _, what := range came {
		s.count.add(what)
		if !proved {
			s.count.add(refusedAfter + what)
		}
	}
	if !proved {
		s.t.Errorf("seed %d, after %q: the index is %s: %v", s.seed, came, log.Index(), log.IndexErr())
	}
}

// lookOnly opens the ledger read-only. It finds out which key signs it.
func (s *sim) lookOnly() {
	d := newDisk(s.mem)
	table, err := pebble.Open(s.dir, pebble.Options{FS: d, ReadOnly: true})
	if err != nil {
		s.t.Fatalf("seed %d: opening read-only: %v", s.seed, err)
	}
	log, err := store.Open(context.Background(), table, store.Options{ReadOnly: true, Keys: ledgertest.MACKeys, Indexed: true})
	if err != nil {
		s.t.Fatalf("seed %d: opening read-only: %v", s.seed, err)
	}
	isRotation := func(what string) bool { return what == afterRotation }
	s.honest(log, slices.DeleteFunc(slices.Clone(s.came), func(what string) bool { return !isRotation(what) }))
	s.came = slices.DeleteFunc(s.came, isRotation)
	for _, err := range log.Jobs(context.Background(), "") {
		if err != nil {
			s.t.Errorf("seed %d: opened read-only, it lists: %v", s.seed, err)
		}
	}
	s.rotations = uint64(len(log.Keys().Keys())) - 1
	if err := log.Close(); err != nil {
		s.t.Fatalf("seed %d: closing what was opened read-only: %v", s.seed, err)
	}
	d.tidy()
	s.mem = d.clone()
	s.note("a look at %d events with %d rotations", log.Head().Size, s.rotations)
	s.count.add("read-only opens")
}

// openCheckpoint opens a checkpoint that one of the ledger's keys has signed.
func (s *sim) openCheckpoint(signed []byte) (ledger.Checkpoint, error) {
	var failed error
	for n := range s.rotations + 2 {
		c, err := ledger.OpenCheckpoint(signed, ledgertest.KeyAfter(ledgertest.Origin, n).VerifierKey())
		if err == nil {
			return c, nil
		}
		failed = errors.Join(failed, err)
	}
	return ledger.Checkpoint{}, failed
}

// rotate rotates the ledger's key.
func (l *life) rotate() bool {
	size := l.log.Head().Size
	next := ledgertest.KeyAfter(ledgertest.Origin, l.rotations+1)
	event := ledgertest.Rotation(l.t, l.log, next)
	alive := l.attempt("rotate", 50, 10, func() {
		l.within.rotation.Store(true)
		defer l.within.rotation.Store(false)
		_, err := l.log.Rotate(context.Background(), l.log.Head(), event, next)
		l.must("rotating", err)
	})
	if !alive {
		return false
	}
	l.rotations++
	l.note("rotation %d", l.rotations)
	l.count.add("rotations")
	if l.log.Head().Size != size+1 {
		l.t.Fatalf("%d events after a rotation, want %d", l.log.Head().Size, size+1)
	}
	l.checkEvent(event)
	return true
}
