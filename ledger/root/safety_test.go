package root_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gait/ledger"
	"gait/ledger/root"
)

func TestPermissions(t *testing.T) {
	for name, tt := range map[string]struct {
		path func(u *user, origin string) string
		mode fs.FileMode
		ok   bool
	}{
		"key others read":           {func(u *user, o string) string { return root.KeyPath(u.Home, o, false) }, 0o604, false},
		"key the group writes":      {func(u *user, o string) string { return root.KeyPath(u.Home, o, false) }, 0o620, false},
		"key directory others fill": {func(u *user, o string) string { return filepath.Join(u.Home, "keys") }, 0o702, false},
		"ledger the group writes":   {func(u *user, o string) string { return u.ledgerDir() }, 0o770, false},
		"ledger others write":       {func(u *user, o string) string { return u.ledgerDir() }, 0o707, false},
		"ledger others read":        {func(u *user, o string) string { return u.ledgerDir() }, 0o755, true},
		"trust others write":        {func(u *user, o string) string { return filepath.Join(u.Home, "trusted_keys") }, 0o602, false},
		"slot others write":         {func(u *user, o string) string { return u.slot(o, "0") }, 0o606, false},
		"lock others write":         {func(u *user, o string) string { return u.lockFile() }, 0o666, false},
	} {
		u := newUser(t)
		path := tt.path(u, u.made(3))
		must(t, os.Chmod(path, tt.mode))
		_, err := u.try()
		unsafe, refused := errors.AsType[*root.UnsafeError](err)
		if refused == tt.ok || err != nil && tt.ok {
			t.Errorf("%s: Open = %v, want refused %v", name, err, !tt.ok)
		}
		if refused && (unsafe.Path != path || !strings.Contains(unsafe.Hint, "chmod go-rwx '"+path+"'")) {
			t.Errorf("%s: UnsafeError of %s with hint %q", name, unsafe.Path, unsafe.Hint)
		}
	}
}

func TestLedgerDirectoryMustBeOne(t *testing.T) {
	u := newUser(t)
	u.made(2)
	aside := filepath.Join(u.dir, "aside")
	must(t, os.Rename(u.ledgerDir(), aside))
	for name, put := range map[string]func() error{
		"link":          func() error { return os.Symlink(aside, u.ledgerDir()) },
		"dangling link": func() error { return os.Symlink(aside+"no", u.ledgerDir()) },
		"file":          func() error { return os.WriteFile(u.ledgerDir(), nil, 0o600) },
	} {
		must(t, put())
		for _, mode := range []func(*root.Options){noCreate, readOnly, func(*root.Options) {}} {
			_, err := u.try(mode)
			if unsafe, ok := errors.AsType[*root.UnsafeError](err); !ok || unsafe.Path != u.ledgerDir() {
				t.Errorf("Open with a %s as ledger = %v, want an UnsafeError", name, err)
			}
		}
		must(t, os.Remove(u.ledgerDir()))
	}
}

func TestNetworkFS(t *testing.T) {
	u := newUser(t)
	var asked []string
	nfs := func(o *root.Options) {
		o.SetNetworkFS(func(path string) (string, error) {
			asked = append(asked, path)
			if _, err := os.Stat(path); err != nil {
				return "", err
			}
			return "nfs", nil
		})
	}
	for _, mode := range []func(*root.Options){noCreate, readOnly, func(*root.Options) {}} {
		_, err := u.try(nfs, mode)
		if network, ok := errors.AsType[*root.NetworkFSError](err); !ok || network.FS != "nfs" || network.Path != u.Dir {
			t.Errorf("Open on a network file system = %v, want a NetworkFSError", err)
		}
	}
	if got := names(t, u.dir); len(got) > 0 {
		t.Errorf("it made %v", got)
	}
	if want := []string{u.Dir, filepath.Dir(u.Dir), u.dir}; !cmp.Equal(asked[:3], want) {
		t.Errorf("it asked about %v, want %v", asked[:3], want)
	}
	shut(t, u.open(nfs, func(o *root.Options) { o.AllowNetworkFS = true }))
	u.checkSize(1)
	_, err := u.try(func(o *root.Options) {
		o.SetNetworkFS(func(path string) (string, error) {
			return map[string]string{u.ledgerDir(): "fuse"}[path], nil
		})
	})
	if _, ok := errors.AsType[*root.NetworkFSError](err); !ok {
		t.Errorf("Open of a ledger that is a network mount = %v, want a NetworkFSError", err)
	}
}

