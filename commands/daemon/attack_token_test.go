package daemon_test

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"gait/commands"
	"gait/commands/daemon"
	"gait/commands/token"
	"gait/ledger"
	"gait/ledger/ledgertest"
)

// A squatter has the daemon's port, and what a challenge of the daemon was. It learns
// nothing that it can use.
func TestSquatter(t *testing.T) {
	d := serve(t).openDoor(t)
	d.do(t, submit("j1"))
	tok := d.give(t, 1, "approver", "reviewer_1")
	key := ledgertest.Key(d.Log.Origin())
	_, old, _ := d.get(t, http.MethodGet, "/v1/challenge?client="+strings.Repeat("00", token.ClientNonceSize), "")
	own := ledgertest.KeyAfter(d.Log.Origin(), 9) // the squatter's, under the ledger's name
	mine := func(client string) string {
		signed, err := token.Challenge{Origin: d.Log.Origin(), Client: client, Nonce: strings.Repeat("00", token.NonceSize)}.Sign(own)
		if err != nil {
			t.Fatal(err)
		}
		return `{"challenge":` + quote(string(signed)) + `,"key":"` + key.VerifierKey().String() + `"}`
	}
	for name, answer := range map[string]func(client string) string{
		"an old challenge":   func(string) string { return string(old) },
		"one by another key": mine,
		"another key": func(client string) string {
			return strings.Replace(mine(client), key.VerifierKey().String(), own.VerifierKey().String(), 1)
		},
		"nothing":        func(string) string { return "" },
		"something else": func(string) string { return `{"challenge":"x","key":"x"}` },
		"a checkpoint as challenge": func(string) string {
			_, note := d.Log.Checkpoint()
			return `{"challenge":` + quote(string(note)) + `,"key":"` + key.VerifierKey().String() + `"}`
		},
		"that no challenge is asked": func(string) string { return "\x00401" },
	} {
		var mu sync.Mutex
		var heard []*http.Request
		squat(t, func(address string, w http.ResponseWriter, q *http.Request) {
			mu.Lock()
			heard = append(heard, q)
			mu.Unlock()
			text := answer(q.URL.Query().Get("client"))
			if text == "\x00401" {
				w.WriteHeader(http.StatusUnauthorized)
				text = `{"error":"send it plainly","error_code":"send_token","exit":0}`
			}
			io.WriteString(w, text)
		}, func(address string) {
			c, _ := clientAt(t, tok, key.VerifierKey(), address)
			if _, err := c.Do(t.Context(), commands.Request{JobID: "j1", Actor: "reviewer_1", Reason: "secret reason", Command: commands.Approve{}}); err == nil || errors.Is(err, ledger.ErrOutcomeUnknown) {
				t.Errorf("%s: Do = %v, want an error that says that nothing was done", name, err)
			}
		})
		for _, q := range heard {
			if q.Header.Get("Authorization") != "" || q.URL.Path != "/v1/challenge" || q.ContentLength > 0 {
				t.Errorf("%s: the squatter heard %s %s %v", name, q.Method, q.URL, q.Header)
			}
		}
	}
}

func quote(s string) string { return `"` + strings.ReplaceAll(s, "\n", `\n`) + `"` }

// squat serves an address while f runs.
func squat(t *testing.T, serve func(address string, w http.ResponseWriter, q *http.Request), f func(address string)) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { serve(l.Addr().String(), w, q) })}
	done := make(chan struct{})
	go func() { defer close(done); h.Serve(l) }()
	f(l.Addr().String())
	h.Close()
	<-done
}

// A relay passes on what it hears to the daemon at its own address, and back. Without
// TLS the client does not believe that. If it did not look at the address, the relay could
// change nothing, of requests or of answers.
func TestRelay(t *testing.T) {
	d := serve(t).openDoor(t)
	d.do(t, submit("j1"))
	tok := d.give(t, 1, "worker", "worker_1")
	key := ledgertest.Key(d.Log.Origin()).VerifierKey()
	relay := func(change func(q *http.Request, body []byte) []byte, changeBack func(status int, body []byte) (int, []byte)) func(string, http.ResponseWriter, *http.Request) {
		return func(_ string, w http.ResponseWriter, q *http.Request) {
			body, _ := io.ReadAll(q.Body)
			if q.URL.Path == "/v1/commands" && change != nil {
				body = change(q, body)
			}
			on, err := http.NewRequestWithContext(q.Context(), q.Method, "http://"+d.address+q.URL.RequestURI(), bytes.NewReader(body))
			if err != nil {
				return
			}
			on.Header = q.Header.Clone()
			on.Header.Del("Expect")
			res, err := http.DefaultTransport.RoundTrip(on)
			if err != nil {
				return
			}
			defer res.Body.Close()
			back, _ := io.ReadAll(res.Body)
			status := res.StatusCode
			if q.URL.Path == "/v1/commands" && changeBack != nil {
				status, back = changeBack(status, back)
			}
			for name := range res.Trailer {
				w.Header().Add("Trailer", name)
			}
			w.WriteHeader(status)
			w.Write(back)
			maps.Copy(w.Header(), res.Trailer)
		}
	}
	squat(t, relay(nil, nil), func(address string) {
		c, _ := clientAt(t, tok, key, address)
		if _, err := c.Open(t.Context()); !errors.Is(err, daemon.ErrUnproved) {
			t.Errorf("through a relay at another address: Open = %v, want ErrUnproved", err)
		}
	})
	size := d.Log.Head().Size
	for _, tt := range []struct {
		name    string
		there   func(q *http.Request, body []byte) []byte
		back    func(status int, body []byte) (int, []byte)
		written int64
		ok      bool
	}{
		{"nothing", nil, nil, 1, true},
		{"the body", func(_ *http.Request, b []byte) []byte { return bytes.Replace(b, []byte("step"), []byte("pets"), 1) }, nil, 0, false},
		{"the method", func(q *http.Request, b []byte) []byte { q.Method = http.MethodPut; return b }, nil, 0, false},
		{"the address", func(q *http.Request, b []byte) []byte { q.URL.Path = "/v1/ledger/verify"; return b }, nil, 0, false},
		{"the answer", nil, func(s int, b []byte) (int, []byte) { return s, bytes.Replace(b, []byte("step"), []byte("pets"), 1) }, 1, false},
		{"the status", nil, func(_ int, b []byte) (int, []byte) { return http.StatusForbidden, b }, 1, false},
		{"that it is refused", nil, func(int, []byte) (int, []byte) {
			return http.StatusUnauthorized, []byte(`{"error":"x","error_code":"token_invalid"}`)
		}, 1, false},
	} {
		squat(t, relay(tt.there, tt.back), func(address string) {
			c, _ := clientAt(t, tok, key, address)
			c.Credential.Remote = nil // as if it did not look
			_, err := c.Do(t.Context(), progress("j1", "step"))
			if (err == nil) != tt.ok {
				t.Errorf("a relay changes %s: Do = %v", tt.name, err)
			}
			if tt.written == 1 && !tt.ok && !errors.Is(err, ledger.ErrOutcomeUnknown) {
				t.Errorf("a relay changes %s: Do = %v, want ErrOutcomeUnknown: it was done", tt.name, err)
			}
		})
		if got := d.Log.Head().Size - size; got != tt.written {
			t.Errorf("a relay changes %s: %d events were written, want %d", tt.name, got, tt.written)
		}
		size = d.Log.Head().Size
	}
}
