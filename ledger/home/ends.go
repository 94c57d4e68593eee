package home

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gait/ledger"
)

const (
	endsName = "ends"

	// maxEnds is how many ends are kept of one origin: those of a ledger, and of others
	// that use its name.
	maxEnds = 2 * ledger.MaxRotations
)

func endsPath(home, origin string) string { return filepath.Join(LedgerDir(home, origin), endsName) }

// Ends returns where keys of a ledger ended, as far as home has seen that. If the file is
// damaged, the error is a *ledger.CorruptError.
func Ends(home, origin string) (ends []ledger.End, err error) {
	path := endsPath(home, origin)
	b, err := readFile(path, maxEnds*400, denyWrite)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading where keys of %s ended: %w", origin, err)
	}
	for line := range strings.Lines(string(b)) {
		end, err := parseEnd(strings.TrimSuffix(line, "\n"))
		if err != nil || end.Key.Name() != origin {
			return nil, corrupt("%s: %.400q does not say where a key of that ledger ended", path, line)
		}
		ends = append(ends, end)
	}
	return ends, nil
}

func parseEnd(line string) (end ledger.End, err error) {
	parts := strings.Split(line, " ")
	if len(parts) != 3 {
		return end, ledger.ErrMalformed
	}
	if end.Key, err = ledger.ParseVerifierKey(parts[0]); err != nil {
		return end, err
	}
	if end.Size, err = strconv.ParseInt(parts[1], 10, 64); err != nil {
		return end, err
	}
	end.Root, err = ledger.ParseHash(parts[2])
	if err == nil && (end.Size < 1 || formatEnd(end) != line) {
		err = ledger.ErrMalformed
	}
	return end, err
}

func formatEnd(end ledger.End) string {
	return fmt.Sprintf("%s %d %s", end.Key, end.Size, end.Root)
}

// KeepEnds adds to what home knows of where keys of a ledger ended, durably. What it knows
// of a key stays. The ends must have been verified, and all be of one origin.
func KeepEnds(home string, ends ...ledger.End) error {
	if len(ends) == 0 {
		return nil
	}
	origin := ends[0].Key.Name()
	if known, err := Ends(home, origin); err != nil || len(addEnds(known, ends)) == len(known) {
		return err
	}
	path := endsPath(home, origin)
	unlock, err := lockFor(home, path)
	if err != nil {
		return err
	}
	defer unlock()
	known, err := Ends(home, origin)
	if err != nil {
		return err
	}
	var text strings.Builder
	for _, end := range addEnds(known, ends) {
		text.WriteString(formatEnd(end) + "\n")
	}
	return replaceFile(path, []byte(text.String()))
}

// addEnds returns the known ends, and those of the others whose key has none yet, as many as
// are kept.
func addEnds(known, ends []ledger.End) []ledger.End {
	all := slices.Clone(known)
	for _, end := range ends {
		if len(all) < maxEnds && !slices.ContainsFunc(all, func(was ledger.End) bool { return was.Key == end.Key }) {
			all = append(all, end)
		}
	}
	return all
}
