package root

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"time"

	"gait/ledger"
	"gait/ledger/content"
	"gait/ledger/home"
	"gait/ledger/store"
	"gait/ledger/store/pebble"
)

// successorName is the directory in which a successor is built: its ledger and its content.
const successorName = "successor"

// A Succession says why a ledger gets a successor, and what that begins with.
type Succession struct {
	Reason string

	// Begin reads what is left of the ledger and returns what its successor begins with.
	// Nothing is given up if it fails.
	Begin func(context.Context, Estate) (Inheritance, error)

	// Keys returns keys, oldest first, of the ledger that the other sources are of that Begin
	// has; it is nil if there are none. With other sources, the ledger in the root may be lost,
	// and the root may be one that holds no ledger.
	Keys func() ([]ledger.VerifierKey, error)
}

// An Estate is what is left of a ledger that gets a successor.
type Estate struct {
	Log     *store.Log     // the ledger, opened to read; nil if it cannot be opened
	Err     error          // why not
	Missing bool           // it cannot be opened since it is not there
	Content *content.Store // beside it
	Keep    *content.Store // of the successor: what its events name must be durable there before they are yielded

	Keys []ledger.VerifierKey // of the ledger, as far as they are known
	Seen ledger.Checkpoint    // the newest state of the ledger that was seen; Size 0 if none was
}

// An Inheritance is what a successor begins with.
type Inheritance struct {
	Found    ledger.Checkpoint // the state of the ledger that is continued; Size 0 if it is none
	Requests *ledger.Requests  // the request ids used before, kept in Estate.Keep; nil if there are none

	// Entries yields the events behind event 0 of the successor, sealed, with their views.
	Entries func(first ledger.Event) iter.Seq2[ledger.Entry, error]
}

// A Succeeded is the result of Succeed.
type Succeeded struct {
	Retirement
	Resumed bool  // a crash had interrupted an earlier Succeed, which had built the successor
	Size    int64 // of the successor: number of its events
}

// Succeed retires the ledger of a root, in whatever state it is, and puts a ledger in its
// place that continues it. The successor is built beside it, and the ledger is untouched,
// and may be written, until the successor is whole, verified and durable. A Succeed that a
// crash interrupted is finished by another one or, once the ledger was retired, by the next
// Open that may write. As long as nothing was written to
// the successor, another Succeed for the same reason does nothing, and has the same result.
//
// Errors are those of Retire, *home.RolledBackError if the
// ledger contradicts what was seen of it, and those of Begin and of store.CreateFrom.
func Succeed(ctx context.Context, o Options, how Succession) (Succeeded, error) {
	did, err := succeed(ctx, o, how)
	if err != nil {
		return Succeeded{}, fmt.Errorf("continuing the ledger in %s: %w", o.Dir, err)
	}
	return did, nil
}

func succeed(ctx context.Context, o Options, how Succession) (did Succeeded, err error) {
	o.Create, o.Mode = false, Write
	if err := ledger.FieldReason.Check(how.Reason); err != nil {
		return did, err
	}
	if err := ledger.FieldActor.Check(o.Actor); err != nil {
		return did, err
	}
	in, err := enter(ctx, o)
	if how.Keys != nil && (errors.Is(err, ErrNoLedger) || errors.Is(err, ErrLedgerMissing)) { // with its root: the mark needs one
		if _, err := how.Keys(); err != nil { // what is no source makes no root
			return did, err
		}
		o.Create, o.Begin = true, true
		in, err = enter(ctx, o)
	}
	if err != nil {
		return did, err
	}
	s := newInstaller(in)
	defer func() { err = errors.Join(err, s.lock.release()) }()
	if err := s.notPutAway(); err != nil {
		return did, err
	}
	if again, done, err := s.succeededBefore(ctx, how.Reason); done || err != nil {
		return again, err
	}
	n, resumed, err := s.bequeathed()
	if err == nil && !resumed {
		n, err = s.bequeath(ctx, how)
	}
	if err != nil {
		return did, err
	}
	was, r, err := s.handOver(ctx, n)
	if err != nil {
		return did, err
	}
	did = Succeeded{Retirement: was, Resumed: resumed, Size: r.Log.Head().Size}
	return did, r.Log.Close()
}

// bequeath builds the successor, and then retires the ledger.
func (s installer) bequeath(ctx context.Context, how Succession) (n home.RetirementNote, err error) {
	keys, err := s.retiree()
	if errors.Is(err, ErrNoLedger) && how.Keys != nil {
		keys, err = s.adopt(how)
	}
	if err == nil {
		err = s.checkAlive(keys)
	}
	if err != nil {
		return n, err
	}
	was, retired, err := home.ReadRetirementNote(s.Home, keys[0].Name())
	if err == nil && retired && !was.Successor.IsZero() {
		err = s.retiredError(was.Origin)
	}
	if err != nil {
		return n, err
	}
	if err := s.checkSuccessor(); err != nil {
		return n, err
	}
	if n, err = s.describe(keys, how.Reason); err != nil {
		return n, err
	}
	e := Estate{Content: ContentOf(s.dir), Keep: content.Open(filepath.Join(s.successorDir(), contentName)), Keys: keys, Seen: n.Seen}
	has, err := s.hasLedger()
	if err != nil {
		return n, err
	}
	e.Missing = !has
	if e.Log, e.Err = s.readIndexed(ctx, s.macKeys); e.Log != nil {
		defer func() { err = errors.Join(err, e.Log.Close()) }()
		if err := s.checkEstate(ctx, &e, keys); err != nil {
			return n, err
		}
	}
	whole, err := s.buildSuccessor(ctx, how, e, &n)
	if err != nil {
		return n, err
	}
	if err := s.rememberAdopted(keys); err != nil {
		return n, err
	}
	n.Successor = whole.VerifierKey()
	// From here on nothing signs for the origin of the ledger.
	if err := n.Write(s.Home); err != nil {
		return n, err
	}
	return n, s.done("note")
}

