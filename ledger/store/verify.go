package store

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"

	"gait/ledger"
)

// Verify reads everything the log holds and checks it, from the bytes up: that
// each event decodes and follows the one before it in the ledger and in its
// job, that the tree over them is the signed one, and that tiles, indexes and
// heads say what the events say, neither less nor more. Views are opaque, so
// it checks only whose they are. Anything else is a *ledger.CorruptError,
// which names the event where one shows, or ledger.ErrUnsupportedVersion. progress may be nil; it is called
// now and then, and at the end, and an error of it ends the work.
//
// What is verified is the log as it is when Verify begins; appending goes on.
func (l *Log) Verify(progress func(done, total int64) error) error {
	return l.VerifyEach(progress, func(ledger.Event) error { return nil })
}

// VerifyEach is Verify that hands each event on, in order, once it is known to
// follow those before it. What is made of the events is good only where
// VerifyEach succeeds. An error of use ends the work.
func (l *Log) VerifyEach(progress func(done, total int64) error, use func(ledger.Event) error) error {
	if progress == nil {
		progress = func(int64, int64) error { return nil }
	}
	at, err := l.pin()
	if err != nil {
		return fmt.Errorf("verifying: %w", err)
	}
	defer at.hide()
	v := verifier{log: at, use: use, jobs: map[string]*verifiedJob{}, rows: rows{}}
	for _, step := range []func() error{
		at.checkFormat,
		func() error { return v.events(progress) },
		v.rotations, v.state, v.index, v.requests, v.heads, v.views, v.tiles, v.cosigned, v.strangers,
	} {
		if err := step(); err != nil {
			return fmt.Errorf("verifying: %w", err)
		}
	}
	return nil
}

// A verifier builds anew what the log should hold.
type verifier struct {
	log  *Log
	keys ledger.Keyring
	head ledger.Head
	tree ledger.Tree
	rows rows // of tiles not full yet
	jobs map[string]*verifiedJob
	use  func(ledger.Event) error

	requested int64 // how many keys of request ids there must be
	err       error // of a tile, met while appending to the tree
}

// progressEvery is how many events pass between two calls of progress.
const progressEvery = 4096

