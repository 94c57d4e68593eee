package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A told is what a webhook was sent.
type told struct{ id, timestamp, signature, contentType, body string }

// A webhook is told of decisions and stops over restarts of the daemon and failures of its own, each message
// once taken, in order, and signed by the key that the ledger is known by.
func TestNotify(t *testing.T) {
	b := newGait(t)
	var failing atomic.Bool
	got := make(chan told, 100)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		if failing.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusNoContent)
		h := q.Header
		got <- told{h.Get("webhook-id"), h.Get("webhook-timestamp"), h.Get("webhook-signature"), h.Get("Content-Type"), string(body)}
	}))
	t.Cleanup(hook.Close)
	program := filepath.Join(t.TempDir(), "tell")
	if err := os.WriteFile(program, []byte("#!/bin/sh\ncat >> \"$0.got\" && echo \" $WEBHOOK_ID $WEBHOOK_SIGNATURE\" >> \"$0.got\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	args := []string{"--notify", hook.URL + "/hook?token=secret", "--notify", program}
	b.run("job", "submit", "--id", "a", "--json")
	b.run("job", "pause", "a", "--reason", "before", "--actor", "boss", "--json")
	d := b.serve(args...)
	b.run("job", "resume", "a", "--actor", "boss", "--json")
	b.run("job", "checkpoint", "add", "a", "--type", "decision-needed", "--summary", "s", "--required-action", "decide", "--actor", "worker", "--json")
	first := take(t, got)
	if first.contentType != "application/cloudevents+json" || !strings.Contains(first.body, `"checkpoint_type":"decision-needed"`) {
		t.Errorf("the webhook was told %+v", first)
	}
	verifyTold(t, b, first)
	failing.Store(true)
	b.run("job", "approve", "a", "--reason", "yes", "--actor", "boss", "--json")
	time.Sleep(50 * time.Millisecond)
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	b.run("job", "stop", "a", "--actor", "boss", "--json") // with no daemon
	failing.Store(false)
	d = b.serve(args...)
	for _, want := range []string{`"type":"gait.job.approved"`, `"type":"gait.job.emergency_stop_acknowledged"`} {
		if m := take(t, got); !strings.Contains(m.body, want) {
			t.Errorf("the webhook was told %s, want %s", m.body, want)
		}
	}
	waitFor(t, "the program to be told three times", func() bool {
		text, _ := os.ReadFile(program + ".got")
		return strings.Count(string(text), "msg_") == 3 && strings.Count(string(text), "v1a,") == 3
	})
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	if len(got) > 0 {
		t.Errorf("the webhook was told more: %v", <-got)
	}
}

func take(t *testing.T, from <-chan told) told {
	t.Helper()
	select {
	case m := <-from:
		return m
	case <-time.After(time.Minute):
		t.Fatal("the webhook was not told")
		return told{}
	}
}

// verifyTold verifies a message as a receiver does, with the verifier key of the ledger.
func verifyTold(t *testing.T, b builtGait, m told) {
	t.Helper()
	out, err := b.command("ledger", "info", "--json").Output()
	var info struct {
		PublicKey string `json:"public_key"`
	}
	if err != nil || json.Unmarshal(out, &info) != nil {
		t.Fatalf("%s, %v", out, err)
	}
	typed, err := base64.StdEncoding.DecodeString(strings.SplitN(info.PublicKey, "+", 3)[2])
	sig, errSig := base64.StdEncoding.DecodeString(strings.TrimPrefix(m.signature, "v1a,"))
	if err != nil || errSig != nil || !ed25519.Verify(typed[1:], []byte(m.id+"."+m.timestamp+"."+m.body), sig) {
		t.Errorf("message %+v is not signed by %s", m, info.PublicKey)
	}
	if !regexp.MustCompile(`^msg_[0-9a-f]{64}$`).MatchString(m.id) {
		t.Errorf("the message's id is %s", m.id)
	}
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// What --notify does not take is refused before anything is served.
func TestNotifyTargets(t *testing.T) {
	for text, want := range map[string]bool{
		"https://example.com/hook": true, "http://127.0.0.1:9/x": true, "http://[::1]/": true, "http://localhost/": true, "/bin/sh": true,
		"http://example.com/": false, "http://10.0.0.1/": false, "ftp://example.com/": false, "https://": false, "https:///x": false,
		"https://example.com/#x": false, "no-such-program-here": false, "http://localhost.example.com/": false, "://": false,
	} {
		to, err := notifyTargetOf(text)
		if (err == nil) != want {
			t.Errorf("--notify %s = %v, %v", text, to.name, err)
		}
	}
	if _, err := notifyTargetsOf([]string{"/bin/sh", "http://localhost/", "/bin/sh"}); err == nil {
		t.Error("a target is named twice")
	}
	for _, text := range []string{"hooks.example/services/T0/secret", "https:hooks.example/secret", "https://h.example/secret#x", "https://h.example/%zzsecret", "http://h.example/secret", "ftp://u:secret@h.example/secret"} {
		if _, err := notifyTargetOf(text); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("--notify %s: %v", text, err)
		}
	}
	to, err := notifyTargetOf("https://user:secret@example.com/hook?token=secret")
	if err != nil || to.name != "https://example.com" {
		t.Errorf("it is shown as %q, %v", to.name, err)
	}
}
