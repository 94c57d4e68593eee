package daemon

import (
	"bytes"
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

// A Client asks a daemon. HTTP is required; Transport makes one.
type Client struct {
	HTTP *http.Client

	// Timeout is how long a command may wait to be carried out; 0: no limit. An
	// answer is waited for a little longer.
	Timeout time.Duration

	// NoJobs leaves the job out of results: the longer its history, the more
	// there is to send.
	NoJobs bool
}

// Transport returns what a client asks through: dial makes the connections,
// whatever the address says.
func Transport(dial func(context.Context) (net.Conn, error)) *http.Transport {
	return &http.Transport{
		DialContext:           func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
		ExpectContinueTimeout: time.Hour, // the daemon asks for a body, always
		DisableCompression:    true,
	}
}

// grace is how much longer than the daemon a client waits.
const grace = 15 * time.Second

// base is the address of every daemon.
const base = "http://gait"

// Do carries a request out, as the Do of an engine: *commands.RefusedError is a
// refusal. Other errors are *Error, what the daemon said; *UnreachableError; and
// ledger.ErrOutcomeUnknown where the daemon was asked and has not answered.
func (c *Client) Do(ctx context.Context, r commands.Request) (commands.Result, error) {
	b, err := encodeRequest(r, c.Timeout, !c.NoJobs)
	if err != nil {
		return commands.Result{}, err
	}
	if c.Timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.Timeout+grace)
		defer cancel()
	}
	a := answer{wireError: new(wireError)}
	err = c.ask(ctx, http.MethodPost, "/v1/commands", b, &a)
	if lost, ok := errors.AsType[*UnreachableError](err); ok && lost.sent && !r.DryRun {
		return commands.Result{}, fmt.Errorf("%w: %w", ledger.ErrOutcomeUnknown, lost)
	}
	said, isError := errors.AsType[*Error](err)
	if err != nil && (!isError || a.Event == nil) {
		return commands.Result{}, err
	}
	result, err := a.result()
	if err != nil {
		return commands.Result{}, fmt.Errorf("reading the daemon's answer: %w", err)
	}
	if isError {
		no := &projection.Refusal{Code: said.Code, Reason: said.Text, Hint: said.Hint}
		return commands.Result{}, &commands.RefusedError{Refusal: no, Result: result}
	}
	return result, nil
}

// ask sends a request and reads the object that answers it into v, which may
// be nil. Where that is an error, it is a *Error, and v is read all the same.
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

// read sends a request and returns the bytes that answer it; beside a *Error too.
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
	if err != nil {
		lost := unreachable(ctx, err)
		lost.sent = true
		return nil, lost
	}
	if res.StatusCode == http.StatusOK {
		return b, nil
	}
	return b, said(res.StatusCode, b)
}

// send sends a request. A body is sent when the daemon asks for it: before that,
// a connection that breaks has done nothing.
func (c *Client) send(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	q, err := http.NewRequestWithContext(ctx, method, base+path, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("asking the daemon: %w", err)
	}
	content := &reader{of: bytes.NewReader(body)}
	if body != nil {
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

// A reader is a body that knows whether any of it was sent.
type reader struct {
	of    *bytes.Reader
	begun atomic.Bool
}

func (r *reader) Read(b []byte) (int, error) {
	r.begun.Store(true)
	return r.of.Read(b)
}

func (r *reader) Close() error { return nil }

// unreachable is the error of a connection. Where the caller has had enough, it
// is the caller's.
func unreachable(ctx context.Context, err error) *UnreachableError {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return &UnreachableError{Err: err}
}

// said reads an error that the daemon answered with.
func said(status int, b []byte) error {
	var e wireError
	if json.Unmarshal(b, &e) != nil || e.Code == "" {
		return fmt.Errorf("%w: the daemon answered %d %.80q", ledger.ErrMalformed, status, b)
	}
	return e.err()
}

func (e wireError) err() *Error {
	return &Error{Text: e.Text, Failure: Failure{Code: e.Code, Category: e.Category, Exit: e.Exit, Retryable: e.Retryable, Hint: e.Hint}}
}
