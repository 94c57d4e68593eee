package root

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/store"
	"gait/ledger/store/pebble"
)

// openLedger opens the existing ledger, compares it with everything that is
// recorded about it elsewhere, and finishes its creation.
func (s *site) openLedger(ctx context.Context) (*Root, error) {
	if err := s.checkLedgerDir(); err != nil {
		return nil, err
	}
	known, by, err := s.expectedKeys()
	if err != nil {
		return nil, err
	}
	r := &Root{Dir: s.dir, Home: s.Home, content: ContentOf(s.dir), lock: s.lock, options: s.Options}
	if s.openAtOnce(ctx, r, known) {
		if err := s.check(ctx, r, known, by); err != nil {
			return nil, errors.Join(err, r.Log.Close())
		}
		return r, nil
	}
	if s.Mode.writes() {
		if r.Signer, err = s.look(ctx, known, by); err != nil {
			return nil, err
		}
	}
	if r.Log, err = s.openIndexed(ctx, r, known[0].Name(), false); err != nil {
		return nil, s.explain(err, known, by)
	}
	if err := s.check(ctx, r, known, by); err != nil {
		return nil, errors.Join(err, r.Log.Close())
	}
	return r, nil
}

// openAtOnce opens the ledger to write without reading it first, if that changes
// nothing before the first commit, and so before the ledger was compared: an old ledger
// would get its index and tags first. It reports whether it did. On anything unusual it
// returns false, and look finds the reason.
func (s *site) openAtOnce(ctx context.Context, r *Root, known []ledger.VerifierKey) bool {
	if !s.tableOptions().OneShot || s.notRetired(known[0].Name()) != nil {
		return false
	}
	if tidy, err := pebble.Tidy(s.ledgerDir(), s.FS); err != nil || !tidy {
		return false
	}
	key, err := home.SigningKey(s.Home, known[0].Name())
	if err != nil || key.VerifierKey() != s.lock.last.key {
		return false
	}
	r.Signer = key
	log, err := s.openIndexed(ctx, r, known[0].Name(), true)
	if err == nil && (log.Imported() || log.Moved() != nil) {
		_ = log.Close() // nothing was written
		log = nil
	}
	if log == nil {
		r.Signer = nil
		return false
	}
	r.Log = log
	return true
}

// look compares the ledger with what was seen of it, before it is opened to write.
// Opening to write deletes files that an older state of the directory does not
// name, and they may be all that is left of a ledger that was rolled back. look
// returns the ledger's signer.
func (s *site) look(ctx context.Context, known []ledger.VerifierKey, by string) (ledger.Signer, error) {
	if err := s.notRetired(known[0].Name()); err != nil {
		return nil, err
	}
	log, err := s.readLog(ctx)
	if err != nil {
		return nil, s.explain(err, known, by)
	}
	keys, imported, moved := log.Keys(), log.Imported(), log.Moved()
	if err := errors.Join(s.compare(ctx, log, known, by), log.Close()); err != nil {
		return nil, err
	}
	if imported {
		return nil, &ImportedError{Origin: keys.Origin(), Dir: s.ledgerDir()}
	}
	if moved != nil {
		return nil, s.movedError(moved)
	}
	return s.signer(keys)
}

// compare checks an open ledger against its keys and its outside checkpoint.
func (s *comparison) compare(ctx context.Context, log *store.Log, known []ledger.VerifierKey, by string) error {
	if !log.Keys().Has(known[0]) {
		return s.swapped(by, known[0], log.Keys().Current())
	}
	if err := s.checkPlace(log.Keys()); err != nil {
		return err
	}
	c, _ := log.Checkpoint()
	if err := s.checkMark(c); err != nil {
		return err
	}
	g, err := s.guardOf(log, known)
	if err != nil {
		return err
	}
	if _, ok := g.Seen(); !ok {
		return s.checkKnown(log, known, by) // there is nothing else to compare with; check reports that
	}
	return errors.Join(s.checkSeen(ctx, log, g), s.checkKnown(log, known, by))
}

// checkKnown refuses a ledger that lacks a rotation that is recorded elsewhere, and
// one that was created here and says that it is a copy: less is asked of a copy.
func (s *comparison) checkKnown(log *store.Log, known []ledger.VerifierKey, by string) error {
	for _, key := range known {
		if !log.Keys().Has(key) {
			return s.swapped(by, key, log.Keys().Current())
		}
	}
	if s.lock.created && log.Imported() {
		return corrupt("it was created here, by %s, and says that it is a copy", s.lock.path)
	}
	return nil
}

