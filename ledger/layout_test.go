package ledger_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"gait/ledger"
)

// The paths are those of the examples in C2SP tlog-tiles.
func TestTileName(t *testing.T) {
	for _, tt := range []struct {
		name ledger.TileName
		path string
	}{
		{ledger.TileName{Level: 0, Index: 0, Width: 256}, "tile/0/000"},
		{ledger.TileName{Level: 0, Index: 1234067, Width: 256}, "tile/0/x001/x234/067"},
		{ledger.TileName{Level: 1, Index: 1, Width: 17}, "tile/1/001.p/17"},
		{ledger.TileName{Index: 1000, Width: 256, Entries: true}, "tile/entries/x001/000"},
		{ledger.TileName{Index: 7, Width: 1, Entries: true}, "tile/entries/007.p/1"},
	} {
		if got := tt.name.String(); got != tt.path {
			t.Errorf("%+v is %s, want %s", tt.name, got, tt.path)
		}
		if got, err := ledger.ParseTileName(tt.path); err != nil || got != tt.name {
			t.Errorf("ParseTileName(%s) = %+v, %v, want %+v", tt.path, got, err, tt.name)
		}
	}
	for _, path := range []string{
		"", "tile", "tile/", "tile/0", "tile/0/", "tile/0/0", "tile/0/0000", "tile/0/x000/001", "tile/00/001", "tile/-1/001",
		"tile/0/001.p/256", "tile/0/001.p/0", "tile/0/001.p/", "tile/0/001.p/01", "tile/0/001.p/1.p/1", "tile/entries", "tile/Entries/001",
		"tile/0/-01", "tile/0/+01", "tile/0/x01/001", "/tile/0/001", "tile/0/001/", "tile/0/x999/x999/x999/x999/x999/x999/x999/x999/999", "tile/99999999999999/001",
	} {
		if got, err := ledger.ParseTileName(path); !errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("ParseTileName(%s) = %+v, %v, want ErrMalformed", path, got, err)
		}
	}
}

// files is a log as files, by path.
type files map[string][]byte

func (f files) read(n ledger.TileName) ([]byte, error) {
	b, ok := f[n.String()]
	if !ok {
		return nil, fmt.Errorf("%w: %s", errMissing, n)
	}
	return b, nil
}

var errMissing = errors.New("missing")

// laidOut returns a ledger of size events, the files that cover it, and its
// checkpoint.
func laidOut(t testing.TB, size int) (ledger.Checkpoint, files) {
	key := testKey(t, testOrigin)
	f := files{}
	var tree ledger.Tree
	var head ledger.Head
	rows := map[int][]byte{}
	var bundles []byte
	prev := ledger.Hash{}
	for i := range size {
		d := ledger.Draft{Seq: ledger.Seq(i), ID: testULID, Origin: testOrigin, Time: testTime, Actor: "a", Prev: prev}
		if i == 0 {
			d.Payload = ledger.LedgerCreated{Format: 1, Key: key.VerifierKey().String()}
		} else {
			d.JobID, d.JobSeq, d.Revision, d.Payload = fmt.Sprintf("j%d", i), 1, 1, ledger.Submitted{EnvironmentFingerprint: "x", ProducerVersion: "y"}
		}
		e := seal(t, d)
		var err error
		if head, err = head.Follow(e); err != nil {
			t.Fatal(err)
		}
		prev = e.LeafHash()
		tree.Append(prev, func(level int, _ int64, h ledger.Hash) {
			if level%ledger.TileHeight == 0 {
				rows[level/ledger.TileHeight] = append(rows[level/ledger.TileHeight], h[:]...)
			}
		})
		bundles = ledger.AppendEntry(bundles, e)
		if (i+1)%ledger.TileWidth == 0 || i == size-1 {
			n := int64(i / ledger.TileWidth)
			f[ledger.TileName{Index: n, Width: i%ledger.TileWidth + 1, Entries: true}.String()] = bundles
			bundles = nil
		}
	}
	for level, row := range rows {
		for n := 0; n*ledger.TileWidth*32 < len(row); n++ {
			part := row[n*ledger.TileWidth*32 : min(len(row), (n+1)*ledger.TileWidth*32)]
			f[ledger.TileName{Level: level, Index: int64(n), Width: len(part) / 32}.String()] = part
		}
	}
	return ledger.Checkpoint{Origin: testOrigin, Size: int64(size), Root: tree.Root()}, f
}

