package daemon_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gait/commands/daemon"
	"gait/ledger/ledgertest"
)

// A body that is not one well-formed command is refused, and nothing is written.
func TestBadCommands(t *testing.T) {
	s := serve(t)
	s.do(t, submit("j1"))
	for _, tt := range []struct {
		name, body string
		status     int
	}{
		{"nothing", ``, 400},
		{"no object", `[]`, 400},
		{"two objects", `{"verb":"pause","job_id":"j1","actor":"w"}{}`, 400},
		{"an unknown field", `{"verb":"pause","job_id":"j1","actor":"w","colour":"red"}`, 400},
		{"an unknown argument", `{"verb":"pause","job_id":"j1","actor":"w","arguments":{"colour":"red"}}`, 400},
		{"a field twice", `{"verb":"pause","verb":"stop","job_id":"j1","actor":"w"}`, 400},
		{"a field in capitals", `{"Verb":"pause","job_id":"j1","actor":"w"}`, 400},
		{"another verb", `{"verb":"explode","job_id":"j1","actor":"w"}`, 400},
		{"no actor", `{"verb":"pause","job_id":"j1"}`, 400},
		{"a number for a text", `{"verb":"pause","job_id":1,"actor":"w"}`, 400},
		{"null for a command", `null`, 400},
		{"a deadline below nothing", `{"verb":"pause","job_id":"j1","actor":"w","timeout_ms":-1}`, 400},
		{"too deep", `{"verb":"pause","arguments":` + strings.Repeat(`{"a":`, 10000) + `1` + strings.Repeat(`}`, 10000) + `}`, 400},
		{"too long", `{"verb":"pause","job_id":"j1","actor":"` + strings.Repeat("w", 200<<10) + `"}`, 413},
		{"null for arguments", `{"verb":"pause","job_id":"j1","actor":"w","arguments":null}`, 400},
		{"a list of arguments", `{"verb":"pause","job_id":"j1","actor":"w","arguments":[]}`, 400},
		{"an argument twice", `{"verb":"checkpoint add","job_id":"j1","actor":"w","arguments":{"type":"progress","type":"plan","summary":"s"}}`, 400},
		{"an argument in capitals", `{"verb":"checkpoint add","job_id":"j1","actor":"w","arguments":{"type":"progress","Summary":"s"}}`, 400},
		{"no UTF-8", `{"verb":"pause","job_id":"j1","actor":"w","reason":"` + "bad \xff" + `"}`, 400},
		{"half a character", `{"verb":"pause","job_id":"j1","actor":"w","reason":"lone \ud800 sur"}`, 400},
		{"the other half", `{"verb":"pause","job_id":"j1","actor":"w","reason":"\\\udc00"}`, 400},
		{"two first halves", `{"verb":"pause","job_id":"j1","actor":"w","reason":"\ud800\ud800"}`, 400},
		{"no such job", `{"verb":"pause","job_id":"j9","actor":"w"}`, 404},
		{"an import of nothing", `{"verb":"import","job_id":"j2","actor":"w","arguments":{}}`, 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, body := s.post(t, tt.body)
			var e struct {
				Error string `json:"error"`
				Code  string `json:"error_code"`
			}
			if err := json.Unmarshal(body, &e); err != nil || status != tt.status || e.Error == "" || e.Code == "" {
				t.Errorf("answered %d %.200s, want %d and why", status, body, tt.status)
			}
		})
	}
	ledgertest.Check(t, s.Log)
	if size := s.Log.Head().Size; size != 2 {
		t.Errorf("the ledger has %d events, want the 2 it had", size)
	}
}

