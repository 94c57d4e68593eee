package home

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"gait/ledger"
)

// nextPath returns the file of the private key that a rotation has prepared. Once
// the ledger records the rotation, the file replaces the one at KeyPath.
func nextPath(home, origin string) string {
	return filepath.Join(home, keysName, nextName, filepath.Base(KeyPath("", origin, false)))
}

// NextKey returns the private key that was made for a rotation of the ledger.
func NextKey(home, origin string) (ledger.PrivateKey, error) { return readKey(nextPath(home, origin)) }

// PutNextKey writes, durably, the private key that a rotation of the ledger is
// about to use. It replaces a key prepared for a rotation that never happened. It fails
// with an *UnsafeError if the key in use is a symbolic link: the old key would stay
// where the link leads.
func PutNextKey(home string, key ledger.PrivateKey) error {
	if old := KeyPath(home, key.Name(), false); isKeptElsewhere(old) {
		return &UnsafeError{Path: old, Problem: "is a symbolic link, and the old key would stay where it leads", Hint: "put the key file itself there, then rotate"}
	}
	path := nextPath(home, key.Name())
	if err := makeDir(filepath.Dir(path)); err != nil {
		return err
	}
	return replaceFile(path, []byte(key.Secret()+"\n"))
}

// AddNextKey keeps, durably, the private key with which a ledger is to go on here that is
// moved here from another place. If one was made before, it returns that one, and false. It
// fails with an *UnsafeError if the ledger is written here already, or was retired.
func AddNextKey(home string, key ledger.PrivateKey) (ledger.PrivateKey, bool, error) {
	origin := key.Name()
	if _, retired, err := ReadRetirementNote(home, origin); err != nil || retired {
		return key, false, cmp.Or(err, error(&UnsafeError{Path: retiredPath(home, origin), Problem: "says that the ledger was retired", Hint: "have it go on in a new ledger, which names that one"}))
	}
	if used := KeyPath(home, origin, false); present(used) {
		return key, false, &UnsafeError{Path: used, Problem: "signs that ledger here already", Advice: AdviceRestoreBeside}
	}
	path := nextPath(home, origin)
	err := addKeyFile(home, path, key)
	if _, there := errors.AsType[*OriginUsedError](err); there {
		was, err := readKey(path)
		return was, false, err
	}
	return key, err == nil, err
}

// present reports whether there is something at path.
func present(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// isKeptElsewhere reports whether a key file is a symbolic link.
func isKeptElsewhere(path string) bool {
	is, err := isLink(path)
	return err == nil && is
}

// PromoteKey makes the private half of key, written by PutNextKey, the ledger's
// private key, replacing the old one. It does nothing if it is that already.
func PromoteKey(home string, key ledger.VerifierKey) error {
	from, to := nextPath(home, key.Name()), KeyPath(home, key.Name(), false)
	if k, err := readKey(to); err == nil && k.VerifierKey() == key {
		return nil
	}
	if err := checkWay(filepath.Dir(from), true); err != nil {
		return fmt.Errorf("moving the new key: %w", err)
	}
	if err := MoveFile(from, to); err != nil {
		return fmt.Errorf("moving the new key: %w", InHome.Unwritable(filepath.Dir(to), err))
	}
	return nil
}

// PutAwayKey moves the private half of key, which signs for its ledger, to the retired keys,
// in the place of one that was put away before. It returns the new path, or "" if the key is
// not in home. If it was put away before, PutAwayKey does nothing.
func PutAwayKey(home string, key ledger.VerifierKey) (string, error) {
	from, to := KeyPath(home, key.Name(), false), KeyPath(home, key.Name(), true)
	there, err := holds(from, key)
	if err != nil {
		return "", err
	}
	if !there {
		if there, err = holds(to, key); there {
			return to, err
		}
		return "", err
	}
	if err := makeDir(filepath.Dir(to)); err != nil {
		return "", fmt.Errorf("putting the key away: %w", err)
	}
	if err := moveKey(from, to); err != nil {
		return "", fmt.Errorf("putting the key away: %w", InHome.Unwritable(filepath.Dir(from), err))
	}
	return to, nil
}

// holds reports whether the file at path holds the private half of key.
func holds(path string, key ledger.VerifierKey) (bool, error) {
	k, err := readKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && k.VerifierKey() == key, err
}

// DropNextKey removes a key prepared for a rotation that will not happen.
func DropNextKey(home, origin string) error {
	path := nextPath(home, origin)
	if err := checkWay(filepath.Dir(path), true); err != nil {
		return err
	}
	err := os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = SyncDir(filepath.Dir(path))
	}
	return InHome.Unwritable(filepath.Dir(path), err)
}