// guardOf returns the outside checkpoint of an open ledger. Any key that the ledger
// has, or is known to have had, may have signed it.
func (s *comparison) guardOf(log *store.Log, known []ledger.VerifierKey) (*home.Guard, error) {
	keys := log.Keys().Keys()
	for _, key := range known {
		if key.Name() == log.Origin() && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return home.LoadGuard(s.Home, keys...)
}

func (s *directory) checkLedgerDir() error {
	if err := s.checkDir(s.ledgerDir()); err != nil {
		return err
	}
	if err := s.checkWritable(s.ledgerDir()); err != nil {
		return err
	}
	return s.checkFS(s.ledgerDir())
}

// expectedKeys returns keys that must be among the ledger's, and the file that says
// so: the lock file or, if that has no mark, the ledger itself.
func (s *site) expectedKeys() (known []ledger.VerifierKey, by string, err error) {
	switch last := s.lock.last; last.kind {
	case markCreating, markComplete:
		return s.lock.keys, s.lock.path, nil
	case markRetired:
		if s.Mode.writes() {
			return nil, "", s.retiredError(last.was.Origin)
		}
	case markNone, markRestored, markSucceeding:
	}
	keys, _, err := s.peek()
	return keys.Keys(), s.ledgerDir(), err
}

// peek reads the keys and newest checkpoint of the ledger without changing it.
func (s *site) peek() (ledger.Keyring, ledger.Checkpoint, error) {
	log, err := s.readLog(context.Background())
	if err != nil {
		return ledger.Keyring{}, ledger.Checkpoint{}, err
	}
	c, _ := log.Checkpoint()
	return log.Keys(), c, log.Close()
}

func (s *directory) notRetired(origin string) error {
	_, retired, err := home.ReadRetirementNote(s.Home, origin)
	if err == nil && retired {
		err = s.retiredError(origin)
	}
	return err
}

// signer returns the private half of the key in force. If a crash interrupted the
// rotation to that key, the private half is still in keys/next.
func (s *directory) signer(keys ledger.Keyring) (ledger.Signer, error) {
	origin, current := keys.Origin(), keys.Current()
	if err := s.notRetired(origin); err != nil {
		return nil, err
	}
	k, err := home.SigningKey(s.Home, origin)
	if err == nil && k.VerifierKey() == current {
		return k, nil
	}
	if next, nextErr := home.NextKey(s.Home, origin); nextErr == nil && next.VerifierKey() == current {
		return next, nil
	}
	if err != nil {
		return nil, err
	}
	path := home.KeyPath(s.Home, origin, false)
	if keys.Has(k.VerifierKey()) { // the ledger was rotated since, in another home
		return nil, &home.KeyMissingError{Origin: origin, Path: path, Earlier: k.VerifierKey()}
	}
	return nil, s.swapped(path, k.VerifierKey(), current)
}

func (s *directory) swapped(by string, want, got ledger.VerifierKey) error {
	return &SwappedError{Dir: s.ledgerDir(), By: by, Want: want, Got: got}
}

// explain returns the error that says why the store could not open the ledger.
func (s *site) explain(err error, known []ledger.VerifierKey, by string) error {
	if errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("%w: %w", &LostError{Dir: s.ledgerDir(), Origin: known[0].Name()}, err)
	}
	if got, _, peekErr := s.peek(); peekErr == nil && !got.Has(known[0]) {
		return s.swapped(by, known[0], got.Current())
	}
	return err
}

// check compares an open ledger with its marks, its trust and its outside
// checkpoint, updates the outside checkpoint, and finishes a creation or a rotation.
func (s *site) check(ctx context.Context, r *Root, known []ledger.VerifierKey, by string) error {
	if !r.Log.Keys().Has(known[0]) {
		return s.swapped(by, known[0], r.Log.Keys().Current())
	}
	if err := s.checkPlace(r.Log.Keys()); err != nil {
		return err
	}
	other, err := home.OtherTrusted(s.Home, r.Log.Keys().Keys())
	if err != nil {
		return err
	}
	if !other.IsZero() {
		return s.swapped(home.TrustPath(s.Home), other, r.Log.Keys().Current())
	}
	g, err := s.guardOf(r.Log, known)
	if err != nil {
		return err
	}
	if err := errors.Join(s.checkSeen(ctx, r.Log, g), s.checkKnown(r.Log, known, by)); err != nil {
		return err
	}
	c, note := r.Log.Checkpoint()
	if err := s.checkMark(c); err != nil {
		return err
	}
	r.Restored = s.restored
	if !s.Mode.writes() {
		s.noteMoved(r.Log)
		return s.noteIndex(r.Log, r.noted)
	}
	r.guard = g
	if s.lock.last.kind != markComplete {
		return s.complete(r)
	}
	if s.lock.last.key != r.Log.Keys().Current() {
		if err := r.finishRotation(); err != nil {
			return err
		}
		s.notice("finished the rotation of the key of %s: %s signs it", r.Log.Origin(), r.Log.Keys().Current())
	}
	if err := errors.Join(s.noteIndex(r.Log, r.noted), s.remember(r.Log.Keys()), r.keepEnds(ctx)); err != nil {
		return err
	}
	if err := g.Publish(note); err != nil {
		return err
	}
	return g.Ready()
}
