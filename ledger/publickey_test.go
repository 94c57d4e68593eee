package ledger_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"testing"

	"gait/ledger"
)

const wireType = "\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20"

func sshLine(public []byte) string {
	return "ssh-ed25519 " + base64.StdEncoding.EncodeToString(append([]byte(wireType), public...))
}

// pemOf is what openssl pkey -pubout writes (RFC 8410).
func pemOf(public []byte) string {
	der := append([]byte("\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"), public...)
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// vkeyOf spells a verifier key of a signature type without checking that the key
// is a good one.
func vkeyOf(name string, alg byte, public []byte) string {
	material := append([]byte{alg}, public...)
	id := sha256.Sum256(append([]byte(name+"\n"), material...))
	return name + "+" + hex.EncodeToString(id[:4]) + "+" + base64.StdEncoding.EncodeToString(material)
}

func TestParsePublicKey(t *testing.T) {
	key := testKey(t, testOrigin).VerifierKey()
	public := unhex(t, rfcPublic)
	bare := ledger.Hash(sha256.Sum256(public))
	for _, tt := range []struct {
		name, text string
		origin     string
		id         ledger.Hash
	}{
		{"verifier key", key.String(), testOrigin, key.ID()},
		{"with its newline", key.String() + "\n", testOrigin, key.ID()},
		{"among comments", "# my auditor's\r\n\r\n  " + key.String() + "\r\n", testOrigin, key.ID()},
		{"OpenSSH", sshLine(public) + "\n", "", bare},
		{"OpenSSH with a comment", sshLine(public) + " ada@host and more\n", "", bare},
		{"PEM", pemOf(public), "", bare},
		{"PEM without a newline", strings.TrimSpace(pemOf(public)), "", bare},
	} {
		got, err := ledger.ParsePublicKey([]byte(tt.text))
		if err != nil || got.Origin() != tt.origin || got.ID() != tt.id {
			t.Errorf("%s: %v of %q, %v; want %v of %q", tt.name, got, got.Origin(), err, tt.id, tt.origin)
		}
		if again, err := ledger.ParsePublicKeyLine(got.String()); err != nil || again != got {
			t.Errorf("%s: its line %q reads as %v, %v", tt.name, got, again, err)
		}
	}
}

func TestParsePublicKeyRefuses(t *testing.T) {
	key := testKey(t, testOrigin)
	vkey, public := key.VerifierKey().String(), unhex(t, rfcPublic)
	ssh, block := sshLine(public), pemOf(public)
	other := pemBlock("PUBLIC KEY", ecKey(t))
	for _, tt := range []struct {
		name, text string
		want       error
	}{
		{"nothing", "", ledger.ErrNoKey},
		{"only comments", "# a\n\n#" + vkey + "\n", ledger.ErrNoKey},
		{"the same key twice", vkey + "\n" + vkey + "\n", ledger.ErrManyKeys},
		{"two forms", vkey + "\n" + ssh + "\n", ledger.ErrManyKeys},
		{"two PEM blocks", block + block, ledger.ErrManyKeys},
		{"two PEM blocks, one broken", strings.Replace(block, "-----END", "-----FIN", 1) + block, ledger.ErrManyKeys},
		{"PEM after a key", ssh + "\n" + block, ledger.ErrMalformed},
		{"a key after PEM", block + ssh + "\n", ledger.ErrMalformed},
		{"our private key", key.Secret() + "\n", ledger.ErrIsPrivate},
		{"PEM private key", pemBlock("PRIVATE KEY", public), ledger.ErrIsPrivate},
		{"OpenSSH private key", pemBlock("OPENSSH PRIVATE KEY", public), ledger.ErrIsPrivate},
		{"PEM of another type", pemBlock("CERTIFICATE", public), ledger.ErrMalformed},
		{"PEM of an elliptic curve", other, ledger.ErrMalformed},
		{"PEM of nothing", pemBlock("PUBLIC KEY", nil), ledger.ErrMalformed},
		{"PEM with a header", strings.Replace(block, "KEY-----\n", "KEY-----\nA: b\n\n", 1), ledger.ErrMalformed},
		{"PEM cut off", block[:60], ledger.ErrMalformed},
		{"a broken block before a whole one", "-----BEGIN X-----\n" + block, ledger.ErrMalformed},
		{"PEM of 31 bytes", pemOf(public[1:]), ledger.ErrMalformed},
		{"OpenSSH of 31 bytes", sshLine(public[1:]), ledger.ErrMalformed},
		{"OpenSSH of 33 bytes", sshLine(append(public[:32:32], 1)), ledger.ErrMalformed},
		{"OpenSSH of another type inside", strings.Replace(ssh, "AAAAC3", "AAAAC4", 1), ledger.ErrMalformed},
		{"RSA", "ssh-rsa AAAAB3NzaC1yc2E= a@b", ledger.ErrMalformed},
		{"options before the key", `command="x" ` + ssh, ledger.ErrMalformed},
		{"a word", "hello", ledger.ErrMalformed},
		{"too long", strings.Repeat("#\n", 9<<10) + vkey, ledger.ErrMalformed},
	} {
		got, err := ledger.ParsePublicKey([]byte(tt.text))
		if !errors.Is(err, tt.want) || !errors.Is(err, ledger.ErrMalformed) || !got.IsZero() {
			t.Errorf("%s: %v, %v, want %v", tt.name, got, err, tt.want)
		}
	}
}

func pemBlock(kind string, b []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}))
}

