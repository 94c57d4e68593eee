package sshkey

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode"

	"gait/ledger"
)

// The types of keys that are taken, as the first word of a .pub file has them.
const (
	TypeEd25519      = "ssh-ed25519"
	TypeTokenEd25519 = "sk-ssh-ed25519@openssh.com"
	TypeECDSA        = "ecdsa-sha2-nistp256"
	TypeTokenECDSA   = "sk-ecdsa-sha2-nistp256@openssh.com"
)

// MaxKeyLine bounds a line that holds one public key.
const MaxKeyLine = 4 << 10

// What is refused about keys. Weak keys are ledger.ErrWeakKey, and bytes that are no key at
// all ledger.ErrMalformed.
var (
	// ErrUnsupported says that a key is of a type that is not taken.
	ErrUnsupported = ledger.NewError("unsupported key type", ledger.Fault{Code: "unsupported_key", Category: ledger.CategoryInvalid})

	// ErrCertificate says that a certificate was given, or a key that signs certificates.
	ErrCertificate = ledger.NewError("certificates are not supported yet", ledger.Fault{Code: "certificate_unsupported", Category: ledger.CategoryInvalid})

	// ErrPrivate says that a private key was given instead of a public one.
	ErrPrivate = ledger.NewError("a private key, which must stay secret; give the public one", ledger.Fault{Code: "private_key_given", Category: ledger.CategoryInvalid})
)

// A Key is an OpenSSH public key. It is comparable: equal keys are the same key.
type Key struct {
	typ  string
	blob string
}

// Type returns the key's type: "ssh-ed25519".
func (k Key) Type() string { return k.typ }

// Blob returns the key's wire form, which begins with its type.
func (k Key) Blob() []byte { return []byte(k.blob) }

// IsZero reports whether k is the zero Key.
func (k Key) IsZero() bool { return k == Key{} }

// OnToken reports whether the private key is kept by a FIDO token.
func (k Key) OnToken() bool { return k.typ == TypeTokenEd25519 || k.typ == TypeTokenECDSA }

// ID returns the SHA-256 of the key's blob.
func (k Key) ID() ledger.Hash { return sha256.Sum256([]byte(k.blob)) }

// Fingerprint returns what ssh-keygen -l prints of the key: "SHA256:" and its ID in base64
// without padding.
func (k Key) Fingerprint() string {
	id := k.ID()
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(id[:])
}

// String returns the key on one line that ParseKey reads: its type and its blob in base64.
func (k Key) String() string {
	return k.typ + " " + base64.StdEncoding.EncodeToString([]byte(k.blob))
}

// ParseKey reads a line of a .pub file: type, base64 and an optional comment, which it drops.
// Options before the type are refused.
func ParseKey(line string) (Key, error) {
	if len(line) > MaxKeyLine {
		return Key{}, fmt.Errorf("%w: a key of more than %d bytes", ledger.ErrMalformed, MaxKeyLine)
	}
	if isPrivate(line) {
		return Key{}, ErrPrivate
	}
	if i := strings.IndexFunc(line, func(r rune) bool { return r != '\t' && unicode.IsControl(r) }); i >= 0 {
		return Key{}, fmt.Errorf("%w: a control character %q in the line of a key", ledger.ErrMalformed, line[i])
	}
	typ, rest := cutWord(strings.Trim(line, " \t"))
	if err := checkType(typ); err != nil {
		return Key{}, err
	}
	encoded, _ := cutWord(rest)
	blob, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || encoded == "" {
		return Key{}, fmt.Errorf("%w: what follows %s is not base64", ledger.ErrMalformed, typ)
	}
	return ParseBlob(typ, blob)
}

// cutWord returns the first word of a line and what follows it.
func cutWord(s string) (word, rest string) {
	i := strings.IndexAny(s, " \t")
	if i < 0 {
		return s, ""
	}
	return s[:i], strings.TrimLeft(s[i:], " \t")
}

// isPrivate reports whether text is, or begins, one of the usual forms of a private key.
func isPrivate(text string) bool {
	first, _, _ := strings.Cut(strings.TrimLeft(text, " \t\r\n"), "\n")
	return strings.HasPrefix(first, "-----BEGIN ") && strings.Contains(first, "PRIVATE") ||
		strings.HasPrefix(first, "---- BEGIN SSH2 ENCRYPTED PRIVATE") ||
		strings.HasPrefix(first, "PuTTY-User-Key-File-") ||
		strings.HasPrefix(first, "PRIVATE+KEY+")
}

// checkType refuses the types of keys that are not taken.
func checkType(typ string) error {
	switch typ {
	case TypeEd25519, TypeTokenEd25519, TypeECDSA, TypeTokenECDSA:
		return nil
	}
	switch {
	case strings.Contains(typ, "-cert-v0"), typ == "cert-authority", typ == "@cert-authority", strings.HasPrefix(typ, "cert-authority,"):
		return fmt.Errorf("%w: %.60q", ErrCertificate, typ)
	case !looksLikeType(typ):
		return fmt.Errorf("%w: a line that does not begin with the type of an OpenSSH public key, but with %.60q", ledger.ErrMalformed, typ)
	}
	return fmt.Errorf("%w %.60q: give one of type %s, %s, %s or %s", ErrUnsupported, typ,
		TypeEd25519, TypeECDSA, TypeTokenEd25519, TypeTokenECDSA)
}

func looksLikeType(word string) bool {
	for _, begin := range []string{"ssh-", "sk-", "ecdsa-", "rsa-", "x509v3-", "webauthn-", "spi-", "pgp-"} {
		if strings.HasPrefix(word, begin) {
			return true
		}
	}
	return false
}
