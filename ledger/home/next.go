package home

import (
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
