package pebble_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	cockroach "github.com/cockroachdb/pebble/v2"

	"gait/commands"
	"gait/ledger/ledgertest"
	"gait/ledger/store/pebble"
	"gait/projection"
)

// exhausted is a small ledger with a key of every kind but a full tile, which
// is 256 events away.
func exhausted(t *testing.T) *ledgertest.Ledger {
	l := ledgertest.New(t)
	at := ledgertest.Start
	engine := &commands.Engine{Log: l.Log, Entropy: rand.NewChaCha8([32]byte{1}), Now: func() time.Time { at = at.Add(time.Second); return at }}
	for _, c := range []commands.Command{
		commands.Submit{EnvironmentFingerprint: "e", ProducerVersion: "p"},
		commands.AddCheckpoint{Type: "progress", Summary: "s"},
	} {
		if _, err := engine.Do(t.Context(), commands.Request{JobID: "j", Actor: "w", RequestID: c.Verb()[:1], Command: c}); err != nil {
			t.Fatal(err)
		}
	}
	ledgertest.Rotate(t, l.Log, 1)
	return l
}

// sound says whether a log holds together, views included.
func sound(l *ledgertest.Ledger) bool {
	pebble.Show(l.Table)
	if l.Verify(context.Background(), nil, nil) != nil {
		return false
	}
	for job, err := range projection.Rebuild(context.Background(), l.Log) {
		if err != nil || !job.Same() {
			return false
		}
	}
	return true
}

type pair struct{ key, value []byte }

func pairs(t *testing.T, db *cockroach.DB) (all []pair) {
	t.Helper()
	it, err := db.NewIter(nil)
	if err != nil {
		t.Fatal(err)
	}
	for it.First(); it.Valid(); it.Next() {
		all = append(all, pair{bytes.Clone(it.Key()), bytes.Clone(it.Value())})
	}
	if err := it.Close(); err != nil {
		t.Fatal(err)
	}
	return all
}

// variants are the values in place of p's: every bit flipped, every length cut,
// and a byte more.
func (p pair) variants() [][]byte {
	all := [][]byte{append(bytes.Clone(p.value), 0), append([]byte{0}, p.value...)}
	for bit := range 8 * len(p.value) {
		v := bytes.Clone(p.value)
		v[bit/8] ^= 1 << (bit % 8)
		all = append(all, v)
	}
	for n := range p.value {
		all = append(all, p.value[:n])
	}
	return all
}

// No bit of any value in the store can be another one, unseen; nor can a value
// be shorter, longer, gone, doubled under a key beside it, or in another's place.
func TestEveryBitOfEveryValue(t *testing.T) {
	if testing.Short() {
		t.Skip("tens of thousands of verifications")
	}
	var tried, keys [2]int
	var wg sync.WaitGroup
	for worker := range tried {
		l := exhausted(t)
		db := pebble.DB(l.Table)
		all := pairs(t, db)
		if !sound(l) {
			t.Fatal("the ledger does not hold before anything is changed")
		}
		wg.Go(func() {
			for i, p := range all {
				if i%len(tried) == worker {
					keys[worker]++
					tried[worker] += exhaust(t, l, p, all)
				}
			}
			if !sound(l) {
				t.Error("the ledger does not hold after everything was put back")
			}
		})
	}
	wg.Wait()
	t.Logf("%d changes to %d values, each found", tried[0]+tried[1], keys[0]+keys[1])
}

// A bit of every value is flipped, in a ledger with full tiles on two levels.
func TestABitOfEveryValue(t *testing.T) {
	if testing.Short() {
		t.Skip("hundreds of verifications")
	}
	l := tampered(t)
	db := pebble.DB(l.Table)
	all := pairs(t, db)
	random := rand.New(rand.NewPCG(7, 8))
	tried := 0
	for _, p := range all {
		v := bytes.Clone(p.value)
		size := len(v)
		if p.key[0] == 'h' { // the head; views are opaque here, those of this ledger are not job views
			size = 64
		}
		bit := random.IntN(8 * size)
		v[bit/8] ^= 1 << (bit % 8)
		if err := db.Set(p.key, v, cockroach.NoSync); err != nil {
			t.Fatal(err)
		}
		pebble.Show(l.Table)
		if l.Verify(t.Context(), nil, nil) == nil {
			t.Errorf("bit %d of %q flipped is not found", bit, p.key)
		}
		if err := db.Set(p.key, p.value, cockroach.NoSync); err != nil {
			t.Fatal(err)
		}
		tried++
	}
	pebble.Show(l.Table)
	ledgertest.Check(t, l.Log)
	t.Logf("%d bits flipped, one in each value", tried)
}

func exhaust(t *testing.T, l *ledgertest.Ledger, p pair, all []pair) (tried int) {
	db := pebble.DB(l.Table)
	try := func(change, undo error) {
		tried++
		if err := errors.Join(change, undo); err != nil {
			t.Error(err)
		}
	}
	set := func(k, v []byte) error { return db.Set(k, v, cockroach.NoSync) }
	check := func(what string) {
		if sound(l) {
			t.Errorf("%s of %q is not found", what, p.key)
		}
	}
	for i, v := range ledgertest.Pick(t, p.variants(), 40) {
		change := set(p.key, v)
		check("a changed value")
		try(change, set(p.key, p.value))
		if i%512 == 511 {
			if err := db.Flush(); err != nil { // or old versions pile up under the iterators
				t.Error(err)
			}
		}
	}
	change := db.Delete(p.key, cockroach.NoSync)
	check("a lost value")
	try(change, set(p.key, p.value))
	beside := append(slices.Clone(p.key), 0)
	change = set(beside, p.value)
	check("a copy")
	try(change, db.Delete(beside, cockroach.NoSync))
	for _, other := range ledgertest.Pick(t, all, 5) {
		if bytes.Equal(other.value, p.value) {
			continue
		}
		change = set(p.key, other.value)
		check("another's value")
		try(change, set(p.key, p.value))
	}
	return tried
}
