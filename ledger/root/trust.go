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

// TrustedKeys returns the keys that the user trusts, in the order of the file,
// each once. A line that is no key, or a weak one, is an error that names it.
func TrustedKeys(home string) ([]ledger.PublicKey, error) {
	lines, err := readTrust(home)
	var keys []ledger.PublicKey
	for _, l := range lines {
		if !l.key.IsZero() && !slices.Contains(keys, l.key) {
			keys = append(keys, l.key)
		}
	}
	return keys, err
}

// Trust adds a key to those the user trusts, durably, and reports whether it was
// not there yet. What else the file holds stays as it is.
func Trust(home string, key ledger.PublicKey) (added bool, err error) {
	if err := makeDir(home); err != nil {
		return false, fmt.Errorf("trusting %s: %w", key, err)
	}
	err = changeTrust(home, func(lines []trustLine) []trustLine {
		if slices.ContainsFunc(lines, func(l trustLine) bool { return l.key == key }) {
			return lines
		}
		added = true
		return append(lines, trustLine{key.String() + "\n", key})
	})
	return added && err == nil, err
}

// Distrust takes the keys that match away from those the user trusts, durably,
// and returns them, each once. What else the file holds stays as it is.
func Distrust(home string, match func(ledger.PublicKey) bool) (removed []ledger.PublicKey, err error) {
	if there, err := exists(home); err != nil || !there {
		return nil, err
	}
	err = changeTrust(home, func(lines []trustLine) []trustLine {
		return slices.DeleteFunc(slices.Clone(lines), func(l trustLine) bool {
			if l.key.IsZero() || !match(l.key) {
				return false
			}
			if !slices.Contains(removed, l.key) {
				removed = append(removed, l.key)
			}
			return true
		})
	})
	return removed, err
}

// A trustLine is a line of trusted_keys with its newline, and the key on it, if
// one is.
type trustLine struct {
	text string
	key  ledger.PublicKey
}

// changeTrust replaces the lines of trusted_keys by what change makes of them.
func changeTrust(home string, change func([]trustLine) []trustLine) error {
	unlock, err := lockHome(home)
	if err != nil {
		return err
	}
	defer unlock()
	was, err := readTrust(home)
	if err != nil {
		return err
	}
	lines := change(was)
	if slices.Equal(lines, was) {
		return nil
	}
	var text strings.Builder
	for _, l := range lines {
		text.WriteString(strings.TrimSuffix(l.text, "\n") + "\n")
	}
	return replaceFile(trustPath(home), []byte(text.String()))
}

// readTrust reads trusted_keys.
func readTrust(home string) (lines []trustLine, err error) {
	path := trustPath(home)
	b, err := readFile(path, trustLimit, denyWrite)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading trusted keys: %w", err)
	}
	for text := range strings.Lines(string(b)) {
		l := trustLine{text: text}
		if word := strings.TrimSpace(text); word != "" && word[0] != '#' {
			if l.key, err = ledger.ParsePublicKeyLine(word); err != nil {
				return nil, fmt.Errorf("reading trusted keys: %s, line %d: %w", path, len(lines)+1, err)
			}
		}
		lines = append(lines, l)
	}
	return lines, nil
}

// otherTrusted returns the key that the user trusts for the origin of a ledger's
// keys, where there is one and it is none of them.
func otherTrusted(home string, of []ledger.VerifierKey) (other ledger.VerifierKey, err error) {
	keys, err := TrustedKeys(home)
	if err != nil {
		return other, err
	}
	for _, k := range keys {
		if slices.ContainsFunc(of, k.Is) {
			return ledger.VerifierKey{}, nil
		}
		if v, ok := k.For(of[0].Name()); ok && k.Origin() != "" {
			other = v
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
