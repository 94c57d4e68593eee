package root_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/ledger/root"
)

func TestWitnesses(t *testing.T) {
	home := filepath.Join(t.TempDir(), "home")
	const origin = "gait.test/one"
	w := func(i int) root.Witness {
		name := fmt.Sprintf("w%02d.example", i)
		return root.Witness{URL: "https://" + name, Key: ledgertest.NewWitness(name).Key}
	}
	if all, err := root.Witnesses(home, origin); len(all) != 0 || err != nil {
		t.Errorf("Witnesses of a new home = %v, %v", all, err)
	}
	for i := range root.MaxWitnesses {
		if err := root.AddWitness(home, origin, w(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := root.AddWitness(home, origin, w(20)); !errors.Is(err, root.ErrTooManyWitnesses) {
		t.Errorf("one witness too many = %v, want ErrTooManyWitnesses", err)
	}
	for _, again := range []root.Witness{w(3), {URL: "https://other.example", Key: w(3).Key}, {URL: w(3).URL, Key: w(21).Key}} {
		if err := root.AddWitness(home, origin, again); !errors.Is(err, root.ErrWitnessKnown) {
			t.Errorf("adding %v again = %v, want ErrWitnessKnown", again, err)
		}
	}
	if all, err := root.Witnesses(home, "gait.test/two"); len(all) != 0 || err != nil {
		t.Errorf("Witnesses of another ledger = %v, %v", all, err)
	}

	// What else the file holds stays; what cannot be read is named.
	files, err := filepath.Glob(filepath.Join(home, "ledgers", "*", "witnesses"))
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
		if got, err := root.RemoveWitness(home, origin, name); err != nil || got.Key.IsZero() {
			t.Errorf("RemoveWitness(%s) = %v, %v", name, got, err)
		}
		if _, err := root.RemoveWitness(home, origin, name); !errors.Is(err, root.ErrNoWitness) {
			t.Errorf("RemoveWitness(%s) again = %v, want ErrNoWitness", name, err)
		}
	}
	all, err := root.Witnesses(home, origin)
	if err != nil || len(all) != root.MaxWitnesses-3 || all[2] != w(3) {
		t.Errorf("Witnesses = %v, %v", all, err)
	}
	if text, err = os.ReadFile(files[0]); err != nil || !strings.HasPrefix(string(text), "# ours\n\nw00") {
		t.Errorf("the file is %q, %v", text, err)
	}
	for _, line := range []string{"nonsense\n", w(1).Key.String() + "\n", w(1).Key.String() + " a b\n", ledgertest.Key(origin).VerifierKey().String() + " https://a\n"} {
		write("# ours\n"+line, 0o600)
		if _, err := root.Witnesses(home, origin); !errors.Is(err, ledger.ErrMalformed) || !strings.Contains(err.Error(), "line 2") {
			t.Errorf("Witnesses with the line %q = %v, want ErrMalformed", line, err)
		}
	}
	write(string(text), 0o666)
	if _, err := root.Witnesses(home, origin); err == nil || !strings.Contains(err.Error(), "other users") {
		t.Errorf("Witnesses that others can write = %v", err)
	}
}

func TestKeepConflict(t *testing.T) {
	home := filepath.Join(t.TempDir(), "home")
	path, err := root.KeepConflict(home, "gait.test/one", []byte("evidence"))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(path); err != nil || string(b) != "evidence" {
		t.Errorf("%s holds %q, %v", path, b, err)
	}
	if again, err := root.KeepConflict(home, "gait.test/one", []byte("evidence")); err != nil || again != path {
		t.Errorf("kept again as %s, %v, want %s", again, err, path)
	}
	if other, err := root.KeepConflict(home, "gait.test/one", []byte("more")); err != nil || other == path {
		t.Errorf("other evidence is kept as %s, %v", other, err)
	}
}
