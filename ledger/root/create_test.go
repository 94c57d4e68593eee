package root_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/root"
)

func TestCreate(t *testing.T) {
	u := newUser(t)
	r := u.open()
	origin := r.Log.Origin()
	if !r.Created || r.Log.Head().Size != 1 || !strings.HasPrefix(origin, "gait.local/") {
		t.Errorf("Open created %v, %d events of %s", r.Created, r.Log.Head().Size, origin)
	}
	keyFile := home.KeyPath(u.Home, origin, false)
	want := []string{
		fmt.Sprintf("created the ledger %s in %s", origin, u.ledgerDir()),
		fmt.Sprintf("created its key %s, which is now trusted in %s", keyFile, filepath.Join(u.Home, "trusted_keys")),
	}
	if diff := cmp.Diff(want, u.notices); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
	if got, err := home.TrustedKeys(u.Home); err != nil || len(got) != 1 || !got[0].Is(r.Log.Keys().Current()) {
		t.Errorf("TrustedKeys = %v, %v, want the ledger's", got, err)
	}
	if k, err := ledger.ParsePrivateKey(strings.TrimSuffix(string(read(t, keyFile)), "\n")); err != nil || k.VerifierKey() != r.Log.Keys().Current() {
		t.Errorf("the key file holds %v, %v, want the ledger's key", k.VerifierKey(), err)
	}
	u.add(r, 2)
	shut(t, r)
	u.notices = nil
	if again := u.open(); again.Created || again.Log.Origin() != origin || again.Log.Head().Size != 3 {
		t.Errorf("the second Open created %v, %d events of %s", again.Created, again.Log.Head().Size, again.Log.Origin())
	}
	if len(u.notices) > 0 {
		t.Errorf("the second Open says %q", u.notices)
	}
}

func TestEverythingIsPrivate(t *testing.T) {
	u := newUser(t)
	u.made(3)
	for _, dir := range []string{filepath.Dir(u.Dir), filepath.Dir(u.Home)} {
		must(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			must(t, err)
			st, err := d.Info()
			must(t, err)
			if st.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s has mode %#o", path, st.Mode().Perm())
			}
			return nil
		}))
	}
}

func TestNothingIsCreatedUnasked(t *testing.T) {
	for name, mode := range map[string]func(*root.Options){
		"read-only":            readOnly,
		"read-only and create": func(o *root.Options) { o.Mode = root.Read },
		"for writing":          noCreate,
	} {
		u := newUser(t)
		if _, err := u.try(mode); !errors.Is(err, root.ErrNoLedger) {
			t.Errorf("Open %s where nothing is = %v, want ErrNoLedger", name, err)
		}
		if got := names(t, u.dir); len(got) > 0 {
			t.Errorf("Open %s where nothing is made %v", name, got)
		}
		must(t, os.MkdirAll(u.Dir, 0o700))
		if _, err := u.try(mode); !errors.Is(err, root.ErrNoLedger) {
			t.Errorf("Open %s of an empty root = %v, want ErrNoLedger", name, err)
		}
		if got := names(t, u.Dir); len(got) > 0 {
			t.Errorf("Open %s of an empty root made %v", name, got)
		}
	}
}

func TestCreateWithOrigin(t *testing.T) {
	u := newUser(t)
	u.Origin = "gait.example/Team-1/log"
	if got := u.made(2); got != u.Origin {
		t.Errorf("origin = %s, want %s", got, u.Origin)
	}
	if want := filepath.Join(u.Home, "keys", "gait.example+Team-1+log.key"); !present(want) {
		t.Errorf("there is no %s", want)
	}
	key := read(t, home.KeyPath(u.Home, u.Origin, false))
	_, err := u.try(func(o *root.Options) { o.Dir = filepath.Join(u.dir, "second") })
	if _, ok := errors.AsType[*home.OriginUsedError](err); !ok {
		t.Errorf("creating a second ledger of one origin = %v, want an OriginUsedError", err)
	}
	if string(read(t, home.KeyPath(u.Home, u.Origin, false))) != string(key) {
		t.Error("the key was overwritten")
	}
	must(t, os.Remove(home.KeyPath(u.Home, u.Origin, false)))
	if _, err = u.try(func(o *root.Options) { o.Dir = filepath.Join(u.dir, "second") }); err == nil {
		t.Error("an origin whose key is trusted, but lost, was used again")
	}
	must(t, os.Remove(filepath.Join(u.Home, "trusted_keys")))
	if _, err = u.try(func(o *root.Options) { o.Dir = filepath.Join(u.dir, "second") }); err == nil {
		t.Error("an origin of which a checkpoint is kept was used again")
	}
}

