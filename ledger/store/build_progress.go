package store

import (
	"context"
	"crypto/sha256"

	"gait/ledger"
	"gait/ledger/mpt"
)

// A buildProgress says how far a build is: what it has found in the first events. The
// entries that these set in the index are in parts, which are rows of their own. Those
// are only added, so that a crash leaves the parts that the record names.
type buildProgress struct {
	size      int64       // the number of these events
	tree      ledger.Hash // the root of their tree
	jobs      int64
	committed int64 // 1 and the seq of the newest index_committed, or 0

	parts int64    // the number of parts
	hash  mpt.Hash // of all parts: H(H(H() ‖ part 0) ‖ part 1) and so on
}

// noProgress is that of a build that has read no events.
var noProgress = buildProgress{tree: emptyTree.Root(), hash: mpt.EmptyRoot}

// record returns the record that says how far the build is.
func (p buildProgress) record(origin string) record {
	return record{
		state: recordBuilding, size: p.size, tree: p.tree, index: p.hash, jobs: p.jobs,
		flushed: p.parts, pages: mpt.EmptyRoot, committed: p.committed, origin: origin,
	}
}

// progressOf returns how far the build is that a record is of.
func progressOf(r record) buildProgress {
	return buildProgress{size: r.size, tree: r.tree, jobs: r.jobs, committed: r.committed, parts: r.flushed, hash: r.index}
}

// add adds a part.
func (p *buildProgress) add(part []byte) Row {
	row := Row{buildKey(p.parts), part}
	p.parts++
	p.hash = sha256.Sum256(append(p.hash[:], part...))
	return row
}

const (
	entrySize   = 2 * hashSize
	partEntries = 1 << 13
)

// encodePart returns a part that holds entries.
func encodePart(entries []mpt.Entry) []byte {
	part := make([]byte, 0, len(entries)*entrySize)
	for i := range entries {
		part = append(append(part, entries[i].Key[:]...), entries[i].Value[:]...)
	}
	return part
}

func decodePart(part []byte) []mpt.Entry {
	entries := make([]mpt.Entry, 0, len(part)/entrySize)
	for ; len(part) >= entrySize; part = part[entrySize:] {
		entries = append(entries, mpt.Entry{Key: mpt.Key(part), Value: mpt.Value(part[hashSize:])})
	}
	return entries
}

// readParts returns the index that the parts lead to, and whether they are those that
// the progress names.
func (p buildProgress) readParts(ctx context.Context, r Reader) (index mpt.Tree, ok bool, err error) {
	found := buildProgress{hash: mpt.EmptyRoot}
	for row, err := range scanPages(ctx, r, []byte{prefixBuild}, buildKey(p.parts), 1) {
		if err != nil {
			return index, false, err
		}
		found.add(row.Value)
		if index, err = index.Set(ctx, nil, decodePart(row.Value)); err != nil {
			return index, false, nil // its keys do not rise
		}
	}
	return index, found.parts == p.parts && found.hash == p.hash, nil
}
