// Package tabletest tests what a [store.Table] promises, for any implementation.
package tabletest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/ledger/store"
)

// A Place holds a table. Each test has its own Place, which is empty at
// first.
type Place struct {
	Open     func(t testing.TB) store.Table // opens the table, which is closed if it was open before
	ReadOnly func(t testing.TB) store.Table // opens the table read-only
}

// Test tests the tables of places that newPlace makes.
func Test(t *testing.T, newPlace func(t testing.TB) Place) {
	for _, tt := range []struct {
		name string
		test func(*testing.T, Place)
	}{
		{"GetMany", testGetMany},
		{"GetManySorted", testGetManySorted},
		{"GetManyOfOneCommit", testOneCommit},
		{"Scan", testScan},
		{"ScanEndsAtAMebibyte", testScanSize},
		{"Commit", testCommit},
		{"CompareAndSet", testCompareAndSet},
		{"InsertOnce", testInsertOnce},
		{"Remove", testRemove},
		{"RemoveARun", testRemoveRun},
		{"Snapshot", testSnapshot},
		{"Limits", testLimits},
		{"RefusedChanges", testRefused},
		{"RowsBelongToTheCaller", testOwnership},
		{"Closed", testClosed},
		{"Context", testContext},
		{"ReadOnly", testReadOnly},
		{"Reopened", testReopened},
	} {
		t.Run(tt.name, func(t *testing.T) { tt.test(t, newPlace(t)) })
	}
}

// head returns the value of the head row that the n-th commit of a test sets.
func head(n int) []byte {
	if n == 0 {
		return nil
	}
	return fmt.Appendf(nil, "head %d", n)
}

// step returns the change of the n-th commit, 1 for the first.
func step(n int, put ...store.Row) *store.Change {
	return &store.Change{From: head(n - 1), To: head(n), Put: put}
}

func row(key, value string) store.Row {
	return store.Row{Key: []byte(key), Value: []byte(value)}
}

func keys(names ...string) [][]byte {
	all := make([][]byte, len(names))
	for i, name := range names {
		all[i] = []byte(name)
	}
	return all
}

func mustCommit(t testing.TB, table store.Table, c *store.Change) {
	t.Helper()
	if err := table.Commit(context.Background(), c); err != nil {
		t.Fatalf("Commit = %v", err)
	}
}

// none stands for a key that has no row.
const none = "(none)"

// get returns the values of keys, as text.
func get(t testing.TB, r store.Reader, names ...string) []string {
	t.Helper()
	values, err := r.GetMany(context.Background(), keys(names...))
	if err != nil {
		t.Fatalf("GetMany = %v", err)
	}
	if len(values) != len(names) {
		t.Fatalf("GetMany of %d keys returns %d values", len(names), len(values))
	}
	all := make([]string, len(values))
	for i, v := range values {
		if all[i] = string(v); v == nil {
			all[i] = none
		}
	}
	return all
}

func wantRows(t testing.TB, r store.Reader, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got := get(t, r, name)[0]; got != value {
			t.Errorf("the row %q is %.40q, want %.40q", name, got, value)
		}
	}
}

func testGetMany(t *testing.T, p Place) {
	table := p.Open(t)
	mustCommit(t, table, step(1, row("ha", "1"), row("hb", ""), row("hc", "3")))
	got := get(t, table, "hc", "hx", "ha", "hb", "ha", store.HeadKey)
	want := []string{"3", none, "1", "", "1", "head 1"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("GetMany (-want +got):\n%s", diff)
	}
	if got := get(t, table); len(got) != 0 {
		t.Errorf("GetMany of no keys = %q", got)
	}
}

// Keys that are sorted are found as others are, absent and repeated ones too, of one
// commit and of the next.
func testGetManySorted(t *testing.T, p Place) {
	table := p.Open(t)
	for commit, change := range []*store.Change{step(1), step(2), step(3)} {
		for i := 0; i < 300; i += 3 {
			change.Put = append(change.Put, row(fmt.Sprintf("h%03d", i), fmt.Sprintf("%d of commit %d", i, commit)))
		}
		mustCommit(t, table, change)
		names, want := []string{"a", "ga", "h"}, []string{none, none, none}
		for i := range 310 {
			value := none
			if i < 300 && i%3 == 0 {
				value = fmt.Sprintf("%d of commit %d", i, commit)
			}
			for range 1 + i%2 {
				names, want = append(names, fmt.Sprintf("h%03d", i)), append(want, value)
			}
		}
		names, want = append(names, "m/heac", store.HeadKey, "m/heae", "zz"), append(want, none, string(head(commit+1)), none, none)
		if diff := cmp.Diff(want, get(t, table, names...)); diff != "" {
			t.Errorf("GetMany of sorted keys (-want +got):\n%s", diff)
		}
		slices.Reverse(names)
		slices.Reverse(want)
		if diff := cmp.Diff(want, get(t, table, names...)); diff != "" {
			t.Errorf("GetMany of keys in reverse (-want +got):\n%s", diff)
		}
	}
}

