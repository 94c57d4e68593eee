package token

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	"gait/ledger"
)

// ErrNoToken says that a text is no token.
var ErrNoToken = ledger.NewError("not a token (ORIGIN+token+ROLE+ACTOR+SECRET)", ledger.Fault{Code: "invalid_token", Category: ledger.CategoryInvalid})

// A Token admits its holder to the daemon of a ledger, as one actor and in one role.
type Token struct {
	Origin string
	Role   string
	Actor  string

	key ed25519.PrivateKey
}

// Roles returns the roles that a token may have. Who decides who may do what is not
// decided over a connection, so there is no token for an admin.
func Roles() []string {
	return []string{string(ledger.RoleWorker), string(ledger.RoleOperator), string(ledger.RoleApprover), string(ledger.RoleAuditor)}
}

// New makes a token from 32 bytes of entropy.
func New(entropy io.Reader, origin, role, actor string) (Token, error) {
	var seed [ed25519.SeedSize]byte
	if _, err := io.ReadFull(entropy, seed[:]); err != nil {
		return Token{}, fmt.Errorf("making a token: %w", err)
	}
	t := Token{Origin: origin, Role: role, Actor: actor, key: ed25519.NewKeyFromSeed(seed[:])}
	return t, t.check()
}

func (t Token) check() error {
	if err := ledger.FieldOrigin.Check(t.Origin); err != nil {
		return err
	}
	if err := CheckRole(t.Role); err != nil {
		return err
	}
	return ledger.FieldActor.Check(t.Actor)
}

// CheckRole fails if a token may not have the role.
func CheckRole(role string) error {
	if slices.Contains(Roles(), role) {
		return nil
	}
	return &ledger.FieldError{Field: "role", Problem: fmt.Sprintf("%.40q is none; a token has one of %s", role, ledger.OneOf(Roles()))}
}

// Parse reads a token, in the one spelling that Text writes.
func Parse(text string) (Token, error) {
	parts := strings.Split(text, "+")
	if len(text) > 1024 || len(parts) != 5 || parts[1] != "token" {
		return Token{}, ErrNoToken
	}
	seed, err := hex.DecodeString(parts[4])
	if err != nil || len(seed) != ed25519.SeedSize {
		return Token{}, ErrNoToken
	}
	t := Token{Origin: parts[0], Role: parts[2], Actor: parts[3], key: ed25519.NewKeyFromSeed(seed)}
	if err := t.check(); err != nil {
		return Token{}, fmt.Errorf("%w: %w", ErrNoToken, err)
	}
	if t.Text() != text {
		return Token{}, ErrNoToken
	}
	return t, nil
}

// Text returns the token as text, with its secret.
func (t Token) Text() string {
	return strings.Join([]string{t.Origin, "token", t.Role, t.Actor, hex.EncodeToString(t.key.Seed())}, "+")
}

// String names the token without its secret.
func (t Token) String() string { return "token " + t.ID() + " of " + t.Actor }

// Public returns the public half of the token's key, which is all that a daemon keeps.
func (t Token) Public() [ed25519.PublicKeySize]byte {
	return [ed25519.PublicKeySize]byte(t.key[ed25519.SeedSize:])
}

// ID returns the id of the token.
func (t Token) ID() string { return ID(t.Public()) }

// ID returns the id of the token whose key has a public half.
func ID(public [ed25519.PublicKeySize]byte) string {
	sum := sha256.Sum256(public[:])
	return hex.EncodeToString(sum[:idSize])
}

const idSize = 6
