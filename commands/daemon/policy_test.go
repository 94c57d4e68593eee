package daemon_test

import (
	"bytes"
	"crypto/sha256"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gait/commands/daemon"
	"gait/commands/token"
	"gait/ledger"
)

// A policy is kept by its digest, and read by it.
func TestPolicies(t *testing.T) {
	s := serve(t)
	c := s.client
	for _, text := range []string{"", "permit(principal, action, resource);", strings.Repeat("p", daemon.MaxPolicy)} {
		digest, err := c.PutPolicy(t.Context(), []byte(text))
		if err != nil || digest != sha256.Sum256([]byte(text)) {
			t.Fatalf("PutPolicy of %d bytes = %s, %v", len(text), digest, err)
		}
		if b, err := c.ReadPolicy(t.Context(), digest); err != nil || string(b) != text {
			t.Errorf("ReadPolicy of %d bytes = %d bytes, %v", len(text), len(b), err)
		}
	}
	if _, err := c.PutPolicy(t.Context(), make([]byte, daemon.MaxPolicy+1)); faultOf(err) != "content_too_large" {
		t.Errorf("PutPolicy of one byte too many = %v, want content_too_large", err)
	}
	if _, err := c.ReadPolicy(t.Context(), ledger.Hash{1}); faultOf(err) != "content_missing" {
		t.Errorf("ReadPolicy of none = %v, want content_missing", err)
	}
	if size := s.Log.Head().Size; size != 1 {
		t.Errorf("the ledger has %d events, want 1: to keep a policy writes none", size)
	}
}

// A policy that is not the one asked for is not believed, whether the daemon's disk or the
// daemon has changed it.
func TestPoliciesAreCompared(t *testing.T) {
	s := serve(t)
	c := s.client
	text := []byte("forbid(principal, action, resource);")
	digest, err := c.PutPolicy(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.server.Content.Dir(), digest.String()), bytes.ToUpper(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ReadPolicy(t.Context(), digest); faultOf(err) != "content_damaged" {
		t.Errorf("ReadPolicy of a changed file = %v, want content_damaged", err)
	}
	honest := s.client.HTTP.Transport
	s.client.HTTP.Transport = answerer{honest, "/v1/policy", "permit(principal, action, resource);"}
	if _, err := c.ReadPolicy(t.Context(), digest); faultOf(err) != "content_damaged" {
		t.Errorf("ReadPolicy of a daemon that changes it = %v, want content_damaged", err)
	}
	s.client.HTTP.Transport = answerer{honest, "/v1/policies/put", `{"digest":"` + ledger.Hash{1}.String() + `","size":36}`}
	if _, err := c.PutPolicy(t.Context(), text); faultOf(err) != "content_damaged" {
		t.Errorf("PutPolicy at a daemon that keeps another = %v, want content_damaged", err)
	}
}

// Those who may submit a job may keep a policy; every role reads it.
func TestRolesThatKeepPolicies(t *testing.T) {
	s := serve(t)
	digest, err := s.client.PutPolicy(t.Context(), []byte("a"))
	if err != nil {
		t.Fatal(err)
	}
	may := map[string]bool{"worker": true, "operator": true}
	for _, role := range token.Roles() {
		c := s.clientOf(t, role)
		want := "token_role"
		if may[role] {
			want = ""
		}
		if _, err := c.PutPolicy(t.Context(), []byte("a")); faultOf(err) != want {
			t.Errorf("PutPolicy with a token of role %s = %v, want %q", role, err, want)
		}
		if _, err := c.ReadPolicy(t.Context(), digest); err != nil {
			t.Errorf("ReadPolicy with a token of role %s = %v", role, err)
		}
	}
}

// What cannot be kept or read is refused as what it is.
func TestPoliciesThatAreRefused(t *testing.T) {
	s := serve(t)
	for _, tt := range []struct {
		method, path, body string
		want               int
	}{
		{"POST", "/v1/policies/put", strings.Repeat("p", daemon.MaxPolicy+1), 413},
		{"POST", "/v1/policies/put?digest=" + strings.Repeat("0f", 32), "a", 400},
		{"GET", "/v1/policy", "", 400},
		{"GET", "/v1/policy?digest=../jobs", "", 400},
		{"GET", "/v1/policy?digest=" + strings.Repeat("0f", 32), "", 503},
		{"DELETE", "/v1/policy?digest=" + strings.Repeat("0f", 32), "", 405},
	} {
		if status, b, _ := s.get(t, tt.method, tt.path, tt.body); status != tt.want {
			t.Errorf("%s %s = %d %s, want %d", tt.method, tt.path, status, b, tt.want)
		}
	}
	kept, err := s.server.Content.Put(make([]byte, daemon.MaxPolicy+1)) // another plain content
	if err != nil {
		t.Fatal(err)
	}
	if status, b, _ := s.get(t, http.MethodGet, "/v1/policy?digest="+kept.Digest.String(), ""); status != http.StatusBadRequest {
		t.Errorf("content that is too large for a policy = %d %.200s, want 400", status, b)
	}
	s.server.Content = nil
	for path, method := range map[string]string{"/v1/policies/put": "POST", "/v1/policy?digest=" + strings.Repeat("0f", 32): "GET"} {
		if status, b, _ := s.get(t, method, path, ""); status != http.StatusServiceUnavailable {
			t.Errorf("%s %s without content = %d %s, want 503", method, path, status, b)
		}
	}
}
