package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"slices"

	"gait/ledger"
)

// Format 1 of the key table differs in rows that are read here. Nothing writes it any
// more:
//
//	h job      the job's head, always without a view
//	p level n  one hash of a tile that is not full yet: hash n of the row
//	v job      the job's cached view

func viewKey(job string) []byte { return append([]byte{prefixView}, job...) }

func partialKey(level int, n int64) []byte {
	return binary.BigEndian.AppendUint64([]byte{prefixPartial, byte(level)}, uint64(n))
}

// readPartials reads the hashes of the unfinished tiles of format 1, but for those
// of the first level.
func readPartials(ctx context.Context, r Reader, size int64) (u partialTiles, err error) {
	for level := 1; level < tileLevels; level++ {
		end := size >> (ledger.TileHeight * level)
		n := end - int64(width(size, level))
		if u[level], err = readHashes(ctx, r, level, n, end); err != nil {
			return u, err
		}
		if n += int64(len(u[level]) / hashSize); n != end {
			return u, corrupt(-1, "hash %d of level %d is missing", n, level)
		}
	}
	return u, nil
}

// readLeaves reads the leaf hashes that format 1 has of the last events, as far as
// there are any. With them a ledger can be read in which one of these events is damaged.
func readLeaves(ctx context.Context, r Reader, from, to int64) ([]byte, error) {
	return readHashes(ctx, r, 0, from, to)
}

// readHashes reads hashes of one level, up to the first that is missing.
func readHashes(ctx context.Context, r Reader, level int, from, to int64) (hashes []byte, err error) {
	rows, _, err := r.Scan(ctx, partialKey(level, from), partialKey(level, to), ledger.TileWidth, false)
	for _, row := range rows {
		if !bytes.Equal(row.Key, partialKey(level, from)) || len(row.Value) != hashSize {
			break
		}
		hashes = append(hashes, row.Value...)
		from++
	}
	return hashes, err
}

// withViews returns rows of jobs as format 2 has them, from those of format 1, which
// have no view. Who has written a view is not known.
func withViews(ctx context.Context, r Reader, jobs []string, heads [][]byte) ([][]byte, error) {
	keys := make([][]byte, len(jobs))
	for i, job := range jobs {
		keys[i] = viewKey(job)
	}
	views, err := r.GetMany(ctx, keys)
	if err != nil {
		return nil, err
	}
	rows := slices.Clone(heads)
	for i, view := range views {
		if len(heads[i]) != jobHeadSize || view == nil {
			continue
		}
		rows[i] = slices.Concat(heads[i], make([]byte, macSize), view)
	}
	return rows, nil
}

// partials checks the rows of hashes that format 1 has for tiles that are not full.
func (v *verifier) partials() error {
	last := v.log.now.Load().last
	left := 0
	for _, hashes := range last {
		left += len(hashes) / hashSize
	}
	err := v.every([]byte{prefixPartial}, after(prefixPartial), func(k, b []byte) error {
		level, n, ok := parseRowKey(k)
		if !ok || level >= tileLevels || n < 0 || n/ledger.TileWidth != v.head.Size>>(ledger.TileHeight*level)/ledger.TileWidth {
			return corrupt(-1, "no hash belongs under key %x", k)
		}
		at := int(n%ledger.TileWidth) * hashSize
		if at >= len(last[level]) {
			return corrupt(-1, "no hash belongs under key %x", k)
		}
		if !bytes.Equal(b, last[level][at:at+hashSize]) {
			return corrupt(-1, "hash %d of level %d is not that of the events", n, level)
		}
		left--
		return nil
	})
	if err == nil && left > 0 {
		err = corrupt(-1, "%d hashes of unfinished tiles too few", left)
	}
	return err
}

// views checks that the views of format 1 are of jobs.
func (v *verifier) views() error {
	return v.every([]byte{prefixView}, after(prefixView), func(k, _ []byte) error {
		if _, known := v.jobs[string(k[1:])]; !known {
			return corrupt(-1, "a view of job %q, which has no events", k[1:])
		}
		return nil
	})
}