// events checks all events against each other, while those that follow are
// read and decoded.
func (v *verifier) events(progress func(done, total int64) error) error {
	total := v.log.Head().Size
	for e, err := range ahead(v.log.stored()) {
		if err == nil {
			err = v.event(e)
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

// stored returns all events there are, decoded, each at its place and no more.
func (l *Log) stored() ledger.Events {
	return func(yield func(ledger.Event, error) bool) {
		c := l.scan([]byte{prefixEvent}, after(prefixEvent))
		for seq := ledger.Seq(0); c.next(); seq++ {
			var e ledger.Event
			err := error(nil)
			if bytes.Equal(c.key(), eventKey(seq)) {
				e, err = decode(seq, bytes.Clone(c.value))
			} else {
				err = corrupt(seq, "it is missing: found key %x", c.key())
			}
			if !yield(e, err) || err != nil {
				c.close()
				return
			}
		}
		if err := c.close(); err != nil {
			yield(ledger.Event{}, err)
		}
	}
}

func (v *verifier) event(e ledger.Event) (err error) {
	if e.Origin != v.log.Origin() {
		return corrupt(e.Seq, "expected origin %s, found %s", v.log.Origin(), e.Origin)
	}
	if e.Seq == 0 {
		if v.keys, err = ledger.NewKeyring(e); err != nil || v.keys.First() != v.log.Keys().First() {
			return corruptBy(err, 0, "expected the key %s", v.log.Keys().First())
		}
	}
	next, err := v.head.Follow(e)
	if err != nil {
		return v.blame(err)
	}
	v.head = next
	if v.keys, err = v.keys.Follow(e); err != nil {
		return err
	}
	v.tree.Append(e.LeafHash(), v.put)
	if v.err != nil {
		return v.err
	}
	if err := v.job(e); err != nil {
		return err
	}
	return v.use(e)
}

// blame finds out which side of a broken link was changed: the last event that
// followed, where it is not the one the tree holds, or the one that did not.
func (v *verifier) blame(broken error) error {
	last := ledger.Seq(v.head.Size - 1)
	if last < 0 {
		return broken
	}
	if leaf, err := v.log.leaf(last); err == nil && leaf != v.head.Leaf {
		return corrupt(last, "expected leaf hash %s, found %s", leaf, v.head.Leaf)
	}
	return broken
}

// put collects the hashes of a row, and checks each tile when it is full.
func (v *verifier) put(level int, n int64, h ledger.Hash) {
	if level%ledger.TileHeight != 0 || v.err != nil {
		return
	}
	v.rows.put(level, n, h)
	level /= ledger.TileHeight
	r := v.rows[level]
	if len(r.hashes) < ledger.TileWidth*hashSize {
		return
	}
	at := r.from / ledger.TileWidth
	stored, _, err := v.log.get(tileKey(level, at))
	if v.err = err; err == nil {
		v.err = v.compare(level, at, stored, r.hashes)
	}
	r.from, r.hashes = r.from+ledger.TileWidth, r.hashes[:0]
}

// compare names the first event whose leaf hash is not the one stored.
func (v *verifier) compare(level int, n int64, stored, want []byte) error {
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

// state checks the head, the right edge and the checkpoint, stored and held.
func (v *verifier) state() error {
	held := v.log.now.Load()
	stored, err := v.log.readState()
	if err != nil {
		return err
	}
	if err := stored.check(v.keys); err != nil {
		return err
	}
	if !bytes.Equal(stored.signed, held.signed) {
		return corrupt(-1, "the stored checkpoint is not the one in use")
	}
	if h := stored.head; h.Size != v.head.Size || h.Leaf != v.head.Leaf || !h.Time.Equal(v.head.Time) {
		return corrupt(-1, "expected the head after event %d, found that of %d events", v.head.Size-1, h.Size)
	}
	if root := v.tree.Root(); root != stored.checkpoint.Root {
		return corrupt(-1, "expected root %s, the checkpoint has %s", root, stored.checkpoint.Root)
	}
	edge, err := v.tree.MarshalBinary()
	if err != nil {
		return err
	}
	if b, err := v.log.meta(keyEdge); err != nil || !bytes.Equal(b, edge) {
		return corruptBy(err, -1, "the right edge is not that of the events")
	}
	return nil
}

// every calls f with each key and value from low up to high.
func (v *verifier) every(low, high []byte, f func(key, value []byte) error) error {
	c := v.log.scan(low, high)
	for c.next() {
		if err := f(c.key(), c.value); err != nil {
			c.close()
			return err
		}
	}
	return c.close()
}

func (v *verifier) views() error {
	return v.every([]byte{prefixView}, after(prefixView), func(k, _ []byte) error {
		if _, known := v.jobs[string(k[1:])]; !known {
			return corrupt(-1, "a view of job %q, which has no events", k[1:])
		}
		return nil
	})
}

// tiles checks the hashes of tiles that are not full, and that there are no
// tiles but those the tree has.
func (v *verifier) tiles() error {
	for _, level := range slices.Sorted(maps.Keys(v.rows)) {
		r := v.rows[level]
		n := r.from / ledger.TileWidth
		stored, err := v.log.partial(level, n, len(r.hashes)/hashSize)
		if err != nil {
			return err
		}
		if err := v.compare(level, n, stored, r.hashes); err != nil {
			return err
		}
	}
	full := func(level int) int64 {
		if level >= 63/ledger.TileHeight {
			return 0
		}
		return v.head.Size >> (ledger.TileHeight * (level + 1))
	}
	err := v.every([]byte{prefixTile}, after(prefixTile), func(k, _ []byte) error {
		if level, n, ok := parseRowKey(k); !ok || n < 0 || n >= full(level) {
			return corrupt(-1, "no tile belongs under key %x", k)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return v.every([]byte{prefixPartial}, after(prefixPartial), func(k, _ []byte) error {
		level, n, ok := parseRowKey(k)
		if !ok || level > 63/ledger.TileHeight || n < full(level)*ledger.TileWidth || n >= v.head.Size>>(ledger.TileHeight*level) {
			return corrupt(-1, "no hash belongs under key %x", k)
		}
		return nil
	})
}

// strangers checks that there are no keys of other kinds.
func (v *verifier) strangers() error {
	stranger := func(k, _ []byte) error { return corrupt(-1, "unknown key %.40q", k) }
	if _, err := v.log.readImported(); err != nil {
		return err
	}
	known := [][]byte{keyCheckpoint, keyEdge, keyFormat, keyHead, keyImported}
	err := v.every([]byte{prefixMeta}, after(prefixMeta), func(k, b []byte) error {
		if !slices.ContainsFunc(known, func(m []byte) bool { return bytes.Equal(m, k) }) {
			return stranger(k, b)
		}
		return nil
	})
	prefixes := []byte{prefixCosigned, prefixEvent, prefixHead, prefixIndex, prefixRotation, prefixMeta, prefixPartial, prefixRequest, prefixTile, prefixView}
	var low []byte
	for _, p := range prefixes {
		err = errors.Join(err, v.every(low, []byte{p}, stranger))
		low = after(p)
	}
	return errors.Join(err, v.every(low, nil, stranger))
}
