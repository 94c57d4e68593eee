package root

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/store"
	"gait/ledger/store/pebble"
)

// ErrNewestUnknown says that home has seen nothing of a ledger, so that it cannot tell
// whether events came after a backup of it.
var ErrNewestUnknown = ledger.NewError("nothing was seen of that ledger here, so it cannot be told whether the backup is the newest state of it",
	ledger.Fault{Code: "newest_unknown", Category: ledger.CategoryUnsafe})

// Restore makes a root again from a backup of its ledger. If home has seen nothing newer,
// and has the key or gets it from the backup, the ledger can be continued. If home has seen
// a newer state, the user is taken to accept that: the root is read from then on, and not
// written. If the last event moves the ledger to a key that home has made (home.AddNextKey),
// that key signs the last checkpoint too, once all of the ledger has verified, and the ledger
// goes on here; an earlier state of it that moved away from this root is put aside. A Restore that a crash interrupted is finished by another one of the same backup.
//
// Errors are those of Open and of store.Restore, store.ErrExists if the root holds another
// ledger or another state, *ElsewhereError, *LeftError, ErrNewestUnknown, and those of home.ImportKey.
func Restore(ctx context.Context, o Options, from Backup) (Restoration, error) {
	did, err := restore(ctx, o, from)
	if err != nil {
		return Restoration{}, fmt.Errorf("restoring %s into %s: %w", from.Checkpoint.Origin, o.Dir, err)
	}
	return did, nil
}

// PlanRestore returns what Restore would return, but for the private key of a backup, and
// fails if Restore would before it reads the events. It writes nothing but the pid in the lock file.
func PlanRestore(o Options, from Backup) (Restoration, error) {
	did, err := o.compareBackup(&from)
	if err != nil {
		return did, fmt.Errorf("restoring %s: %w", from.Checkpoint.Origin, err)
	}
	if err := o.planPlace(from, &did); err != nil {
		return did, fmt.Errorf("restoring %s: %w", from.Checkpoint.Origin, err)
	}
	k, err := home.PrivateOf(o.Home, from.Keys.Current())
	if _, missing := errors.AsType[*home.KeyMissingError](err); !missing && err != nil {
		return did, err
	}
	if err == nil {
		did.KeyFile = home.KeyPath(o.Home, k.Name(), did.Retired)
	}
	return did, nil
}

func restore(ctx context.Context, o Options, from Backup) (did Restoration, err error) {
	o.Create, o.Begin, o.Mode = true, true, Write
	if did, err = o.compareBackup(&from); err != nil {
		return did, err
	}
	in, err := enter(ctx, o)
	if err != nil {
		return did, err
	}
	s := &restorer{installer: newInstaller(in), arriving: did.Here}
	there, err := s.holdsBackup(from)
	if err == nil {
		err = s.restore(ctx, from, &did, there)
	}
	return did, errors.Join(err, s.lock.release())
}

// compareBackup compares the backup with what home knows of its ledger, and finds out whether it
// goes on here. It writes nothing.
func (o Options) compareBackup(from *Backup) (did Restoration, err error) {
	s := &directory{Options: o}
	if did.Retired, err = s.retired(from.Checkpoint.Origin); err != nil {
		return did, err
	}
	was := from.Keys
	if err := s.arrives(from, &did); err != nil {
		return did, err
	}
	seen, _, err := s.known(from.Keys)
	if err != nil {
		return did, err
	}
	for _, at := range seen {
		if at.Size > did.Seen.Size {
			did.Seen = at.Checkpoint
		}
	}
	newer := did.Seen.Size > from.Checkpoint.Size
	if did.Here && (newer || from.Succeeded) { // it went on here already, or is not to
		did.Here, from.Keys, from.Next = false, was, nil
	}
	did.Copy, did.Older = from.ReadOnly, newer && !did.Moved
	if did.Seen.Size == 0 && !from.Newest && !from.ReadOnly && !from.Succeeded && !did.Retired && !did.Moved {
		return did, ErrNewestUnknown
	}
	moved, err := was.Moved(from.Moves)
	if err == nil {
		err = o.mayGoOn(from, moved, newer, &did)
	}
	return did, err
}

