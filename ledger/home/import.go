package home

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"gait/ledger"
)

// A KeyImport is the result of ImportKey.
type KeyImport struct {
	Path    string // of the private key
	Added   bool   // it was not there before
	Retired bool   // the ledger was retired: the key signs nothing but packs of it
	Trusted bool   // the user trusts its public half
}

// ImportKey keeps a ledger's private key that was kept elsewhere, durably, and trusts its
// public half unless the user distrusts it or trusts another key of the ledger. It replaces
// a key from which the ledger was rotated to this one, as home knows, or as keys say, those
// of the ledger, oldest first. It fails with an *OriginUsedError if another private key of
// that ledger is here, with ErrOtherKey if the ledger is known to have been rotated from this
// key to another one, and with an *UnsafeError if the key to replace is a symbolic link.
func ImportKey(home string, k ledger.PrivateKey, keys ...ledger.VerifierKey) (KeyImport, error) {
	did, err := importKey(home, k, keys)
	if err != nil {
		return KeyImport{}, fmt.Errorf("keeping the key of %s: %w", k.Name(), err)
	}
	return did, nil
}

func importKey(home string, k ledger.PrivateKey, keys []ledger.VerifierKey) (did KeyImport, err error) {
	_, did.Retired, err = ReadRetirementNote(home, k.Name())
	if err != nil {
		return did, err
	}
	key := k.VerifierKey()
	chain, err := rotations(home, key)
	if err != nil {
		return did, err
	}
	earlier := append(before(chain, key), before(keys, key)...)
	did.Path = KeyPath(home, k.Name(), did.Retired)
	was, err := readKey(did.Path)
	switch {
	case err == nil && was.VerifierKey() == key:
	case err == nil && slices.Contains(earlier, was.VerifierKey()):
		did.Added = true
	case err == nil:
		return did, usedOrigin(k.Name(), did.Path)
	case !errors.Is(err, fs.ErrNotExist):
		return did, err
	default:
		did.Added = true
	}
	// Trusted first: what finds the private key here after a crash takes it to be all here.
	did.Trusted, err = trustImported(home, key, earlier)
	if err == nil && did.Added {
		err = putKeyFile(home, did.Path, k, earlier)
	}
	return did, err
}

// rotations returns the keys that home knows of the ledger of a key, oldest first. It fails
// with ErrOtherKey if the ledger was rotated from that key to another one.
func rotations(home string, key ledger.VerifierKey) ([]ledger.VerifierKey, error) {
	g, err := LoadGuard(home, key)
	if err != nil {
		return nil, err
	}
	if at := slices.Index(g.chain, key); at >= 0 && at < len(g.chain)-1 {
		return nil, fmt.Errorf("%w: %s says that %s signs the ledger since", ErrOtherKey, g.chainPath(), g.chain[at+1])
	}
	return g.chain, nil
}

// IsRotated reports whether home knows that the ledger of a key was rotated from it to
// another one.
func IsRotated(home string, key ledger.VerifierKey) (bool, error) {
	_, err := rotations(home, key)
	if errors.Is(err, ErrOtherKey) {
		return true, nil
	}
	return false, err
}

// before returns those of the keys of a ledger, oldest first, that come before key, or none
// if key is not one of them.
func before(keys []ledger.VerifierKey, key ledger.VerifierKey) []ledger.VerifierKey {
	return slices.Clone(keys[:max(0, slices.Index(keys, key))])
}

// trustImported trusts a key, unless the user distrusts it or trusts another key of that
// ledger that is not one of the earlier ones, and reports whether it is trusted.
func trustImported(home string, key ledger.VerifierKey, earlier []ledger.VerifierKey) (bool, error) {
	other, err := OtherTrusted(home, append([]ledger.VerifierKey{key}, earlier...))
	if err != nil || !other.IsZero() {
		return false, err
	}
	if err := TrustOwn(home, key.PublicKey()); err != nil {
		return false, err
	}
	trusted, err := TrustedKeys(home)
	return slices.ContainsFunc(trusted, func(k ledger.PublicKey) bool { return k.Is(key) }), err
}

// addKeyFile writes a private key in a place where there is none.
func addKeyFile(home, path string, k ledger.PrivateKey) error { return putKeyFile(home, path, k, nil) }

// putKeyFile writes a private key in a place where there is none, or one of the earlier keys
// of the ledger.
func putKeyFile(home, path string, k ledger.PrivateKey, earlier []ledger.VerifierKey) error {
	unlock, err := lockFor(home, path)
	if err != nil {
		return err
	}
	defer unlock()
	taken, err := Exists(path)
	if err != nil {
		return err
	}
	if taken {
		was, err := readKey(path)
		if err != nil || !slices.Contains(earlier, was.VerifierKey()) {
			return usedOrigin(k.Name(), path)
		}
		if isKeptElsewhere(path) {
			return &UnsafeError{Path: path, Problem: "is a symbolic link, and the old key would stay where it leads", Hint: "put the key file itself there, then import the new one"}
		}
	}
	return replaceFile(path, []byte(k.Secret()+"\n"))
}

// RemoveKey removes a private key from home, durably. It cannot be undone. It
// fails with an *UnsafeError if the file is a symbolic link.
func RemoveKey(home string, key KeyFile) error {
	unlock, err := lock(home)
	if err != nil {
		return err
	}
	defer unlock()
	all, err := Keys(home)
	if err != nil {
		return err
	}
	if !slices.Contains(all, key) { // another process has replaced or removed it
		return fmt.Errorf("removing the key of %s: %w", key.Origin, &KeyMissingError{Origin: key.Origin, Path: key.Path})
	}
	if isKeptElsewhere(key.Path) {
		return &UnsafeError{Path: key.Path, Problem: "is a symbolic link, and the key would stay where it leads", Hint: "remove the file there, then the link"}
	}
	if err := os.Remove(key.Path); err != nil {
		return InHome.Unwritable(filepath.Dir(key.Path), err)
	}
	return SyncDir(filepath.Dir(key.Path))
}
