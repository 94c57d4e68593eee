package root_test

import (
	"context"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"testing"

	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/root"
	"gait/ledger/store"
)

// copied returns the user's ledger as it is imported elsewhere.
func (u *user) copied() root.Copied {
	u.t.Helper()
	b := u.backup()
	return root.Copied{Copy: b.Copy, Keys: b.Keys, Content: b.Content}
}

func (u *user) tryImport(from root.Copied, changes ...func(*root.Options)) error {
	o := u.Options
	for _, change := range changes {
		change(&o)
	}
	return root.Import(context.Background(), o, from)
}

// At whatever step a crash comes, no other ledger begins in the root, and the same copy is
// imported again. Then home knows all of it, and no further copy is imported.
func TestImportCrashes(t *testing.T) {
	for _, step := range []string{"index note", "place", "content", "ledger", "guard", "mark"} {
		t.Run(step, func(t *testing.T) {
			a := newUser(t)
			origin := a.made(4)
			from := a.copied()
			b := a.another("b", a.key())
			if err := b.tryImport(from, crashAt(step)); !errors.Is(err, errCrash) {
				t.Fatalf("Import = %v, want the crash", err)
			}
			if step != "index note" {
				b.checkNoneBegins()
			}
			err := b.tryImport(from)
			if was := step == "mark"; errors.Is(err, store.ErrExists) != was || err != nil && !was {
				t.Fatalf("Import after the crash = %v", err)
			}
			r := b.open(readOnly)
			if got := r.Log.Head().Size; got != 4 || !r.Log.Imported() || r.Log.Index() != ledger.IndexProved {
				t.Errorf("imported are %d events, as a copy: %t, with index %s", got, r.Log.Imported(), r.Log.Index())
			}
			shut(t, r)
			b.checkContent()
			if at, _, err := home.Seen(b.Home, from.Keys.Keys()...); err != nil || len(at) != 1 || at[0].Size != 4 {
				t.Errorf("the outside checkpoint is %v, %v, want one of 4 events", at, err)
			}
			if known, there, err := home.ReadKnownRoot(b.Home, b.Dir); err != nil || !there || known.Origin() != origin {
				t.Errorf("the root is remembered as %+v, %t, %v", known, there, err)
			}
			if err := b.tryImport(from); !errors.Is(err, store.ErrExists) {
				t.Errorf("Import once more = %v, want ErrExists", err)
			}
			must(t, os.RemoveAll(b.ledgerDir()))
			b.checkNoneBegins()
		})
	}
}

// checkNoneBegins checks that no new ledger begins in the root, in silence.
func (u *user) checkNoneBegins() {
	u.t.Helper()
	r, err := u.try()
	if err == nil {
		u.t.Errorf("%s begins", r.Log.Origin())
		shut(u.t, r)
	}
	_, lost := errors.AsType[*root.LostError](err)
	if _, copied := errors.AsType[*root.ImportedError](err); !copied && !lost {
		u.t.Errorf("Open to write = %v, want an ImportedError or a LostError", err)
	}
}

// What a crash has left is not taken for another copy.
func TestImportFinishesTheSameCopyOnly(t *testing.T) {
	a := newUser(t)
	a.made(4)
	from := a.copied()
	b := a.another("b", a.key())
	if err := b.tryImport(from, crashAt("ledger")); !errors.Is(err, errCrash) {
		t.Fatalf("Import = %v, want the crash", err)
	}
	cut := from
	cut.Entries = func(yield func(ledger.Entry, error) bool) {
		next, stop := iter.Pull2(from.Entries)
		defer stop()
		for range 3 {
			e, err, _ := next()
			if !yield(e, err) {
				return
			}
		}
	}
	if err := b.tryImport(cut); !errors.Is(err, ledger.ErrUnverified) {
		t.Errorf("Import of fewer events = %v, want ErrUnverified", err)
	}
	a.made(5)
	if err := b.tryImport(a.copied()); !errors.Is(err, store.ErrExists) {
		t.Errorf("Import of a newer copy = %v, want ErrExists", err)
	}
	c := &user{Options: b.Options, t: t, dir: b.dir}
	c.Dir = filepath.Join(b.dir, "own")
	c.made(2)
	if err := c.tryImport(c.copied()); !errors.Is(err, store.ErrExists) {
		t.Errorf("Import into the root of the ledger itself = %v, want ErrExists", err)
	}
	must(t, os.Remove(c.lockFile()))
	if err := c.tryImport(c.copied()); !errors.Is(err, store.ErrExists) {
		t.Errorf("Import into its root without marks = %v, want ErrExists", err)
	}
	must(t, b.tryImport(from))
}

// A copy that a crash cut short has the index that was computed, too.
func TestRestoreOfACopyNotesItsIndex(t *testing.T) {
	u := newUser(t)
	u.made(3)
	from := u.backup()
	from.ReadOnly = true
	other := u.another("other", u.key())
	if _, err := other.tryRestore(from, crashAt("in place")); !errors.Is(err, errCrash) {
		t.Fatalf("Restore = %v, want the crash", err)
	}
	other.restored(from)
	r := other.open(readOnly)
	defer shut(t, r)
	if got := r.Log.Index(); got != ledger.IndexProved {
		t.Errorf("the index of the copy is %s, want it proved", got)
	}
}