// While a writer gives many rows the same new value, again and again, no reader
// sees two values.
func testOneCommit(t *testing.T, p Place) {
	table := p.Open(t)
	const rows, commits = 24, 300
	names := []string{store.HeadKey}
	for i := range rows {
		names = append(names, fmt.Sprintf("h%02d", i))
	}
	commit := func(n int) error {
		c := step(n)
		for _, name := range names[1:] {
			c.Put = append(c.Put, store.Row{Key: []byte(name), Value: head(n)})
		}
		return table.Commit(context.Background(), c)
	}
	if err := commit(1); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		var err error
		for n := 2; n <= commits && err == nil; n++ {
			err = commit(n)
		}
		done <- err
	}()
	reads := 0
	for writing := true; writing; reads++ {
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			writing = false
		default:
		}
		checkOneCommit(t, table, names)
	}
	if got := get(t, table, names[0])[0]; got != string(head(commits)) {
		t.Errorf("after all commits the head row is %q", got)
	}
	t.Logf("%d reads of %d rows", reads, len(names))
}

func checkOneCommit(t *testing.T, table store.Table, names []string) {
	t.Helper()
	values := get(t, table, names...)
	for i, v := range values {
		if v != values[0] {
			t.Fatalf("GetMany returns %q for %s and %q for %s", values[0], names[0], v, names[i])
		}
	}
	rows, _, err := table.Scan(context.Background(), []byte("h"), []byte("i"), len(names), false)
	if err != nil || len(rows) != len(names)-1 {
		t.Fatalf("Scan returns %d rows, %v", len(rows), err)
	}
	for _, r := range rows {
		if !bytes.Equal(r.Value, rows[0].Value) {
			t.Fatalf("Scan returns %q for %q and %q for %q", rows[0].Value, rows[0].Key, r.Value, r.Key)
		}
	}
}

func testSnapshot(t *testing.T, p Place) {
	table := p.Open(t)
	mustCommit(t, table, step(1, row("ha", "old"), row("hb", "old")))
	snap, err := table.Snapshot(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	c := step(2, row("ha", "new"), row("hc", "new"))
	c.Remove = keys("hb")
	c.Insert = []store.Row{row("e1", "new")}
	mustCommit(t, table, c)
	mustCommit(t, table, step(3, row("ha", "newest")))
	wantRows(t, snap, map[string]string{"ha": "old", "hb": "old", "hc": none, "e1": none, store.HeadKey: "head 1"})
	wantRows(t, table, map[string]string{"ha": "newest", "hb": none, "hc": "new", "e1": "new", store.HeadKey: "head 3"})
	rows, more, err := snap.Scan(context.Background(), []byte("e"), []byte("i"), 10, true)
	if err != nil || more || len(rows) != 2 || string(rows[0].Key) != "hb" || string(rows[1].Value) != "old" {
		t.Errorf("Scan of a snapshot = %q, %t, %v", rows, more, err)
	}
	if err := snap.Close(); err != nil {
		t.Errorf("Close of a snapshot = %v", err)
	}
	if _, err := snap.GetMany(context.Background(), keys("ha")); !errors.Is(err, store.ErrClosed) {
		t.Errorf("GetMany of a closed snapshot = %v, want ErrClosed", err)
	}
	wantRows(t, table, map[string]string{"ha": "newest"})
}

func testOwnership(t *testing.T, p Place) {
	table := p.Open(t)
	c := step(1, row("ha", "value"))
	c.Insert = []store.Row{row("e1", "event")}
	mustCommit(t, table, c)
	c.Put[0].Value[0], c.Insert[0].Value[0], c.To[0] = 'X', 'X', 'X'
	values, err := table.GetMany(context.Background(), keys("ha", "e1", store.HeadKey))
	if err != nil {
		t.Fatal(err)
	}
	rows, _, err := table.Scan(context.Background(), []byte("a"), nil, 10, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		_, _ = append(r.Key, "more"...), append(r.Value, "more"...)
	}
	if got := fmt.Sprintf("%s", rows); got != "[{e1 event} {ha value} {m/head head 1}]" {
		t.Errorf("after appending to each key and value, Scan's rows are %s", got)
	}
	for _, v := range values {
		v[0] = 'Y'
	}
	for _, r := range rows {
		r.Key[0], r.Value[0] = 'Y', 'Y'
	}
	wantRows(t, table, map[string]string{"ha": "value", "e1": "event", store.HeadKey: "head 1"})
	mustCommit(t, table, step(2))
}

func testReopened(t *testing.T, p Place) {
	table := p.Open(t)
	c := step(1, row("ha", "1"), row("hb", "2"))
	c.Insert = []store.Row{row("e1", "event")}
	mustCommit(t, table, c)
	if err := table.Settle(context.Background()); err != nil {
		t.Errorf("Settle = %v", err)
	}
	c = step(2, row("ha", "3"))
	c.Remove = keys("hb")
	mustCommit(t, table, c)
	if err := table.Close(); err != nil {
		t.Fatal(err)
	}
	table = p.Open(t)
	wantRows(t, table, map[string]string{"ha": "3", "hb": none, "e1": "event", store.HeadKey: "head 2"})
	if err := table.Commit(context.Background(), step(2)); err != nil {
		t.Errorf("a change committed again after reopening = %v, want nil", err)
	}
	if err := table.Commit(context.Background(), step(1)); !errors.Is(err, store.ErrConflict) {
		t.Errorf("an older change committed again = %v, want ErrConflict", err)
	}
	mustCommit(t, table, step(3))
}
