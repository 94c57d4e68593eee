package root

import (
	"errors"
	"fmt"
	"slices"

	"gait/ledger"
	"gait/ledger/store"
)

// openLedger opens the ledger that is there, compares it with everything that
// was written down about it elsewhere, and finishes its creation.
func (s *site) openLedger() (*Root, error) {
	if err := s.checkLedgerDir(); err != nil {
		return nil, err
	}
	known, by, err := s.expectedKeys()
	if err != nil {
		return nil, err
	}
	r := &Root{Dir: s.dir, Home: s.Home, lock: s.lock, options: s.Options}
	if s.openAtOnce(r, known) {
		if err := s.check(r, known, by); err != nil {
			return nil, errors.Join(err, r.Log.Close())
		}
		return r, nil
	}
	if !s.ReadOnly {
		if r.Signer, err = s.look(known, by); err != nil {
			return nil, err
		}
	}
	if r.Log, err = store.Open(s.ledgerDir(), s.storeOptions(r)); err != nil {
		return nil, s.explain(err, known, by)
	}
	if err := s.check(r, known, by); err != nil {
		return nil, errors.Join(err, r.Log.Close())
	}
	return r, nil
}

// openAtOnce opens the ledger to write without looking at it first, where that
// changes nothing before the first commit, and so before it was compared. It
// reports whether it has: what is not as ever, look finds the reason of.
func (s *site) openAtOnce(r *Root, known []ledger.VerifierKey) bool {
	o := s.storeOptions(r)
	if s.ReadOnly || !o.OneShot || s.notRetired(known[0].Name()) != nil {
		return false
	}
	if tidy, err := store.Tidy(s.ledgerDir(), s.FS); err != nil || !tidy {
		return false
	}
	key, err := signingKey(s.Home, known[0].Name())
	if err != nil || key.VerifierKey() != s.lock.last.key {
		return false
	}
	o.Signer = key
	log, err := store.Open(s.ledgerDir(), o)
	if err != nil {
		return false
	}
	if log.Imported() {
		_ = log.Close() // nothing was written
		return false
	}
	r.Log, r.Signer = log, key
	return true
}

// look compares the ledger with what was seen of it before it is opened to
// write: that deletes files which an older state of the directory does not
// name, and they may be all that is left of a ledger that was rolled back. It
// returns who signs the ledger from here on.
func (s *site) look(known []ledger.VerifierKey, by string) (ledger.Signer, error) {
	if err := s.notRetired(known[0].Name()); err != nil {
		return nil, err
	}
	log, err := store.Open(s.ledgerDir(), store.Options{FS: s.FS, ReadOnly: true, Fatal: s.Fatal})
	if err != nil {
		return nil, s.explain(err, known, by)
	}
	keys, imported := log.Keys(), log.Imported()
	if err := errors.Join(s.compare(log, known, by), log.Close()); err != nil {
		return nil, err
	}
	if imported {
		return nil, &ImportedError{Origin: keys.Origin(), Dir: s.ledgerDir()}
	}
	return s.signer(keys)
}

// compare holds an open ledger to its keys and to its outside checkpoint.
func (s *site) compare(log *store.Log, known []ledger.VerifierKey, by string) error {
	if !log.Keys().Has(known[0]) {
		return s.swapped(by, known[0], log.Key())
	}
	g, err := s.guardOf(log, known)
	if err != nil {
		return err
	}
	if _, ok := g.seen(); !ok {
		return s.checkKnown(log, known, by) // there is nothing else to compare with: check says so
	}
	return errors.Join(s.checkSeen(log, g), s.checkKnown(log, known, by))
}

// checkKnown refuses a ledger that lacks a rotation which was written down.
func (s *site) checkKnown(log *store.Log, known []ledger.VerifierKey, by string) error {
	for _, key := range known {
		if !log.Keys().Has(key) {
			return s.swapped(by, key, log.Key())
		}
	}
	return nil
}

