package home_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/ledgertest"
)

// Home keeps the first end that it sees of each key.
func TestEnds(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Chmod(dir, 0o700))
	end := func(n uint64, size int64) ledger.End {
		return ledger.End{Key: ledgertest.KeyAfter(ledgertest.Origin, n).VerifierKey(), Size: size, Root: ledger.Hash{byte(size)}}
	}
	must(t, home.KeepEnds(dir))
	if got, err := home.Ends(dir, ledgertest.Origin); got != nil || err != nil {
		t.Errorf("Ends of a new home = %v, %v", got, err)
	}
	for _, step := range []struct{ keep, want []ledger.End }{
		{[]ledger.End{end(0, 3)}, []ledger.End{end(0, 3)}},
		{[]ledger.End{end(0, 4), end(1, 9)}, []ledger.End{end(0, 3), end(1, 9)}},
		{[]ledger.End{end(1, 9)}, []ledger.End{end(0, 3), end(1, 9)}},
	} {
		must(t, home.KeepEnds(dir, step.keep...))
		if got, err := home.Ends(dir, ledgertest.Origin); err != nil || !slices.Equal(got, step.want) {
			t.Errorf("Ends = %v, %v, want %v", got, err, step.want)
		}
	}
	path := filepath.Join(home.LedgerDir(dir, ledgertest.Origin), "ends")
	honest, err := os.ReadFile(path)
	must(t, err)
	for name, change := range map[string]func(string) string{
		"no size":      func(s string) string { return strings.Replace(s, " 3 ", " ", 1) },
		"another size": func(s string) string { return strings.Replace(s, " 3 ", " 03 ", 1) },
		"no event":     func(s string) string { return strings.Replace(s, " 3 ", " 0 ", 1) },
		"no key":       func(s string) string { return "x" + s },
		"another ledger": func(s string) string {
			return ledgertest.Key("other.example").VerifierKey().String() + s[strings.Index(s, " "):]
		},
		"cut":           func(s string) string { return s[:len(s)-9] },
		"an empty line": func(s string) string { return s + "\n" },
	} {
		must(t, os.WriteFile(path, []byte(change(string(honest))), 0o600))
		_, err := home.Ends(dir, ledgertest.Origin)
		if _, corrupt := errors.AsType[*ledger.CorruptError](err); !corrupt {
			t.Errorf("Ends of a file with %s = %v, want a *CorruptError", name, err)
		}
		if err := home.KeepEnds(dir, end(2, 12)); err == nil {
			t.Errorf("KeepEnds writes over a file with %s", name)
		}
	}
}
