package ledger_test

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
	"golang.org/x/mod/sumdb/tlog"

	"gait/ledger"
)

// A grove is a tree grown by Append. It keeps every hash that Append reports, for
// tiles, and the roots that transparency-dev/merkle, the judge, computes.
type grove struct {
	tree   ledger.Tree
	hashes map[[2]int64]ledger.Hash // by level and index
	leaves []ledger.Hash
	roots  []ledger.Hash // by size, from the judge
}

func grow(t testing.TB, size int) *grove {
	t.Helper()
	g := &grove{hashes: map[[2]int64]ledger.Hash{}, roots: []ledger.Hash{ledger.Hash(rfc6962.DefaultHasher.EmptyRoot())}}
	judge := (&compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}).NewEmptyRange(0)
	for i := range size {
		event := binary.BigEndian.AppendUint64(nil, uint64(i))
		leaf := ledger.LeafHash(event)
		if judged := rfc6962.DefaultHasher.HashLeaf(event); string(judged) != string(leaf[:]) {
			t.Fatalf("LeafHash(%x) = %s, the judge says %x", event, leaf, judged)
		}
		g.tree.Append(leaf, func(level int, n int64, h ledger.Hash) {
			at := [2]int64{int64(level), n}
			if _, again := g.hashes[at]; again {
				t.Errorf("hash %d of level %d was put twice", n, level)
			}
			g.hashes[at] = h
		})
		g.leaves = append(g.leaves, leaf)
		if err := judge.Append(leaf[:], nil); err != nil {
			t.Fatal(err)
		}
		root, err := judge.GetRootHash(nil)
		if err != nil {
			t.Fatal(err)
		}
		g.roots = append(g.roots, ledger.Hash(root))
	}
	return g
}

// tiles reads tiles as a store keeps them: it uses only the reported hashes at
// multiples of the tile height.
func (g *grove) tiles(level int, n int64, width int) ([]byte, error) {
	var b []byte
	for i := range int64(width) {
		h, ok := g.hashes[[2]int64{int64(level) * ledger.TileHeight, n*ledger.TileWidth + i}]
		if !ok {
			return nil, fmt.Errorf("no hash %d in tile %d of level %d", i, n, level)
		}
		b = append(b, h[:]...)
	}
	return b, nil
}

func (g *grove) checkpoint(size int64) ledger.Checkpoint {
	return ledger.Checkpoint{Origin: testOrigin, Size: size, Root: g.roots[size]}
}

func paths(path []ledger.Hash) (out [][]byte) {
	for _, h := range path {
		out = append(out, slices.Clone(h[:]))
	}
	return out
}

// wantInclusion requires our proof of a leaf to satisfy our check, tlog and the judge.
func (g *grove) wantInclusion(t *testing.T, seq, size int64) {
	t.Helper()
	p, err := ledger.Prove(ledger.Seq(seq), g.checkpoint(size), []byte("signed"), g.tiles)
	if err != nil {
		t.Fatalf("Prove(%d) of %d: %v", seq, size, err)
	}
	leaf, root := g.leaves[seq], g.roots[size]
	if err := p.Check(leaf, g.checkpoint(size)); err != nil {
		t.Errorf("Check of event %d of %d: %v", seq, size, err)
	}
	if err := proof.VerifyInclusion(rfc6962.DefaultHasher, uint64(seq), uint64(size), leaf[:], paths(p.Path), root[:]); err != nil {
		t.Errorf("the judge on event %d of %d: %v", seq, size, err)
	}
	var theirs tlog.RecordProof
	for _, h := range p.Path {
		theirs = append(theirs, tlog.Hash(h))
	}
	if err := tlog.CheckRecord(theirs, size, tlog.Hash(root), seq, tlog.Hash(leaf)); err != nil {
		t.Errorf("tlog on event %d of %d: %v", seq, size, err)
	}
}

// wantPrefix requires our consistency proof to satisfy our check and the judge,
// and our root at the older size to be the judge's.
func (g *grove) wantPrefix(t *testing.T, old, size int64) {
	t.Helper()
	if root, err := ledger.RootAt(old, g.checkpoint(size), g.tiles); err != nil || root != g.roots[old] {
		t.Errorf("RootAt(%d) of %d = %s, %v, the judge says %s", old, size, root, err, g.roots[old])
	}
	if old == 0 {
		return
	}
	path, err := ledger.ProveConsistency(old, g.checkpoint(size), g.tiles)
	if err != nil {
		t.Fatalf("ProveConsistency(%d) of %d: %v", old, size, err)
	}
	if err := ledger.CheckConsistency(path, g.checkpoint(old), g.checkpoint(size)); err != nil {
		t.Errorf("CheckConsistency of %d and %d: %v", old, size, err)
	}
	older, newer := g.roots[old], g.roots[size]
	if err := proof.VerifyConsistency(rfc6962.DefaultHasher, uint64(old), uint64(size), paths(path), older[:], newer[:]); err != nil {
		t.Errorf("the judge on %d and %d: %v", old, size, err)
	}
}

