package sshkey_test

import (
	"bytes"
	"crypto/elliptic"
	"errors"
	"io"
	"math/big"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"gait/ledger"
	"gait/ledger/sshkey"
)

// The vectors of ssh-keygen, for every type of key and both hashes. The token was the one
// of testdata/token.
func TestVerifyWhatSSHKeygenSigned(t *testing.T) {
	message := read(t, "message")
	for _, name := range []string{"ed25519.sha512", "ed25519.sha256", "ecdsa.sha512", "ecdsa.sha256", "ed25519-sk.sha512", "ed25519-sk.sha256", "ecdsa-sk.sha512", "ecdsa-sk.sha256"} {
		kind, _, _ := strings.Cut(name, ".")
		file := read(t, name+".sig")
		blob := blobOf(t, name+".sig")
		s, err := sshkey.ParseSignature(blob)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if want := mustKey(t, string(bytes.TrimSpace(read(t, kind+".pub")))); s.Key() != want || !bytes.Equal(s.Blob(), blob) {
			t.Errorf("%s: Key = %v, want %v", name, s.Key(), want)
		}
		if err := s.Verify(message); err != nil {
			t.Errorf("%s: Verify = %v, want nil", name, err)
		}
		if err := s.Verify(append(message, '\n')); !errors.Is(err, sshkey.ErrSignature) {
			t.Errorf("%s: Verify of another message = %v, want ErrSignature", name, err)
		}
		if got := sshkey.Armor(blob); !bytes.Equal(got, file) {
			t.Errorf("%s: Armor =\n%swant\n%s", name, got, file)
		}
	}
}

func TestSignAndVerify(t *testing.T) {
	message := []byte(`{"verb":"approve"}`)
	for name, signer := range map[string]ssh.Signer{
		"Ed25519": edSigner(t, 1), "ECDSA": ecSigner(t, 1),
		"Ed25519 on a token": newToken(t, sshkey.TypeTokenEd25519), "ECDSA on a token": newToken(t, sshkey.TypeTokenECDSA),
	} {
		blob, err := sshkey.Sign(signer, message)
		if err != nil {
			t.Errorf("%s: Sign: %v", name, err)
			continue
		}
		again, err := sshkey.Sign(signer, message)
		if err != nil || !bytes.Equal(again, blob) {
			t.Errorf("%s: Sign made other bytes the second time, %v", name, err)
		}
		s, err := sshkey.ParseSignature(blob)
		if err != nil || s.Verify(message) != nil || !bytes.Equal(s.Key().Blob(), signer.PublicKey().Marshal()) {
			t.Errorf("%s: ParseSignature = %v, %v", name, s.Key(), err)
		}
		// Every bit counts: what is changed is refused, in reading or in verifying. The
		// counter of a token is signed, too.
		for i := range len(blob) * 8 {
			flipped := bytes.Clone(blob)
			flipped[i/8] ^= 1 << (i % 8)
			if s, err := sshkey.ParseSignature(flipped); err == nil && s.Verify(message) == nil {
				t.Errorf("%s: with bit %d flipped, it verifies", name, i)
			}
		}
		for i := range len(blob) {
			if _, err := sshkey.ParseSignature(blob[:i]); !errors.Is(err, sshkey.ErrSignature) {
				t.Errorf("%s: cut at %d: %v, want ErrSignature", name, i, err)
			}
		}
	}
}

