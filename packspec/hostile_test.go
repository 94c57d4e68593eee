package packspec_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"gait/ledger/ledgertest"
	"gait/packspec"
	"gait/packspec/finding"
	"gait/packspec/packtest"
)

// A hostile is a file that is no pack, or a pack that lies, with the failure that Verify
// must report: its level, code, entry and a part of its reason.
type hostile struct {
	name, level, code string
	entry, reason     string
	pack              []byte
}

// corpus is the folder of the hostile archives. Other readers of packs can use it too.
const corpus = "../fixtures/hostile"

func zipHostiles(t testing.TB) (all []hostile) {
	pack, _ := small(t)
	for _, trick := range tricks() {
		z := packtest.New(files(t, pack))
		trick.do(z)
		code := finding.CodeArchive
		switch trick.reason {
		case badEntry, "the pack has no such entry", "the pack has no manifest":
			code = finding.CodeEntries
		case "its SHA-256 is not the manifest's":
			code = finding.CodeDigest
		}
		all = append(all, hostile{name: "zip_" + trick.name, pack: z.Bytes(), level: finding.LevelContainer, code: code, reason: trick.reason})
	}
	return all
}

// A report is the result of a verification, sent as JSON between two processes.
type report struct {
	Verified bool
	Failure  *finding.Failure
	Error    string
	Peak     int // KiB
}

// misjudged returns how a report differs from the expected one, or "".
func (h hostile) misjudged(r report) string {
	switch {
	case r.Error != "" || r.Verified || r.Failure == nil:
		return fmt.Sprintf("verified %t, failure %v, error %q", r.Verified, r.Failure, r.Error)
	case r.Failure.Level != h.level || r.Failure.Code != h.code:
		return fmt.Sprintf("refused as %s/%s (%v), want %s/%s", r.Failure.Level, r.Failure.Code, r.Failure, h.level, h.code)
	case h.entry != "" && r.Failure.Entry != h.entry || !strings.Contains(r.Failure.Reason, h.reason):
		return fmt.Sprintf("refused for %v, want %s %q", r.Failure, h.entry, h.reason)
	}
	return ""
}

// judged verifies and inspects a file, trusting the key that its pack was made with.
func judged(t testing.TB, path string) (r report) {
	f, err := os.Open(path)
	if err != nil {
		return report{Error: err.Error()}
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return report{Error: err.Error()}
	}
	key := testKey(t, 1)
	found, err := packspec.Verify(f, info.Size(), packspec.Options{Trusted: []packspec.TrustedKey{{Key: key.VerifierKey().PublicKey(), From: "test"}}})
	r.Verified, r.Failure = found.Verified, found.Failure
	if err != nil {
		r.Error = err.Error()
	}
	_, _ = packspec.Inspect(f, info.Size())
	return r
}

// Each archive of the corpus is refused, for the intended reason.
func TestHostileCorpus(t *testing.T) {
	all := zipHostiles(t)
	if *update {
		writeAll(t, corpus, all)
	}
	for _, h := range all {
		path := filepath.Join(corpus, h.name+".zip")
		if kept, err := os.ReadFile(path); err != nil || !bytes.Equal(kept, h.pack) {
			t.Errorf("%s is not what is made here (%v); run with -update", path, err)
		}
		if problem := h.misjudged(judged(t, path)); problem != "" {
			t.Errorf("%s: %s", h.name, problem)
		}
	}
	if kept, err := os.ReadDir(corpus); err != nil || len(kept) != len(all) {
		t.Errorf("%s holds %d files (%v), made here are %d; run with -update", corpus, len(kept), err, len(all))
	}
	t.Logf("%d hostile archives", len(all))
}

// Each hostile document is refused in a pack that is otherwise valid.
func TestHostileDocuments(t *testing.T) {
	all := jsonHostiles(t)
	dir := t.TempDir()
	writeAll(t, dir, all)
	for _, h := range all {
		if problem := h.misjudged(judged(t, filepath.Join(dir, h.name+".zip"))); problem != "" {
			t.Errorf("%s: %s", h.name, problem)
		}
	}
	t.Logf("%d hostile documents", len(all))
}

// writeAll creates a directory with exactly these files.
func writeAll(t *testing.T, dir string, all []hostile) {
	t.Helper()
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o755)); err != nil {
		t.Fatal(err)
	}
	for _, h := range all {
		if err := os.WriteFile(filepath.Join(dir, h.name+".zip"), h.pack, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// maxPeak is the memory that a process may use in total to refuse a file.
const maxPeak = 64 << 10 // KiB

// A separate process refuses each file, even the largest, within 64 MiB.
func TestHostilePeakMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("a process a file")
	}
	dir := t.TempDir()
	all := slices.Concat(ledgertest.Pick(t, slices.Concat(zipHostiles(t), jsonHostiles(t)), 12), ledgertest.Pick(t, crowds(t), 2))
	writeAll(t, dir, all)
	for _, b := range ledgertest.Pick(t, bombs(t), 3) {
		b.write(t, filepath.Join(dir, b.name+".zip"))
		all = append(all, b.hostile)
	}
	var wg sync.WaitGroup
	peaks := make([]int, len(all))
	for worker := range 2 {
		wg.Go(func() {
			for i := worker; i < len(all); i += 2 {
				r := judgedApart(t, filepath.Join(dir, all[i].name+".zip"))
				if problem := all[i].misjudged(r); problem != "" {
					t.Errorf("%s: %s", all[i].name, problem)
				}
				if peaks[i] = r.Peak; r.Peak == 0 || r.Peak > maxPeak {
					t.Errorf("%s: a peak of %d KiB, at most %d", all[i].name, r.Peak, maxPeak)
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d files, peak memory %d to %d KiB", len(all), slices.Min(peaks), slices.Max(peaks))
}

// judgedApart runs judged in another process. It also returns that process's peak memory.
func judgedApart(t *testing.T, path string) (r report) {
	cmd := exec.Command(os.Args[0], "-test.run", "^TestJudgeApart$")
	cmd.Env = append(os.Environ(), "PACKSPEC_HOSTILE="+path)
	out, err := cmd.Output()
	if err != nil {
		return report{Error: fmt.Sprintf("%v: %.500s", err, out)}
	}
	line, _, _ := bytes.Cut(out, []byte("\n"))
	if err := json.Unmarshal(line, &r); err != nil {
		return report{Error: err.Error()}
	}
	return r
}

// TestJudgeApart is the other process.
func TestJudgeApart(t *testing.T) {
	path := os.Getenv("PACKSPEC_HOSTILE")
	if path == "" {
		t.Skip("TestHostilePeakMemory runs it")
	}
	r := judged(t, path)
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, peak, _ := strings.Cut(string(status), "VmHWM:")
	if _, err := fmt.Sscan(peak, &r.Peak); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("%s\n", b)
}
