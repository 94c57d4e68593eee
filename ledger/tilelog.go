package ledger

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// A TileLog reads the covered part of a log that is laid out as files (C2SP
// tlog-tiles), and believes nothing that does not lead to the checkpoint's
// root. Whose checkpoint it is, the caller has checked.
type TileLog struct {
	Coverage
	Checkpoint Checkpoint // of Coverage.Size
	// Read returns the content of a file. Its errors are passed on.
	Read func(TileName) ([]byte, error)
}

// tiles reads tiles of hashes. failed returns the error of Read that stopped
// it, if one did.
func (t TileLog) tiles() (read Tiles, failed func() error) {
	var first error
	return func(level int, n int64, width int) ([]byte, error) {
		b, err := t.Read(TileName{Level: level, Index: n, Width: width})
		if err != nil && first == nil {
			first = err
		}
		return b, err
	}, func() error { return first }
}

// Events returns the covered events, each decoded, in the tree, and following
// the one before. It may be ranged over more than once. What does not hold is a
// *CorruptError, which names the event, or ErrUnsupportedVersion.
func (t TileLog) Events() Events {
	return func(yield func(Event, error) bool) {
		read, failed := t.tiles()
		hashes := read.hashes(t.Size, t.Checkpoint.Root)
		var head Head
		for n := t.First; n <= t.Last; n++ {
			bundle, err := t.bundle(n, hashes)
			if failure := failed(); failure != nil {
				err = failure
			}
			for i := 0; err == nil && i < len(bundle); i++ {
				e := bundle[i]
				if head.Size == 0 && n > 0 {
					head = Head{Size: int64(e.Seq), Leaf: e.Prev}
				}
				if head, err = head.Follow(e); err == nil && e.Origin != t.Checkpoint.Origin {
					err = corrupt(e.Seq, "expected origin %s, found %s", t.Checkpoint.Origin, e.Origin)
				}
				if err == nil && !yield(e, nil) {
					return
				}
			}
			if err != nil {
				yield(Event{}, err)
				return
			}
		}
	}
}

// bundle reads bundle n and holds each entry to its hash in the tree.
func (t TileLog) bundle(n int64, hashes tlog.HashReader) ([]Event, error) {
	name := t.Bundle(n)
	from := n * TileWidth
	indexes := make([]int64, name.Width)
	for i := range indexes {
		indexes[i] = tlog.StoredHashIndex(0, from+int64(i))
	}
	leaves, err := hashes.ReadHashes(indexes)
	if err != nil {
		return nil, &CorruptError{Seq: Seq(from), Reason: "its tile", Err: fmt.Errorf("%w: %w", ErrUnverified, err)}
	}
	b, err := t.Read(name)
	if err != nil {
		return nil, err
	}
	entries, err := ParseBundle(b, name.Width)
	if err != nil {
		return nil, &CorruptError{Seq: Seq(from), Err: err}
	}
	events := make([]Event, len(entries))
	for i, entry := range entries {
		seq := Seq(from + int64(i))
		if leaf := LeafHash(entry); leaf != Hash(leaves[i]) {
			return nil, &CorruptError{Seq: seq, Reason: fmt.Sprintf("expected leaf hash %s, found %s", Hash(leaves[i]), leaf), Err: ErrUnverified}
		}
		if events[i], err = Decode(entry); err != nil {
			return nil, &CorruptError{Seq: seq, Err: err}
		}
		if events[i].Seq != seq {
			return nil, corrupt(seq, "expected seq %d, found %d", seq, events[i].Seq)
		}
	}
	return events, nil
}

// Prove returns the proof that event seq is in the tree, where the files for it
// are there.
func (t TileLog) Prove(seq Seq, signed []byte) (Proof, error) {
	read, failed := t.tiles()
	p, err := Prove(seq, t.Checkpoint, signed, read)
	if failure := failed(); failure != nil {
		return Proof{}, failure
	}
	return p, err
}

// Continues reports whether the tree continues that of an older checkpoint.
// It fails where the files to tell are not there.
func (t TileLog) Continues(older Checkpoint) (bool, error) {
	read, failed := t.tiles()
	path, err := ProveConsistency(older.Size, t.Checkpoint, read)
	if failure := failed(); failure != nil {
		return false, failure
	}
	if err != nil {
		return false, fmt.Errorf("comparing with %d events: %w", older.Size, err)
	}
	return CheckConsistency(path, older, t.Checkpoint) == nil, nil
}
