package ledger

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// algEd25519 is the signature type of C2SP signed-note, "Signature types".
const algEd25519 = 0x01

// A VerifierKey is a named Ed25519 public key as C2SP signed-note writes it:
// <name>+<hex key id>+<base64 type and key>. It is a note.Verifier.
type VerifierKey struct {
	name   string
	public [ed25519.PublicKeySize]byte
}

var _ note.Verifier = VerifierKey{}

// ParseVerifierKey reads a verifier key, in the one spelling String gives it.
// Anything else is ErrMalformed.
func ParseVerifierKey(s string) (VerifierKey, error) {
	malformed := func(why string) (VerifierKey, error) {
		return VerifierKey{}, fmt.Errorf("%w: not a verifier key (name+id+base64): %s", ErrMalformed, why)
	}
	if len(s) > vkeyRule.max {
		return malformed("too long")
	}
	parts := strings.SplitN(s, "+", 3)
	if len(parts) != 3 {
		return malformed("it has no three parts")
	}
	material, err := base64.StdEncoding.Strict().DecodeString(parts[2])
	if err != nil || len(material) != 1+ed25519.PublicKeySize {
		return malformed("the key is not base64 of 33 bytes")
	}
	if material[0] != algEd25519 {
		return malformed(fmt.Sprintf("signature type 0x%02x, not 0x01 (Ed25519)", material[0]))
	}
	if problem := originRule.check(parts[0]); problem != "" {
		return malformed("its name: " + problem)
	}
	k := VerifierKey{name: parts[0]}
	copy(k.public[:], material[1:])
	if k.String() != s {
		return malformed("its id or spelling is not that of the key")
	}
	return k, nil
}

// Name returns the key's name, the origin of the ledger it signs.
func (k VerifierKey) Name() string { return k.name }

// KeyHash returns the key id of C2SP signed-note: the first four bytes of
// SHA-256(name ‖ 0x0A ‖ 0x01 ‖ key).
func (k VerifierKey) KeyHash() uint32 {
	h := sha256.New()
	io.WriteString(h, k.name)
	h.Write([]byte{'\n', algEd25519})
	h.Write(k.public[:])
	return binary.BigEndian.Uint32(h.Sum(nil))
}

// Verify reports whether sig is the key's signature over msg.
func (k VerifierKey) Verify(msg, sig []byte) bool {
	return ed25519.Verify(k.public[:], msg, sig)
}

// ID returns the SHA-256 of the 32 public key bytes, by which manifests name a key.
func (k VerifierKey) ID() Hash { return sha256.Sum256(k.public[:]) }

// IsZero reports whether k is no key at all.
func (k VerifierKey) IsZero() bool { return k == VerifierKey{} }

// String returns the key as text.
func (k VerifierKey) String() string {
	var id [4]byte
	binary.BigEndian.PutUint32(id[:], k.KeyHash())
	material := append([]byte{algEd25519}, k.public[:]...)
	return k.name + "+" + hex.EncodeToString(id[:]) + "+" + base64.StdEncoding.EncodeToString(material)
}

// A Signer signs for one ledger: checkpoints as notes, manifests as digests.
type Signer interface {
	note.Signer
	VerifierKey() VerifierKey
}

// A PrivateKey is a ledger's Ed25519 signing key. It is a Signer. Its zero
// value is no key.
type PrivateKey struct {
	key    VerifierKey
	signer ed25519.PrivateKey
}

var _ Signer = PrivateKey{}

// GenerateKey makes a key for a ledger from 32 bytes of entropy.
func GenerateKey(entropy io.Reader, origin string) (PrivateKey, error) {
	if err := FieldOrigin.Check(origin); err != nil {
		return PrivateKey{}, err
	}
	var seed [ed25519.SeedSize]byte
	if _, err := io.ReadFull(entropy, seed[:]); err != nil {
		return PrivateKey{}, fmt.Errorf("making a key: %w", err)
	}
	return newPrivateKey(origin, seed[:]), nil
}

func newPrivateKey(name string, seed []byte) PrivateKey {
	k := PrivateKey{key: VerifierKey{name: name}, signer: ed25519.NewKeyFromSeed(seed)}
	copy(k.key.public[:], k.signer[ed25519.SeedSize:])
	return k
}

// ParsePrivateKey reads a key as Secret writes it. Anything else is ErrMalformed.
func ParsePrivateKey(s string) (PrivateKey, error) {
	bad := fmt.Errorf("%w: not a signing key (PRIVATE+KEY+name+id+base64)", ErrMalformed)
	if len(s) > 512 {
		return PrivateKey{}, bad
	}
	parts := strings.SplitN(s, "+", 5)
	if len(parts) != 5 {
		return PrivateKey{}, bad
	}
	material, err := base64.StdEncoding.Strict().DecodeString(parts[4])
	if err != nil || len(material) != 1+ed25519.SeedSize || material[0] != algEd25519 || originRule.check(parts[2]) != "" {
		return PrivateKey{}, bad
	}
	k := newPrivateKey(parts[2], material[1:])
	if k.Secret() != s {
		return PrivateKey{}, bad
	}
	return k, nil
}

// Secret returns the key in the form golang.org/x/mod/sumdb/note reads.
func (k PrivateKey) Secret() string {
	var id [4]byte
	binary.BigEndian.PutUint32(id[:], k.KeyHash())
	material := append([]byte{algEd25519}, k.signer.Seed()...)
	return "PRIVATE+KEY+" + k.key.name + "+" + hex.EncodeToString(id[:]) + "+" + base64.StdEncoding.EncodeToString(material)
}

// String names the key without giving it away, so that a print of a struct that
// holds it does not.
func (k PrivateKey) String() string { return "private key of " + k.key.name }

// VerifierKey returns the public half.
func (k PrivateKey) VerifierKey() VerifierKey { return k.key }

// Name returns the origin of the ledger the key signs.
func (k PrivateKey) Name() string { return k.key.name }

// KeyHash returns the key id of the public half.
func (k PrivateKey) KeyHash() uint32 { return k.key.KeyHash() }

// Sign returns the Ed25519 signature over msg (RFC 8032).
func (k PrivateKey) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(k.signer, msg), nil }
