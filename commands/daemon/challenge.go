package daemon

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"sync"
	"time"

	"gait/commands/token"
	"gait/ledger"
)

// ErrChallengeOver says that a proof answers a challenge that has ended, or that this
// daemon has not made. The client asks for another one.
var ErrChallengeOver = ledger.NewError("the challenge is over", ledger.Fault{Code: "challenge_expired", Category: ledger.CategoryPolicy, Retryable: true})

const (
	challengePath = "/v1/challenge"
	proofScheme   = token.Scheme

	// challengeLife is how long a request may answer a challenge. Each run of a command
	// answers one of its own, so it also says how many can run with one token: some 270 a
	// second.
	challengeLife = 30 * time.Second

	// maxAnswered bounds the challenges that were answered and are not over, and
	// maxAnsweredBy those of one token.
	maxAnswered   = 65536
	maxAnsweredBy = 8192
)

// guardKey is the key of the guard in the context of a request for a challenge.
type guardKey struct{}

// A challengeAnswer is a challenge on the wire.
type challengeAnswer struct {
	Challenge string `json:"challenge"` // signed, as package token says
	Key       string `json:"key"`       // the ledger's verifier key that has signed it
}

// challenge answers with a signed challenge. It remembers nothing.
func (s *Server) challenge(w http.ResponseWriter, q *http.Request) error {
	g, ok := q.Context().Value(guardKey{}).(*guard)
	if !ok {
		return fmt.Errorf("%s, at an address without tokens: %w", challengePath, ErrNoRoute)
	}
	c := token.Challenge{Origin: g.door.Signer.Name(), Address: g.door.Address, Client: q.URL.Query().Get("client")}
	if b, err := hex.DecodeString(c.Client); err != nil || len(b) != token.ClientNonceSize || hex.EncodeToString(b) != c.Client {
		return invalid("client", "%.40q is not a nonce of %d hexadecimal digits", c.Client, 2*token.ClientNonceSize)
	}
	var err error
	if c.Nonce, err = g.proofs.nonce(); err != nil {
		return err
	}
	signed, err := c.Sign(g.door.Signer)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, challengeAnswer{Challenge: string(signed), Key: g.door.Signer.VerifierKey().String()})
}

// proofs judges which challenges may be answered, and which number each answer may have.
type proofs struct {
	now     func() time.Time
	entropy io.Reader
	secret  [32]byte

	mu       sync.Mutex
	latest   time.Time         // that the clock read
	answered map[string]*taken // by nonce
	by       map[string]int    // how many of them by one token
}

// taken is which numbers of a challenge's proofs were taken.
type taken struct {
	id    string // of the token that answered it
	until time.Time
	last  int64  // the highest number
	seen  uint64 // bit i: the number last-i
}

func newProofs(entropy io.Reader, now func() time.Time) (*proofs, error) {
	p := &proofs{now: now, entropy: entropy, answered: map[string]*taken{}, by: map[string]int{}}
	if _, err := io.ReadFull(entropy, p.secret[:]); err != nil {
		return nil, fmt.Errorf("making the secret of challenges: %w", err)
	}
	return p, nil
}

// Parts of a nonce, in bytes: when it ends, random bytes, and the MAC of both.
const (
	nonceTime   = 8
	nonceRandom = 16
	nonceMAC    = token.NonceSize - nonceTime - nonceRandom
)

// nonce makes the nonce of a challenge.
func (p *proofs) nonce() (string, error) {
	p.mu.Lock()
	b := binary.BigEndian.AppendUint64(nil, uint64(p.time().Add(challengeLife).UnixMilli()))
	b = append(b, make([]byte, nonceRandom)...)
	_, err := io.ReadFull(p.entropy, b[nonceTime:])
	p.mu.Unlock()
	if err != nil {
		return "", fmt.Errorf("making a challenge: %w", err)
	}
	return hex.EncodeToString(append(b, p.mac(b)...)), nil
}

func (p *proofs) mac(b []byte) []byte {
	m := hmac.New(sha256.New, p.secret[:])
	m.Write(b)
	return m.Sum(nil)[:nonceMAC]
}

// end returns when the challenge with a nonce ends. It is zero for a challenge that was
// not made here.
func (p *proofs) end(nonce string) time.Time {
	b, err := hex.DecodeString(nonce)
	if err != nil || len(b) != token.NonceSize {
		return time.Time{}
	}
	made := b[:nonceTime+nonceRandom]
	if subtle.ConstantTimeCompare(p.mac(made), b[len(made):]) != 1 {
		return time.Time{}
	}
	return time.UnixMilli(int64(binary.BigEndian.Uint64(made)))
}

// errBusy says that too many challenges were answered of late.
var errBusy = ledger.NewError("too many clients have come with a token of late", ledger.Fault{Code: "busy", Category: ledger.CategoryContention, Retryable: true})

