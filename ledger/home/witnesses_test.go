package home_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/ledgertest"
)

func TestWitnesses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "home")
	const origin = "gait.test/one"
	w := func(i int) home.Witness {
		name := fmt.Sprintf("w%02d.example", i)
		return home.Witness{URL: "https://" + name, Key: ledgertest.NewWitness(name).Key}
	}
	if all, err := home.Witnesses(dir, origin); len(all) != 0 || err != nil {
		t.Errorf("Witnesses of a new home = %v, %v", all, err)
	}
	for i := range home.MaxWitnesses {
		if err := home.AddWitness(dir, origin, w(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := home.AddWitness(dir, origin, w(20)); !errors.Is(err, home.ErrTooManyWitnesses) {
		t.Errorf("one witness too many = %v, want ErrTooManyWitnesses", err)
	}
	for _, again := range []home.Witness{w(3), {URL: "https://other.example", Key: w(3).Key}, {URL: w(3).URL, Key: w(21).Key}} {
		if err := home.AddWitness(dir, origin, again); !errors.Is(err, home.ErrWitnessKnown) {
			t.Errorf("adding %v again = %v, want ErrWitnessKnown", again, err)
		}
	}
	if all, err := home.Witnesses(dir, "gait.test/two"); len(all) != 0 || err != nil {
		t.Errorf("Witnesses of another ledger = %v, %v", all, err)
	}

	// The rest of the file stays; a line that cannot be read is an error that names it.
	files, err := filepath.Glob(filepath.Join(dir, "ledgers", "*", "witnesses"))
	if err != nil || len(files) != 1 {
		t.Fatalf("files = %v, %v", files, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	write := func(text string, mode os.FileMode) {
		t.Helper()
		if err := errors.Join(os.WriteFile(files[0], []byte(text), 0o600), os.Chmod(files[0], mode)); err != nil {
			t.Fatal(err)
		}
	}
	write("# ours\n\n"+string(text), 0o600)
	for _, name := range []string{w(2).Key.Name(), w(5).URL, w(7).Key.String()} {
		if got, err := home.RemoveWitness(dir, origin, name); err != nil || got.Key.IsZero() {
			t.Errorf("RemoveWitness(%s) = %v, %v", name, got, err)
		}
		if _, err := home.RemoveWitness(dir, origin, name); !errors.Is(err, home.ErrNoWitness) {
			t.Errorf("RemoveWitness(%s) again = %v, want ErrNoWitness", name, err)
		}
	}
	all, err := home.Witnesses(dir, origin)
	if err != nil || len(all) != home.MaxWitnesses-3 || all[2] != w(3) {
		t.Errorf("Witnesses = %v, %v", all, err)
	}
	if text, err = os.ReadFile(files[0]); err != nil || !strings.HasPrefix(string(text), "# ours\n\nw00") {
		t.Errorf("the file is %q, %v", text, err)
	}
	for _, line := range []string{"nonsense\n", w(1).Key.String() + "\n", w(1).Key.String() + " a b\n", ledgertest.Key(origin).VerifierKey().String() + " https://a\n"} {
		write("# ours\n"+line, 0o600)
		if _, err := home.Witnesses(dir, origin); !errors.Is(err, ledger.ErrMalformed) || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("Witnesses with the line %q = %v, want ErrMalformed", line, err)
		}
	}
	write(string(text), 0o666)
	if _, err := home.Witnesses(dir, origin); err == nil || !strings.Contains(err.Error(), "other users") {
		t.Errorf("Witnesses that others can write = %v", err)
	}
}

func TestKeepConflict(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "home")
	path, err := home.KeepConflict(dir, "gait.test/one", []byte("evidence"))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "evidence" {
		t.Errorf("%s holds %q, %v", path, b, err)
	}
	if again, err := home.KeepConflict(dir, "gait.test/one", []byte("evidence")); err != nil || again != path {
		t.Errorf("kept again as %s, %v, want %s", again, err, path)
	}
	if other, err := home.KeepConflict(dir, "gait.test/one", []byte("more")); err != nil || other == path {
		t.Errorf("other evidence is kept as %s, %v", other, err)
	}
}
