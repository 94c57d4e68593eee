package packspec_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gait/ledger"
	"gait/packspec"
)

// program returns the Python program of a pack's VERIFY.md.
func program(t *testing.T, fs []packspec.File) string {
	t.Helper()
	_, code, ok := strings.Cut(string(file(fs, "VERIFY.md").Data), "```python\n")
	code, _, end := strings.Cut(code, "```")
	if !ok || !end {
		t.Fatal("VERIFY.md holds no program")
	}
	return code
}

// check runs the program in an unzipped pack.
func check(t *testing.T, code string, fs []packspec.File, vkey string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	for _, f := range fs {
		if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(f.Name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, f.Name), f.Data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "check.py"), []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	run := exec.Command("python3", "check.py", vkey)
	run.Dir = dir
	out, err := run.CombinedOutput()
	return string(out), err
}

// What VERIFY.md tells a stranger to do works, and finds forgeries.
func TestVerifyMD(t *testing.T) {
	for _, tool := range []string{"python3", "openssl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	key := testKey(t, 1)
	log := history(t, key)
	honest := readZip(t, build(t, log, "job_1"))
	code, vkey := program(t, honest), key.VerifierKey().String()
	if out, err := check(t, code, honest, vkey); err != nil || out != "OK: job job_1, 9 events, of "+origin+"\n" {
		t.Fatalf("an honest pack: %v\n%s", err, out)
	}
	for _, size := range []int{1, 2, 7, 8, 300} {
		pack := readZip(t, build(t, longLog(t, size), "long"))
		if out, err := check(t, code, pack, vkey); err != nil {
			t.Errorf("a job of %d events: %v\n%s", size, err, out)
		}
	}
	if out, err := check(t, code, honest, testKey(t, 2).VerifierKey().String()); err == nil {
		t.Errorf("another key: %s", out)
	}
	n := 0
	for _, tt := range forgeries {
		if !checkedByProgram(tt) {
			continue
		}
		f := &forger{t: t, log: log, files: slices.Clone(honest), job: "job_1", at: ledger.FormatTime(log.jobs["job_1"].Time)}
		tt.forge(f)
		f.pack(tt.sign)
		if out, err := check(t, code, f.files, vkey); err == nil {
			t.Errorf("%s: %s", tt.name, out)
		} else if bytes.Contains([]byte(out), []byte("OK")) {
			t.Errorf("%s: fails and says %s", tt.name, out)
		}
		n++
	}
	t.Logf("%d forgeries found", n)
}

// checkedByProgram tells the forgeries that are the program's business: those
// by somebody without the key, and broken inclusion and checkpoint. It reads
// each checkpoint for itself, and evidence.json not at all.
func checkedByProgram(f forgery) bool {
	switch f.name {
	case "evidence.json of another size", "evidence.json of another root", "a second signature on one of the checkpoints":
		return false
	}
	return f.sign != "ledger" && f.level != "container" || f.level == "inclusion" || f.level == "signature"
}