// take takes the number of a proof by a token, which is verified. It fails with ErrToken
// if that was taken before.
func (p *proofs) take(nonce, id string, number int64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	end, now := p.end(nonce), p.time()
	if !now.Before(end) {
		return ErrChallengeOver
	}
	t := p.answered[nonce]
	if t == nil {
		if len(p.answered) >= maxAnswered || p.by[id] >= maxAnsweredBy {
			p.forget(now)
		}
		if len(p.answered) >= maxAnswered || p.by[id] >= maxAnsweredBy {
			return errBusy
		}
		t = &taken{id: id, until: end}
		p.answered[nonce] = t
		p.by[id]++
	}
	if t.id != id || !t.take(number) {
		return ErrToken
	}
	return nil
}

// time returns what the clock reads, but never an earlier time than before: a challenge that
// is over, and forgotten, does not come back.
func (p *proofs) time() time.Time {
	if now := p.now(); now.After(p.latest) {
		p.latest = now
	}
	return p.latest
}

// forget forgets the challenges that are over.
func (p *proofs) forget(now time.Time) {
	for nonce, t := range p.answered {
		if now.Before(t.until) {
			continue
		}
		delete(p.answered, nonce)
		if p.by[t.id]--; p.by[t.id] == 0 {
			delete(p.by, t.id)
		}
	}
}

// take takes a number once. It takes none that is 64 or more below the highest.
func (t *taken) take(number int64) bool {
	if number > t.last {
		t.seen = t.seen<<min(uint64(number-t.last), 64) | 1
		t.last = number
		return true
	}
	bit := uint64(1) << uint64(t.last-number)
	if t.last-number >= 64 || t.seen&bit != 0 {
		return false
	}
	t.seen |= bit
	return true
}

// A provenRequest is a request whose proof was verified.
type provenRequest struct {
	request *http.Request
	digest  ledger.Hash // of what the proof signs
	signer  ledger.Signer
	answer  *signedWriter
}

// prove verifies the proof that a request carries.
func (g *guard) prove(q *http.Request, given string) (*provenRequest, error) {
	p, err := token.ParseProof(given)
	if err != nil {
		return nil, ErrToken
	}
	if g.proofs.end(p.Nonce).IsZero() {
		return nil, ErrChallengeOver
	}
	holder, ok, err := g.door.Tokens(p.ID)
	if err != nil {
		g.server.Slog.Error("the tokens cannot be read, so none is accepted", "error", err.Error())
	}
	of := p.Of(g.door.Signer.Name(), q.Method, q.RequestURI)
	if err != nil || !ok || !p.Proves(of, holder.Key) {
		return nil, ErrToken
	}
	if err := g.proofs.take(p.Nonce, p.ID, p.Number); err != nil {
		return nil, err
	}
	still := func() bool {
		now, ok, err := g.door.Tokens(p.ID)
		return err == nil && ok && now == holder
	}
	r := q.WithContext(context.WithValue(q.Context(), holderKey{}, admitted{Holder: holder, still: still}))
	r.Header = q.Header.Clone()
	r.Header.Del("Last-Event-ID") // the proof does not cover it
	r.Body = &provenBody{ReadCloser: q.Body, want: p.Body, sum: sha256.New()}
	return &provenRequest{request: r, digest: of.Digest(), signer: g.door.Signer}, nil
}

// errOtherBody says that a body is not the one that was proved.
var errOtherBody = errors.New("the body is not the one that the token's holder signed")

// A provenBody is a body that ends only if it is the one that the proof is about.
type provenBody struct {
	io.ReadCloser
	want ledger.Hash
	sum  hash.Hash
}

func (b *provenBody) Read(to []byte) (int, error) {
	n, err := b.ReadCloser.Read(to)
	b.sum.Write(to[:n])
	if errors.Is(err, io.EOF) && ledger.Hash(b.sum.Sum(nil)) != b.want {
		err = errOtherBody
	}
	return n, err
}

// sign returns a writer for the answer, which seal signs.
func (p *provenRequest) sign(to http.ResponseWriter) http.ResponseWriter {
	p.answer = &signedWriter{ResponseWriter: to, sum: sha256.New()}
	return p.answer
}

// seal signs the answer, once all of it was written. An answer that is not signed is not
// believed.
func (p *provenRequest) seal() {
	if p.answer.status == 0 {
		p.answer.WriteHeader(http.StatusOK)
	}
	text, err := token.SignAnswer(p.signer, p.digest, p.answer.status, ledger.Hash(p.answer.sum.Sum(nil)))
	if err == nil {
		p.answer.Header().Set(token.AnswerTrailer, text)
	}
}

// A signedWriter hashes an answer. It has a trailer, and so no Content-Length.
type signedWriter struct {
	http.ResponseWriter
	sum    hash.Hash
	status int
}

func (w *signedWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
		w.Header().Del("Content-Length")
		w.Header()["Trailer"] = []string{token.AnswerTrailer}
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *signedWriter) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	w.sum.Write(b)
	return w.ResponseWriter.Write(b)
}

// Unwrap returns the writer underneath.
func (w *signedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
