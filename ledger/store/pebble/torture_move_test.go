package pebble_test

import (
	"context"
	"errors"
	"fmt"

	cockroach "github.com/cockroachdb/pebble/v2"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store"
	"gait/ledger/store/pebble"
	"gait/projection"
)

// move hands the ledger over to another place. The process ends, and the next one takes the
// ledger over there.
func (l *life) move() bool {
	next := ledgertest.KeyAfter(ledgertest.Origin, l.rotations+1)
	event := ledgertest.Moves(l.t, l.log, next)
	l.leaving = true
	alive := l.attempt("move", 50, 10, func() {
		_, err := l.log.Move(context.Background(), l.log.Head(), event)
		l.must("moving", err)
	})
	if !alive {
		return false
	}
	l.note("move %d", l.rotations+1)
	l.count.add("moves")
	l.checkEvent(event)
	_, err := l.log.Begin(context.Background(), l.log.Head())
	if _, moved := errors.AsType[*ledger.MovedError](err); !moved {
		l.t.Fatalf("Begin after a move = %v, want a MovedError", err)
	}
	l.end(true)
	return false
}

// arrive has the ledger go on in the place to which it moved, if it did. It reports whether
// the process that takes it over lived through that.
func (s *sim) arrive(faults bool) bool {
	s.lives++
	l := &life{sim: s, disk: newDisk(s.mem), fatal: make(chan error, 1)}
	chance, calls := 35, 70
	if !faults {
		chance = 0
	} else if s.broken != "" {
		chance, calls = 100, 1
	}
	there, keys := "", 0
	if !l.attempt("arrive", chance, calls, func() { there, keys = l.takeOver() }) {
		return false
	}
	s.mem, s.leaving = l.disk.clone(), false
	if there == "" {
		s.note("it had not moved")
		return true
	}
	s.dir, s.rotations = there, uint64(keys)
	s.note("it goes on in %s", there)
	s.count.add("arrivals")
	return true
}

// takeOver makes the ledger in the place to which it moved, unless that was done before a
// crash. It returns its directory, and how many keys it had before; "" if it had not moved.
func (l *life) takeOver() (there string, keys int) {
	table, err := pebble.Open(l.dir, pebble.Options{FS: l.disk, Fatal: l.stop, ReadOnly: true})
	l.must("opening what is left", err)
	log, err := store.Open(context.Background(), table, store.Options{ReadOnly: true, Keys: ledgertest.MACKeys, Indexed: true})
	l.must("opening what is left", err)
	keys = len(log.Keys().Keys())
	if log.Moved() != nil {
		there = fmt.Sprintf("jobs/place-%d", keys)
		if _, err := l.disk.Stat(there); err != nil {
			l.must("taking it over", l.restore(log, there, uint64(keys)))
		}
	}
	l.must("closing what is left", log.Close())
	return there, keys
}

// restore makes the ledger of a log again, where it goes on under the n-th key.
func (l *life) restore(log *store.Log, dir string, n uint64) error {
	ctx := context.Background()
	next := ledgertest.KeyAfter(ledgertest.Origin, n)
	_, signed := log.Checkpoint()
	rotations, err := log.Rotations(ctx)
	if err != nil {
		return err
	}
	from := store.Copy{Entries: projection.Entries(log.Events(ctx, 0)), Rotations: rotations, Signed: signed, Next: next}
	o := pebble.Tuned(pebble.Options{FS: l.disk, Fatal: l.stop}, func(p *cockroach.Options) {
		p.DisableAutomaticCompactions = true // as in open
	})
	return pebble.Create(dir, o, func(t store.Table) error {
		_, err := store.Restore(ctx, t, from, next.VerifierKey(), store.Options{Keys: ledgertest.MACKeys})
		return err
	})
}