func TestSignRefusesOtherKeys(t *testing.T) {
	private, err := ssh.ParsePublicKey(mustRSA(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sshkey.Sign(publicOnly{private}, nil); !errors.Is(err, sshkey.ErrUnsupported) {
		t.Errorf("Sign with RSA = %v, want ErrUnsupported", err)
	}
	absent := newToken(t, sshkey.TypeTokenEd25519)
	absent.flags = 0
	if _, err := sshkey.Sign(absent, nil); !errors.Is(err, sshkey.ErrSignature) {
		t.Errorf("Sign without a touch = %v, want ErrSignature", err)
	}
}

func mustRSA(t *testing.T) []byte {
	t.Helper()
	public, _, _, _, err := ssh.ParseAuthorizedKey(read(t, "rsa.pub"))
	if err != nil {
		t.Fatal(err)
	}
	return public.Marshal()
}

// A publicOnly has no private key.
type publicOnly struct{ key ssh.PublicKey }

func (p publicOnly) PublicKey() ssh.PublicKey { return p.key }

func (publicOnly) Sign(io.Reader, []byte) (*ssh.Signature, error) {
	return nil, errors.New("no private key")
}

func TestParseSignatureRefuses(t *testing.T) {
	message := read(t, "message")
	ed, ec := takeApart(t, blobOf(t, "ed25519.sha512.sig")), takeApart(t, blobOf(t, "ecdsa.sha512.sig"))
	changed := func(w wireSignature, change func(*wireSignature)) []byte {
		change(&w)
		return ssh.Marshal(w)
	}
	value := func(format string, blob []byte, rest ...byte) func(*wireSignature) {
		return func(w *wireSignature) {
			w.Signature = append(ssh.Marshal(ssh.Signature{Format: format, Blob: blob}), rest...)
		}
	}
	number := func(b ...byte) []byte { return ssh.Marshal(struct{ B []byte }{b}) }
	numbers := func(r, s []byte) []byte { return append(number(r...), number(s...)...) }
	skBlob, err := sshkey.Sign(newToken(t, sshkey.TypeTokenEd25519), message)
	if err != nil {
		t.Fatal(err)
	}
	sk := takeApart(t, skBlob)
	weak := ssh.Marshal(struct{ Type, Public string }{sshkey.TypeEd25519, "\x01" + strings.Repeat("\x00", 31)})
	for _, tt := range []struct {
		name string
		blob []byte
		want error
	}{
		{"nothing", nil, sshkey.ErrSignature},
		{"more than the bound", bytes.Repeat([]byte{'S'}, sshkey.MaxSignature+1), sshkey.ErrSignature},
		{"another magic", changed(ed, func(w *wireSignature) { w.Magic[0] = 's' }), sshkey.ErrSignature},
		{"version 0", changed(ed, func(w *wireSignature) { w.Version = 0 }), sshkey.ErrSignature},
		{"version 2", changed(ed, func(w *wireSignature) { w.Version = 2 }), sshkey.ErrSignature},
		{"for another purpose", blobOf(t, "ed25519.file.sig"), sshkey.ErrNamespace},
		{"for no purpose", changed(ed, func(w *wireSignature) { w.Namespace = "" }), sshkey.ErrNamespace},
		{"in capitals", changed(ed, func(w *wireSignature) { w.Namespace = "Gait-Command" }), sshkey.ErrNamespace},
		{"something reserved", changed(ed, func(w *wireSignature) { w.Reserved = "x" }), sshkey.ErrSignature},
		{"hash sha1", changed(ed, func(w *wireSignature) { w.Hash = "sha1" }), sshkey.ErrSignature},
		{"hash SHA512", changed(ed, func(w *wireSignature) { w.Hash = "SHA512" }), sshkey.ErrSignature},
		{"no hash", changed(ed, func(w *wireSignature) { w.Hash = "" }), sshkey.ErrSignature},
		{"something after it", append(ssh.Marshal(ed), 0), sshkey.ErrSignature},
		{"something after its value", changed(ed, value(sshkey.TypeEd25519, make([]byte, 64), 1)), sshkey.ErrSignature},
		{"a value of another type", changed(ed, value(sshkey.TypeECDSA, make([]byte, 64))), sshkey.ErrSignature},
		{"a short value", changed(ed, value(sshkey.TypeEd25519, make([]byte, 63))), sshkey.ErrSignature},
		{"RSA", blobOf(t, "rsa.sig"), sshkey.ErrUnsupported},
		{"a weak key", changed(ed, func(w *wireSignature) { w.Key = weak }), ledger.ErrWeakKey},
		{"a number with a zero before it", changed(ec, value(sshkey.TypeECDSA, numbers([]byte{0, 1}, []byte{1}))), sshkey.ErrSignature},
		{"a negative number", changed(ec, value(sshkey.TypeECDSA, numbers([]byte{0xff}, []byte{1}))), sshkey.ErrSignature},
		{"zero", changed(ec, value(sshkey.TypeECDSA, numbers(nil, []byte{1}))), sshkey.ErrSignature},
		{"three numbers", changed(ec, value(sshkey.TypeECDSA, append(numbers([]byte{1}, []byte{1}), number(1)...))), sshkey.ErrSignature},
		{"as a web page has it", changed(sk, value("webauthn-sk-ecdsa-sha2-nistp256@openssh.com", make([]byte, 64), 1, 0, 0, 0, 1)), sshkey.ErrSignature},
		{"no flags", changed(sk, value(sshkey.TypeTokenEd25519, make([]byte, 64))), sshkey.ErrSignature},
		{"flags and more", changed(sk, value(sshkey.TypeTokenEd25519, make([]byte, 64), 1, 0, 0, 0, 1, 9)), sshkey.ErrSignature},
	} {
		s, err := sshkey.ParseSignature(tt.blob)
		fault, _ := ledger.FaultOf(err)
		if !errors.Is(err, tt.want) || !errors.Is(err, sshkey.ErrSignature) || fault.Code != "signature_invalid" || fault.Category != ledger.CategoryPolicy {
			t.Errorf("%s: ParseSignature = %v (%+v), want %v", tt.name, err, fault, tt.want)
		}
		if s.Verify(message) == nil {
			t.Errorf("%s: the zero Signature verifies", tt.name)
		}
	}
}

// A token that was not touched signs too, if its key was made so. That does not count.
func TestVerifyAsksForPresence(t *testing.T) {
	message := read(t, "message")
	s, err := sshkey.ParseSignature(blobOf(t, "no-touch.sig")) // which ssh-keygen -Y verify takes
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Verify(message); !errors.Is(err, sshkey.ErrSignature) {
		t.Errorf("Verify of a key made with -O no-touch-required = %v, want ErrSignature", err)
	}
	for _, typ := range []string{sshkey.TypeTokenEd25519, sshkey.TypeTokenECDSA} {
		for flags, want := range map[byte]bool{0: false, 1: true, 4: false, 5: true} {
			k := newToken(t, typ)
			k.flags = flags
			s, err := sshkey.ParseSignature(signedBy(t, k, message))
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Verify(message); (err == nil) != want {
				t.Errorf("%s with flags %d: Verify = %v, want verified: %t", typ, flags, err, want)
			}
		}
	}
}

// signedBy makes a blob without what Sign checks.
func signedBy(t *testing.T, signer ssh.Signer, message []byte) []byte {
	t.Helper()
	w := takeApart(t, blobOf(t, "ed25519.sha256.sig"))
	sum := sha256Of(message)
	value, err := signer.Sign(nil, ssh.Marshal(struct {
		Magic           [6]byte
		Namespace, None string
		Hash            string
		Digest          []byte
	}{w.Magic, w.Namespace, "", w.Hash, sum}))
	if err != nil {
		t.Fatal(err)
	}
	w.Key, w.Signature = signer.PublicKey().Marshal(), ssh.Marshal(value)
	return ssh.Marshal(w)
}

// As the package doc says, one ECDSA signature makes another one without the private key.
func TestECDSASignatureHasTwoSpellings(t *testing.T) {
	w := takeApart(t, blobOf(t, "ecdsa.sha512.sig"))
	var value ssh.Signature
	var numbers struct{ R, S *big.Int }
	if err := ssh.Unmarshal(w.Signature, &value); err != nil {
		t.Fatal(err)
	}
	if err := ssh.Unmarshal(value.Blob, &numbers); err != nil {
		t.Fatal(err)
	}
	numbers.S.Sub(elliptic.P256().Params().N, numbers.S)
	value.Blob = ssh.Marshal(numbers)
	w.Signature = ssh.Marshal(value)
	s, err := sshkey.ParseSignature(ssh.Marshal(w))
	if err != nil || s.Verify(read(t, "message")) != nil {
		t.Errorf("the other form of an ECDSA signature: %v", err)
	}
}

func TestParseArmored(t *testing.T) {
	file := string(read(t, "ed25519.sha512.sig"))
	want := blobOf(t, "ed25519.sha512.sig")
	body := strings.Split(strings.TrimSpace(file), "\n")
	inner := strings.Join(body[1:len(body)-1], "")
	for name, text := range map[string]string{
		"line ends of Windows": strings.ReplaceAll(file, "\n", "\r\n"),
		"no line end":          strings.TrimSpace(file),
		"blank lines around":   "\n\n " + file + "\n\t\n",
		"indented":             strings.ReplaceAll(file, "\n", "\n    "),
		"one long line":        body[0] + "\n" + inner + "\n" + body[len(body)-1],
		"a byte-order mark":    "\ufeff" + file,
	} {
		if got, err := sshkey.ParseArmored([]byte(text)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: ParseArmored = %x, %v; want the blob", name, got, err)
		}
	}
	for name, text := range map[string]string{
		"nothing":                 "",
		"the end alone":           body[len(body)-1],
		"no body":                 body[0] + "\n" + body[len(body)-1],
		"a text before it":        "signed:\n" + file,
		"a text after it":         file + "x",
		"two signatures":          file + file,
		"a header":                body[0] + "\nVersion: 1\n\n" + inner + "\n" + body[len(body)-1],
		"another type":            strings.ReplaceAll(file, "SSH SIGNATURE", "PGP SIGNATURE"),
		"a checksum":              body[0] + "\n" + inner + "\n=abcd\n" + body[len(body)-1],
		"base64 with spaces":      body[0] + "\n" + inner[:8] + " " + inner[8:] + "\n" + body[len(body)-1],
		"base64 with a bit more":  body[0] + "\n" + strings.Replace(inner, "Q8=", "Q9=", 1) + "\n" + body[len(body)-1],
		"more than a file can be": file + strings.Repeat(" ", sshkey.MaxArmored),
	} {
		if got, err := sshkey.ParseArmored([]byte(text)); !errors.Is(err, sshkey.ErrSignature) {
			t.Errorf("%s: ParseArmored = %x, %v; want ErrSignature", name, got, err)
		}
	}
}
