package pebble_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"

	cockroach "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"gait/commands"
	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store"
	"gait/ledger/store/pebble"
)

// A life is one process: from the opening of the ledger to its end, by itself or
// by what befalls it.
type life struct {
	*sim
	disk   *disk
	table  *pebble.Table
	log    *store.Log
	engine *commands.Engine
	fatal  chan error
	over   atomic.Bool // the power is gone: the process no longer has any effect
	within struct {    // what the process is doing
		pages, rotation atomic.Bool // it commits pages of the index; it rotates the key
	}
	left  *vfs.MemFS // what a fault left on disk, if there was one
	draws uint64
}

// begin starts a process. It returns nil if the process ended at once.
func (s *sim) begin(faults bool) *life {
	if s.leaving && !s.arrive(faults) {
		return nil
	}
	if s.exists() && (slices.Contains(s.came, afterRotation) || s.chance(15)) {
		s.lookOnly()
	}
	s.lives++
	l := &life{sim: s, disk: newDisk(s.mem), fatal: make(chan error, 1)}
	what, calls := "open", 24
	if !s.exists() {
		what, calls = "create", 70
	}
	chance := 35
	if !faults {
		chance = 0
	} else if s.broken != "" {
		chance, calls = 100, 1
	}
	if !l.attempt(what, chance, calls, l.open) {
		return nil
	}
	s.created = true
	l.engine = &commands.Engine{Log: l.log, Entropy: ledgertest.Entropy(s.seed<<8 | uint64(s.lives)), Now: s.now}
	s.note("life %d begins with %d events", s.lives, l.log.Head().Size)
	l.checkRecovered()
	return l
}

// exists reports whether there is a ledger, which there must be once Create has
// returned.
func (s *sim) exists() bool {
	_, err := s.mem.Stat(s.dir)
	if err != nil && s.created {
		s.t.Fatalf("the ledger is gone: %v", err)
	}
	return err == nil
}

func (l *life) open() {
	key := ledgertest.KeyAfter(ledgertest.Origin, l.rotations)
	o := pebble.Tuned(pebble.Options{FS: l.disk, Fatal: l.stop}, func(p *cockroach.Options) {
		p.DisableAutomaticCompactions = true // they come when the seed says
	})
	o.OneShot = l.created && stream(l.seed, "one-shot", uint64(l.lives)).IntN(3) == 0
	if o.OneShot {
		l.count.add("one-shot life")
	}
	created := !l.exists()
	if created {
		l.must("creating", create(o, key))
	}
	var err error
	l.table, err = pebble.Open(l.dir, o)
	l.must("opening", err)
	l.log, err = store.Open(context.Background(), watchedTable{l.table, l}, store.Options{Signer: key, Keys: ledgertest.MACKeys, Published: l.publish, Indexed: !created, OneShot: o.OneShot})
	l.must("opening", err)
	if created {
		_, signed := l.log.Checkpoint()
		l.must("publishing", l.publish(signed))
	}
}

// must panics if something failed that cannot fail.
func (l *life) must(doing string, err error) {
	if err != nil {
		panic(fmt.Sprintf("seed %d: %s: %v", l.seed, doing, err))
	}
}

// stop is the end of the process after a failed write.
func (l *life) stop(err error) {
	l.fatal <- err
	select {}
}

// publish keeps a checkpoint outside of the ledger.
func (l *life) publish(signed []byte) error {
	if l.over.Load() {
		return nil
	}
	c, err := l.openCheckpoint(signed)
	if err == nil && c.Size <= l.published.Size && l.published != c {
		err = fmt.Errorf("published a checkpoint of %d events after one of %d", c.Size, l.published.Size)
	}
	l.must("publishing", err)
	l.published = c
	return nil
}

// chances returns a source of its own for a power cut.
func (l *life) chances() *rand.Rand {
	l.draws++
	return stream(l.seed, "power", uint64(l.lives), l.draws)
}

var faults = []string{faultPower, faultPower, faultPower, faultPower, faultKill, faultEIO, faultEIO, faultFull, faultShort, faultQuiet}

// draw draws a fault at one of the first calls of a step.
func (l *life) draw(chance, calls int) *fault {
	if !l.chance(chance) {
		return nil
	}
	f := &fault{kind: pick(l.rng, faults...), at: 1 + l.rng.IntN(calls), keep: l.rng.IntN(200)}
	if l.broken != "" {
		f.kind = l.broken
	}
	percent := pick(l.rng, survival...)
	f.hit = func() {
		l.count.add(f.kind + " in a step")
		l.interrupted(f.kind)
		switch f.kind {
		case faultPower:
			l.over.Store(true)
			l.left = l.disk.cut(percent, l.chances())
		case faultKill:
			l.over.Store(true)
			l.left = l.disk.clone()
		}
	}
	return f
}

// attempt takes a step, in which a fault happens with a chance in a hundred. It
// reports whether the process has lived through it.
func (l *life) attempt(doing string, chance, calls int, step func()) bool {
	f := l.draw(chance, calls)
	l.disk.arm(f)
	done := make(chan struct{})
	go func() {
		defer close(done)
		step()
	}()
	select {
	case <-done:
	case err := <-l.fatal:
		l.failed(doing, f, err)
		return false
	}
	if l.log != nil {
		l.db().TestOnlyWaitForCleaning()
	}
	l.disk.tidy()
	if l.left == nil {
		l.disk.arm(nil)
		return true
	}
	l.note("%s at call %d of %s", f.kind, f.at, doing)
	l.mem = l.left
	l.die("")
	return false
}

// failed ends a process after a failed write. It checks that an injected fault was
// the cause of Fatal, and that nothing is written afterwards.
func (l *life) failed(doing string, f *fault, err error) {
	l.note("%s at call %d of %s is fatal", f.kind, f.at, doing)
	if l.over.Load() || !errors.Is(err, f.error(ledgertest.OpSync)) && f.kind != faultQuiet {
		l.t.Errorf("Fatal got %v, injected was %s", err, f.kind)
	}
	l.over.Store(true)
	l.count.add("fail-stops")
	l.mem = l.disk.clone()
	if l.chance(50) {
		l.mem = l.disk.cut(pick(l.rng, survival...), l.chances())
		l.note("and then the power is cut")
	}
	if l.broken = ""; l.chance(30) {
		l.broken = pick(l.rng, faultEIO, faultFull)
	}
}

// die ends the process by force, which counts as how; the disk it leaves is in
// l.mem.
func (l *life) die(how string) {
	if how != "" {
		l.count.add(how)
	}
	l.over.Store(true)
	if l.log != nil {
		l.disk.arm(nil)
		l.must("clearing away a dead process", l.log.Close())
	}
}

// end closes the ledger, which may fail too.
func (l *life) end(faults bool) {
	chance := 0
	if faults {
		chance = 20
	}
	log := l.log
	if !l.attempt("close", chance, 14, func() { l.must("closing", log.Close()) }) {
		return
	}
	l.mem = l.disk.clone()
	l.note("life %d ends", l.lives)
	l.count.add("restarts after an orderly end")
}

func (l *life) db() *cockroach.DB { return pebble.DB(l.table) }

// between is a log on which something else happens once, just before a batch is begun.
type between struct {
	*store.Log
	then func()
}

// Begin implements commands.Log.
func (b *between) Begin(ctx context.Context, at ledger.Head) (ledger.Batch, error) {
	if then := b.then; then != nil {
		b.then = nil
		then()
	}
	return b.Log.Begin(ctx, at)
}
