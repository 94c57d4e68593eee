// Package authoritytest makes signed events for tests: keys of actors that are the same in
// every run, and ledgers in which actors are enrolled and sign. What it makes need not be
// admissible, so that tests of attacks use it too.
package authoritytest

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"testing"

	"golang.org/x/crypto/ssh"

	"gait/ledger"
	"gait/ledger/sshkey"
)

// A Signer is a key with which an actor signs.
type Signer struct {
	sshkey.Key

	private ssh.Signer
}

// Key returns the Ed25519 key of a name, the same in every run.
func Key(t testing.TB, name string) Signer {
	t.Helper()
	seed := sha256.Sum256([]byte("ed25519 " + name))
	return signer(t, ed25519.NewKeyFromSeed(seed[:]))
}

// ECDSAKey returns the ECDSA key of a name, the same in every run.
func ECDSAKey(t testing.TB, name string) Signer {
	t.Helper()
	seed := sha256.Sum256([]byte("ecdsa " + name))
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), seed[:])
	if err != nil {
		t.Fatal(err)
	}
	return signer(t, private)
}

func signer(t testing.TB, private any) Signer {
	t.Helper()
	s, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	public := s.PublicKey()
	key, err := sshkey.ParseBlob(public.Type(), public.Marshal())
	if err != nil {
		t.Fatal(err)
	}
	return Signer{Key: key, private: s}
}

// Sign returns the signature of a text, as the event that carries it does.
func (s Signer) Sign(t testing.TB, text []byte) []byte {
	t.Helper()
	blob, err := sshkey.Sign(s.private, text)
	if err != nil {
		t.Fatal(err)
	}
	return blob
}

// Sigs returns the signatures of a text in the order in which an event has them.
func Sigs(t testing.TB, text []byte, signers ...Signer) []ledger.CommandSig {
	t.Helper()
	var sigs [][]byte
	for _, s := range signers {
		sigs = append(sigs, s.Sign(t, text))
	}
	return ledger.SortedSigs(sigs)
}
