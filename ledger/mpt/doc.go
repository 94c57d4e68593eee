// Package mpt is the tree of a ledger's index: a map from keys to values of 32
// bytes each, whose root is one hash. A short proof shows anyone who has the root
// what the value of a key is, or that the tree does not have the key. Hashes and
// proofs are those of filippo.io/torchwood/mpt for keys and values of 32 bytes.
//
// # Tree
//
// The tree is a Merkle Patricia tree. A tree of one key is a leaf. A tree of more
// keys is a node: it splits its keys by the first bit in which they are not all
// equal. The left side has the keys in which that bit is 0, the right side those
// in which it is 1, and each side is a tree again. So each node has two sides that
// are not empty, and the tree depends on its keys and values alone, not on the
// order in which they came. Bits are counted from 0, which is the highest bit of a
// key's first byte. The bit of a node is lower than those of the nodes below it.
//
// The hashes, with H for SHA-256 and ‖ for concatenation, are
//
//	H()                                           of the tree without keys
//	H(0x00 ‖ 0x20 ‖ key ‖ 0x20 ‖ value)           of a leaf
//	H(0x01 ‖ bit ‖ hash of left ‖ hash of right)  of a node
//
// The bit is a varint: one byte if it is below 128, or else the bit itself in one
// byte, followed by 0x01.
//
// Keys should be hashes, too. Then a person who chooses what is hashed cannot make
// paths long, and the key of a neighbor, which a proof of absence shows, says
// nothing.
//
// # Proof
//
// A search for a key goes from the root down. At each node it looks at the node's
// bit of the key, and at no other, until it comes to a leaf. The tree has the key
// if and only if it is the leaf's. A proof is the path of a search, from the leaf
// up to the root:
//
//	0x20 ‖ key ‖ 0x20 ‖ value ‖ bit ‖ hash ‖ bit ‖ hash …
//
// Key and value are those of the leaf. A bit and a hash follow for each node of
// the path: the node's bit, and the hash of the side that is not on the path. The
// proof of the tree without keys is empty. A proof has one form. The bits fall, a
// bit is written in as few bytes as it needs, and nothing follows the last hash.
//
// To check the proof for a key and a root, compute the leaf's hash. Then for each
// bit and hash, in this order: the bit must be lower than the one before; the key
// and the leaf's key must have the same bit there; if it is 0 the node's left side
// is the hash so far and its right side the one in the proof, if it is 1 the other
// way round; compute the node's hash. The last hash must be the root. If the key is
// the leaf's, the tree has it with the leaf's value. If not, the tree does not
// have it.
//
// # Example
//
// Three keys are the hashes of "job/a", "job/b" and "request/r1", and their values
// those of "1", "2" and "3":
//
//	A  key   0430a618c0924c25819548b5266219ed626fecae9daea8b537b5b62d200ad955
//	   value 6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b
//	B  key   ad2c107f8a84aed218d0bc0593262062eed58413050c1291e33eef0a0d04400a
//	   value d4735e3a265e16eee03f59718b9b5d03019c07d8b6c51f90da3a666eec13ab35
//	R  key   dfdfd1a2cfa617b4aa69d2b9b1c91df723674a2e0a281719c1ef7275a91abc86
//	   value 4e07408562bedb8b60ce05c1decfe3ad16b72230967de01f640b7e4729b49fce
//
// The keys begin with the bits 0000, 1010 and 1101. So the root has bit 0, with A
// to the left. To its right is a node of bit 1 with B and R. The hashes are
//
//	A    a2a88935c454154232629848ad80491ba11cc341978f7427752c9a9223bb6991
//	B    d92f16ec866193135dc393e749283d7d0278684d9dcd397ef49cf56fd27bec48
//	R    55c31caebd421e65c4a0cf44d27e006116a2ece9ee7134831a89851699f73f57
//	B R  bec1b5bc84b413d5c4d5ac2c2ca1a42eac230ece6571907c7d9aef187ade9407
//	root 55b2126c7fa0481b8b9e6029ea93e6c9466aea11d22b141defb2110d10f8bb0b
//
// The proof for "job/b" is B's key and value, bit 1 with the hash of R, and bit 0
// with the hash of A:
//
//	20 ad2c…400a 20 d473…ab35 01 55c3…3f57 00 a2a8…6991
//
// The key of "authority", 8f76…e1e9, begins with 1000. Its search ends at B, too.
// So the same proof shows that the tree does not have it.
//
// # Pages
//
// A tree is stored in rows of one page each. A page holds four levels of the tree:
// the page of a prefix has 16 slots, one for each nibble that may follow the
// prefix. The page of the empty prefix is the root's. A slot holds up to 4 keys
// with their values. If more keys have the slot's prefix, then the slot has the
// hash of all that is below it, and the keys are in another page, which is called
// its child. So a row depends only on the keys that have its prefix and on their
// values, and a checker can compare rows byte for byte. A tree without keys has no
// row.
//
// The key of a row is the number of nibbles of its prefix in one byte, and the
// prefix in whole bytes, filled up with a nibble 0. The row begins with 4 bytes: 2
// bits for each slot, the first slot's highest. They are 00 for an empty slot, 01
// for keys, 10 for a child. Then follows for each slot that is not empty
//
//	number of keys (1 byte) ‖ rest of key ‖ value ‖ rest of key ‖ value …
//	hash of the child
//
// The rest of a key are its bytes that the slot's prefix does not have in full.
// The row of the example, whose key is 00, is
//
//	40000410 01 0430…d955 6b86…5b4b 01 ad2c…400a d473…ab35 01 dfdf…bc86 4e07…9fce
//
// The hashes of nodes within a page are not stored. They are computed when the
// page is read, and its hash is compared with what the page above it says, or with
// the root. That binds all keys and values, but not the slots of children: a row
// could name a child in another slot, and have the same hash. So every search goes
// on to a leaf, also if the slot of its key is empty: the whole key of the leaf
// shows that the pages above it are in their own slots.
//
// # Versions
//
// A [Tree] is one version. Set makes another one, which shares all pages that did
// not change. Later makes one whose pages are made when they are needed. A batch that is
// discarded is undone by dropping its Tree. Pages of
// prefixes of up to 3 nibbles stay in memory once they were read. Those below are
// kept in a cache of at most 8,192. Pages that changed are dirty: they stay in
// memory until their rows are durable.
package mpt
