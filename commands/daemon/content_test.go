package daemon_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gait/commands"
	"gait/commands/daemon"
	"gait/commands/token"
	"gait/ledger"
	"gait/ledger/content"
	"gait/ledger/ledgertest"
)

// put keeps content of a job, durably, and returns its digest.
func (s *testServer) put(t *testing.T, job, text string) string {
	t.Helper()
	return s.putSalted(t, job, text).Digest.String()
}

func (s *testServer) putSalted(t *testing.T, job, text string) content.Salted {
	t.Helper()
	l, err := s.client.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	kept, err := l.Put(t.Context(), job, []byte(text), "now", false)
	if err != nil {
		t.Fatalf("Put = %v", err)
	}
	return kept
}

func (s *testServer) decision(job string, subject content.Salted) commands.Request {
	return commands.Request{JobID: job, Actor: "worker_1", Command: commands.AddCheckpoint{
		Type: ledger.CheckpointDecisionNeeded, Summary: "refund", RequiredAction: "approve it", Subject: ledger.Content{Digest: subject.Digest, Size: subject.Size},
	}}
}

// What is put can be named, and read by its digest.
func TestContent(t *testing.T) {
	s := serve(t)
	s.do(t, submit("j1"), submit("j2"))
	l, err := s.client.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "a", strings.Repeat("0123456789abcdef", 1<<17)} { // 2 MiB
		kept, err := l.Put(t.Context(), "j1", []byte(text), "", false)
		if err != nil {
			t.Fatalf("Put of %d bytes = %v", len(text), err)
		}
		if is, _ := content.DigestSalted(strings.NewReader(text), kept.Salt); is != kept.Entry {
			t.Errorf("Put of %d bytes = %v, want the digest of the salt and the bytes, %v", len(text), kept, is)
		}
		done := s.do(t, s.decision("j1", kept))
		r, err := l.GetKept(t.Context(), "j1", kept.Digest)
		if err != nil {
			t.Fatalf("GetKept = %v", err)
		}
		b, err := io.ReadAll(r)
		r.Close()
		if want := string(kept.Salt[:]) + text; err != nil || string(b) != want {
			t.Errorf("GetKept of %d bytes = %d bytes, %v, want %d", len(text), len(b), err, len(want))
		}
		key, _ := s.server.Content.ContentKey("j1")
		if p := done.Event.Payload().(ledger.CheckpointAdded); text == "" && p.ContentKey != key {
			t.Errorf("the first event that names content has the key %s, want %s", p.ContentKey, key)
		}
		if _, err := l.GetKept(t.Context(), "j2", kept.Digest); faultOf(err) != "content_missing" {
			t.Errorf("GetKept of another job = %v, want content_missing", err)
		}
	}
	all, err := l.Kept(t.Context(), "j1")
	if err != nil || len(all) != 3 {
		t.Errorf("Kept = %v, %v, want three", all, err)
	}
}

func faultOf(err error) string {
	if err == nil {
		return ""
	}
	f, _ := ledger.FaultOf(err)
	return f.Code
}

