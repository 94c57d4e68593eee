package root_test

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/root"
)

func TestMoveThereAndBack(t *testing.T) {
	a := newUser(t)
	origin := a.made(3)
	b := a.another("b", a.key())
	first := a.key()
	to := b.prepared(origin)
	did := a.movesTo(to)
	if did.Receipt.Seq != 3 || did.Previous != first || did.To != to || did.Finished || !present(did.Key) {
		t.Errorf("Move = %+v", did)
	}
	a.checkLeft(to)
	got := b.restored(a.movedBackup())
	if !got.Writable() || !got.Here || !got.Moved || b.key() != to || !b.trusts(to) {
		t.Errorf("Restore in the other place = %+v, want it to go on", got)
	}
	b.notices = nil
	r := b.open(noCreate)
	b.add(r, 2)
	shut(t, r)
	b.checkSize(6)
	b.checkContent()
	if len(b.notices) > 0 {
		t.Errorf("notices %q", b.notices)
	}

	// The first place has seen what the other one wrote, and is still read.
	from := b.backup()
	must(t, home.Remember(a.Home, from.Signed, true, from.Keys.Keys()...))
	a.checkLeft(to)

	// And back.
	back := a.prepared(origin)
	b.movesTo(back)
	b.checkLeft(back)
	if got := a.restored(b.movedBackup()); !got.Writable() || a.key() != back {
		t.Errorf("Restore in the first place = %+v, want it to go on", got)
	}
	a.notices = nil
	r = a.open(noCreate)
	if keys := r.Log.Keys().Keys(); !slices.Equal(keys, []ledger.VerifierKey{first, to, back}) {
		t.Errorf("its keys are %v", keys)
	}
	a.add(r, 1)
	shut(t, r)
	a.checkSize(8)
	if len(a.notices) > 0 {
		t.Errorf("notices %q", a.notices)
	}
	aside := &user{Options: a.Options, t: t, dir: a.dir}
	aside.Dir = filepath.Join(a.Dir, "ledger.moved-"+filepath.Base(origin)+"-4")
	r = aside.open(readOnly)
	defer shut(t, r)
	if r.Log.Head().Size != 4 || r.Log.Moved() == nil {
		t.Errorf("put aside are %d events", r.Log.Head().Size)
	}

	// The key that is in force is retired with it, though another one was put away before.
	a.retire("over")
	a.checkRetiredSigner(back)
}

// movedBackup is backup of a ledger that moved away.
func (u *user) movedBackup() root.Backup {
	u.t.Helper()
	from := u.backup()
	r := u.open(readOnly)
	defer shut(u.t, r)
	last, err := r.Log.Event(u.t.Context(), r.Log.Moved().Seq)
	must(u.t, err)
	roots := map[ledger.Checkpoint]bool{}
	for n := int64(1); n <= r.Log.Head().Size; n++ {
		root, err := r.Log.RootAt(u.t.Context(), n)
		must(u.t, err)
		roots[ledger.Checkpoint{Origin: r.Log.Origin(), Size: n, Root: root}] = true
	}
	from.Moves = last
	from.Continues = func(c ledger.Checkpoint) (bool, error) { return roots[c], nil }
	return from
}

// At whatever step a crash comes in the place that a ledger moves to, the same backup is
// restored again, and goes on: also where the ledger was before.
func TestArrivalCrashes(t *testing.T) {
	steps := []string{"place", "content", "key", "ledger", "guard", "mark", "aside"}
	for _, step := range steps {
		t.Run(step, func(t *testing.T) {
			a := newUser(t)
			origin := a.made(3)
			b := a.another("b", a.key())
			to := b.prepared(origin)
			a.movesTo(to)
			b.crashedRestore(a.movedBackup(), step, step == "aside")
			r := b.open(noCreate)
			b.add(r, 2)
			shut(t, r)
			b.checkSize(6)
			back := a.prepared(origin)
			b.movesTo(back)
			a.crashedRestore(b.movedBackup(), step, false)
			r = a.open(noCreate)
			a.add(r, 1)
			shut(t, r)
			a.checkSize(8)
			if left := names(t, filepath.Join(a.Home, "keys", "next")); len(left) > 0 || a.key() != back {
				t.Errorf("%v is left in keys/next; the key kept is %s", left, a.key())
			}
		})
	}
}

// crashedRestore restores a backup, with a crash at a step unless that does not come, and
// then once more.
func (u *user) crashedRestore(from root.Backup, step string, never bool) {
	u.t.Helper()
	if _, err := u.tryRestore(from, crashAt(step)); !never && !errors.Is(err, errCrash) {
		u.t.Fatalf("Restore = %v, want the crash", err)
	}
	if did := u.restored(from); !did.Writable() {
		u.t.Errorf("Restore after the crash = %+v, want it to go on", did)
	}
	if did := u.restored(from); !did.Writable() {
		u.t.Errorf("Restore once more = %+v", did)
	}
}

// Where no key was made for it, a ledger that moved is restored as it was: to be read.
func TestRestoreOfWhatMovedElsewhere(t *testing.T) {
	a := newUser(t)
	origin := a.made(3)
	b := a.another("b", a.key())
	to := b.prepared(origin)
	a.movesTo(to)
	c := a.another("c", a.private(origin))
	if did := c.restored(a.movedBackup()); did.Writable() || !did.Moved || did.Here {
		t.Errorf("Restore in a third place = %+v, want it only to be read", did)
	}
	if _, err := c.try(noCreate); !isMoved(err) {
		t.Errorf("Open = %v, want a MovedError", err)
	}
	// The place to which it moved has seen that it went on.
	from := b.restored(a.movedBackup())
	r := b.open(noCreate)
	b.add(r, 1)
	shut(t, r)
	d := &user{Options: b.Options, t: t, dir: b.dir, notices: nil}
	d.Dir = filepath.Join(b.dir, "second")
	if did := d.restored(a.movedBackup()); did.Writable() || did.Here || did.Seen.Size != 5 {
		t.Errorf("Restore in a second root = %+v after %+v, want it only to be read: it went on", did, from)
	}
}
