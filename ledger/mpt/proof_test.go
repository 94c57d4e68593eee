package mpt_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"sort"
	"testing"

	"pgregory.net/rapid"

	"gait/ledger/mpt"
)

// proofBytes returns a proof with the given bits, spelled as they are given.
func proofBytes(spelled ...string) []byte {
	b := append(append([]byte{32}, make([]byte, 32)...), 32)
	b = append(b, make([]byte, 32)...)
	for _, bit := range spelled {
		b = append(append(b, bit...), make([]byte, 32)...)
	}
	return b
}

func TestParseProof(t *testing.T) {
	var most []string
	for bit := 255; bit >= 0; bit-- {
		most = append(most, string(binary.AppendUvarint(nil, uint64(bit))))
	}
	largest := proofBytes(most...)
	if len(largest) != mpt.MaxProof {
		t.Errorf("the largest proof has %d bytes, and MaxProof is %d", len(largest), mpt.MaxProof)
	}
	tests := []struct {
		name string
		in   []byte
		ok   bool
	}{
		{"the empty tree", nil, true},
		{"a tree of one key", proofBytes(), true},
		{"bits fall", proofBytes("\xff\x01", "\x80\x01", "\x7f", "\x00"), true},
		{"all bits", largest, true},
		{"a byte follows", append(proofBytes("\x07"), 0), false},
		{"a byte follows the largest", append(slices.Clone(largest), 0), false},
		{"the last hash is cut off", proofBytes("\x07")[:66+32], false},
		{"the leaf is cut off", proofBytes()[:65], false},
		{"only a length", []byte{32}, false},
		{"a bit twice", proofBytes("\x07", "\x07"), false},
		{"bits rise", proofBytes("\x07", "\x08"), false},
		{"a bit of more bytes than it needs", proofBytes("\x87\x00"), false},
		{"a large bit of more bytes than it needs", proofBytes("\x80\x81\x00"), false},
		{"bit 256", proofBytes("\x80\x02"), false},
		{"bit 2^64", proofBytes("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), false},
		{"a key of 31 bytes", func() []byte { b := proofBytes(); b[0] = 31; return b }(), false},
		{"a value of 33 bytes", func() []byte { b := proofBytes(); b[33] = 33; return b }(), false},
	}
	for _, tt := range tests {
		p, err := mpt.ParseProof(tt.in)
		if ok := err == nil; ok != tt.ok || !ok && !errors.Is(err, mpt.ErrProof) {
			t.Errorf("%s: ParseProof = %v, want ok = %v", tt.name, err, tt.ok)
		}
		if tt.ok && !bytes.Equal(p.Encode(), tt.in) {
			t.Errorf("%s: encoded again the proof is %x, want %x", tt.name, p.Encode(), tt.in)
		}
	}
}

// FuzzProof shows that a proof has one form: what parses is encoded as the same bytes.
func FuzzProof(f *testing.F) {
	keys := sample(1, 9)
	for key := range keys {
		f.Add(keys.path(key))
	}
	f.Add(proofBytes("\xff\x01", "\x80\x01", "\x7f", "\x00"))
	f.Add(proofBytes("\x87\x00"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := mpt.ParseProof(b)
		if err != nil {
			return
		}
		if again := p.Encode(); !bytes.Equal(again, b) {
			t.Errorf("%x is encoded again as %x", b, again)
		}
		if p.Leaf != nil {
			p.Check(mpt.EmptyRoot, p.Leaf.Key)
		}
	})
}

// TestProofChanged changes a proof in each bit and in each byte string that it
// is made of: none of these is accepted.
func TestProofChanged(t *testing.T) {
	keys := sample(7, 300)
	tree := set(t, mpt.Tree{}, nil, keys.entries()...)
	present, absent := keys.sorted()[17].Key, mpt.Key(sha256.Sum256([]byte("absent")))
	for _, key := range []mpt.Key{present, absent} {
		proof, err := tree.Prove(t.Context(), nil, key)
		if err != nil {
			t.Fatal(err)
		}
		check := func(b []byte, key mpt.Key) bool {
			p, err := mpt.ParseProof(b)
			if err == nil {
				_, _, err = p.Check(tree.Root(), key)
			}
			return err == nil
		}
		b := proof.Encode()
		if !check(b, key) {
			t.Fatalf("the proof of %v is refused", key)
		}
		for i := range 8 * len(b) {
			changed := slices.Clone(b)
			changed[i/8] ^= 1 << (i % 8)
			if check(changed, key) {
				t.Errorf("the proof of %v is accepted with bit %d changed", key, i)
			}
		}
		for i := range b {
			if check(b[:i], key) {
				t.Errorf("the proof of %v is accepted with %d of its bytes", key, i)
			}
		}
		for other := range sample(8, 300) {
			if has, _, err := tree.Get(t.Context(), nil, other); err != nil || has != (mpt.Value{}) {
				t.Fatalf("Get(%v) = %v, %v", other, has, err)
			}
			want, _ := tree.Prove(t.Context(), nil, other)
			if check(b, other) != bytes.Equal(want.Encode(), b) {
				t.Errorf("the proof of %v is accepted for %v: %v", key, other, check(b, other))
			}
		}
	}
}

// TestProofOfEmptyTree: only the tree without keys has the empty proof.
func TestProofOfEmptyTree(t *testing.T) {
	leaf := &mpt.Leaf{Key: mpt.Key{1}}
	tests := []struct {
		name  string
		proof mpt.Proof
		root  mpt.Hash
		ok    bool
	}{
		{"of the empty tree", mpt.Proof{}, mpt.EmptyRoot, true},
		{"of another tree", mpt.Proof{}, mpt.Hash{}, false},
		{"with a step", mpt.Proof{Steps: []mpt.Step{{}}}, mpt.EmptyRoot, false},
		{"with a leaf", mpt.Proof{Leaf: leaf}, mpt.EmptyRoot, false},
		{"with bits that rise", mpt.Proof{Leaf: leaf, Steps: []mpt.Step{{Bit: 1}, {Bit: 2}}}, mpt.EmptyRoot, false},
	}
	for _, tt := range tests {
		_, has, err := tt.proof.Check(tt.root, mpt.Key{1})
		if ok := err == nil; ok != tt.ok || has || !ok && !errors.Is(err, mpt.ErrProof) {
			t.Errorf("%s: Check = %v, %v; want ok = %v", tt.name, has, err, tt.ok)
		}
	}
}

// TestEncodeLookup: the short form leaves key and value out, if it can.
func TestEncodeLookup(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := sample(rapid.IntRange(0, 100).Draw(t, "seed"), rapid.IntRange(0, 40).Draw(t, "keys"))
		tree := set(t, mpt.Tree{}, nil, keys.entries()...)
		for key := range sample(0, 3) {
			p, err := tree.Prove(t.Context(), nil, key)
			if err != nil {
				t.Fatal(err)
			}
			want := p.Encode()
			if _, has := keys[key]; has {
				want = want[66:]
			}
			if got := p.EncodeLookup(key); !bytes.Equal(got, want) {
				t.Errorf("EncodeLookup = %x, want %x", got, want)
			}
		}
	})
}

