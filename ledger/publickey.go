package ledger

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
)

// MaxPublicKeySize bounds a file that holds one public key.
const MaxPublicKeySize = 16 << 10

// Reading public keys. All of them wrap ErrMalformed.
var (
	// ErrNoKey says that a text that should hold a key holds none.
	ErrNoKey = fmt.Errorf("%w: it holds no key", ErrMalformed)

	// ErrManyKeys says that a text that should hold one key holds several.
	ErrManyKeys = fmt.Errorf("%w: it holds more than one key", ErrMalformed)

	// ErrWeakKey says that signatures under a key can be made without a private
	// key, or that the key is not spelt as RFC 8032 spells it.
	ErrWeakKey error = &sentinel{
		text: "malformed: not a key to trust", err: ErrMalformed, rank: rankWeakKey,
		fault: Fault{Code: "weak_public_key", Category: CategoryInvalid},
	}

	// ErrIsPrivate says that a private key was given instead of a public one.
	ErrIsPrivate = fmt.Errorf("%w: a private key, which must stay secret; give the public one", ErrMalformed)
)

// A PublicKey is an Ed25519 key as its user trusts it: for the ledger of one
// origin or, if its form names no origin, for any ledger that it signs. It is
// comparable.
type PublicKey struct {
	origin string // "": any
	public [ed25519.PublicKeySize]byte
}

// PublicKey returns k as a key to trust, for its origin alone.
func (k VerifierKey) PublicKey() PublicKey { return PublicKey{origin: k.name, public: k.public} }

// Origin returns the origin the key is trusted for, or "" for any.
func (k PublicKey) Origin() string { return k.origin }

// ID returns the SHA-256 of the 32 public key bytes.
func (k PublicKey) ID() Hash { return sha256.Sum256(k.public[:]) }

// IsZero reports whether k is the zero key.
func (k PublicKey) IsZero() bool { return k.public == [ed25519.PublicKeySize]byte{} }

// For returns k as the verifier key of the ledger of an origin, and whether k is
// trusted for it. A note names its key, and a key's id depends on the name, so a
// key without a name takes that of the ledger.
func (k PublicKey) For(origin string) (VerifierKey, bool) {
	return VerifierKey{name: origin, public: k.public}, !k.IsZero() && (k.origin == "" || k.origin == origin)
}

// Is reports whether to trust k is to trust key.
func (k PublicKey) Is(key VerifierKey) bool {
	v, ok := k.For(key.name)
	return ok && v == key
}

// String returns the key on one line that ParsePublicKey reads: a verifier key
// or, without an origin, an OpenSSH public key (RFC 8709).
func (k PublicKey) String() string {
	if k.origin != "" {
		return vkeyText(k.origin, algEd25519, k.public)
	}
	return sshType + " " + base64.StdEncoding.EncodeToString(append([]byte(sshPrefix), k.public[:]...))
}

const (
	sshType = "ssh-ed25519"
	// sshPrefix is what comes before the 32 key bytes in RFC 8709, section 4:
	// two strings of RFC 4251, each with its length before it.
	sshPrefix = "\x00\x00\x00\x0b" + sshType + "\x00\x00\x00\x20"
	pemBegin  = "-----BEGIN "
)

// ParsePublicKey reads the one key that a file holds: a verifier key of C2SP
// signed-note; an OpenSSH public key, as ssh-keygen writes .pub files; or a PEM
// block of type PUBLIC KEY (RFC 8410), as openssl pkey -pubout writes. It skips
// blank lines, lines that begin with #, and what PlainText does. Errors wrap ErrMalformed; ErrNoKey,
// ErrManyKeys, ErrWeakKey and ErrIsPrivate say which mistake it is.
func ParsePublicKey(b []byte) (PublicKey, error) {
	if len(b) > MaxPublicKeySize {
		return PublicKey{}, fmt.Errorf("%w: a public key of more than %d bytes", ErrMalformed, MaxPublicKeySize)
	}
	b = PlainText(b)
	if bytes.HasPrefix(bytes.TrimSpace(b), []byte(pemBegin)) {
		return parsePEM(bytes.TrimSpace(b))
	}
	var found []PublicKey
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		key, err := ParsePublicKeyLine(line)
		if err != nil {
			return PublicKey{}, err
		}
		found = append(found, key)
	}
	switch len(found) {
	case 0:
		return PublicKey{}, ErrNoKey
	case 1:
		return found[0], nil
	}
	return PublicKey{}, ErrManyKeys
}

