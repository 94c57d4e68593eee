package ledger_test

import (
	"crypto/sha256"
	"errors"
	"strings"
	"testing"
	"time"

	"gait/ledger"
)

const (
	testOrigin = "gait.example/log1"
	testULID   = "01KAQ2C3TAW6FTY9CXR1Q0KF8M"
)

var testTime = time.Date(2026, 11, 22, 20, 32, 58, 58e6, time.UTC)

// hashOf returns a hash that is different for each name.
func hashOf(name string) ledger.Hash { return sha256.Sum256([]byte(name)) }

// A seed is entropy that repeats one byte.
type seed byte

func (s seed) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(s)
	}
	return len(b), nil
}

func testKey(t testing.TB, origin string) ledger.PrivateKey {
	t.Helper()
	k, err := ledger.GenerateKey(seed(7), origin)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// eventOf returns the draft of an event with payload p and every required field.
func eventOf(p ledger.Payload) ledger.Draft {
	e := ledger.Draft{ID: testULID, Origin: testOrigin, Time: testTime, Actor: "worker_1", Payload: p}
	if p.Type() == ledger.TypeIndexCommitted {
		e.Actor = ledger.ActorGait
	}
	if p.Type().OfLedger() {
		return e
	}
	e.Seq, e.Prev = 7, hashOf("prev")
	e.JobID, e.JobSeq, e.JobPrev, e.Revision = "job_1", 3, hashOf("job_prev"), 2
	return e
}

// fullEvent returns the draft of an event with every envelope field set.
func fullEvent() ledger.Draft {
	e := eventOf(ledger.CheckpointAdded{
		CheckpointID: "cp_0001", CheckpointType: ledger.CheckpointProgress,
		Late: true, RequiredAction: "look at it", Summary: `step "1" c:\done → ✓`,
	})
	e.Clock = testTime.Add(-time.Second)
	e.RequestID, e.RequestDigest = "req-1", hashOf("request")
	e.Command = []byte("the signed command")
	e.CommandSigs = []ledger.CommandSig{
		{KeyID: ledger.Hash{1}, Sig: make([]byte, 64)},
		{KeyID: ledger.Hash{2}, Sig: make([]byte, 64)},
	}
	return e
}

func seal(t testing.TB, d ledger.Draft) ledger.Event {
	t.Helper()
	sealed, err := ledger.Seal(d)
	if err != nil {
		t.Fatalf("Seal(%+v): %v", d, err)
	}
	return sealed
}

// edit replaces the only occurrence of old.
func edit(t testing.TB, text, old, new string) string {
	t.Helper()
	if n := strings.Count(text, old); n != 1 {
		t.Fatalf("%q occurs %d times in %s", old, n, text)
	}
	return strings.Replace(text, old, new, 1)
}

// wantField requires err to be a *FieldError about field that wraps ErrMalformed.
func wantField(t testing.TB, err error, field string) {
	t.Helper()
	f, ok := errors.AsType[*ledger.FieldError](err)
	if !ok || f.Field != field || !errors.Is(err, ledger.ErrMalformed) {
		t.Errorf("error = %v (%T), want a *FieldError about %s", err, err, field)
	}
}

// wantCorrupt requires err to be a *CorruptError at seq.
func wantCorrupt(t testing.TB, err error, seq ledger.Seq) {
	t.Helper()
	c, ok := errors.AsType[*ledger.CorruptError](err)
	if !ok || c.Seq != seq {
		t.Errorf("error = %v (%T), want a *CorruptError at %d", err, err, seq)
	}
}
