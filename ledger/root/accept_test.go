package root_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"gait/ledger/root"
)

// accepting accepts what is in the user's root.
func (u *user) accepting(changes ...func(*root.Options)) (root.Restoration, error) {
	u.t.Helper()
	return root.Accept(context.Background(), u.with(func(o *root.Options) {
		for _, change := range changes {
			change(o)
		}
	}), func(r *root.Root) error { return r.Log.Verify(u.t.Context(), nil, nil) })
}

func TestAccept(t *testing.T) {
	u := newUser(t)
	if _, err := u.accepting(); !errors.Is(err, root.ErrNoLedger) {
		t.Errorf("Accept where nothing is = %v, want ErrNoLedger", err)
	}
	dirs, _ := u.versions(4)
	if _, err := u.accepting(); !errors.Is(err, root.ErrNothingToAccept) {
		t.Errorf("Accept of the newest = %v, want ErrNothingToAccept", err)
	}
	u.restore(dirs[1])
	for _, step := range []string{"place", ""} {
		_, err := u.accepting(crashAt(step))
		if step != "" && !errors.Is(err, errCrash) || step == "" && err != nil {
			t.Fatalf("Accept, crashing at %q = %v", step, err)
		}
		u.checkStillOlder(2, 4)
	}
	u.checkOlder(2, 4)
	u.restore(dirs[0]) // another older state, in the same place
	if _, err := u.try(readOnly); !isRolledBack(err) {
		t.Errorf("Open of a state that was not accepted = %v, want a RolledBackError", err)
	}
	u.restore(dirs[3])
	if _, err := u.try(noCreate); !isRolledBack(err) {
		t.Errorf("writing to a root that is marked = %v, want a RolledBackError", err)
	}
}

// checkStillOlder checks that an older state is read, and is not written by this user.
func (u *user) checkStillOlder(size, seen int64) {
	u.t.Helper()
	r := u.open(readOnly)
	if r.Restored == nil || r.Restored.Size != size || r.Restored.Seen != seen {
		u.t.Errorf("Restored = %+v, want %d of %d", r.Restored, size, seen)
	}
	shut(u.t, r)
	if _, err := u.try(noCreate); !isRolledBack(err) {
		u.t.Errorf("writing = %v, want a RolledBackError", err)
	}
}

// What contradicts what was seen, or does not verify, cannot be accepted.
func TestAcceptRefuses(t *testing.T) {
	u := newUser(t)
	dirs, _ := u.versions(3)
	other := &user{Options: u.Options, t: t, dir: u.dir}
	other.Home = filepath.Join(u.dir, "other")
	must(t, os.CopyFS(filepath.Join(other.Home, "keys"), os.DirFS(filepath.Join(u.Home, "keys"))))
	must(t, filepath.WalkDir(filepath.Join(other.Home, "keys"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		return os.Chmod(path, 0o600)
	}))
	u.restore(dirs[1])
	other.made(3) // a second history of the third event
	if _, err := u.accepting(); !isRolledBack(err) {
		t.Errorf("Accept of another history = %v, want a RolledBackError", err)
	}
	u.restore(dirs[1])
	failed := errors.New("it does not hold")
	if _, err := root.Accept(t.Context(), u.Options, func(*root.Root) error { return failed }); !errors.Is(err, failed) {
		t.Errorf("Accept of what does not verify = %v, want that error", err)
	}
	if _, err := u.try(readOnly); !isRolledBack(err) {
		t.Errorf("Open after that = %v, want a RolledBackError", err)
	}
}
