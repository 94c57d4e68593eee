package root

import (
	"fmt"

	"gait/ledger"
	"gait/ledger/home"
)

// An EndedError says that a root holds no ledger, since the last one was retired. It wraps
// ErrNoLedger.
type EndedError struct {
	Origin string
	Kept   string // the directory of that ledger; "" if it is not in the root
}

func (e *EndedError) Error() string { return fmt.Sprintf("%v: %s was retired", ErrNoLedger, e.Origin) }

// Unwrap returns ErrNoLedger.
func (*EndedError) Unwrap() error { return ErrNoLedger }

// ended returns the error that says that there is no ledger to give up.
func (s retirer) ended() error {
	if s.lock.last.kind != markRetired {
		return ErrNoLedger
	}
	origin := s.lock.last.was.Origin
	return &EndedError{Origin: origin, Kept: RetiredIn(s.dir, origin)}
}

// adopt returns the keys of the ledger that the sources of a succession are of. The root must
// hold none, and have held none before, unless it was that one, which was retired.
func (s installer) adopt(how Succession) ([]ledger.VerifierKey, error) {
	last := s.lock.last
	if last.kind != markRetired && (last.kind != markNone || s.placed) {
		return nil, ErrNoLedger
	}
	keys, err := how.Keys()
	if err == nil && last.kind == markRetired && last.was.Origin != keys[0].Name() {
		err = s.ended()
	}
	return keys, err
}

// rememberAdopted keeps in home that the root is that of the ledger, if it held none before,
// so that a Succeed that a crash interrupts is finished here.
func (s installer) rememberAdopted(keys []ledger.VerifierKey) error {
	if s.placed || s.lock.last.kind != markNone {
		return nil
	}
	s.place, s.placed = home.KnownRoot{Dir: s.dir, Key: keys[len(keys)-1]}, true
	return s.place.Write(s.Home)
}
