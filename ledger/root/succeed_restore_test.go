package root_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gait/ledger/home"
	"gait/ledger/root"
	"gait/ledger/store"
)

// continueFrom restores a backup and continues it in a successor, as one command does.
func (u *user) continueFrom(from root.Backup, changes ...func(*root.Options)) error {
	from.Succeeded = true
	_, err := u.tryRestore(from, changes...)
	how := u.succession()
	if exists := err; errors.Is(err, store.ErrExists) {
		how.Begin = func(context.Context, root.Estate) (root.Inheritance, error) { return root.Inheritance{}, exists }
	} else if err != nil {
		return err
	}
	o := u.Options
	for _, change := range changes {
		change(&o)
	}
	_, err = root.Succeed(context.Background(), o, how)
	return err
}

// A backup that is continued in a successor is not written in between, whether it is
// the newest state seen or not, and the same call finishes what a crash interrupted.
func TestRestoreAsSuccessorCrashes(t *testing.T) {
	for _, newest := range []bool{false, true} {
		for n := 1; ; n++ {
			if testing.Short() && n%4 != 1 {
				continue
			}
			u := newUser(t)
			origin := u.made(3)
			from := u.backup()
			seen := int64(3)
			if !newest {
				u.made(5)
				seen = 5
			}
			u.lose()
			var at []string
			err := u.continueFrom(from, func(o *root.Options) {
				o.SetStep(func(step string) error {
					if at = append(at, step); len(at) == n {
						return errCrash
					}
					return nil
				})
			})
			if err == nil {
				u.checkContinued(origin, seen, 3)
				break
			}
			if !errors.Is(err, errCrash) {
				t.Fatalf("step %d, %v: %v", n, at, err)
			}
			_, noted, err := home.ReadRetirementNote(u.Home, origin)
			must(t, err)
			if r, err := u.try(noCreate); err == nil && !noted {
				t.Errorf("step %d, %s: the restored ledger can be written, %d events", n, at[n-1], r.Log.Head().Size)
				shut(t, r)
			} else if err == nil {
				shut(t, r)
				u.checkContinued(origin, seen, 3)
				continue
			}
			if err := u.continueFrom(from); err != nil {
				t.Fatalf("step %d, %s: again: %v", n, at[n-1], err)
			}
			u.checkContinued(origin, seen, 3)
		}
	}
}

// The ledger that was given up is kept once, after whatever crash the same call finishes it.
func TestRestoreAsSuccessorKeepsOne(t *testing.T) {
	for n := 1; ; n++ {
		if testing.Short() && n%4 != 1 {
			continue
		}
		u := newUser(t)
		u.made(3)
		from := u.backup()
		u.made(5)
		u.lose()
		var at []string
		crashed := u.continueFrom(from, func(o *root.Options) {
			o.SetStep(func(step string) error {
				if at = append(at, step); len(at) == n {
					return errCrash
				}
				return nil
			})
		})
		if crashed != nil {
			if err := u.continueFrom(from); err != nil {
				t.Fatalf("after a crash at step %d, %v: %v", n, at, err)
			}
		}
		kept, err := filepath.Glob(filepath.Join(u.Dir, "ledger.retired-*[0-9]Z*"))
		must(t, err)
		ledgers := slices.DeleteFunc(kept, func(name string) bool { return strings.HasSuffix(name, ".content") })
		if len(ledgers) != 1 {
			t.Errorf("after a crash at step %d, %v: %v", n, at, kept)
		}
		if crashed == nil {
			return
		}
	}
}