// Content that was not put, is damaged, too large or erased is refused as what it is.
func TestContentThatIsNotThere(t *testing.T) {
	s := serve(t)
	s.server.MaxContent = 100
	s.do(t, submit("j1"))
	l, err := s.client.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.client.Do(t.Context(), s.decision("j1", content.Salted{Entry: content.Entry{Digest: ledger.Hash{1}, Size: 3}})); faultOf(err) != "content_missing" {
		t.Errorf("a command that names what is not there = %v, want content_missing", err)
	}
	if _, err := l.Put(t.Context(), "j1", bytes.Repeat([]byte("a"), 101), "", false); faultOf(err) != "content_too_large" {
		t.Errorf("Put of 101 bytes = %v, want content_too_large", err)
	}
	if _, err := l.Put(t.Context(), "j1", bytes.Repeat([]byte("a"), 100), "none", false); err != nil {
		t.Errorf("Put that keeps nothing = %v", err)
	}
	if all, err := l.Kept(t.Context(), "j1"); err != nil || len(all) != 0 {
		t.Errorf("Kept = %v, %v, want none", all, err)
	}
	kept := s.putSalted(t, "j1", "a refund")
	s.do(t, s.decision("j1", kept))
	path := filepath.Join(s.server.Content.Dir(), "jobs", content.OwnerOf("j1").String(), kept.Digest.String())
	if err := os.WriteFile(path, []byte("another salt and a refund"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := l.GetKept(t.Context(), "j1", kept.Digest); faultOf(err) != "content_damaged" {
		t.Errorf("GetKept of a damaged file = %v, want content_damaged", err)
	}
	s.do(t, commands.Request{JobID: "j1", Actor: "worker_1", Reason: "by request", Command: commands.EraseContent{Digest: kept.Digest}})
	if _, err := l.GetKept(t.Context(), "j1", kept.Digest); faultOf(err) != "content_erased" {
		t.Errorf("GetKept of what was erased = %v, want content_erased", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the erased file is still there: %v", err)
	}
}

// Without a length nothing is read, and a body that ends early is not kept.
func TestPutOfNoLength(t *testing.T) {
	s := serve(t)
	s.do(t, submit("j1"))
	q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://gait/v1/job/contents/put?id=j1", io.MultiReader(strings.NewReader("a")))
	if err != nil {
		t.Fatal(err)
	}
	res, err := s.client.HTTP.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusBadRequest {
		t.Errorf("a body without a length = %d, want 400", res.StatusCode)
	}
}

// Every role but the auditor's puts content.
func TestRolesThatPut(t *testing.T) {
	s := serve(t)
	s.do(t, submit("j1"))
	for role, want := range map[string]string{"worker": "", "operator": "", "approver": "", "auditor": "token_role"} {
		l, err := s.clientOf(t, role).Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Put(t.Context(), "j1", []byte("a"), "", false); faultOf(err) != want {
			t.Errorf("Put with a token of role %s = %v, want %q", role, err, want)
		}
		mayBegin := want
		if role == "approver" {
			mayBegin = "token_role"
		}
		if _, err := l.Put(t.Context(), "j9", []byte("a"), "", true); faultOf(err) != mayBegin {
			t.Errorf("Put for a job to come with a token of role %s = %v, want %q", role, err, mayBegin)
		}
		if _, err := l.Kept(t.Context(), "j1"); err != nil {
			t.Errorf("Kept with a token of role %s = %v", role, err)
		}
	}
}

// clientOf returns a client that comes with a token of a role.
func (s *testServer) clientOf(t *testing.T, role string) *daemon.Client {
	t.Helper()
	tok, err := token.New(ledgertest.Entropy(10), s.Log.Origin(), role, "reviewer_1")
	if err != nil {
		t.Fatal(err)
	}
	s.tokens.Store(tok.ID(), daemon.Holder{Actor: tok.Actor, Role: role, Key: tok.Public()})
	c := s.newClient(t)
	c.Credential = &daemon.Credential{Token: tok, Entropy: ledgertest.Entropy(11), Now: time.Now, Trusted: func(ledger.VerifierKey) error { return nil }}
	return c
}

// If the secret of a job's content is gone while the daemon runs, nothing is put, and no new
// secret is made. Other jobs go on.
func TestContentSecretIsGone(t *testing.T) {
	s := serve(t)
	s.do(t, submit("j1"), submit("j2"))
	l, err := s.client.Open(t.Context())
	ledgertest.Must(t, err)
	was := s.putSalted(t, "j1", "pay 100")
	s.do(t, s.decision("j1", was))
	jobs := filepath.Join(s.server.Content.Dir(), "jobs")
	ledgertest.Must(t, os.Rename(jobs, jobs+"-away"))
	for _, keep := range []string{"", "now", "none"} {
		if _, err := l.Put(t.Context(), "j1", []byte("pay 100"), keep, false); faultOf(err) != "content_secret_missing" {
			t.Errorf("Put that keeps %q without the secret = %v, want content_secret_missing", keep, err)
		}
	}
	s.do(t, s.decision("j2", s.putSalted(t, "j2", "pay 100")))
	mine := content.OwnerOf("j1").String()
	ledgertest.Must(t, os.Rename(filepath.Join(jobs+"-away", mine), filepath.Join(jobs, mine)))
	if again := s.putSalted(t, "j1", "pay 100"); again.Digest != was.Digest {
		t.Errorf("with the secret again the digest is %s, and was %s", again.Digest, was.Digest)
	}
}
