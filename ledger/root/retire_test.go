package root_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/ledger"
	"gait/ledger/content"
	"gait/ledger/home"
	"gait/ledger/root"
)

func (u *user) retire(reason string) root.Retirement {
	u.t.Helper()
	was, err := root.Retire(context.Background(), u.Options, reason)
	if err != nil {
		u.t.Fatalf("Retire: %v", err)
	}
	return was
}

// checkpoint returns the newest checkpoint of the user's ledger.
func (u *user) checkpoint() ledger.Checkpoint {
	u.t.Helper()
	r := u.open(readOnly)
	defer shut(u.t, r)
	c, _ := r.Log.Checkpoint()
	return c
}

// checkSuccessor creates the next ledger, and checks that it names its predecessor
// and that nothing can write to the predecessor.
func (u *user) checkSuccessor(was root.Retirement) {
	u.t.Helper()
	r := u.open()
	first, err := r.Log.Event(u.t.Context(), 0)
	must(u.t, err)
	want := &ledger.Predecessor{
		Origin: was.Origin, SeenSize: was.Seen.Size, SeenRoot: was.Seen.Root,
		FoundSize: was.Found.Size, FoundRoot: was.Found.Root,
	}
	if diff := cmp.Diff(want, first.Payload().(ledger.LedgerCreated).Predecessor); diff != "" || !r.Created {
		u.t.Errorf("the next ledger's predecessor (-want +got):\n%s", diff)
	}
	if r.Log.Origin() == was.Origin {
		u.t.Errorf("the next ledger is %s again", was.Origin)
	}
	u.add(r, 1)
	shut(u.t, r)
	u.checkSize(2)
	if present(home.KeyPath(u.Home, was.Origin, false)) {
		u.t.Error("the retired key is still among those in use")
	}
}

func TestRetire(t *testing.T) {
	u := newUser(t)
	origin := u.made(3)
	c := u.checkpoint()
	was := u.retire("the disk was swapped")
	want := root.Retirement{
		RetirementNote: home.RetirementNote{Origin: origin, Root: u.Dir, Seen: c, Found: c, Reason: "the disk was swapped", At: was.At},
		Path:           filepath.Join(u.Dir, "ledger.retired-"+strings.TrimPrefix(origin, "gait.local/")+"-"+was.At.Format("20060102T150405Z")),
		Key:            home.KeyPath(u.Home, origin, true),
	}
	sameKey := cmp.Comparer(func(a, b ledger.VerifierKey) bool { return a == b })
	if diff := cmp.Diff(want, was, sameKey); diff != "" || !present(was.Path) || !present(was.Key) || present(u.ledgerDir()) {
		t.Errorf("Retire (-want +got):\n%s", diff)
	}
	for _, mode := range []func(*root.Options){noCreate, readOnly} {
		if _, err := u.try(mode); !errors.Is(err, root.ErrNoLedger) {
			t.Errorf("Open of a root whose ledger was retired = %v, want ErrNoLedger", err)
		}
	}
	if _, err := root.Retire(context.Background(), u.Options, "again"); !errors.Is(err, root.ErrNoLedger) {
		t.Errorf("retiring twice = %v, want ErrNoLedger", err)
	}
	keys, err := home.Keys(u.Home)
	if err != nil || len(keys) != 1 || !keys[0].Retired || keys[0].Origin != origin {
		t.Errorf("Keys = %v, %v, want the retired one", keys, err)
	}
	u.checkSuccessor(was)
	again := u.retire("once more")
	u.checkSuccessor(again)
}

// putContent keeps content beside the user's ledger.
func (u *user) putContent(text string) content.Entry {
	u.t.Helper()
	e, err := root.ContentOf(u.Dir).Put([]byte(text))
	must(u.t, err)
	return e
}

// checkRetiredContent checks that content lies beside the one retired ledger, and not
// beside its successor.
func (u *user) checkRetiredContent(e content.Entry) {
	u.t.Helper()
	dirs, err := filepath.Glob(filepath.Join(u.Dir, "ledger.retired-*"))
	if err != nil || len(dirs) != 1 {
		u.t.Fatalf("the retired ledgers are %v, %v, want one", dirs, err)
	}
	if _, err := root.ContentOf(dirs[0]).Read(e.Digest, e.Size); err != nil {
		u.t.Errorf("reading the content of the retired ledger: %v", err)
	}
	if there, err := root.ContentOf(u.Dir).Has(e.Digest); there || err != nil {
		u.t.Errorf("the successor has the retired ledger's content: %t, %v", there, err)
	}
}

