package root

import (
	"errors"
	"fmt"

	"gait/ledger"
	"gait/ledger/store"
)

// openLedger opens the ledger that is there, compares it with everything that
// was written down about it elsewhere, and finishes its creation.
func (s *site) openLedger() (*Root, error) {
	if err := s.checkLedgerDir(); err != nil {
		return nil, err
	}
	key, by, err := s.expectedKey()
	if err != nil {
		return nil, err
	}
	r := &Root{Dir: s.dir, Home: s.Home, lock: s.lock}
	if !s.ReadOnly {
		if err := s.look(key, by); err != nil {
			return nil, err
		}
		if r.Signer, err = s.signer(key); err != nil {
			return nil, err
		}
	}
	if r.Log, err = store.Open(s.ledgerDir(), s.storeOptions(r)); err != nil {
		return nil, s.explain(err, key, by)
	}
	if err := s.check(r, key, by); err != nil {
		return nil, errors.Join(err, r.Log.Close())
	}
	return r, nil
}

// look compares the ledger with what was seen of it before it is opened to
// write: that deletes files which an older state of the directory does not
// name, and they may be all that is left of a ledger that was rolled back.
func (s *site) look(key ledger.VerifierKey, by string) error {
	log, err := store.Open(s.ledgerDir(), store.Options{FS: s.FS, ReadOnly: true, Fatal: s.Fatal})
	if err != nil {
		return s.explain(err, key, by)
	}
	err = s.compare(log, key, by)
	if err == nil && log.Imported() {
		err = &ImportedError{Origin: key.Name(), Dir: s.ledgerDir()}
	}
	return errors.Join(err, log.Close())
}

// compare holds an open ledger to its key and to its outside checkpoint.
func (s *site) compare(log *store.Log, key ledger.VerifierKey, by string) error {
	if got := log.Key(); got != key {
		return s.swapped(by, key, got)
	}
	g, err := loadGuard(s.Home, key)
	if err != nil {
		return err
	}
	if _, ok := g.seen(); !ok {
		return nil // there is nothing to compare with: check says so
	}
	return s.checkSeen(log, g)
}

func (s *site) checkLedgerDir() error {
	if err := checkDir(s.ledgerDir()); err != nil {
		return err
	}
	return s.checkFS(s.ledgerDir())
}

func (s *site) storeOptions(r *Root) store.Options {
	return store.Options{FS: s.FS, Signer: r.Signer, ReadOnly: s.ReadOnly, Fatal: s.Fatal, Published: r.published}
}

// expectedKey returns the key that the ledger must be signed with, and the file
// that says so: the lock file, or where it has no mark the ledger itself.
func (s *site) expectedKey() (key ledger.VerifierKey, by string, err error) {
	switch last := s.lock.last; last.kind {
	case markCreating, markComplete:
		return last.key, s.lock.path, nil
	case markRetired:
		if !s.ReadOnly {
			return key, "", &RetiredError{Origin: last.was.Origin, Dir: s.ledgerDir()}
		}
	}
	key, _, err = s.peek()
	return key, s.ledgerDir(), err
}

// peek reads the key and newest checkpoint of the ledger without changing it.
func (s *site) peek() (ledger.VerifierKey, ledger.Checkpoint, error) {
	log, err := store.Open(s.ledgerDir(), store.Options{FS: s.FS, ReadOnly: true, Fatal: s.Fatal})
	if err != nil {
		return ledger.VerifierKey{}, ledger.Checkpoint{}, err
	}
	c, _ := log.Checkpoint()
	return log.Key(), c, log.Close()
}

// signer returns the private half of key.
func (s *site) signer(key ledger.VerifierKey) (ledger.Signer, error) {
	_, retired, err := readNote(s.Home, key.Name())
	if err != nil {
		return nil, err
	}
	if retired {
		return nil, &RetiredError{Origin: key.Name(), Dir: s.ledgerDir()}
	}
	k, err := signingKey(s.Home, key.Name())
	if err != nil {
		return nil, err
	}
	if k.VerifierKey() != key {
		return nil, s.swapped(keyPath(s.Home, key.Name(), false), k.VerifierKey(), key)
	}
	return k, nil
}

func (s *site) swapped(by string, want, got ledger.VerifierKey) error {
	return &SwappedError{Dir: s.ledgerDir(), By: by, Want: want, Got: got}
}

// explain says what it means that the store did not open the ledger.
func (s *site) explain(err error, key ledger.VerifierKey, by string) error {
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%w: %s held %s: %w", ErrLedgerMissing, s.ledgerDir(), key.Name(), err)
	}
	if got, _, peekErr := s.peek(); peekErr == nil && got != key {
		return s.swapped(by, key, got)
	}
	return err
}

// check compares an open ledger with its mark, its trust and its outside
// checkpoint, brings the last up to date, and finishes a creation.
func (s *site) check(r *Root, key ledger.VerifierKey, by string) error {
	if got := r.Log.Key(); got != key {
		return s.swapped(by, key, got)
	}
	other, err := otherTrusted(s.Home, key)
	if err != nil {
		return err
	}
	if !other.IsZero() {
		return s.swapped(trustPath(s.Home), other, key)
	}
	g, err := loadGuard(s.Home, key)
	if err != nil {
		return err
	}
	if err := s.checkSeen(r.Log, g); err != nil {
		return err
	}
	if s.ReadOnly {
		return nil
	}
	r.guard = g
	if s.lock.last.kind != markComplete {
		return s.complete(r)
	}
	_, note := r.Log.Checkpoint()
	return g.publish(note)
}
