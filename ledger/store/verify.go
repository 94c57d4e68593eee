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
// Appending waits for Verify.
func (l *Log) Verify(progress func(done, total int64) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if progress == nil {
		progress = func(int64, int64) error { return nil }
	}
	v := verifier{log: l, jobs: map[string]ledger.JobHead{}, rows: rows{}}
	for _, step := range []func() error{
		l.checkFormat,
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
	jobs map[string]ledger.JobHead

	indexed, requested int64 // how many keys there must be
	err                error // of a tile, met while appending to the tree
}

// progressEvery is how many events pass between two calls of progress.
const progressEvery = 4096

// events checks all events, and each one's entries in the indexes.
func (v *verifier) events(progress func(done, total int64) error) error {
	total := v.log.Head().Size
	c := v.log.scan(v.log.db, []byte{prefixEvent}, after(prefixEvent))
	for c.next() {
		err := v.event(bytes.Clone(c.key()), bytes.Clone(c.value))
		if err != nil {
			c.close()
			return err
		}
		if v.head.Size%progressEvery == 0 {
			if err := progress(v.head.Size, total); err != nil {
				return err
			}
		}
	}
	if err := c.close(); err != nil {
		return err
	}
	if v.head.Size < total {
		return corrupt(ledger.Seq(v.head.Size), "it is missing")
	}
	return progress(v.head.Size, total)
}

func (v *verifier) event(key, value []byte) error {
	seq := ledger.Seq(v.head.Size)
	if !bytes.Equal(key, eventKey(seq)) {
		return corrupt(seq, "it is missing: found key %x", key)
	}
	e, err := decode(seq, value)
	if err != nil {
		return err
	}
	if e.Origin != v.log.Origin() {
		return corrupt(seq, "expected origin %s, found %s", v.log.Origin(), e.Origin)
	}
	if seq == 0 {
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
	return v.job(e)
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
	stored, _, err := v.log.get(v.log.db, tileKey(level, at))
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

// job checks what the indexes say of an event.
func (v *verifier) job(e ledger.Event) (err error) {
	if e.JobID == "" {
		return nil
	}
	if v.jobs[e.JobID], err = v.jobs[e.JobID].Follow(e); err != nil {
		return err
	}
	v.indexed++
	if err := v.names(indexKey(e.JobID, e.JobSeq), e.Seq); err != nil || e.RequestID == "" {
		return err
	}
	v.requested++
	return v.names(requestKey(e.RequestID), e.Seq)
}

// names checks that an index key names an event.
func (v *verifier) names(key []byte, seq ledger.Seq) error {
	b, _, err := v.log.get(v.log.db, key)
	if err != nil {
		return err
	}
	if !bytes.Equal(b, encodeSeq(seq)) {
		return corrupt(seq, "expected it under index key %q, found %x", key, b)
	}
	return nil
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
	c := v.log.scan(v.log.db, low, high)
	for c.next() {
		if err := f(c.key(), c.value); err != nil {
			c.close()
			return err
		}
	}
	return c.close()
}

// index checks that no event is in a job's index that is not in the job. That
// each one that is in the job is in the index is known by then.
func (v *verifier) index() error {
	err := v.every([]byte{prefixIndex}, after(prefixIndex), func(k, b []byte) error {
		job, jobSeq, ok := parseIndexKey(k)
		if !ok || jobSeq < 1 || jobSeq > v.jobs[job].JobSeq {
			return corrupt(extra(b), "no event belongs under index key %q", k)
		}
		v.indexed--
		return nil
	})
	return v.counted(err, v.indexed, "job index")
}

func (v *verifier) requests() error {
	err := v.every([]byte{prefixRequest}, after(prefixRequest), func(k, b []byte) error {
		seq, ok := decodeSeq(b)
		if !ok || int64(seq) >= v.head.Size {
			return corrupt(-1, "no event belongs under request id %q", k[1:])
		}
		e, err := v.log.event(seq)
		if err == nil && e.RequestID != string(k[1:]) {
			err = corrupt(seq, "its request id is not %q", k[1:])
		}
		v.requested--
		return err
	})
	return v.counted(err, v.requested, "request ids")
}

// counted says that an index holds as many keys as it must.
func (v *verifier) counted(err error, left int64, what string) error {
	if err == nil && left != 0 {
		return corrupt(-1, "%s: %d keys too few", what, left)
	}
	return err
}

// extra returns the event that a superfluous index key names, or -1.
func extra(b []byte) ledger.Seq {
	if seq, ok := decodeSeq(b); ok {
		return seq
	}
	return -1
}

func (v *verifier) heads() error {
	left := maps.Clone(v.jobs)
	err := v.every([]byte{prefixHead}, after(prefixHead), func(k, b []byte) error {
		job := string(k[1:])
		if want, known := left[job]; !known || !bytes.Equal(b, encodeJobHead(want)) {
			return corrupt(want.Seq, "the head of job %q is not that of its events", job)
		}
		delete(left, job)
		return nil
	})
	if err == nil && len(left) > 0 {
		job := slices.Sorted(maps.Keys(left))[0]
		err = corrupt(left[job].Seq, "job %s has no head", job)
	}
	return err
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
