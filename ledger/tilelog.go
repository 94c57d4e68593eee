package ledger

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// A TileLog reads the covered part of a log that is laid out as files (C2SP
// tlog-tiles). It accepts only what leads to the checkpoint's root. The caller
// has checked who signed the checkpoint.
type TileLog struct {
	Coverage
	Checkpoint Checkpoint // of Coverage.Size
	// Read returns the content of a file. The methods return its errors.
	Read func(TileName) ([]byte, error)
}

// tiles returns a reader of tiles of hashes, and a function that returns the
// error of Read that stopped it, or nil.
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

// Events returns the covered events, each decoded, proved to be in the tree, and
// checked to follow the one before. It may be ranged over more than once. An event
// that fails is a *CorruptError that names it, or ErrUnsupportedVersion.
func (t TileLog) Events() Events {
	return func(yield func(Event, error) bool) {
		read, failed := t.tiles()
		hashes := read.hashes(t.Size, t.Checkpoint.Root)
		var head Head
		for n := t.First; n <= t.Last; n++ {
			bundle, err := t.bundle(n, hashes)
			if failure := failed(); failure != nil {
				bundle, err = nil, failure
			}
			for _, e := range bundle {
				if head, err = t.follow(head, e); err != nil {
					break
				}
				if !yield(e, nil) {
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

// follow returns the head after e. For the first covered event the tree proves
// that it follows the one before it.
func (t TileLog) follow(head Head, e Event) (Head, error) {
	if head.Size == 0 && t.First > 0 {
		head = Head{Size: int64(e.Seq()), Leaf: e.Prev(), Authority: e.Authority()}
	}
	head, err := head.Follow(e)
	if err == nil && e.Origin() != t.Checkpoint.Origin {
		err = corrupt(e.Seq(), "expected origin %s, found %s", t.Checkpoint.Origin, e.Origin())
	}
	return head, err
}

// bundle reads bundle n and checks each entry against its hash in the tree.
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
		if events[i], err = Interpret(entry); err != nil {
			return nil, &CorruptError{Seq: seq, Err: err}
		}
		if events[i].Seq() != seq {
			return nil, corrupt(seq, "expected seq %d, found %d", seq, events[i].Seq())
		}
	}
	return events, nil
}

// Prove returns the proof that event seq is in the tree. It fails if the files
// that it takes are missing.
func (t TileLog) Prove(seq Seq, signed []byte) (Proof, error) {
	read, failed := t.tiles()
	p, err := Prove(seq, t.Checkpoint, signed, read)
	if failure := failed(); failure != nil {
		return Proof{}, failure
	}
	return p, err
}

// Continues reports whether the tree continues that of an older checkpoint.
// It fails if the files that it takes are missing.
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
