package home

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"gait/ledger"
)

const (
	witnessesName  = "witnesses"
	witnessesLimit = 64 << 10
	conflictsName  = "conflicts"
)

// MaxWitnesses is how many witnesses a ledger may have: as many as can sign a
// checkpoint in addition to two keys of the ledger.
const MaxWitnesses = ledger.MaxSignatures - 2

// A Witness is a witness that the user asks for cosignatures of a ledger.
type Witness struct {
	URL string
	Key ledger.WitnessKey
}

// Changing the list of witnesses.
var (
	// ErrWitnessKnown says that a witness with that key, name or URL is in the list.
	ErrWitnessKnown = ledger.NewError("the witness is known already", ledger.Fault{Code: "witness_exists", Category: ledger.CategoryInvalid})

	// ErrTooManyWitnesses says that the list holds MaxWitnesses.
	ErrTooManyWitnesses = ledger.NewError(fmt.Sprintf("a ledger has at most %d witnesses", MaxWitnesses), ledger.Fault{Code: "too_many_witnesses", Category: ledger.CategoryInvalid})

	// ErrNoWitness says that no witness of that name is in the list.
	ErrNoWitness = errors.New("no such witness")
)

// Witnesses returns the witnesses that the user asks for cosignatures of a
// ledger, in the order of the list. A line that cannot be read is an error that
// names it.
func Witnesses(home, origin string) ([]Witness, error) {
	all, _, err := readWitnesses(home, origin)
	return all, err
}

// AddWitness adds a witness to a ledger's list, durably. Errors wrap
// ErrWitnessKnown or ErrTooManyWitnesses.
func AddWitness(home, origin string, w Witness) error {
	return changeWitnesses(home, origin, func(all []Witness, text string) (string, error) {
		for _, have := range all {
			if have.Key.SameKey(w.Key) || have.Key.Name() == w.Key.Name() || have.URL == w.URL {
				return "", fmt.Errorf("%w: %s %s", ErrWitnessKnown, have.URL, have.Key)
			}
		}
		if len(all) >= MaxWitnesses {
			return "", ErrTooManyWitnesses
		}
		if text != "" && !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		return text + w.Key.String() + " " + w.URL + "\n", nil
	})
}

// RemoveWitness removes a witness, given by its name, URL or key, from a ledger's
// list, durably. Its cosignatures stay. Errors wrap ErrNoWitness.
func RemoveWitness(home, origin, name string) (removed Witness, err error) {
	err = changeWitnesses(home, origin, func(all []Witness, text string) (string, error) {
		i := slices.IndexFunc(all, func(w Witness) bool { return name == w.URL || name == w.Key.Name() || name == w.Key.String() })
		if i < 0 {
			return "", fmt.Errorf("%w: %.100q", ErrNoWitness, name)
		}
		removed = all[i]
		var kept strings.Builder
		for line := range strings.Lines(text) {
			if !strings.HasPrefix(strings.TrimSpace(line), removed.Key.String()+" ") {
				kept.WriteString(line)
			}
		}
		return kept.String(), nil
	})
	return removed, err
}

func changeWitnesses(home, origin string, change func(all []Witness, text string) (string, error)) error {
	if err := makeDir(LedgerDir(home, origin)); err != nil {
		return fmt.Errorf("changing the witnesses of %s: %w", origin, err)
	}
	unlock, err := lock(home)
	if err != nil {
		return err
	}
	defer unlock()
	all, text, err := readWitnesses(home, origin)
	if err != nil {
		return err
	}
	if text, err = change(all, text); err != nil {
		return err
	}
	return replaceList(filepath.Join(LedgerDir(home, origin), witnessesName), []byte(text))
}

// readWitnesses returns the list and the whole text of its file.
func readWitnesses(home, origin string) ([]Witness, string, error) {
	path := filepath.Join(LedgerDir(home, origin), witnessesName)
	b, err := readList(path, witnessesLimit)
	if err != nil {
		return nil, "", fmt.Errorf("reading witnesses: %w", err)
	}
	b = ledger.PlainText(b)
	var all []Witness
	n := 0
	for line := range strings.Lines(string(b)) {
		n++
		words := strings.Fields(line)
		if len(words) == 0 || words[0][0] == '#' {
			continue
		}
		key, err := ledger.ParseWitnessKey(words[0])
		if err == nil && len(words) != 2 {
			err = fmt.Errorf("%w: a line is a key and a URL", ledger.ErrMalformed)
		}
		if err != nil {
			return nil, "", fmt.Errorf("reading witnesses: %s, line %d: %w", path, n, err)
		}
		all = append(all, Witness{URL: words[1], Key: key})
	}
	return all, string(b), nil
}

// KeepConflict keeps, durably, the evidence that a witness has seen another history
// of a ledger, and returns the file. The same evidence always has the same file.
func KeepConflict(home, origin string, evidence []byte) (path string, err error) {
	sum := sha256.Sum256(evidence)
	path = filepath.Join(LedgerDir(home, origin), conflictsName, hex.EncodeToString(sum[:8])+".txt")
	if err := makeDir(filepath.Dir(path)); err != nil {
		return "", fmt.Errorf("keeping evidence: %w", err)
	}
	return path, replaceFile(path, evidence)
}
