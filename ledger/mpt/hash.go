package mpt

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/bits"
)

// A Hash is the SHA-256 hash of a node of a tree, and so of all keys and values
// below it.
type Hash [32]byte

// A Key is what a tree is searched by. It should itself be a hash, so that keys
// that another person chose cannot share long prefixes.
type Key [32]byte

// A Value is what a tree holds for a key.
type Value [32]byte

// A Leaf is a key of a tree and its value.
type Leaf struct {
	Key   Key
	Value Value
}

// EmptyRoot is the root of a tree without keys: the SHA-256 hash of no bytes.
var EmptyRoot = Hash(sha256.Sum256(nil))

// String returns the hash as 64 lower-case hexadecimal digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// String returns the key as 64 lower-case hexadecimal digits.
func (k Key) String() string { return hex.EncodeToString(k[:]) }

// String returns the value as 64 lower-case hexadecimal digits.
func (v Value) String() string { return hex.EncodeToString(v[:]) }

const (
	keyBits    = 8 * len(Key{})
	keyNibbles = 2 * len(Key{})
)

// bit returns bit n of the key. Bit 0 is the highest bit of the first byte.
func (k *Key) bit(n int) int { return int(k[n>>3]>>(7-n&7)) & 1 }

// nibble returns nibble n of the key, from 0 to 15.
func (k *Key) nibble(n int) int { return int(k[n>>1]>>(4*(1-n&1))) & 15 }

// less reports whether k stands before other.
func (k *Key) less(other *Key) bool { return bytes.Compare(k[:], other[:]) < 0 }

// overlap returns how many of their first bits two keys have in common.
func overlap(a, b *Key) int {
	for i := 0; i < len(a); i += 8 {
		if x := binary.BigEndian.Uint64(a[i:]) ^ binary.BigEndian.Uint64(b[i:]); x != 0 {
			return 8*i + bits.LeadingZeros64(x)
		}
	}
	return keyBits
}

// hash returns the hash of the leaf.
func (l *Leaf) hash() Hash {
	var b [1 + 1 + len(Key{}) + 1 + len(Value{})]byte
	b[1] = byte(len(l.Key))
	copy(b[2:], l.Key[:])
	b[34] = byte(len(l.Value))
	copy(b[35:], l.Value[:])
	return sha256.Sum256(b[:])
}

// innerHash returns the hash of the node that splits its keys by the given bit.
func innerHash(bit int, left, right *Hash) Hash {
	var b [1 + 2 + 2*len(Hash{})]byte
	b[0] = 1
	n := 1 + binary.PutUvarint(b[1:], uint64(bit))
	n += copy(b[n:], left[:])
	n += copy(b[n:], right[:])
	return sha256.Sum256(b[:n])
}

// leavesHash returns the hash of the tree of the given leaves, of which there is
// at least one. They are sorted.
func leavesHash(leaves []Leaf) Hash {
	if len(leaves) == 1 {
		return leaves[0].hash()
	}
	bit, right := split(leaves)
	l, r := leavesHash(leaves[:right]), leavesHash(leaves[right:])
	return innerHash(bit, &l, &r)
}

// split returns the first bit in which two or more sorted leaves differ, and the
// index of the first leaf in which it is set.
func split(leaves []Leaf) (bit, right int) {
	bit = overlap(&leaves[0].Key, &leaves[len(leaves)-1].Key)
	right = 1
	for leaves[right].Key.bit(bit) == 0 {
		right++
	}
	return bit, right
}
