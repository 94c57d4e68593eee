package store

import (
	"bytes"
	"context"
	"iter"

	"gait/ledger"
)

// tilePage is how many tiles are read at once.
const tilePage = 16

// A tileWalk reads the full tiles of the first level in order: one after the other
// takes a quarter of the time that looking each up takes.
type tileWalk struct {
	next func() (Row, error, bool)
	stop func()
	row  Row // the next one
	err  error
	more bool // there is a row, or an error
}

// walkTiles reads tiles from the n-th on.
func walkTiles(ctx context.Context, r Reader, n int64) *tileWalk {
	w := &tileWalk{}
	w.next, w.stop = iter.Pull2(scanPages(ctx, r, tileKey(0, n), tileKey(1, 0), tilePage))
	w.row, w.err, w.more = w.next()
	return w
}

// tile returns the tile under a key, or nil if there is none. The keys that it is
// asked for must ascend.
func (w *tileWalk) tile(key []byte) ([]byte, error) {
	for w.more && w.err == nil && bytes.Compare(w.row.Key, key) < 0 {
		w.row, w.err, w.more = w.next()
	}
	if !w.more || w.err != nil || !bytes.Equal(w.row.Key, key) {
		return nil, w.err
	}
	return w.row.Value, nil
}

// put collects the hashes of tiles, and checks each tile when it is full.
func (v *chainVerifier) put(level int, n int64, h ledger.Hash) {
	tile, full := v.last.put(level, n, h)
	if !full || v.err != nil {
		return
	}
	read := v.tilesOfEvents.tile
	if level > 0 {
		read = func(key []byte) ([]byte, error) { return get(v.ctx, v.log.read, key) }
	}
	stored, err := read(tile.Key)
	if v.err = err; err == nil {
		v.err = v.compare(level/ledger.TileHeight, n/ledger.TileWidth, stored, tile.Value)
	}
}
