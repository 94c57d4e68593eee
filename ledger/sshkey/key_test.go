package sshkey_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"gait/ledger"
	"gait/ledger/sshkey"
)

func TestParseKey(t *testing.T) {
	tokenLine := func(typ string) string {
		return typ + " " + base64.StdEncoding.EncodeToString(newToken(t, typ).blob())
	}
	for _, tt := range []struct {
		name, line, typ, fingerprint string
		token                        bool
	}{
		// ssh-keygen -l prints these fingerprints.
		{"Ed25519", string(bytes.TrimSpace(read(t, "ed25519.pub"))), "ssh-ed25519", "SHA256:yeB4pEXXjB6dO5swEgDzFSQb7aFm5m+iZ61/MNSBfKM", false},
		{"ECDSA", string(bytes.TrimSpace(read(t, "ecdsa.pub"))), "ecdsa-sha2-nistp256", "SHA256:vFCbFq9nhkvSeND4Pk7rVC/sWraqRySuEpdhpWUUCFw", false},
		{"Ed25519 on a token", tokenLine(sshkey.TypeTokenEd25519), "sk-ssh-ed25519@openssh.com", "", true},
		{"ECDSA on a token", tokenLine(sshkey.TypeTokenECDSA), "sk-ecdsa-sha2-nistp256@openssh.com", "", true},
	} {
		k, err := sshkey.ParseKey(tt.line)
		if err != nil || k.Type() != tt.typ || k.OnToken() != tt.token || tt.fingerprint != "" && k.Fingerprint() != tt.fingerprint {
			t.Errorf("%s: ParseKey = %v of type %q, %v, fingerprint %s; want type %q, %s", tt.name, k, k.Type(), err, k.Fingerprint(), tt.typ, tt.fingerprint)
			continue
		}
		if !strings.HasPrefix(tt.line, k.String()) {
			t.Errorf("%s: String = %q, want the line's first two words", tt.name, k)
		}
		for _, line := range []string{k.String(), "  " + k.String() + "\t a comment, with more words ", strings.Replace(k.String(), " ", "\t ", 1)} {
			if again, err := sshkey.ParseKey(line); err != nil || again != k {
				t.Errorf("%s: ParseKey(%q) = %v, %v; want the same key", tt.name, line, again, err)
			}
		}
		if again, err := sshkey.ParseBlob(k.Type(), k.Blob()); err != nil || again != k {
			t.Errorf("%s: ParseBlob of its Blob = %v, %v; want the same key", tt.name, again, err)
		}
		public, err := ssh.ParsePublicKey(k.Blob())
		if err != nil || ssh.FingerprintSHA256(public) != k.Fingerprint() || k.IsZero() {
			t.Errorf("%s: x/crypto/ssh reads it as %v, %v", tt.name, public, err)
		}
	}
	if !(sshkey.Key{}).IsZero() {
		t.Error("the zero Key is not zero")
	}
}

// line spells a key of the parts of its blob: strings, and what is no string as it is.
func line(typ string, parts ...string) string {
	var blob []byte
	for _, part := range parts {
		blob = append(blob, ssh.Marshal(struct{ S string }{part})...)
	}
	return typ + " " + base64.StdEncoding.EncodeToString(blob)
}

