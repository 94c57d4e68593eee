package store

import (
	"context"
	"slices"

	"gait/ledger"
)

// last reads the hashes of the tiles that are not full, which must be those of the
// state's right edge. Those of the first level are the leaf hashes of the last events,
// which are hashed again.
//
// If an event among them is damaged, its leaf hash is the one that the event after it
// names: so the rest of the ledger can be read, and jobs can be stopped. The event is
// found to be damaged when it is read.
func (m meta) last(ctx context.Context, r Reader, st *state) (u partialTiles, err error) {
	size := st.head.Size
	if m.old() {
		u, err = readPartials(ctx, r, size)
	} else {
		u, err = decodeUpper(m.upper, size)
	}
	if err != nil {
		return u, err
	}
	from := size / ledger.TileWidth * ledger.TileWidth
	if m.old() || m.unfinished() {
		if u[0], err = readLeaves(ctx, r, from, size); err != nil {
			return u, err
		}
		from += int64(len(u[0]) / hashSize)
	}
	events, err := readStored(ctx, r, from, size)
	if err != nil {
		return u, err
	}
	kept := slices.Clip(u[0])
	u[0] = append(kept, ownLeaves(events)...)
	if err = u.check(&st.tree); err == nil {
		return u, nil
	}
	u[0] = append(kept, linkedLeaves(events, st.head.Leaf)...)
	if u.check(&st.tree) == nil {
		return u, nil
	}
	if i := slices.IndexFunc(events, func(b []byte) bool { return b == nil }); i >= 0 {
		return u, corrupt(ledger.Seq(from+int64(i)), "it is missing")
	}
	return u, corruptBy(err, -1, "the last events and tiles")
}

// readStored reads the stored bytes of some events; nil for one that is missing.
func readStored(ctx context.Context, r Reader, from, to int64) ([][]byte, error) {
	events := make([][]byte, to-from)
	for row, err := range scanPages(ctx, r, eventKey(ledger.Seq(from)), eventKey(ledger.Seq(to)), ledger.TileWidth) {
		if err != nil {
			return nil, err
		}
		seq, ok := decodeSeq(row.Key[1:])
		if !ok {
			return nil, corrupt(-1, "no event belongs to %s", rowName(row.Key))
		}
		events[int64(seq)-from] = row.Value
	}
	return events, nil
}

// ownLeaves returns the leaf hashes of stored events.
func ownLeaves(events [][]byte) []byte {
	leaves := make([]byte, 0, ledger.TileWidth*hashSize)
	for _, b := range events {
		leaf := ledger.LeafHash(b)
		leaves = append(leaves, leaf[:]...)
	}
	return leaves
}

// linkedLeaves returns the leaf hashes of stored events, the last of which is given, as
// each event names that of the one before it. What a damaged event names is not used.
func linkedLeaves(events [][]byte, last ledger.Hash) []byte {
	leaves := ownLeaves(events)
	named := &last
	for i := len(events) - 1; i >= 0; i-- {
		leaf := leaves[i*hashSize:][:hashSize]
		intact := named == nil || ledger.Hash(leaf) == *named
		if named != nil {
			copy(leaf, named[:])
		}
		named = nil
		if e, err := ledger.Decode(events[i]); err == nil && intact {
			prev := e.Prev()
			named = &prev
		}
	}
	return leaves
}
