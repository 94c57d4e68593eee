package daemon

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"gait/commands"
	"gait/ledger"
	"gait/projection"
)

// A Client sends requests to a daemon. HTTP is required; Transport makes its transport.
type Client struct {
	HTTP *http.Client

	// Timeout is how long a command may wait before it is carried out; 0 means
	// no limit. The client waits a little longer for the answer.
	Timeout time.Duration

	// NoJobs leaves the job out of results. A job with a longer history takes
	// longer to send.
	NoJobs bool

	// Base is how the daemon's address begins, such as https://gait.example:7070. Empty
	// is for a transport that connects to it whatever the address is.
	Base string

	// Credential proves each request. It is nil if the daemon knows its client already,
	// as one at a socket of the user's does.
	Credential *Credential
}

// Transport returns a transport that makes its connections with dial, whatever the
// address is.
func Transport(dial func(context.Context) (net.Conn, error)) *http.Transport {
	return &http.Transport{
		DialContext:           func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
		ExpectContinueTimeout: time.Hour, // the daemon always asks for a body
		DisableCompression:    true,
	}
}

// grace is how much longer than the daemon's timeout a client waits.
const grace = 15 * time.Second

// base returns how addresses begin.
func (c *Client) base() string { return cmp.Or(c.Base, "http://gait") }

// Do carries out a request, as the Do of an engine does: a refusal is a
// *commands.RefusedError. Other errors are an *Error that the daemon answered; an
// *UnreachableError; and ledger.ErrOutcomeUnknown if the command was sent and the
// daemon has not answered.
func (c *Client) Do(ctx context.Context, r commands.Request) (commands.Result, error) {
	b, err := encodeRequest(r, c.Timeout, !c.NoJobs)
	if err != nil {
		return commands.Result{}, err
	}
	ctx, cancel := c.limit(ctx)
	defer cancel()
	a := answer{wireError: new(wireError)}
	err = c.ask(ctx, http.MethodPost, "/v1/commands", b, &a)
	return a.outcome(r, err)
}

// limit returns a context in which to wait for the answer to a command.
func (c *Client) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if c.Timeout <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, c.Timeout+grace)
}

// outcome returns what the answer to a request says, or the error of asking.
func (a answer) outcome(r commands.Request, err error) (commands.Result, error) {
	if isLost(err) && !r.DryRun {
		return commands.Result{}, fmt.Errorf("%w: %w", ledger.ErrOutcomeUnknown, err)
	}
	said, isError := errors.AsType[*Error](err)
	if isError && said.Details.IsZero() { // the daemon is older than details
		said.Details.JobID = r.JobID
	}
	if isError {
		said.unrepeated = unrepeated(said, a.Gate)
	}
	if err != nil && (!isError || a.Event == nil) {
		return commands.Result{}, err
	}
	result, err := a.result()
	if err != nil {
		return commands.Result{}, fmt.Errorf("reading the daemon's answer: %w", err)
	}
	if isError {
		said.Details.Status = cmp.Or(said.Details.Status, result.Job.Status)
		no := &projection.Refusal{Code: projection.RefusalCode(said.Kind.Code), Reason: said.Text, Details: said.Details}
		return commands.Result{}, &commands.RefusedError{Refusal: no, Result: result}
	}
	return result, nil
}

// isLost reports whether a request was sent, and its answer is not known.
func isLost(err error) bool {
	lost, ok := errors.AsType[*UnreachableError](err)
	return ok && lost.sent || errors.Is(err, errUnsignedAnswer)
}

// ask sends a request and reads the object that the daemon answers into v, which
// may be nil. If the answer is an error, ask returns it as an *Error and still reads
// it into v.
func (c *Client) ask(ctx context.Context, method, path string, body []byte, v any) error {
	b, err := c.read(ctx, method, path, body)
	_, isError := errors.AsType[*Error](err)
	if v == nil || err != nil && !isError {
		return err
	}
	if bad := json.Unmarshal(b, v); bad != nil {
		return fmt.Errorf("reading the daemon's answer: %w: %w", ledger.ErrMalformed, bad)
	}
	return err
}

// read sends a request and returns the bytes of the answer, also if it is an *Error.
func (c *Client) read(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	res, err := c.send(ctx, method, path, body)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxReply+1))
	if err == nil && len(b) > maxReply {
		err = fmt.Errorf("%w: an answer of more than %d bytes", ledger.ErrMalformed, maxReply)
	}
	if errors.Is(err, ErrUnproved) {
		return nil, err
	}
	if err != nil {
		lost := unreachable(ctx, err)
		lost.sent = true
		return nil, lost
	}
	if res.StatusCode == http.StatusOK {
		return b, nil
	}
	return b, readError(res.StatusCode, b)
}

// send sends a request, with a proof if the client has a credential.
func (c *Client) send(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	if c.Credential != nil {
		return c.sendProved(ctx, method, path, body)
	}
	return c.sendOnce(ctx, method, path, body, "")
}

// sendOnce sends a request. It sends the body only when the daemon asks for it: if the
// connection breaks before that, the daemon has done nothing.
func (c *Client) sendOnce(ctx context.Context, method, path string, body []byte, authorization string) (*http.Response, error) {
	q, err := http.NewRequestWithContext(ctx, method, c.base()+path, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("asking the daemon: %w", err)
	}
	if authorization != "" {
		q.Header.Set("Authorization", authorization)
	}
	content := &reader{of: bytes.NewReader(body)}
	if len(body) > 0 {
		q.Body, q.ContentLength = content, int64(len(body))
		q.Header.Set("Content-Type", "application/json")
		q.Header.Set("Expect", "100-continue")
	}
	res, err := c.HTTP.Do(q)
	if err != nil {
		lost := unreachable(ctx, err)
		lost.sent = content.begun.Load()
		return nil, lost
	}
	return res, nil
}

// A reader is a request body that records whether any of it was sent.
type reader struct {
	of    *bytes.Reader
	begun atomic.Bool
}

func (r *reader) Read(b []byte) (int, error) {
	r.begun.Store(true)
	return r.of.Read(b)
}

func (r *reader) Close() error { return nil }

// unreachable returns the error of a connection that failed. If the caller's context
// has ended, that is the cause.
func unreachable(ctx context.Context, err error) *UnreachableError {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return &UnreachableError{Err: err}
}

// readError reads an error from the daemon's answer.
func readError(status int, b []byte) error {
	var e wireError
	if json.Unmarshal(b, &e) != nil || e.Code == "" {
		return fmt.Errorf("%w: the daemon answered %d %.80q", ledger.ErrMalformed, status, b)
	}
	return e.err()
}

func (e wireError) err() *Error {
	return &Error{Text: e.Text, Kind: ledger.Fault{Code: e.Code, Category: e.Category, Retryable: e.Retryable}, Details: e.Details, Hint: e.Hint}
}
