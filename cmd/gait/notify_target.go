package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
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

	name string // as it is shown and logged: without what may be a secret
}

// notifyTargetsOf reads the values of --notify.
func notifyTargetsOf(texts []string) (targets []notifyTarget, err error) {
	for _, text := range texts {
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
			return bad(fmt.Sprintf("%.80q is neither a URL nor a program: %v", text, errors.Unwrap(err)))
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
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	return notifyTarget{webhook{u, newHook()}, shown.String()}, nil
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
		if inner, ok := errors.AsType[*url.Error](err); ok {
			err = inner.Err
		}
		return err
	}
	defer res.Body.Close()
	_, _ = io.CopyN(io.Discard, res.Body, 64<<10) // so that the connection is used again
	if res.StatusCode >= 200 && res.StatusCode < 300 {
		return nil
	}
	err = fmt.Errorf("it answers %d", res.StatusCode)
	if res.StatusCode == http.StatusGone { // it wants no more
		return &notify.LaterError{After: time.Hour, Err: err}
	}
	if s, bad := strconv.ParseInt(res.Header.Get("Retry-After"), 10, 32); bad == nil && s > 0 {
		return &notify.LaterError{After: time.Duration(s) * time.Second, Err: err}
	}
	return err
}

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
	return cmd.Run()
}
