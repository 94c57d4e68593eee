package ledgertest_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/ledger/ledgertest"
	"gait/ledger/store"
	"gait/ledger/store/pebble"
)

var someRows = ledgertest.Rows{
	"e\x00\x00\x00\x00\x00\x00\x00\x01": []byte("one"), "e\x00\x00\x00\x00\x00\x00\x00\x02": []byte("two"),
	"ha": []byte("head of a"), "hab": []byte("head of ab"), "va": []byte("view"), "rr1": []byte("8 bytes."), "la\x00c1": []byte("9"), "lab\x00c1": []byte("10"),
	"ja\x00\x00\x00\x00\x00\x00\x00\x00\x01": []byte("1"), "ja\x00\x00\x00\x00\x00\x00\x00\x00\x02": []byte("2"),
	"jab\x00\x00\x00\x00\x00\x00\x00\x00\x01": []byte("3"), "m/head": []byte("head"), "m/index": []byte("record"), "i\x00": []byte("page"),
}

func TestEdit(t *testing.T) {
	saved := map[string]ledgertest.Rows{"before": {"ha": []byte("older"), "rr0": []byte("gone since")}}
	for _, tt := range []struct {
		name string
		step []string
		want []store.Row
	}{
		{"a dropped row", []string{"drop", "h:a"}, []store.Row{{Key: []byte("ha")}}},
		{"one row of an index", []string{"drop", "j:a@2"}, []store.Row{{Key: []byte("ja\x00\x00\x00\x00\x00\x00\x00\x00\x02")}}},
		{"the row of a call", []string{"drop", "l:a@c1"}, []store.Row{{Key: []byte("la\x00c1")}}},
		{"all rows of a job", []string{"drop", "job:ab"}, []store.Row{{Key: []byte("hab")}, {Key: []byte("jab\x00\x00\x00\x00\x00\x00\x00\x00\x01")}}},
		{"the events from one on", []string{"drop", "e:2-"}, []store.Row{{Key: []byte("e\x00\x00\x00\x00\x00\x00\x00\x02")}}},
		{"a cut row", []string{"cut", "r:r1"}, []store.Row{{Key: []byte("rr1"), Value: []byte("8 by")}}},
		{"a row cut to a length", []string{"cut", "index", "0"}, []store.Row{{Key: []byte("i\x00"), Value: []byte{}}, {Key: []byte("m/index"), Value: []byte{}}}},
		{"a flipped bit", []string{"flip", "v"}, []store.Row{{Key: []byte("va"), Value: []byte("viuw")}}},
		{"an older row", []string{"older", "before", "h:a"}, []store.Row{{Key: []byte("ha"), Value: []byte("older")}}},
		{"rows that are not there any more", []string{"older", "before", "r"}, []store.Row{{Key: []byte("rr0"), Value: []byte("gone since")}, {Key: []byte("rr1")}}},
		{"a row from elsewhere", []string{"copy", "hab", "ha"}, []store.Row{{Key: []byte("ha"), Value: []byte("head of ab")}}},
		{"a row of one's own", []string{"put", "m/imported", "31"}, []store.Row{{Key: []byte("m/imported"), Value: []byte("1")}}},
		{"the end of the ledger", []string{"drop", "end"}, []store.Row{{Key: []byte("m/head")}}},
		{"nothing that is there", []string{"drop", "h:nobody"}, nil},
		{"no such selector", []string{"drop", "x:a"}, nil},
		{"no such step", []string{"burn", "h:a"}, nil},
		{"nothing saved", []string{"older", "never", "h:a"}, nil},
	} {
		got, err := someRows.Edit(saved, tt.step...)
		if (err != nil) != (tt.want == nil) {
			t.Errorf("%s: Edit = %v", tt.name, err)
			continue
		}
		if diff := cmp.Diff(tt.want, someRows.Changes(got)); err == nil && diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	all, err := someRows.Edit(nil, "drop", "all")
	if err != nil || len(all) > 0 {
		t.Errorf("after all rows are dropped there are %v, %v", all, err)
	}
}

func TestMoments(t *testing.T) {
	later := someRows.Clone()
	delete(later, "ha")
	later["new \xff"] = []byte{}
	want := []ledgertest.Moment{{Name: "first", Rows: someRows}, {Name: "later", Rows: later}}
	got, err := ledgertest.ParseMoments(append([]byte("# a comment\n"), ledgertest.FormatMoments(want)...))
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("ParseMoments of FormatMoments: %v\n%s", err, diff)
	}
}

