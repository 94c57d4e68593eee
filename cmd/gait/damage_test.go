package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io/fs"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"gait/ledger/ledgertest"
)

// inProcess runs a command line in this process, with a home and root in dir.
func inProcess(t *testing.T, dir string, args ...string) (int, []byte) {
	t.Helper()
	env := map[string]string{"GAIT_HOME": filepath.Join(dir, "home"), "GAIT_ROOT": filepath.Join(dir, "jobs"), "GAIT_ACTOR": "tester"}
	var out, talk bytes.Buffer
	a := &app{
		console: console{stdout: &out, stderr: &talk, surroundings: surroundings{getenv: func(k string) string { return env[k] }}},
		now:     time.Now, entropy: rand.Reader,
		exit: func(code int) { panic(fmt.Sprintf("exit %d: %s", code, talk.String())) },
	}
	return runLine(context.Background(), a, args), out.Bytes()
}

// TestDamagedLedger flips bits and cuts files of a small ledger's directory: a
// command then sees all of its events, or exits 2; never fewer with exit 0.
func TestDamagedLedger(t *testing.T) {
	if testing.Short() {
		t.Skip("hundreds of commands")
	}
	damages := ledgertest.Times(300, 60) // places in the ledger's directory, one at a time
	dir := t.TempDir()
	const events = 6
	for i := range events {
		args := []string{"job", "checkpoint", "add", "a", "--summary", fmt.Sprint("step ", i), "--json"}
		if i == 0 {
			args = []string{"job", "submit", "--id", "a", "--json"}
		}
		if code, out := inProcess(t, dir, args...); code != 0 {
			t.Fatalf("%v exits %d: %s", args, code, out)
		}
	}
	good := filepath.Join(dir, "jobs", "ledger")
	kept := filepath.Join(dir, "kept")
	if err := os.CopyFS(kept, os.DirFS(good)); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(dir, "guards"), os.DirFS(filepath.Join(dir, "home", "ledgers"))); err != nil {
		t.Fatal(err)
	}
	files := regularFiles(t, kept)
	random := mathrand.New(mathrand.NewPCG(5, 6))
	outcomes := map[int]int{}
	for i := range damages {
		if err := os.RemoveAll(good); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(good, os.DirFS(kept)); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(good, 0o700); err != nil {
			t.Fatal(err)
		}
		name := files[i%len(files)]
		what := damage(t, filepath.Join(good, name), random)
		for _, args := range [][]string{{"job", "inspect", "a", "--json"}, {"ledger", "verify", "--json"}, {"job", "pause", "a", "--json"}} {
			code, out := inProcess(t, dir, args...)
			outcomes[code]++
			if code == 0 && args[1] == "inspect" && countEvents(t, out) != events || code != 0 && code != 2 {
				t.Errorf("%s %s: %v exits %d: %.300s", name, what, args, code, out)
			}
		}
		restoreGuard(t, dir)
	}
	t.Logf("%d damages, exit codes of three commands each: %v", damages, outcomes)
	if outcomes[2] == 0 {
		t.Error("no damage was found")
	}
}

// damage flips a bit of a file, or cuts it, and says which.
func damage(t *testing.T, path string, random *mathrand.Rand) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) == 0 {
		b = []byte{1}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return "with a byte added"
	}
	at := random.IntN(len(b))
	what := fmt.Sprintf("cut at %d of %d", at, len(b))
	damaged := b[:at]
	if random.IntN(3) > 0 {
		bit := random.IntN(8)
		what = fmt.Sprintf("bit %d of byte %d flipped", bit, at)
		b[at] ^= 1 << bit
		damaged = b
	}
	if err := os.WriteFile(path, damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	return what
}

func regularFiles(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if e.Type() == fs.FileMode(0) && e.Name() != "LOCK" {
			names = append(names, e.Name())
		}
	}
	return names
}

func countEvents(t *testing.T, out []byte) int {
	t.Helper()
	var said struct {
		Events []json.RawMessage `json:"events"`
	}
	if err := json.Unmarshal(out, &said); err != nil {
		t.Fatal(err)
	}
	return len(said.Events)
}

// restoreGuard restores the outside checkpoint of before the last round's pause.
func restoreGuard(t *testing.T, dir string) {
	t.Helper()
	guards := filepath.Join(dir, "home", "ledgers")
	saved := filepath.Join(dir, "guards")
	if _, err := os.Stat(saved); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(guards); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(guards, os.DirFS(saved)); err != nil {
		t.Fatal(err)
	}
	for _, d := range append([]string{guards}, children(t, guards)...) {
		if err := os.Chmod(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
}

func children(t *testing.T, dir string) (paths []string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		paths = append(paths, filepath.Join(dir, e.Name()))
	}
	return paths
}