func (s *testServer) post(t *testing.T, body string) (int, []byte) {
	t.Helper()
	res, err := s.client.HTTP.Post("http://gait/v1/commands", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, b
}

// Input that is not HTTP gets an error or a closed connection, and the server goes on.
func TestMalformedHTTP(t *testing.T) {
	s := serve(t)
	for _, tt := range []struct{ name, text, want string }{
		{"noise", "\x00\x01\x02\r\n\r\n", "HTTP/1.1 400"},
		{"no version", "GET /healthz\r\n\r\n", "HTTP/1.1 400"},
		{"no host", "GET /healthz HTTP/1.1\r\n\r\n", "HTTP/1.1 400"},
		{"a length that is none", "POST /v1/commands HTTP/1.1\r\nHost: g\r\nContent-Length: many\r\n\r\n", "HTTP/1.1 400"},
		{"two lengths", "POST /v1/commands HTTP/1.1\r\nHost: g\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "HTTP/1.1 400"},
		{"a header without end", "GET /healthz HTTP/1.1\r\nHost: g\r\nX: " + strings.Repeat("x", 64<<10) + "\r\n\r\n", "HTTP/1.1 431"},
		{"64 MiB announced", "POST /v1/commands HTTP/1.1\r\nHost: g\r\nContent-Length: 67108864\r\n\r\n", "HTTP/1.1 413"},
		{"another method", "DELETE /v1/commands HTTP/1.1\r\nHost: g\r\n\r\n", "HTTP/1.1 405"},
		{"another address", "GET /v2/commands HTTP/1.1\r\nHost: g\r\n\r\n", "HTTP/1.1 404"},
		{"a way out", "GET /v1/ledger/file?name=../../etc/passwd HTTP/1.1\r\nHost: g\r\n\r\n", "HTTP/1.1 "},
		{"no number", "GET /v1/ledger/event?seq=-1 HTTP/1.1\r\nHost: g\r\n\r\n", "HTTP/1.1 400"},
		{"no such event", "GET /v1/ledger/event?seq=99 HTTP/1.1\r\nHost: g\r\n\r\n", "HTTP/1.1 400"},
		{"no event named", "GET /v1/ledger/event HTTP/1.1\r\nHost: g\r\n\r\n", "HTTP/1.1 400"},
		{"an escape that is none", "GET /v1/jobs?after=%zz HTTP/1.1\r\nHost: g\r\n\r\n", "HTTP/1.1 400"},
		{"a size it has not", "GET /v1/jobs?size=99 HTTP/1.1\r\nHost: g\r\n\r\n", "HTTP/1.1 400"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn, err := s.dial(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(10 * time.Second))
			io.WriteString(conn, tt.text) // the server may close the connection before the end
			line, err := bufio.NewReader(conn).ReadString('\n')
			if !strings.HasPrefix(line, tt.want) {
				t.Errorf("answered %q, %v, want %s", line, err, tt.want)
			}
			if strings.HasPrefix(line, "HTTP/1.1 200") {
				t.Errorf("answered %q", line)
			}
		})
	}
	s.do(t, submit("j1"))
}

// A body of 64 MiB that does not state its length is cut off early.
func TestEndlessBody(t *testing.T) {
	s := serve(t)
	sent := &counter{r: bytes.NewReader(make([]byte, 64<<20))}
	q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://gait/v1/commands", sent)
	if err != nil {
		t.Fatal(err)
	}
	res, err := s.client.HTTP.Do(q)
	if err == nil {
		res.Body.Close()
		if res.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("answered %d", res.StatusCode)
		}
	}
	if n := sent.n.Load(); n > 8<<20 {
		t.Errorf("%d bytes were taken", n)
	}
	s.do(t, submit("j1"))
}

// A counter counts the bytes read. The client may still read it when the answer comes.
type counter struct {
	r io.Reader
	n atomic.Int64
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n.Add(int64(n))
	return n, err
}

// Clients that send nothing, or send slowly, do not keep others out.
func TestIdleConnections(t *testing.T) {
	s := serve(t)
	for i := range 500 {
		conn, err := s.dial(t.Context())
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		defer conn.Close()
		switch i % 3 {
		case 1:
			io.WriteString(conn, "POST /v1/comm") // the rest is never sent
		case 2:
			io.WriteString(conn, "POST /v1/commands HTTP/1.1\r\nHost: g\r\nContent-Length: 100\r\n\r\n{")
		}
	}
	s.do(t, submit("j1"), progress("j1", "a"))
}

// A command is not carried out if its deadline passes while it waits, nor if its
// caller leaves while it waits.
func TestDeadline(t *testing.T) {
	s := serve(t)
	s.do(t, submit("j1"))
	s.server.Engine.MaxWaiting = -1
	if _, err := s.client.Do(t.Context(), progress("j1", "a")); err == nil {
		t.Error("a full queue took a command")
	}
	s.server.Engine.MaxWaiting = 0
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.client.Do(ctx, progress("j1", "b")); err == nil {
		t.Error("a caller who had gone got an answer")
	}
	if size := s.Log.Head().Size; size != 2 {
		t.Errorf("the ledger has %d events, want 2", size)
	}
}

