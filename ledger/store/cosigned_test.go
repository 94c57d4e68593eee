package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store"
)

// cosign returns the cosignature by which a witness takes a checkpoint.
func cosign(t *testing.T, w ledgertest.Witness, signed []byte, at int64) ledger.Cosignature {
	t.Helper()
	c, err := ledger.Cosignatures(append(bytes.Clone(signed), w.Line(signed, time.Unix(at, 0))...), []ledger.WitnessKey{w.Key})
	if err != nil || len(c) != 1 {
		t.Fatalf("Cosignatures = %+v, %v", c, err)
	}
	return c[0]
}

func keep(t *testing.T, log *store.Log, w ledgertest.Witness, signed []byte, at int64) {
	t.Helper()
	if err := log.Keep(signed, cosign(t, w, signed, at)); err != nil {
		t.Fatalf("Keep = %v", err)
	}
}

func TestKeepCosignatures(t *testing.T) {
	l := ledgertest.New(t)
	a, b := ledgertest.NewWitness("a.example"), ledgertest.NewWitness("b.example")
	if note, err := l.CosignedCheckpoint(); note != nil || err != nil {
		t.Errorf("CosignedCheckpoint of a new ledger = %q, %v", note, err)
	}
	_, first := l.Checkpoint()
	keep(t, l.Log, b, first, 10)
	keep(t, l.Log, a, first, 11)
	if note, err := l.CosignedCheckpoint(); err != nil || string(note) != string(first)+a.Line(first, time.Unix(11, 0))+b.Line(first, time.Unix(10, 0)) {
		t.Errorf("CosignedCheckpoint = %q, %v, want both in the order of their keys", note, err)
	}
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_1"), ledgertest.Progress("job_1", "x"))
	_, second := l.Checkpoint()
	keep(t, l.Log, a, second, 20)
	keep(t, l.Log, a, first, 21) // late, and no news
	ledgertest.Append(t, l.Log, ledgertest.Progress("job_1", "y"))

	// They survive, beside later events.
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	log := ledgertest.Reopen(t, l.FS)
	ledgertest.Check(t, log)
	all, err := log.Cosigned()
	if err != nil || len(all) != 2 || all[0].Key != a.Key || all[0].Size != 3 || all[0].Time.Unix() != 20 || all[1].Key != b.Key || all[1].Size != 1 {
		t.Errorf("Cosigned = %+v, %v", all, err)
	}
	note, err := log.CosignedCheckpoint()
	if err != nil || string(note) != string(second)+a.Line(second, time.Unix(20, 0)) {
		t.Errorf("CosignedCheckpoint = %q, %v", note, err)
	}
	// Proofs in it hold, and those of what it does not cover do not exist.
	e, err := log.Event(2)
	if err != nil {
		t.Fatal(err)
	}
	p, err := log.ProofIn(note, 2)
	if c, openErr := ledger.OpenCheckpoint(note, log.Key()); err != nil || openErr != nil || p.Check(e.LeafHash(), c) != nil || !bytes.Equal(p.Checkpoint, note) {
		t.Errorf("ProofIn = %+v, %v", p, err)
	}
	if _, err := log.ProofIn(note, 3); err == nil {
		t.Error("ProofIn of an event behind the checkpoint has no error")
	}
	path, err := log.ConsistencyIn(second, 1)
	older, _ := ledger.PeekCheckpoint(first)
	newer, _ := ledger.PeekCheckpoint(second)
	if err != nil || ledger.CheckConsistency(path, older, newer) != nil {
		t.Errorf("ConsistencyIn = %v, %v", path, err)
	}
}