// mayGoOn finds out whether the ledger of the backup, which moved unless moved is nil, goes on
// elsewhere, and fails if it is to go on here then. newer says that a newer state was seen.
func (o Options) mayGoOn(from *Backup, moved *ledger.Move, newer bool, did *Restoration) error {
	if newer && !did.Copy && !did.Retired {
		events, err := o.wentOnHere(moved)
		if did.Back = events > 0; err != nil {
			return err
		}
	}
	if did.Copy || did.Retired || !from.Succeeded && (did.Older || did.Moved && !did.Here) {
		did.Alive = o.aliveIfKnown(lastKnown{keys: from.Keys.Keys(), older: did.Older})
		return nil // it is only read
	}
	if err := o.checkElsewhere(from.Checkpoint.Origin); err != nil || !from.Succeeded {
		return err
	}
	alive, err := o.alive(lastKnown{keys: from.Keys.Keys(), older: newer})
	return cmp.Or(err, alive, o.NotAway(moved))
}

// holdsBackup reports whether the root holds the ledger of the backup in that state
// already. It fails with an *OccupiedError if it holds another one.
func (s *restorer) holdsBackup(from Backup) (bool, error) {
	there, err := s.findBackup(from)
	if e, ok := errors.AsType[*OccupiedError](err); ok {
		e.Whole = !s.mayHold(from)
	}
	return there, err
}

// mayHold reports whether the marks of the root let it hold the ledger of the backup.
func (s *restorer) mayHold(from Backup) bool {
	last := s.lock.last
	switch {
	case from.ReadOnly && s.lock.created: // what it holds may not say that it is a copy
		return false
	case last.kind == markComplete:
		return last.key.Name() == from.Checkpoint.Origin
	case last.kind == markRetired:
		return from.Succeeded && last.was.Origin == from.Checkpoint.Origin
	}
	return last.kind == markNone
}

func (s *restorer) findBackup(from Backup) (bool, error) {
	if _, unfinished, err := s.bequeathed(); unfinished { // its successor is to take its place
		return false, s.occupied("a successor of it that is not in its place yet")
	} else if err != nil {
		return false, err
	}
	has, err := s.hasLedger()
	if err != nil {
		return false, err
	}
	if has {
		same, err := s.isBackup(from)
		return same, err
	}
	if s.mayHold(from) {
		return false, nil
	}
	if from.ReadOnly && s.lock.created {
		return false, s.occupied("nothing now, and held the ledger itself, in the place of which no copy goes")
	}
	if last := s.lock.last; last.kind == markRetired {
		return false, s.occupied("nothing now, and held " + last.was.Origin + ", which was retired")
	}
	return false, s.occupied("nothing now, and held another ledger, or one that was begun")
}

// isBackup reports whether the ledger here is that of the backup, in that state. It fails with
// store.ErrExists if it is another one, but for the state in which it moved away from here.
func (s *restorer) isBackup(from Backup) (bool, error) {
	log, err := s.readLog(context.Background())
	if err != nil {
		return false, s.occupied("a ledger that cannot be read")
	}
	c, _ := log.Checkpoint()
	same := c == from.Checkpoint && log.Keys().Equal(from.Keys) && log.Imported() == from.ReadOnly
	left := log.Moved() != nil && !log.Imported()
	if err := log.Close(); err != nil || same {
		return same, err
	}
	if left && s.arriving && c.Size < from.Checkpoint.Size {
		if ok, err := from.Continues(c); ok || err != nil {
			s.left = c
			return false, err
		}
	}
	if c.Origin != from.Checkpoint.Origin {
		return false, s.occupied("another ledger, " + c.Origin)
	}
	return false, s.occupied(fmt.Sprintf("that ledger already, with %d events; the backup has %d", c.Size, from.Checkpoint.Size))
}

// restore does the steps. Each is durable before the next, and done again if there was a
// crash.
func (s *restorer) restore(ctx context.Context, from Backup, did *Restoration, there bool) error {
	beside := func() error {
		if err := s.accept(from, did); err != nil {
			return err
		}
		if err := s.keepContent(from.Content, nil); err != nil {
			return err
		}
		if err := s.keepOfJobs(from.OfJobs); err != nil {
			return err
		}
		if err := s.restoreKey(from, did); err != nil || !from.Succeeded {
			return err
		}
		return s.markRestored(from, did) // before the ledger is there to be written
	}
	var err error
	if did.There = there; there {
		if err = beside(); err == nil {
			err = s.findLateKey(ctx, from, did)
		}
	} else {
		err = s.restoreLedger(ctx, from, beside)
	}
	if err != nil {
		return err
	}
	if err := s.done("ledger"); err != nil {
		return err
	}
	if !did.Older {
		if err := s.rememberRestored(from); err != nil {
			return err
		}
	}
	if err := s.done("guard"); err != nil {
		return err
	}
	return s.markRestored(from, did)
}