func ecKey(t *testing.T) []byte {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), seed(3))
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&k.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// The points of edwards25519 whose order divides 8, in every spelling that
// decoders accept, including those whose y or sign of x is out of range.
var smallOrder = []string{
	"0000000000000000000000000000000000000000000000000000000000000000",
	"0000000000000000000000000000000000000000000000000000000000000080",
	"0100000000000000000000000000000000000000000000000000000000000000",
	"0100000000000000000000000000000000000000000000000000000000000080",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
}

// forgeable looks for a message and a signature, made without a private key, that
// public verifies: R of small order and S = 0.
func forgeable(public []byte) bool {
	for n := range 64 {
		for _, r := range smallOrder[:10] {
			sig, _ := hex.DecodeString(r)
			if ed25519.Verify(public, fmt.Appendf(nil, "message %d", n), append(sig, make([]byte, 32)...)) {
				return true
			}
		}
	}
	return false
}

// Anyone can sign under these keys, so no parser accepts one, in any form.
func TestWeakKeys(t *testing.T) {
	for _, s := range smallOrder {
		public := unhex(t, s)
		if !forgeable(public) {
			t.Errorf("%s: no signature is forged under it, so it does not belong here", s)
		}
		wantWeak(t, public)
	}
	if public := unhex(t, rfcPublic); forgeable(public) {
		t.Error("a signature is forged under a good key")
	}
	// y = p + 3 and others like it: another spelling of a point, but of large order.
	wantWeak(t, unhex(t, "f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"))
}

func wantWeak(t *testing.T, public []byte) {
	t.Helper()
	vkey := vkeyOf(testOrigin, 1, public)
	for _, text := range []string{vkey, sshLine(public), pemOf(public)} {
		if k, err := ledger.ParsePublicKey([]byte(text)); !errors.Is(err, ledger.ErrWeakKey) {
			t.Errorf("ParsePublicKey(%q) = %v, %v, want ErrWeakKey", text, k, err)
		}
	}
	e := eventOf(ledger.LedgerCreated{Format: ledger.Format, Key: vkey})
	if k, err := ledger.Created(seal(t, e)); !errors.Is(err, ledger.ErrWeakKey) {
		t.Errorf("Created with key %x = %v, %v, want ErrWeakKey", public, k, err)
	}
	if k, err := ledger.ParseWitnessKey(vkeyOf("witness", 4, public)); !errors.Is(err, ledger.ErrWeakKey) {
		t.Errorf("ParseWitnessKey of %x = %v, %v, want ErrWeakKey", public, k, err)
	}
}

func TestPublicKeyFor(t *testing.T) {
	key := testKey(t, testOrigin).VerifierKey()
	named := key.PublicKey()
	bare, err := ledger.ParsePublicKey([]byte(sshLine(publicOf(t, key))))
	if err != nil {
		t.Fatal(err)
	}
	other := testKey(t, "gait.example/other").VerifierKey() // the same bytes under another name
	for _, tt := range []struct {
		trusted ledger.PublicKey
		key     ledger.VerifierKey
		want    bool
	}{
		{named, key, true},
		{named, other, false},
		{bare, key, true},
		{bare, other, true},
		{ledger.PublicKey{}, key, false},
		{bare, ledger.VerifierKey{}, false},
		{ledger.PublicKey{}, ledger.VerifierKey{}, false},
	} {
		if got := tt.trusted.Is(tt.key); got != tt.want {
			t.Errorf("trusting %q is trusting %s: %t, want %t", tt.trusted, tt.key, got, tt.want)
		}
	}
	if v, ok := bare.For(testOrigin); !ok || v != key {
		t.Errorf("the bare key is %s for %s, want %s", v, testOrigin, key)
	}
}

func publicOf(t *testing.T, key ledger.VerifierKey) []byte {
	t.Helper()
	s := key.String()
	b, err := base64.StdEncoding.DecodeString(s[len(key.Name())+10:])
	if err != nil {
		t.Fatal(err)
	}
	return b[1:]
}

func FuzzPublicKey(f *testing.F) {
	public, err := hex.DecodeString(rfcPublic)
	if err != nil {
		f.Fatal(err)
	}
	for _, text := range []string{testKey(f, testOrigin).VerifierKey().String(), sshLine(public) + " ada@host\n", pemOf(public), "# only this\n", pemOf(public) + pemOf(public)} {
		f.Add([]byte(text))
	}
	for _, s := range smallOrder {
		b, _ := hex.DecodeString(s)
		f.Add([]byte(sshLine(b)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		key, err := ledger.ParsePublicKey(b)
		if err != nil {
			if !errors.Is(err, ledger.ErrMalformed) || !key.IsZero() {
				t.Fatalf("ParsePublicKey(%q) = %v, %v", b, key, err)
			}
			return
		}
		line := key.String()
		if again, err := ledger.ParsePublicKey([]byte(line)); err != nil || again != key {
			t.Fatalf("ParsePublicKey takes %q for %s, which reads as %v, %v", b, line, again, err)
		}
		v, ok := key.For(testOrigin)
		if ok != (key.Origin() == "" || key.Origin() == testOrigin) || ok && (v.Name() != testOrigin || v.ID() != key.ID()) {
			t.Fatalf("%s is %v for %s: %t", line, v, testOrigin, ok)
		}
		if bytes.ContainsAny([]byte(line), "\n\r") {
			t.Fatalf("%q is not one line", line)
		}
	})
}
