package store

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"gait/ledger"
)

const hashSize = len(ledger.Hash{})

// A row is what a batch adds to one level of tiles.
type row struct {
	from   int64 // index of the first new hash
	hashes []byte
}

// rows collects the hashes that appending leaves makes, by level of tiles.
type rows map[int]*row

// put takes a hash from ledger.Tree.Append. Only every eighth level of the
// tree is kept; the others follow from it.
func (r rows) put(level int, n int64, h ledger.Hash) {
	if level%ledger.TileHeight != 0 {
		return
	}
	level /= ledger.TileHeight
	if r[level] == nil {
		r[level] = &row{from: n}
	}
	r[level].hashes = append(r[level].hashes, h[:]...)
}

// writeRows puts the plan's rows into the batch: tiles that are full now whole,
// the rest hash by hash.
func (p *plan) writeRows() error {
	for _, level := range slices.Sorted(maps.Keys(p.rows)) {
		if err := p.writeRow(level, *p.rows[level]); err != nil {
			return err
		}
	}
	return nil
}

func (p *plan) writeRow(level int, r row) error {
	for {
		n, have := r.from/ledger.TileWidth, int(r.from%ledger.TileWidth)
		need := (ledger.TileWidth - have) * hashSize
		if len(r.hashes) < need {
			break
		}
		tile, err := p.partial(level, n, have)
		if err != nil {
			return err
		}
		if err := writeTile(p.batch, level, n, have, append(tile, r.hashes[:need]...)); err != nil {
			return err
		}
		r.from, r.hashes = (n+1)*ledger.TileWidth, r.hashes[need:]
	}
	for i := 0; i < len(r.hashes); i += hashSize {
		if err := p.batch.Set(partialKey(level, r.from), r.hashes[i:i+hashSize], nil); err != nil {
			return err
		}
		r.from++
	}
	return nil
}

// partial returns the first have hashes of a tile, those included that the
// batch before brings.
func (p *plan) partial(level int, n int64, have int) ([]byte, error) {
	low := n * ledger.TileWidth
	if have == 0 || p.before == nil || p.before.rows[level] == nil {
		return p.log.partial(level, n, have)
	}
	r := p.before.rows[level]
	if r.from <= low {
		return bytes.Clone(r.hashes[(low-r.from)*int64(hashSize):]), nil
	}
	tile, err := p.log.partial(level, n, int(r.from-low))
	return append(tile, r.hashes...), err
}

// writeTile puts a full tile in the place of the hashes that stood for it.
func writeTile(b *pebble.Batch, level int, n int64, have int, tile []byte) error {
	if have > 0 {
		low := n * ledger.TileWidth
		if err := b.DeleteRange(partialKey(level, low), partialKey(level, low+ledger.TileWidth), nil); err != nil {
			return err
		}
	}
	return b.Set(tileKey(level, n), tile, nil)
}

