package root

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"golang.org/x/sys/unix"

	"gait/ledger"
	"gait/ledger/content"
	"gait/ledger/home"
	"gait/ledger/store"
	"gait/ledger/store/pebble"
)

// An ImportedError says that a ledger is a copy of one that is written elsewhere.
// It can be read, but nothing is ever signed in it.
type ImportedError struct {
	Origin string
	Dir    string // of the copy
}

func (e *ImportedError) Error() string {
	return fmt.Sprintf("%s holds a copy of %s, which is only read", e.Dir, e.Origin)
}

// Fault returns what kind of error it is.
func (*ImportedError) Fault() ledger.Fault {
	return ledger.Fault{Code: "ledger_read_only", Category: ledger.CategoryUnsafe}
}

// Writable fails if the root holds a ledger that is only read: with an *ImportedError if it
// is a copy, with a *ledger.MovedError if it moved away, with a *home.RolledBackError if it is
// in an older state than was seen, and with a *RetiredError if it was retired.
func (r *Root) Writable() error {
	if r.Log.Imported() {
		return &ImportedError{Origin: r.Log.Origin(), Dir: r.Dir}
	}
	if moved := r.Log.Moved(); moved != nil {
		return r.options.movedError(moved)
	}
	if err := r.Newest(); err != nil {
		return err
	}
	return (&directory{Options: r.options, dir: r.Dir}).notRetired(r.Log.Origin())
}

// MayWrite fails as Open does to write, if home cannot sign the ledger or keep its next
// checkpoint, or if this user cannot write the root.
func (r *Root) MayWrite() error {
	if err := r.Writable(); err != nil {
		return err
	}
	s := &directory{Options: r.options, dir: r.Dir}
	s.Mode = Write
	if err := errors.Join(s.checkDir(s.dir), s.checkWritable(s.dir), s.checkLedgerDir()); err != nil {
		return err
	}
	return MaySign(r.Dir, r.Home, r.Log.Keys())
}

// MaySign fails as Open does to write, for the ledger of the root in dir: if it was retired,
// if home does not hold the private half of the key that it has in force, or if no
// checkpoint can be kept there.
func MaySign(dir, homeDir string, keys ledger.Keyring) error {
	s := &directory{Options: Options{Home: homeDir}, dir: dir}
	if _, err := s.signer(keys); err != nil {
		return err
	}
	kept := home.LedgerDir(homeDir, keys.Origin())
	err := unix.Access(kept, unix.W_OK|unix.X_OK)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return home.InHome.Unwritable(kept, err)
}

// PackSigner returns what signs packs of the ledger. One that is only read, since it is a
// copy, or was retired, or is in an older state than was seen, has no Signer, and packs of
// what it holds are signed by the key that it has in force. PackSigner fails with a
// *home.KeyMissingError or, in a copy, with an *ImportedError if home does not hold that key.
func (r *Root) PackSigner() (ledger.Signer, error) {
	if r.Signer != nil {
		return r.Signer, nil
	}
	signer, err := home.PrivateOf(r.Home, r.Log.Keys().Current())
	lacks, missing := errors.AsType[*home.KeyMissingError](err)
	if missing && r.Log.Imported() {
		err = &ImportedError{Origin: r.Log.Origin(), Dir: r.Dir}
	} else if missing {
		var unread error
		lacks.Rotated, unread = home.IsRotated(r.Home, r.Log.Keys().Current())
		err = cmp.Or(unread, err)
	}
	if err != nil {
		return nil, fmt.Errorf("signing a pack: %w", err)
	}
	return signer, nil
}

// Copied is what Import makes a root from.
type Copied struct {
	store.Copy
	Keys    ledger.Keyring
	Content func(keep func(digest ledger.Hash, from io.ReadSeeker) error) error // calls keep with each content that events name; nil: there is none
}

// Import makes a root with a copy of a ledger. If any part of the copy does not
// verify, it leaves no ledger there; store.Import names the errors, among them
// store.ErrExists. An Import that a crash interrupted is finished by another one of the
// same copy. If home knows another key for the ledger's origin, Import fails with
// home.ErrOtherKey. The caller has checked that the copy continues what was seen of the
// ledger, and the contents: they are kept before the ledger takes its place.
func Import(ctx context.Context, o Options, from Copied) error {
	o.Create, o.Begin, o.Mode = true, true, Write
	s, err := enter(ctx, o)
	if err != nil {
		return fmt.Errorf("importing into %s: %w", o.Dir, err)
	}
	err = (&restorer{installer: newInstaller(s)}).importLedger(ctx, from)
	if err := errors.Join(err, s.lock.release()); err != nil {
		return fmt.Errorf("importing into %s: %w", o.Dir, err)
	}
	return nil
}