// A cosignature of anything but a checkpoint of this log is not kept, and
// neither is one without a log to write to.
func TestKeepRefuses(t *testing.T) {
	l := ledgertest.New(t)
	_, signed := l.Checkpoint()
	w := ledgertest.NewWitness("a.example")
	good := cosign(t, w, signed, 1)
	signedAs := func(c ledger.Checkpoint) []byte {
		note, err := c.Sign(l.Key)
		if err != nil {
			t.Fatal(err)
		}
		return note
	}
	fork := signedAs(ledger.Checkpoint{Origin: ledgertest.Origin, Size: 1, Root: ledger.Hash{1}})
	ahead := signedAs(ledger.Checkpoint{Origin: ledgertest.Origin, Size: 2, Root: ledger.Hash{1}})
	for name, err := range map[string]error{
		"a checkpoint of another history":                 l.Keep(fork, cosign(t, w, fork, 1)),
		"a checkpoint of events to come":                  l.Keep(ahead, cosign(t, w, ahead, 1)),
		"a cosignature of another checkpoint, spliced on": l.Keep(signed, cosign(t, w, fork, 1)),
		"a checkpoint with a stranger's signature":        l.Keep([]byte(string(signed)+ledgertest.NewWitness("b.example").Line(signed, time.Unix(1, 0))), good),
	} {
		if !errors.Is(err, ledger.ErrUnverified) {
			t.Errorf("Keep of %s = %v, want ErrUnverified", name, err)
		}
	}
	if all, err := l.Cosigned(); len(all) != 0 || err != nil {
		t.Errorf("Cosigned = %+v, %v, want none", all, err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	reader, err := store.Open(l.Dir, store.Options{FS: l.FS, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if err := reader.Keep(signed, good); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("Keep in a log opened read-only = %v, want ErrReadOnly", err)
	}
}

// No more witnesses are kept than fit under a checkpoint; who is farthest
// behind goes first.
func TestKeepIsBounded(t *testing.T) {
	l := ledgertest.New(t)
	_, first := l.Checkpoint()
	keep(t, l.Log, ledgertest.NewWitness("behind.example"), first, 1)
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_1"))
	_, second := l.Checkpoint()
	for i := range ledger.MaxSignatures {
		keep(t, l.Log, ledgertest.NewWitness(fmt.Sprintf("w%02d.example", i)), second, 2)
	}
	all, err := l.Cosigned()
	if err != nil || len(all) != ledger.MaxSignatures-2 {
		t.Errorf("%d witnesses are kept, %v, want %d", len(all), err, ledger.MaxSignatures-2)
	}
	for _, c := range all {
		if c.Key.Name() == "behind.example" {
			t.Error("the witness farthest behind is still kept")
		}
	}
	note, err := l.CosignedCheckpoint()
	if err != nil || strings.Count(string(note), "\n— ") != ledger.MaxSignatures-1 {
		t.Errorf("CosignedCheckpoint = %q, %v", note, err)
	}
	ledgertest.Check(t, l.Log)
}

// No bit of a kept note or its key can be another one, unseen.
func TestEveryBitOfACosignature(t *testing.T) {
	l := ledgertest.New(t)
	_, signed := l.Checkpoint()
	w := ledgertest.NewWitness("a.example")
	keep(t, l.Log, w, signed, 1)
	db := store.DB(l.Log)
	for _, p := range pairs(t, db) {
		if p.key[0] != 'c' {
			continue
		}
		both := append(append([]byte{}, p.key...), p.value...)
		for bit := 8; bit < 8*len(both); bit++ { // another prefix is another kind of key
			v := bytes.Clone(both)
			v[bit/8] ^= 1 << (bit % 8)
			k, v := v[:len(p.key)], v[len(p.key):]
			if err := errors.Join(db.Delete(p.key, pebble.NoSync), db.Set(k, v, pebble.NoSync)); err != nil {
				t.Fatal(err)
			}
			store.Show(l.Log)
			if _, err := l.Cosigned(); err == nil {
				t.Errorf("bit %d flipped is not found", bit)
			}
			if bit%97 == 0 && l.Verify(nil) == nil {
				t.Errorf("bit %d flipped is not found by Verify", bit)
			}
			if err := db.Delete(k, pebble.NoSync); err != nil {
				t.Fatal(err)
			}
		}
	}
}
