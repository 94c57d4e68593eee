package home

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"

	"gait/ledger"
)

// MaxSealedKey bounds a file that holds a sealed key.
const MaxSealedKey = 4 << 10

// maxKDFRounds bounds how long a file can make it take to try a passphrase: some
// seconds. ssh-keygen writes 16 or 24.
const maxKDFRounds = 256

const (
	sealedType  = "OPENSSH PRIVATE KEY"
	sealedMagic = "openssh-key-v1\x00"
)

// ErrPassphrase says that a passphrase does not open a sealed key.
var ErrPassphrase = ledger.NewError("the passphrase is wrong", ledger.Fault{Code: "wrong_passphrase", Category: ledger.CategoryInvalid})

// A SealedKey is a private key under a passphrase, in the form of an OpenSSH private
// key. A line with its verifier key follows, which says which ledger it signs.
type SealedKey struct {
	Key ledger.VerifierKey // the zero key if the file does not name it
	pem []byte
}

// SealKey seals a private key under a passphrase, which must not be empty. Each call
// returns other bytes.
func SealKey(k ledger.PrivateKey, passphrase []byte) ([]byte, error) {
	if len(passphrase) == 0 {
		return nil, fmt.Errorf("sealing the key of %s: %w: it is empty", k.Name(), ErrPassphrase)
	}
	block, err := ssh.MarshalPrivateKeyWithPassphrase(k.Ed25519(), k.Name(), passphrase)
	if err != nil {
		return nil, fmt.Errorf("sealing the key of %s: %w", k.Name(), err)
	}
	return append(pem.EncodeToMemory(block), k.VerifierKey().String()+"\n"...), nil
}

// ParseSealedKey reads what SealKey returns, or such a file that ssh-keygen has written
// again, without the line that follows. It opens nothing. Errors wrap ledger.ErrMalformed.
func ParseSealedKey(b []byte) (SealedKey, error) {
	bad := func(format string, args ...any) (SealedKey, error) {
		return SealedKey{}, fmt.Errorf("%w: not a sealed key: %s", ledger.ErrMalformed, fmt.Sprintf(format, args...))
	}
	if len(b) > MaxSealedKey {
		return bad("more than %d bytes", MaxSealedKey)
	}
	b = ledger.PlainText(b)
	block, rest := pem.Decode(b)
	if block == nil || block.Type != sealedType || len(block.Headers) > 0 || !bytes.HasPrefix(b, []byte("-----BEGIN "+sealedType+"-----\n")) {
		return bad("it does not begin with one PEM block of type %s", sealedType)
	}
	if err := checkSealed(block.Bytes); err != nil {
		return bad("%v", err)
	}
	k := SealedKey{pem: b[:len(b)-len(rest)]}
	if len(rest) == 0 {
		return k, nil
	}
	line, whole := bytes.CutSuffix(rest, []byte("\n"))
	key, err := ledger.ParseVerifierKey(string(line))
	if err != nil || !whole {
		return bad("the line behind the PEM block is not its verifier key")
	}
	k.Key = key
	return k, nil
}

// checkSealed refuses a key that no passphrase protects, and one that would take long to
// open (openssh-key-v1, PROTOCOL.key of OpenSSH).
func checkSealed(b []byte) error {
	var outer struct {
		Cipher, KDF, Options string
		Keys                 uint32
		Rest                 []byte `ssh:"rest"`
	}
	var kdf struct {
		Salt   string
		Rounds uint32
	}
	b, ok := bytes.CutPrefix(b, []byte(sealedMagic))
	if !ok || ssh.Unmarshal(b, &outer) != nil {
		return errors.New("it is no openssh-key-v1")
	}
	if outer.KDF == "none" || outer.Cipher == "none" {
		return errors.New("no passphrase protects it")
	}
	if outer.KDF != "bcrypt" || ssh.Unmarshal([]byte(outer.Options), &kdf) != nil {
		return fmt.Errorf("its key derivation is %.20q, not bcrypt", outer.KDF)
	}
	if outer.Keys != 1 || kdf.Rounds < 1 || kdf.Rounds > maxKDFRounds {
		return fmt.Errorf("%d keys under %d rounds of bcrypt, not 1 under 1 to %d", outer.Keys, kdf.Rounds, maxKDFRounds)
	}
	return nil
}

// Open returns the private key. origin is that of its ledger; it may be "" if the file
// names the key. Open fails with ErrPassphrase, or with an error that wraps
// ledger.ErrMalformed if the key is not the one that the file or the origin names.
func (s SealedKey) Open(origin string, passphrase []byte) (ledger.PrivateKey, error) {
	raw, err := ssh.ParseRawPrivateKeyWithPassphrase(s.pem, passphrase)
	if errors.Is(err, x509.IncorrectPasswordError) {
		return ledger.PrivateKey{}, ErrPassphrase
	}
	if err != nil {
		return ledger.PrivateKey{}, fmt.Errorf("%w: opening a sealed key: %w", ledger.ErrMalformed, err)
	}
	private, ok := raw.(*ed25519.PrivateKey)
	if !ok {
		return ledger.PrivateKey{}, fmt.Errorf("%w: the sealed key is a %T, not an Ed25519 key", ledger.ErrMalformed, raw)
	}
	if origin == "" {
		origin = s.Key.Name()
	}
	k, err := ledger.NewPrivateKey(origin, [ed25519.SeedSize]byte(private.Seed()))
	if err == nil && !s.Key.IsZero() && k.VerifierKey() != s.Key {
		err = fmt.Errorf("%w: the sealed key is %s, and the file names %s", ledger.ErrMalformed, k.VerifierKey(), s.Key)
	}
	return k, err
}