// rememberRestored keeps the checkpoint of the backup as the newest seen.
func (s *restorer) rememberRestored(from Backup) error {
	signed := from.Signed
	if from.Next != nil {
		var err error
		if signed, err = ledger.Countersign(signed, from.Next); err != nil {
			return err
		}
	}
	if err := home.Remember(s.Home, signed, true, from.Keys.Keys()...); err != nil {
		return err
	}
	if err := home.SyncSeen(s.Home, from.Keys.Origin()); err != nil {
		return err
	}
	return keepEndsOf(s.Home, from.Copy, from.Keys)
}

// restoreKey keeps the private key, if the backup has it, and finds out whether it is here.
func (s *restorer) restoreKey(from Backup, did *Restoration) error {
	if did.Here {
		return s.promoteKey(from.Keys.Current(), did)
	}
	if key := from.Key.VerifierKey(); !key.IsZero() && !did.Copy && !did.Moved {
		if key != from.Keys.Current() {
			return s.swapped("the backup", key, from.Keys.Current())
		}
		kept, err := home.ImportKey(s.Home, from.Key, from.Keys.Keys()...)
		if err != nil {
			return err
		}
		did.KeyAdded = kept.Added
	}
	k, err := home.PrivateOf(s.Home, from.Keys.Current())
	if _, missing := errors.AsType[*home.KeyMissingError](err); missing {
		return s.done("key")
	}
	if err != nil {
		return err
	}
	did.KeyFile = home.KeyPath(s.Home, k.Name(), did.Retired)
	return s.done("key")
}

// accept remembers what the root holds, before it does: from then on no new ledger begins
// there.
func (s *restorer) accept(from Backup, did *Restoration) error {
	now := home.KnownRoot{Dir: s.dir, Key: from.Keys.Current()}
	if from.onlyRead(did) {
		now.Accepted = from.Checkpoint
	}
	if err := now.Write(s.Home); err != nil {
		return err
	}
	return s.done("place")
}

// restoreLedger makes the ledger. It calls beside when all of it has verified, before it
// takes its place.
func (s *restorer) restoreLedger(ctx context.Context, from Backup, beside func() error) error {
	keys := s.macKeysWith(from.Key)
	if from.Next != nil {
		keys = s.macKeys
	}
	_, keyed, err := keys(from.Keys.Current())
	if err != nil {
		return err
	}
	dir, err := s.makesIn()
	if err != nil {
		return err
	}
	var index store.IndexRoot
	err = pebble.Create(dir, pebble.Options{FS: s.FS, Fatal: s.Fatal}, func(t store.Table) (err error) {
		if from.ReadOnly {
			index, err = store.Import(ctx, t, from.Copy)
		} else {
			index, err = store.Restore(ctx, t, from.Copy, from.Keys.Current(), store.Options{Keys: keys})
		}
		if err == nil {
			err = s.noteComputed(from.Checkpoint.Origin, index)
		}
		if err != nil {
			return err
		}
		return beside()
	})
	if err != nil {
		return err
	}
	if err := s.putAside(dir); err != nil {
		return err
	}
	if err := s.done("in place"); err != nil || index.Size == 0 || !keyed || from.ReadOnly {
		return err
	}
	return noteOf(from.Checkpoint.Origin, index, true).Write(s.Home)
}

// markRestored writes the marks of the root, unless they are there.
func (s *restorer) markRestored(from Backup, did *Restoration) error {
	was := s.lock.restored // of what was here before
	newest := was != nil && was.SeenSize <= from.Checkpoint.Size && !from.onlyRead(did)
	if last := s.lock.last; last.kind != markComplete || last.key != from.Keys.Current() || newest {
		if err := s.lock.add(mark{kind: markComplete, key: from.Keys.Current()}); err != nil {
			return err
		}
	}
	if err := s.done("mark"); err != nil || !from.onlyRead(did) || s.lock.restored != nil {
		return err
	}
	seen := did.Seen
	if seen.Size < from.Checkpoint.Size {
		seen = from.Checkpoint
	}
	if err := s.lock.add(mark{kind: markRestored, was: older(seen, from.Checkpoint)}); err != nil {
		return err
	}
	return s.done("older")
}

// onlyRead reports whether the root is marked so that the ledger is not written.
func (b Backup) onlyRead(did *Restoration) bool { return (did.Older || b.Succeeded) && !did.Copy }

// older describes a ledger that was found in an older state than was seen.
func older(seen, found ledger.Checkpoint) *ledger.Predecessor {
	return &ledger.Predecessor{Origin: found.Origin, SeenSize: seen.Size, SeenRoot: seen.Root, FoundSize: found.Size, FoundRoot: found.Root}
}
