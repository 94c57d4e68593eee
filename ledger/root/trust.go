package root

import (
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
	trustName  = "trusted_keys"
	trustLimit = 4 << 20
)

func trustPath(home string) string { return filepath.Join(home, trustName) }

// TrustedKeys returns the verifier keys that the user trusts, in the order of
// the file. A line that is no key is an error that names it.
func TrustedKeys(home string) ([]ledger.VerifierKey, error) {
	keys, _, err := readTrust(home)
	return keys, err
}

// Trust adds a key to those the user trusts, durably, and reports whether it was
// not there yet. What else the file holds stays as it is.
func Trust(home string, key ledger.VerifierKey) (added bool, err error) {
	if err := makeDir(home); err != nil {
		return false, fmt.Errorf("trusting %s: %w", key.Name(), err)
	}
	unlock, err := lockHome(home)
	if err != nil {
		return false, err
	}
	defer unlock()
	keys, text, err := readTrust(home)
	if err != nil || slices.Contains(keys, key) {
		return false, err
	}
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return true, replaceFile(trustPath(home), []byte(text+key.String()+"\n"))
}

// readTrust returns the trusted keys and the whole text of their file.
func readTrust(home string) ([]ledger.VerifierKey, string, error) {
	path := trustPath(home)
	b, err := readFile(path, trustLimit, denyWrite)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", fmt.Errorf("reading trusted keys: %w", err)
	}
	var keys []ledger.VerifierKey
	n := 0
	for line := range strings.Lines(string(b)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		key, err := ledger.ParseVerifierKey(line)
		if err != nil {
			return nil, "", fmt.Errorf("reading trusted keys: %s, line %d: %w", path, n, err)
		}
		if !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys, string(b), nil
}

// otherTrusted returns the key that the user trusts for the origin of key, where
// there is one and it is not key.
func otherTrusted(home string, key ledger.VerifierKey) (other ledger.VerifierKey, err error) {
	keys, err := TrustedKeys(home)
	if err != nil || slices.Contains(keys, key) {
		return other, err
	}
	for _, k := range keys {
		if k.Name() == key.Name() {
			return k, nil
		}
	}
	return other, nil
}

// lockHome keeps other processes from changing keys and trust. It waits: nobody
// holds it longer than it takes to write a file.
func lockHome(home string) (unlock func(), err error) {
	d, err := os.Open(home)
	if err != nil {
		return nil, err
	}
	if err := waitFlock(d); err != nil {
		d.Close()
		return nil, fmt.Errorf("locking %s: %w", home, err)
	}
	return func() { d.Close() }, nil
}
