package ledger

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// TileHeight and TileWidth are those of C2SP tlog-tiles: a tile holds the 256
// hashes of one row of a subtree of height 8.
const (
	TileHeight = 8
	TileWidth  = 1 << TileHeight
)

// A Tree is the right edge of a Merkle tree (RFC 6962, section 2.1): the roots
// of the complete subtrees it is made of, one for each bit set in its size.
// Appending and computing the root need no more. The zero Tree is empty.
type Tree struct {
	size int64
	edge [63]Hash // edge[l] is the root of the subtree of height l, if size has that bit
}

// Size returns how many leaves the tree has.
func (t *Tree) Size() int64 { return t.size }

// ReadHashes implements tlog.HashReader for the hashes of the right edge.
func (t *Tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		level, n := tlog.SplitStoredHashIndex(x)
		if level >= len(t.edge) || t.size>>level&1 == 0 || n != t.size>>level-1 {
			return nil, fmt.Errorf("ledger: hash %d of level %d is not on the right edge of a tree of %d", n, level, t.size)
		}
		out[i] = tlog.Hash(t.edge[level])
	}
	return out, nil
}

// Append adds a leaf. It calls put, if not nil, for the leaf and for each
// subtree that the leaf completes; n counts the hashes of that level from 0.
func (t *Tree) Append(leaf Hash, put func(level int, n int64, h Hash)) {
	if put == nil {
		put = func(int, int64, Hash) {}
	}
	h, level := leaf, 0
	put(level, t.size, h)
	for ; t.size>>level&1 == 1; level++ {
		h = Hash(tlog.NodeHash(tlog.Hash(t.edge[level]), tlog.Hash(h)))
		put(level+1, t.size>>(level+1), h)
	}
	t.edge[level] = h
	t.size++
}

// Root returns the tree's hash. That of an empty tree is SHA-256 of nothing.
func (t *Tree) Root() Hash {
	h, err := tlog.TreeHash(t.size, t)
	if err != nil {
		panic("ledger: tree: " + err.Error())
	}
	return Hash(h)
}

// NextPath returns the inclusion path (RFC 6962, section 2.1.1) that the next
// leaf to be appended will have in the tree that ends with it: the hashes to its
// left.
func (t *Tree) NextPath() []Hash {
	var path []Hash
	for level, h := range t.edge {
		if t.size>>level&1 == 1 {
			path = append(path, h)
		}
	}
	return path
}

// MarshalBinary returns the size, eight bytes big-endian, and the hashes of the
// right edge from the highest level down.
func (t *Tree) MarshalBinary() ([]byte, error) {
	b := binary.BigEndian.AppendUint64(nil, uint64(t.size))
	for level := len(t.edge) - 1; level >= 0; level-- {
		if t.size>>level&1 == 1 {
			b = append(b, t.edge[level][:]...)
		}
	}
	return b, nil
}

// UnmarshalBinary reads what MarshalBinary writes. Anything else is ErrMalformed.
func (t *Tree) UnmarshalBinary(b []byte) error {
	if len(b) < 8 {
		return fmt.Errorf("%w: a right edge of %d bytes", ErrMalformed, len(b))
	}
	size := binary.BigEndian.Uint64(b)
	b = b[8:]
	if size > maxInt || len(b) != bits.OnesCount64(size)*len(Hash{}) {
		return fmt.Errorf("%w: a right edge of %d bytes for a tree of %d", ErrMalformed, len(b), size)
	}
	*t = Tree{size: int64(size)}
	for level := len(t.edge) - 1; level >= 0; level-- {
		if size>>level&1 == 1 {
			t.edge[level] = Hash(b[:32])
			b = b[32:]
		}
	}
	return nil
}

// Tiles reads a ledger's tiles (C2SP tlog-tiles): the first width hashes of
// tile n of a level, 32 bytes each. Level 0 holds leaf hashes; a hash of level
// l is the root of a full tile of level l-1.
type Tiles func(level int, n int64, width int) ([]byte, error)

// hashes returns a reader of the tree's hashes that checks every tile against
// the root before it uses it.
func (read Tiles) hashes(size int64, root Hash) tlog.HashReader {
	return tlog.TileHashReader(tlog.Tree{N: size, Hash: tlog.Hash(root)}, tileReader(read))
}

type tileReader Tiles

func (tileReader) Height() int { return TileHeight }

func (read tileReader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(tiles))
	for i, t := range tiles {
		b, err := read(t.L, t.N, t.W)
		if err != nil {
			return nil, err
		}
		out[i] = b
	}
	return out, nil
}

func (tileReader) SaveTiles([]tlog.Tile, [][]byte) {}
