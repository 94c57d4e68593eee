package home

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gait/ledger"
)

const (
	keysName    = "keys"
	retiredName = "retired"
	nextName    = "next"
	keySuffix   = ".key"
	keyLimit    = 1 << 10
)

// A KeyFile is a private key that home holds.
type KeyFile struct {
	Origin  string             // of the ledger it signs
	Key     ledger.VerifierKey // its public half
	Path    string
	Retired bool // it no longer signs anything
}

// Private reads the private key.
func (k KeyFile) Private() (ledger.PrivateKey, error) {
	key, err := readKey(k.Path)
	if err != nil {
		return key, fmt.Errorf("reading a key: %w", err)
	}
	return key, nil
}

// Keys lists the private keys in home by origin. Keys in use come before retired
// ones.
func Keys(home string) ([]KeyFile, error) {
	var all []KeyFile
	for _, retired := range []bool{false, true} {
		dir := KeyDir(home, retired)
		if err := checkWay(dir, true); err != nil {
			return nil, fmt.Errorf("listing keys: %w", err)
		}
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("listing keys: %w", InHome.Unreadable(dir, err))
		}
		from := len(all)
		for _, e := range entries {
			if e.IsDir() || !strings.HasSuffix(e.Name(), keySuffix) || strings.HasPrefix(e.Name(), ".") {
				continue
			}
			path := filepath.Join(dir, e.Name())
			k, err := readKey(path)
			if err != nil {
				return nil, fmt.Errorf("listing keys: %w", err)
			}
			all = append(all, KeyFile{Origin: k.Name(), Key: k.VerifierKey(), Path: path, Retired: retired})
		}
		slices.SortFunc(all[from:], func(a, b KeyFile) int { return cmp.Compare(a.Origin, b.Origin) })
	}
	return all, nil
}

// KeyDir returns the directory of the private keys in use, or of those retired.
func KeyDir(home string, retired bool) string {
	if retired {
		return filepath.Join(home, keysName, retiredName)
	}
	return filepath.Join(home, keysName)
}

// KeyPath returns the file of a ledger's private key. No origin contains a "+",
// so no two origins share a file.
func KeyPath(home, origin string, retired bool) string {
	return filepath.Join(KeyDir(home, retired), strings.ReplaceAll(origin, "/", "+")+keySuffix)
}

// readKey reads a key file, whose name must be that of the key it holds.
func readKey(path string) (ledger.PrivateKey, error) {
	b, err := readLinked(path, keyLimit, denyAll)
	if err != nil {
		return ledger.PrivateKey{}, err
	}
	text, whole := strings.CutSuffix(string(ledger.PlainText(b)), "\n")
	k, err := ledger.ParsePrivateKey(text)
	if err == nil && !whole {
		err = fmt.Errorf("%w: it has no newline at its end", ledger.ErrMalformed)
	}
	if err == nil && filepath.Base(KeyPath("", k.Name(), false)) != filepath.Base(path) {
		err = fmt.Errorf("%w: it holds the key of %s", ledger.ErrMalformed, k.Name())
	}
	if err != nil {
		return ledger.PrivateKey{}, fmt.Errorf("reading key %s: %w", path, err)
	}
	return k, nil
}

// SigningKey returns the private key of a ledger.
func SigningKey(home, origin string) (ledger.PrivateKey, error) {
	path := KeyPath(home, origin, false)
	k, err := readKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		return k, &KeyMissingError{Origin: origin, Path: path}
	}
	return k, err
}

// PrivateOf returns the private half of a ledger's key. It lies among the keys in use, the
// keys prepared for a rotation, or the retired keys.
func PrivateOf(home string, key ledger.VerifierKey) (ledger.PrivateKey, error) {
	origin := key.Name()
	for _, path := range []string{KeyPath(home, origin, false), nextPath(home, origin), KeyPath(home, origin, true)} {
		k, err := readKey(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return ledger.PrivateKey{}, err
		case k.VerifierKey() == key:
			return k, nil
		}
	}
	return ledger.PrivateKey{}, &KeyMissingError{Origin: origin, Path: KeyPath(home, origin, false)}
}

// AddKey writes a new private key. It does not overwrite one.
func AddKey(home string, k ledger.PrivateKey) error {
	path := KeyPath(home, k.Name(), false)
	if err := addKeyFile(home, path, k); err != nil {
		return fmt.Errorf("writing key %s: %w", path, err)
	}
	return nil
}

func usedOrigin(origin, path string) error {
	return &OriginUsedError{Origin: origin, Path: path}
}

// CheckUnused refuses an origin under which this user has signed or trusted
// anything before, unless it was with key.
func CheckUnused(home, origin string, key ledger.VerifierKey) error {
	for _, retired := range []bool{false, true} {
		path := KeyPath(home, origin, retired)
		k, err := readKey(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return err
		case k.VerifierKey() != key || retired:
			return usedOrigin(origin, path)
		}
	}
	by, err := OtherTrusted(home, []ledger.VerifierKey{key})
	if err != nil {
		return err
	}
	if !by.IsZero() {
		return usedOrigin(origin, TrustPath(home))
	}
	used, err := Exists(LedgerDir(home, origin))
	if err == nil && used {
		err = usedOrigin(origin, LedgerDir(home, origin))
	}
	return err
}

// RemoveUnused removes the private key of a ledger that was never shown. Nothing
// is signed with it then, and its origin may be used.
func RemoveUnused(home string, key ledger.VerifierKey) error {
	path := KeyPath(home, key.Name(), false)
	k, err := readKey(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && k.VerifierKey() != key {
		return nil
	}
	if err == nil {
		err = os.Remove(path)
	}
	if err == nil {
		err = SyncDir(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("removing key %s: %w", path, InHome.Unwritable(filepath.Dir(path), err))
	}
	return nil
}

// RetireKey moves a ledger's private key to the retired keys, with which nothing
// is signed, in the place of one that was put away before. It returns the new path, or ""
// if there is no key.
func RetireKey(home, origin string) (string, error) {
	from, to := KeyPath(home, origin, false), KeyPath(home, origin, true)
	there, err := Exists(from)
	if err != nil {
		return "", err
	}
	if !there {
		if there, err = Exists(to); !there {
			return "", err
		}
		return to, nil
	}
	if err := makeDir(filepath.Dir(to)); err != nil {
		return "", fmt.Errorf("retiring key %s: %w", from, err)
	}
	if err := moveKey(from, to); err != nil {
		return "", fmt.Errorf("retiring key %s: %w", from, InHome.Unwritable(filepath.Dir(from), err))
	}
	return to, nil
}
