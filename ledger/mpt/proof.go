package mpt

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// A Proof is a path from one leaf of a tree to its root. It proves the value of
// the leaf's key, and that each key whose search ends at the leaf and which is not
// the leaf's own is not in the tree.
type Proof struct {
	Leaf  *Leaf  // nil if the tree is empty
	Steps []Step // from the leaf up to the root, so Bit falls
}

// A Step is a node of a path: the bit of the key by which it splits its keys, and
// the hash of its side that is not on the path.
type Step struct {
	Bit     uint8
	Sibling Hash
}

const leafSize = 1 + len(Key{}) + 1 + len(Value{})

// MaxProof is the largest size of a proof, in bytes.
const MaxProof = leafSize + keyBits*(1+len(Hash{})) + keyBits/2

// ErrProof says that bytes are not a proof, or that a proof does not lead to the
// root from the key.
var ErrProof = errors.New("invalid proof of the index")

// Encode returns the proof as bytes: those of a path proof of
// filippo.io/torchwood/mpt. The proof of the empty tree has none.
func (p Proof) Encode() []byte {
	if p.Leaf == nil {
		return []byte{}
	}
	b := make([]byte, 0, leafSize+(2+len(Hash{}))*len(p.Steps))
	b = append(append(b, byte(len(p.Leaf.Key))), p.Leaf.Key[:]...)
	b = append(append(b, byte(len(p.Leaf.Value))), p.Leaf.Value[:]...)
	return p.appendSteps(b)
}

// EncodeLookup returns the proof in the shorter form of ProveLookup in
// filippo.io/torchwood/mpt: for the leaf's own key, without key and value, which
// the reader has.
func (p Proof) EncodeLookup(key Key) []byte {
	if p.Leaf == nil || p.Leaf.Key != key {
		return p.Encode()
	}
	return p.appendSteps([]byte{})
}

func (p Proof) appendSteps(b []byte) []byte {
	for _, s := range p.Steps {
		b = binary.AppendUvarint(b, uint64(s.Bit))
		b = append(b, s.Sibling[:]...)
	}
	return b
}

// ParseProof reads what Encode returned. Other bytes are ErrProof: a proof has one
// form. So a proof that parses has steps whose bits fall.
func ParseProof(b []byte) (Proof, error) {
	if len(b) == 0 {
		return Proof{}, nil
	}
	if len(b) > MaxProof {
		return Proof{}, fmt.Errorf("%w: %d bytes", ErrProof, len(b))
	}
	if len(b) < leafSize || int(b[0]) != len(Key{}) || int(b[1+len(Key{})]) != len(Value{}) {
		return Proof{}, fmt.Errorf("%w: it does not begin with a key and a value of 32 bytes", ErrProof)
	}
	leaf := &Leaf{Key: Key(b[1:]), Value: Value(b[leafSize-len(Value{}):])}
	p := Proof{Leaf: leaf}
	b = b[leafSize:]
	if n := len(b) / (1 + len(Hash{})); n > 0 {
		p.Steps = make([]Step, 0, n)
	}
	last := keyBits
	for len(b) > 0 {
		bit, n := parseBit(b)
		if n == 0 || len(b) < n+len(Hash{}) {
			return Proof{}, fmt.Errorf("%w: step %d is not a bit and a hash", ErrProof, len(p.Steps))
		}
		if bit >= last {
			return Proof{}, fmt.Errorf("%w: the bits of its steps do not fall", ErrProof)
		}
		p.Steps = append(p.Steps, Step{Bit: uint8(bit), Sibling: Hash(b[n:])})
		b = b[n+len(Hash{}):]
		last = bit
	}
	return p, nil
}

// parseBit reads a number below 256 as a varint of the least length, and returns
// it and its length, which is 0 if there is none.
func parseBit(b []byte) (bit, size int) {
	switch {
	case b[0] < 0x80:
		return int(b[0]), 1
	case len(b) > 1 && b[1] == 1:
		return int(b[0]), 2
	}
	return 0, 0
}

// Check returns the value of a key in the tree with the given root, and whether
// that tree has the key. A proof of another key or of another tree is ErrProof.
func (p Proof) Check(root Hash, key Key) (Value, bool, error) {
	if p.Leaf == nil {
		if root != EmptyRoot || len(p.Steps) > 0 {
			return Value{}, false, fmt.Errorf("%w: the tree is not empty", ErrProof)
		}
		return Value{}, false, nil
	}
	hash, last := p.Leaf.hash(), keyBits
	for _, s := range p.Steps {
		bit := int(s.Bit)
		if bit >= last {
			return Value{}, false, fmt.Errorf("%w: the bits of its steps do not fall", ErrProof)
		}
		if key.bit(bit) != p.Leaf.Key.bit(bit) {
			return Value{}, false, fmt.Errorf("%w: a search for key %v does not end at the proof's leaf", ErrProof, key)
		}
		if key.bit(bit) == 0 {
			hash = innerHash(bit, &hash, &s.Sibling)
		} else {
			hash = innerHash(bit, &s.Sibling, &hash)
		}
		last = bit
	}
	if hash != root {
		return Value{}, false, fmt.Errorf("%w: it leads to the root %v, not to %v", ErrProof, hash, root)
	}
	if p.Leaf.Key != key {
		return Value{}, false, nil
	}
	return p.Leaf.Value, true, nil
}
