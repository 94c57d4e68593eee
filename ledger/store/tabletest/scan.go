package tabletest

import (
	"bytes"
	"context"
	"fmt"
	"testing"

	"gait/ledger/store"
)

// testScan pages through rows, in both directions, from and to keys that have a
// row and keys that have none, with pages of many sizes.
func testScan(t *testing.T, p Place) {
	table := p.Open(t)
	c := step(1)
	for i := range 30 {
		c.Insert = append(c.Insert, row(fmt.Sprintf("e%02d", 2*i), fmt.Sprint("event ", i)))
	}
	c.Put = []store.Row{row("d", "before"), row("f", "after")}
	mustCommit(t, table, c)
	for _, limit := range []int{1, 2, 7, 29, 30, 31, 1000} {
		for _, reverse := range []bool{false, true} {
			for _, ends := range [][2]string{{"e", "f"}, {"e00", "e58"}, {"e01", "e57"}, {"e10", "e11"}, {"e11", "e12"}, {"e12", "e12"}, {"e14", "e12"}, {"x", "y"}} {
				checkScan(t, table, c.Insert, ends[0], ends[1], limit, reverse)
			}
		}
	}
	checkToEnd(t, table)
	if _, _, err := table.Scan(context.Background(), []byte("a"), nil, 0, false); err == nil {
		t.Error("Scan of pages of 0 rows succeeds")
	}
}

// checkScan checks the pages from one key to another against the rows between them.
func checkScan(t *testing.T, r store.Reader, all []store.Row, from, to string, limit int, reverse bool) {
	t.Helper()
	var want []store.Row
	for _, row := range all {
		if string(row.Key) >= from && string(row.Key) < to {
			want = append(want, row)
		}
	}
	if reverse {
		for i, j := 0, len(want)-1; i < j; i, j = i+1, j-1 {
			want[i], want[j] = want[j], want[i]
		}
	}
	low, high := []byte(from), []byte(to)
	for {
		page, more, err := r.Scan(context.Background(), low, high, limit, reverse)
		if err != nil {
			t.Fatalf("Scan = %v", err)
		}
		n := min(limit, len(want))
		if len(page) != n || more != (len(want) > limit) {
			t.Fatalf("Scan from %q to %q, at most %d, reverse %t: %d rows, more %t; %d are left", low, high, limit, reverse, len(page), more, len(want))
		}
		for i, row := range page {
			if !bytes.Equal(row.Key, want[i].Key) || !bytes.Equal(row.Value, want[i].Value) {
				t.Fatalf("Scan from %q to %q, reverse %t: row %d is %q, want %q", low, high, reverse, i, row, want[i])
			}
		}
		if !more {
			return
		}
		want = want[n:]
		if last := page[n-1].Key; reverse {
			high = last
		} else {
			low = append(bytes.Clone(last), 0)
		}
	}
}

// checkToEnd checks that a scan without an end goes to the end of the table.
func checkToEnd(t *testing.T, table store.Table) {
	t.Helper()
	rows, more, err := table.Scan(context.Background(), []byte("e56"), nil, 10, false)
	if err != nil || more || len(rows) != 4 || string(rows[2].Key) != "f" || string(rows[3].Key) != store.HeadKey {
		t.Errorf("Scan to the end = %q, more %t, %v", rows, more, err)
	}
	rows, more, err = table.Scan(context.Background(), []byte("a"), nil, 1, true)
	if err != nil || !more || len(rows) != 1 || string(rows[0].Key) != store.HeadKey {
		t.Errorf("the last row = %q, more %t, %v", rows, more, err)
	}
}

// A page has at most MaxPage bytes of keys and values, but at least one row.
func testScanSize(t *testing.T, p Place) {
	table := p.Open(t)
	const size = store.MaxPage / 4
	value := bytes.Repeat([]byte("v"), size-3)
	c := step(1)
	for i := range 6 {
		c.Insert = append(c.Insert, store.Row{Key: fmt.Appendf(nil, "e%02d", i), Value: value})
	}
	c.Put = []store.Row{{Key: []byte("v"), Value: bytes.Repeat([]byte("V"), store.MaxValue)}}
	mustCommit(t, table, c)
	for _, reverse := range []bool{false, true} {
		rows, more, err := table.Scan(context.Background(), []byte("e"), []byte("f"), 100, reverse)
		if err != nil || len(rows) != 4 || !more {
			t.Errorf("Scan of 6 rows of 256 KiB, reverse %t: %d rows, more %t, %v; want 4 and more", reverse, len(rows), more, err)
		}
		rows, more, err = table.Scan(context.Background(), []byte("v"), []byte("w"), 100, reverse)
		if err != nil || len(rows) != 1 || more || len(rows[0].Value) != store.MaxValue {
			t.Errorf("Scan of the largest value, reverse %t: %d rows, more %t, %v; want it", reverse, len(rows), more, err)
		}
	}
}
