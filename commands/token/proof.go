package token

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"gait/ledger"
)

// Sizes, in bytes, of the nonces of a challenge.
const (
	ClientNonceSize = 16
	NonceSize       = 40
)

// Scheme is the scheme of the header Authorization with a proof.
const Scheme = "Gait"

// AnswerTrailer is the trailer that signs an answer.
const AnswerTrailer = "Gait-Answer"

// A Challenge is what a daemon signs before a client shows it a token.
type Challenge struct {
	Origin  string
	Address string // at which the daemon listens
	Client  string // nonce of the client, hexadecimal
	Nonce   string // of the daemon, hexadecimal
}

const challengeHead = "gait challenge v1"

func (c Challenge) text() string {
	return strings.Join([]string{challengeHead, c.Origin, c.Address, c.Client, c.Nonce, ""}, "\n")
}

// Sign signs the challenge with the ledger's key.
func (c Challenge) Sign(by ledger.Signer) ([]byte, error) {
	if !isHex(c.Client, ClientNonceSize) || !isHex(c.Nonce, NonceSize) || strings.ContainsAny(c.Origin+c.Address, "\n") {
		return nil, fmt.Errorf("%w: a challenge", ledger.ErrMalformed)
	}
	signed, err := note.Sign(&note.Note{Text: c.text()}, by)
	if err != nil {
		return nil, fmt.Errorf("signing a challenge: %w", err)
	}
	return signed, nil
}

// OpenChallenge verifies that a key has signed a challenge, and reads it.
func OpenChallenge(signed []byte, by ledger.VerifierKey) (Challenge, error) {
	n, err := note.Open(signed, note.VerifierList(by))
	if err != nil {
		return Challenge{}, fmt.Errorf("%w: the challenge: %w", ledger.ErrUnverified, err)
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 6 || lines[0] != challengeHead || lines[1] != by.Name() || !isHex(lines[3], ClientNonceSize) || !isHex(lines[4], NonceSize) {
		return Challenge{}, fmt.Errorf("%w: the challenge", ledger.ErrMalformed)
	}
	return Challenge{Origin: lines[1], Address: lines[2], Client: lines[3], Nonce: lines[4]}, nil
}

// isHex reports whether a text is the hexadecimal digits of n bytes.
func isHex(s string, n int) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == n && hex.EncodeToString(b) == s
}

// A Request is what a proof is about.
type Request struct {
	Origin string // of the ledger
	Nonce  string // of the challenge
	Number int64
	Method string
	URI    string // path and query
	Body   ledger.Hash
}

func (r Request) text() []byte {
	return []byte(strings.Join([]string{
		"gait proof v1", r.Origin, r.Nonce, strconv.FormatInt(r.Number, 10), r.Method, r.URI, r.Body.String(), "",
	}, "\n"))
}

// Digest returns the SHA-256 of the text that a proof signs.
func (r Request) Digest() ledger.Hash { return sha256.Sum256(r.text()) }

// Prove returns the value of the header Authorization for a request.
func (t Token) Prove(r Request) string {
	sig := ed25519.Sign(t.key, r.text())
	return fmt.Sprintf("%s %s.%s.%d.%s.%s", Scheme, t.ID(), r.Nonce, r.Number, r.Body, hex.EncodeToString(sig))
}

// A Proof is what a header Authorization says, which is not verified.
type Proof struct {
	ID     string // of the token
	Nonce  string
	Number int64
	Body   ledger.Hash

	sig []byte
}

// ParseProof reads a proof, in the one spelling that Prove writes, without its scheme.
func ParseProof(text string) (p Proof, err error) {
	bad := fmt.Errorf("%w: a proof of a token", ledger.ErrMalformed)
	parts := strings.Split(text, ".")
	if len(parts) != 5 || !isHex(parts[0], idSize) || !isHex(parts[1], NonceSize) || !isHex(parts[4], ed25519.SignatureSize) {
		return p, bad
	}
	p = Proof{ID: parts[0], Nonce: parts[1]}
	if p.Number, err = strconv.ParseInt(parts[2], 10, 64); err != nil || p.Number < 1 || strconv.FormatInt(p.Number, 10) != parts[2] {
		return p, bad
	}
	if p.Body, err = ledger.ParseHash(parts[3]); err != nil {
		return p, bad
	}
	p.sig, err = hex.DecodeString(parts[4])
	return p, err
}

// Of returns the request that the proof is about, if it has a method and a URI.
func (p Proof) Of(origin, method, uri string) Request {
	return Request{Origin: origin, Nonce: p.Nonce, Number: p.Number, Method: method, URI: uri, Body: p.Body}
}

// Proves reports whether the holder of a token signed the request, and the proof names that
// token: the signature does not cover the name, so a proof that names another is none.
func (p Proof) Proves(r Request, public [ed25519.PublicKeySize]byte) bool {
	return p.ID == ID(public) && ed25519.Verify(public[:], r.text(), p.sig)
}

func answerText(origin string, to ledger.Hash, status int, body ledger.Hash) []byte {
	return []byte(strings.Join([]string{"gait answer v1", origin, to.String(), strconv.Itoa(status), body.String(), ""}, "\n"))
}

// SignAnswer returns the trailer of an answer to the request with a digest.
func SignAnswer(by ledger.Signer, to ledger.Hash, status int, body ledger.Hash) (string, error) {
	sig, err := by.Sign(answerText(by.Name(), to, status, body))
	if err != nil {
		return "", fmt.Errorf("signing an answer: %w", err)
	}
	return base64.StdEncoding.EncodeToString(sig), nil
}

// CheckAnswer reports whether a ledger's key signed an answer.
func CheckAnswer(by ledger.VerifierKey, trailer string, to ledger.Hash, status int, body ledger.Hash) bool {
	sig, err := base64.StdEncoding.Strict().DecodeString(trailer)
	return err == nil && by.Verify(answerText(by.Name(), to, status, body), sig)
}
