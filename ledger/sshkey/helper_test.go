package sshkey_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/asn1"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/ssh"

	"gait/ledger/sshkey"
)

// read returns a file of testdata. What is there was made by ssh-keygen of OpenSSH 9.2.
func read(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// blobOf returns the blob in an armored file of testdata.
func blobOf(t testing.TB, name string) []byte {
	t.Helper()
	blob, err := sshkey.ParseArmored(read(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return blob
}

func mustKey(t testing.TB, line string) sshkey.Key {
	t.Helper()
	k, err := sshkey.ParseKey(line)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// edSigner signs with an Ed25519 key of the given seed byte.
func edSigner(t testing.TB, seed byte) ssh.Signer {
	t.Helper()
	s, err := ssh.NewSignerFromKey(edPrivate(seed))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func edPrivate(seed byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(append(make([]byte, 31), seed))
}

func ecPrivate(t testing.TB, seed byte) *ecdsa.PrivateKey {
	t.Helper()
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), append(bytes.Repeat([]byte{0x5a}, 31), seed)) // OpenSSH takes no small number
	if err != nil {
		t.Fatal(err)
	}
	return private
}

func ecSigner(t testing.TB, seed byte) ssh.Signer {
	t.Helper()
	s, err := ssh.NewSignerFromKey(ecPrivate(t, seed))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A token stands for a FIDO token: it signs as OpenSSH's PROTOCOL.u2f says.
type token struct {
	typ         string
	application string
	flags       byte
	counter     uint32
	ed          ed25519.PrivateKey
	ec          *ecdsa.PrivateKey
}

func newToken(t testing.TB, typ string) *token {
	return &token{typ: typ, application: "ssh:", flags: 1, counter: 7, ed: edPrivate(3), ec: ecPrivate(t, 3)}
}

// blob returns the wire form of the token's public key.
func (k *token) blob() []byte {
	if k.typ == sshkey.TypeTokenEd25519 {
		return ssh.Marshal(struct {
			Type        string
			Public      []byte
			Application string
		}{k.typ, k.ed.Public().(ed25519.PublicKey), k.application})
	}
	point, err := k.ec.PublicKey.Bytes()
	if err != nil {
		panic(err)
	}
	return ssh.Marshal(struct {
		Type, Curve string
		Point       []byte
		Application string
	}{k.typ, "nistp256", point, k.application})
}

func (k *token) PublicKey() ssh.PublicKey {
	public, err := ssh.ParsePublicKey(k.blob())
	if err != nil {
		panic(err)
	}
	return public
}

func (k *token) Sign(_ io.Reader, message []byte) (*ssh.Signature, error) {
	application, digest := sha256.Sum256([]byte(k.application)), sha256.Sum256(message)
	rest := ssh.Marshal(struct {
		Flags   byte
		Counter uint32
	}{k.flags, k.counter})
	signed := append(append(application[:], rest...), digest[:]...)
	if k.typ == sshkey.TypeTokenEd25519 {
		return &ssh.Signature{Format: k.typ, Blob: ed25519.Sign(k.ed, signed), Rest: rest}, nil
	}
	hashed := sha256.Sum256(signed)
	der, err := k.ec.Sign(nil, hashed[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	var w struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &w); err != nil {
		return nil, err
	}
	return &ssh.Signature{Format: k.typ, Blob: ssh.Marshal(w), Rest: rest}, nil
}

// A wireSignature is an SSHSIG blob in which each part can be changed.
type wireSignature struct {
	Magic     [6]byte
	Version   uint32
	Key       []byte
	Namespace string
	Reserved  string
	Hash      string
	Signature []byte
}

func takeApart(t testing.TB, blob []byte) (w wireSignature) {
	t.Helper()
	if err := ssh.Unmarshal(blob, &w); err != nil {
		t.Fatal(err)
	}
	return w
}

func sha256Of(b []byte) []byte {
	sum := sha256.Sum256(b)
	return sum[:]
}
