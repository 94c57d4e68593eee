package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestTortureSocket misuses the socket in every way at once. Proper clients are
// answered all the while, and the daemon's memory stays small.
func TestTortureSocket(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	s := newDaemonRun(t)
	s.start()
	s.mustDo("job", "submit", "--id", "a")
	before := s.descriptors()

	for range 500 { // idle
		s.dial()
	}
	for i := range 64 { // slower than any reader waits
		c := s.dial()
		go func() {
			for _, b := range []byte("POST /v1/commands HTTP/1.1\r\nHost: gait\r\nContent-Length: 400\r\n\r\n{" + strings.Repeat(" ", 300)) {
				if _, err := c.Write([]byte{b}); err != nil {
					return
				}
				time.Sleep(time.Duration(100+i) * time.Millisecond)
			}
		}()
	}
	for i := range 40 {
		began := time.Now()
		a, err := s.ask(progressOn("a", fmt.Sprint("proper-", i), "step"))
		if err != nil || a.Receipt == nil || time.Since(began) > 5*time.Second {
			t.Fatalf("a proper request: %+v, %v, after %s", a, err, time.Since(began))
		}
		s.malform(i)
	}
	s.mustDo("job", "checkpoint", "add", "a", "--summary", "from a process")
	for range 4 {
		s.flood(64 << 20)
	}
	if mib := s.resident(); mib > 256 {
		t.Errorf("the daemon holds %d MiB", mib)
	}
	if said := s.mustDo("job", "status", "a"); said.Job.Revision != 42 {
		t.Errorf("40 requests and a process led to revision %d", said.Job.Revision)
	}
	t.Logf("%d descriptors before, %d in the middle", before, s.descriptors())
	if code := s.end(syscall.SIGTERM); code != 0 {
		t.Errorf("with connections open the daemon exits %d\n%s", code, s.said)
	}
	if strings.Contains(s.said.String(), "panic") {
		t.Errorf("the daemon panicked:\n%s", s.said)
	}
}

func (s *daemonRun) dial() net.Conn {
	s.t.Helper()
	c, err := net.Dial("unix", s.socket)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { c.Close() })
	return c
}

// malformed are requests that no client should send. Long parts are made when they
// are sent: every process of a script would make a package variable again.
var malformed = []string{
	"\x00\x01\x02\r\n\r\n",
	"GET\r\n\r\n",
	"POST /v1/commands HTTP/1.1\r\n\r\n",
	"POST /v1/commands HTTP/1.1\r\nHost: gait\r\nContent-Length: -1\r\n\r\n",
	"POST /v1/commands HTTP/1.1\r\nHost: gait\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}",
	"POST /v1/commands HTTP/1.1\r\nHost: gait\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
	"POST /v1/commands HTTP/1.1\r\nHost: gait\r\nContent-Length: 4\r\n\r\nnull",
	"POST /v1/commands HTTP/1.1\r\nHost: gait\r\nContent-Length: 2\r\n\r\n{}",
	"POST /v1/commands HTTP/1.1\r\nHost: gait\r\nContent-Length: 12\r\n\r\n{\"verb\":[[[]",
	"DELETE /v1/commands HTTP/1.1\r\nHost: gait\r\n\r\n",
	"GET /../../etc/passwd HTTP/1.1\r\nHost: gait\r\n\r\n",
	"GET /v1/nothing HTTP/1.1\r\nHost: gait\r\n\r\n",
	"GET /LONG HTTP/1.1\r\nHost: gait\r\n\r\n",
	"GET /healthz HTTP/1.1\r\nHost: gait\r\nX: LONG\r\n\r\n",
}

// malform sends a malformed request, which must be refused.
func (s *daemonRun) malform(i int) {
	s.t.Helper()
	text := strings.ReplaceAll(malformed[i%len(malformed)], "LONG", strings.Repeat("x", 2<<20))
	c := s.dial()
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	c.Write([]byte(text))
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil { // closed, or timed out
		if e, ok := err.(net.Error); ok && e.Timeout() {
			s.t.Errorf("no answer to %.60q", text)
		}
		return
	}
	defer r.Body.Close()
	if r.StatusCode < 300 || r.StatusCode >= 500 {
		s.t.Errorf("%.60q is answered with %s", text, r.Status)
	}
}

// flood sends a body of n bytes.
func (s *daemonRun) flood(n int) {
	s.t.Helper()
	body := io.MultiReader(strings.NewReader(`{"verb":"`), io.LimitReader(zeros{}, int64(n)))
	r, err := s.http.Post("http://gait/v1/commands", "application/json", body)
	if err != nil {
		return // the daemon closed the connection
	}
	defer r.Body.Close()
	text, _ := io.ReadAll(r.Body)
	if r.StatusCode != http.StatusRequestEntityTooLarge || !bytes.Contains(text, []byte(`"error_code"`)) {
		s.t.Errorf("a body of %d bytes is answered with %s: %.200s", n, r.Status, text)
	}
}

// zeros reads as the digit zero for ever.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = '0'
	}
	return len(b), nil
}
