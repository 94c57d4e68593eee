package store

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"slices"

	"gait/ledger"
)

// A chainVerifier checks stored events against each other, and the tree, the tiles and
// the head against the events.
type chainVerifier struct {
	ctx  context.Context
	log  *indexReader
	keys ledger.Keyring
	head ledger.Head
	tree ledger.Tree
	last partialTiles

	tilesOfEvents *tileWalk
	err           error // of a tile, found while appending to the tree
}

// progressEvery is how many events pass between two calls of progress.
const progressEvery = 4096

// events checks the events that follow against each other, while those after them
// are read and decoded. It passes each to use.
func (v *chainVerifier) events(use func(ledger.Event) error, progress func(done, total int64) error) error {
	total := v.log.Head().Size
	v.tilesOfEvents = walkTiles(v.ctx, v.log.read, v.head.Size/ledger.TileWidth)
	defer v.tilesOfEvents.stop()
	from := ledger.Seq(v.head.Size)
	decoded := func(n int64, b []byte) (ledger.Event, error) { return decode(from+ledger.Seq(n), b) }
	for e, err := range ledger.DecodeAhead(storedEvents(v.ctx, v.log.read, from, after(prefixEvent)), decoded) {
		if err == nil {
			err = v.follow(e)
		}
		if err == nil {
			err = use(e)
		}
		if err == nil && v.head.Size%progressEvery == 0 {
			err = progress(v.head.Size, total)
		}
		if err != nil {
			return err
		}
	}
	if v.head.Size < total {
		return corrupt(ledger.Seq(v.head.Size), "it is missing")
	}
	return progress(v.head.Size, total)
}

// storedEvents returns the bytes of all stored events from one on, up to a key, and checks
// that each is at its place.
func storedEvents(ctx context.Context, r Reader, from ledger.Seq, high []byte) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		seq, low := from, eventKey(from)
		if from == 0 {
			low = []byte{prefixEvent} // a key that is no event's is found too
		}
		for row, err := range scanPages(ctx, r, low, high, lastPage) {
			if err == nil && !bytes.Equal(row.Key, eventKey(seq)) {
				err = corrupt(seq, "it is missing: found %s", rowName(row.Key))
			}
			if !yield(row.Value, err) || err != nil {
				return
			}
			seq++
		}
	}
}

// follow checks that an event follows those before it, and adds it to the tree.
func (v *chainVerifier) follow(e ledger.Event) (err error) {
	if e.Origin() != v.log.Origin() {
		return corrupt(e.Seq(), "expected origin %s, found %s", v.log.Origin(), e.Origin())
	}
	if e.Seq() == 0 {
		if v.keys, err = ledger.NewKeyring(e); err != nil || v.keys.First() != v.log.Keys().First() {
			return corruptBy(err, 0, "expected the key %s", v.log.Keys().First())
		}
	}
	next, err := v.head.Follow(e)
	if err != nil {
		return v.blame(err)
	}
	v.head = next
	keys, err := v.keys.Follow(e)
	if err != nil {
		return err
	}
	if moved := v.log.Moved(); moved == nil || moved.Seq != e.Seq() { // else that place has not signed yet
		v.keys = keys
	}
	v.tree.Append(e.LeafHash(), v.put)
	return v.err
}

// blame finds which side of a broken link was changed: the last event that followed,
// if it is not the one the tree holds, or else the one that did not follow.
func (v *chainVerifier) blame(broken error) error {
	last := ledger.Seq(v.head.Size - 1)
	if last < 0 {
		return broken
	}
	if leaf, err := v.log.tree().leaf(v.ctx, last); err == nil && leaf != v.head.Leaf {
		return corrupt(last, "expected leaf hash %s, found %s", leaf, v.head.Leaf)
	}
	return broken
}

// compare names the first event whose leaf hash is not the one stored.
func (v *chainVerifier) compare(level int, n int64, stored, want []byte) error {
	if bytes.Equal(stored, want) {
		return nil
	}
	seq := ledger.Seq(-1)
	if level == 0 && len(stored) == len(want) {
		i := 0
		for stored[i] == want[i] {
			i++
		}
		seq = ledger.Seq(n*ledger.TileWidth + int64(i/hashSize))
	}
	return corrupt(seq, "tile %d of level %d does not hold the hashes of the events", n, level)
}