// ParsePublicKeyLine reads a key that takes one line: a verifier key, or an
// OpenSSH public key with or without a comment. Errors are those of ParsePublicKey.
func ParsePublicKeyLine(line string) (PublicKey, error) {
	if strings.HasPrefix(line, "PRIVATE+KEY+") || strings.HasPrefix(line, pemBegin) && strings.Contains(line, "PRIVATE") {
		return PublicKey{}, ErrIsPrivate
	}
	kind, rest, _ := strings.Cut(line, " ")
	if kind == sshType {
		return parseSSH(rest)
	}
	if strings.HasPrefix(kind, "ssh-") || strings.HasPrefix(kind, "ecdsa-") || strings.HasPrefix(kind, "sk-") {
		return PublicKey{}, fmt.Errorf("%w: a key of type %.40q, not %s", ErrMalformed, kind, sshType)
	}
	key, err := ParseVerifierKey(line)
	return key.PublicKey(), err
}

// parseSSH reads the rest of a line after the type: base64 of the wire form, then a comment.
func parseSSH(s string) (PublicKey, error) {
	encoded, _, _ := strings.Cut(s, " ")
	b, err := base64.StdEncoding.Strict().DecodeString(encoded)
	public, ok := bytes.CutPrefix(b, []byte(sshPrefix))
	if err != nil || !ok || len(public) != ed25519.PublicKeySize || strings.ContainsAny(encoded, "\r\n") {
		return PublicKey{}, fmt.Errorf("%w: not the base64 of an %s key", ErrMalformed, sshType)
	}
	return bareKey([ed25519.PublicKeySize]byte(public))
}

func parsePEM(b []byte) (PublicKey, error) {
	if bytes.Count(b, []byte(pemBegin)) > 1 { // Decode passes over a block that is broken
		return PublicKey{}, ErrManyKeys
	}
	block, rest := pem.Decode(b)
	switch {
	case block == nil || !bytes.HasPrefix(b, []byte(pemBegin+block.Type+"-----")):
		return PublicKey{}, fmt.Errorf("%w: not a whole PEM block", ErrMalformed)
	case strings.Contains(block.Type, "PRIVATE"):
		return PublicKey{}, ErrIsPrivate
	case block.Type != "PUBLIC KEY" || len(block.Headers) > 0:
		return PublicKey{}, fmt.Errorf("%w: a PEM block of type %.40q, not of a PUBLIC KEY alone", ErrMalformed, block.Type)
	case len(bytes.TrimSpace(rest)) > 0:
		return PublicKey{}, fmt.Errorf("%w: something after the PEM block", ErrMalformed)
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return PublicKey{}, fmt.Errorf("%w: a PEM block with no public key: %w", ErrMalformed, err)
	}
	public, ok := parsed.(ed25519.PublicKey)
	if !ok {
		return PublicKey{}, fmt.Errorf("%w: a PEM block with a key that is not Ed25519", ErrMalformed)
	}
	return bareKey([ed25519.PublicKeySize]byte(public))
}

func bareKey(public [ed25519.PublicKeySize]byte) (PublicKey, error) {
	if err := CheckStrong(public); err != nil {
		return PublicKey{}, err
	}
	return PublicKey{public: public}, nil
}

// lowOrder holds the y coordinates, in canonical form, of the eight points of
// edwards25519 whose order divides 8. Anyone can sign under such a point: some
// signatures with S = 0 verify for any message.
var lowOrder = [][ed25519.PublicKeySize]byte{
	{}, // order 4; also the key that is all zeros
	{1},
	{
		0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
	},
	{
		0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
		0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
	},
	{
		0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
		0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
	},
}

// CheckStrong refuses Ed25519 keys of low order in every spelling, and of every other key
// the spellings whose y is not below 2^255-19 (RFC 8032, section 5.1.3). The error wraps
// ErrWeakKey.
func CheckStrong(public [ed25519.PublicKeySize]byte) error {
	if public == lowOrder[0] {
		return fmt.Errorf("%w: it is all zeros", ErrWeakKey)
	}
	y := public
	y[31] &= 0x7f // the other bit is the sign of x
	if y[0] >= 0xed && y[31] == 0x7f && bytes.Count(y[1:31], []byte{0xff}) == 30 {
		return fmt.Errorf("%w: %x is not the canonical form of a point", ErrWeakKey, public)
	}
	if slices.Contains(lowOrder, y) {
		return fmt.Errorf("%w: %x is a point of low order", ErrWeakKey, public)
	}
	return nil
}
