package store

import (
	"bytes"
	"crypto/sha256"
	"slices"
)

// tagSum is how many bytes a row of tags ends with of the SHA-256 of its key and of what
// is before them. Nothing else in the ledger says what some of its numbers should be.
const tagSum = 8

// sealTags returns the row of a key.
func sealTags(key, b []byte) []byte {
	sum := sha256.Sum256(slices.Concat(key, b))
	return slices.Concat(b, sum[:tagSum])
}

// openTags returns what sealTags was given. It takes a row that is missing, too.
func openTags(key, row []byte) (b []byte, err error) {
	if row == nil {
		return nil, nil
	}
	if n := len(row) - tagSum; n >= 0 {
		if b = row[:n:n]; bytes.Equal(row, sealTags(key, b)) {
			return b, nil
		}
	}
	return nil, badTags("%s was changed: it has another checksum", rowName(key))
}
