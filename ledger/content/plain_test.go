package content_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gait/ledger"
	"gait/ledger/content"
	"gait/ledger/ledgertest"
)

// What KeepPlain keeps is there, again after it was damaged or removed, and young each time.
func TestKeepPlain(t *testing.T) {
	s := open(t)
	text := []byte("permit (principal, action, resource);")
	for _, change := range []struct {
		what string
		do   func(path string) error
	}{
		{"never kept", func(string) error { return nil }},
		{"kept", func(string) error { return nil }},
		{"old", func(path string) error { return os.Chtimes(path, time.Time{}, time.Unix(1, 0)) }},
		{"damaged", func(path string) error { return os.WriteFile(path, []byte("forbid"), 0o600) }},
		{"damaged, with its size", func(path string) error { return os.WriteFile(path, []byte(strings.ToUpper(string(text))), 0o600) }},
		{"removed", os.Remove},
	} {
		want, err := content.Digest(strings.NewReader(string(text)))
		ledgertest.Must(t, err)
		path := filepath.Join(s.Dir(), want.Digest.String())
		ledgertest.Must(t, change.do(path))
		if e, err := s.KeepPlain(text); err != nil || e != want {
			t.Errorf("%s: KeepPlain = %v, %v, want %v", change.what, e, err, want)
		}
		if b, err := content.Open(s.Dir()).ReadPlain(want.Digest, 100); err != nil || string(b) != string(text) {
			t.Errorf("%s: ReadPlain = %q, %v", change.what, b, err)
		}
		if st, err := os.Stat(path); err != nil || time.Since(st.ModTime()) > time.Hour {
			t.Errorf("%s: it is not young: %v", change.what, err)
		}
	}
	if _, err := content.Open(filepath.Join(s.Dir(), strings.Repeat("0", 300))).KeepPlain(text); err == nil {
		t.Error("KeepPlain where nothing can be kept")
	}
}

// ReadOf reads what waits and what is durable, all of it verified, and no more than asked.
func TestReadOf(t *testing.T) {
	s := open(t)
	j := s.Job("job_1")
	texts := []string{"", "pay 100", strings.Repeat("large ", 200_000)}
	for _, durable := range []bool{false, true} {
		for _, text := range texts {
			kept := putWaiting(t, j, text)
			if durable {
				ledgertest.Must(t, s.Flush())
			}
			if b, err := s.ReadOf("job_1", kept.Digest, kept.Size); err != nil || string(b) != text {
				t.Errorf("durable %t: ReadOf %d bytes = %d bytes, %v", durable, len(text), len(b), err)
			}
			if _, err := s.ReadOf("job_1", kept.Digest, kept.Size-1); !errors.Is(err, ledger.ErrMalformed) {
				t.Errorf("durable %t: ReadOf %d bytes with a lower limit = %v, want ErrMalformed", durable, len(text), err)
			}
			if _, err := s.ReadOf("job_2", kept.Digest, kept.Size); !errors.Is(err, ledger.ErrContentMissing) {
				t.Errorf("ReadOf of another job = %v, want ErrContentMissing", err)
			}
		}
	}
	kept := putJob(t, j, s, "pay 100")
	ledgertest.WriteFile(t, filepath.Join(s.Dir(), "jobs", j.Owner().String(), kept.Digest.String()), []byte(strings.Repeat("x", 23)))
	if _, err := s.ReadOf("job_1", kept.Digest, 100); !isDamaged(err) {
		t.Errorf("ReadOf of what was changed = %v, want a DamagedError", err)
	}
}

// Policies that events name are no garbage, whether an event names them as content or not.
func TestCollectLeavesPolicies(t *testing.T) {
	s := open(t)
	bound, unbound := put(t, s, "bound"), put(t, s, "not bound")
	e := jobEvent(t, "job_1", ledger.Resumed{
		ExpectedFingerprint: "env", ActualFingerprint: "env", CurrentPolicyDigest: bound.Digest, PolicyChanged: true, Reason: "again",
	})
	if got := collect(t, s, 0, e); len(got) != 1 || got[0] != unbound.Digest.String() {
		t.Errorf("Collect removes %v, want %s", got, unbound.Digest)
	}
	var named content.Named
	named.Add(e)
	if got := named.Policies(); len(got) != 1 || got[0] != bound.Digest {
		t.Errorf("Policies = %v, want %s", got, bound.Digest)
	}
	for name := range named.All() {
		t.Errorf("All has %v, which backups would lack", name)
	}
}
