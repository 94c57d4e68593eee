package root

import (
	"context"
	"errors"
	"fmt"

	"gait/ledger"
	"gait/ledger/home"
)

// A LeftError says that a ledger moved away from this home, which knows no more of where it
// goes on: the key that has signed it here was put away.
type LeftError struct{ Origin string }

func (e *LeftError) Error() string {
	return fmt.Sprintf("the ledger %s moved away from here: the key that has signed it was put away", e.Origin)
}

// Fault returns what kind of error it is.
func (*LeftError) Fault() ledger.Fault {
	return ledger.Fault{Code: "ledger_moved", Category: ledger.CategoryUnsafe}
}

// checkLeft refuses a successor of a backup if its ledger moved away after the backup was made,
// as another root that home remembers shows, or the key. It fails with a *ledger.MovedError or
// a *LeftError, unless AlthoughMoved says that the other place is lost.
func (o Options) checkLeft(from Backup) error {
	if !from.Succeeded || o.AlthoughMoved {
		return nil
	}
	origin := from.Checkpoint.Origin
	_, retired, err := home.ReadRetirementNote(o.Home, origin)
	if err != nil || retired {
		return err
	}
	all, err := home.KnownRoots(o.Home)
	if err != nil {
		return err
	}
	for _, p := range all {
		if p.Origin() != origin {
			continue
		}
		if err := o.NotAway(o.movedFrom(origin, p.Dir)); err != nil {
			return err
		}
	}
	if _, err := home.PrivateOf(o.Home, from.Keys.Current()); err != nil {
		_, missing := errors.AsType[*home.KeyMissingError](err)
		if missing {
			err = nil
		}
		return err
	}
	_, err = home.SigningKey(o.Home, origin)
	if _, away := errors.AsType[*home.KeyMissingError](err); away {
		return &LeftError{Origin: origin}
	}
	return err
}

// movedFrom returns where a ledger that a root holds has moved; nil if it did not, or if that
// cannot be read.
func (o Options) movedFrom(origin, dir string) *ledger.Move {
	there := Options{Dir: dir, Home: o.Home, Now: o.Now, Entropy: o.Entropy, LockTimeout: -1, AllowNetworkFS: o.AllowNetworkFS, FS: o.FS}
	r, err := Open(context.Background(), there)
	if err != nil {
		return nil
	}
	moved := r.Log.Moved()
	if r.Log.Origin() != origin || r.Log.Imported() {
		moved = nil
	}
	if err := r.Close(); err != nil {
		return nil
	}
	return moved
}