// TestChosenKeys takes 2,000 ids that make paths as long as a search of some
// seconds finds: the keys with the longest paths, and for each node of these one
// key of its other side. A proof of any of them has at most 1,000 bytes.
func TestChosenKeys(t *testing.T) {
	tries := 1 << 20
	if testing.Short() {
		tries = 1 << 16
	}
	keys := make([]mpt.Key, tries)
	for i := range keys {
		keys[i] = sha256.Sum256(binary.AppendUvarint([]byte("job/chosen"), uint64(i)))
	}
	slices.SortFunc(keys, func(a, b mpt.Key) int { return bytes.Compare(a[:], b[:]) })
	paths := make([]path, 0, tries)
	var follow func(int, path)
	follow = func(bit int, p path) {
		if p.to-p.from == 1 {
			paths = append(paths, p)
			return
		}
		for naiveBit(keys[p.from], bit) == naiveBit(keys[p.to-1], bit) {
			bit++
		}
		right := p.from + sort.Search(p.to-p.from, func(i int) bool { return naiveBit(keys[p.from+i], bit) == 1 })
		follow(bit+1, path{p.from, right, append(slices.Clip(p.siblings), right)})
		follow(bit+1, path{right, p.to, append(slices.Clip(p.siblings), p.from)})
	}
	follow(0, path{to: tries})
	slices.SortStableFunc(paths, func(a, b path) int { return len(b.siblings) - len(a.siblings) })
	chosen := naive{}
	for _, p := range paths {
		if len(chosen) >= 2000 {
			break
		}
		for _, i := range append(p.siblings, p.from) {
			chosen[keys[i]] = mpt.Value(keys[i])
		}
	}
	tree := set(t, mpt.Tree{}, nil, chosen.entries()...)
	longest := 0
	for k := range chosen {
		p, err := tree.Prove(t.Context(), nil, k)
		if err != nil {
			t.Fatal(err)
		}
		longest = max(longest, len(p.Encode()))
	}
	if longest > 1000 || longest < 66+33*len(paths[0].siblings) {
		t.Errorf("of %d keys chosen among %d the longest proof has %d bytes", len(chosen), tries, longest)
	}
	t.Logf("of %d keys chosen among %d the longest proof has %d bytes", len(chosen), tries, longest)
}

// A path leads to keys from one index to another, and each node of it has a key
// on its other side.
type path struct {
	from, to int
	siblings []int
}
