package mpt_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"gait/ledger/mpt"
)

func TestPageIDs(t *testing.T) {
	prefix := mpt.Key{0x12, 0x34, 0x56}
	tests := []struct {
		id   mpt.PageID
		key  string
		text string
	}{
		{mpt.PageID{}, "\x00", "root"},
		{mpt.PageID{Depth: 1, Prefix: mpt.Key{0x10}}, "\x01\x10", "1"},
		{mpt.PageID{Depth: 2, Prefix: mpt.Key{0x12}}, "\x02\x12", "12"},
		{mpt.PageID{Depth: 6, Prefix: prefix}, "\x06\x12\x34\x56", "123456"},
		{mpt.PageID{Depth: 63}, "\x3f" + strings.Repeat("\x00", 32), strings.Repeat("0", 63)},
	}
	for _, tt := range tests {
		if got := string(tt.id.AppendKey(nil)); got != tt.key {
			t.Errorf("the key of page %v is %x, want %x", tt.id, got, tt.key)
		}
		if got, err := mpt.ParsePageID([]byte(tt.key)); err != nil || got != tt.id {
			t.Errorf("ParsePageID(%x) = %v, %v; want %v", tt.key, got, err, tt.id)
		}
		if got := tt.id.String(); got != tt.text {
			t.Errorf("page %v prints as %q, want %q", tt.id, got, tt.text)
		}
	}
	for _, wrong := range []string{"", "\x00\x00", "\x01", "\x01\x10\x00", "\x01\x11", "\x02\x12\x00", "\x40" + strings.Repeat("\x00", 32)} {
		if id, err := mpt.ParsePageID([]byte(wrong)); !errors.Is(err, mpt.ErrPageID) {
			t.Errorf("ParsePageID(%x) = %v, %v; want ErrPageID", wrong, id, err)
		}
	}
}

// deep returns keys of which some make pages of several levels, one below the other.
func deep() naive {
	keys := sample(3, 8)
	for i := range 12 {
		keys[mpt.Key{0x12, 0x34, 0x56, byte(i * 16), 31: byte(i)}] = mpt.Value{byte(i)}
	}
	return keys
}

// TestRowsFlipped flips each bit of each row, and cuts and lengthens each row. A
// search then ends with a PageError or finds what was there before.
func TestRowsFlipped(t *testing.T) {
	keys := deep()
	root, rows := fromSorted(t, keys)
	asked := append(keys.answers(slices.Collect(maps.Keys(keys))...), keys.answers(slices.Collect(maps.Keys(sample(4, 8)))...)...)
	refused, tried := 0, 0
	for id, row := range rows {
		try := func(what string, changed []byte) {
			table := &table{rows: maps.Clone(rows)}
			table.rows[id] = changed
			tried++ // every key in turn is the first to be asked
			i := tried % (len(asked) - 2)
			refused += sameOrRefused(t, what, root, table, asked[i:i+3])
		}
		for i := range 8 * len(row) {
			changed := slices.Clone(row)
			changed[i/8] ^= 1 << (i % 8)
			try("flipped", changed)
		}
		for i := range row {
			try("cut", row[:i])
		}
		try("longer", append(slices.Clone(row), 0))
		try("missing", nil)
	}
	if refused == 0 {
		t.Error("no changed row was refused")
	}
}

// An answer is what a tree must say about a key.
type answer struct {
	key   mpt.Key
	value mpt.Value
	has   bool
	proof []byte
}

func (n naive) answers(keys ...mpt.Key) []answer {
	var answers []answer
	for _, k := range keys {
		value, has := n[k]
		answers = append(answers, answer{k, value, has, n.path(k)})
	}
	return answers
}

