package root

import (
	"context"
	"fmt"

	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/store/pebble"
)

// A directory is that of a root, with what home remembers of it. It can be looked at without
// its lock.
type directory struct {
	Options
	dir    string         // absolute, without links
	place  home.KnownRoot // what home remembers of it
	placed bool           // home remembers something
}

// A comparison compares an open ledger with what the marks of its root and home say of it.
type comparison struct {
	directory
	lock      *lock             // its marks are not read if another process has the ledger open, in Join
	accepting bool              // Accept opens the ledger
	restored  *Restored         // it is in an older state than was seen
	seen      ledger.Checkpoint // the newest state then
}

// A site is a root whose lock this process holds. It opens the ledger.
type site struct {
	comparison
	listing pebble.Listing // of the ledger as it was opened, if the lock is shared
}

// The types below change what a site holds. Each can do what the one before can, since it
// needs that: who builds a successor creates a ledger, and so on.

// A creator makes the first ledger of a site, or the next one after one that was retired.
type creator struct{ *site }

// A builder builds the successor of a ledger, beside it, and removes what it has built.
type builder struct{ creator }

// A retirer gives up the ledger of a site, and a successor that was only begun with it.
type retirer struct{ builder }

// An installer puts a successor that is whole in the place of its ledger, which is retired.
type installer struct{ retirer }

// A restorer makes the ledger of a site from a backup or a copy.
type restorer struct {
	installer
	arriving bool              // the ledger moved here
	left     ledger.Checkpoint // of the state of it that moved away from here before; Size 0 if none is here
}

func newInstaller(s *site) installer { return installer{retirer{builder{creator{s}}}} }

// enter takes the lock of a root. A root without a ledger is left unchanged unless
// one is to be created.
func enter(ctx context.Context, o Options) (*site, error) {
	if err := home.CheckHome(o.Home); err != nil {
		return nil, err
	}
	if err := o.checkFS(o.Dir); err != nil {
		return nil, err
	}
	d := directory{Options: o}
	var err error
	if d.dir, err = locate(o.Dir); err != nil {
		return nil, home.InRoot.Unreadable(o.Dir, err)
	}
	if err := d.readPlace(); err != nil {
		return nil, err
	}
	if err := d.prepare(); err != nil {
		return nil, err
	}
	if err := o.checkDir(d.dir); err != nil {
		return nil, err
	}
	held, err := acquire(ctx, d.dir, o)
	if err != nil {
		return nil, err
	}
	return &site{comparison: comparison{directory: d, lock: held}}, nil
}

// open opens what the root holds, as its last mark and its directory say.
func (s *site) open(ctx context.Context) (*Root, error) {
	in := newInstaller(s)
	if r, err := in.finishSucceeding(ctx); r != nil || err != nil {
		return r, err
	}
	if err := in.finishRetiring(); err != nil {
		return nil, err
	}
	has, err := s.hasLedger()
	last := s.lock.last
	switch {
	case err != nil:
		return nil, err
	case has:
		return s.openLedger(ctx)
	case last.kind == markComplete && !(s.Create && s.Begin):
		return nil, s.missing(last.key)
	case s.Create:
		if last.kind != markCreating {
			if err := s.mayBegin(); err != nil {
				return nil, err
			}
		}
		return in.create(ctx)
	case last.kind == markRetired:
		return nil, fmt.Errorf("%w: %s was retired", ErrNoLedger, last.was.Origin)
	}
	return nil, s.nothing()
}