func TestCreateRefusesBadNames(t *testing.T) {
	for _, change := range []func(*root.Options){
		func(o *root.Options) { o.Origin = "Not An Origin" },
		func(o *root.Options) { o.Origin = "a/../b+c" },
		func(o *root.Options) { o.Actor = "" },
	} {
		u := newUser(t)
		_, err := u.try(change)
		if _, ok := errors.AsType[*ledger.FieldError](err); !ok {
			t.Errorf("Open = %v, want a FieldError", err)
		}
		if present(u.ledgerDir()) || present(u.Home) {
			t.Error("something was made all the same")
		}
		u.made(1)
	}
}

var errCrash = errors.New("crash")

func crashAt(step string) func(*root.Options) {
	return func(o *root.Options) {
		o.SetStep(func(s string) error {
			if s == step {
				return errCrash
			}
			return nil
		})
	}
}

func TestCreateCrashes(t *testing.T) {
	for _, step := range []string{"creating", "key", "ledger", "trust", "guard", "mark"} {
		for _, origin := range []string{"", "gait.example/log"} {
			t.Run(step+" "+origin, func(t *testing.T) {
				u := newUser(t)
				u.Origin = origin
				if _, err := u.try(crashAt(step)); !errors.Is(err, errCrash) {
					t.Fatalf("Open = %v, want the crash", err)
				}
				early := step == "creating" || step == "key"
				if r, err := u.try(readOnly); early && !errors.Is(err, root.ErrNoLedger) || !early && err != nil {
					t.Fatalf("reading after the crash: %v", err)
				} else if err == nil {
					shut(t, r)
				}
				u.notices = nil
				r := u.open()
				if r.Created != (step != "mark") || len(u.notices) != 2 && step != "mark" {
					t.Errorf("after the crash, Open created %v and says %q", r.Created, u.notices)
				}
				u.add(r, 2)
				if origin != "" && r.Log.Origin() != origin {
					t.Errorf("origin = %s, want %s", r.Log.Origin(), origin)
				}
				shut(t, r)
				u.checkSize(3)
				checkOneKey(t, u, step)
			})
		}
	}
}

// checkOneKey checks that the crash has left no key but the ledger's, and that it
// is trusted. At the first step only the mark was written.
func checkOneKey(t *testing.T, u *user, step string) {
	t.Helper()
	keys, err := home.Keys(u.Home)
	must(t, err)
	trusted, err := home.TrustedKeys(u.Home)
	must(t, err)
	if len(keys) != 1 || len(trusted) != 1 || !trusted[0].Is(keys[0].Key) {
		t.Errorf("after a crash at %q there are keys %v, and trusted %v", step, keys, trusted)
	}
	if got := names(t, u.Dir); !cmp.Equal(got, []string{"gait.lock", "ledger"}) {
		t.Errorf("after a crash at %q the root holds %v", step, got)
	}
}

func TestCreateCrashThenAnotherOrigin(t *testing.T) {
	u := newUser(t)
	if _, err := u.try(crashAt("key")); !errors.Is(err, errCrash) {
		t.Fatal(err)
	}
	u.Origin = "gait.example/other"
	if got := u.made(1); got != u.Origin {
		t.Errorf("origin = %s, want the one asked for", got)
	}
}

func TestCreateCrashIsNotFinishedWithAnotherKey(t *testing.T) {
	u := newUser(t)
	u.Origin = "gait.example/log"
	if _, err := u.try(crashAt("creating")); !errors.Is(err, errCrash) {
		t.Fatal(err)
	}
	elsewhere := u.with(func(o *root.Options) { o.Dir = filepath.Join(u.dir, "elsewhere") })
	other := &user{Options: elsewhere, t: t, dir: u.dir}
	other.made(2)
	_, err := u.try()
	if _, ok := errors.AsType[*home.OriginUsedError](err); !ok {
		t.Errorf("finishing a creation whose origin another root took = %v, want an OriginUsedError", err)
	}
	other.checkSize(2)
}

func TestLedgerWithoutLockFileIsAdopted(t *testing.T) {
	u := newUser(t)
	u.made(4)
	must(t, os.Remove(u.lockFile()))
	shut(t, u.open(readOnly))
	u.notices = nil
	u.checkSize(4)
	if len(u.notices) != 1 || !strings.Contains(u.notices[0], "now it does") {
		t.Errorf("adopting a ledger says %q", u.notices)
	}
	must(t, os.RemoveAll(u.ledgerDir()))
	if _, err := u.try(); !errors.Is(err, root.ErrLedgerMissing) {
		t.Errorf("Open after the adopted ledger was deleted = %v, want ErrLedgerMissing", err)
	}
}

func TestEmptyLockFileIsNoLedger(t *testing.T) {
	u := newUser(t)
	must(t, os.MkdirAll(u.Dir, 0o700))
	write(t, u.lockFile(), nil)
	for _, mode := range []func(*root.Options){readOnly, noCreate} {
		if _, err := u.try(mode); !errors.Is(err, root.ErrNoLedger) {
			t.Errorf("Open with an empty lock file = %v, want ErrNoLedger", err)
		}
	}
	u.made(2)
	u.checkSize(2)
}
