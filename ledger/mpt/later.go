package mpt

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
)

// A late is what is to be set in a tree.
type late struct {
	root    Hash    // of the tree with the entries, as the caller knows it
	entries []Entry // sorted by key

	mu   sync.Mutex
	made *Tree // with the entries set; nil until that was needed
}

// Later returns the tree that Set would return for the entries, whose keys rise, if the
// caller knows its root from a source that it trusts as it trusts the root of t. The
// entries are set when that is needed: to set others, to prove, or to write. Get and
// Warm do not need it. Then the tree's hash is compared with the root; if it is another
// one, the error is a *PageError. Before a tree is written, Made must have succeeded.
func (t Tree) Later(entries []Entry, root Hash) Tree {
	t.late = &late{root: root, entries: entries}
	return t
}

// Made returns the tree with what Later has put off.
func (t Tree) Made(ctx context.Context, p Pages) (Tree, error) {
	l := t.late
	if l == nil {
		return t, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.made != nil {
		return *l.made, nil
	}
	t.late = nil
	made, err := t.Set(ctx, p, l.entries)
	if err != nil {
		return Tree{}, err
	}
	if root := made.Root(); root != l.root {
		return Tree{}, &PageError{PageID{}, fmt.Sprintf("with %d entries its hash is %v, not %v", len(l.entries), root, l.root)}
	}
	l.made = &made
	return made, nil
}

// find returns what was put off for a key.
func (l *late) find(key *Key) (e Entry, found bool) {
	i, found := slices.BinarySearchFunc(l.entries, key, func(e Entry, key *Key) int { return bytes.Compare(e.Key[:], key[:]) })
	if !found {
		return Entry{}, false
	}
	return l.entries[i], true
}

// without returns the keys for which nothing was put off.
func (l *late) without(keys []Key) []Key {
	left := make([]Key, 0, len(keys))
	for i := range keys {
		if _, found := l.find(&keys[i]); !found {
			left = append(left, keys[i])
		}
	}
	return left
}
