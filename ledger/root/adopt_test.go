package root_test

import (
	"errors"
	"path/filepath"
	"testing"

	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/root"
)

// adopt continues a ledger from elsewhere in the root, which holds none.
func (u *user) adopt(key ledger.VerifierKey, changes ...func(*root.Options)) (root.Succeeded, error) {
	how, o := u.succession(), u.Options
	how.Keys = func() ([]ledger.VerifierKey, error) { return []ledger.VerifierKey{key}, nil }
	for _, change := range changes {
		change(&o)
	}
	return root.Succeed(u.t.Context(), o, how)
}

// A root that holds no ledger gets the successor of one that is elsewhere, after whatever
// crash by the same call.
func TestSucceedElsewhereCrashes(t *testing.T) {
	for _, c := range []struct {
		name    string
		every   int // how many steps are between two that are tried
		prepare func(u *user)
	}{
		{"a new root", 1, func(u *user) { u.lose(); u.Dir = filepath.Join(u.dir, "new", "jobs") }},
		{"it was retired", 2, func(u *user) { u.retire("too early") }},
		{"retired, and gone", 5, func(u *user) { u.retire("too early"); u.lose() }},
		{"a directory for it", 5, func(u *user) { u.lose(); u.Dir = filepath.Join(u.dir, "empty"); must(u.t, home.MakeDir(u.Dir)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			for n := 1; ; n++ {
				if n%c.every != 0 || testing.Short() && n%5 != 0 {
					continue
				}
				u := newUser(t)
				origin := u.made(3)
				key, err := home.SigningKey(u.Home, origin)
				must(t, err)
				c.prepare(u)
				var at []string
				_, err = u.adopt(key.VerifierKey(), func(o *root.Options) {
					o.SetStep(func(step string) error {
						if at = append(at, step); len(at) == n {
							return errCrash
						}
						return nil
					})
				})
				if err == nil {
					u.checkContinued(origin, 3, 0)
					break
				}
				if !errors.Is(err, errCrash) {
					t.Fatalf("step %d, %v: %v", n, at, err)
				}
				if _, err := u.adopt(key.VerifierKey()); err != nil {
					t.Fatalf("step %d, %s: again: %v", n, at[n-1], err)
				}
				u.checkContinued(origin, 3, 0)
			}
		})
	}
}

// A root that held another ledger, or holds one, is no place for the successor.
func TestSucceedElsewhereRefused(t *testing.T) {
	u := newUser(t)
	origin := u.made(3)
	key, err := home.SigningKey(u.Home, origin)
	must(t, err)
	at := u.Dir
	u.Dir = filepath.Join(u.dir, "other")
	u.made(2)
	u.retire("done")
	u.Dir, at = at, u.Dir
	u.lose()
	u.Dir = at
	var ended *root.EndedError
	if _, err := u.adopt(key.VerifierKey()); !errors.As(err, &ended) || !present(ended.Kept) {
		t.Errorf("in the root of another ledger that was retired: %v, want an EndedError", err)
	}
	u.made(2)
	if did, err := u.adopt(key.VerifierKey()); err == nil && did.Origin == origin {
		t.Errorf("in the root of another ledger: %+v", did)
	}
}