// sameOrRefused asks a tree of which nothing is in memory, and returns how often
// it said PageError. Another answer than the one wanted is a failure of the test.
func sameOrRefused(t tester, what string, root mpt.Hash, rows *table, asked []answer) int {
	t.Helper()
	refused := 0
	tree := mpt.At(root)
	for _, want := range asked {
		value, has, err := tree.Get(t.Context(), rows, want.key)
		if e := (*mpt.PageError)(nil); errors.As(err, &e) {
			refused++
			continue
		}
		if err != nil || has != want.has || value != want.value {
			t.Fatalf("rows %s: Get(%v) = %v, %v, %v; want %v, %v", what, want.key, value, has, err, want.value, want.has)
		}
		p, err := tree.Prove(t.Context(), rows, want.key)
		if err != nil || !bytes.Equal(p.Encode(), want.proof) {
			t.Fatalf("rows %s: the proof of %v is %x, %v; want %x", what, want.key, p.Encode(), err, want.proof)
		}
	}
	return refused
}

// craft returns a row with the given kinds and parts.
func craft(kinds uint32, parts ...any) []byte {
	b := binary.BigEndian.AppendUint32(nil, kinds)
	for _, part := range parts {
		switch p := part.(type) {
		case int:
			b = append(b, byte(p))
		case mpt.Leaf:
			b = append(append(b, p.Key[:]...), p.Value[:]...)
		case mpt.Hash:
			b = append(b, p[:]...)
		}
	}
	return b
}

// TestRowsHaveOneForm: rows of the root's page that have the right hash are refused
// if they are written in another way.
func TestRowsHaveOneForm(t *testing.T) {
	leaf := func(b byte) mpt.Leaf { return mpt.Leaf{Key: mpt.Key{b}, Value: mpt.Value{b}} }
	a, b, c := leaf(0x10), leaf(0x40), leaf(0x48)
	want := naive{a.Key: a.Value, b.Key: b.Value, c.Key: c.Value}
	few := naive{b.Key: b.Value, c.Key: c.Value}
	tests := []struct {
		name string
		row  []byte
		ok   bool
	}{
		{"as it is written", craft(1<<28|1<<22, 1, a, 2, b, c), true},
		{"no row", nil, false},
		{"no bytes", []byte{}, false},
		{"3 bytes", make([]byte, 3), false},
		{"no keys", craft(0), false},
		{"a byte follows", craft(1<<28|1<<22, 1, a, 2, b, c, 0), false},
		{"a slot of an unknown kind", craft(3<<30|1<<28|1<<22, 1, a, 2, b, c), false},
		{"a slot without keys", craft(1<<30|1<<28|1<<22, 0, 1, a, 2, b, c), false},
		{"a slot of 5 keys", craft(1<<30, 5, a, b, c, leaf(0x50), leaf(0x51)), false},
		{"keys in another slot", craft(1<<28|1<<20, 1, a, 2, b, c), false},
		{"keys do not rise", craft(1<<28|1<<22, 1, a, 2, c, b), false},
		{"a key twice", craft(1<<28|1<<22, 1, a, 2, b, b), false},
		{"too few keys in a child page", craft(1<<28|2<<22, 1, a, few.root()), false},
		{"a child whose page is missing", craft(1<<28|2<<24, 1, a, few.root()), false},
		{"a leaf is cut off", craft(1<<28|1<<22, 1, a, 2, b), false},
		{"the number of keys is cut off", craft(1<<28|1<<22, 1, a), false},
		{"a hash is cut off", craft(1<<28|2<<22, 1, a), false},
	}
	below := mpt.PageID{Depth: 1, Prefix: mpt.Key{0x40}}
	for _, tt := range tests {
		rows := &table{rows: map[mpt.PageID][]byte{{}: tt.row, below: {}}}
		rows.rows[below] = binary.BigEndian.AppendUint32(nil, 1<<30|1<<14)
		for _, l := range []mpt.Leaf{b, c} {
			rows.rows[below] = append(append(append(rows.rows[below], 1), l.Key[1:]...), l.Value[:]...)
		}
		refused := 0
		for key := range want {
			var damage *mpt.PageError
			value, has, err := mpt.At(want.root()).Get(t.Context(), rows, key)
			if errors.As(err, &damage) {
				refused++
			} else if err != nil || !has || value != want[key] {
				t.Errorf("%s: Get(%v) = %v, %v, %v", tt.name, key, value, has, err)
			}
		}
		if tt.ok != (refused == 0) {
			t.Errorf("%s: %d of 3 searches are refused, want ok = %v", tt.name, refused, tt.ok)
		}
	}
}