// guardOf returns the outside checkpoint of an open ledger, whichever of the
// keys it has and was known to have signed it.
func (s *site) guardOf(log *store.Log, known []ledger.VerifierKey) (*guard, error) {
	keys := log.Keys().Keys()
	for _, key := range known {
		if key.Name() == log.Origin() && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return loadGuard(s.Home, keys...)
}

func (s *site) checkLedgerDir() error {
	if err := checkDir(s.ledgerDir()); err != nil {
		return err
	}
	return s.checkFS(s.ledgerDir())
}

func (s *site) storeOptions(r *Root) store.Options {
	return store.Options{FS: s.FS, Signer: r.Signer, ReadOnly: s.ReadOnly, OneShot: s.OneShot && s.lock.last.kind == markComplete,
		Sustained: s.Sustained, Fatal: s.Fatal, Published: r.published}
}

// expectedKeys returns keys that must be among those of the ledger, and the
// file that says so: the lock file, or where it has no mark the ledger itself.
func (s *site) expectedKeys() (known []ledger.VerifierKey, by string, err error) {
	switch last := s.lock.last; last.kind {
	case markCreating, markComplete:
		return s.lock.keys, s.lock.path, nil
	case markRetired:
		if !s.ReadOnly {
			return nil, "", &RetiredError{Origin: last.was.Origin, Dir: s.ledgerDir()}
		}
	}
	keys, _, err := s.peek()
	return keys.Keys(), s.ledgerDir(), err
}

// peek reads the keys and newest checkpoint of the ledger without changing it.
func (s *site) peek() (ledger.Keyring, ledger.Checkpoint, error) {
	log, err := store.Open(s.ledgerDir(), store.Options{FS: s.FS, ReadOnly: true, Fatal: s.Fatal})
	if err != nil {
		return ledger.Keyring{}, ledger.Checkpoint{}, err
	}
	c, _ := log.Checkpoint()
	return log.Keys(), c, log.Close()
}

func (s *site) notRetired(origin string) error {
	_, retired, err := readNote(s.Home, origin)
	if err == nil && retired {
		err = &RetiredError{Origin: origin, Dir: s.ledgerDir()}
	}
	return err
}

// signer returns the private half of the key in force. Where a crash came
// between a rotation and its end, that is still where it was made.
func (s *site) signer(keys ledger.Keyring) (ledger.Signer, error) {
	origin, current := keys.Origin(), keys.Current()
	if err := s.notRetired(origin); err != nil {
		return nil, err
	}
	k, err := signingKey(s.Home, origin)
	if err == nil && k.VerifierKey() == current {
		return k, nil
	}
	if next, nextErr := readKey(nextPath(s.Home, origin)); nextErr == nil && next.VerifierKey() == current {
		return next, nil
	}
	if err != nil {
		return nil, err
	}
	return nil, s.swapped(keyPath(s.Home, origin, false), k.VerifierKey(), current)
}

func (s *site) swapped(by string, want, got ledger.VerifierKey) error {
	return &SwappedError{Dir: s.ledgerDir(), By: by, Want: want, Got: got}
}

// explain says what it means that the store did not open the ledger.
func (s *site) explain(err error, known []ledger.VerifierKey, by string) error {
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%w: %s held %s: %w", ErrLedgerMissing, s.ledgerDir(), known[0].Name(), err)
	}
	if got, _, peekErr := s.peek(); peekErr == nil && !got.Has(known[0]) {
		return s.swapped(by, known[0], got.Current())
	}
	return err
}

// check compares an open ledger with its marks, its trust and its outside
// checkpoint, brings the last up to date, and finishes a creation or a rotation.
func (s *site) check(r *Root, known []ledger.VerifierKey, by string) error {
	if !r.Log.Keys().Has(known[0]) {
		return s.swapped(by, known[0], r.Log.Key())
	}
	other, err := otherTrusted(s.Home, r.Log.Keys().Keys())
	if err != nil {
		return err
	}
	if !other.IsZero() {
		return s.swapped(trustPath(s.Home), other, r.Log.Key())
	}
	g, err := s.guardOf(r.Log, known)
	if err != nil {
		return err
	}
	if err := errors.Join(s.checkSeen(r.Log, g), s.checkKnown(r.Log, known, by)); err != nil {
		return err
	}
	if s.ReadOnly {
		return nil
	}
	r.guard = g
	if s.lock.last.kind != markComplete {
		return s.complete(r)
	}
	if s.lock.last.key != r.Log.Key() {
		if err := r.rotated(); err != nil {
			return err
		}
		s.notice("finished the rotation of the key of %s: %s signs it", r.Log.Origin(), r.Log.Key())
	}
	_, note := r.Log.Checkpoint()
	return g.publish(note)
}
