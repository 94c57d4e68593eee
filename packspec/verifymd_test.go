package packspec_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gait/ledger/ledgertest"
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
func check(t *testing.T, code string, fs []packspec.File, vkeys ...string) (string, error) {
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
	run := exec.Command("python3", append([]string{"check.py"}, vkeys...)...)
	run.Dir = dir
	out, err := run.CombinedOutput()
	return string(out), err
}

// The instructions in VERIFY.md work, and find forgeries, in each format.
func TestVerifyMD(t *testing.T) {
	needPython(t)
	key := testKey(t, 1)
	log, withIndex := history(t, key), indexed(t, key)
	for _, tt := range []struct {
		name      string
		log       *testLog
		first     bool
		forgeries []forgery
		says      string
	}{
		{"first", log, true, forgeries, ""},
		{"without a commitment", log, false, forgeries, "; that these are all is not shown"},
		{"indexed", withIndex, false, indexForgeries, ", all before event 12"},
	} {
		f := forger{t: t, log: tt.log, first: tt.first, job: "job_1", at: log.at("job_1")}
		f.files = readZip(t, f.build(tt.log, "job_1"))
		code := program(t, f.files)
		if out, err := check(t, code, f.files, key.VerifierKey().String()); err != nil || out != "OK: job job_1, 9 events, of "+origin+tt.says+"\n" {
			t.Fatalf("%s: an honest pack: %v\n%s", tt.name, err, out)
		}
		if out, err := check(t, code, f.files, testKey(t, 2).VerifierKey().String()); err == nil {
			t.Errorf("%s: another key: %s", tt.name, out)
		}
		findForgeries(t, code, f, tt.forgeries)
	}
	for _, size := range []int{1, 2, 7, 8, 300} {
		long := longLog(t, size)
		long.commit()
		pack := readZip(t, build(t, long, "long"))
		if out, err := check(t, program(t, pack), pack, key.VerifierKey().String()); err != nil {
			t.Errorf("a job of %d events: %v\n%s", size, err, out)
		}
	}
}

// findForgeries requires that a program finds the forgeries of a pack that it must find.
func findForgeries(t *testing.T, code string, honest forger, forgeries []forgery) {
	t.Helper()
	checked := slices.DeleteFunc(slices.Clone(forgeries), func(f forgery) bool { return !checkedByProgram(f) })
	for _, tt := range ledgertest.Pick(t, checked, 12) {
		f := honest
		f.files = slices.Clone(honest.files)
		tt.forge(&f)
		f.pack(tt.sign)
		if out, err := check(t, code, f.files, honest.log.key.VerifierKey().String()); err == nil {
			t.Errorf("%s: %s", tt.name, out)
		} else if bytes.Contains([]byte(out), []byte("OK")) {
			t.Errorf("%s: fails and says %s", tt.name, out)
		}
	}
	t.Logf("%d forgeries that the program finds", len(checked))
}

// checkedByProgram reports whether the program must find a forgery: it finds those made
// without the key, and those of inclusion and checkpoint. It checks each checkpoint
// separately and does not read evidence.json.
func checkedByProgram(f forgery) bool {
	switch f.name {
	case "evidence.json of another size", "evidence.json of another root", "a second signature on one of the checkpoints", "the commitment in another note":
		return false
	}
	return f.sign != "ledger" && f.level != "container" || f.level == "inclusion" || f.level == "signature" || f.level == "completeness"
}