// FuzzRow shows that a row has one form: what is read is written as the same bytes.
func FuzzRow(f *testing.F) {
	_, rows := fromSorted(f, deep())
	for id, row := range rows {
		f.Add(id.AppendKey(nil), row)
	}
	f.Fuzz(func(t *testing.T, key, row []byte) {
		id, err := mpt.ParsePageID(key)
		if err != nil {
			return
		}
		if again := id.AppendKey(nil); !bytes.Equal(again, key) {
			t.Errorf("the key %x is written again as %x", key, again)
		}
		if again := mpt.Reencode(id, row); again != nil && !bytes.Equal(again, row) {
			t.Errorf("the row %x is written again as %x", row, again)
		}
	})
}

// TestChildBelowTheLastNibble: a page of 63 nibbles has no children.
func TestChildBelowTheLastNibble(t *testing.T) {
	var rows table
	rows.rows = map[mpt.PageID][]byte{}
	hash := mpt.Hash{1} // that of a page with one child is the child's
	for depth := range uint8(64) {
		rows.rows[mpt.PageID{Depth: depth}] = craft(2<<30, hash)
	}
	var damage *mpt.PageError
	if _, has, err := mpt.At(hash).Get(t.Context(), &rows, mpt.Key{}); !errors.As(err, &damage) {
		t.Errorf("Get = %v, %v; want a PageError", has, err)
	}
	if damage != nil && damage.Page.Depth != 63 {
		t.Errorf("the page refused is %v", damage.Page)
	}
}

// TestCachedChildInAnotherSlot moves a child page, as TestChildInAnotherSlot does,
// when the cache has the page but not its parent.
func TestCachedChildInAnotherSlot(t *testing.T) {
	keys := naive{}
	for i := range 12 {
		keys[mpt.Key{0x12, 0x34, 0x30, byte(i * 16)}] = mpt.Value{1, byte(i)}
		keys[mpt.Key{0x12, 0x34, 0x50, byte(i * 16)}] = mpt.Value{2, byte(i)}
		keys[mpt.Key{0x98, 0x76, byte(i * 16)}] = mpt.Value{3, byte(i)}
		keys[mpt.Key{0xba, 0x76, byte(i * 16)}] = mpt.Value{4, byte(i)}
	}
	root, all := fromSorted(t, keys)
	rows := &table{rows: all}
	tree := mpt.At(root)
	tree.Cache(4)
	find := func(key mpt.Key) error {
		value, has, err := tree.Get(t.Context(), rows, key)
		if err == nil && (!has || value != keys[key]) {
			t.Errorf("Get(%v) = %v, %v; want %v", key, value, has, keys[key])
		}
		return err
	}
	moved := mpt.Key{0x12, 0x34, 0x50}
	for _, key := range []mpt.Key{{0x98, 0x76}, moved, {0xba, 0x76}} {
		if err := find(key); err != nil {
			t.Fatal(err)
		}
	}
	parent := mpt.PageID{Depth: 4, Prefix: mpt.Key{0x12, 0x34}}
	row := slices.Clone(all[parent])
	binary.BigEndian.PutUint32(row, 2<<26|2<<22)
	all[parent] = row
	rows.calls.Store(0)
	var damage *mpt.PageError
	if err := find(moved); !errors.As(err, &damage) {
		t.Errorf("a key whose page is named in another slot: %v; want a PageError", err)
	}
	if rows.calls.Load() != 2 {
		t.Errorf("%d pages were read, want the parent and its child", rows.calls.Load())
	}
}

