package pebble_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	cockroach "github.com/cockroachdb/pebble/v2"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store/pebble"
)

// No bit of a kept note or its key can be another one, unseen.
func TestEveryBitOfACosignature(t *testing.T) {
	l := ledgertest.New(t)
	_, signed := l.Checkpoint()
	w := ledgertest.NewWitness("a.example")
	by, err := ledger.Cosignatures(append(bytes.Clone(signed), w.Line(signed, time.Unix(1, 0))...), []ledger.WitnessKey{w.Key})
	if err != nil || len(by) != 1 {
		t.Fatalf("Cosignatures = %+v, %v", by, err)
	}
	if err := l.Keep(t.Context(), signed, by[0]); err != nil {
		t.Fatalf("Keep = %v", err)
	}
	db := pebble.DB(l.Table)
	for _, p := range pairs(t, db) {
		if p.key[0] != 'c' {
			continue
		}
		both := append(append([]byte{}, p.key...), p.value...)
		for bit := 8; bit < 8*len(both); bit++ { // another prefix is another kind of key
			v := bytes.Clone(both)
			v[bit/8] ^= 1 << (bit % 8)
			k, v := v[:len(p.key)], v[len(p.key):]
			if err := errors.Join(db.Delete(p.key, cockroach.NoSync), db.Set(k, v, cockroach.NoSync)); err != nil {
				t.Fatal(err)
			}
			pebble.Show(l.Table)
			if _, err := l.Cosigned(t.Context()); err == nil {
				t.Errorf("bit %d flipped is not found", bit)
			}
			if bit%97 == 0 && l.Verify(t.Context(), nil, nil) == nil {
				t.Errorf("bit %d flipped is not found by Verify", bit)
			}
			if err := db.Delete(k, cockroach.NoSync); err != nil {
				t.Fatal(err)
			}
		}
	}
}
