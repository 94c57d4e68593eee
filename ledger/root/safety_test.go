package root_test

import (
	"errors"
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

func TestPermissions(t *testing.T) {
	for name, tt := range map[string]struct {
		path func(u *user, origin string) string
		mode fs.FileMode
		ok   bool
	}{
		"key others read":           {func(u *user, o string) string { return home.KeyPath(u.Home, o, false) }, 0o604, false},
		"key the group writes":      {func(u *user, o string) string { return home.KeyPath(u.Home, o, false) }, 0o620, false},
		"key directory others fill": {func(u *user, o string) string { return filepath.Join(u.Home, "keys") }, 0o702, false},
		"ledger the group writes":   {func(u *user, o string) string { return u.ledgerDir() }, 0o770, false},
		"ledger others write":       {func(u *user, o string) string { return u.ledgerDir() }, 0o707, false},
		"ledger others read":        {func(u *user, o string) string { return u.ledgerDir() }, 0o755, true},
		"root others write":         {func(u *user, o string) string { return u.Dir }, 0o707, false},
		"root the group writes":     {func(u *user, o string) string { return u.Dir }, 0o770, false},
		"what holds the root, open": {func(u *user, o string) string { return filepath.Dir(u.Dir) }, 0o777, true},
		"home others write":         {func(u *user, o string) string { return u.Home }, 0o702, false},
		"home, sticky":              {func(u *user, o string) string { return u.Home }, fs.ModeSticky | 0o777, false},
		"what holds the home":       {func(u *user, o string) string { return filepath.Dir(u.Home) }, 0o777, false},
		"what holds it, sticky":     {func(u *user, o string) string { return filepath.Dir(u.Home) }, fs.ModeSticky | 0o777, true},
		"trust others write":        {func(u *user, o string) string { return filepath.Join(u.Home, "trusted_keys") }, 0o602, false},
		"slot others write":         {func(u *user, o string) string { return u.slot(o, "0") }, 0o606, false},
		"lock others write":         {func(u *user, o string) string { return u.lockFile() }, 0o666, false},
	} {
		u := newUser(t)
		path := tt.path(u, u.made(3))
		must(t, os.Chmod(path, tt.mode))
		_, err := u.try()
		unsafe, refused := errors.AsType[*home.UnsafeError](err)
		if refused == tt.ok || err != nil && tt.ok {
			t.Errorf("%s: Open = %v, want refused %v", name, err, !tt.ok)
		}
		if refused && (unsafe.Path != path || !strings.HasPrefix(unsafe.Hint, "chmod go-") || !strings.HasSuffix(unsafe.Hint, " '"+path+"'")) {
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
			if unsafe, ok := errors.AsType[*home.UnsafeError](err); !ok || unsafe.Path != u.ledgerDir() {
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
	path := home.KeyPath(u.Home, origin, false)
	key := read(t, path)
	must(t, os.Remove(path))
	_, err := u.try()
	if missing, ok := errors.AsType[*home.KeyMissingError](err); !ok || missing.Origin != origin || missing.Path != path {
		t.Errorf("Open for writing without the key = %v, want a KeyMissingError", err)
	}
	r := u.open(readOnly)
	if r.Signer != nil || r.Log.Verify(t.Context(), nil, nil) != nil {
		t.Error("reading without the key does not work")
	}
	shut(t, r)
	write(t, path, key)
	if r := u.open(); r.Signer == nil || r.Signer.VerifierKey() != r.Log.Keys().Current() {
		t.Error("Open for writing gives another signer than the ledger's")
	}
}

func TestOtherKeyUnderTheName(t *testing.T) {
	u := newUser(t)
	u.Origin = "gait.example/log"
	u.made(2)
	k, err := ledger.GenerateKey(entropy("another"), u.Origin)
	must(t, err)
	write(t, home.KeyPath(u.Home, u.Origin, false), []byte(k.Secret()+"\n"))
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
		write(t, home.KeyPath(u.Home, u.Origin, false), []byte(content))
		if _, err := u.try(); !errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("Open with a key file of %s = %v, want ErrMalformed", name, err)
		}
	}
}

// What belongs to another user can be read, and is not written.
func TestOwners(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give files away")
	}
	u := newUser(t)
	u.made(2)
	for _, path := range []string{u.Dir, u.ledgerDir(), u.lockFile()} {
		must(t, os.Lchown(path, 4711, -1))
		_, err := u.try()
		if unsafe, ok := errors.AsType[*home.UnsafeError](err); !ok || unsafe.Path != path || unsafe.Hint != "run it as that user: sudo -u '#4711' -H gait …" {
			t.Errorf("Open to write with %s of another user = %v, want an UnsafeError about it", path, err)
		}
		shut(t, u.open(readOnly))
		must(t, os.Lchown(path, 0, -1))
	}
	shut(t, u.open())
}
