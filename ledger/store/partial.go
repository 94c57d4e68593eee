package store

import (
	"encoding/binary"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"gait/ledger"
)

const hashSize = len(ledger.Hash{})

// tileLevels is how many levels of tiles a tree of any size has.
const tileLevels = 8

// partialTiles are the hashes of the tiles of a tree that are not full yet: of each
// level one at most, the last. Slices that another value shares are never changed.
type partialTiles [tileLevels][]byte

// share returns a value that can be added to without changing u.
func (u partialTiles) share() partialTiles {
	for level := range u {
		u[level] = slices.Clip(u[level])
	}
	return u
}

// put adds a hash from ledger.Tree.Append. Only every eighth level of the tree is
// kept; the others follow from it. If that fills a tile, put returns it.
func (u *partialTiles) put(level int, n int64, h ledger.Hash) (full Row, ok bool) {
	if level%ledger.TileHeight != 0 {
		return Row{}, false
	}
	level /= ledger.TileHeight
	if u[level] = append(u[level], h[:]...); len(u[level]) < ledger.TileWidth*hashSize {
		return Row{}, false
	}
	full = Row{tileKey(level, n/ledger.TileWidth), u[level]}
	u[level] = nil
	return full, true
}

// width returns how many hashes the unfinished tile of a level has in a tree.
func width(size int64, level int) int {
	return int(size >> (ledger.TileHeight * level) % ledger.TileWidth)
}

// check compares the hashes with the right edge of their tree, which they lead to.
func (u partialTiles) check(tree *ledger.Tree) error {
	for level, hashes := range u {
		if len(hashes) != width(tree.Size(), level)*hashSize {
			return fmt.Errorf("%d bytes of hashes of level %d in a tree of %d", len(hashes), level, tree.Size())
		}
		for height := ledger.TileHeight - 1; height >= 0; height-- {
			n := hashSize << height
			if len(hashes) < n {
				continue
			}
			if err := onEdge(tree, level*ledger.TileHeight+height, subtreeRoot(hashes[:n])); err != nil {
				return err
			}
			hashes = hashes[n:]
		}
	}
	return nil
}

// onEdge fails if the complete subtree of a height at the right edge has another root.
func onEdge(tree *ledger.Tree, height int, root tlog.Hash) error {
	edge, err := tree.ReadHashes([]int64{tlog.StoredHashIndex(height, tree.Size()>>height-1)})
	if err == nil && edge[0] != root {
		err = fmt.Errorf("expected hash %s at height %d of the right edge, found %s", ledger.Hash(edge[0]), height, ledger.Hash(root))
	}
	return err
}

// edge returns the tree of a size that the hashes lead to.
func (u partialTiles) edge(size int64) (tree ledger.Tree, err error) {
	b := binary.BigEndian.AppendUint64(nil, uint64(size))
	for level := tileLevels - 1; level >= 0; level-- {
		hashes := u[level]
		for height := ledger.TileHeight - 1; height >= 0; height-- {
			if n := hashSize << height; len(hashes) >= n {
				root := subtreeRoot(hashes[:n])
				b, hashes = append(b, root[:]...), hashes[n:]
			}
		}
	}
	err = tree.UnmarshalBinary(b)
	return tree, err
}

// subtreeRoot returns the root over a power of two of hashes.
func subtreeRoot(hashes []byte) tlog.Hash {
	row := make([]tlog.Hash, len(hashes)/hashSize)
	for i := range row {
		row[i] = tlog.Hash(hashes[i*hashSize:])
	}
	for ; len(row) > 1; row = row[:len(row)/2] {
		for i := range row[:len(row)/2] {
			row[i] = tlog.NodeHash(row[2*i], row[2*i+1])
		}
	}
	return row[0]
}

// encodeUpper returns the row that holds the hashes of the levels above the first:
// the number of full tiles of the first level, eight bytes, and then the hashes, from
// the lowest level up. It is written each time that number changes.
func (u partialTiles) encodeUpper(size int64) []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(size/ledger.TileWidth))
	for _, hashes := range u[1:] {
		b = append(b, hashes...)
	}
	return b
}

// decodeUpper reads what encodeUpper writes for a tree of a size. The row is missing
// while the tree has no full tile.
func decodeUpper(b []byte, size int64) (u partialTiles, err error) {
	tiles := size / ledger.TileWidth
	if b == nil && tiles == 0 {
		return u, nil
	}
	if len(b) < 8 || binary.BigEndian.Uint64(b) != uint64(tiles) {
		return u, corrupt(-1, "expected the hashes above %d tiles, found %.16x", tiles, b)
	}
	b = b[8:]
	for level := 1; level < tileLevels; level++ {
		n := width(size, level) * hashSize
		if len(b) < n {
			return u, corrupt(-1, "%d bytes of hashes too few above %d tiles", n-len(b), tiles)
		}
		u[level], b = slices.Clip(b[:n]), b[n:]
	}
	if len(b) > 0 {
		return u, corrupt(-1, "%d bytes of hashes too many above %d tiles", len(b), tiles)
	}
	return u, nil
}
