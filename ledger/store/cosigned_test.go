package store_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/store"
	"gait/ledger/store/memtable"
)

// cosign returns a witness's cosignature of a checkpoint.
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
	if err := log.Keep(t.Context(), signed, cosign(t, w, signed, at)); err != nil {
		t.Fatalf("Keep = %v", err)
	}
}

func TestKeepCosignatures(t *testing.T) {
	l := ledgertest.New(t)
	a, b := ledgertest.NewWitness("a.example"), ledgertest.NewWitness("b.example")
	if note, err := ledger.NewestCosigned(t.Context(), l); note != nil || err != nil {
		t.Errorf("NewestCosigned of a new ledger = %q, %v", note, err)
	}
	_, first := l.Checkpoint()
	keep(t, l.Log, b, first, 10)
	keep(t, l.Log, a, first, 11)
	if note, err := ledger.NewestCosigned(t.Context(), l); err != nil || string(note) != string(first)+a.Line(first, time.Unix(11, 0))+b.Line(first, time.Unix(10, 0)) {
		t.Errorf("NewestCosigned = %q, %v, want both in the order of their keys", note, err)
	}
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_1"), ledgertest.Progress("job_1", "x"))
	_, second := l.Checkpoint()
	keep(t, l.Log, a, second, 20)
	keep(t, l.Log, a, first, 21) // late, and older than what is kept
	ledgertest.Append(t, l.Log, ledgertest.Progress("job_1", "y"))

	// They are still there after later events.
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	log := ledgertest.Reopen(t, l.FS)
	ledgertest.Check(t, log)
	all, err := log.Cosigned(t.Context())
	if err != nil || len(all) != 2 || all[0].Key != a.Key || all[0].Size != 3 || all[0].Time.Unix() != 20 || all[1].Key != b.Key || all[1].Size != 1 {
		t.Errorf("Cosigned = %+v, %v", all, err)
	}
	note, err := ledger.NewestCosigned(t.Context(), log)
	if err != nil || string(note) != string(second)+a.Line(second, time.Unix(20, 0)) {
		t.Errorf("NewestCosigned = %q, %v", note, err)
	}
	// Proofs in it verify, and there are none of events that it does not cover.
	e, err := log.Event(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	p, err := log.ProofIn(t.Context(), note, 2)
	if c, openErr := ledger.OpenCheckpoint(note, log.Keys().Current()); err != nil || openErr != nil || p.Check(e.LeafHash(), c) != nil || !bytes.Equal(p.Checkpoint, note) {
		t.Errorf("ProofIn = %+v, %v", p, err)
	}
	if _, err := log.ProofIn(t.Context(), note, 3); err == nil {
		t.Error("ProofIn of an event after the checkpoint has no error")
	}
	path, err := log.ConsistencyIn(t.Context(), second, 1)
	older, _ := ledger.PeekCheckpoint(first)
	newer, _ := ledger.PeekCheckpoint(second)
	if err != nil || ledger.CheckConsistency(path, older, newer) != nil {
		t.Errorf("ConsistencyIn = %v, %v", path, err)
	}
}

// A cosignature of anything but a checkpoint of this log is not kept, and neither is
// one if the log cannot be written.
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
		"a checkpoint of another history":                 l.Keep(t.Context(), fork, cosign(t, w, fork, 1)),
		"a checkpoint of events to come":                  l.Keep(t.Context(), ahead, cosign(t, w, ahead, 1)),
		"a cosignature of another checkpoint, spliced on": l.Keep(t.Context(), signed, cosign(t, w, fork, 1)),
		"a checkpoint with a stranger's signature":        l.Keep(t.Context(), []byte(string(signed)+ledgertest.NewWitness("b.example").Line(signed, time.Unix(1, 0))), good),
	} {
		if !errors.Is(err, ledger.ErrUnverified) {
			t.Errorf("Keep of %s = %v, want ErrUnverified", name, err)
		}
	}
	if all, err := l.Cosigned(t.Context()); len(all) != 0 || err != nil {
		t.Errorf("Cosigned = %+v, %v, want none", all, err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	reader, err := ledgertest.Open(l.Dir, ledgertest.Options{FS: l.FS, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	if err := reader.Keep(t.Context(), signed, good); !errors.Is(err, store.ErrReadOnly) {
		t.Errorf("Keep in a log opened read-only = %v, want ErrReadOnly", err)
	}
}

// No more witnesses are kept than fit under a checkpoint; the one that is farthest
// behind is forgotten first.
func TestKeepIsBounded(t *testing.T) {
	l := ledgertest.New(t)
	_, first := l.Checkpoint()
	keep(t, l.Log, ledgertest.NewWitness("behind.example"), first, 1)
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_1"))
	_, second := l.Checkpoint()
	for i := range ledger.MaxSignatures {
		keep(t, l.Log, ledgertest.NewWitness(fmt.Sprintf("w%02d.example", i)), second, 2)
	}
	all, err := l.Cosigned(t.Context())
	if err != nil || len(all) != ledger.MaxSignatures-2 {
		t.Errorf("%d witnesses are kept, %v, want %d", len(all), err, ledger.MaxSignatures-2)
	}
	for _, c := range all {
		if c.Key.Name() == "behind.example" {
			t.Error("the witness farthest behind is still kept")
		}
	}
	note, err := ledger.NewestCosigned(t.Context(), l)
	if err != nil || strings.Count(string(note), "\n— ") != ledger.MaxSignatures-1 {
		t.Errorf("NewestCosigned = %q, %v", note, err)
	}
	ledgertest.Check(t, l.Log)
}

// An older gait restored as many as a backup had. The next one that is kept removes the rest.
func TestKeepForgetsTheSurplus(t *testing.T) {
	table := &memtable.Table{}
	log := overTable(t, table)
	defer log.Close()
	_, signed := log.Checkpoint()
	for i := range ledger.MaxCosigned + 5 {
		by := cosign(t, ledgertest.NewWitness(fmt.Sprintf("w%02d.example", i)), signed, 1)
		table.Tamper([]byte("c"+by.Key.String()), []byte(string(signed)+by.Line()))
	}
	if err := log.Verify(t.Context(), nil, nil); err == nil {
		t.Error("Verify finds nothing")
	}
	keep(t, log, ledgertest.NewWitness("w.example"), signed, 2)
	if all, err := log.Cosigned(t.Context()); err != nil || len(all) != ledger.MaxCosigned {
		t.Errorf("%d witnesses are kept, %v, want %d", len(all), err, ledger.MaxCosigned)
	}
	if err := log.Verify(t.Context(), nil, nil); err != nil {
		t.Errorf("Verify = %v", err)
	}
}
