package daemon

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
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

// ErrUnproved says that what answers has not shown that it is the ledger's daemon.
var ErrUnproved = ledger.NewError("what answers has not shown that it is the ledger's daemon", ledger.Fault{Code: "daemon_unproved", Category: ledger.CategoryVerification})

// ErrCertificate says that no authority that the client trusts vouches for the daemon's
// certificate.
var ErrCertificate = ledger.NewError("the daemon's certificate is not trusted", ledger.Fault{Code: "daemon_certificate", Category: ledger.CategoryVerification})

// errUnsignedAnswer says that the ledger's key has not signed an answer. What was asked
// for may have been done.
var errUnsignedAnswer = fmt.Errorf("%w: its answer is not signed", ErrUnproved)

// A Credential is how a client proves who it is, and learns that it speaks to the
// ledger's daemon.
type Credential struct {
	Token   token.Token
	Entropy io.Reader
	Now     func() time.Time

	// Trusted fails if the user does not trust a key.
	Trusted func(ledger.VerifierKey) error

	// Remote returns the address that the client is connected to, if connections to it
	// are not encrypted: a daemon that listens at another one is not believed. It is nil
	// if they are.
	Remote func() string

	mu     sync.Mutex
	nonce  string // of the challenge that is answered; "" before the first
	key    ledger.VerifierKey
	until  time.Time // when another challenge is asked for
	number int64     // of the last proof
}

// renewAfter is how long a client answers a challenge. It is less than challengeLife, so
// that no proof comes too late.
const renewAfter = challengeLife / 2

// A proved is a request with its proof.
type proved struct {
	header string      // Authorization
	digest ledger.Hash // of what the proof signs
	key    ledger.VerifierKey
}

// prove returns the proof for a request. It asks for a challenge first if there is none.
func (c *Client) prove(ctx context.Context, method, uri string, body []byte) (*proved, error) {
	cred := c.Credential
	cred.mu.Lock()
	defer cred.mu.Unlock()
	if cred.nonce == "" || !cred.Now().Before(cred.until) {
		if err := c.meet(ctx); err != nil {
			return nil, err
		}
	}
	cred.number++
	r := token.Request{Origin: cred.Token.Origin, Nonce: cred.nonce, Number: cred.number, Method: method, URI: uri, Body: sha256.Sum256(body)}
	return &proved{header: cred.Token.Prove(r), digest: r.Digest(), key: cred.key}, nil
}

// meet asks for a challenge, and verifies it. The caller holds the lock of the
// credential.
func (c *Client) meet(ctx context.Context) error {
	cred := c.Credential
	mine := make([]byte, token.ClientNonceSize)
	if _, err := io.ReadFull(cred.Entropy, mine); err != nil {
		return fmt.Errorf("making a nonce: %w", err)
	}
	client := hex.EncodeToString(mine)
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base()+challengePath+"?client="+client, http.NoBody)
	if err != nil {
		return fmt.Errorf("asking the daemon: %w", err)
	}
	res, err := c.HTTP.Do(q)
	if bad, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return fmt.Errorf("%w: %w", ErrCertificate, bad.Err)
	}
	if err != nil {
		return unreachable(ctx, err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxChallenge))
	if err != nil {
		return unreachable(ctx, err)
	}
	if res.StatusCode != http.StatusOK {
		return unsigned(res.StatusCode, b, ErrUnproved)
	}
	var a challengeAnswer
	if err := json.Unmarshal(b, &a); err != nil {
		return fmt.Errorf("%w: it answers %.80q", ErrUnproved, b)
	}
	key, err := ledger.ParseVerifierKey(a.Key)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnproved, err)
	}
	if key.Name() != cred.Token.Origin {
		return fmt.Errorf("%w: it serves %s, and the token is for %s", ErrUnproved, key.Name(), cred.Token.Origin)
	}
	if err := cred.Trusted(key); err != nil {
		return err
	}
	challenge, err := token.OpenChallenge([]byte(a.Challenge), key)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnproved, err)
	}
	if challenge.Client != client {
		return fmt.Errorf("%w: its challenge is for another client", ErrUnproved)
	}
	if cred.Remote != nil && challenge.Address != cred.Remote() {
		return fmt.Errorf("%w: it is at %s, and the daemon is at %s", ErrUnproved, cred.Remote(), challenge.Address)
	}
	cred.nonce, cred.key, cred.number, cred.until = challenge.Nonce, key, 0, cred.Now().Add(renewAfter)
	return nil
}

// maxChallenge bounds what a client reads of an answer that is not signed.
const maxChallenge = 16 << 10

// forget makes the next proof answer another challenge, unless another request has done
// so already.
func (cred *Credential) forget(p *proved) {
	cred.mu.Lock()
	defer cred.mu.Unlock()
	if cred.key == p.key {
		cred.nonce = ""
	}
}

// unsigned returns the error of an answer that is not signed: any process could have made
// it, so its text is not shown. It is otherwise if no daemon answers so.
func unsigned(status int, b []byte, otherwise error) error {
	var e wireError
	_ = json.Unmarshal(b, &e)
	for _, known := range []error{ErrChallengeOver, ErrToken, ErrForeign, errBusy, ErrNoRoute} {
		if f, _ := ledger.FaultOf(known); status >= http.StatusBadRequest && f.Code == e.Code {
			return known
		}
	}
	return fmt.Errorf("%w: it answers %d", otherwise, status)
}

// sendProved sends a request with a proof, and checks that the answer is the daemon's. If the
// challenge is over, it does so once more: the daemon has done nothing.
func (c *Client) sendProved(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	for again := false; ; again = true {
		p, err := c.prove(ctx, method, path, body)
		if err != nil {
			return nil, err
		}
		res, err := c.sendOnce(ctx, method, path, body, p.header)
		if err != nil {
			return nil, err
		}
		if len(res.Trailer) > 0 {
			res.Body = &answerBody{ReadCloser: res.Body, res: res, to: p, sum: sha256.New()}
			return res, nil
		}
		b, err := io.ReadAll(io.LimitReader(res.Body, maxChallenge))
		_ = res.Body.Close()
		if sent, ok := res.Request.Body.(*reader); ok && sent.begun.Load() {
			err = errUnsignedAnswer // the daemon may have done it: it is not said who answers
		} else if err == nil {
			err = unsigned(res.StatusCode, b, errUnsignedAnswer)
		}
		if again || !errors.Is(err, ErrChallengeOver) {
			return nil, err
		}
		c.Credential.forget(p)
	}
}

// An answerBody is the body of an answer that ends only if the ledger's key has signed it.
type answerBody struct {
	io.ReadCloser
	res *http.Response
	to  *proved
	sum hash.Hash
}

func (b *answerBody) Read(to []byte) (int, error) {
	n, err := b.ReadCloser.Read(to)
	b.sum.Write(to[:n])
	if errors.Is(err, io.EOF) && !token.CheckAnswer(b.to.key, b.res.Trailer.Get(token.AnswerTrailer), b.to.digest, b.res.StatusCode, ledger.Hash(b.sum.Sum(nil))) {
		err = errUnsignedAnswer
	}
	return n, err
}