func TestMissingKey(t *testing.T) {
	u := newUser(t)
	origin := u.made(3)
	path := root.KeyPath(u.Home, origin, false)
	key := read(t, path)
	must(t, os.Remove(path))
	_, err := u.try()
	if missing, ok := errors.AsType[*root.KeyMissingError](err); !ok || missing.Origin != origin || missing.Path != path {
		t.Errorf("Open for writing without the key = %v, want a KeyMissingError", err)
	}
	r := u.open(readOnly)
	if r.Signer != nil || r.Log.Verify(nil) != nil {
		t.Error("reading without the key does not work")
	}
	shut(t, r)
	write(t, path, key)
	if r := u.open(); r.Signer == nil || r.Signer.VerifierKey() != r.Log.Key() {
		t.Error("Open for writing gives another signer than the ledger's")
	}
}

func TestOtherKeyUnderTheName(t *testing.T) {
	u := newUser(t)
	u.Origin = "gait.example/log"
	u.made(2)
	k, err := ledger.GenerateKey(entropy("another"), u.Origin)
	must(t, err)
	write(t, root.KeyPath(u.Home, u.Origin, false), []byte(k.Secret()+"\n"))
	_, err = u.try()
	if swapped, ok := errors.AsType[*root.SwappedError](err); !ok || swapped.Want != k.VerifierKey() {
		t.Errorf("Open with another key under the ledger's name = %v, want a SwappedError", err)
	}
	for name, content := range map[string]string{
		"no newline":       k.Secret(),
		"two lines":        k.Secret() + "\n\n",
		"another's secret": strings.Replace(k.Secret(), "log", "lag", 1) + "\n",
		"nothing":          "",
	} {
		write(t, root.KeyPath(u.Home, u.Origin, false), []byte(content))
		if _, err := u.try(); !errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("Open with a key file of %s = %v, want ErrMalformed", name, err)
		}
	}
}

func TestTrust(t *testing.T) {
	home := filepath.Join(t.TempDir(), "deep", "home")
	if keys, err := root.TrustedKeys(home); err != nil || len(keys) > 0 {
		t.Errorf("TrustedKeys without a file = %v, %v, want none", keys, err)
	}
	var want []ledger.PublicKey
	for _, origin := range []string{"b.example", "a.example", "c.example/x"} {
		k, err := ledger.GenerateKey(entropy(origin), origin)
		must(t, err)
		want = append(want, k.VerifierKey().PublicKey())
		for _, new := range []bool{true, false} {
			if added, err := root.Trust(home, k.VerifierKey().PublicKey()); err != nil || added != new {
				t.Errorf("Trust(%s) = %v, %v, want %v", origin, added, err, new)
			}
		}
	}
	path := filepath.Join(home, "trusted_keys")
	text := "# kept\n\n" + string(read(t, path)) + "  " + want[0].String() + "\t\n# without newline"
	write(t, path, []byte(text))
	k, err := ledger.GenerateKey(entropy("last"), "last.example")
	must(t, err)
	if added, err := root.Trust(home, k.VerifierKey().PublicKey()); err != nil || !added {
		t.Errorf("Trust = %v, %v, want true", added, err)
	}
	if got := string(read(t, path)); got != text+"\n"+k.VerifierKey().String()+"\n" {
		t.Errorf("the file is now\n%s", got)
	}
	got, err := root.TrustedKeys(home)
	if want = append(want, k.VerifierKey().PublicKey()); err != nil || !slices.Equal(got, want) {
		t.Errorf("TrustedKeys = %v, %v, want %v", got, err, want)
	}
	write(t, path, []byte(text+"\nno key\n"))
	if _, err := root.TrustedKeys(home); !errors.Is(err, ledger.ErrMalformed) || !strings.Contains(err.Error(), "line 8") {
		t.Errorf("TrustedKeys with a bad line = %v, want an error that names line 8", err)
	}
	if _, err := root.Trust(home, want[0]); err == nil {
		t.Error("Trust of a file with a bad line succeeded")
	}
}

