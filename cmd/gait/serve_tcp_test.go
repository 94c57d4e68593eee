package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Any user of the machine can connect to the address of --listen. Those who do
// not show the token, however often they come, do not keep out those who do.
func TestStrangersDoNotFillTheAddress(t *testing.T) {
	s := newDaemonRun(t)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address, file := free.Addr().String(), filepath.Join(s.dir, "token")
	free.Close()
	// With 1,200 files, 268 connections are open at a time.
	cmd := exec.Command("sh", "-c", `ulimit -n 1200; exec "$0" serve --listen "$1" --token-file "$2"`, s.path, address, file)
	cmd.Dir, cmd.Env = s.dir, s.env
	s.launchAs(cmd)
	s.ready()
	token, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	ask := func() error {
		q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/readyz", nil)
		if err != nil {
			return err
		}
		q.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
		r, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}).Do(q)
		if err != nil {
			return err
		}
		defer r.Body.Close()
		if _, err := io.Copy(io.Discard, r.Body); err != nil || r.StatusCode != http.StatusOK {
			return fmt.Errorf("answered %s, %w", r.Status, err)
		}
		return nil
	}
	for name, send := range map[string]string{
		"silent":                "",
		"turned away":           "GET /readyz HTTP/1.1\r\nHost: " + address + "\r\n\r\n",
		"in the middle of it":   "GET /readyz HTTP/1.1\r\nHost: ",
		"asking for challenges": "GET /v1/challenge?client=" + strings.Repeat("0f", 16) + " HTTP/1.1\r\nHost: " + address + "\r\n\r\n",
		"with a false proof":    "GET /readyz HTTP/1.1\r\nHost: " + address + "\r\nAuthorization: Gait x\r\n\r\n",
		"with another host":     "GET /readyz HTTP/1.1\r\nHost: gait.example\r\nAuthorization: Bearer x\r\n\r\n",
	} {
		for range 400 {
			c, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			io.WriteString(c, send)
		}
		if err := ask(); err != nil {
			t.Errorf("among 400 connections that are %s, a request with the token = %v", name, err)
		}
	}
	if code := s.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit %d\n%s", code, s.said)
	}
}
