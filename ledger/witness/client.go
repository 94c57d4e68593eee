package witness

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gait/ledger"
)

// A Witness is a witness that a client can ask: its address and its key.
type Witness struct {
	URL string // its submission prefix, which CheckURL accepts
	Key ledger.WitnessKey
}

// A Prover returns the proof that the tree of size old is a prefix of the
// checkpoint's (RFC 6962, section 2.1.2). It is called with sizes from 1 to the
// checkpoint's.
type Prover func(old int64) ([]ledger.Hash, error)

// A Client asks witnesses for cosignatures. The zero Client is ready to use.
type Client struct {
	Timeout time.Duration // of one request; 0: 10 s
}

// attempts is how often Cosign asks a witness that answers with another size each time.
const attempts = 3

// Cosign asks a witness to cosign a signed checkpoint, which must have only the
// ledger's own signatures. known is the size that the witness is thought to have
// cosigned last, or 0 if that is not known. Cosign verifies the cosignature.
//
// Errors are *ConflictError, *UnreachableError, *RefusedError, *AnswerError,
// those of prove, and the context's.
func (c Client) Cosign(ctx context.Context, w Witness, signed []byte, known int64, prove Prover) (ledger.Cosignature, error) {
	checkpoint, err := ledger.PeekCheckpoint(signed)
	if err != nil {
		return ledger.Cosignature{}, err
	}
	old := known
	for range attempts {
		body, err := request(old, signed, prove)
		if err != nil {
			return ledger.Cosignature{}, err
		}
		a, err := c.post(ctx, w, body)
		if err != nil {
			return ledger.Cosignature{}, err
		}
		conflict := &ConflictError{Witness: w, Status: a.status, Old: old, Checkpoint: checkpoint, Signed: signed, Said: a.said()}
		switch a.status {
		case http.StatusOK:
			return a.cosignature(w, signed)
		case http.StatusUnprocessableEntity:
			return ledger.Cosignature{}, conflict
		case http.StatusConflict:
			size, err := a.size(w, old)
			if err != nil {
				return ledger.Cosignature{}, err
			}
			if size > checkpoint.Size {
				conflict.Size = size
				return ledger.Cosignature{}, conflict
			}
			old = size
		default:
			return ledger.Cosignature{}, a.refusal(w)
		}
	}
	return ledger.Cosignature{}, &AnswerError{Witness: w, Problem: "it is at another size each time it is asked"}
}

// request returns the body of an add-checkpoint request.
func request(old int64, signed []byte, prove Prover) ([]byte, error) {
	b := []byte("old " + strconv.FormatInt(old, 10) + "\n")
	if old > 0 {
		path, err := prove(old)
		if err != nil {
			return nil, err
		}
		for _, h := range path {
			b = append(b, base64.StdEncoding.EncodeToString(h[:])+"\n"...)
		}
	}
	return append(append(b, '\n'), signed...), nil
}

// An answer is a witness's response, cut off one byte after its limit.
type answer struct {
	status int
	body   []byte
}

func (c Client) post(ctx context.Context, w Witness, body []byte) (answer, error) {
	timeout := c.Timeout
	if timeout <= 0 {
		timeout = 10 * time.Second
	}
	within, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(within, http.MethodPost, w.URL+"/add-checkpoint", bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("User-Agent", "gait")
	r.Header.Set("Content-Type", "text/plain; charset=utf-8")
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	reply, err := client.Do(r)
	if err == nil {
		defer reply.Body.Close()
		if body, err = io.ReadAll(io.LimitReader(reply.Body, ledger.MaxNoteSize+1)); err == nil {
			return answer{reply.StatusCode, body}, nil
		}
	}
	if ctx.Err() != nil {
		return answer{}, ctx.Err()
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("no answer within %s", timeout)
	}
	return answer{}, &UnreachableError{Witness: w, Err: err}
}

// said returns the beginning of the answer, made safe to print.
func (a answer) said() string {
	text := strings.TrimSpace(string(a.body[:min(len(a.body), 200)]))
	return strings.Trim(strconv.QuoteToASCII(text), `"`)
}

// cosignature returns the witness's cosignature from the lines of the answer, which
// may hold others.
func (a answer) cosignature(w Witness, signed []byte) (ledger.Cosignature, error) {
	bad := func(format string, args ...any) (ledger.Cosignature, error) {
		return ledger.Cosignature{}, &AnswerError{Witness: w, Problem: fmt.Sprintf(format, args...)}
	}
	if len(a.body) > ledger.MaxNoteSize-len(signed) {
		return bad("its answer is longer than a checkpoint has room for")
	}
	if !bytes.HasPrefix(a.body, []byte("— ")) {
		return bad("its answer is not signature lines: %s", a.said())
	}
	found, err := ledger.Cosignatures(append(bytes.Clone(signed), a.body...), []ledger.WitnessKey{w.Key})
	switch {
	case err != nil:
		return bad("its answer does not verify: %s", err)
	case len(found) == 0:
		return bad("its answer holds no cosignature by %s", w.Key)
	}
	return found[0], nil
}

// size reads the size that the witness says it has cosigned.
func (a answer) size(w Witness, old int64) (int64, error) {
	digits, ended := strings.CutSuffix(string(a.body), "\n")
	size, err := strconv.ParseInt(digits, 10, 64)
	if !ended || err != nil || size < 0 || strconv.FormatInt(size, 10) != digits {
		return 0, &AnswerError{Witness: w, Problem: "it is at another size, and does not say at which: " + a.said()}
	}
	if size == old {
		return 0, &AnswerError{Witness: w, Problem: fmt.Sprintf("it refuses size %d and says that it is at size %d", old, size)}
	}
	return size, nil
}

func (a answer) refusal(w Witness) error {
	if a.status >= 500 || a.status == http.StatusTooManyRequests {
		return &UnreachableError{Witness: w, Err: fmt.Errorf("status %d: %s", a.status, a.said())}
	}
	return &RefusedError{Witness: w, Status: a.status, Said: a.said()}
}
