package root

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"gait/ledger"
	"gait/ledger/home"
)

// A LostError says that the ledger that a root held is not there. It wraps
// ErrLedgerMissing.
type LostError struct {
	Dir    string // of the ledger
	Origin string
	Seen   int64 // how many of its events this user has seen; 0 if that is not known

	// Alive says why the ledger is not to be given up here: it goes on elsewhere. It is nil
	// if no other place is known.
	Alive error
}

func (e *LostError) Error() string {
	text := fmt.Sprintf("%v: %s held %s", ErrLedgerMissing, e.Dir, e.Origin)
	if e.Seen > 0 {
		text += fmt.Sprintf(", of which %d events were seen", e.Seen)
	}
	return text
}

// Unwrap returns ErrLedgerMissing.
func (*LostError) Unwrap() error { return ErrLedgerMissing }

// locate returns an absolute path without links, as far as there is something at it.
func locate(dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	for at, rest := dir, ""; ; at, rest = filepath.Dir(at), filepath.Join(filepath.Base(at), rest) {
		real, err := filepath.EvalSymlinks(at)
		if err == nil {
			return filepath.Join(real, rest), nil
		}
		if !errors.Is(err, fs.ErrNotExist) || at == filepath.Dir(at) {
			return "", err
		}
	}
}

// readPlace reads what home remembers of the root.
func (s *directory) readPlace() (err error) {
	s.place, s.placed, err = home.ReadKnownRoot(s.Home, s.dir)
	return err
}

// nothing returns the error that says why no ledger is there: none was ever begun here,
// as far as is known, or it is lost.
func (s *directory) nothing() error {
	if !s.placed {
		return ErrNoLedger
	}
	return s.missing(s.place.Key)
}

// missing returns the error that says why a completed ledger is not there.
func (s *directory) missing(key ledger.VerifierKey) error {
	retired, err := s.retired(key.Name())
	if err != nil {
		return err
	}
	if retired { // if its mark is missing, a crash came before it
		return fmt.Errorf("%w: %s was retired", ErrNoLedger, key.Name())
	}
	g, err := home.LoadGuard(s.Home, key)
	if err != nil {
		return err
	}
	seen, _ := g.Seen()
	return &LostError{Dir: s.ledgerDir(), Origin: key.Name(), Seen: seen.Size, Alive: s.aliveIfKnown(lastKnown{keys: []ledger.VerifierKey{key}})}
}

func (s *directory) retired(origin string) (bool, error) {
	_, retired, err := home.ReadRetirementNote(s.Home, origin)
	return retired, err
}

// mayBegin refuses to begin a new ledger in silence where another one was lost.
func (s *directory) mayBegin() error {
	if s.Begin || !s.placed {
		return nil
	}
	retired, err := s.retired(s.place.Origin())
	if err != nil || retired {
		return err
	}
	return s.missing(s.place.Key)
}

// checkPlace refuses another ledger than the one that home remembers here, unless that
// was retired.
func (s *comparison) checkPlace(keys ledger.Keyring) error {
	if !s.placed || s.place.Origin() == keys.Origin() || s.accepting {
		return nil
	}
	retired, err := s.retired(s.place.Origin())
	if err != nil || retired {
		return err
	}
	return &SwappedError{Dir: s.ledgerDir(), By: home.KnownRootPath(s.Home, s.dir), Want: s.place.Key, Got: keys.Current(), Moved: true}
}

// remember keeps in home which ledger the root holds.
func (s *directory) remember(keys ledger.Keyring) error {
	now := home.KnownRoot{Dir: s.dir, Key: keys.Current()}
	if s.placed && s.place == now {
		return nil
	}
	if err := now.Write(s.Home); err != nil {
		return err
	}
	s.place, s.placed = now, true
	return nil
}

// NotePlace keeps in home which ledger the root holds, as a command that writes does: a root
// may have another path now, and only be read there. It does so for a ledger that this user
// can write here, and of which no other root is known that goes on with it. It only gives
// notice if it fails.
func (r *Root) NotePlace() {
	s, keys := r.site, r.Log.Keys()
	if s.placed && s.place.Origin() == keys.Origin() {
		return
	}
	if r.Restored != nil || r.Log.Imported() || r.Log.Moved() != nil || Is(filepath.Dir(s.dir)) {
		return
	}
	if _, err := s.signer(keys); err != nil {
		return
	}
	at, err := s.goesOnIn(keys.Origin())
	if err == nil && at == "" {
		err = s.remember(keys)
	}
	if err != nil {
		s.notice("not noted that %s is in %s: %v", keys.Origin(), s.dir, err)
	}
}