// probes returns the places to check in a tree of size: all of a small one; of a
// larger one the ends, the tile borders and a few between.
func probes(size int64) []int64 {
	at := []int64{
		0, 1, 127, 128, 254, 255, 256, 257, 511, 512, 65279, 65280, 65534, 65535, 65536,
		size / 3, size / 2, size - 257, size - 256, size - 255, size - 2, size - 1,
	}
	if size <= 34 || size >= 255 && size <= 258 {
		for i := range size {
			at = append(at, i)
		}
	}
	slices.Sort(at)
	at = slices.Compact(at)
	return slices.DeleteFunc(at, func(i int64) bool { return i < 0 || i >= size })
}

func TestTreeAgreesWithMerkle(t *testing.T) {
	const size = 300
	g := grow(t, size)
	var tree ledger.Tree
	for n := int64(0); n <= size; n++ {
		if tree.Size() != n || tree.Root() != g.roots[n] {
			t.Fatalf("after %d leaves: size %d, root %s, the judge says %s", n, tree.Size(), tree.Root(), g.roots[n])
		}
		for _, i := range probes(n) {
			g.wantInclusion(t, i, n)
			g.wantPrefix(t, i, n)
		}
		g.wantPrefix(t, n, n)
		if n < size {
			tree.Append(g.leaves[n], nil)
		}
	}
	if len(g.hashes) != 2*size-4 { // 2n less one for each bit set in n
		t.Errorf("Append put %d hashes, want %d", len(g.hashes), 2*size-4)
	}
}

func TestLargeTreeAgreesWithMerkle(t *testing.T) {
	g := grow(t, 65537)
	if g.tree.Root() != g.roots[65537] {
		t.Errorf("Root of 65537 leaves = %s, the judge says %s", g.tree.Root(), g.roots[65537])
	}
	for _, n := range []int64{511, 512, 513, 65279, 65280, 65281, 65535, 65536, 65537} {
		for _, i := range probes(n) {
			g.wantInclusion(t, i, n)
			g.wantPrefix(t, i, n)
		}
	}
}

func TestEmptyTree(t *testing.T) {
	var tree ledger.Tree
	if want := ledger.Hash(sha256.Sum256(nil)); tree.Root() != want {
		t.Errorf("Root of an empty tree = %s, want %s", tree.Root(), want)
	}
	none := ledger.Checkpoint{Origin: testOrigin, Root: tree.Root()}
	if root, err := ledger.RootAt(0, none, nil); err != nil || root != none.Root {
		t.Errorf("RootAt(0) of an empty tree = %s, %v, want %s", root, err, none.Root)
	}
	if b, err := tree.MarshalBinary(); err != nil || string(b) != "\x00\x00\x00\x00\x00\x00\x00\x00" {
		t.Errorf("MarshalBinary of an empty tree = %x, %v, want eight zero bytes", b, err)
	}
}

// A proof of one thing proves nothing else.
func TestProofsThatDoNotHold(t *testing.T) {
	g := grow(t, 70)
	c := g.checkpoint(70)
	for seq := range ledger.Seq(70) {
		good, err := ledger.Prove(seq, c, nil, g.tiles)
		if err != nil {
			t.Fatal(err)
		}
		leaf := g.leaves[seq]
		shorter, longer, flipped, moved := good, good, good, good
		shorter.Path = good.Path[1:]
		longer.Path = append(slices.Clone(good.Path), leaf)
		flipped.Path = slices.Clone(good.Path)
		flipped.Path[len(flipped.Path)-1][31] ^= 1
		moved.Seq ^= 1
		negative, beyond := good, good
		negative.Seq, beyond.Seq = -1, 70
		for name, p := range map[string]ledger.Proof{
			"shorter": shorter, "longer": longer, "flipped": flipped,
			"moved": moved, "negative": negative, "beyond": beyond,
		} {
			if err := p.Check(leaf, c); !errors.Is(err, ledger.ErrUnverified) {
				t.Errorf("Check of event %d, proof %s = %v, want ErrUnverified", seq, name, err)
			}
		}
		if err := good.Check(hashOf("other"), c); !errors.Is(err, ledger.ErrUnverified) {
			t.Errorf("Check of another leaf at %d = %v, want ErrUnverified", seq, err)
		}
		if err := good.Check(leaf, g.checkpoint(69)); !errors.Is(err, ledger.ErrUnverified) {
			t.Errorf("Check of event %d in the tree before = %v, want ErrUnverified", seq, err)
		}
	}
}

