package root

import (
	"path/filepath"
	"strings"

	"gait/ledger/content"
)

const contentName = "content"

// Content returns the content that is kept beside the ledger of a root. Putting content
// there takes the lock of the root.
func (r *Root) Content() *content.Store { return ContentOf(r.Dir) }

// ContentOf returns the content that is kept beside the ledger of the root in dir, which
// may be the directory of a retired ledger.
func ContentOf(dir string) *content.Store {
	if strings.HasPrefix(filepath.Base(dir), retiredPrefix) {
		return content.Open(contentOf(dir))
	}
	return content.Open(filepath.Join(dir, contentName))
}

// contentOf returns the directory of the content of the ledger in a directory, which
// stands beside it under the same name but for its beginning.
func contentOf(ledgerDir string) string {
	dir, name := filepath.Split(ledgerDir)
	return filepath.Join(dir, contentName+strings.TrimPrefix(name, ledgerName))
}