// checkEstate refuses a ledger that is another one than the root should hold, or that
// contradicts what was seen of it: its jobs would go on in a history that was made up.
func (s builder) checkEstate(ctx context.Context, e *Estate, known []ledger.VerifierKey) error {
	keys := e.Log.Keys()
	if !keys.Has(known[0]) {
		return s.swapped(s.lock.path, known[0], keys.Current())
	}
	if err := s.NotAway(e.Log.Moved()); err != nil {
		return err
	}
	e.Keys = keys.Keys()
	c, note := e.Log.Checkpoint()
	if e.Seen.Size == 0 || e.Seen.Size > c.Size {
		return nil
	}
	at, err := e.Log.RootAt(ctx, e.Seen.Size)
	if err == nil && at != e.Seen.Root {
		err = &home.RolledBackError{Dir: s.ledgerDir(), Seen: e.Seen, Found: c, FoundNote: note}
	}
	return err
}

// buildSuccessor builds the successor in its directory and verifies it, and returns its key.
func (s builder) buildSuccessor(ctx context.Context, how Succession, e Estate, n *home.RetirementNote) (ledger.PrivateKey, error) {
	now := s.Now()
	if err := s.checkSuccessionClock(ctx, e, now); err != nil {
		return ledger.PrivateKey{}, err
	}
	if how.Keys == nil { // the other sources may be others now
		if key, ok, err := s.builtBefore(ctx, *n, e); ok || err != nil {
			return key, err
		}
	}
	built, err := home.Exists(s.successorLedger())
	if err != nil {
		return ledger.PrivateKey{}, err
	}
	from, err := how.Begin(ctx, e)
	if err != nil {
		if !built {
			err = errors.Join(err, s.emptySuccessor())
		}
		return ledger.PrivateKey{}, err
	}
	if err := s.clearSuccessor(); err != nil {
		return ledger.PrivateKey{}, err
	}
	key, err := s.heirKey(now)
	if err != nil {
		return key, err
	}
	n.Found = from.Found
	s.lock.predecessor = Retirement{RetirementNote: *n}.predecessor()
	s.lock.predecessor.Requests = from.Requests
	first, err := s.firstEvent(key, now)
	if err != nil {
		return key, err
	}
	if err := home.MakeDir(s.successorDir()); err != nil {
		return key, err
	}
	if err := s.done("inheritance"); err != nil {
		return key, err
	}
	err = pebble.Create(s.successorLedger(), pebble.Options{FS: s.FS, Fatal: s.Fatal}, func(t store.Table) error {
		var named content.Named
		err := store.CreateFrom(ctx, t, first, e.inheriting(noting(from.Entries(first), &named)), store.Options{Signer: key, Keys: s.macKeys, Inherited: Inherited(e.Keep)})
		if err == nil {
			err = e.inheritPolicies(&named)
		}
		return errors.Join(err, e.Keep.Flush())
	})
	if err != nil {
		return key, err
	}
	if err := s.verifySuccessor(ctx, key.VerifierKey(), nil); err != nil {
		return key, err
	}
	return key, s.done("successor")
}

func (s builder) checkSuccessionClock(ctx context.Context, e Estate, now time.Time) error {
	last := time.Time{}
	if e.Log != nil {
		if event, err := e.Log.Event(ctx, ledger.Seq(e.Log.Head().Size-1)); err == nil { // if it is damaged, the ledger needs a successor all the more
			last = event.Reading()
		}
	}
	return s.checkClock(now, last)
}

// builtBefore returns the key of the successor that an earlier Succeed has built of the
// ledger as it is now.
func (s builder) builtBefore(ctx context.Context, n home.RetirementNote, e Estate) (ledger.PrivateKey, bool, error) {
	there, err := home.Exists(s.successorLedger())
	if err != nil || !there || s.lock.heir.IsZero() || e.Log == nil {
		return ledger.PrivateKey{}, false, err
	}
	key, usable := s.unusedHeirKey()
	if !usable {
		return key, false, nil
	}
	err = s.verifySuccessor(ctx, s.lock.heir, func(was *ledger.Predecessor) bool {
		now := Retirement{RetirementNote: n}.predecessor()
		now.Requests = was.Requests
		return *now == *was
	})
	return key, err == nil, nil
}

// verifySuccessor reads all of the successor that was built. same may be nil.
func (s builder) verifySuccessor(ctx context.Context, key ledger.VerifierKey, same func(*ledger.Predecessor) bool) error {
	kept := content.Open(filepath.Join(s.successorDir(), contentName))
	log, err := openLog(ctx, s.successorLedger(), pebble.Options{FS: s.FS, ReadOnly: true, Fatal: s.Fatal}, store.Options{ReadOnly: true, Keys: s.macKeys, Inherited: Inherited(kept)})
	if err != nil {
		return err
	}
	defer log.Close()
	if log.Keys().Current() != key {
		return s.swapped(s.lock.path, key, log.Keys().Current())
	}
	first, err := log.Event(ctx, 0)
	if err != nil {
		return err
	}
	if p, _ := first.Payload().(ledger.LedgerCreated); p.Predecessor == nil || same != nil && !same(p.Predecessor) {
		return corrupt("%s continues another state of the ledger", s.successorLedger())
	}
	return log.Verify(ctx, nil, nil)
}
