package home

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"gait/ledger"
)

const (
	trustName  = "trusted_keys"
	trustLimit = 4 << 20
)

// TrustPath returns the file of the keys that the user trusts.
func TrustPath(home string) string { return filepath.Join(home, trustName) }

// TrustedKeys returns the keys that the user trusts, in the order of the file,
// each once. A line that is no key, or a weak one, is an error that names it.
func TrustedKeys(home string) ([]ledger.PublicKey, error) {
	trusted, _, err := Trusts(home)
	return trusted, err
}

// Trusts returns the keys that the user trusts, as TrustedKeys does, and those that the
// user distrusts. Trust in a ledger's key extends to the keys it was rotated to, but to
// no distrusted one and none behind it; see ledger.Keyring.LeadsFrom. A key is not
// trusted if a line of the file distrusts its 32 bytes, whatever its origin.
func Trusts(home string) (trusted, distrusted []ledger.PublicKey, err error) {
	lines, err := readTrust(home)
	for _, l := range lines {
		if l.not && !slices.Contains(distrusted, l.key) {
			distrusted = append(distrusted, l.key)
		}
	}
	for _, l := range lines {
		if l.trusts() && !containsID(distrusted, l.key) && !slices.Contains(trusted, l.key) {
			trusted = append(trusted, l.key)
		}
	}
	return trusted, distrusted, err
}

func containsID(keys []ledger.PublicKey, key ledger.PublicKey) bool {
	return slices.ContainsFunc(keys, func(k ledger.PublicKey) bool { return k.ID() == key.ID() })
}

// Trust adds a key to those the user trusts, durably, and no longer distrusts it. It
// reports whether that changed anything. The rest of the file stays as it is.
func Trust(home string, key ledger.PublicKey) (added bool, err error) {
	return addTrust(home, key, func(lines []trustLine) []trustLine {
		lines = slices.DeleteFunc(lines, func(l trustLine) bool { return l.not && l.key.ID() == key.ID() })
		if slices.ContainsFunc(lines, func(l trustLine) bool { return l.trusts() && l.key == key }) {
			return lines
		}
		return append(lines, lineOf(key))
	})
}

// TrustOwn adds a key that signs a ledger of the user's to those the user trusts,
// durably, if no line is about it yet: a key distrusted since it was made stays
// distrusted.
func TrustOwn(home string, key ledger.PublicKey) error {
	_, err := addTrust(home, key, func(lines []trustLine) []trustLine {
		if slices.ContainsFunc(lines, func(l trustLine) bool { return l.key == key || l.not && l.key.ID() == key.ID() }) {
			return lines
		}
		return append(lines, lineOf(key))
	})
	return err
}

func addTrust(home string, key ledger.PublicKey, change func([]trustLine) []trustLine) (changed bool, err error) {
	if err := makeDir(home); err != nil {
		return false, fmt.Errorf("trusting %s: %w", key, err)
	}
	return changeTrust(home, change)
}

// Distrust removes keys from those the user trusts, and adds them to those the user
// distrusts, durably. It returns the keys that were trusted, and those that were not
// distrusted yet, each once. The rest of the file stays as it is.
func Distrust(home string, keys ...ledger.PublicKey) (removed, added []ledger.PublicKey, err error) {
	if len(keys) == 0 {
		return nil, nil, nil
	}
	if err := makeDir(home); err != nil {
		return nil, nil, fmt.Errorf("distrusting %s: %w", keys[0], err)
	}
	_, err = changeTrust(home, func(lines []trustLine) []trustLine {
		for _, l := range lines {
			if l.trusts() && containsID(keys, l.key) && !slices.Contains(removed, l.key) {
				removed = append(removed, l.key)
			}
		}
		lines = slices.DeleteFunc(lines, func(l trustLine) bool { return l.trusts() && containsID(keys, l.key) })
		for _, key := range keys {
			if slices.ContainsFunc(lines, func(l trustLine) bool { return l.not && l.key.ID() == key.ID() }) {
				continue
			}
			added = append(added, key)
			lines = append(lines, trustLine{text: distrustMark + key.String() + "\n", key: key, not: true})
		}
		return lines
	})
	return removed, added, err
}

// distrustMark begins the line of a key that is distrusted.
const distrustMark = "!"

// A trustLine is a line of trusted_keys with its newline, and the key on it, if
// there is one.
type trustLine struct {
	text string
	key  ledger.PublicKey
	not  bool // the key is distrusted
}

func (l trustLine) trusts() bool { return !l.not && !l.key.IsZero() }

func lineOf(key ledger.PublicKey) trustLine { return trustLine{text: key.String() + "\n", key: key} }

// changeTrust replaces the lines of trusted_keys by those that change returns, which
// it makes of a copy. It reports whether they differ.
func changeTrust(home string, change func([]trustLine) []trustLine) (changed bool, err error) {
	unlock, err := lock(home)
	if err != nil {
		return false, err
	}
	defer unlock()
	was, err := readTrust(home)
	if err != nil {
		return false, err
	}
	lines := change(slices.Clone(was))
	if slices.Equal(lines, was) {
		return false, nil
	}
	var text strings.Builder
	for _, l := range lines {
		text.WriteString(strings.TrimSuffix(l.text, "\n") + "\n")
	}
	return true, replaceList(TrustPath(home), []byte(text.String()))
}

// readTrust reads trusted_keys.
func readTrust(home string) (lines []trustLine, err error) {
	path := TrustPath(home)
	b, err := readList(path, trustLimit)
	if err != nil {
		return nil, fmt.Errorf("reading trusted keys: %w", err)
	}
	for text := range strings.Lines(string(ledger.PlainText(b))) {
		l := trustLine{text: text}
		if word := strings.TrimSpace(text); word != "" && word[0] != '#' {
			word, l.not = strings.CutPrefix(word, distrustMark)
			if l.key, err = ledger.ParsePublicKeyLine(word); err != nil {
				return nil, fmt.Errorf("reading trusted keys: %s, line %d: %w", path, len(lines)+1, err)
			}
		}
		lines = append(lines, l)
	}
	return lines, nil
}

// OtherTrusted returns another key that the user trusts for the origin of a
// ledger's keys, given in of. It returns the zero key if there is none, or if the
// user trusts one of those given.
func OtherTrusted(home string, of []ledger.VerifierKey) (other ledger.VerifierKey, err error) {
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