// What EditDir writes is a table for package pebble: one that is as its last process
// left it, and that a one-shot process opens at once.
func TestEditDir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	for _, rows := range []ledgertest.Rows{someRows, {"m/head": []byte("another")}} {
		if err := ledgertest.EditDir(dir, func(ledgertest.Rows) (ledgertest.Rows, error) { return rows, nil }); err != nil {
			t.Fatal(err)
		}
		if tidy, err := pebble.Tidy(dir, nil); err != nil || !tidy {
			t.Errorf("Tidy = %t, %v", tidy, err)
		}
		table, err := pebble.Open(dir, pebble.Options{OneShot: true})
		if err != nil {
			t.Fatal(err)
		}
		got, err := ledgertest.ReadRows(t.Context(), table)
		if diff := cmp.Diff(rows, got); err != nil || diff != "" {
			t.Errorf("ReadRows = %v (-want +got):\n%s", err, diff)
		}
		if err := table.Close(); err != nil {
			t.Fatal(err)
		}
	}
	refuse := func(ledgertest.Rows) (ledgertest.Rows, error) { return nil, os.ErrInvalid }
	if err := ledgertest.EditDir(dir, refuse); err == nil {
		t.Error("EditDir ignores the error of an edit")
	}
}

// The same edits do the same to a table in memory, while it is in use.
func TestTamperWith(t *testing.T) {
	table := someRows.Table()
	got, err := ledgertest.ReadRows(context.Background(), table)
	if diff := cmp.Diff(someRows, got); err != nil || diff != "" {
		t.Fatalf("ReadRows = %v (-want +got):\n%s", err, diff)
	}
	to, err := someRows.Edit(nil, "drop", "h")
	if err != nil {
		t.Fatal(err)
	}
	ledgertest.TamperWith(table, someRows, to)
	if got, err = ledgertest.ReadRows(context.Background(), table); err != nil || !slices.Equal(slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(to))) {
		t.Errorf("after TamperWith there are %v, %v", got, err)
	}
}

// A process that has a table open shows rows that SwapDir gave it, if it reads their
// files for the first time.
func TestSwapDir(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	rows := ledgertest.Rows{"m/head": []byte("head")}
	for i := range 100 {
		rows[fmt.Sprintf("h%02d", i)] = bytes.Repeat([]byte{byte(i), byte(i >> 1), 7, byte(i * i)}, 64)
	}
	err := ledgertest.EditDir(dir, func(ledgertest.Rows) (ledgertest.Rows, error) { return rows, nil })
	if err == nil {
		err = ledgertest.SplitDir(dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	table, err := pebble.Open(dir, pebble.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer table.Close()
	if err := ledgertest.SwapDir(dir, func(r ledgertest.Rows) (ledgertest.Rows, error) {
		r, err := r.Edit(nil, "cut", "h:50", "1")
		if err == nil {
			r, err = r.Edit(nil, "drop", "h:51")
		}
		return r, err
	}); err != nil {
		t.Fatal(err)
	}
	got, err := table.GetMany(t.Context(), [][]byte{[]byte("h49"), []byte("h50"), []byte("h51"), []byte("h52")})
	want := [][]byte{rows["h49"], rows["h50"][:1], nil, rows["h52"]}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("GetMany = %v (-want +got):\n%s", err, diff)
	}
	if err := ledgertest.SwapDir(dir, func(r ledgertest.Rows) (ledgertest.Rows, error) { return r.Edit(nil, "put", "a", "00") }); err == nil {
		t.Error("SwapDir puts a row where no file can hold it")
	}
}
