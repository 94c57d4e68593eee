package ledger_test

import (
	"errors"
	"slices"
	"testing"

	"gait/ledger"
)

// fork returns a checkpoint of size events, of another history, signed by the keys.
func fork(t *testing.T, size int64, keys ...ledger.PrivateKey) []byte {
	t.Helper()
	c := ledger.Checkpoint{Origin: testOrigin, Size: size, Root: hashOf("another history")}
	signed, err := c.Sign(keys[0])
	for _, key := range keys[1:] {
		if err == nil {
			signed, err = ledger.Countersign(signed, key)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// The key of a ledger is rotated at event 1, and the ledger moves at event 2. Who signs a
// checkpoint alone is judged by its size.
func TestOpenSeen(t *testing.T) {
	r := rotate(t, 2, both)
	k := keyring(t, r)
	first, second, third := r.keys[0], r.keys[1], r.keys[2]
	for _, tt := range []struct {
		name  string
		size  int64
		by    []ledger.PrivateKey
		holds bool
		late  ledger.PrivateKey
	}{
		{"before the rotation", 1, []ledger.PrivateKey{first}, true, ledger.PrivateKey{}},
		{"the rotation", 2, []ledger.PrivateKey{first, second}, true, ledger.PrivateKey{}},
		{"the rotation, by the old key alone", 2, []ledger.PrivateKey{first}, false, ledger.PrivateKey{}},
		{"the move", 3, []ledger.PrivateKey{second, third}, true, ledger.PrivateKey{}},
		{"the move, before the other place has it", 3, []ledger.PrivateKey{second}, true, ledger.PrivateKey{}},
		{"the move, by the other place alone", 3, []ledger.PrivateKey{third}, false, ledger.PrivateKey{}},
		{"after the move", 4, []ledger.PrivateKey{third}, true, ledger.PrivateKey{}},
		{"after the move, by the place before", 4, []ledger.PrivateKey{second}, true, second},
		{"after the rotation, by the key before", 3, []ledger.PrivateKey{first}, true, first},
		{"before its reign", 1, []ledger.PrivateKey{third}, false, ledger.PrivateKey{}},
		{"by a stranger", 3, []ledger.PrivateKey{keyOfSeed(t, 9)}, false, ledger.PrivateKey{}},
	} {
		c, late, err := k.OpenSeen(fork(t, tt.size, tt.by...))
		if err == nil != tt.holds || late != tt.late.VerifierKey() || err == nil && c.Size != tt.size {
			t.Errorf("%s: OpenSeen = %d events, late: %v, %v", tt.name, c.Size, late, err)
		}
	}
}

func TestMovedTo(t *testing.T) {
	r := rotate(t, 2, both)
	before := keyring(t, rotationLedger{keys: r.keys, created: r.created, rotations: r.rotations[:1]})
	last := r.rotations[1].Event
	moved, err := before.Moved(last)
	if err != nil || moved == nil || moved.To != r.keys[2].VerifierKey() || moved.Seq != 2 || moved.Origin != testOrigin {
		t.Errorf("Moved = %+v, %v", moved, err)
	}
	for what, tt := range map[string]struct {
		keys ledger.Keyring
		last ledger.Event
	}{
		"once the other place has signed": {keyring(t, r), last},
		"after a rotation":                {before, r.rotations[0].Event},
		"after event 0":                   {before, r.created},
		"of no ledger":                    {ledger.Keyring{}, ledger.Event{}},
	} {
		if moved, err := tt.keys.Moved(tt.last); moved != nil || err != nil {
			t.Errorf("Moved %s = %+v, %v, want nil", what, moved, err)
		}
	}
	again := eventOf(ledger.LedgerMoved{To: r.keys[0].VerifierKey().String()})
	again.Seq, again.Prev = 2, hashOf("prev")
	if _, err := before.Moved(seal(t, again)); err == nil {
		t.Error("Moved to a key that it had before = nil")
	}
	var refused error = &ledger.MovedError{Move: *moved}
	if f, ok := ledger.FaultOf(refused); !ok || f.Code != "ledger_moved" || refused.Error() == "" {
		t.Errorf("the fault of %v is %+v", refused, f)
	}
}

// A signature that is added leaves the ones before as they are.
func TestCountersign(t *testing.T) {
	a, b := keyOfSeed(t, 0), keyOfSeed(t, 1)
	c := ledger.Checkpoint{Origin: testOrigin, Size: 3, Root: hashOf("root")}
	want, err := c.Sign(a, b)
	if err != nil {
		t.Fatal(err)
	}
	if got := fork(t, 3, a, b); len(got) != len(want) {
		t.Errorf("two signatures are %d bytes, want %d", len(got), len(want))
	}
	one, err := c.Sign(a)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ledger.Countersign(one, b); err != nil || !slices.Equal(got, want) {
		t.Errorf("Countersign = %s, %v, want %s", got, err, want)
	}
	if _, err := ledger.Countersign([]byte("x"), b); !errors.Is(err, ledger.ErrMalformed) {
		t.Errorf("Countersign of no note = %v, want ErrMalformed", err)
	}
	other, err := ledger.GenerateKey(seed(1), "gait.example/other")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ledger.Countersign(one, other); err == nil {
		t.Error("Countersign under another ledger's key succeeded")
	}
}
