package ledger_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"gait/ledger"
)

// RFC 8032, section 7.1, test 2.
const (
	rfcSeed   = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"
	rfcPublic = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
	rfcSig    = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestKeyVector(t *testing.T) {
	key, err := ledger.GenerateKey(bytes.NewReader(unhex(t, rfcSeed)), testOrigin)
	if err != nil {
		t.Fatal(err)
	}
	public := unhex(t, rfcPublic)
	if got, want := key.VerifierKey().ID(), ledger.Hash(sha256.Sum256(public)); got != want {
		t.Errorf("ID = %s, want %s", got, want)
	}
	id := sha256.Sum256(append([]byte(testOrigin+"\n\x01"), public...))
	if want := testOrigin + "+" + hex.EncodeToString(id[:4]) + "+" + base64.StdEncoding.EncodeToString(append([]byte{1}, public...)); key.VerifierKey().String() != want {
		t.Errorf("verifier key = %s, want %s", key.VerifierKey(), want)
	}
	sig, err := key.Sign([]byte{0x72})
	if err != nil || hex.EncodeToString(sig) != rfcSig {
		t.Errorf("Sign(72) = %x, %v, want %s", sig, err, rfcSig)
	}
	if !key.VerifierKey().Verify([]byte{0x72}, sig) || key.VerifierKey().Verify([]byte{0x73}, sig) || key.VerifierKey().Verify([]byte{0x72}, sig[:63]) {
		t.Error("Verify does not hold for the signed byte alone")
	}
}

// golang.org/x/mod/sumdb/note reads and writes the same key texts.
func TestKeysAreNoteKeys(t *testing.T) {
	key := testKey(t, testOrigin)
	signer, err := note.NewSigner(key.Secret())
	if err != nil || signer.Name() != key.Name() || signer.KeyHash() != key.KeyHash() {
		t.Fatalf("note.NewSigner: %v", err)
	}
	verifier, err := note.NewVerifier(key.VerifierKey().String())
	if err != nil || verifier.Name() != key.Name() || verifier.KeyHash() != key.KeyHash() {
		t.Fatalf("note.NewVerifier: %v", err)
	}
	sig, err := signer.Sign([]byte("message"))
	if err != nil || !key.VerifierKey().Verify([]byte("message"), sig) {
		t.Errorf("our key does not verify what note's signer signed: %v", err)
	}
	theirSecret, theirKey, err := note.GenerateKey(seed(9), testOrigin)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := ledger.ParsePrivateKey(theirSecret)
	if err != nil || ours.VerifierKey().String() != theirKey || ours.Secret() != theirSecret {
		t.Errorf("ParsePrivateKey of a note key: %v, verifier key %s, want %s", err, ours.VerifierKey(), theirKey)
	}
	if again, err := ledger.ParseVerifierKey(theirKey); err != nil || again != ours.VerifierKey() || again.IsZero() {
		t.Errorf("ParseVerifierKey of a note key = %v, %v", again, err)
	}
}

func TestGenerateKeyRefuses(t *testing.T) {
	for _, origin := range []string{"", "Gait.example", "gait example", "gait+example", strings.Repeat("x", 129)} {
		_, err := ledger.GenerateKey(seed(7), origin)
		wantField(t, err, "origin")
	}
	if _, err := ledger.GenerateKey(bytes.NewReader(make([]byte, 31)), testOrigin); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("GenerateKey from 31 bytes = %v, want unexpected EOF", err)
	}
}

func TestParseKeysRefuse(t *testing.T) {
	key := testKey(t, testOrigin)
	vkey, secret := key.VerifierKey().String(), key.Secret()
	name, material := testOrigin+"+", vkey[strings.LastIndex(vkey, "+A")+1:]
	otherType := base64.StdEncoding.EncodeToString(append([]byte{4}, make([]byte, ed25519.PublicKeySize)...))
	for _, s := range []string{
		"", "+", "++", name, material, vkey + "A", vkey[:len(vkey)-1], " " + vkey, vkey + " ", vkey + "\n",
		edit(t, vkey, "gait.example", "Gait.example"),
		edit(t, vkey, "gait.example", "gait example"),
		edit(t, vkey, "gait.example", "gait.examplf"),
		name + "00000000+" + material,
		name + strings.ToUpper(vkey[len(name):len(name)+8]) + "x+" + material,
		name + vkey[len(name)+1:],
		name + vkey[len(name):len(name)+9] + otherType,
		name + vkey[len(name):len(name)+9] + base64.StdEncoding.EncodeToString(make([]byte, 32)),
		vkey[:len(vkey)-20] + "\n" + vkey[len(vkey)-20:],
		secret, strings.Repeat("x", 257) + vkey,
	} {
		if k, err := ledger.ParseVerifierKey(s); !errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("ParseVerifierKey(%q) = %v, %v, want ErrMalformed", s, k, err)
		}
	}
	for _, s := range []string{
		"", "++++", "PRIVATE+KEY+++", secret + "A", secret[:len(secret)-1], secret + "\n", " " + secret, vkey,
		edit(t, secret, "PRIVATE", "private"), edit(t, secret, "+KEY+", "+KEX+"),
		edit(t, secret, "gait.example", "gait.examplf"), edit(t, secret, "gait.example", "Gait.example"),
		"PRIVATE+KEY+" + name + "00000000+" + secret[strings.LastIndex(secret, "+")+1:], strings.Repeat("x", 513),
	} {
		if _, err := ledger.ParsePrivateKey(s); !errors.Is(err, ledger.ErrMalformed) {
			t.Errorf("ParsePrivateKey(%q) = %v, want ErrMalformed", s, err)
		} else if strings.Contains(err.Error(), secret[len(secret)-20:]) {
			t.Errorf("the error shows the key: %v", err)
		}
	}
}

func TestPrivateKeyIsNotPrinted(t *testing.T) {
	key := testKey(t, testOrigin)
	for _, verb := range []string{"%v", "%+v", "%s"} {
		if got, want := fmt.Sprintf(verb, struct{ K any }{key}), "{private key of gait.example/log1}"; strings.ReplaceAll(got, "K:", "") != want {
			t.Errorf("%s prints %s, want %s", verb, got, want)
		}
	}
	if !(ledger.PrivateKey{}).VerifierKey().IsZero() || key.VerifierKey().IsZero() {
		t.Error("IsZero does not tell the zero key from others")
	}
}

// TestDerive compares with RFC 5869 as Python's hmac module computes it, for the
// seed of 32 bytes 01.
func TestDerive(t *testing.T) {
	k, err := ledger.GenerateKey(bytes.NewReader(bytes.Repeat([]byte{1}, 32)), testOrigin)
	if err != nil {
		t.Fatal(err)
	}
	for label, want := range map[string]string{
		"gait index record v1": "9c98dbb85407c159e0bcc36ec195b13ec833512fcc72b11c0fa5bf96736e9040",
		"gait job view v1":     "2c9b1d977f0cfd4318557929a7f9d8b2952c54939d026e43cf1f6dddd9f407a7",
	} {
		if got, err := k.Derive(label); err != nil || hex.EncodeToString(got[:]) != want {
			t.Errorf("Derive(%q) = %x, %v, want %s", label, got, err, want)
		}
	}
}
