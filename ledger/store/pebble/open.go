package pebble

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"gait/ledger/store"
)

// Options say how to open a table. The zero Options are for reading and writing
// one on disk.
type Options struct {
	// FS is the file system to use; nil is the operating system's.
	FS FS

	// ReadOnly opens the table without changing anything in its directory but
	// the lock file. What such a table shows is durable. If the lock file cannot be
	// written, it is not locked: the caller holds a lock of its own.
	ReadOnly bool

	// NoLock leaves the lock file of a table that is ReadOnly alone. If another
	// process may write meanwhile, the caller compares two Listings.
	NoLock bool

	// OneShot opens the table to commit once or twice and close it: each Commit
	// writes an SSTable, with fewer syncs than an open with a write-ahead log
	// takes, and each costs as many. Create does not heed it. The directory must
	// have been in its place since Create returned.
	OneShot bool

	// Sustained says that the table stays open and is written much, and may take
	// 100 MiB of memory for it. Without it, opening and closing cost less.
	Sustained bool

	// Fatal is called at the first failed create, write, sync or rename. It
	// must not return: it is not known then what is on disk. It may be called
	// from any goroutine, with locks held. nil panics.
	Fatal func(error)

	tune func(*pebble.Options) // changes the options that Open opens Pebble with
}

// Open opens the table in dir. It never creates one. Errors are
// store.ErrNotFound if there is no dir, ledger.ErrUnsupportedVersion,
// *ledger.CorruptError, and those of the operating system.
func Open(dir string, o Options) (*Table, error) {
	stop := newFailStop(o.FS, o.Fatal)
	if o.ReadOnly {
		stop.FS = readFS{FS: stop.FS, locks: !o.NoLock}
	}
	if err := checkPlace(dir, stop); err != nil {
		return nil, err
	}
	if err := stop.hold(dir); err != nil {
		return nil, fmt.Errorf("opening a ledger: %w", err)
	}
	if err := settle(dir, stop); err != nil {
		return nil, err
	}
	var fs *onceFS
	var tidy bool
	if o.OneShot = o.OneShot && !o.ReadOnly; o.OneShot {
		var err error
		if tidy, err = Tidy(dir, stop); err != nil {
			return nil, err
		}
		if fs, err = beginOnce(dir, stop); err != nil {
			return nil, err
		}
	}
	db, err := openPebble(dir, stop, func(p *pebble.Options) {
		p.ErrorIfNotExists, p.ReadOnly = true, o.ReadOnly
		if o.Sustained {
			sustain(p)
		}
		if o.OneShot {
			once(p)
			p.DisableAutomaticCompactions = tidy
		}
		if o.tune != nil {
			o.tune(p)
		}
	})
	if err != nil {
		return nil, err
	}
	db.once = fs
	return newTable(db, o.ReadOnly)
}

var _ store.Table = (*Table)(nil)
