package ledger_test

import (
	"errors"
	"slices"
	"testing"

	"gait/ledger"
)

// A rotationLedger is a ledger whose events after event 0 are key rotations and moves, in
// turn.
type rotationLedger struct {
	keys      []ledger.PrivateKey
	created   ledger.Event
	rotations []ledger.Rotation
}

func keyOfSeed(t testing.TB, n int) ledger.PrivateKey {
	t.Helper()
	k, err := ledger.GenerateKey(seed(10+n), testOrigin)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// rotate makes a ledger whose key is rotated n times. sign returns the keys that
// sign the checkpoint of the i-th rotation, from 0.
func rotate(t testing.TB, n int, sign func(i int, before, after ledger.PrivateKey) []ledger.PrivateKey) rotationLedger {
	t.Helper()
	r := rotationLedger{keys: []ledger.PrivateKey{keyOfSeed(t, 0)}}
	r.created = seal(t, eventOf(ledger.LedgerCreated{Format: ledger.Format, Key: r.keys[0].VerifierKey().String()}))
	head, err := ledger.Head{}.Follow(r.created)
	if err != nil {
		t.Fatal(err)
	}
	var tree ledger.Tree
	tree.Append(r.created.LeafHash(), nil)
	for i := range n {
		before, after := r.keys[i], keyOfSeed(t, i+1)
		d := eventOf(ledger.KeyRotated{Key: after.VerifierKey().String(), Previous: before.VerifierKey().String()})
		if i%2 == 1 {
			d = eventOf(ledger.LedgerMoved{To: after.VerifierKey().String()})
		}
		d.Seq, d.Prev = ledger.Seq(head.Size), head.Leaf
		e := seal(t, d)
		if head, err = head.Follow(e); err != nil {
			t.Fatal(err)
		}
		path := tree.NextPath()
		tree.Append(e.LeafHash(), nil)
		c := ledger.Checkpoint{Origin: testOrigin, Size: tree.Size(), Root: tree.Root()}
		var signed []byte
		switch by := sign(i, before, after); len(by) {
		case 1:
			signed, err = c.Sign(by[0])
		default:
			signed, err = c.Sign(by[0], by[1])
		}
		if err != nil {
			t.Fatal(err)
		}
		r.keys = append(r.keys, after)
		r.rotations = append(r.rotations, ledger.Rotation{Event: e, Proof: ledger.Proof{Seq: e.Seq(), Path: path, Checkpoint: signed}})
	}
	return r
}

func both(_ int, before, after ledger.PrivateKey) []ledger.PrivateKey {
	return []ledger.PrivateKey{before, after}
}

func keyring(t testing.TB, r rotationLedger) ledger.Keyring {
	t.Helper()
	k, err := ledger.NewKeyring(r.created)
	if err != nil {
		t.Fatal(err)
	}
	for _, rot := range r.rotations {
		next, err := k.FollowProved(rot)
		if err != nil {
			t.Fatalf("rotation at event %d: %v", rot.Event.Seq(), err)
		}
		if again, err := k.Follow(rot.Event); err != nil || !again.Equal(next) {
			t.Fatalf("Follow and FollowProved differ at event %d: %v", rot.Event.Seq(), err)
		}
		k = next
	}
	return k
}

func TestKeyringSigners(t *testing.T) {
	r := rotate(t, 9, both) // enough for several shapes of tree
	k := keyring(t, r)
	if k.First() != r.keys[0].VerifierKey() || k.Current() != r.keys[9].VerifierKey() || k.Origin() != testOrigin || len(k.Reigns()) != 10 {
		t.Errorf("the keyring is %v", k)
	}
	for size := int64(1); size <= 12; size++ {
		var want []ledger.VerifierKey
		if i := min(size-1, 9); i > 0 && size <= 10 {
			want = append(want, r.keys[i-1].VerifierKey())
		}
		want = append(want, r.keys[min(size-1, 9)].VerifierKey())
		if got := k.Signers(size); !slices.Equal(got, want) || k.At(size) != want[len(want)-1] {
			t.Errorf("a checkpoint of %d events is signed by %v, want %v", size, got, want)
		}
	}
	for i, rot := range r.rotations {
		if _, err := k.Open(rot.Proof.Checkpoint); err != nil {
			t.Errorf("the checkpoint of rotation %d: %v", i, err)
		}
	}
	if k.Has(keyOfSeed(t, 10).VerifierKey()) || !k.Has(r.keys[4].VerifierKey()) {
		t.Error("Has does not tell the ledger's keys from others")
	}
	if _, err := (ledger.Keyring{}).Open(r.rotations[0].Proof.Checkpoint); !errors.Is(err, ledger.ErrUnverified) {
		t.Errorf("an empty keyring opens a checkpoint: %v", err)
	}
}

// Both keys must have signed; one alone is not enough.
func TestFollowProvedRefuses(t *testing.T) {
	good := rotate(t, 2, both)
	old := rotate(t, 1, func(_ int, before, _ ledger.PrivateKey) []ledger.PrivateKey { return []ledger.PrivateKey{before} })
	new := rotate(t, 1, func(_ int, _, after ledger.PrivateKey) []ledger.PrivateKey { return []ledger.PrivateKey{after} })
	first, err := ledger.NewKeyring(good.created)
	if err != nil {
		t.Fatal(err)
	}
	second, err := first.FollowProved(good.rotations[0])
	if err != nil {
		t.Fatal(err)
	}
	other := good.rotations[0]
	other.Proof = good.rotations[1].Proof
	larger := good.rotations[0]
	larger.Proof.Checkpoint = good.rotations[1].Proof.Checkpoint
	noPath := good.rotations[0]
	noPath.Proof.Path = nil
	for _, tt := range []struct {
		name string
		k    ledger.Keyring
		r    ledger.Rotation
	}{
		{"by the old key alone", first, old.rotations[0]},
		{"by the new key alone", first, new.rotations[0]},
		{"the second one first", first, good.rotations[1]},
		{"the first one again", second, good.rotations[0]},
		{"the proof of another rotation", first, other},
		{"a larger checkpoint", first, larger},
		{"no path", first, noPath},
		{"an event that is no rotation", first, lastOf(t, good.created, good.keys[0])},
	} {
		k, err := tt.k.FollowProved(tt.r)
		_, corrupt := errors.AsType[*ledger.CorruptError](err)
		if !corrupt && !errors.Is(err, ledger.ErrUnverified) {
			t.Errorf("%s: FollowProved = %v, %v", tt.name, k, err)
		}
	}
}

// lastOf proves that an event of a job is the last of a tree that key signed.
func lastOf(t testing.TB, created ledger.Event, key ledger.PrivateKey) ledger.Rotation {
	t.Helper()
	d := eventOf(ledger.Paused{})
	d.Seq, d.Prev = 1, created.LeafHash()
	e := seal(t, d)
	var tree ledger.Tree
	tree.Append(created.LeafHash(), nil)
	path := tree.NextPath()
	tree.Append(e.LeafHash(), nil)
	signed, err := ledger.Checkpoint{Origin: testOrigin, Size: 2, Root: tree.Root()}.Sign(key)
	if err != nil {
		t.Fatal(err)
	}
	r := ledger.Rotation{Event: e, Proof: ledger.Proof{Seq: 1, Path: path, Checkpoint: signed}}
	if err := r.Check(); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestKeyringFollowRefuses(t *testing.T) {
	r := rotate(t, 1, both)
	k := keyring(t, r)
	a, b, c := r.keys[0].VerifierKey(), r.keys[1].VerifierKey(), keyOfSeed(t, 2).VerifierKey()
	stranger := testKey(t, "gait.example/other").VerifierKey()
	for _, tt := range []struct {
		name          string
		key, previous string
		seq           ledger.Seq
		origin        string
		want          bool
	}{
		{"as it should be", c.String(), b.String(), 2, testOrigin, true},
		{"a key used before", a.String(), b.String(), 2, testOrigin, false},
		{"not the key in force", c.String(), a.String(), 2, testOrigin, false},
		{"a key of another origin", stranger.String(), b.String(), 2, testOrigin, false},
		{"in another ledger", c.String(), b.String(), 2, "gait.example/other", false},
		{"after the last one", c.String(), b.String(), 1, testOrigin, false},
		{"no key", "x", b.String(), 2, testOrigin, false},
		{"a weak key", vkeyOf(testOrigin, 1, make([]byte, 32)), b.String(), 2, testOrigin, false},
	} {
		e := eventOf(ledger.KeyRotated{Key: tt.key, Previous: tt.previous})
		e.Seq, e.Prev, e.Origin = tt.seq, hashOf("prev"), tt.origin
		_, err := k.Follow(seal(t, e))
		if _, corrupt := errors.AsType[*ledger.CorruptError](err); corrupt == tt.want || err == nil != tt.want {
			t.Errorf("%s: Follow = %v, want it taken: %t", tt.name, err, tt.want)
		}
	}
	moved := eventOf(ledger.LedgerMoved{To: a.String()})
	moved.Seq, moved.Prev, moved.Origin = 2, hashOf("prev"), testOrigin
	if _, err := k.Follow(seal(t, moved)); err == nil {
		t.Error("the ledger moves back to a key that it had before")
	}
	if again, err := k.Follow(seal(t, eventOf(ledger.Paused{}))); err != nil || !again.Equal(k) {
		t.Errorf("Follow of another event = %v, %v, want the same keyring", again, err)
	}
}

func TestTooManyRotations(t *testing.T) {
	r := rotate(t, ledger.MaxRotations+1, both)
	k, err := ledger.NewKeyring(r.created)
	for i, rot := range r.rotations {
		if err != nil {
			t.Fatalf("rotation %d: %v", i, err)
		}
		k, err = k.Follow(rot.Event)
	}
	if _, corrupt := errors.AsType[*ledger.CorruptError](err); !corrupt {
		t.Errorf("rotation %d = %v, want a CorruptError", len(r.rotations), err)
	}
}
