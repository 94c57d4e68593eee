package ledger

import (
	"encoding/binary"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
)

// CheckpointFile is the name of the newest checkpoint in a C2SP tlog-tiles log.
const CheckpointFile = "checkpoint"

// A TileName names a file of a C2SP tlog-tiles log: a tile of hashes, or a
// bundle of the entries under a tile of level 0.
type TileName struct {
	Level   int   // of the tile; 0 for a bundle
	Index   int64 // of the tile in its level
	Width   int   // hashes or entries in it, 1 to TileWidth
	Entries bool  // a bundle of entries
}

// String returns the file's path: tile/<L>/<N>[.p/<W>] or tile/entries/<N>[.p/<W>].
func (t TileName) String() string {
	level := "entries"
	if !t.Entries {
		level = strconv.Itoa(t.Level)
	}
	n := fmt.Sprintf("%03d", t.Index%1000)
	for rest := t.Index / 1000; rest > 0; rest /= 1000 {
		n = fmt.Sprintf("x%03d/%s", rest%1000, n)
	}
	name := "tile/" + level + "/" + n
	if t.Width < TileWidth {
		name += ".p/" + strconv.Itoa(t.Width)
	}
	return name
}

// ParseTileName reads a path that String writes. Errors wrap ErrMalformed.
func ParseTileName(path string) (TileName, error) {
	bad := fmt.Errorf("%w: %.80q names no tile", ErrMalformed, path)
	rest, ok := strings.CutPrefix(path, "tile/")
	level, rest, more := strings.Cut(rest, "/")
	if !ok || !more || len(path) > 80 {
		return TileName{}, bad
	}
	t := TileName{Width: TileWidth, Entries: level == "entries"}
	if !t.Entries {
		l, err := parseDecimal(level)
		if err != nil || l > maxInt>>TileHeight {
			return TileName{}, bad
		}
		t.Level = int(l)
	}
	n, width, partial := strings.Cut(rest, ".p/")
	if partial {
		w, err := parseDecimal(width)
		if err != nil || w < 1 || w >= TileWidth {
			return TileName{}, bad
		}
		t.Width = int(w)
	}
	index, err := strconv.ParseInt(strings.NewReplacer("x", "", "/", "").Replace(n), 10, 64)
	if err != nil || index < 0 {
		return TileName{}, bad
	}
	t.Index = index
	if t.String() != path {
		return TileName{}, bad
	}
	return t, nil
}

// A Coverage is a part of a ledger's tree as files: the bundles First to Last,
// with every tile that authenticates them.
type Coverage struct {
	Size        int64 // of the tree, at least 1
	First, Last int64 // indexes of bundles
}

// Cover returns the coverage of the events from one to another in a tree of
// size, rounded outward to whole bundles: clients read whole bundles.
func Cover(size int64, from, to Seq) Coverage {
	return Coverage{Size: size, First: int64(from) / TileWidth, Last: int64(to) / TileWidth}
}

// From returns the first event covered.
func (c Coverage) From() Seq { return Seq(c.First * TileWidth) }

// To returns the last event covered.
func (c Coverage) To() Seq { return Seq(min((c.Last+1)*TileWidth, c.Size) - 1) }

// Whole reports whether every event of the tree is covered.
func (c Coverage) Whole() bool { return c.First == 0 && int64(c.To()) == c.Size-1 }

// Bundle returns the name of a bundle.
func (c Coverage) Bundle(n int64) TileName {
	return TileName{Index: n, Width: width(c.Size, n), Entries: true}
}

// Names yields the names of the tiles of hashes and of the bundles: at every
// level the tiles over a covered event and, if it is not full, the last tile, from
// which the root is computed. There may be too many to hold in memory.
func (c Coverage) Names() iter.Seq[TileName] {
	return func(yield func(TileName) bool) {
		for level, hashes := 0, c.Size; hashes > 0; level, hashes = level+1, hashes>>TileHeight {
			first, last, end := c.level(level, hashes)
			for n := first; n <= min(last, end); n++ {
				if !yield(TileName{Level: level, Index: n, Width: width(hashes, n)}) {
					return
				}
			}
			if edge := hashes % TileWidth; edge != 0 && (last < end || first > end) && !yield(TileName{Level: level, Index: end, Width: int(edge)}) {
				return
			}
		}
		for n := c.First; n <= c.Last; n++ {
			if !yield(c.Bundle(n)) {
				return
			}
		}
	}
}

// level returns the first and the last tile over the covered events at a level
// with the given number of hashes, and the level's last tile.
func (c Coverage) level(level int, hashes int64) (first, last, end int64) {
	return c.First >> (TileHeight * level), c.Last >> (TileHeight * level), (hashes - 1) / TileWidth
}

// Has reports whether path is the path of one of Names.
func (c Coverage) Has(path string) bool {
	t, err := ParseTileName(path)
	if err != nil {
		return false
	}
	if t.Entries {
		return t.Index >= c.First && t.Index <= c.Last && t == c.Bundle(t.Index)
	}
	hashes := c.Size >> (TileHeight * t.Level)
	first, last, end := c.level(t.Level, hashes)
	if hashes == 0 || t.Index > end || t.Width != width(hashes, t.Index) {
		return false
	}
	return t.Index >= first && t.Index <= last || t.Index == end && hashes%TileWidth != 0
}

// Files returns the paths of all Names, in order.
func (c Coverage) Files() []string {
	var files []string
	for t := range c.Names() {
		files = append(files, t.String())
	}
	slices.Sort(files)
	return files
}

// width returns how many of n hashes the tile at index holds.
func width(n, index int64) int { return int(min(n-index*TileWidth, TileWidth)) }

// MaxBundleSize bounds a bundle of entries.
const MaxBundleSize = TileWidth * (2 + MaxEventSize)

// AppendEntry adds an event to a bundle: its length in two bytes, big-endian,
// and its exact bytes (C2SP tlog-tiles).
func AppendEntry(bundle []byte, e Event) []byte {
	bundle = binary.BigEndian.AppendUint16(bundle, uint16(len(e.Bytes())))
	return append(bundle, e.Bytes()...)
}

// ParseBundle splits a bundle into its entries, which share its memory. Errors
// wrap ErrMalformed.
func ParseBundle(bundle []byte, width int) ([][]byte, error) {
	entries := make([][]byte, 0, width)
	for len(bundle) > 0 && len(entries) < width {
		if len(bundle) < 2 || len(bundle)-2 < int(binary.BigEndian.Uint16(bundle)) {
			return nil, fmt.Errorf("%w: a bundle ends within entry %d", ErrMalformed, len(entries))
		}
		end := 2 + int(binary.BigEndian.Uint16(bundle))
		entries = append(entries, bundle[2:end:end])
		bundle = bundle[end:]
	}
	if len(entries) < width || len(bundle) > 0 {
		return nil, fmt.Errorf("%w: a bundle of %d entries and %d bytes, not of %d entries", ErrMalformed, len(entries), len(bundle), width)
	}
	return entries, nil
}