// TestChildInAnotherSlot moves child pages to slots in which all hashes stay as
// they are: the key's own slot is then empty, and yet the key is not absent.
func TestChildInAnotherSlot(t *testing.T) {
	keys := naive{}
	for i := range 12 {
		keys[mpt.Key{0x30, byte(i * 16)}] = mpt.Value{1, byte(i)}
		keys[mpt.Key{0x50, byte(i * 16)}] = mpt.Value{2, byte(i)}
	}
	root, rows := fromSorted(t, keys)
	page := mpt.PageID{}
	row := slices.Clone(rows[page])
	if kinds := binary.BigEndian.Uint32(row); kinds != 2<<24|2<<20 {
		t.Fatalf("the kinds of the root's page are %x, want children in slots 3 and 5", kinds)
	}
	binary.BigEndian.PutUint32(row, 2<<26|2<<22) // slots 2 and 4: the first bit that differs is the same
	rows[page] = row
	for id, row := range maps.Clone(rows) { // and each page below, under its new prefix
		if id.Depth > 0 {
			id.Prefix[0] -= 0x10
			rows[id] = row
		}
	}
	for key := range keys {
		for _, warm := range []bool{false, true} {
			tree, table := mpt.At(root), &table{rows: rows}
			if warm {
				tree.Warm(t.Context(), table, slices.Collect(maps.Keys(sample(1, 99)))) // what it reads is damaged
			}
			var damage *mpt.PageError
			if _, has, err := tree.Get(t.Context(), table, key); !errors.As(err, &damage) {
				t.Errorf("Get(%v) = %v, %v; want a PageError", key, has, err)
			}
			if _, err := tree.Prove(t.Context(), table, key); !errors.As(err, &damage) {
				t.Errorf("Prove(%v) = %v; want a PageError", key, err)
			}
			for _, e := range []mpt.Entry{{Key: key, Remove: true}, {Key: key}} {
				if _, err := tree.Set(t.Context(), table, []mpt.Entry{e}); !errors.As(err, &damage) {
					t.Errorf("Set(%v) = %v; want a PageError", e, err)
				}
			}
		}
	}
}

// TestRowsEdited edits rows at random, also by parts of other rows: no search then
// has another answer, and a tree made of them has the right root or none.
func TestRowsEdited(t *testing.T) {
	keys := deep()
	root, rows := fromSorted(t, keys)
	ids := slices.SortedFunc(maps.Keys(rows), func(a, b mpt.PageID) int { return bytes.Compare(a.AppendKey(nil), b.AppendKey(nil)) })
	asked := append(keys.answers(slices.Collect(maps.Keys(keys))...), keys.answers(slices.Collect(maps.Keys(sample(5, 20)))...)...)
	rapid.Check(t, func(t *rapid.T) {
		edited := &table{rows: maps.Clone(rows)}
		for range rapid.IntRange(1, 3).Draw(t, "edits") {
			id := rapid.SampledFrom(ids).Draw(t, "page")
			row := slices.Clone(edited.rows[id])
			switch rapid.IntRange(0, 3).Draw(t, "how") {
			case 0: // kinds
				if len(row) > 4 {
					binary.BigEndian.PutUint32(row, binary.BigEndian.Uint32(row)<<(2*rapid.IntRange(0, 15).Draw(t, "left"))>>(2*rapid.IntRange(0, 15).Draw(t, "right")))
				}
			case 1: // another page's row
				row = rows[rapid.SampledFrom(ids).Draw(t, "from")]
			case 2:
				row = nil
			default:
				for range min(len(row), rapid.IntRange(1, 3).Draw(t, "bytes")) {
					row[rapid.IntRange(0, len(row)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
				}
			}
			edited.rows[id] = row
		}
		sameOrRefused(t, "edited", root, edited, asked)
		new := mpt.Key(sha256.Sum256([]byte(rapid.String().Draw(t, "new"))))
		next, err := mpt.At(root).Set(t.Context(), edited, []mpt.Entry{{Key: new}})
		want := maps.Clone(keys)
		want[new] = mpt.Value{}
		if err == nil && next.Root() != want.root() {
			t.Errorf("the root with another key is %v, want %v", next.Root(), want.root())
		}
	})
}
