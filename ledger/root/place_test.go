package root_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/root"
)

func begin(o *root.Options) { o.Begin = true }

// checkLost checks that every way to open a root says that its ledger is lost, and makes
// nothing.
func (u *user) checkLost(origin string, seen int64) {
	u.t.Helper()
	was := present(u.Dir)
	for name, mode := range map[string]func(*root.Options){"to write": noCreate, "to read": readOnly, "to create": func(*root.Options) {}, "once": oneShot} {
		_, err := u.try(mode)
		lost, ok := errors.AsType[*root.LostError](err)
		if !ok || !errors.Is(err, root.ErrLedgerMissing) || lost.Origin != origin || lost.Seen != seen || !strings.Contains(err.Error(), origin) {
			u.t.Errorf("Open %s where a ledger was lost = %v, want a LostError about %s, %d", name, err, origin, seen)
		}
	}
	if present(u.Dir) != was {
		u.t.Error("it made a root")
	}
}

// A root that is gone with its lock file is remembered, and no new ledger begins in its
// place unless that is meant.
func TestLostRootIsRemembered(t *testing.T) {
	u := newUser(t)
	origin := u.made(3)
	for name, lose := range map[string]func(){
		"the root":            u.lose,
		"all above it":        func() { must(t, os.RemoveAll(filepath.Join(u.dir, "out"))) },
		"what is in the root": func() { u.lose(); must(t, os.MkdirAll(u.Dir, 0o700)) },
		"all but its lock":    func() { u.lose(); must(t, os.MkdirAll(u.Dir, 0o700)); write(t, u.lockFile(), nil) },
	} {
		t.Run(name, func(t *testing.T) {
			lose()
			u.t = t
			u.checkLost(origin, 3)
		})
	}
	u.t = t
	found := root.Examine(t.Context(), u.Options)
	if last := found[len(found)-1]; !errors.Is(last.Err, root.ErrLedgerMissing) {
		t.Errorf("Examine says %+v, want the loss", last)
	}
	r := u.open(begin)
	next := r.Log.Origin()
	if !r.Created || next == origin {
		t.Errorf("Open with Begin = %s, created %t, want a new ledger", next, r.Created)
	}
	shut(t, r)
	u.checkSize(1)
	u.lose()
	u.checkLost(next, 1)
}

// A root that was lost can be given up: the next ledger in its place names the lost one.
func TestRetireALostRoot(t *testing.T) {
	for _, step := range []string{"", "note", "key", "rename", "content", "mark"} {
		t.Run(step, func(t *testing.T) {
			u := newUser(t)
			origin := u.made(3)
			u.lose()
			if step != "" {
				if _, err := root.Retire(context.Background(), u.with(crashAt(step)), "first"); !errors.Is(err, errCrash) {
					t.Fatalf("Retire = %v, want the crash", err)
				}
			}
			if step != "mark" {
				if was := u.retire("the disk is gone"); was.Origin != origin || was.Seen.Size != 3 || was.Found.Size != 0 {
					t.Errorf("Retire = %+v", was)
				}
			}
			if _, err := u.try(readOnly); !errors.Is(err, root.ErrNoLedger) {
				t.Errorf("Open after that = %v, want ErrNoLedger", err)
			}
			u.lose() // the marks too: home knows that the ledger was retired
			if _, err := u.try(readOnly); !errors.Is(err, root.ErrNoLedger) {
				t.Errorf("Open without the marks = %v, want ErrNoLedger", err)
			}
			shut(t, u.open())
		})
	}
}

func TestRetiredLostRootHasASuccessor(t *testing.T) {
	u := newUser(t)
	u.made(3)
	u.lose()
	u.checkSuccessor(u.retire("the disk is gone"))
}

