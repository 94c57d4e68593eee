package root

import (
	"context"
	"errors"
	"fmt"

	"gait/ledger"
	"gait/ledger/store"
)

// An ImportedError says that a ledger is a copy of one that is written
// elsewhere: it is read, and nothing is ever signed here.
type ImportedError struct {
	Origin string
	Dir    string // of the copy
}

func (e *ImportedError) Error() string {
	return fmt.Sprintf("%s holds a copy of %s, which is only read", e.Dir, e.Origin)
}

// Writable fails with an *ImportedError where the root holds a copy.
func (r *Root) Writable() error {
	if r.Log.Imported() {
		return &ImportedError{Origin: r.Log.Origin(), Dir: r.Dir}
	}
	return nil
}

// Import makes a root with a copy of a ledger. Nothing is there afterwards
// unless all of it holds; store.Import names the errors, among them
// store.ErrExists. keys are those of the ledger: where home knows another for its
// origin, it fails with ErrOtherKey. That it continues what was seen, the caller
// has made sure.
func Import(ctx context.Context, o Options, from store.Copy, keys ledger.Keyring) error {
	o.Create, o.ReadOnly = true, false
	s, err := enter(ctx, o)
	if err != nil {
		return fmt.Errorf("importing into %s: %w", o.Dir, err)
	}
	err = s.importLedger(from, keys)
	if err := errors.Join(err, s.lock.release()); err != nil {
		return fmt.Errorf("importing into %s: %w", o.Dir, err)
	}
	return nil
}

func (s *site) importLedger(from store.Copy, keys ledger.Keyring) error {
	has, err := s.hasLedger()
	switch last := s.lock.last; {
	case err != nil:
		return err
	case has:
		return store.ErrExists
	case last.kind == markComplete:
		return s.missing(last.key.Name())
	case last.kind != markNone:
		return store.ErrExists // a creation that was begun, or a ledger that was retired
	}
	seen, dir, err := s.known(keys)
	if err != nil {
		return err
	}
	if err := store.Import(s.ledgerDir(), from, store.Options{FS: s.FS, Fatal: s.Fatal}); err != nil {
		return err
	}
	if err := s.done("ledger"); err != nil {
		return err
	}
	_, c, err := s.peek()
	if err != nil {
		return err
	}
	if err := s.lock.add(mark{kind: markComplete, key: keys.Current()}); err != nil {
		return err
	}
	for _, at := range seen {
		if at.Size > c.Size {
			s.notice("a newer state of %s was seen, of %d events, by %s; this copy has %d", keys.Origin(), at.Size, dir, c.Size)
			return nil
		}
	}
	return Remember(s.Home, from.Signed, true, keys.Keys()...)
}

// known returns what was seen of the ledger with these keys. It fails with
// ErrOtherKey where another key was seen, or is trusted, for its origin.
func (s *site) known(keys ledger.Keyring) ([]Sighting, string, error) {
	other, err := otherTrusted(s.Home, keys.Keys())
	if err == nil && !other.IsZero() {
		err = fmt.Errorf("%w: see %s", ErrOtherKey, trustPath(s.Home))
	}
	if err != nil {
		return nil, "", err
	}
	return Seen(s.Home, keys.Keys()...)
}