func unhex(t *testing.T, s string) string {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestParseKeyRefuses(t *testing.T) {
	const (
		ed, skEd = sshkey.TypeEd25519, sshkey.TypeTokenEd25519
		ec, skEC = sshkey.TypeECDSA, sshkey.TypeTokenECDSA
	)
	good := string(edPrivate(1)[32:])
	point, err := ecPrivate(t, 1).PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	curved := string(point)
	offCurve := curved[:len(curved)-1] + string(curved[len(curved)-1]^1)
	compressed := string(2+curved[64]&1) + curved[1:33]
	rsa := string(bytes.TrimSpace(read(t, "rsa.pub")))
	for _, tt := range []struct {
		name, line string
		want       error
		code       string
	}{
		{"nothing", "", ledger.ErrMalformed, "malformed"},
		{"another text", "hello there", ledger.ErrMalformed, "malformed"},
		{"a type alone", ed, ledger.ErrMalformed, "malformed"},
		{"no base64", ed + " !!!", ledger.ErrMalformed, "malformed"},
		{"base64 without its padding", strings.TrimRight(line(ed, ed, good)+"=", "=") + "x", ledger.ErrMalformed, "malformed"},
		{"two lines", line(ed, ed, good) + "\n" + line(ed, ed, good), ledger.ErrMalformed, "malformed"},
		{"an escape in the comment", line(ed, ed, good) + " \x1b[31m", ledger.ErrMalformed, "malformed"},
		{"a very long comment", line(ed, ed, good) + " " + strings.Repeat("x", sshkey.MaxKeyLine), ledger.ErrMalformed, "malformed"},
		{"options before it", "restrict " + line(ed, ed, good), ledger.ErrMalformed, "malformed"},
		{"another type inside", line(ed, ec, "nistp256", curved), ledger.ErrMalformed, "malformed"},
		{"a token's key under a plain name", line(ed, skEd, good, "ssh:"), ledger.ErrMalformed, "malformed"},
		{"something after the blob", line(ed, ed, good, ""), ledger.ErrMalformed, "malformed"},
		{"a short Ed25519 key", line(ed, ed, good[:31]), ledger.ErrMalformed, "malformed"},
		{"no application", line(skEd, skEd, good), ledger.ErrMalformed, "malformed"},
		{"a key of 600 bytes", line(skEd, skEd, good, "ssh:"+strings.Repeat("x", 600)), ledger.ErrMalformed, "malformed"},
		{"an application with a line end", line(skEd, skEd, good, "ssh:\n"), ledger.ErrMalformed, "malformed"},
		{"RSA", rsa, sshkey.ErrUnsupported, "unsupported_key"},
		{"RSA under another name", ed + rsa[len("ssh-rsa"):], sshkey.ErrUnsupported, "unsupported_key"},
		{"DSA", "ssh-dss AAAAB3NzaC1kc3M=", sshkey.ErrUnsupported, "unsupported_key"},
		{"P-384", "ecdsa-sha2-nistp384 AAAA", sshkey.ErrUnsupported, "unsupported_key"},
		{"a name of tomorrow", "ssh-mldsa-65 AAAA", sshkey.ErrUnsupported, "unsupported_key"},
		{"P-384 under the name of P-256", line(ec, ec, "nistp384", curved), sshkey.ErrUnsupported, "unsupported_key"},
		{"a web page's key", line(skEC, skEC, "nistp256", curved, "https://example.com"), sshkey.ErrUnsupported, "unsupported_key"},
		{"no application of SSH", line(skEd, skEd, good, ""), sshkey.ErrUnsupported, "unsupported_key"},
		{"a certificate", "ssh-ed25519-cert-v01@openssh.com AAAA", sshkey.ErrCertificate, "certificate_unsupported"},
		{"a token's certificate", "sk-ssh-ed25519-cert-v01@openssh.com AAAA", sshkey.ErrCertificate, "certificate_unsupported"},
		{"a certificate inside", line(ed, "ssh-ed25519-cert-v01@openssh.com", "x"), sshkey.ErrCertificate, "certificate_unsupported"},
		{"a certificate authority", "cert-authority " + line(ed, ed, good), sshkey.ErrCertificate, "certificate_unsupported"},
		{"a known host's authority", "@cert-authority * " + line(ed, ed, good), sshkey.ErrCertificate, "certificate_unsupported"},
		{"a private key", "-----BEGIN OPENSSH PRIVATE KEY-----", sshkey.ErrPrivate, "private_key_given"},
		{"a private key in PEM", "-----BEGIN EC PRIVATE KEY-----\nMHcC", sshkey.ErrPrivate, "private_key_given"},
		{"a key of PuTTY", "PuTTY-User-Key-File-3: ssh-ed25519", sshkey.ErrPrivate, "private_key_given"},
		{"a ledger's private key", "PRIVATE+KEY+gait.example/x+12345678+AAAA", sshkey.ErrPrivate, "private_key_given"},
		{"all zeros", line(ed, ed, strings.Repeat("\x00", 32)), ledger.ErrWeakKey, "weak_public_key"},
		{"a point of order 8", line(ed, ed, unhex(t, "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a")), ledger.ErrWeakKey, "weak_public_key"},
		{"a token's point of order 8", line(skEd, skEd, unhex(t, "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "ssh:"), ledger.ErrWeakKey, "weak_public_key"},
		{"y of 2^255-18", line(ed, ed, "\xee"+strings.Repeat("\xff", 30)+"\x7f"), ledger.ErrWeakKey, "weak_public_key"},
		{"no point of edwards25519", line(ed, ed, "\x02"+strings.Repeat("\x00", 31)), ledger.ErrWeakKey, "weak_public_key"},
		{"no point of P-256", line(ec, ec, "nistp256", offCurve), ledger.ErrWeakKey, "weak_public_key"},
		{"infinity", line(ec, ec, "nistp256", "\x00"), ledger.ErrWeakKey, "weak_public_key"},
		{"no point at all", line(ec, ec, "nistp256", ""), ledger.ErrWeakKey, "weak_public_key"},
		{"a compressed point", line(ec, ec, "nistp256", compressed), ledger.ErrWeakKey, "weak_public_key"},
		{"a token's compressed point", line(skEC, skEC, "nistp256", compressed, "ssh:"), ledger.ErrWeakKey, "weak_public_key"},
	} {
		k, err := sshkey.ParseKey(tt.line)
		fault, _ := ledger.FaultOf(err)
		if !errors.Is(err, tt.want) || fault.Code != tt.code || fault.Category != ledger.CategoryInvalid || !k.IsZero() {
			t.Errorf("%s: ParseKey = %v, %v (%+v), want %v (%s)", tt.name, k, err, fault, tt.want, tt.code)
		}
	}
}

// Points of edwards25519 are told from other bytes as crypto/ed25519 tells them: half of
// all y have a point, and every key that was made has one.
func TestEd25519PointsAreOnTheCurve(t *testing.T) {
	points := 0
	for y := range 200 {
		b := make([]byte, 32)
		b[0], b[1], b[7] = byte(y), 1, byte(3*y)
		if _, err := sshkey.ParseKey(line(sshkey.TypeEd25519, sshkey.TypeEd25519, string(b))); err == nil {
			points++
		}
		made := string(edPrivate(byte(y))[32:])
		if _, err := sshkey.ParseKey(line(sshkey.TypeEd25519, sshkey.TypeEd25519, made)); err != nil {
			t.Errorf("a key that was made: %v", err)
		}
	}
	if points < 60 || points > 140 {
		t.Errorf("%d of 200 numbers are points, want about half", points)
	}
}