// File returns the content of a file of the log as C2SP tlog-tiles lays it out.
// Tiles are as they are stored; each entry of a bundle is checked against the
// event before it and the tile above it.
func (l *Log) File(name ledger.TileName) ([]byte, error) {
	if !name.Entries {
		return l.tile(name.Level, name.Index, name.Width)
	}
	var bundle []byte
	left := name.Width
	for e, err := range l.Events(ledger.Seq(name.Index * ledger.TileWidth)) {
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

// tile is a ledger.Tiles. A tile that was not full when its tree was made may
// be by now, so where hashes are gone, the tile is there.
func (l *Log) tile(level int, n int64, width int) ([]byte, error) {
	if width < ledger.TileWidth {
		b, err := l.partial(level, n, width)
		if err == nil || isIO(err) {
			return b, err
		}
	}
	b, found, err := l.get(tileKey(level, n))
	if err != nil {
		return nil, err
	}
	if !found || len(b) != ledger.TileWidth*hashSize {
		return nil, corrupt(-1, "expected tile %d of level %d, found %d bytes", n, level, len(b))
	}
	return b[:width*hashSize], nil
}

// partial reads the first width hashes of a tile that is not full.
func (l *Log) partial(level int, n int64, width int) ([]byte, error) {
	low := n * ledger.TileWidth
	b := make([]byte, 0, ledger.TileWidth*hashSize)
	c := l.scan(partialKey(level, low), partialKey(level, low+int64(width)))
	for want := low; c.next(); want++ {
		if _, at, ok := parseRowKey(c.key()); !ok || at != want || len(c.value) != hashSize {
			break
		}
		b = append(b, c.value...)
	}
	if err := c.close(); err != nil {
		return nil, err
	}
	if len(b) != width*hashSize {
		return nil, corrupt(-1, "expected %d hashes of tile %d of level %d, found %d", width, n, level, len(b)/hashSize)
	}
	return b, nil
}

// leaf reads the leaf hash that the tree holds for an event.
func (l *Log) leaf(seq ledger.Seq) (ledger.Hash, error) {
	b, found, err := l.get(partialKey(0, int64(seq)))
	if err != nil {
		return ledger.Hash{}, err
	}
	if found && len(b) == hashSize {
		return ledger.Hash(b), nil
	}
	b, err = l.tile(0, int64(seq)/ledger.TileWidth, ledger.TileWidth)
	if err != nil {
		return ledger.Hash{}, fmt.Errorf("leaf hash of event %d: %w", seq, err)
	}
	return ledger.Hash(b[int(seq)%ledger.TileWidth*hashSize:][:hashSize]), nil
}

// tiles returns a reader of tiles, and a function that says what went wrong
// with the file system while it was used: that a disk fails does not make the
// ledger corrupt.
func (l *Log) tiles() (ledger.Tiles, func() error) {
	var failed error
	read := func(level int, n int64, width int) ([]byte, error) {
		b, err := l.tile(level, n, width)
		if err != nil && isIO(err) {
			failed = err
		}
		return b, err
	}
	return read, func() error { return failed }
}

// Proof returns the proof that event seq is in the tree of the newest checkpoint.
func (l *Log) Proof(seq ledger.Seq) (ledger.Proof, error) {
	st := l.now.Load()
	return l.proof(seq, st.checkpoint, st.signed)
}

// ProofIn returns the proof that event seq is in the tree of a checkpoint of
// this log that was signed earlier.
func (l *Log) ProofIn(signed []byte, seq ledger.Seq) (ledger.Proof, error) {
	c, err := l.own(signed)
	if err != nil {
		return ledger.Proof{}, err
	}
	return l.proof(seq, c, signed)
}

func (l *Log) proof(seq ledger.Seq, c ledger.Checkpoint, signed []byte) (ledger.Proof, error) {
	read, failed := l.tiles()
	p, err := ledger.Prove(seq, c, signed, read)
	return p, orIO(failed(), err)
}

// own opens a checkpoint of this log that is not larger than it.
func (l *Log) own(signed []byte) (ledger.Checkpoint, error) {
	c, err := l.Keys().Open(signed)
	if size := l.Head().Size; err == nil && c.Size > size {
		err = fmt.Errorf("a checkpoint of %d events: the ledger has %d", c.Size, size)
	}
	return c, err
}

// Consistency returns the proof that the tree of size old is a prefix of that
// of the newest checkpoint.
func (l *Log) Consistency(old int64) ([]ledger.Hash, error) {
	return l.consistency(old, l.now.Load().checkpoint)
}

// ConsistencyIn is Consistency with a checkpoint of this log that was signed earlier.
func (l *Log) ConsistencyIn(signed []byte, old int64) ([]ledger.Hash, error) {
	c, err := l.own(signed)
	if err != nil {
		return nil, err
	}
	return l.consistency(old, c)
}

func (l *Log) consistency(old int64, c ledger.Checkpoint) ([]ledger.Hash, error) {
	read, failed := l.tiles()
	path, err := ledger.ProveConsistency(old, c, read)
	return path, orIO(failed(), err)
}

// RootAt returns the root that the tree had at a size up to the newest.
func (l *Log) RootAt(size int64) (ledger.Hash, error) {
	st := l.now.Load()
	if size < 0 || size > st.head.Size {
		return ledger.Hash{}, fmt.Errorf("root of a tree of %d: the ledger has %d", size, st.head.Size)
	}
	read, failed := l.tiles()
	root, err := ledger.RootAt(size, st.checkpoint, read)
	return root, orIO(failed(), err)
}

// orIO prefers the error of the file system to what came of it.
func orIO(failed, err error) error {
	if err != nil && failed != nil {
		return failed
	}
	return err
}
