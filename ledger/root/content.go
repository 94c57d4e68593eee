package root

import (
	"bufio"
	"iter"
	"path/filepath"
	"strings"

	"gait/ledger"
	"gait/ledger/content"
	"gait/ledger/mpt"
)

const contentName = "content"

// Content returns the content that is kept beside the ledger of a root, always the same
// store: it knows what was put and is not durable yet, which Close drops. Putting content
// there takes the lock of the root.
func (r *Root) Content() *content.Store { return r.content }

// ContentOf returns the content that is kept beside the ledger of the root in dir, which
// may be the directory of a ledger that was put away. One that moved away and came back has
// its content beside the ledger that is back.
func ContentOf(dir string) *content.Store {
	switch name := filepath.Base(dir); {
	case strings.HasPrefix(name, retiredPrefix):
		return content.Open(contentOf(dir))
	case strings.HasPrefix(name, movedPrefix):
		dir = filepath.Dir(dir)
	}
	return content.Open(filepath.Join(dir, contentName))
}

// contentOf returns the directory of the content of the ledger in a directory, which
// stands beside it under the same name but for its beginning.
func contentOf(ledgerDir string) string {
	dir, name := filepath.Split(ledgerDir)
	return filepath.Join(dir, contentName+strings.TrimPrefix(name, ledgerName))
}

// Inherited is a store.Options.Inherited: it yields the request ids that event 0 of a
// ledger names, from the content beside it.
func Inherited(from *content.Store) func(ledger.Requests) iter.Seq2[mpt.Key, error] {
	return func(r ledger.Requests) iter.Seq2[mpt.Key, error] {
		return func(yield func(mpt.Key, error) bool) {
			keys, err := from.Get(r.Digest)
			if err != nil {
				yield(mpt.Key{}, err)
				return
			}
			defer keys.Close()
			ledger.ReadRequests(bufio.NewReader(keys), r)(yield)
		}
	}
}
