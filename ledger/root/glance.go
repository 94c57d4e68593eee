package root

import (
	"path/filepath"

	"gait/ledger/store/pebble"
)

// lockFile is the name of a file that changes when a ledger is opened, even to be read.
const lockFile = "LOCK"

// A Glance is how the files of a ledger looked at one moment, from outside: their names,
// sizes and times. The zero Glance is that of no ledger.
type Glance struct{ files pebble.Listing }

// GlanceAt looks at the files of the ledger in a root. It takes no lock, and costs little.
func GlanceAt(dir string) (Glance, error) {
	files, err := pebble.List(filepath.Join(dir, ledgerName), nil)
	delete(files, lockFile)
	return Glance{files}, err
}

// Same reports whether no process has written the ledger between two glances, unless both
// were in one tick of the file system's clock.
func (g Glance) Same(later Glance) bool { return g.files != nil && g.files.Same(later.files) }