func TestConsistencyThatDoesNotHold(t *testing.T) {
	g := grow(t, 20)
	path, err := ledger.ProveConsistency(12, g.checkpoint(20), g.tiles)
	if err != nil {
		t.Fatal(err)
	}
	forked, renamed := g.checkpoint(12), g.checkpoint(12)
	forked.Root[0] ^= 1
	renamed.Origin = "gait.example/log2"
	for _, tt := range []struct {
		name         string
		path         []ledger.Hash
		older, newer ledger.Checkpoint
	}{
		{"forked", path, forked, g.checkpoint(20)},
		{"of another log", path, renamed, g.checkpoint(20)},
		{"shorter path", path[1:], g.checkpoint(12), g.checkpoint(20)},
		{"longer path", append(slices.Clone(path), path[0]), g.checkpoint(12), g.checkpoint(20)},
		{"other sizes", path, g.checkpoint(11), g.checkpoint(20)},
		{"the wrong way round", path, g.checkpoint(20), g.checkpoint(12)},
		{"from nothing", nil, g.checkpoint(0), g.checkpoint(20)},
		{"same size, other root", nil, forked, g.checkpoint(12)},
	} {
		if err := ledger.CheckConsistency(tt.path, tt.older, tt.newer); !errors.Is(err, ledger.ErrUnverified) {
			t.Errorf("%s: CheckConsistency = %v, want ErrUnverified", tt.name, err)
		}
	}
	if err := ledger.CheckConsistency(nil, g.checkpoint(12), g.checkpoint(12)); err != nil {
		t.Errorf("CheckConsistency of a checkpoint with itself: %v", err)
	}
}

// A tile that does not fit the signed root is refused before it is used.
func TestDamagedTiles(t *testing.T) {
	g := grow(t, 600)
	c := g.checkpoint(600)
	damage := map[string]func(level int, n int64, b []byte) []byte{
		"a bit flipped": func(level int, n int64, b []byte) []byte {
			if level == 0 && n == 1 {
				b[40] ^= 1
			}
			return b
		},
		"a byte short": func(_ int, _ int64, b []byte) []byte { return b[:len(b)-1] },
		"a byte more":  func(_ int, _ int64, b []byte) []byte { return append(b, 0) },
		"empty":        func(int, int64, []byte) []byte { return nil },
	}
	for name, do := range damage {
		tiles := func(level int, n int64, width int) ([]byte, error) {
			b, err := g.tiles(level, n, width)
			return do(level, n, b), err
		}
		_, err := ledger.Prove(300, c, nil, tiles)
		wantCorrupt(t, err, 300)
		_, err = ledger.ProveConsistency(300, c, tiles)
		wantCorrupt(t, err, -1)
		_, err = ledger.RootAt(300, c, tiles)
		wantCorrupt(t, err, -1)
		if t.Failed() {
			t.Fatalf("with a tile %s", name)
		}
	}
	other := c
	other.Root[0] ^= 1
	_, err := ledger.Prove(300, other, nil, g.tiles)
	wantCorrupt(t, err, 300)
}

// To ask for something outside the tree is the caller's mistake. It is not
// reported as corruption, and it never panics.
func TestOutsideOfTheTree(t *testing.T) {
	g := grow(t, 3)
	c := g.checkpoint(3)
	for _, n := range []int64{-1 << 63, -1, 4, 1<<63 - 1} {
		_, proveErr := ledger.Prove(ledger.Seq(n), c, nil, g.tiles)
		_, consistencyErr := ledger.ProveConsistency(n, c, g.tiles)
		_, rootErr := ledger.RootAt(n, c, g.tiles)
		for what, err := range map[string]error{"Prove": proveErr, "ProveConsistency": consistencyErr, "RootAt": rootErr} {
			if _, isCorrupt := errors.AsType[*ledger.CorruptError](err); err == nil || isCorrupt {
				t.Errorf("%s(%d) of 3 = %v, want an error that is no CorruptError", what, n, err)
			}
		}
	}
	if _, err := ledger.Prove(3, c, nil, g.tiles); err == nil {
		t.Error("Prove(3) of 3 succeeded")
	}
	if _, err := ledger.ProveConsistency(0, c, g.tiles); err == nil {
		t.Error("ProveConsistency(0) succeeded")
	}
}

func TestTreeUnmarshalRefuses(t *testing.T) {
	three := grow(t, 3).tree
	good, err := three.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	huge := binary.BigEndian.AppendUint64(nil, 1<<53)
	for name, b := range map[string][]byte{
		"nothing": nil, "seven bytes": good[:7], "cut": good[:len(good)-1], "longer": append(slices.Clone(good), 0),
		"a hash more": append(slices.Clone(good), make([]byte, 32)...), "2^53 leaves": append(huge, make([]byte, 32)...),
		"negative": append([]byte{0x80, 0, 0, 0, 0, 0, 0, 0}, make([]byte, 32)...),
	} {
		tree := three
		if err := tree.UnmarshalBinary(b); !errors.Is(err, ledger.ErrMalformed) || tree.Root() != three.Root() {
			t.Errorf("UnmarshalBinary of %s = %v, want ErrMalformed and the tree as it was", name, err)
		}
	}
}
