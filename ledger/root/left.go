package root

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

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

// A lastKnown is what is known of a ledger that may be given up: some keys, oldest first, and
// whether its newest state was seen.
type lastKnown struct {
	keys  []ledger.VerifierKey
	older bool // than what was seen
}

// checkAlive refuses to give up the ledger, of which these keys are known, if it goes on
// elsewhere: it would end there. It fails with what alive returns.
func (s *site) checkAlive(keys []ledger.VerifierKey) error {
	alive, err := s.alive(s.allKnown(keys))
	return cmp.Or(err, alive)
}

// allKnown adds to the keys of a ledger what the ledger says that is here, if it can be read
// and is no other one.
func (s *site) allKnown(keys []ledger.VerifierKey) lastKnown {
	got, c, err := s.peek()
	if err != nil || !got.Has(keys[0]) {
		return lastKnown{keys: keys}
	}
	g, err := home.LoadGuard(s.Home, got.Keys()...)
	if err != nil {
		return lastKnown{keys: got.Keys()}
	}
	seen, _ := g.Seen()
	return lastKnown{keys: got.Keys(), older: seen.Size > c.Size}
}

// alive returns why a ledger is not to be given up in this root, or nil: an *ElsewhereError if
// another root that home remembers goes on with it; a *ledger.MovedError or a *LeftError if it
// moved away, unless AlthoughMoved says that the other place is lost. A ledger that was retired
// has ended.
func (o Options) alive(is lastKnown) (alive, err error) {
	origin := is.keys[0].Name()
	_, retired, err := home.ReadRetirementNote(o.Home, origin)
	if err != nil || retired {
		return nil, err
	}
	at, err := o.goesOnIn(origin)
	if err != nil {
		return nil, err
	}
	if at != "" {
		return &ElsewhereError{Origin: origin, Dir: at, GivenUp: true}, nil
	}
	return o.left(is)
}

// left returns a *ledger.MovedError or a *LeftError if a ledger moved away after the state of
// which the keys are known: as another root that home remembers shows, or its key.
func (o Options) left(is lastKnown) (moved, err error) {
	if o.AlthoughMoved {
		return nil, nil
	}
	origin := is.keys[0].Name()
	all, err := home.KnownRoots(o.Home)
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		if p.Origin() != origin {
			continue
		}
		moved, by := o.movedFrom(origin, p.Dir)
		if moved == nil || slices.Contains(is.keys, moved.To) {
			continue // it did not move from there, or what is here came after that
		}
		if k, err := home.SigningKey(o.Home, origin); err == nil && k.VerifierKey() != by {
			continue // it came back, under another key
		}
		err := o.NotAway(moved)
		if _, away := errors.AsType[*ledger.MovedError](err); away {
			return err, nil
		}
		if err != nil {
			return nil, err
		}
	}
	return o.keyPutAway(is)
}

// keyPutAway returns a *LeftError if home has put away the newest key of a ledger, and has none
// in its place: it moved away.
func (o Options) keyPutAway(is lastKnown) (left, err error) {
	origin := is.keys[0].Name()
	_, err = home.SigningKey(o.Home, origin)
	if _, missing := errors.AsType[*home.KeyMissingError](err); !missing {
		return nil, err
	}
	all, err := home.Keys(o.Home)
	if err != nil {
		return nil, err
	}
	for _, k := range all {
		if !k.Retired || k.Origin != origin {
			continue
		}
		// One before the newest was put away when the ledger moved another time, and came back.
		if at := slices.Index(is.keys, k.Key); at == len(is.keys)-1 || at < 0 && is.older {
			return &LeftError{Origin: origin}, nil
		}
	}
	return nil, nil
}

// movedFrom returns where a ledger that a root holds has moved, and the key that signed it
// there; nil if it did not move, or if that cannot be read.
func (o Options) movedFrom(origin, dir string) (*ledger.Move, ledger.VerifierKey) {
	r, err := Open(context.Background(), o.glance(dir))
	if err != nil {
		return nil, ledger.VerifierKey{}
	}
	moved, by := r.Log.Moved(), r.Log.Keys().Current()
	if r.Log.Origin() != origin || r.Log.Imported() {
		moved = nil
	}
	if err := r.Close(); err != nil {
		return nil, by
	}
	return moved, by
}

// aliveIfKnown is alive for what an error or a hint says: what cannot be found out is found
// out again, and fails, before a ledger is given up.
func (o Options) aliveIfKnown(is lastKnown) error {
	if o.glancing {
		return nil
	}
	alive, _ := o.alive(is)
	return alive
}

// goesOn adds to an error which says that the ledger here is an older one where it goes on.
func (s *site) goesOn(err error) error {
	back, older := errors.AsType[*home.RolledBackError](err)
	keys := s.lock.keys
	if len(keys) == 0 && s.placed {
		keys = []ledger.VerifierKey{s.place.Key}
	}
	if older && len(keys) > 0 && keys[0].Name() == back.Found.Origin {
		back.Alive = s.aliveIfKnown(s.allKnown(keys))
	}
	return err
}
