package connect_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"gait/commands"
	"gait/commands/connect"
	"gait/ledger"
)

// A middle is a process at a socket that passes requests on to a daemon, and may change the
// answers of its gate.
type middle struct {
	path   string
	to     *http.Client
	change func(path string, answer map[string]any) // nil changes nothing
	last   map[string]any                           // the last answer of the gate, as the daemon gave it
}

func newMiddle(t *testing.T, to string) *middle {
	t.Helper()
	m := &middle{path: filepath.Join(t.TempDir(), "m")}
	m.to = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", to)
	}}}
	l, err := net.Listen("unix", m.path)
	if err != nil {
		t.Fatal(err)
	}
	s, done := &http.Server{Handler: m}, make(chan struct{})
	go func() { defer close(done); s.Serve(l) }()
	t.Cleanup(func() { s.Close(); <-done; m.to.CloseIdleConnections() })
	return m
}

// ServeHTTP implements http.Handler.
func (m *middle) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	b, err := io.ReadAll(q.Body)
	if err != nil {
		return
	}
	on, err := http.NewRequestWithContext(q.Context(), q.Method, "http://gait"+q.RequestURI, bytes.NewReader(b))
	if err != nil {
		return
	}
	on.Header = q.Header.Clone()
	on.Header.Del("Expect")
	res, err := m.to.Do(on)
	if err != nil {
		return
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return
	}
	status := res.StatusCode
	if q.URL.Path == "/v1/gate" || q.URL.Path == "/v1/commands" {
		var answer map[string]any
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&answer); err != nil {
			return
		}
		m.last = answer
		if m.change != nil {
			m.change(q.URL.Path, answer)
			status = http.StatusOK
		}
		if text, err = json.Marshal(answer); err != nil {
			return
		}
	}
	w.Header().Set("Content-Type", res.Header.Get("Content-Type"))
	w.WriteHeader(status)
	w.Write(text)
}

// edited returns an event of an answer with a change to its text, and makes the receipt that
// of the event.
func edited(answer map[string]any, from, to string) {
	b, err := json.Marshal(answer["event"])
	if err != nil {
		return
	}
	b = bytes.ReplaceAll(b, []byte(from), []byte(to))
	leaf := ledger.LeafHash(b)
	answer["event"] = json.RawMessage(b)
	if receipt, ok := answer["receipt"].(map[string]any); ok {
		receipt["leaf_hash"] = leaf.String()
	}
}