// Requests over TCP need the token and this host, and must not come from a page.
func TestGuard(t *testing.T) {
	s := serve(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	h := &http.Server{Handler: s.http.Handler}
	if err := s.server.Guard(h, daemon.Door{Bearer: "0123456789abcdef0123456789abcdef", Address: "127.0.0.2:" + port}); err != nil {
		t.Fatal(err)
	}
	go h.Serve(l)
	t.Cleanup(func() { h.Close() })
	for _, tt := range []struct {
		name, host, token, origin string
		want                      int
	}{
		{"all right", "127.0.0.1:" + port, "0123456789abcdef0123456789abcdef", "", 200},
		{"localhost", "localhost:" + port, "0123456789abcdef0123456789abcdef", "", 200},
		{"the address listened at", "127.0.0.2:" + port, "0123456789abcdef0123456789abcdef", "", 200},
		{"in capitals", "LOCALHOST:" + port, "0123456789abcdef0123456789abcdef", "", 200},
		{"no port", "127.0.0.1", "0123456789abcdef0123456789abcdef", "", 403},
		{"no token", "127.0.0.1:" + port, "", "", 401},
		{"another token", "127.0.0.1:" + port, "0123456789abcdef0123456789abcdeF", "", 401},
		{"a longer token", "127.0.0.1:" + port, "0123456789abcdef0123456789abcdef0", "", 401},
		{"another host", "evil.example:" + port, "0123456789abcdef0123456789abcdef", "", 403},
		{"another port", "127.0.0.1:1", "0123456789abcdef0123456789abcdef", "", 403},
		{"a page", "127.0.0.1:" + port, "0123456789abcdef0123456789abcdef", "http://evil.example", 403},
		{"a page without origin", "127.0.0.1:" + port, "0123456789abcdef0123456789abcdef", "null", 403},
	} {
		q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+l.Addr().String()+"/v1/ledger", nil)
		if err != nil {
			t.Fatal(err)
		}
		q.Host = tt.host
		if tt.token != "" {
			q.Header.Set("Authorization", "Bearer "+tt.token)
		}
		if tt.origin != "" {
			q.Header.Set("Origin", tt.origin)
		}
		res, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != tt.want || res.Close != (tt.want != 200) {
			t.Errorf("%s: answered %d, which ends the connection: %t; want %d, and an end if it was turned away", tt.name, res.StatusCode, res.Close, tt.want)
		}
	}
	// Who sends no request, or half of one, is not waited for as long as at the socket.
	for _, sent := range []string{"", "GET /v1/ledger HTTP/1.1\r\nHost: 127.0.0.1"} {
		conn, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(conn, sent)
		conn.SetDeadline(time.Now().Add(8 * time.Second))
		if b, err := io.ReadAll(conn); err != nil {
			t.Errorf("after %q: answered %q, %v, want the end", sent, b, err)
		}
		conn.Close()
	}
}

// Many clients at once all get one answer each, and the events form one history.
func TestManyClients(t *testing.T) {
	s := serve(t)
	s.do(t, submit("j1"))
	errs := make(chan error)
	const clients, each = 16, 20
	for n := range clients {
		c := s.newClient(t)
		go func() {
			for i := range each {
				_, err := c.Do(t.Context(), progress("j1", fmt.Sprint(n, " ", i)))
				errs <- err
			}
		}()
	}
	for range clients * each {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	ledgertest.Check(t, s.Log)
	if size, want := s.Log.Head().Size, int64(clients*each+2); size != want {
		t.Errorf("the ledger has %d events, want %d", size, want)
	}
}

// A client that does not read the answer loses its connection.
func TestAnswerNotTaken(t *testing.T) {
	s := serve(t)
	s.do(t, submit("j1"))
	for i := range 1500 {
		s.do(t, progress("j1", fmt.Sprint(i, strings.Repeat(" words", 80))))
	}
	conn, err := s.dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	s.behind.Store(int64(time.Minute - 100*time.Millisecond))
	io.WriteString(conn, "GET /v1/ledger/events HTTP/1.1\r\nHost: g\r\n\r\n")
	time.Sleep(500 * time.Millisecond)
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	b, err := io.ReadAll(conn)
	if err != nil || len(b) == 0 || len(b) >= 1<<20 {
		t.Errorf("read %d bytes, %v, want a part of the answer and its end", len(b), err)
	}
}

// A client that does not send the body loses its connection.
func TestBodyNotSent(t *testing.T) {
	s := serve(t)
	s.behind.Store(int64(30*time.Second - 100*time.Millisecond)) // a body may take half a minute
	conn, err := s.dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "POST /v1/commands HTTP/1.1\r\nHost: g\r\nContent-Length: 100\r\n\r\n{")
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	b, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(b), "HTTP/1.1 400") {
		t.Errorf("answered %.80q, %v, want 400 and the end", b, err)
	}
}