func TestDistrust(t *testing.T) {
	home := filepath.Join(t.TempDir(), "home")
	all := func(ledger.PublicKey) bool { return true }
	if removed, err := root.Distrust(home, all); err != nil || len(removed) > 0 {
		t.Errorf("Distrust without a home = %v, %v, want nothing", removed, err)
	}
	var keys []ledger.PublicKey
	for _, origin := range []string{"a.example", "b.example", "c.example"} {
		k, err := ledger.GenerateKey(entropy(origin), origin)
		must(t, err)
		keys = append(keys, k.VerifierKey().PublicKey())
	}
	path := filepath.Join(home, "trusted_keys")
	must(t, os.Mkdir(home, 0o700))
	text := "# first\n" + keys[0].String() + "\n" + keys[1].String() + "\n\n# last\n  " + keys[1].String() + " \n" + keys[2].String()
	write(t, path, []byte(text))
	isB := func(k ledger.PublicKey) bool { return k.Origin() == "b.example" }
	for _, want := range [][]ledger.PublicKey{{keys[1]}, nil} {
		if removed, err := root.Distrust(home, isB); err != nil || !slices.Equal(removed, want) {
			t.Errorf("Distrust = %v, %v, want %v", removed, err, want)
		}
		if got, want := string(read(t, path)), "# first\n"+keys[0].String()+"\n\n# last\n"+keys[2].String()+"\n"; got != want {
			t.Errorf("the file is now\n%swant\n%s", got, want)
		}
	}
	write(t, path, []byte("no key\n"))
	if _, err := root.Distrust(home, all); !errors.Is(err, ledger.ErrMalformed) || string(read(t, path)) != "no key\n" {
		t.Errorf("Distrust of a file with a bad line = %v, want ErrMalformed and the file as it was", err)
	}
}

func TestTrustAtOnce(t *testing.T) {
	home := t.TempDir()
	done := make(chan error)
	const n = 16
	for i := range n {
		k, err := ledger.GenerateKey(entropy(string(rune('a'+i))), "a.example/"+string(rune('a'+i)))
		must(t, err)
		go func() { _, err := root.Trust(home, k.VerifierKey().PublicKey()); done <- err }()
	}
	for range n {
		must(t, <-done)
	}
	if keys, err := root.TrustedKeys(home); err != nil || len(keys) != n {
		t.Errorf("%d keys were trusted at once, %d are there: %v", n, len(keys), err)
	}
}

func TestKeys(t *testing.T) {
	u := newUser(t)
	if keys, err := root.Keys(u.Home); err != nil || len(keys) > 0 {
		t.Errorf("Keys of nobody = %v, %v, want none", keys, err)
	}
	for _, name := range []string{"z.example", "a.example/log", "m.example"} {
		u.Origin, u.Dir = name, filepath.Join(u.dir, name)
		u.made(1)
		if name == "m.example" {
			u.retire("done")
		}
	}
	write(t, filepath.Join(u.Home, "keys", ".half.key123"), nil)
	keys, err := root.Keys(u.Home)
	must(t, err)
	var got []string
	for _, k := range keys {
		got = append(got, k.Origin)
		if k.Path != root.KeyPath(u.Home, k.Origin, k.Retired) || k.Key.Name() != k.Origin || k.Retired != (k.Origin == "m.example") {
			t.Errorf("Keys has %+v", k)
		}
	}
	if diff := cmp.Diff([]string{"a.example/log", "z.example", "m.example"}, got); diff != "" {
		t.Errorf("Keys (-want +got):\n%s", diff)
	}
	must(t, os.Rename(keys[0].Path, filepath.Join(u.Home, "keys", "other.example.key")))
	if _, err := root.Keys(u.Home); !errors.Is(err, ledger.ErrMalformed) {
		t.Errorf("Keys with a key under another's name = %v, want ErrMalformed", err)
	}
}
