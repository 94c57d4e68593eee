package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"gait/commands/notify"
	"gait/projection/cloudevents"
)

// notifyTimeout is how long one attempt to notify may take.
const notifyTimeout = 20 * time.Second

// A notifyTarget is a target of gait serve --notify.
type notifyTarget struct {
	notify.Target

	name string // as it is shown and logged: of a URL the host only, since the rest may be a secret
}

// notifyTargetsOf reads the values of --notify.
func notifyTargetsOf(texts []string) (targets []notifyTarget, err error) {
	for i, text := range texts {
		if slices.Contains(texts[:i], text) { // they would share what is kept of them
			return nil, &usageError{code: "invalid_notify", text: "--notify names a target twice", hint: "leave one of them out"}
		}
		to, err := notifyTargetOf(text)
		if err != nil {
			return nil, err
		}
		targets = append(targets, to)
	}
	return targets, nil
}

// notifyTargetOf reads a value of --notify: a URL, or else a program.
func notifyTargetOf(text string) (notifyTarget, error) {
	bad := func(problem string) (notifyTarget, error) {
		return notifyTarget{}, &usageError{code: "invalid_notify", text: "--notify " + problem, hint: "--notify https://HOST/PATH, or the path of a program"}
	}
	if !strings.Contains(text, "://") {
		path, err := exec.LookPath(text)
		if err != nil {
			return bad(fmt.Sprintf("%.80q is neither a URL nor a program that can be run", shownTarget(text)))
		}
		return notifyTarget{program(path), path}, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Fragment != "" {
		return bad("takes a URL with a host, and without a fragment")
	}
	at, _ := netip.ParseAddr(u.Hostname())
	switch {
	case u.Scheme == "https":
	case u.Scheme != "http":
		return bad("takes https, not " + u.Scheme)
	case u.Hostname() != "localhost" && !at.IsLoopback():
		return bad("sends what events say in clear: it takes http for a loopback address only")
	}
	shown := url.URL{Scheme: u.Scheme, Host: u.Host}
	return notifyTarget{webhook{u, newHook()}, shown.String()}, nil
}

// shownTarget returns what is shown of a text that is no target: the path of a program, or else what comes
// before the first slash, since the rest may be the secret of a URL without its scheme.
func shownTarget(text string) string {
	if strings.HasPrefix(text, "/") || strings.HasPrefix(text, "./") || strings.HasPrefix(text, "../") {
		return text
	}
	before, _, more := strings.Cut(text, "/")
	if more {
		before += "/…"
	}
	return before
}

// newHook returns the client for one webhook. It follows no redirect, and uses no proxy for what
// is signed but the one that the environment names.
func newHook() *http.Client {
	return &http.Client{
		Timeout:       notifyTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: notifyTimeout}).DialContext,
			TLSHandshakeTimeout: notifyTimeout, MaxResponseHeaderBytes: 64 << 10, ForceAttemptHTTP2: true, IdleConnTimeout: time.Minute, MaxIdleConnsPerHost: 1,
		},
	}
}

// A webhook takes messages by POST, as Standard Webhooks says.
type webhook struct {
	to     *url.URL
	client *http.Client
}

func (w webhook) Deliver(ctx context.Context, m notify.Message) error {
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, w.to.String(), bytes.NewReader(m.Body))
	if err != nil {
		return errors.New("the request cannot be made") // the error holds the URL, which may hold a secret
	}
	q.Header = http.Header{
		"Content-Type": {cloudevents.MediaType}, "User-Agent": {"gait/" + moduleVersion()},
		"Webhook-Id": {m.ID}, "Webhook-Timestamp": {m.Timestamp}, "Webhook-Signature": {m.Signature},
	}
	res, err := w.client.Do(q)
	if err != nil {
		return exchangeError(err)
	}
	defer res.Body.Close()
	_, _ = io.CopyN(io.Discard, res.Body, 64<<10) // so that the connection is used again
	if res.StatusCode >= 200 && res.StatusCode < 300 {
		return nil
	}
	return refusalOf(res)
}

// refusalOf returns what an answer says that is not 2xx. With 4xx the receiver refuses the message for good,
// unless it says that it is busy or early.
func refusalOf(res *http.Response) error {
	err := fmt.Errorf("it answers %d", res.StatusCode)
	switch res.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
	default:
		if res.StatusCode >= 400 && res.StatusCode < 500 {
			return &notify.RefusedError{Err: err}
		}
	}
	if s, bad := strconv.ParseInt(res.Header.Get("Retry-After"), 10, 32); bad == nil && s > 0 {
		return &notify.LaterError{After: time.Duration(s) * time.Second, Err: err}
	}
	return err
}

// exchangeError returns what is shown of an error of an HTTP client: only what cannot hold the URL, and
// nothing that the receiver has sent, which may be an echo.
func exchangeError(err error) error {
	if dial, ok := errors.AsType[*net.OpError](err); ok {
		return dial
	}
	if cert, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return cert
	}
	for _, known := range []error{context.DeadlineExceeded, context.Canceled, io.EOF, io.ErrUnexpectedEOF} {
		if errors.Is(err, known) {
			return known
		}
	}
	if late, ok := errors.AsType[net.Error](err); ok && late.Timeout() {
		return errors.New("it does not answer in time")
	}
	return errors.New("what it answers is no HTTP that is understood")
}

// refusedExit is how a program says that it refuses a message for good: EX_DATAERR of sysexits.h.
const refusedExit = 65

// A program takes a message on standard input, and has taken it if it exits with 0.
type program string

func (p program) Deliver(ctx context.Context, m notify.Message) error {
	ctx, cancel := context.WithTimeout(ctx, notifyTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, string(p))
	cmd.Env = append(os.Environ(), "WEBHOOK_ID="+m.ID, "WEBHOOK_TIMESTAMP="+m.Timestamp, "WEBHOOK_SIGNATURE="+m.Signature)
	cmd.Stdin = bytes.NewReader(m.Body)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == refusedExit {
		return &notify.RefusedError{Err: err}
	}
	return err
}