// What answers in the place of the daemon, or a daemon that lies, allows nothing that the
// ledger's key has not signed as the answer to this very question.
func TestGateOfALiar(t *testing.T) {
	o := options(t.TempDir())
	mustServe(t, o)
	o.Daemon = connect.Require
	bindJobs(t, o, "g1", "g2")
	m := newMiddle(t, filepath.Join(o.Dir, connect.SocketName))
	url, err := connect.ParseURL("unix:" + m.path)
	if err != nil {
		t.Fatal(err)
	}
	over := o
	over.Remote = connect.Remote{URL: url, Entropy: o.Entropy}
	other := asks("g2", "read", "other")
	if a, _, err := ask(t, over, other); a.Verdict != ledger.GateAllow {
		t.Fatalf("Gate = %+v, %v", a, err)
	}
	genuine := m.last
	said := func(more map[string]any) func(string, map[string]any) {
		return func(_ string, answer map[string]any) {
			answer["ok"], answer["verdict"] = true, "allow"
			maps.Copy(answer, more)
		}
	}
	n := 0
	for name, tt := range map[string]struct {
		tool   string
		change func(path string, answer map[string]any)
		allows bool
	}{
		"the truth":             {"read", func(string, map[string]any) {}, true},
		"only its word":         {"drop", said(nil), false},
		"its word and a grant":  {"drop", said(map[string]any{"grant": "01J9ZQ6F8Z3V5X7Y9A0B1C2D3E", "reason_code": "policy_permits", "error_code": nil}), false},
		"the answer to another": {"read", func(_ string, a map[string]any) { clear(a); copyTo(a, genuine) }, false},
		"another's event":       {"read", func(_ string, a map[string]any) { a["event"], a["receipt"] = genuine["event"], genuine["receipt"] }, false},
		"a block as an allow": {"drop", func(_ string, a map[string]any) {
			edited(a, `"verdict":"block"`, `"grant":"01J9ZQ6F8Z3V5X7Y9A0B1C2D3E","verdict":"allow"`)
		}, false},
		"another grant":             {"read", func(_ string, a map[string]any) { edited(a, `"grant":"01`, `"grant":"02`) }, false},
		"another time":              {"read", func(_ string, a map[string]any) { edited(a, `"created_at":"2`, `"created_at":"3`) }, false},
		"no receipt":                {"read", func(_ string, a map[string]any) { delete(a, "receipt") }, false},
		"no event":                  {"read", func(_ string, a map[string]any) { delete(a, "event") }, false},
		"a receipt of another":      {"read", func(_ string, a map[string]any) { a["receipt"] = genuine["receipt"] }, false},
		"a salt of another":         {"read", func(_ string, a map[string]any) { a["intent_salt"] = strings.Repeat("0f", 16) }, false},
		"no salt":                   {"read", func(_ string, a map[string]any) { delete(a, "intent_salt") }, false},
		"a checkpoint of another":   {"read", func(_ string, a map[string]any) { receiptOf(a)["checkpoint"] = receiptOf(genuine)["checkpoint"] }, false},
		"no checkpoint":             {"read", func(_ string, a map[string]any) { receiptOf(a)["checkpoint"] = "" }, true}, // the proof has one
		"a checkpoint of nothing":   {"read", func(_ string, a map[string]any) { receiptOf(a)["checkpoint"] = "gait\n1\n" }, false},
		"a proof of another":        {"read", func(_ string, a map[string]any) { a["proof"] = genuine["proof"] }, false},
		"a proof of nothing":        {"read", func(_ string, a map[string]any) { a["proof"] = "c2sp.org/tlog-proof@v1\n" }, false},
		"no proof: it is asked for": {"read", func(_ string, a map[string]any) { delete(a, "proof") }, true},
	} {
		n++
		q := asks("g1", tt.tool, "c"+string(rune('a'+n)))
		m.change = tt.change
		answer, _, err := ask(t, over, q)
		m.change = nil
		if (answer.Verdict == ledger.GateAllow) != tt.allows {
			t.Errorf("%s: Gate = %+v, %v, want an allow: %t", name, answer, err, tt.allows)
		}
		settleAll(t, o, "g1")
	}
	// The same over the address of commands, of which an allow is proved by a question of its own.
	for name, tt := range map[string]struct {
		change func(path string, answer map[string]any)
		allows bool
	}{
		"the truth":             {func(string, map[string]any) {}, true},
		"another grant":         {func(_ string, a map[string]any) { edited(a, `"grant":"01`, `"grant":"02`) }, false},
		"another call":          {func(_ string, a map[string]any) { edited(a, `"call_id":"`, `"call_id":"x`) }, false},
		"the answer to another": {func(_ string, a map[string]any) { clear(a); copyTo(a, genuine) }, false},
	} {
		n++
		q := with(asks("g1", "read", "c"+string(rune('a'+n))), func(q *connect.GateQuestion) { q.RequestID = q.CallID })
		var answer commands.GateAnswer
		err := connect.With(t.Context(), over, func(l *connect.Ledger) error {
			put, err := l.PutContent(t.Context(), "g1", connect.Upload{Bytes: strings.NewReader(`{"arguments":{"Amount":1.5},"tool":"read"}`)})
			if err != nil {
				return err
			}
			m.change = tt.change
			answer = commands.AnswerOf(l.Do(t.Context(), q.Request(put.Content, "")))
			return nil
		})
		m.change = nil
		if err != nil || (answer.Verdict == ledger.GateAllow) != tt.allows {
			t.Errorf("as a command, %s: %+v, %v, want an allow: %t", name, answer, err, tt.allows)
		}
		settleAll(t, o, "g1")
	}
}

func copyTo(to, from map[string]any) {
	maps.Copy(to, from)
}

func receiptOf(answer map[string]any) map[string]any {
	r, _ := answer["receipt"].(map[string]any)
	if r == nil {
		return map[string]any{}
	}
	return r
}

// settleAll settles what is open of a job.
func settleAll(t *testing.T, o connect.Options, job string) {
	t.Helper()
	err := connect.With(t.Context(), o, func(l *connect.Ledger) error {
		j, err := l.Job(t.Context(), job)
		for _, g := range j.Grants {
			if err == nil {
				_, err = l.Settle(t.Context(), connect.Settlement{JobID: job, Actor: "worker_1", Grant: g.ID, Outcome: ledger.EffectDone})
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
