package content_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gait/ledger"
	"gait/ledger/content"
	"gait/ledger/ledgertest"
)

// batch keeps many small contents of a job with one Sync, and returns them. The job has
// content before.
func batch(t *testing.T, s *content.Store, job, text string, n int) (all []content.Salted) {
	t.Helper()
	putJob(t, s.Job(job), s, "first")
	var entries []content.Entry
	for i := range n {
		kept, err := s.Job(job).PutFrom(strings.NewReader(fmt.Sprintf("%s %d", text, i)), ledgertest.Entropy(7), 0)
		ledgertest.Must(t, err)
		all, entries = append(all, kept), append(entries, kept.Entry)
	}
	ledgertest.Must(t, s.Sync(t.Context(), []ledger.Event{naming(t, job, entries[0], entries[1:]...)}))
	return all
}

func journals(t *testing.T, s *content.Store) (all []string) {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(s.Dir(), "jobs", ".journal-*"))
	ledgertest.Must(t, err)
	return all
}

// holds reports whether a file below the store has text in it.
func holds(t *testing.T, s *content.Store, text string) (found bool) {
	t.Helper()
	ledgertest.Must(t, filepath.WalkDir(s.Dir(), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		found = found || bytes.Contains(b, []byte(text))
		return err
	}))
	return found
}

// Small contents of one batch are in the journal, where this store and others find them,
// until the store is closed.
func TestJournal(t *testing.T) {
	s := open(t)
	all := batch(t, s, "job_1", "in the journal", 10)
	if got := journals(t, s); len(got) != 1 {
		t.Fatalf("there are the journals %v, want one", got)
	}
	for _, closed := range []bool{false, true} {
		if closed {
			ledgertest.Must(t, s.Close())
			if got := journals(t, s); len(got) != 0 {
				t.Errorf("after Close there are the journals %v", got)
			}
		}
		for who, s := range map[string]*content.Store{"the store": s, "another one": content.Open(s.Dir())} {
			for i, kept := range all {
				if b, err := s.ReadOf("job_1", kept.Digest, 100); err != nil || string(b) != fmt.Sprintf("in the journal %d", i) {
					t.Errorf("closed %t: %s reads %q, %v", closed, who, b, err)
				}
				if has, err := s.Job("job_1").Has(kept.Digest); err != nil || !has {
					t.Errorf("closed %t: %s has %s: %t, %v", closed, who, kept.Digest, has, err)
				}
			}
			if list, err := s.Job("job_1").List(); err != nil || len(list) != len(all)+1 {
				t.Errorf("closed %t: %s lists %d contents, %v, want %d", closed, who, len(list), err, len(all)+1)
			}
			if carried, err := s.Carry(); err != nil || len(carried) != len(all)+2 {
				t.Errorf("closed %t: %s carries %d files, %v, want %d", closed, who, len(carried), err, len(all)+2)
			}
		}
	}
	if few := batch(t, s, "job_1", "few", 3); len(journals(t, s)) != 0 {
		t.Errorf("a batch of %d contents makes a journal", len(few))
	}
}

// What is erased is in no journal any more: that of the store, and one that was left.
func TestEraseFromJournal(t *testing.T) {
	for _, left := range []bool{false, true} {
		s := open(t)
		all := batch(t, s, "job_1", "personal data", 10)
		if !holds(t, s, "personal data 5") {
			t.Fatal("what was kept is in no file")
		}
		if left { // another process goes on
			s = content.Open(s.Dir())
		}
		for _, kept := range all[:6] {
			ledgertest.Must(t, s.EraseOf("job_1", kept.Digest))
		}
		if holds(t, s, "personal data 5") || !holds(t, s, "personal data 6") {
			t.Errorf("left by another process %t: what was erased is still in a file, or the rest is not", left)
		}
		if got := journals(t, s); len(got) != 0 {
			t.Errorf("left by another process %t: there are the journals %v", left, got)
		}
	}
}

// FuzzJournal reads any bytes as a journal. What comes out has its digest and is a record
// that the journal begins with, one after the other.
func FuzzJournal(f *testing.F) {
	kept := []byte(strings.Repeat("s", content.SaltSize) + "bytes")
	name := content.Name{Owner: content.OwnerOf("job_1"), Digest: sha256.Sum256(kept)}
	one := content.RecordOf(name, kept)
	f.Add([]byte(nil))
	f.Add(one)
	f.Add(one[:len(one)-1])
	f.Add(append(bytes.Clone(one), one...))
	f.Add(append(bytes.Clone(one), make([]byte, 100)...))
	for i := range one {
		changed := bytes.Clone(one)
		changed[i] ^= 1
		f.Add(changed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var again []byte
		err := content.Records(bytes.NewReader(b), func(content.Name) bool { return true }, func(name content.Name, kept []byte) bool {
			if sha256.Sum256(kept) != name.Digest {
				t.Errorf("%x is not what %s names", kept, name.Digest)
			}
			again = append(again, content.RecordOf(name, kept)...)
			return true
		})
		if err != nil || !bytes.HasPrefix(b, again) {
			t.Errorf("%x reads as %x, %v", b, again, err)
		}
	})
}

// Each change of a record is found.
func TestChangedRecords(t *testing.T) {
	kept := []byte(strings.Repeat("s", content.SaltSize) + "bytes")
	one := content.RecordOf(content.Name{Owner: content.OwnerOf("job_1"), Digest: sha256.Sum256(kept)}, kept)
	for i := range one {
		changed := bytes.Clone(one)
		changed[i] ^= 1
		found := 0
		err := content.Records(bytes.NewReader(changed), func(content.Name) bool { return true }, func(content.Name, []byte) bool { found++; return true })
		if err != nil || found != 0 {
			t.Errorf("with byte %d changed: %d records, %v", i, found, err)
		}
	}
}
