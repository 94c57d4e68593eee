package home_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
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

func TestJobFileDamaged(t *testing.T) {
	a := newAuditor(t)
	a.remember("job_1", "x", 1, 3)
	path := a.seen().JobFile("job_1")
	whole := read(t, path)
	try := func(what string, b []byte) {
		t.Helper()
		write(t, path, b)
		s := a.seen()
		_, err := s.SeeFact("job_1", factOf("x", 1))
		if damaged, ok := errors.AsType[*home.MemoryError](err); (!ok || damaged.Path != path) && !errors.Is(err, ledger.ErrUnsupportedVersion) {
			t.Errorf("%s: See = %v, want a MemoryError", what, err)
		}
		if _, err := s.Keep(home.PackSeen{}); err == nil {
			t.Errorf("%s: Keep overwrites it", what)
		}
		if _, err := a.seen().Jobs(); err == nil {
			t.Errorf("%s: Jobs says nothing", what)
		}
	}
	for n := 1; n < len(whole); n++ {
		try(fmt.Sprintf("%d bytes of it", n), whole[:n])
	}
	for i := range whole {
		b := bytes.Clone(whole)
		b[i] ^= 1 << (i % 8)
		try(fmt.Sprintf("a changed bit of byte %d", i), b)
	}
	try("more bytes", append(bytes.Clone(whole), 0))
	try("another job's", fileOf(t, a, "job_2"))
	// A crash can leave an empty file of those that are not synced.
	write(t, path, nil)
	if at := a.see(a.seen(), "job_1", "y", 1, 3); at != 0 {
		t.Error("an empty file says what was seen")
	}
	write(t, path, []byte(strings.Replace(string(whole), `"schema_version":"1.0.0"`, `"schema_version":"2.0.0"`, 1)))
	if _, err := a.seen().SeeFact("job_1", factOf("x", 1)); !errors.Is(err, ledger.ErrUnsupportedVersion) {
		t.Errorf("a newer version: See = %v, want ErrUnsupportedVersion", err)
	}
}

func fileOf(t *testing.T, a auditor, job string) []byte {
	t.Helper()
	a.remember(job, "x", 1, 3)
	return read(t, a.seen().JobFile(job))
}

// The file is read in its one form, whatever its checksum says.
func TestJobFileHasOneForm(t *testing.T) {
	a := newAuditor(t)
	whole := fileOf(t, a, "job_1")
	line, rest, _ := bytes.Cut(whole[:len(whole)-32], []byte("\n"))
	summed := func(line string, rest []byte) []byte {
		b := append([]byte(line+"\n"), rest...)
		sum := sha256.Sum256(b)
		return append(b, sum[:]...)
	}
	if _, err := home.JobRecord(summed(string(line), rest)); err != nil {
		t.Fatalf("the file itself: %v", err)
	}
	swapped := bytes.Clone(rest)
	copy(swapped, rest[48:96])
	copy(swapped[48:], rest[:48])
	far := bytes.Clone(rest)
	binary.BigEndian.PutUint64(far[96:], 1<<40)
	negative, nowhere := bytes.Clone(rest), bytes.Clone(rest)
	negative[0], nowhere[8] = 0x80, 0x80
	e := seal3(t)
	for name, b := range map[string][]byte{
		"a space more":         summed(strings.Replace(string(line), ":", ": ", 1), rest),
		"a field more":         summed(strings.Replace(string(line), "{", `{"a":1,`, 1), rest),
		"no key":               summed(replaceAll(string(line), `"keys":["`+a.keys[0].String()+`"]`, `"keys":null`), rest),
		"a key that is none":   summed(replaceAll(string(line), a.keys[0].String(), "x"), rest),
		"a job that is none":   summed(replaceAll(string(line), `"job_1"`, `"job 1"`), rest),
		"fewer facts":          summed(replaceAll(string(line), `"facts":3`, `"facts":2`), rest),
		"no facts":             summed(replaceAll(string(line), `"facts":3`, `"facts":0`), nil),
		"facts not in order":   summed(string(line), swapped),
		"an event below 1":     summed(string(line), negative),
		"a place below 0":      summed(string(line), nowhere),
		"no room between them": summed(string(line), far),
		"another's head":       summed(replaceAll(string(line), `"job_id"`, `"head":`+e+`,"job_id"`), rest),
		"not JSON":             summed("x", rest),
	} {
		if again, err := home.JobRecord(b); err == nil {
			t.Errorf("%s: it is read, as %.80q", name, again)
		}
	}
}

func replaceAll(s, old, with string) string {
	if !strings.Contains(s, old) {
		panic("no " + old + " in " + s)
	}
	return strings.ReplaceAll(s, old, with)
}

// seal3 returns an event, as a JSON string.
func seal3(t *testing.T) string {
	t.Helper()
	l := ledgertest.New(t)
	ledgertest.Append(t, l.Log, ledgertest.Submit("job_1"))
	e, err := l.Log.Event(t.Context(), 1)
	must(t, err)
	return fmt.Sprintf("%q", e.Bytes())
}

func FuzzJobRecord(f *testing.F) {
	dir := f.TempDir()
	s, err := home.SeenJobs(filepath.Join(dir, "home"), []ledger.VerifierKey{ledgertest.Key(ledgertest.Origin).VerifierKey()})
	if err != nil {
		f.Fatal(err)
	}
	for seq := range int64(3) {
		s.SeeFact("job_1", factOf("x", seq+1))
	}
	if _, err := s.Keep(home.PackSeen{Checkpoint: []byte("note\n")}); err != nil {
		f.Fatal(err)
	}
	whole, err := os.ReadFile(s.JobFile("job_1"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(whole)
	f.Add(whole[:len(whole)-48])
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, b := range [][]byte{b, func() []byte { sum := sha256.Sum256(b); return append(bytes.Clone(b), sum[:]...) }()} {
			if again, err := home.JobRecord(b); err == nil && !bytes.Equal(again, b) {
				t.Errorf("%q is read, and written as %q", b, again)
			}
		}
	})
}
