package packspec_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gait/ledger"
	"gait/ledger/ledgertest"
	"gait/packspec"
	"gait/packspec/finding"
	"gait/packspec/packtest"
)

// verifyPy is a verifier that shares no code with this one.
const verifyPy = "../fixtures/verify/verify.py"

// needPython skips the test if there is no Python or no openssl. CI has both.
func needPython(t *testing.T) {
	t.Helper()
	for _, tool := range []string{"python3", "openssl"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
}

// A judgement is a pack with this verifier's verdict: its exit code, and whether the only
// faults are ones that verify.py does not check.
type judgement struct {
	name    string
	pack    []byte
	exit    int
	partial bool
}

func judge(t *testing.T, name string, pack []byte, key ledger.PrivateKey) judgement {
	t.Helper()
	return judgeBy(t, name, pack, key.VerifierKey().PublicKey())
}

func judgeBy(t *testing.T, name string, pack []byte, key ledger.PublicKey) judgement {
	t.Helper()
	r, err := packspec.Verify(bytes.NewReader(pack), int64(len(pack)), packspec.Options{Trusted: []packspec.TrustedKey{{Key: key, From: "test"}}})
	switch {
	case errors.Is(err, ledger.ErrUnsupportedVersion):
		return judgement{name: name, pack: pack, exit: 6}
	case err != nil:
		t.Fatal(err)
	case r.Verified:
		return judgement{name: name, pack: pack}
	}
	partial := r.Failure.Level == finding.LevelStateMachine || r.Failure.Level == finding.LevelViews && r.Failure.Entry != packtest.ManifestName
	return judgement{name: name, pack: pack, exit: 2, partial: partial}
}

// verdicts runs verify.py over packs, in one Python, and returns its exit codes.
func verdicts(t *testing.T, all []judgement, vkey string) []int {
	t.Helper()
	dir := t.TempDir()
	keyFile := filepath.Join(dir, "key.vkey")
	if err := os.WriteFile(keyFile, []byte(vkey+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var paths bytes.Buffer
	for i, j := range all {
		path := filepath.Join(dir, fmt.Sprintf("%d.zip", i))
		if err := os.WriteFile(path, j.pack, 0o600); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&paths, path)
	}
	run := exec.Command("python3", "-W", "ignore", "-B", "-c", "import sys, verify\nfor line in sys.stdin: print(verify.judge(line.strip(), sys.argv[1])[0])", keyFile)
	run.Dir, run.Stdin = filepath.Dir(verifyPy), &paths
	out, err := run.Output()
	if err != nil {
		t.Fatalf("verify.py: %v\n%s", err, out)
	}
	exits := make([]int, len(all))
	for i, line := range strings.Fields(string(out)) {
		if _, err := fmt.Sscan(line, &exits[i]); err != nil {
			t.Fatal(err)
		}
	}
	return exits
}

// agree requires the same verdicts of the two verifiers. If only rules or views are
// broken, which verify.py says it does not check, verify.py must accept the pack.
func agree(t *testing.T, all []judgement, vkey string) {
	t.Helper()
	count := map[int]int{}
	for i, got := range verdicts(t, all, vkey) {
		want := all[i].exit
		if all[i].partial {
			want = 0
		}
		if got != want {
			t.Errorf("%s: verify.py exits %d, gait %d (partial: %t)", all[i].name, got, all[i].exit, all[i].partial)
		}
		count[got]++
	}
	t.Logf("%d packs, the same verdicts: %v", len(all), count)
}

func TestTwoVerifiersAgree(t *testing.T) {
	if testing.Short() {
		t.Skip("a thousand packs in Python")
	}
	needPython(t)
	key := testKey(t, 1)
	log := history(t, key)
	honest := buildFirst(t, log, "job_1")
	withIndex := indexed(t, key)
	committed := build(t, withIndex, "job_1")
	all := []judgement{
		judge(t, "the first format", honest, key), judge(t, "another job", buildFirst(t, log, "job_2"), key),
		judge(t, "indexed", committed, key), judge(t, "another job, indexed", build(t, withIndex, "job_2"), key), judge(t, "without a commitment", build(t, log, "job_1"), key),
	}
	for _, n := range []int{1, 2, 7, 8, 300} {
		all = append(all, judge(t, fmt.Sprint(n, " events"), build(t, longLog(t, n), "long"), key))
	}
	for _, j := range all {
		if j.exit != 0 {
			t.Fatalf("%s does not verify", j.name)
		}
	}
	for _, tt := range forgeries {
		f := &forger{t: t, log: log, first: true, files: files(t, honest), job: "job_1", at: log.at("job_1")}
		tt.forge(f)
		all = append(all, judge(t, tt.name, f.pack(tt.sign), key))
	}
	for _, tt := range indexForgeries {
		f := &forger{t: t, log: withIndex, files: files(t, committed), job: "job_1", at: withIndex.at("job_1")}
		tt.forge(f)
		all = append(all, judge(t, tt.name, f.pack(tt.sign), key))
	}
	for _, h := range ledgertest.Pick(t, slices.Concat(zipHostiles(t), jsonHostiles(t)), 60) {
		all = append(all, judge(t, h.name, h.pack, key))
	}
	for _, newer := range []struct{ entry, old, with string }{
		{"pack_manifest.json", `"schema_version":"1.0.0"`, `"schema_version":"2.0.0"`},
		{"pack_manifest.json", `"pack_type":"job"`, `"pack_type":"more"`},
		{"evidence.json", `"format":1`, `"format":9`},
	} {
		f := &forger{t: t, log: log, files: files(t, honest)}
		f.replace(newer.entry, newer.old, newer.with)
		sign(t, f.files, key)
		if all = append(all, judge(t, newer.with, packtest.Archive(f.files), key)); all[len(all)-1].exit != 6 {
			t.Errorf("%s is not of a newer version", newer.with)
		}
	}
	random := rand.New(rand.NewPCG(9, 10))
	for range ledgertest.Sample(t, 200, 20) {
		bit := random.IntN(8 * len(honest))
		all = append(all, judge(t, fmt.Sprint("bit ", bit), flip(honest, bit), key))
		fs := files(t, honest)
		if random.IntN(2) == 0 {
			fs = files(t, committed)
		}
		at := &fs[random.IntN(len(fs)-1)]
		bit = random.IntN(8 * len(at.Data))
		at.Data = flip(at.Data, bit)
		sign(t, fs, key)
		all = append(all, judge(t, fmt.Sprint("bit ", bit, " of ", at.Name, ", signed again"), packtest.Archive(fs), key))
	}
	agree(t, all, key.VerifierKey().String())
	for i := range all {
		all[i] = judge(t, all[i].name+", another key", all[i].pack, testKey(t, 2))
	}
	agree(t, all[:40], testKey(t, 2).VerifierKey().String())
}

// verify.py runs as its help describes.
func TestVerifyPyCommand(t *testing.T) {
	needPython(t)
	program, err := os.ReadFile(verifyPy)
	if err != nil {
		t.Fatal(err)
	}
	if lines := bytes.Count(program, []byte("\n")); lines >= 200 {
		t.Errorf("verify.py has %d lines, want fewer than 200", lines)
	}
	dir := t.TempDir()
	vkey := filepath.Join(dir, "key.vkey")
	for name, data := range map[string]string{vkey: testKey(t, 1).VerifierKey().String() + "\n", filepath.Join(dir, "no.vkey"): "no key\n"} {
		if err := os.WriteFile(name, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		args []string
		exit int
		says string
	}{
		{[]string{"testdata/pack_job_1.zip", vkey}, 0, "PROVED: job job_1 of gait.example/packs: 9 events, in a tree of 12; that no event of the job was left out is NOT SHOWN"},
		{[]string{"testdata/pack_job_1_indexed.zip", vkey}, 0, "PROVED: job job_1 of gait.example/packs: 9 events, in a tree of 13; no event of the job before event 12 was left out"},
		{[]string{"testdata/pack_job_1.zip", vkey}, 0, "NOT CHECKED: that the rules allow each event"},
		{[]string{corpus + "/zip_comment.zip", vkey}, 2, "NOT VERIFIED"},
		{[]string{"testdata/pack_job_1.zip", filepath.Join(dir, "no.vkey")}, 6, "is no Ed25519 verifier key of"},
		{[]string{"testdata/pack_job_1.zip", filepath.Join(dir, "none")}, 6, "none"},
		{[]string{"testdata/pack_job_1.zip"}, 6, "verify.py PACK.zip|PROOF.json KEYFILE"},
	} {
		run := exec.Command("python3", append([]string{"-B", verifyPy}, tt.args...)...)
		out, err := run.CombinedOutput()
		if got := run.ProcessState.ExitCode(); got != tt.exit || !bytes.Contains(out, []byte(tt.says)) {
			t.Errorf("verify.py %v exits %d (%v), want %d and %q:\n%s", tt.args, got, err, tt.exit, tt.says, out)
		}
	}
}