// Another ledger of the user's, root and all, is not taken for the one that was here.
func TestMovedRootIsFound(t *testing.T) {
	u := newUser(t)
	origin := u.made(3)
	elsewhere := &user{Options: u.Options, t: t, dir: u.dir}
	elsewhere.Dir = filepath.Join(u.dir, "elsewhere")
	other := elsewhere.made(2)
	must(t, os.Rename(u.Dir, filepath.Join(u.dir, "aside")))
	must(t, os.Rename(elsewhere.Dir, u.Dir))
	for name, mode := range map[string]func(*root.Options){"to write": noCreate, "to read": readOnly, "to create": func(*root.Options) {}} {
		_, err := u.try(mode)
		swapped, ok := errors.AsType[*root.SwappedError](err)
		if !ok || !swapped.Moved || swapped.Want.Name() != origin || swapped.Got.Name() != other || !strings.HasPrefix(swapped.By, u.Home) {
			t.Errorf("Open %s of a root in another's place = %v, want a SwappedError by home", name, err)
		}
	}
	elsewhere.checkLost(other, 2)
}

// A home that is copied, or a path through a link, is the same root.
func TestRootIsRememberedByItsRealPath(t *testing.T) {
	u := newUser(t)
	origin := u.made(2)
	link := filepath.Join(u.dir, "link")
	must(t, os.Symlink(filepath.Join(u.dir, "out"), link))
	real := u.Dir
	u.Dir = filepath.Join(link, "jobs")
	u.checkSize(2)
	must(t, os.RemoveAll(real))
	u.checkLost(origin, 2)
}

// A retired ledger is read in its own place, also if it was rolled back before, and its
// packs are signed by its retired key.
func TestRetiredLedgerIsReadInItsPlace(t *testing.T) {
	for _, found := range []int{3, 2} {
		u := newUser(t)
		u.made(2)
		aside := filepath.Join(u.dir, "aside")
		copyDir(t, u.ledgerDir(), aside)
		origin := u.made(3)
		if found == 2 {
			u.restore(aside)
		}
		kept := u.putContent("a proof")
		was := u.retire("done")
		shut(t, u.open()) // its successor
		u.Dir = was.Path
		r := u.open(readOnly)
		if r.Log.Origin() != origin || r.Log.Head().Size != int64(found) || (r.Restored != nil) != (found == 2) {
			t.Errorf("the retired ledger is %s with %d events, %+v", r.Log.Origin(), r.Log.Head().Size, r.Restored)
		}
		must(t, r.Log.Verify(t.Context(), nil, nil))
		if s, err := r.PackSigner(); err != nil || s.VerifierKey() != r.Log.Keys().Current() || r.Log.Index() != ledger.IndexProved {
			t.Errorf("PackSigner = %v, %v; the index is %s", s, err, r.Log.Index())
		}
		if b, err := r.Content().Read(kept.Digest, 100); err != nil || string(b) != "a proof" {
			t.Errorf("its content is %q, %v", b, err)
		}
		shut(t, r)
		for _, mode := range []func(*root.Options){noCreate, func(*root.Options) {}, begin} {
			_, err := u.try(mode)
			if _, retired := errors.AsType[*root.RetiredError](err); !retired {
				t.Errorf("writing to it = %v, want a RetiredError", err)
			}
		}
		must(t, os.RemoveAll(filepath.Join(u.Home, "keys")))
		r = u.open(readOnly)
		if _, err := r.PackSigner(); !isKeyMissing(err) {
			t.Errorf("PackSigner without the key = %v, want a KeyMissingError", err)
		}
		shut(t, r)
	}
}

// A directory that has the name of a retired ledger's, and is none, is a root like others.
func TestNameOfARetiredLedger(t *testing.T) {
	u := newUser(t)
	u.Dir = filepath.Join(u.dir, "ledger.retired-not")
	u.made(2)
	u.checkSize(2)
	if !present(filepath.Join(u.Dir, "ledger")) {
		t.Error("the ledger is not in the directory ledger of its root")
	}
	if all, err := home.KnownRoots(u.Home); err != nil || len(all) != 1 || all[0].Dir != u.Dir {
		t.Errorf("Places = %v, %v, want the root", all, err)
	}
}
