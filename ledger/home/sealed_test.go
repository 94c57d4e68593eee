package home_test

import (
	"bytes"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gait/ledger"
	"gait/ledger/home"
	"gait/ledger/ledgertest"
)

func sealed(t *testing.T, passphrase string) (ledger.PrivateKey, []byte) {
	t.Helper()
	k, err := ledger.GenerateKey(ledgertest.Entropy(7), "gait.example/payments")
	if err != nil {
		t.Fatal(err)
	}
	b, err := home.SealKey(k, []byte(passphrase))
	if err != nil {
		t.Fatal(err)
	}
	return k, b
}

func TestSealedKey(t *testing.T) {
	k, b := sealed(t, "correct horse")
	if bytes.Contains(b, []byte(k.Secret()[len(k.Secret())-20:])) || bytes.Contains(b, k.Ed25519().Seed()) {
		t.Error("the sealed key holds the key in clear")
	}
	s, err := home.ParseSealedKey(b)
	if err != nil || s.Key != k.VerifierKey() {
		t.Fatalf("ParseSealedKey = %v, %v, want %v", s.Key, err, k.VerifierKey())
	}
	for _, origin := range []string{"", k.Name()} {
		got, err := s.Open(origin, []byte("correct horse"))
		if err != nil || got.Secret() != k.Secret() {
			t.Errorf("Open as %q = %v, %v, want the key", origin, got, err)
		}
	}
	if _, err := s.Open("", []byte("battery staple")); !errors.Is(err, home.ErrPassphrase) {
		t.Errorf("Open with another passphrase = %v, want ErrPassphrase", err)
	}
	if _, err := s.Open("gait.example/other", []byte("correct horse")); !errors.Is(err, ledger.ErrMalformed) {
		t.Errorf("Open as the key of another ledger = %v, want ErrMalformed", err)
	}
	if _, err := home.SealKey(k, nil); !errors.Is(err, home.ErrPassphrase) {
		t.Errorf("SealKey without a passphrase = %v, want ErrPassphrase", err)
	}
}

// ssh-keygen reads what SealKey writes, and its own spelling of it is read back.
func TestSealedKeyOfOpenSSH(t *testing.T) {
	keygen, err := exec.LookPath("ssh-keygen")
	if err != nil {
		t.Skip("there is no ssh-keygen")
	}
	k, b := sealed(t, "first pass")
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	public, err := exec.Command(keygen, "-y", "-P", "first pass", "-f", path).Output()
	want, _ := ledger.ParsePublicKey(public)
	if err != nil || want.ID() != k.VerifierKey().ID() {
		t.Fatalf("ssh-keygen -y = %s, %v, want the public half", public, err)
	}
	if out, err := exec.Command(keygen, "-p", "-P", "first pass", "-N", "second pass", "-f", path).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen -p: %v\n%s", err, out)
	}
	again, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := home.ParseSealedKey(again)
	if err != nil || !s.Key.IsZero() {
		t.Fatalf("ParseSealedKey of ssh-keygen's file = %v, %v", s.Key, err)
	}
	if got, err := s.Open(k.Name(), []byte("second pass")); err != nil || got.Secret() != k.Secret() {
		t.Errorf("Open of ssh-keygen's file = %v, %v, want the key", got, err)
	}
	if _, err := s.Open("", []byte("second pass")); err == nil {
		t.Error("Open of a file that names no ledger succeeds without an origin")
	}
	if out, err := exec.Command(keygen, "-p", "-P", "second pass", "-N", "", "-f", path).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen -p: %v\n%s", err, out)
	}
	open, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := home.ParseSealedKey(open); !errors.Is(err, ledger.ErrMalformed) || !strings.Contains(err.Error(), "no passphrase protects it") {
		t.Errorf("ParseSealedKey of an open key = %v", err)
	}
}

func TestSealedKeyMalformed(t *testing.T) {
	k, b := sealed(t, "pass")
	block, rest := pem.Decode(b)
	remade := func(change func(*pem.Block)) []byte {
		again := pem.Block{Type: block.Type, Bytes: bytes.Clone(block.Bytes)}
		change(&again)
		return append(pem.EncodeToMemory(&again), rest...)
	}
	salt := bytes.Index(block.Bytes, []byte("bcrypt")) + len("bcrypt") + 8 + 16 // behind two lengths
	rounds := func(n uint32) []byte {
		return remade(func(again *pem.Block) { binary.BigEndian.PutUint32(again.Bytes[salt:], n) })
	}
	if s, err := home.ParseSealedKey(rounds(16)); err != nil || s.Key != k.VerifierKey() {
		t.Fatalf("the rounds are not where this test looks: %v", err)
	}
	for name, bad := range map[string][]byte{
		"nothing":          nil,
		"too long":         append(bytes.Clone(b), make([]byte, home.MaxSealedKey)...),
		"text before":      append([]byte("x\n"), b...),
		"no newline":       b[:len(b)-1],
		"another line":     append(bytes.Clone(b), "x\n"...),
		"another type":     remade(func(again *pem.Block) { again.Type = "PRIVATE KEY" }),
		"a header":         remade(func(again *pem.Block) { again.Headers = map[string]string{"a": "b"} }),
		"another magic":    remade(func(again *pem.Block) { again.Bytes[0]++ }),
		"cut off":          remade(func(again *pem.Block) { again.Bytes = again.Bytes[:30] }),
		"another KDF":      remade(func(again *pem.Block) { copy(again.Bytes[salt-8-16-6:], "scrypt") }),
		"no rounds":        rounds(0),
		"a year of rounds": rounds(1 << 30),
		"the clear key":    []byte(k.Secret() + "\n"),
	} {
		if _, err := home.ParseSealedKey(bad); !errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("ParseSealedKey of %s = %v, want ErrMalformed", name, err)
		}
	}
	if s, err := home.ParseSealedKey(remade(func(again *pem.Block) { again.Bytes[len(again.Bytes)-1] ^= 1 })); err == nil {
		if _, err := s.Open("", []byte("pass")); err == nil {
			t.Error("a sealed key with a changed byte opens")
		}
	}
}

func FuzzParseSealedKey(f *testing.F) {
	k, _ := ledger.GenerateKey(ledgertest.Entropy(7), "gait.example/payments")
	b, err := home.SealKey(k, []byte("pass"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := home.ParseSealedKey(b); err != nil && !errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("ParseSealedKey = %v, want ErrMalformed", err)
		}
	})
}
