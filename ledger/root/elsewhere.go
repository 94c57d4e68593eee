package root

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/store"
)

// An ElsewhereError says that another root of this user's holds the ledger and goes on with
// it. Written in two places, it would have two histories.
type ElsewhereError struct {
	Origin string
	Dir    string // of the other root

	// GivenUp says that the ledger was to be given up here. That would end it there.
	GivenUp bool
}

func (e *ElsewhereError) Error() string {
	if e.GivenUp {
		return fmt.Sprintf("%s goes on in %s: given up here, it would end there", e.Origin, e.Dir)
	}
	return fmt.Sprintf("%s goes on in %s: written here too, it would have two histories", e.Origin, e.Dir)
}

// Fault returns what kind of error it is.
func (*ElsewhereError) Fault() ledger.Fault {
	return ledger.Fault{Code: "ledger_elsewhere", Category: ledger.CategoryUnsafe}
}

// checkElsewhere fails with an *ElsewhereError if another root that home remembers holds a
// ledger and goes on with it.
func (o Options) checkElsewhere(origin string) error {
	at, err := o.goesOnIn(origin)
	if err == nil && at != "" {
		err = &ElsewhereError{Origin: origin, Dir: at}
	}
	return err
}

// goesOnIn returns the other root, of those that home remembers, where a ledger goes on; ""
// if there is none. A root that is gone, or whose ledger is damaged, older than what was seen
// or only read, is not one.
func (o Options) goesOnIn(origin string) (string, error) {
	all, err := home.KnownRoots(o.Home)
	if err != nil {
		return "", err
	}
	here, err := locate(o.Dir)
	if err != nil {
		return "", err
	}
	for _, p := range all {
		if p.Origin() != origin || p.Dir == here || sameDir(p.Dir, here) {
			continue
		}
		r, err := Open(context.Background(), o.glance(p.Dir))
		if _, busy := errors.AsType[*LockedError](err); busy {
			return p.Dir, nil
		}
		if err != nil {
			continue
		}
		read := r.Log.Origin() != origin || r.Log.Imported() || r.Log.Moved() != nil || r.Restored != nil
		if err := r.Close(); err != nil || read {
			continue
		}
		return p.Dir, nil
	}
	return "", nil
}

// glance returns the options that look into another root without waiting for it.
func (o Options) glance(dir string) Options {
	return Options{Dir: dir, Home: o.Home, Now: o.Now, Entropy: o.Entropy, LockTimeout: -1, AllowNetworkFS: o.AllowNetworkFS, FS: o.FS, glancing: true}
}

// sameDir reports whether two paths, of which one may be by another mount, name one directory.
func sameDir(a, b string) bool {
	is, err := os.Stat(a)
	if err != nil {
		return false
	}
	other, err := os.Stat(b)
	return err == nil && os.SameFile(is, other)
}

// An OccupiedError says what a root holds, or held, in which no backup is restored.
type OccupiedError struct {
	Dir, Holds string
	Whole      bool // the backup is not restored there either if the ledger in it is moved away
}

func (e *OccupiedError) Error() string { return e.Dir + " holds " + e.Holds }

// Unwrap returns store.ErrExists.
func (*OccupiedError) Unwrap() error { return store.ErrExists }

func (s *directory) occupied(holds string) error { return &OccupiedError{Dir: s.dir, Holds: holds} }

// planPlace finds out whether the root holds what is in the backup already, and fails if it
// holds something in which the backup is not restored.
func (o Options) planPlace(from Backup, did *Restoration) error {
	o.Mode, o.Create = Read, false
	in, err := enter(context.Background(), o)
	if errors.Is(err, ErrNoLedger) || errors.Is(err, ErrLedgerMissing) {
		return nil
	}
	if err != nil {
		return err
	}
	s := &restorer{installer: newInstaller(in), arriving: did.Here}
	did.There, err = s.holdsBackup(from)
	if err == nil && did.There {
		err = s.findLateKey(context.Background(), from, did)
	}
	return errors.Join(err, s.lock.release())
}

// An InsideError says that a root would be made inside another one, or inside a home: it
// would be taken for a part of that, and removed with it.
type InsideError struct {
	Dir, At string
	Home    bool // At is a home
}

func (e *InsideError) Error() string {
	what := "the directory of a ledger"
	if e.Home {
		what = "a directory of keys and trust"
	}
	return fmt.Sprintf("%s is inside %s, %s", e.Dir, e.At, what)
}

// Fault returns what kind of error it is.
func (e *InsideError) Fault() ledger.Fault {
	code := "inside_root"
	if e.Home {
		code = "inside_home"
	}
	return ledger.Fault{Code: code, Category: ledger.CategoryUnsafe}
}

// notInside fails with an *InsideError if the root is not there yet and would lie in another
// one, or among the files of a home.
func (s *directory) notInside() error {
	if has, err := s.hasLedger(); err != nil || has || Is(s.dir) {
		return err
	}
	for at, below := s.dir, ""; at != below; at, below = filepath.Dir(at), at {
		switch {
		case (home.Is(at) || at == s.Home) && slices.Contains([]string{"keys", "ledgers", "roots"}, filepath.Base(below)):
			return &InsideError{Dir: s.dir, At: at, Home: true}
		case at != s.dir && Is(at):
			return &InsideError{Dir: s.dir, At: at}
		}
	}
	return nil
}
