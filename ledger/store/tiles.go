package store

import (
	"bytes"
	"context"
	"fmt"

	"gait/ledger"
)

// File returns the content of a file of the log as C2SP tlog-tiles lays it out.
// Tiles are as they are stored; each entry of a bundle is checked against the
// event before it and the tile above it.
func (l *treeReader) File(ctx context.Context, name ledger.TileName) ([]byte, error) {
	if !name.Entries {
		return l.tree().tile(ctx, name.Level, name.Index, name.Width)
	}
	var bundle []byte
	left := name.Width
	for e, err := range l.Events(ctx, ledger.Seq(name.Index*ledger.TileWidth)) {
		if err != nil {
			return nil, err
		}
		bundle = ledger.AppendEntry(bundle, e)
		if left--; left == 0 {
			break
		}
	}
	return bundle, nil
}

// A tileReader reads the tiles of a log's tree.
type tileReader struct {
	read Reader
	size int64 // of the tree
	last partialTiles
}

// tree returns a reader of the log's tree as it is now.
func (l *treeReader) tree() tileReader {
	st := l.now.Load()
	return tileReader{read: l.read, size: st.head.Size, last: st.last}
}

// tile is a ledger.Tiles. It also reads a part of a tile that has more hashes by now.
func (t tileReader) tile(ctx context.Context, level int, n int64, width int) ([]byte, error) {
	if level < 0 || level >= tileLevels || n < 0 || width < 1 {
		return nil, fmt.Errorf("tile %d of level %d with %d hashes is none of a tree of %d", n, level, width, t.size)
	}
	if n != t.size>>(ledger.TileHeight*level)/ledger.TileWidth {
		b, err := t.fullTile(ctx, level, n)
		if err != nil {
			return nil, err
		}
		return b[:width*hashSize], nil
	}
	if b := t.last[level]; len(b) >= width*hashSize {
		return bytes.Clone(b[:width*hashSize]), ctx.Err()
	}
	return nil, corrupt(-1, "expected %d hashes of tile %d of level %d, found %d", width, n, level, len(t.last[level])/hashSize)
}

func (t tileReader) fullTile(ctx context.Context, level int, n int64) ([]byte, error) {
	b, err := get(ctx, t.read, tileKey(level, n))
	if err != nil {
		return nil, err
	}
	if len(b) != ledger.TileWidth*hashSize {
		return nil, corrupt(-1, "expected tile %d of level %d, found %d bytes", n, level, len(b))
	}
	return b, nil
}

// leaf reads the leaf hash that the tree holds for an event.
func (t tileReader) leaf(ctx context.Context, seq ledger.Seq) (ledger.Hash, error) {
	b, err := get(ctx, t.read, t.leafKey(seq))
	if err != nil {
		return ledger.Hash{}, err
	}
	return t.leafFrom(seq, b)
}

// leafKey returns the key of the tile that holds the leaf hash of an event, if the
// tile is full.
func (t tileReader) leafKey(seq ledger.Seq) []byte {
	return tileKey(0, int64(seq)/ledger.TileWidth)
}

// leafFrom returns the leaf hash of an event from the value under its leafKey.
func (t tileReader) leafFrom(seq ledger.Seq, b []byte) (ledger.Hash, error) {
	at := int(seq) % ledger.TileWidth * hashSize
	if int64(seq)/ledger.TileWidth == t.size/ledger.TileWidth {
		b = t.last[0]
	} else if len(b) != ledger.TileWidth*hashSize {
		return ledger.Hash{}, corrupt(-1, "leaf hash of event %d: expected tile %d of level 0, found %d bytes", seq, int64(seq)/ledger.TileWidth, len(b))
	}
	if len(b) < at+hashSize {
		return ledger.Hash{}, corrupt(seq, "no leaf hash: the tree has %d events", t.size)
	}
	return ledger.Hash(b[at:]), nil
}

// tiles returns a reader of tiles, and a function that returns the error of the table
// or the context while it was used: such an error does not make the ledger corrupt.
func (t tileReader) tiles(ctx context.Context) (ledger.Tiles, func() error) {
	var failed error
	read := func(level int, n int64, width int) ([]byte, error) {
		b, err := t.tile(ctx, level, n, width)
		if err != nil && isIO(err) {
			failed = err
		}
		return b, err
	}
	return read, func() error { return failed }
}

// ProofIn returns the proof that event seq is in the tree of a checkpoint of
// this log.
func (l *treeReader) ProofIn(ctx context.Context, signed []byte, seq ledger.Seq) (ledger.Proof, error) {
	c, err := l.own(signed)
	if err != nil {
		return ledger.Proof{}, err
	}
	read, failed := l.tree().tiles(ctx)
	p, err := ledger.Prove(seq, c, signed, read)
	return p, orIO(failed(), err)
}

// own opens a checkpoint of this log that is not larger than it.
func (l *treeReader) own(signed []byte) (ledger.Checkpoint, error) {
	c, err := l.Keys().Open(signed)
	if size := l.Head().Size; err == nil && c.Size > size {
		err = fmt.Errorf("a checkpoint of %d events: the ledger has %d", c.Size, size)
	}
	return c, err
}

// ConsistencyIn returns the proof that the tree of size old is a prefix of that
// of a checkpoint of this log.
func (l *treeReader) ConsistencyIn(ctx context.Context, signed []byte, old int64) ([]ledger.Hash, error) {
	c, err := l.own(signed)
	if err != nil {
		return nil, err
	}
	read, failed := l.tree().tiles(ctx)
	path, err := ledger.ProveConsistency(old, c, read)
	return path, orIO(failed(), err)
}

// RootAt returns the root that the tree had at a size up to the newest.
func (l *treeReader) RootAt(ctx context.Context, size int64) (ledger.Hash, error) {
	st := l.now.Load()
	if size < 0 || size > st.head.Size {
		return ledger.Hash{}, fmt.Errorf("root of a tree of %d: the ledger has %d", size, st.head.Size)
	}
	read, failed := l.tree().tiles(ctx)
	root, err := ledger.RootAt(size, st.checkpoint, read)
	return root, orIO(failed(), err)
}

// orIO returns failed, an error of reading, if there is one, and otherwise err.
func orIO(failed, err error) error {
	if err != nil && failed != nil {
		return failed
	}
	return err
}