func TestRetireNeedsAReason(t *testing.T) {
	u := newUser(t)
	u.made(2)
	for _, reason := range []string{"", "two\nlines", strings.Repeat("x", ledger.MaxReason+1)} {
		_, err := root.Retire(context.Background(), u.Options, reason)
		if _, ok := errors.AsType[*ledger.FieldError](err); !ok {
			t.Errorf("Retire with reason %.10q = %v, want a FieldError", reason, err)
		}
	}
	u.checkSize(2)
}

func TestRetireOfNothing(t *testing.T) {
	u := newUser(t)
	if _, err := root.Retire(context.Background(), u.Options, "why not"); !errors.Is(err, root.ErrNoLedger) {
		t.Errorf("Retire where nothing is = %v, want ErrNoLedger", err)
	}
	if got := names(t, u.dir); len(got) > 0 {
		t.Errorf("it made %v", got)
	}
}

func TestRetireWhateverTheState(t *testing.T) {
	spoil := func(u *user, dirs []string) map[string]func() (found int64) {
		return map[string]func() int64{
			"rolled back": func() int64 { u.restore(dirs[1]); return 2 },
			"missing":     func() int64 { must(t, os.RemoveAll(u.ledgerDir())); return 0 },
			"emptied": func() int64 {
				must(t, os.RemoveAll(u.ledgerDir()))
				must(t, os.Mkdir(u.ledgerDir(), 0o700))
				return 0
			},
			"damaged": func() int64 {
				for _, name := range names(t, u.ledgerDir()) {
					write(t, filepath.Join(u.ledgerDir(), name), []byte("damaged"))
				}
				return 0
			},
			"a link": func() int64 {
				aside := filepath.Join(u.dir, "aside")
				must(t, os.Rename(u.ledgerDir(), aside))
				must(t, os.Symlink(aside, u.ledgerDir()))
				return 4
			},
			"without key": func() int64 { must(t, os.RemoveAll(filepath.Join(u.Home, "keys"))); return 4 },
		}
	}
	for name := range spoil(nil, nil) {
		t.Run(name, func(t *testing.T) {
			u := newUser(t)
			dirs, key := u.versions(4)
			found := spoil(u, dirs)[name]()
			was := u.retire("it is " + name)
			if was.Origin != key.Name() || was.Seen.Size != 4 || was.Found.Size != found {
				t.Errorf("Retire = %s, seen %d, found %d; want %s, 4, %d", was.Origin, was.Seen.Size, was.Found.Size, key.Name(), found)
			}
			if (was.Path == "") != (name == "missing") || present(u.ledgerDir()) {
				t.Errorf("Retire left the directory at %q", was.Path)
			}
			u.checkSuccessor(was)
		})
	}
}

// A key that was put away when the ledger moved is not the one that is missing now.
func TestRetireWithoutTheKeyInForce(t *testing.T) {
	u := newUser(t)
	origin := u.made(2)
	must(t, os.Remove(home.KeyPath(u.Home, origin, false)))
	must(t, os.MkdirAll(home.KeyDir(u.Home, true), 0o700))
	write(t, home.KeyPath(u.Home, origin, true), []byte(foreignTo(t, u, origin).Secret()+"\n"))
	if was := u.retire("its key is lost"); was.Key != "" {
		t.Errorf("Retire says that the key is in %s", was.Key)
	}
}

func TestRetireCrashes(t *testing.T) {
	for _, step := range []string{"note", "key", "rename", "content", "mark"} {
		for _, finish := range []string{"retire", "create"} {
			t.Run(step+", then "+finish, func(t *testing.T) {
				u := newUser(t)
				origin := u.made(3)
				kept := u.putContent("a proof")
				c := u.checkpoint()
				if _, err := root.Retire(context.Background(), u.with(crashAt(step)), "first"); !errors.Is(err, errCrash) {
					t.Fatalf("Retire = %v, want the crash", err)
				}
				_, err := u.try(noCreate)
				if _, retired := errors.AsType[*root.RetiredError](err); !retired && !errors.Is(err, root.ErrNoLedger) {
					t.Errorf("writing after the crash = %v, want a RetiredError or ErrNoLedger", err)
				}
				if r, err := u.try(readOnly); err == nil {
					shut(t, r)
				} else if !errors.Is(err, root.ErrNoLedger) {
					t.Errorf("reading after the crash = %v, want it to work, or ErrNoLedger", err)
				}
				if finish == "retire" && step != "mark" {
					if was := u.retire("second"); was.Reason != "first" || was.Origin != origin || !present(was.Path) {
						t.Errorf("Retire, repeated = %+v", was)
					}
				}
				u.checkSuccessor(root.Retirement{RetirementNote: home.RetirementNote{Origin: origin, Seen: c, Found: c}})
				u.checkRetiredContent(kept)
			})
		}
	}
}

