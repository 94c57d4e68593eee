package store

import (
	"bytes"
	"context"
	"iter"
)

// How many rows the pages of a scan have. The first pages are small, since some
// callers want only the first row.
const (
	firstPage = 16
	lastPage  = 1024
)

// scan returns the rows whose keys are at least from and less than to, in the
// order of their keys. They are of one commit only as far as the reader is.
func scan(ctx context.Context, r Reader, from, to []byte) iter.Seq2[Row, error] {
	return scanPages(ctx, r, from, to, firstPage)
}

// scanPages is scan with a number of rows for the first page.
func scanPages(ctx context.Context, r Reader, from, to []byte, limit int) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		for from, limit := from, limit; ; limit = min(4*limit, lastPage) {
			rows, more, err := r.Scan(ctx, from, to, limit, false)
			if err != nil {
				yield(Row{}, err)
				return
			}
			for _, row := range rows {
				if !yield(row, nil) {
					return
				}
			}
			if !more {
				return
			}
			from = append(bytes.Clone(rows[len(rows)-1].Key), 0)
		}
	}
}

// get returns the value of a key, or nil if it has none.
func get(ctx context.Context, r Reader, key []byte) ([]byte, error) {
	values, err := r.GetMany(ctx, [][]byte{key})
	if err != nil {
		return nil, err
	}
	return values[0], nil
}
