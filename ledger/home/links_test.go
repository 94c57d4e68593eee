package home_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"gait/ledger"
	"gait/ledger/home"
)

// mounted makes a home whose key, trusted keys and witnesses are links to a directory
// of secrets, laid out as Kubernetes does. It returns the home, the directory that holds
// the files themselves, and the key.
func mounted(t *testing.T) (dir, secrets string, key ledger.PrivateKey) {
	t.Helper()
	top, err := filepath.EvalSymlinks(t.TempDir())
	must(t, err)
	dir, secrets = filepath.Join(top, "gait"), filepath.Join(top, "secrets", "..2026_11_30")
	must(t, os.MkdirAll(secrets, 0o700))
	key = newKey(t, "gait.example/mounted")
	must(t, home.AddKey(dir, key))
	_, err = home.Trust(dir, key.VerifierKey().PublicKey())
	must(t, err)
	must(t, os.Symlink(filepath.Base(secrets), filepath.Join(top, "secrets", "..data")))
	for _, path := range []string{home.KeyPath(dir, key.Name(), false), home.TrustPath(dir)} {
		name := filepath.Base(path)
		must(t, os.Rename(path, filepath.Join(secrets, name)))
		must(t, os.Symlink(filepath.Join("..data", name), filepath.Join(top, "secrets", name)))
		to, err := filepath.Rel(filepath.Dir(path), filepath.Join(top, "secrets", name))
		must(t, err)
		must(t, os.Symlink(to, path))
	}
	return dir, secrets, key
}

func TestMountedSecrets(t *testing.T) {
	dir, secrets, key := mounted(t)
	if got, err := home.SigningKey(dir, key.Name()); err != nil || got.VerifierKey() != key.VerifierKey() {
		t.Fatalf("the key behind links is read as %v, %v", got.VerifierKey(), err)
	}
	if keys, err := home.Keys(dir); err != nil || len(keys) != 1 {
		t.Errorf("Keys finds %v, %v, want the key behind links", keys, err)
	}
	if err := home.CheckUnused(dir, key.Name(), newKey(t, key.Name()).VerifierKey()); err == nil {
		t.Error("the origin of a key behind links counts as unused")
	}
	// The list is written where the links lead, and they stay.
	other := newKey(t, "other.example").VerifierKey().PublicKey()
	if added, err := home.Trust(dir, other); err != nil || !added {
		t.Errorf("Trust = %v, %v", added, err)
	}
	if is, err := os.Readlink(home.TrustPath(dir)); err != nil || is == "" {
		t.Errorf("trusted_keys is no link any more: %v", err)
	}
	if trusted, err := home.TrustedKeys(dir); err != nil || len(trusted) != 2 {
		t.Errorf("trusted are %v, %v, want two keys", trusted, err)
	}
	// A rotation would leave the old key where the link leads.
	var unsafe *home.UnsafeError
	if err := home.PutNextKey(dir, newKey(t, key.Name())); !errors.As(err, &unsafe) {
		t.Errorf("PutNextKey beside a link: %v, want an *UnsafeError", err)
	}
	if keys, err := home.Keys(dir); err != nil || !errors.As(home.RemoveKey(dir, keys[0]), &unsafe) {
		t.Errorf("RemoveKey of a link: no *UnsafeError (%v)", err)
	}
	// A retired link leads where it led, although a crash left it in both places.
	target, err := filepath.EvalSymlinks(home.KeyPath(dir, key.Name(), false))
	must(t, err)
	must(t, os.MkdirAll(home.KeyDir(dir, true), 0o700))
	must(t, os.Symlink(target, home.KeyPath(dir, key.Name(), true)))
	retired, err := home.RetireKey(dir, key.Name())
	must(t, err)
	keys, err := home.Keys(dir)
	if err != nil || len(keys) != 1 || !keys[0].Retired || keys[0].Path != retired {
		t.Errorf("after RetireKey, Keys = %v, %v", keys, err)
	}
	must(t, os.RemoveAll(secrets))
	if _, err := home.TrustedKeys(dir); !errors.As(err, &unsafe) {
		t.Errorf("trusted_keys that lead to nothing: %v, want an *UnsafeError", err)
	}
}

// The rules of a home hold for what its links lead to.
func TestUnsafeLinks(t *testing.T) {
	for name, spoil := range map[string]func(secrets, file string) error{
		"others can read the key":        func(_, file string) error { return os.Chmod(file, 0o644) },
		"others can write its directory": func(secrets, _ string) error { return os.Chmod(secrets, 0o777) },
		"others can write above":         func(secrets, _ string) error { return os.Chmod(filepath.Dir(secrets), 0o777) },
		"it is another user's":           func(_, file string) error { return os.Chown(file, 1234, -1) },
		"its directory is another's":     func(secrets, _ string) error { return os.Chown(secrets, 1234, -1) },
		"a link is another user's": func(secrets, _ string) error {
			return os.Lchown(filepath.Join(filepath.Dir(secrets), "..data"), 1234, -1)
		},
		"it is a directory": func(_, file string) error { return errors.Join(os.Remove(file), os.Mkdir(file, 0o700)) },
	} {
		dir, secrets, key := mounted(t)
		file := filepath.Join(secrets, filepath.Base(home.KeyPath(dir, key.Name(), false)))
		if err := spoil(secrets, file); errors.Is(err, fs.ErrPermission) {
			t.Logf("%s: only root can try this", name)
			continue
		} else {
			must(t, err)
		}
		var unsafe *home.UnsafeError
		if _, err := home.SigningKey(dir, key.Name()); !errors.As(err, &unsafe) {
			t.Errorf("%s: the key is read, %v, want an *UnsafeError", name, err)
		}
	}
	// The sticky directory of an orchestrator is safe for a file that is there.
	dir, secrets, key := mounted(t)
	must(t, os.Chmod(filepath.Dir(secrets), fs.ModeSticky|0o777))
	if _, err := home.SigningKey(dir, key.Name()); err != nil {
		t.Errorf("a key in a sticky directory: %v", err)
	}
	must(t, os.RemoveAll(secrets))
	var missing *home.KeyMissingError
	if _, err := home.SigningKey(dir, key.Name()); !errors.As(err, &missing) {
		t.Errorf("a link that leads to nothing: %v, want a *KeyMissingError", err)
	}
}