// importLedger does the steps. Each is durable before the next; if a crash comes in between,
// those that are left are done by another Import of the same copy.
func (s *restorer) importLedger(ctx context.Context, from Copied) error {
	var named content.Named
	from.Entries = noting(from.Entries, &named)
	there, err := s.holdsCopy(ctx, from)
	if err != nil {
		return err
	}
	seen, by, err := s.known(from.Keys)
	if err != nil {
		return err
	}
	// The place is remembered before it holds the ledger: from then on no new one begins there.
	beside := func() error {
		if err := s.remember(from.Keys); err != nil {
			return err
		}
		if err := s.done("place"); err != nil || from.Content == nil {
			return err
		}
		return s.keepContent(from.Content, &named)
	}
	if there {
		err = beside()
	} else {
		err = pebble.Create(s.ledgerDir(), pebble.Options{FS: s.FS, Fatal: s.Fatal}, func(t store.Table) error {
			index, err := store.Import(ctx, t, from.Copy)
			if err == nil {
				err = s.noteComputed(from.Keys.Origin(), index)
			}
			if err != nil {
				return err
			}
			return beside()
		})
	}
	if err != nil {
		return err
	}
	if err := s.done("ledger"); err != nil {
		return err
	}
	if err := s.rememberCopy(from, seen, by); err != nil {
		return err
	}
	if err := s.done("guard"); err != nil {
		return err
	}
	if err := s.lock.add(mark{kind: markComplete, key: from.Keys.Current()}); err != nil {
		return err
	}
	return s.done("mark")
}

// holdsCopy reports whether a crash has left the very ledger that is to be imported, without
// its mark. It fails with store.ErrExists if the root holds a ledger otherwise, or held one.
func (s *restorer) holdsCopy(ctx context.Context, from Copied) (bool, error) {
	has, err := s.hasLedger()
	switch last := s.lock.last; {
	case err != nil:
		return false, err
	case has && last.kind == markNone:
		return s.isCopy(ctx, from)
	case has:
		return false, store.ErrExists
	case last.kind == markComplete:
		return false, s.missing(last.key)
	case last.kind != markNone:
		return false, store.ErrExists // a creation that was begun, or a ledger that was retired
	}
	return false, nil
}

// isCopy is holdsCopy for a ledger that is there. It reads all events of what is to be
// imported: they are compared with what was seen, and must be those of the ledger.
func (s *restorer) isCopy(ctx context.Context, from Copied) (bool, error) {
	log, err := s.readLog(ctx)
	if err != nil {
		return false, store.ErrExists //nolint:nilerr // whatever it is, it is no whole copy
	}
	defer log.Close()
	want, err := ledger.OpenCheckpoint(from.Signed, from.Keys.Current())
	if err != nil {
		return false, err
	}
	if c, _ := log.Checkpoint(); c != want || !log.Imported() || !log.Keys().Equal(from.Keys) {
		return false, store.ErrExists
	}
	at := ledger.Seq(0)
	for e, err := range from.Entries {
		if err != nil {
			return false, err
		}
		is, err := log.Event(ctx, at)
		if err != nil {
			return false, err
		}
		if is.LeafHash() != e.Event.LeafHash() {
			return false, fmt.Errorf("%w: event %d is another one than the checkpoint covers", ledger.ErrUnverified, at)
		}
		at++
	}
	if int64(at) != want.Size {
		return false, fmt.Errorf("%w: %d events, and the checkpoint covers %d", ledger.ErrUnverified, at, want.Size)
	}
	return true, nil
}

// rememberCopy keeps the checkpoint of a copy as the newest seen, unless a newer one was seen.
func (s *restorer) rememberCopy(from Copied, seen []home.Sighting, by string) error {
	_, c, err := s.peek()
	if err != nil {
		return err
	}
	for _, at := range seen {
		if at.Size > c.Size {
			s.notice("a newer state of %s was seen, of %d events, by %s; this copy has %d", from.Keys.Origin(), at.Size, by, c.Size)
			return nil
		}
	}
	if err := home.Remember(s.Home, from.Signed, true, from.Keys.Keys()...); err != nil {
		return err
	}
	if err := home.SyncSeen(s.Home, from.Keys.Origin()); err != nil {
		return err
	}
	return keepEndsOf(s.Home, from.Copy, from.Keys)
}

// known returns what was seen of the ledger with these keys. It fails with
// home.ErrOtherKey if another key was seen, or is trusted, for its origin.
func (s *directory) known(keys ledger.Keyring) ([]home.Sighting, string, error) {
	other, err := home.OtherTrusted(s.Home, keys.Keys())
	if err == nil && !other.IsZero() {
		err = fmt.Errorf("%w: see %s", home.ErrOtherKey, home.TrustPath(s.Home))
	}
	if err != nil {
		return nil, "", err
	}
	return home.Seen(s.Home, keys.Keys()...)
}
