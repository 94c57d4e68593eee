package root

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
	Retired bool // it signs nothing any more
}

// Signer reads the private key.
func (k KeyFile) Signer() (ledger.Signer, error) {
	key, err := readKey(k.Path)
	if err != nil {
		return nil, fmt.Errorf("reading a key: %w", err)
	}
	return key, nil
}

// Keys lists the private keys in home by origin, those in use before those
// retired.
func Keys(home string) ([]KeyFile, error) {
	var all []KeyFile
	for _, retired := range []bool{false, true} {
		dir := keyDir(home, retired)
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("listing keys: %w", err)
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

func keyDir(home string, retired bool) string {
	if retired {
		return filepath.Join(home, keysName, retiredName)
	}
	return filepath.Join(home, keysName)
}

// keyPath returns where the private key of a ledger is. No origin holds a "+",
// so no two share a file.
func keyPath(home, origin string, retired bool) string {
	return filepath.Join(keyDir(home, retired), strings.ReplaceAll(origin, "/", "+")+keySuffix)
}

// nextPath returns where the private key is made that is to take the place of
// the one at keyPath. Once the ledger says that it did, it is moved there.
func nextPath(home, origin string) string {
	return filepath.Join(home, keysName, nextName, filepath.Base(keyPath("", origin, false)))
}

// readKey reads a key file, which must be named for the key it holds.
func readKey(path string) (ledger.PrivateKey, error) {
	if err := checkDir(filepath.Dir(path)); err != nil {
		return ledger.PrivateKey{}, err
	}
	b, err := readFile(path, keyLimit, denyAll)
	if err != nil {
		return ledger.PrivateKey{}, err
	}
	text, whole := strings.CutSuffix(string(b), "\n")
	k, err := ledger.ParsePrivateKey(text)
	if err == nil && !whole {
		err = fmt.Errorf("%w: it has no newline at its end", ledger.ErrMalformed)
	}
	if err == nil && filepath.Base(keyPath("", k.Name(), false)) != filepath.Base(path) {
		err = fmt.Errorf("%w: it holds the key of %s", ledger.ErrMalformed, k.Name())
	}
	if err != nil {
		return ledger.PrivateKey{}, fmt.Errorf("reading key %s: %w", path, err)
	}
	return k, nil
}

// signingKey returns the private key of a ledger.
func signingKey(home, origin string) (ledger.PrivateKey, error) {
	path := keyPath(home, origin, false)
	k, err := readKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		return k, &KeyMissingError{Origin: origin, Path: path}
	}
	return k, err
}

// addKey writes a new private key. It overwrites none.
func addKey(home string, k ledger.PrivateKey) error {
	path := keyPath(home, k.Name(), false)
	if err := makeDir(filepath.Dir(path)); err != nil {
		return fmt.Errorf("writing key %s: %w", path, err)
	}
	unlock, err := lockHome(home)
	if err != nil {
		return err
	}
	defer unlock()
	taken, err := exists(path)
	if err != nil {
		return fmt.Errorf("writing key %s: %w", path, err)
	}
	if taken {
		return usedOrigin(k.Name(), path)
	}
	return replaceFile(path, []byte(k.Secret()+"\n"))
}

func usedOrigin(origin, path string) error {
	return &OriginUsedError{Origin: origin, Path: path}
}

// checkUnused refuses an origin under which this user has signed or trusted
// anything before, unless it was with key.
func checkUnused(home, origin string, key ledger.VerifierKey) error {
	for _, retired := range []bool{false, true} {
		path := keyPath(home, origin, retired)
		k, err := readKey(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return err
		case k.VerifierKey() != key || retired:
			return usedOrigin(origin, path)
		}
	}
	by, err := otherTrusted(home, []ledger.VerifierKey{key})
	if err != nil {
		return err
	}
	if !by.IsZero() {
		return usedOrigin(origin, trustPath(home))
	}
	used, err := exists(guardDir(home, origin))
	if err == nil && used {
		err = usedOrigin(origin, guardDir(home, origin))
	}
	return err
}

// retireKey moves a ledger's private key to where nothing signs with it, and
// returns where that is, or "" where there is no key.
func retireKey(home, origin string) (string, error) {
	from, to := keyPath(home, origin, false), keyPath(home, origin, true)
	there, err := exists(to)
	if err != nil || there {
		return to, err
	}
	if there, err = exists(from); err != nil || !there {
		return "", err
	}
	if err := makeDir(filepath.Dir(to)); err != nil {
		return "", fmt.Errorf("retiring key %s: %w", from, err)
	}
	if err := moveFile(from, to); err != nil {
		return "", fmt.Errorf("retiring key %s: %w", from, err)
	}
	return to, nil
}