// The files of a whole log are exactly those of tlog-tiles. The files that cover
// a part of it are enough to read that part, also for a client that is not ours.
func TestCoverage(t *testing.T) {
	for _, size := range []int{1, 2, 255, 256, 257, 511, 512, 700, 1025, 65536, 65537, 66000} {
		c, f := laidOut(t, size)
		whole := ledger.Cover(c.Size, 0, ledger.Seq(size-1))
		if got := whole.Files(); len(got) != len(f) || !whole.Whole() {
			t.Errorf("%d events: %d files, want %d", size, len(got), len(f))
		}
		want := map[string]bool{}
		for _, tile := range tlog.NewTiles(ledger.TileHeight, 0, c.Size) {
			want[ledger.TileName{Level: tile.L, Index: tile.N, Width: tile.W}.String()] = true
		}
		for tile := range whole.Names() {
			if tile.Entries {
				continue
			}
			if tile.Width == ledger.TileWidth && !want[tile.String()] || f[tile.String()] == nil {
				t.Errorf("%d events: %s is no tile", size, tile)
			}
		}
	}
	// Has knows the same names without listing them.
	for _, cover := range []ledger.Coverage{ledger.Cover(66000, 0, 65999), ledger.Cover(66000, 300, 70000%66000), ledger.Cover(1<<53-1, 1<<50, 1<<50+1), ledger.Cover(1, 0, 0)} {
		n := 0
		for name := range cover.Names() {
			if n++; !cover.Has(name.String()) {
				t.Errorf("%+v has no %s", cover, name)
			}
			for _, other := range []ledger.TileName{
				{Level: name.Level, Index: name.Index, Width: name.Width%ledger.TileWidth + 1, Entries: name.Entries},
				{Level: name.Level + 8, Index: name.Index, Width: name.Width, Entries: name.Entries},
			} {
				if cover.Has(other.String()) && !slices.Contains(cover.Files(), other.String()) {
					t.Errorf("%+v has %s", cover, other)
				}
			}
			if n > 300 {
				break
			}
		}
	}
	if c := ledger.Cover(66000, 0, 65999); c.Has("tile/0/258") || c.Has("tile/0/x001/000") || c.Has("checkpoint") || c.Has("tile/9/000") {
		t.Error("a tree of 66000 has files beyond it")
	}
	big, all := laidOut(t, 66000)
	rapid.Check(t, func(t *rapid.T) {
		from := rapid.Int64Range(0, big.Size-1).Draw(t, "from")
		to := rapid.Int64Range(from, min(big.Size-1, from+600)).Draw(t, "to")
		cover := ledger.Cover(big.Size, ledger.Seq(from), ledger.Seq(to))
		part := files{}
		for _, name := range cover.Files() {
			part[name] = all[name]
		}
		next := cover.From()
		for e, err := range (ledger.TileLog{Coverage: cover, Checkpoint: big, Read: part.read}).Events() {
			if err != nil || e.Seq() != next {
				t.Fatalf("events %d to %d: at %d: %v", from, to, next, err)
			}
			next++
		}
		if next != cover.To()+1 || int64(cover.From()) > from || int64(cover.To()) < to {
			t.Errorf("events %d to %d: covered %d to %d, read up to %d", from, to, cover.From(), cover.To(), next)
		}
		for name := range part { // each of the files is needed
			without := files{}
			for other, b := range part {
				if other != name {
					without[other] = b
				}
			}
			if _, err := last(ledger.TileLog{Coverage: cover, Checkpoint: big, Read: without.read}.Events()); !errors.Is(err, errMissing) {
				t.Errorf("events %d to %d without %s: %v", from, to, name, err)
			}
		}
	})
}

// Every bit of every file counts.
func TestTileLogBits(t *testing.T) {
	c, f := laidOut(t, 3)
	log := ledger.TileLog{Coverage: ledger.Cover(c.Size, 0, 2), Checkpoint: c, Read: f.read}
	tried := 0
	for name, good := range f {
		for bit := range len(good) * 8 {
			f[name] = bytes.Clone(good)
			f[name][bit/8] ^= 1 << (bit % 8)
			if _, err := last(log.Events()); err == nil {
				t.Errorf("bit %d of %s changes unseen", bit, name)
			}
			tried++
		}
		for n := range len(good) {
			f[name] = good[:n]
			if _, err := last(log.Events()); err == nil {
				t.Errorf("%s cut to %d bytes unseen", name, n)
			}
			tried++
		}
		f[name] = append(bytes.Clone(good), 0)
		if _, err := last(log.Events()); err == nil {
			t.Errorf("a byte after %s unseen", name)
		}
		f[name] = good
	}
	t.Logf("%d changes", tried)
}

func last(events ledger.Events) (at ledger.Event, err error) {
	for e, err := range events {
		if err != nil {
			return e, err
		}
		at = e
	}
	return at, nil
}

func TestContinues(t *testing.T) {
	c, f := laidOut(t, 700)
	log := ledger.TileLog{Coverage: ledger.Cover(c.Size, 0, 699), Checkpoint: c, Read: f.read}
	older, _ := laidOut(t, 300)
	if ok, err := log.Continues(older); !ok || err != nil {
		t.Errorf("700 events do not continue their first 300: %v", err)
	}
	older.Root[0] ^= 1
	if ok, err := log.Continues(older); ok || err != nil {
		t.Errorf("700 events continue 300 others (%v)", err)
	}
	part := ledger.TileLog{Coverage: ledger.Cover(c.Size, 600, 699), Checkpoint: c, Read: func(n ledger.TileName) ([]byte, error) {
		if n.Index < 2 && n.Level == 0 {
			return nil, errMissing
		}
		return f.read(n)
	}}
	if _, err := part.Continues(older); !errors.Is(err, errMissing) {
		t.Errorf("without the files to tell: %v", err)
	}
}

func FuzzTileName(f *testing.F) {
	f.Add("tile/0/x001/x234/067")
	f.Add("tile/entries/007.p/1")
	f.Fuzz(func(t *testing.T, path string) {
		if n, err := ledger.ParseTileName(path); err == nil && n.String() != path {
			t.Errorf("%q reads as %s", path, n)
		}
	})
}