func TestRetiredLedgerPutBack(t *testing.T) {
	u := newUser(t)
	origin := u.made(3)
	keyFile := read(t, home.KeyPath(u.Home, origin, false))
	was := u.retire("done")
	must(t, os.Rename(was.Path, u.ledgerDir()))
	write(t, home.KeyPath(u.Home, origin, false), keyFile)
	refused := func(when string) {
		t.Helper()
		for _, mode := range []func(*root.Options){noCreate, func(*root.Options) {}} {
			_, err := u.try(mode)
			if retired, ok := errors.AsType[*root.RetiredError](err); !ok || retired.Origin != origin {
				t.Errorf("writing to a retired ledger put back %s = %v, want a RetiredError", when, err)
			}
		}
	}
	refused("where it was")
	shut(t, u.open(readOnly))
	must(t, os.Remove(u.lockFile()))
	refused("without its lock file")
	u.Dir = filepath.Join(u.dir, "elsewhere")
	must(t, os.MkdirAll(u.Dir, 0o700))
	copyDir(t, filepath.Join(u.dir, "out", "jobs", "ledger"), u.ledgerDir())
	refused("elsewhere")
	must(t, os.RemoveAll(u.ledgerDir()))
	u.Origin = origin
	_, err := u.try()
	if _, used := errors.AsType[*home.OriginUsedError](err); !used {
		t.Errorf("creating a ledger of a retired origin = %v, want an OriginUsedError", err)
	}
}

// The ledger was retired in one root, but a copy of that root still holds it.
func TestRetiredElsewhereIsNotReplaced(t *testing.T) {
	u := newUser(t)
	u.made(2)
	twin := &user{Options: u.Options, t: t, dir: u.dir}
	twin.Dir = filepath.Join(u.dir, "twin")
	copyDir(t, u.Dir, twin.Dir)
	was := u.retire("done")
	_, err := twin.try()
	if _, retired := errors.AsType[*root.RetiredError](err); !retired || !present(twin.ledgerDir()) {
		t.Errorf("Open of a copy of a retired ledger = %v, want a RetiredError and the copy where it was", err)
	}
	if again := twin.retire("here too"); again.Origin != was.Origin || again.Reason != "done" || !present(again.Path) {
		t.Errorf("Retire of the copy = %+v", again)
	}
	twin.checkSuccessor(was)
}

func TestMarkReplacesATornOne(t *testing.T) {
	u := newUser(t)
	u.made(2)
	write(t, u.lockFile(), append(read(t, u.lockFile()), strings.Repeat("\x00", 2000)...))
	was := u.retire("done")
	if lock := read(t, u.lockFile()); strings.Contains(string(lock), "\x00") {
		t.Errorf("the lock file is %q", lock)
	}
	u.checkSuccessor(was)
}

func TestRetireAgainAfterItWasPutBack(t *testing.T) {
	u := newUser(t)
	u.made(3)
	was := u.retire("done")
	copyDir(t, was.Path, u.ledgerDir())
	again := u.retire("again")
	if again.Path != was.Path+"-2" || !present(was.Path) || !present(again.Path) {
		t.Errorf("Retire moved it to %s, want %s-2", again.Path, was.Path)
	}
	u.checkSuccessor(was)
}

func TestRetireLeavesAnotherRootsLedgerAlone(t *testing.T) {
	u := newUser(t)
	u.made(1)
	u.retire("done")
	other := &user{Options: u.Options, t: t, dir: u.dir}
	other.Dir = filepath.Join(u.dir, "other")
	other.made(2)
	copyDir(t, other.ledgerDir(), u.ledgerDir())
	_, err := root.Retire(context.Background(), u.Options, "again")
	if _, unsafe := errors.AsType[*home.UnsafeError](err); !unsafe {
		t.Errorf("Retire of a ledger that is at home elsewhere = %v, want an UnsafeError", err)
	}
	other.checkSize(2)
}

func TestRetirementNoteIsRead(t *testing.T) {
	u := newUser(t)
	origin := u.made(2)
	was := u.retire("to see")
	path := filepath.Join(home.LedgerDir(u.Home, origin), "retired")
	b := read(t, path)
	var got map[string]any
	must(t, json.Unmarshal(b, &got))
	if got["origin"] != origin || got["reason"] != "to see" || got["seen_root"] != was.Seen.Root.String() {
		t.Errorf("the note is %s", b)
	}
	must(t, os.Rename(was.Path, u.ledgerDir()))
	must(t, os.Remove(u.lockFile()))
	write(t, path, b[:len(b)/2])
	if _, err := u.try(); !isCorrupt(err) {
		t.Errorf("writing where the retirement note is cut short = %v, want a CorruptError", err)
	}
}
