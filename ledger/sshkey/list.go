package sshkey

import (
	"fmt"
	"iter"
	"strings"

	"gait/ledger"
)

// Limits of a list of public keys.
const (
	MaxKeyFile = 64 << 10
	MaxKeys    = 64
)

// ErrNoKeys says that a list of keys holds none.
var ErrNoKeys = ledger.NewError("the file holds no key", ledger.Fault{Code: "empty_public_key", Category: ledger.CategoryInvalid})

// ParseKeys reads the keys of a .pub file, or of the list of a user's keys that hosts such
// as GitHub show under https://github.com/USER.keys: one key a line, as ParseKey reads it.
// It skips blank lines and lines that begin with #. Everything else is an error that names
// the line, a key of a type that is not taken and a key that is there twice among them, so
// that a list is taken as a whole or not at all.
func ParseKeys(file []byte) ([]Key, error) {
	if len(file) > MaxKeyFile {
		return nil, fmt.Errorf("%w: a list of keys of more than %d bytes", ledger.ErrMalformed, MaxKeyFile)
	}
	text := string(ledger.PlainText(file))
	if isPrivate(text) {
		return nil, ErrPrivate
	}
	var keys []Key
	at := map[Key]int{}
	for n, line := range textLines(text) {
		key, err := ParseKey(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if first := at[key]; first > 0 {
			return nil, fmt.Errorf("%w: line %d has the key of line %d again", ledger.ErrMalformed, n, first)
		}
		if len(keys) == MaxKeys {
			return nil, fmt.Errorf("%w: more than %d keys", ledger.ErrMalformed, MaxKeys)
		}
		at[key] = n
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, ErrNoKeys
	}
	return keys, nil
}

// textLines yields the lines of a text that say something, with their numbers from 1: none
// that is blank, and none that begins with #.
func textLines(text string) iter.Seq2[int, string] {
	return func(yield func(int, string) bool) {
		n := 0
		for line := range strings.Lines(text) {
			n++
			line = strings.Trim(strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"), " \t")
			if line == "" || line[0] == '#' {
				continue
			}
			if !yield(n, line) {
				return
			}
		}
	}
}
