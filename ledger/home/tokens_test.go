package home_test

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gait/ledger/home"
)

func someToken(id, actor string) home.Token {
	return home.Token{ID: id, Actor: actor, Role: "approver", Key: [32]byte{1, 2, 3}, Created: time.UnixMilli(1_700_000_000_000).UTC()}
}

// A token counts from when it is added until it is removed, also for a reader that has
// read the list before.
func TestTokens(t *testing.T) {
	dir := t.TempDir()
	r := home.NewTokenReader(dir, "gait.example")
	want := func(id string, ok bool) {
		t.Helper()
		got, has, err := r.Token(id)
		if err != nil || has != ok || has && got.ID != id {
			t.Errorf("Token(%q) = %v, %v, %v, want %v", id, got, has, err, ok)
		}
	}
	want("a", false)
	for _, id := range []string{"a", "b"} {
		if err := home.AddToken(dir, "gait.example", someToken(id, "reviewer_1")); err != nil {
			t.Fatal(err)
		}
		want(id, true)
	}
	all, err := home.Tokens(dir, "gait.example")
	if diff := cmp.Diff([]home.Token{someToken("a", "reviewer_1"), someToken("b", "reviewer_1")}, all); err != nil || diff != "" {
		t.Errorf("Tokens: %v\n%s", err, diff)
	}
	if removed, err := home.RemoveToken(dir, "gait.example", "a"); err != nil || removed.ID != "a" {
		t.Errorf("RemoveToken(a) = %v, %v", removed, err)
	}
	want("a", false)
	want("b", true)
	if _, err := home.RemoveToken(dir, "gait.example", "a"); !errors.Is(err, home.ErrNoToken) {
		t.Errorf("RemoveToken(a) again = %v, want ErrNoToken", err)
	}
	if other, err := home.Tokens(dir, "other.example"); err != nil || len(other) > 0 {
		t.Errorf("the tokens of another ledger: %v, %v", other, err)
	}
	st, err := os.Stat(home.TokensPath(dir, "gait.example"))
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the file of tokens has mode %v, %v", st.Mode(), err)
	}
}

// If the file of tokens is damaged, or open to other users, no token counts.
func TestTokensFailClosed(t *testing.T) {
	dir := t.TempDir()
	r := home.NewTokenReader(dir, "gait.example")
	if err := home.AddToken(dir, "gait.example", someToken("a", "reviewer_1")); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := r.Token("a"); !ok || err != nil {
		t.Fatalf("Token(a) = %v, %v", ok, err)
	}
	path := home.TokensPath(dir, "gait.example")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{
		"cut":              whole[:len(whole)-1],
		"another spelling": append([]byte(" "), whole...),
		"a rubbish line":   append(whole[:len(whole):len(whole)], "x\n"...),
		"a newer version":  []byte(`{"schema_id":"gait.token","schema_version":"2.0.0"}` + "\n"),
	} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, ok, err := r.Token("a"); ok || err == nil {
			t.Errorf("%s: Token(a) = %v, %v, want an error", name, ok, err)
		}
	}
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	_, ok, err := r.Token("a")
	if _, unsafe := errors.AsType[*home.UnsafeError](err); ok || !unsafe {
		t.Errorf("a file that others can read: Token(a) = %v, %v, want an UnsafeError", ok, err)
	}
}