// format checks the version of the key table.
func (v *chainVerifier) format() error {
	m, err := readMeta(v.ctx, v.log.read)
	if err != nil {
		return err
	}
	return m.checkFormat()
}

// state compares the head, the right edge and the checkpoint, as stored and in use.
func (v *chainVerifier) state() error {
	held := v.log.now.Load()
	m, err := readMeta(v.ctx, v.log.read)
	if err != nil {
		return err
	}
	if h, ok := decodeHead(m.head); m.head != nil && (!ok || h.Size != v.head.Size || h.Leaf != v.head.Leaf || !h.Time.Equal(v.head.Time)) {
		return corrupt(-1, "expected the head after event %d, found %x", v.head.Size-1, m.head)
	}
	stored, err := m.state(v.ctx, v.log.read)
	if err == nil {
		err = stored.check(v.keys)
	}
	if err != nil {
		return err
	}
	if !bytes.Equal(stored.signed, held.signed) {
		return corrupt(-1, "the stored checkpoint is not the one in use")
	}
	if root := v.tree.Root(); root != stored.checkpoint.Root {
		return corrupt(-1, "expected root %s, the checkpoint has %s", root, stored.checkpoint.Root)
	}
	edge, err := v.tree.MarshalBinary()
	if err != nil {
		return err
	}
	if !bytes.Equal(m.edge, edge) {
		return corrupt(-1, "the right edge is not that of the events")
	}
	return nil
}

// every calls f with each key and value from low up to high.
func (v *chainVerifier) every(low, high []byte, f func(key, value []byte) error) error {
	for row, err := range scanPages(v.ctx, v.log.read, low, high, lastPage) {
		if err != nil {
			return err
		}
		if err := f(row.Key, row.Value); err != nil {
			return err
		}
	}
	return nil
}

// tiles checks the hashes of tiles that are not full, and that there are no tiles
// that the tree does not have.
func (v *chainVerifier) tiles() error {
	for level, hashes := range v.log.now.Load().last {
		if err := v.compare(level, v.head.Size>>(ledger.TileHeight*(level+1)), hashes, v.last[level]); err != nil {
			return err
		}
	}
	return v.every([]byte{prefixTile}, after(prefixTile), func(k, _ []byte) error {
		level, n, ok := parseRowKey(k)
		if !ok || n < 0 || level >= tileLevels-1 || n >= v.head.Size>>(ledger.TileHeight*(level+1)) {
			return corrupt(-1, "no hashes belong to %s", rowName(k))
		}
		return nil
	})
}

// strangers checks that there are no keys of other kinds.
func (v *chainVerifier) strangers() error {
	stranger := func(k, _ []byte) error { return corrupt(-1, "unknown key %.40q", k) }
	m, err := readMeta(v.ctx, v.log.read)
	if err != nil {
		return err
	}
	if _, err := m.isImported(); err != nil {
		return err
	}
	known := [][]byte{keyCheckpoint, keyEdge, keyFormat, keyHead, keyImported}
	prefixes := []byte{prefixAuthority, prefixCosigned, prefixEvent, prefixHead, prefixIndex, prefixRotation, prefixMeta, prefixRequest, prefixTile}
	if m.old() || m.unfinished() {
		prefixes = append(prefixes, prefixBuild, prefixPartial, prefixView)
	}
	if !m.old() {
		known = append(known, keyRecord, keyUpper)
		prefixes = append(prefixes, prefixPage)
	}
	if string(m.format) == format5 {
		prefixes = append(prefixes, prefixCall)
	}
	if m.tagsRecord().state != tagsNone {
		known = append(known, keyTags)
		prefixes = append(prefixes, prefixTags, prefixNumber)
	}
	slices.Sort(prefixes)
	err = v.every([]byte{prefixMeta}, after(prefixMeta), func(k, b []byte) error {
		if !slices.ContainsFunc(known, func(m []byte) bool { return bytes.Equal(m, k) }) {
			return stranger(k, b)
		}
		return nil
	})
	var low []byte
	for _, p := range prefixes {
		err = errors.Join(err, v.every(low, []byte{p}, stranger))
		low = after(p)
	}
	return errors.Join(err, v.every(low, nil, stranger))
}
