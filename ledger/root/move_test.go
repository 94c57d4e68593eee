package root_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/root"
)

// another returns a user with a home and a root of their own, who trusts a key.
func (u *user) another(name string, trusts ledger.VerifierKey) *user {
	u.t.Helper()
	other := &user{Options: u.Options, t: u.t, dir: u.dir}
	other.Dir, other.Home = filepath.Join(u.dir, name, "jobs"), filepath.Join(u.dir, name, "home")
	other.Entropy = entropy(name)
	other.Notice = func(s string) { other.notices = append(other.notices, s) }
	must(u.t, home.TrustOwn(other.Home, trusts.PublicKey()))
	return other
}

// prepared returns the key that the user has made for a ledger that is to move here.
func (u *user) prepared(origin string) ledger.VerifierKey {
	u.t.Helper()
	key, err := ledger.GenerateKey(u.Entropy, origin)
	must(u.t, err)
	kept, _, err := home.AddNextKey(u.Home, key)
	must(u.t, err)
	return kept.VerifierKey()
}

func (u *user) tryMove(to ledger.VerifierKey, changes ...func(*root.Options)) (root.MoveResult, error) {
	return root.Move(context.Background(), u.with(func(o *root.Options) {
		for _, change := range changes {
			change(o)
		}
	}), to, root.Order{Actor: "tester", Reason: "to another machine"})
}

func (u *user) movesTo(to ledger.VerifierKey) root.MoveResult {
	u.t.Helper()
	did, err := u.tryMove(to)
	if err != nil {
		u.t.Fatalf("Move: %v", err)
	}
	return did
}

// checkLeft checks that the ledger ended in this place: it is read, in mode Read alone.
func (u *user) checkLeft(to ledger.VerifierKey) {
	u.t.Helper()
	for _, mode := range []root.Mode{root.Write, root.Once, root.Serve} {
		_, err := u.try(func(o *root.Options) { o.Mode = mode })
		if moved, ok := errors.AsType[*ledger.MovedError](err); !ok || moved.To != to {
			u.t.Errorf("Open in mode %d = %v, want a MovedError", mode, err)
		}
	}
	u.notices = nil
	r := u.open(readOnly)
	defer shut(u.t, r)
	if moved, ok := errors.AsType[*ledger.MovedError](r.Writable()); !ok || len(u.notices) != 1 || r.Restored != nil {
		u.t.Errorf("Writable = %v; notices %q; restored: %v", moved, u.notices, r.Restored)
	}
	must(u.t, r.Log.Verify(u.t.Context(), nil, nil))
	signer, err := r.PackSigner()
	if err != nil || signer.VerifierKey() != r.Log.Keys().Current() {
		u.t.Errorf("PackSigner = %v, %v, want the key that was in force", signer, err)
	}
	if _, err := home.SigningKey(u.Home, to.Name()); err == nil {
		u.t.Error("the key is left to sign with")
	}
}

// At whatever step a crash comes, nothing is written after the event, and the same command
// finishes it.
func TestMoveCrashes(t *testing.T) {
	for _, step := range []string{"next key", "event", "key"} {
		t.Run(step, func(t *testing.T) {
			a := newUser(t)
			origin := a.made(3)
			b := a.another("b", a.key())
			to := b.prepared(origin)
			if _, err := a.tryMove(to, crashAt(step)); !errors.Is(err, errCrash) {
				t.Fatalf("Move = %v, want the crash", err)
			}
			if step != "next key" {
				if _, err := a.try(); !isMoved(err) {
					t.Errorf("Open after the crash = %v, want a MovedError", err)
				}
				if _, err := a.tryMove(b.another("c", a.private(origin)).prepared(origin)); !isMoved(err) {
					t.Errorf("Move to a third place = %v, want a MovedError", err)
				}
			} else {
				a.made(4)
			}
			did := a.movesTo(to)
			if did.Finished != (step != "next key") || did.Receipt.TreeSize != int64(did.Event.Seq())+1 {
				t.Errorf("Move after the crash = %+v", did)
			}
			a.checkLeft(to)
			if did = a.movesTo(to); !did.Finished || !present(did.Key) {
				t.Errorf("Move once more = %+v", did)
			}
		})
	}
}

func isMoved(err error) bool {
	_, ok := errors.AsType[*ledger.MovedError](err)
	return ok
}

// private returns the key of a ledger that the user has, in use or put away.
func (u *user) private(origin string) ledger.VerifierKey {
	u.t.Helper()
	all, err := home.Keys(u.Home)
	must(u.t, err)
	for _, k := range all {
		if k.Origin == origin {
			return k.Key
		}
	}
	u.t.Fatal("the user has no key of it")
	return ledger.VerifierKey{}
}

func TestMoveRefuses(t *testing.T) {
	a := newUser(t)
	origin := a.made(3)
	b := a.another("b", a.key())
	was := a.key()
	r := a.open()
	rotateKey(t, r)
	shut(t, r)
	foreign, err := ledger.GenerateKey(a.Entropy, "example.com/other")
	must(t, err)
	to := b.prepared(origin)
	for what, key := range map[string]ledger.VerifierKey{"in force": a.key(), "had before": was, "of another ledger": foreign.VerifierKey()} {
		_, err := a.tryMove(key)
		if field, ok := errors.AsType[*ledger.FieldError](err); !ok || field.Field != "to" {
			t.Errorf("Move to a key %s = %v, want a FieldError", what, err)
		}
	}
	_, _, err = home.Distrust(a.Home, to.PublicKey())
	must(t, err)
	if _, err := a.tryMove(to); err == nil {
		t.Error("Move to a distrusted key succeeded")
	}
	if _, _, err := home.AddNextKey(a.Home, foreignTo(t, a, origin)); err == nil {
		t.Error("a key was made for a ledger that is written here")
	}
	a.checkSize(4)
	must(t, os.RemoveAll(filepath.Join(a.Home, "keys")))
	if _, err := a.tryMove(b.another("c", was).prepared(origin)); err == nil {
		t.Error("Move without the key succeeded")
	}
}

func foreignTo(t *testing.T, u *user, origin string) ledger.PrivateKey {
	t.Helper()
	key, err := ledger.GenerateKey(u.Entropy, origin)
	must(t, err)
	return key
}

// A ledger that moved away is given up only if the user says that it is lost there, or if it
// moved to this user.
func TestGivingUpWhatMoved(t *testing.T) {
	a := newUser(t)
	origin := a.made(3)
	b := a.another("b", a.key())
	to := b.prepared(origin)
	a.movesTo(to)
	if _, err := root.Retire(t.Context(), a.Options, "lost"); !isMoved(err) {
		t.Errorf("Retire = %v, want a MovedError", err)
	}
	if _, err := a.succeed(); !isMoved(err) {
		t.Errorf("Succeed = %v, want a MovedError", err)
	}
	a.checkLeft(to)
	from := a.movedBackup()
	b.restored(from)
	r := b.open(noCreate)
	b.add(r, 1)
	shut(t, r)
	b.lose()
	b.restored(from) // which is older than what was seen
	if _, err := b.succeed(); err != nil {
		t.Errorf("Succeed where it moved = %v", err)
	}
	b.checkContinued(origin, 5, 4)
	if _, err := a.succeed(func(o *root.Options) { o.AlthoughMoved = true }); err != nil {
		t.Errorf("Succeed of one that is lost where it moved = %v", err)
	}
	a.checkContinued(origin, 4, 4)
}
