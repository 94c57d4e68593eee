package root

import (
	"fmt"
	"time"

	"github.com/oklog/ulid/v2"

	"gait/ledger"
	"gait/ledger/store"
)

// defaultHost begins the origins of ledgers that nobody named.
const defaultHost = "gait.local/"

// create makes a ledger, or goes on with a creation that got as far as its key.
// Nothing is written before everything is known to be well-formed and unused.
func (s *site) create() (*Root, error) {
	now := s.Now()
	key, resumed := s.begunKey()
	if !resumed {
		var err error
		if key, err = s.newKey(now); err != nil {
			return nil, err
		}
	}
	first, err := s.firstEvent(key, now)
	if err != nil {
		return nil, err
	}
	if !resumed {
		if err := s.keepKey(key); err != nil {
			return nil, err
		}
	}
	r := &Root{Dir: s.dir, Home: s.Home, Signer: key, lock: s.lock, options: s.Options}
	if r.Log, err = store.Create(s.ledgerDir(), first, s.storeOptions(r)); err != nil {
		return nil, err
	}
	if err := s.createdLog(r); err != nil {
		r.Log.Close()
		return nil, err
	}
	return r, nil
}

// begunKey returns the key of a creation that a crash cut short before its
// ledger was there, unless another origin is asked for.
func (s *site) begunKey() (ledger.PrivateKey, bool) {
	last := s.lock.last
	if last.kind != markCreating || s.Origin != "" && s.Origin != last.key.Name() {
		return ledger.PrivateKey{}, false
	}
	k, err := signingKey(s.Home, last.key.Name())
	if err != nil || k.VerifierKey() != last.key || checkUnused(s.Home, k.Name(), last.key) != nil {
		return ledger.PrivateKey{}, false
	}
	return k, true
}

func (s *site) newKey(now time.Time) (ledger.PrivateKey, error) {
	origin := s.Origin
	if origin == "" {
		id, err := s.newULID(now)
		if err != nil {
			return ledger.PrivateKey{}, err
		}
		origin = defaultHost + id
	}
	k, err := ledger.GenerateKey(s.Entropy, origin)
	if err != nil {
		return ledger.PrivateKey{}, err
	}
	return k, checkUnused(s.Home, origin, k.VerifierKey())
}

func (s *site) newULID(now time.Time) (string, error) {
	id, err := ulid.New(ulid.Timestamp(now), s.Entropy)
	if err != nil {
		return "", fmt.Errorf("making a ULID: %w", err)
	}
	return id.String(), nil
}

// firstEvent seals event 0. It names the ledger that was retired here, if one was.
func (s *site) firstEvent(key ledger.PrivateKey, now time.Time) (ledger.Event, error) {
	id, err := s.newULID(now)
	if err != nil {
		return ledger.Event{}, err
	}
	at, _ := ledger.Head{}.At(now)
	return ledger.Seal(ledger.Event{
		ID:     id,
		Origin: key.Name(),
		Time:   at,
		Actor:  s.Actor,
		Payload: ledger.LedgerCreated{
			Format:      ledger.Format,
			Key:         key.VerifierKey().String(),
			Predecessor: s.lock.predecessor,
		},
	})
}

// keepKey makes the key durable before anything is signed with it. The mark
// comes first, so that after a crash we know the key to be this creation's.
func (s *site) keepKey(key ledger.PrivateKey) error {
	if err := s.lock.add(mark{kind: markCreating, key: key.VerifierKey()}); err != nil {
		return err
	}
	if err := s.done("creating"); err != nil {
		return err
	}
	if err := addKey(s.Home, key); err != nil {
		return err
	}
	return s.done("key")
}

func (s *site) createdLog(r *Root) error {
	if err := s.done("ledger"); err != nil {
		return err
	}
	g, err := loadGuard(s.Home, r.Log.Keys().Keys()...)
	if err != nil {
		return err
	}
	r.guard = g
	return s.complete(r)
}

// complete does what is left once a new ledger is in its place: trust, the
// outside checkpoint, and the mark that says all of it is done.
func (s *site) complete(r *Root) error {
	key := r.Log.Key()
	begun := s.lock.last.kind == markCreating
	if begun { // what was distrusted since stays so
		if _, err := Trust(s.Home, key.PublicKey()); err != nil {
			return err
		}
		if err := s.done("trust"); err != nil {
			return err
		}
	}
	_, note := r.Log.Checkpoint()
	if err := r.guard.publish(note); err != nil {
		return err
	}
	if err := s.done("guard"); err != nil {
		return err
	}
	if err := s.lock.add(mark{kind: markComplete, key: key}); err != nil {
		return err
	}
	if err := s.done("mark"); err != nil {
		return err
	}
	if !begun {
		s.notice("%s did not name the ledger %s that is in %s; now it does", s.lock.path, key.Name(), s.ledgerDir())
		return nil
	}
	r.Created = true
	s.notice("created the ledger %s in %s", key.Name(), s.ledgerDir())
	s.notice("created its key %s, which is now trusted in %s", keyPath(s.Home, key.Name(), false), trustPath(s.Home))
	return nil
}
