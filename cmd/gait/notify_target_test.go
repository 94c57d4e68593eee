package main

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gait/commands/notify"
)

// hookAt returns the webhook at a URL.
func hookAt(t *testing.T, url string) notify.Target {
	t.Helper()
	to, err := notifyTargetOf(url)
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// Only a whole answer of 2xx takes a message. No redirect is followed, a receiver can say when to try
// again, and no error holds what may be a secret of the URL.
func TestWebhookAnswers(t *testing.T) {
	var elsewhere atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	t.Cleanup(other.Close)
	for _, tt := range []struct {
		status  int
		header  string
		taken   bool
		refused bool
		after   time.Duration
	}{
		{status: 200, taken: true},
		{status: 202, taken: true},
		{status: 204, taken: true},
		{status: 301},
		{status: 302},
		{status: 307},
		{status: 308},
		{status: 400, refused: true},
		{status: 401, refused: true},
		{status: 403, refused: true},
		{status: 404, refused: true},
		{status: 410, refused: true},
		{status: 413, refused: true},
		{status: 451, refused: true},
		{status: 422, header: "5", refused: true},
		{status: 408},
		{status: 425},
		{status: 429},
		{status: 500},
		{status: 503},
		{status: 429, header: "120", after: 2 * time.Minute},
		{status: 503, header: "nonsense"},
		{status: 503, header: "-5"},
	} {
		hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", other.URL)
			if tt.header != "" {
				w.Header().Set("Retry-After", tt.header)
			}
			w.WriteHeader(tt.status)
		}))
		err := hookAt(t, hook.URL+"/?token=secret").Deliver(t.Context(), notify.Message{ID: "msg_1", Body: []byte("{}")})
		hook.Close()
		var after time.Duration
		if later, ok := errors.AsType[*notify.LaterError](err); ok {
			after = later.After
		}
		_, refused := errors.AsType[*notify.RefusedError](err)
		if (err == nil) != tt.taken || after != tt.after || refused != tt.refused {
			t.Errorf("an answer of %d, Retry-After %q, is %v after %v, want taken %v after %v", tt.status, tt.header, err, after, tt.taken, tt.after)
		}
	}
	if n := elsewhere.Load(); n != 0 {
		t.Errorf("%d redirects were followed", n)
	}
}

// A receiver that is not there, that hangs up, or that does not answer before the notifier ends has not
// taken the message.
func TestWebhookFails(t *testing.T) {
	over := make(chan struct{})
	hangs := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-over }))
	cuts := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	echoes := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			_, _ = c.Write([]byte("you asked for " + q.RequestURI + "\r\n\r\n"))
			_ = c.Close()
		}
	}))
	secured := httptest.NewTLSServer(http.NotFoundHandler()) // by an authority that is not known
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	secured.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(func() { close(over); cuts.Close(); hangs.Close(); echoes.Close(); secured.Close() })
	for name, url := range map[string]string{"hangs": hangs.URL, "cuts": cuts.URL, "gone": gone.URL, "echoes": echoes.URL, "secured": secured.URL, "in clear": strings.Replace(gone.URL, "http:", "https:", 1)} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		err := hookAt(t, url+"/secret?token=secret").Deliver(ctx, notify.Message{ID: "msg_1", Body: []byte("{}")})
		cancel()
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A program has taken a message if it exits with 0, and only then; one that hangs is killed, with what it
// started.
func TestProgramTakes(t *testing.T) {
	dir := t.TempDir()
	for name, tt := range map[string]struct {
		script string
		taken  bool
		refuse bool
	}{
		"takes": {"cat > /dev/null; exit 0", true, false}, "reads nothing": {"exit 0", true, false}, "fails": {"cat > /dev/null; exit 1", false, false},
		"refuses": {"cat > /dev/null; exit 65", false, true}, "is killed": {"kill -9 $$", false, false}, "hangs": {"sleep 1000 & sleep 1000", false, false},
	} {
		path := filepath.Join(dir, strings.ReplaceAll(name, " ", "_"))
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+tt.script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		err := hookAt(t, path).Deliver(ctx, notify.Message{ID: "msg_1", Body: []byte("{}")})
		cancel()
		if _, refused := errors.AsType[*notify.RefusedError](err); (err == nil) != tt.taken || refused != tt.refuse {
			t.Errorf("a program that %s: %v, want taken %v", name, err, tt.taken)
		}
	}
}

// A daemon that is killed again and again tells a webhook of everything that it was not told of before,
// in order, and what it is told twice has the same id.
func TestNotifyKilled(t *testing.T) {
	b := newGait(t)
	got := make(chan string, 1000)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		got <- q.Header.Get("webhook-id")
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(hook.Close)
	b.run("job", "submit", "--id", "a", "--json")
	d := b.serve("--notify", hook.URL)
	const rounds = 4
	for range rounds {
		b.run("job", "pause", "a", "--reason", "r", "--actor", "boss", "--json")
		b.run("job", "resume", "a", "--actor", "boss", "--json")
		if err := d.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = d.cmd.Wait()
		b.run("job", "pause", "a", "--reason", "r", "--actor", "boss", "--json")
		b.run("job", "resume", "a", "--actor", "boss", "--json")
		d = b.serve("--notify", hook.URL)
	}
	ids := map[string]bool{}
	for len(ids) < 2*rounds {
		select {
		case id := <-got:
			ids[id] = true
		case <-time.After(time.Minute):
			t.Fatalf("the webhook was told of %d pauses, want %d", len(ids), 2*rounds)
		}
	}
}
