package ledger

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
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

// ParseVerifierKey reads a verifier key, in the one spelling that String writes.
// Anything else is ErrMalformed.
func ParseVerifierKey(s string) (VerifierKey, error) {
	name, public, err := parseVkey(s, algEd25519, originRule)
	return VerifierKey{name: name, public: public}, err
}

// parseVkey reads a verifier key of one signature type, in the spelling of vkeyText.
func parseVkey(s string, alg byte, names textRule) (name string, public [ed25519.PublicKeySize]byte, err error) {
	malformed := func(why string) (string, [ed25519.PublicKeySize]byte, error) {
		return "", [ed25519.PublicKeySize]byte{}, fmt.Errorf("%w: not a verifier key (name+id+base64): %s", ErrMalformed, why)
	}
	if len(s) > 4<<10 { // room for the larger keys of other types, to say which they are
		return malformed("too long")
	}
	parts := strings.SplitN(s, "+", 3)
	if len(parts) != 3 {
		return malformed("it has no three parts")
	}
	material, err := base64.StdEncoding.Strict().DecodeString(parts[2])
	if err != nil || len(material) == 0 {
		return malformed("the key is not base64")
	}
	if material[0] != alg {
		return malformed(fmt.Sprintf("signature type 0x%02x%s, not 0x%02x%s", material[0], algNames[material[0]], alg, algNames[alg]))
	}
	if len(material) != 1+ed25519.PublicKeySize {
		return malformed("the key is not base64 of 33 bytes")
	}
	if problem := names.check(parts[0]); problem != "" {
		return malformed("its name: " + problem)
	}
	public = [ed25519.PublicKeySize]byte(material[1:])
	if vkeyText(parts[0], alg, public) != s {
		return malformed("its id or spelling is not that of the key")
	}
	if err := CheckStrong(public); err != nil {
		return "", [ed25519.PublicKeySize]byte{}, err
	}
	return parts[0], public, nil
}

// algNames says what signature types of C2SP signed-note are for.
var algNames = map[byte]string{
	algEd25519:     " (Ed25519, of a ledger)",
	0x02:           " (ECDSA)",
	algCosignature: " (Ed25519 cosignatures, of a witness)",
	0x06:           " (ML-DSA-44 cosignatures)",
}

// vkeyID returns the key id of C2SP signed-note: the first four bytes of
// SHA-256(name ‖ 0x0A ‖ signature type ‖ key).
func vkeyID(name string, alg byte, public [ed25519.PublicKeySize]byte) uint32 {
	h := sha256.New()
	io.WriteString(h, name)
	h.Write([]byte{'\n', alg})
	h.Write(public[:])
	return binary.BigEndian.Uint32(h.Sum(nil))
}

func vkeyText(name string, alg byte, public [ed25519.PublicKeySize]byte) string {
	var id [4]byte
	binary.BigEndian.PutUint32(id[:], vkeyID(name, alg, public))
	material := append([]byte{alg}, public[:]...)
	return name + "+" + hex.EncodeToString(id[:]) + "+" + base64.StdEncoding.EncodeToString(material)
}

// Name returns the key's name, the origin of the ledger it signs.
func (k VerifierKey) Name() string { return k.name }

// KeyHash returns the key id of C2SP signed-note: the first four bytes of
// SHA-256(name ‖ 0x0A ‖ 0x01 ‖ key).
func (k VerifierKey) KeyHash() uint32 { return vkeyID(k.name, algEd25519, k.public) }

// Verify reports whether sig is the key's signature over msg.
func (k VerifierKey) Verify(msg, sig []byte) bool {
	return ed25519.Verify(k.public[:], msg, sig)
}

// ID returns the SHA-256 of the 32 public key bytes, by which manifests name a key.
func (k VerifierKey) ID() Hash { return sha256.Sum256(k.public[:]) }

// IsZero reports whether k is the zero key.
func (k VerifierKey) IsZero() bool { return k == VerifierKey{} }

// String returns the key as text.
func (k VerifierKey) String() string { return vkeyText(k.name, algEd25519, k.public) }

// A Signer signs for one ledger: checkpoints as notes, manifests as digests.
type Signer interface {
	note.Signer
	VerifierKey() VerifierKey
}

// A PrivateKey is a ledger's Ed25519 signing key. It is a Signer. Its zero
// value is not a key.
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

// NewPrivateKey returns the key of a ledger with the seed of an Ed25519 key (RFC 8032).
func NewPrivateKey(origin string, seed [ed25519.SeedSize]byte) (PrivateKey, error) {
	if err := FieldOrigin.Check(origin); err != nil {
		return PrivateKey{}, err
	}
	return newPrivateKey(origin, seed[:]), nil
}

// Ed25519 returns the key without the ledger's name, for formats that keep keys.
func (k PrivateKey) Ed25519() ed25519.PrivateKey { return slices.Clone(k.signer) }

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

// String names the key without revealing it, so that printing a struct that
// holds the key does not reveal it either.
func (k PrivateKey) String() string { return "private key of " + k.key.name }

// VerifierKey returns the public half.
func (k PrivateKey) VerifierKey() VerifierKey { return k.key }

// Name returns the origin of the ledger the key signs.
func (k PrivateKey) Name() string { return k.key.name }

// KeyHash returns the key id of the public half.
func (k PrivateKey) KeyHash() uint32 { return k.key.KeyHash() }

// Derive returns a secret of 32 bytes that only the key's holder can make: HKDF
// with SHA-256 (RFC 5869) of the 32 bytes of the seed, without salt. label is its
// info, and says what the secret is for: no label gives the secret of another.
func (k PrivateKey) Derive(label string) ([32]byte, error) {
	secret, err := hkdf.Key(sha256.New, k.signer.Seed(), nil, label, sha256.Size)
	if err != nil {
		return [32]byte{}, fmt.Errorf("deriving a secret: %w", err)
	}
	return [32]byte(secret), nil
}

// Sign returns the Ed25519 signature over msg (RFC 8032).
func (k PrivateKey) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(k.signer, msg), nil }
