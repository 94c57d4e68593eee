package root

import (
	"context"
	"time"

	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/store"
	"gait/ledger/store/pebble"
)

// defaultHost begins the origins of ledgers whose creator gave no origin.
const defaultHost = "gait.local/"

// create makes a ledger, or continues a creation that got as far as its key.
// Nothing is written before everything is known to be well-formed and unused.
func (s creator) create(ctx context.Context) (*Root, error) {
	if err := ledger.FieldActor.Check(s.Actor); err != nil {
		return nil, err
	}
	now := s.Now()
	if err := s.checkClock(now, time.Time{}); err != nil {
		return nil, err
	}
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
	r := &Root{Dir: s.dir, Home: s.Home, content: ContentOf(s.dir), Signer: key, lock: s.lock, options: s.Options}
	if r.Log, err = s.createLog(ctx, r, first); err != nil {
		return nil, err
	}
	if err := s.createdLog(r); err != nil {
		r.Log.Close()
		return nil, err
	}
	return r, nil
}

// createLog makes the ledger that begins with first, and opens it.
func (s creator) createLog(ctx context.Context, r *Root, first ledger.Event) (*store.Log, error) {
	err := pebble.Create(s.ledgerDir(), s.tableOptions(), func(t store.Table) error {
		return store.Create(ctx, t, first, store.Options{Signer: r.Signer, Keys: s.macKeys})
	})
	if err != nil {
		return nil, err
	}
	return s.openIndexed(ctx, r, r.Signer.Name(), false)
}

// begunKey returns the key of a creation that a crash interrupted before the
// ledger existed, unless the caller asks for another origin.
func (s creator) begunKey() (ledger.PrivateKey, bool) {
	last := s.lock.last
	if last.kind != markCreating || s.Origin != "" && s.Origin != last.key.Name() {
		return ledger.PrivateKey{}, false
	}
	k, err := home.SigningKey(s.Home, last.key.Name())
	if err != nil || k.VerifierKey() != last.key || home.CheckUnused(s.Home, k.Name(), last.key) != nil {
		return ledger.PrivateKey{}, false
	}
	return k, true
}

func (s creator) newKey(now time.Time) (ledger.PrivateKey, error) {
	origin := s.Origin
	if origin == "" {
		id, err := ledger.NewULID(now, s.Entropy)
		if err != nil {
			return ledger.PrivateKey{}, err
		}
		origin = defaultHost + id
	}
	k, err := ledger.GenerateKey(s.Entropy, origin)
	if err != nil {
		return ledger.PrivateKey{}, err
	}
	return k, home.CheckUnused(s.Home, origin, k.VerifierKey())
}

// checkClock fails with a *ledger.ClockError if the clock is probably wrong, unless the
// caller accepts that.
func (o Options) checkClock(now, last time.Time) error {
	if o.AcceptClock {
		return nil
	}
	return ledger.CheckClock(now, last)
}

// firstEvent seals event 0. It names the ledger that was retired here, if one was.
func (s creator) firstEvent(key ledger.PrivateKey, now time.Time) (ledger.Event, error) {
	id, err := ledger.NewULID(now, s.Entropy)
	if err != nil {
		return ledger.Event{}, err
	}
	at, _ := ledger.Head{}.At(now)
	return ledger.Seal(ledger.Draft{
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

// keepKey makes the key durable before anything is signed with it. It writes the
// mark first: after a crash, the mark shows that the key belongs to this creation.
func (s creator) keepKey(key ledger.PrivateKey) error {
	if err := s.lock.add(mark{kind: markCreating, key: key.VerifierKey()}); err != nil {
		return err
	}
	if err := s.done("creating"); err != nil {
		return err
	}
	if err := home.AddKey(s.Home, key); err != nil {
		return err
	}
	return s.done("key")
}

func (s creator) createdLog(r *Root) error {
	if err := s.done("ledger"); err != nil {
		return err
	}
	g, err := home.LoadGuard(s.Home, r.Log.Keys().Keys()...)
	if err != nil {
		return err
	}
	r.guard = g
	return s.complete(r)
}

// complete does what remains once a new ledger is in its place: trust, the
// outside checkpoint, and the mark that records the end of the creation.
func (s *site) complete(r *Root) error {
	key := r.Log.Keys().Current()
	begun := s.lock.last.kind == markCreating
	if begun { // a key distrusted since then stays distrusted
		if err := home.TrustOwn(s.Home, key.PublicKey()); err != nil {
			return err
		}
		if err := s.done("trust"); err != nil {
			return err
		}
	}
	_, note := r.Log.Checkpoint()
	if err := r.guard.Publish(note); err != nil {
		return err
	}
	if err := s.noteIndex(r.Log, r.noted); err != nil {
		return err
	}
	if err := s.done("guard"); err != nil {
		return err
	}
	if err := s.remember(r.Log.Keys()); err != nil {
		return err
	}
	if err := s.done("place"); err != nil {
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
	s.notice("created its key %s, which is now trusted in %s", home.KeyPath(s.Home, key.Name(), false), home.TrustPath(s.Home))
	return nil
}
