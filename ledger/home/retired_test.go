package home_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/ledgertest"
)

var sameKey = cmp.Comparer(func(a, b ledger.VerifierKey) bool { return a == b })

func TestRetired(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "home")
	if _, retired, err := home.ReadRetirementNote(dir, "a/b"); retired || err != nil {
		t.Errorf("ReadRetirementNote of a new home = %v, %v, want nothing", retired, err)
	}
	want := home.RetirementNote{
		Origin: "a/b", Root: "/r", Reason: "<lost> \\u2028 \u2028", At: time.Date(2026, 11, 22, 20, 0, 0, 1e6, time.UTC),
		Seen:  ledger.Checkpoint{Origin: "a/b", Size: 7, Root: ledger.Hash{1}},
		Found: ledger.Checkpoint{Origin: "a/b"},
	}
	must(t, want.Write(dir))
	path := filepath.Join(home.LedgerDir(dir, "a/b"), "retired")
	text := string(read(t, path))
	// Earlier versions escaped line separators.
	for _, spelling := range []string{text, strings.ReplaceAll(text, "\u2028", `\u2028`)} {
		write(t, path, []byte(spelling))
		got, retired, err := home.ReadRetirementNote(dir, "a/b")
		if diff := cmp.Diff(want, got, sameKey); diff != "" || !retired || err != nil {
			t.Errorf("ReadRetirementNote of %s = %v, %v (-want +got):\n%s", spelling, retired, err, diff)
		}
	}
	must(t, os.WriteFile(path, []byte(text[:len(text)/2]), 0o600))
	if _, retired, err := home.ReadRetirementNote(dir, "a/b"); !retired || err == nil {
		t.Errorf("ReadRetirementNote of half a note = %v, %v, want an error, and that it was retired", retired, err)
	}
}

// A note that names a successor has another version, so that versions of before refuse it
// by that.
func TestRetiredWithSuccessor(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "home")
	want := home.RetirementNote{
		Origin: "a/b", Root: "/r", Reason: "lost", At: time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC),
		Seen: ledger.Checkpoint{Origin: "a/b", Size: 7, Root: ledger.Hash{1}}, Found: ledger.Checkpoint{Origin: "a/b", Size: 6, Root: ledger.Hash{2}},
		Successor: ledgertest.Key("a/c").VerifierKey(),
	}
	must(t, want.Write(dir))
	got, retired, err := home.ReadRetirementNote(dir, "a/b")
	if diff := cmp.Diff(want, got, sameKey); diff != "" || !retired || err != nil {
		t.Errorf("ReadRetirementNote = %v, %v (-want +got):\n%s", retired, err, diff)
	}
	path := filepath.Join(home.LedgerDir(dir, "a/b"), "retired")
	text := string(read(t, path))
	if !strings.Contains(text, `"schema_version":"1.1.0"`) {
		t.Errorf("the note is %s", text)
	}
	write(t, path, []byte(strings.Replace(text, "1.1.0", "1.0.0", 1)))
	if _, retired, err := home.ReadRetirementNote(dir, "a/b"); !retired || !errors.Is(err, ledger.ErrUnsupportedVersion) {
		t.Errorf("ReadRetirementNote of 1.0.0 with a successor = %v, %v, want ErrUnsupportedVersion", retired, err)
	}
}

func FuzzNote(f *testing.F) {
	f.Add([]byte(`{"found_size":0,"origin":"a/b","reason":"x","retired_at":"2026-11-22T20:00:00.000Z","root":"/r","schema_id":"gait.ledger.retired","schema_version":"1.0.0","seen_size":0}` + "\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if again, err := home.Note(b, "a/b"); err == nil && string(again) != string(b) {
			t.Errorf("%q reads, but is written %q", b, again)
		}
	})
}
