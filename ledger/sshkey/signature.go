package sshkey

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"math/big"

	"github.com/hiddeco/sshsig"
	"golang.org/x/crypto/ssh"

	"gait/ledger"
)

// Namespace is that of the signatures of commands. A signature for any other purpose
// is none of a command.
const Namespace = "gait-command"

// MaxSignature bounds an SSHSIG blob.
const MaxSignature = 1 << 10

// What is refused about signatures.
var (
	// ErrSignature is wrapped by every error about a signature: that it is none, is spelt
	// in another way than the one, is for another purpose, or does not verify.
	ErrSignature = ledger.NewError("the signature does not count", ledger.Fault{Code: "signature_invalid", Category: ledger.CategoryPolicy})

	// ErrNamespace says that something was signed for another purpose. It wraps ErrSignature.
	ErrNamespace = fmt.Errorf("%w: it is not for namespace %s", ErrSignature, Namespace)
)

// A Signature is what ssh-keygen -Y sign -n gait-command made of a message.
type Signature struct {
	key    Key
	parsed *sshsig.Signature
	blob   string
}

// tokenFlags is what a token adds to its signature, and signs.
type tokenFlags struct {
	Flags   byte
	Counter uint32
}

// userPresent is the flag of a token whose user touched it.
const userPresent = 0x01

// ParseSignature reads an SSHSIG blob. It does no cryptography: Verify does. Errors wrap
// ErrSignature.
func ParseSignature(blob []byte) (Signature, error) {
	if len(blob) > MaxSignature {
		return Signature{}, bad("it has %d bytes, not at most %d", len(blob), MaxSignature)
	}
	parsed, err := sshsig.ParseSignature(blob)
	if err != nil {
		return Signature{}, bad("not an SSHSIG blob: %v", err)
	}
	if !bytes.Equal(parsed.Marshal(), blob) { // the library drops what is reserved
		return Signature{}, bad("not the one spelling of an SSHSIG blob")
	}
	if parsed.Namespace != Namespace {
		return Signature{}, fmt.Errorf("%w, but for %.60q", ErrNamespace, parsed.Namespace)
	}
	key, err := ParseBlob(parsed.PublicKey.Type(), parsed.PublicKey.Marshal())
	if err != nil {
		return Signature{}, fmt.Errorf("%w: its key: %w", ErrSignature, err)
	}
	if err := checkValue(key, parsed.Signature); err != nil {
		return Signature{}, err
	}
	return Signature{key: key, parsed: parsed, blob: string(blob)}, nil
}

// bad returns an error about bytes that are no signature.
func bad(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrSignature, fmt.Sprintf(format, args...))
}

// checkValue refuses a signature whose value is not spelt as the key's type spells it.
func checkValue(key Key, value *ssh.Signature) error {
	if value.Format != key.Type() {
		return bad("it is of type %.60q, and its key of type %s", value.Format, key.Type())
	}
	switch key.Type() {
	case TypeEd25519, TypeTokenEd25519:
		if len(value.Blob) != ed25519.SignatureSize {
			return bad("an Ed25519 signature of %d bytes", len(value.Blob))
		}
	default:
		var w struct{ R, S *big.Int }
		if err := ssh.Unmarshal(value.Blob, &w); err != nil || !bytes.Equal(ssh.Marshal(w), value.Blob) || w.R.Sign() <= 0 || w.S.Sign() <= 0 {
			return bad("not two positive numbers in the one spelling of an ECDSA signature")
		}
	}
	if !key.OnToken() {
		if len(value.Rest) > 0 {
			return bad("something follows its value")
		}
		return nil
	}
	var w tokenFlags
	if err := ssh.Unmarshal(value.Rest, &w); err != nil {
		return bad("not the flags and counter of a token")
	}
	return nil
}

// Key returns the key that the signature says it was made with. Only Verify shows whether it was.
func (s Signature) Key() Key { return s.key }

// Blob returns the bytes that ParseSignature reads.
func (s Signature) Blob() []byte { return []byte(s.blob) }

// Verify returns nil if the signature's key signed the message. For a key on a token the
// signature must also say that its user was present. Errors wrap ErrSignature.
func (s Signature) Verify(message []byte) error {
	if s.parsed == nil {
		return bad("there is none")
	}
	if s.key.OnToken() {
		var w tokenFlags
		if err := ssh.Unmarshal(s.parsed.Signature.Rest, &w); err != nil || w.Flags&userPresent == 0 {
			return bad("the token does not say that its user was present")
		}
	}
	err := sshsig.Verify(bytes.NewReader(message), s.parsed, s.parsed.PublicKey, s.parsed.HashAlgorithm, Namespace)
	if err != nil {
		return bad("%s did not sign these bytes", s.key.Fingerprint())
	}
	return nil
}

// Sign returns the SSHSIG blob of a message, made with hash algorithm sha512, and verified.
// With an ECDSA key that is at hand, it is the same in each call (RFC 6979).
func Sign(signer ssh.Signer, message []byte) ([]byte, error) {
	public := signer.PublicKey()
	if _, err := ParseBlob(public.Type(), public.Marshal()); err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	made, err := sshsig.SignWithRand(bytes.NewReader(message), nil, signer, sshsig.HashSHA512, Namespace)
	if err != nil {
		return nil, fmt.Errorf("signing with %s: %w", ssh.FingerprintSHA256(public), err)
	}
	blob := made.Marshal()
	s, err := ParseSignature(blob)
	if err == nil {
		err = s.Verify(message)
	}
	if err != nil {
		return nil, fmt.Errorf("signing with %s: %w", ssh.FingerprintSHA256(public), err)
	}
	return blob, nil
}
