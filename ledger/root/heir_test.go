package root_test

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"gait/ledger/home"
	"gait/ledger/root"
)

// A successor that a crash left is put in its place by the home that has built it. Another
// home leaves it alone, and begins no ledger.
func TestSuccessorOfAnotherHome(t *testing.T) {
	for _, crash := range []string{"successor", "note", "key", "rename", "content", "mark", "creating", "move content"} {
		t.Run(crash, func(t *testing.T) {
			u := newUser(t)
			origin := u.made(4)
			u.putContent("a proof")
			var steps []string
			_, err := u.succeed(func(o *root.Options) {
				o.SetStep(func(step string) error {
					steps = append(steps, step)
					if step == crash {
						return errCrash
					}
					return nil
				})
			})
			if !errors.Is(err, errCrash) {
				t.Fatalf("there is no such step: %v", steps)
			}
			elsewhere := func(o *root.Options) { o.Home = filepath.Join(t.TempDir(), "other") }
			if did, err := u.succeed(elsewhere); err == nil {
				t.Errorf("Succeed from another home = %+v", did)
			}
			if !slices.Contains(steps, "mark") {
				o := u.Options
				elsewhere(&o)
				if was, err := root.Retire(t.Context(), o, "lost"); err == nil {
					t.Errorf("Retire from another home = %+v", was)
				}
			} else if r, err := u.try(elsewhere); err == nil {
				t.Errorf("another home begins %s", r.Log.Origin())
				shut(t, r)
			}
			did, err := u.succeed()
			if err != nil || did.Origin != origin {
				t.Fatalf("Succeed after that = %+v, %v", did, err)
			}
			u.checkContinued(origin, 4, 4)
		})
	}
}

// A writer came between a crash and the next Succeed, which builds its successor again, under
// the name that was asked for and with another key, also if a second crash came.
func TestSuccessorIsBuiltAgainUnderItsName(t *testing.T) {
	for _, second := range []string{"", "cleared", "succeeding", "heir key"} {
		t.Run(second, func(t *testing.T) {
			u := newUser(t)
			origin := u.made(4)
			named := func(o *root.Options) { o.Origin = "gait.test/heir" }
			if _, err := u.succeed(named, crashAt("successor")); !errors.Is(err, errCrash) {
				t.Fatal(err)
			}
			signed, err := home.SigningKey(u.Home, "gait.test/heir")
			must(t, err)
			r := u.open(noCreate)
			u.add(r, 1)
			shut(t, r)
			if second != "" {
				if _, err := u.succeed(named, crashAt(second)); !errors.Is(err, errCrash) {
					t.Fatal(err)
				}
			}
			did, err := u.succeed(named)
			if err != nil || did.Successor.Name() != "gait.test/heir" || did.Found.Size != 5 {
				t.Fatalf("Succeed = %+v, %v", did, err)
			}
			if did.Successor == signed.VerifierKey() {
				t.Error("a key that had signed another successor is used again")
			}
			u.checkContinued(origin, 5, 5)
		})
	}
}

// Two crashes: one after a successor was built, and one after the note of a retirement
// without a successor. The creation of the next ledger removes what was built, so that this
// one can be retired, too, and have a successor.
func TestSuccessorOfALedgerThatGetsNone(t *testing.T) {
	for _, finish := range []string{"create", "retire"} {
		t.Run(finish, func(t *testing.T) {
			u := newUser(t)
			u.made(4)
			if _, err := u.succeed(crashAt("successor")); !errors.Is(err, errCrash) {
				t.Fatalf("Succeed = %v, want the crash", err)
			}
			if _, err := root.Retire(t.Context(), u.with(crashAt("note")), "enough"); !errors.Is(err, errCrash) {
				t.Fatalf("Retire = %v, want the crash", err)
			}
			if finish == "retire" {
				u.retire("enough")
			}
			origin := u.made(4)
			if present(filepath.Join(u.Dir, "successor")) {
				t.Error("the successor that was built is still there")
			}
			keys, err := home.Keys(u.Home)
			must(t, err)
			for _, k := range keys {
				if !k.Retired && k.Origin != origin {
					t.Errorf("the key of %s still signs", k.Origin)
				}
			}
			if did, err := u.succeed(); err != nil || did.Origin != origin {
				t.Errorf("Succeed of the next ledger = %+v, %v", did, err)
			}
			u.retire("once more")
		})
	}
}

// Once the note names a successor, Retire does not do a half of what Succeed finishes.
func TestRetireLeavesASuccessorToSucceed(t *testing.T) {
	for _, step := range []string{"note", "key", "rename", "content", "mark", "creating", "move content", "move ledger"} {
		t.Run(step, func(t *testing.T) {
			u := newUser(t)
			origin := u.made(4)
			u.putContent("a proof")
			if _, err := u.succeed(crashAt(step)); !errors.Is(err, errCrash) {
				t.Fatalf("Succeed = %v, want the crash", err)
			}
			var fails []error
			for _, f := range root.Examine(t.Context(), u.Options) {
				if f.Err != nil {
					fails = append(fails, f.Err)
				}
			}
			inPlace := step == "move ledger" // it can be read
			if inPlace != (len(fails) == 0) || !inPlace && !isUnfinished(fails[0], origin) {
				t.Errorf("Examine fails with %v, want an UnfinishedError", fails)
			}
			if n, err := root.PlanRetire(t.Context(), u.Options, "another reason"); !isUnfinished(err, origin) {
				t.Errorf("PlanRetire = %+v, %v, want an UnfinishedError", n, err)
			}
			if was, err := root.Retire(t.Context(), u.Options, "another reason"); !isUnfinished(err, origin) {
				t.Errorf("Retire = %+v, %v, want an UnfinishedError", was, err)
			}
			if did, err := u.succeed(); err != nil || !did.Resumed || did.Reason != "to go on" {
				t.Errorf("Succeed = %+v, %v", did, err)
			}
			u.checkContinued(origin, 4, 4)
		})
	}
}

// isUnfinished reports whether an error says that the successor of a ledger is not in its
// place.
func isUnfinished(err error, origin string) bool {
	unfinished, ok := errors.AsType[*root.UnfinishedError](err)
	return ok && unfinished.Origin != origin
}
