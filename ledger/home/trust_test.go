package home_test

import (
	"encoding/base64"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gait/ledger"
	"gait/ledger/home"
)

func TestTrust(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "deep", "home")
	if keys, err := home.TrustedKeys(dir); err != nil || len(keys) > 0 {
		t.Errorf("TrustedKeys without a file = %v, %v, want none", keys, err)
	}
	var want []ledger.PublicKey
	for _, origin := range []string{"b.example", "a.example", "c.example/x"} {
		k, err := ledger.GenerateKey(entropy(origin), origin)
		must(t, err)
		want = append(want, k.VerifierKey().PublicKey())
		for _, new := range []bool{true, false} {
			if added, err := home.Trust(dir, k.VerifierKey().PublicKey()); err != nil || added != new {
				t.Errorf("Trust(%s) = %v, %v, want %v", origin, added, err, new)
			}
		}
	}
	path := filepath.Join(dir, "trusted_keys")
	text := "# kept\n\n" + string(read(t, path)) + "  " + want[0].String() + "\t\n# without newline"
	write(t, path, []byte(text))
	k, err := ledger.GenerateKey(entropy("last"), "last.example")
	must(t, err)
	if added, err := home.Trust(dir, k.VerifierKey().PublicKey()); err != nil || !added {
		t.Errorf("Trust = %v, %v, want true", added, err)
	}
	if got := string(read(t, path)); got != text+"\n"+k.VerifierKey().String()+"\n" {
		t.Errorf("the file is now\n%s", got)
	}
	got, err := home.TrustedKeys(dir)
	if want = append(want, k.VerifierKey().PublicKey()); err != nil || !slices.Equal(got, want) {
		t.Errorf("TrustedKeys = %v, %v, want %v", got, err, want)
	}
	write(t, path, []byte(text+"\nno key\n"))
	if _, err := home.TrustedKeys(dir); !errors.Is(err, ledger.ErrMalformed) || !strings.Contains(err.Error(), "line 8") {
		t.Errorf("TrustedKeys with a bad line = %v, want an error that names line 8", err)
	}
	if _, err := home.Trust(dir, want[0]); err == nil {
		t.Error("Trust of a file with a bad line succeeded")
	}
}

func TestDistrust(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "home")
	if removed, added, err := home.Distrust(dir); err != nil || len(removed)+len(added) > 0 {
		t.Errorf("Distrust of no key = %v, %v, %v, want nothing", removed, added, err)
	}
	a, b, c := newKey(t, "a.example").VerifierKey().PublicKey(), newKey(t, "b.example").VerifierKey().PublicKey(), newKey(t, "c.example").VerifierKey().PublicKey()
	if removed, added, err := home.Distrust(dir, c); err != nil || len(removed) > 0 || !slices.Equal(added, []ledger.PublicKey{c}) {
		t.Errorf("Distrust without a home = %v, %v, %v, want that c is distrusted", removed, added, err)
	}
	path := filepath.Join(dir, "trusted_keys")
	write(t, path, []byte("# first\n"+a.String()+"\n"+b.String()+"\n\n# last\n  "+b.String()+" \n"+c.String()))
	want := "# first\n" + a.String() + "\n\n# last\n" + c.String() + "\n!" + b.String() + "\n"
	for _, changes := range [][]ledger.PublicKey{{b}, nil} {
		if removed, added, err := home.Distrust(dir, b); err != nil || !slices.Equal(removed, changes) || !slices.Equal(added, changes) {
			t.Errorf("Distrust = %v, %v, %v, want %v", removed, added, err, changes)
		}
		if got := string(read(t, path)); got != want {
			t.Errorf("the file is now\n%swant\n%s", got, want)
		}
	}
	if trusted, not, err := home.Trusts(dir); err != nil || !slices.Equal(trusted, []ledger.PublicKey{a, c}) || !slices.Equal(not, []ledger.PublicKey{b}) {
		t.Errorf("Trusts = %v, %v, %v", trusted, not, err)
	}
	must(t, home.TrustOwn(dir, b))
	if got := string(read(t, path)); got != want {
		t.Errorf("after TrustOwn of a distrusted key the file is\n%swant\n%s", got, want)
	}
	if added, err := home.Trust(dir, b); err != nil || !added {
		t.Errorf("Trust of a distrusted key = %v, %v, want true", added, err)
	}
	if trusted, not, err := home.Trusts(dir); err != nil || !slices.Equal(trusted, []ledger.PublicKey{a, c, b}) || len(not) > 0 {
		t.Errorf("Trusts = %v, %v, %v, want none distrusted", trusted, not, err)
	}
	write(t, path, []byte("!no key\n"))
	if _, _, err := home.Distrust(dir, a); !errors.Is(err, ledger.ErrMalformed) || string(read(t, path)) != "!no key\n" {
		t.Errorf("Distrust of a file with a bad line = %v, want ErrMalformed and the file as it was", err)
	}
}

// The same 32 bytes may be trusted for one ledger, for another, and for any. To
// distrust them once is to distrust them all, however the lines came into the file.
func TestDistrustIsOfBytes(t *testing.T) {
	dir := t.TempDir()
	key := newKey(t, "a.example").VerifierKey()
	bare, err := ledger.ParsePublicKeyLine(sshLine(t, key))
	must(t, err)
	path := filepath.Join(dir, "trusted_keys")
	for _, not := range []ledger.PublicKey{bare, key.PublicKey()} {
		write(t, path, []byte(bare.String()+"\n!"+not.String()+"\n"+key.String()+"\n"))
		if trusted, _, err := home.Trusts(dir); err != nil || len(trusted) > 0 {
			t.Errorf("beside a line that distrusts %s, %v are trusted, %v", not, trusted, err)
		}
		write(t, path, []byte(bare.String()+"\n"+key.String()+"\n"))
		if removed, _, err := home.Distrust(dir, not); err != nil || len(removed) != 2 {
			t.Errorf("Distrust of %s removed %v, %v, want both", not, removed, err)
		}
		if added, err := home.Trust(dir, bare); err != nil || !added {
			t.Errorf("Trust = %v, %v", added, err)
		}
		if got := string(read(t, path)); got != bare.String()+"\n" {
			t.Errorf("trusted again, the file is\n%s", got)
		}
	}
}

// sshLine returns a key as OpenSSH writes it.
func sshLine(t *testing.T, key ledger.VerifierKey) string {
	t.Helper()
	text := key.String()
	b, err := base64.StdEncoding.DecodeString(text[strings.LastIndex(text, "+A")+1:])
	must(t, err)
	return "ssh-ed25519 " + base64.StdEncoding.EncodeToString(append([]byte("\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20"), b[1:]...))
}

func TestTrustAtOnce(t *testing.T) {
	dir := t.TempDir()
	done := make(chan error)
	const n = 16
	for i := range n {
		k, err := ledger.GenerateKey(entropy(string(rune('a'+i))), "a.example/"+string(rune('a'+i)))
		must(t, err)
		go func() { _, err := home.Trust(dir, k.VerifierKey().PublicKey()); done <- err }()
	}
	for range n {
		must(t, <-done)
	}
	if keys, err := home.TrustedKeys(dir); err != nil || len(keys) != n {
		t.Errorf("%d keys were trusted at once, %d are there: %v", n, len(keys), err)
	}
}
