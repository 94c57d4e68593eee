package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A client of another home's daemon keeps checkpoints in its own home, so that it
// notices an older copy of the ledger too.
func TestDaemonOfAnotherHome(t *testing.T) {
	s := newDaemonRun(t)
	s.mustDo("job", "submit", "--id", "a")
	other, mine, old := filepath.Join(s.dir, "other"), filepath.Join(s.dir, "home"), filepath.Join(s.dir, "old")
	for from, to := range map[string]string{mine: other, s.root: old} {
		if err := os.CopyFS(to, os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
		closeToOthers(t, to)
	}
	if err := os.RemoveAll(filepath.Join(other, "ledgers")); err != nil {
		t.Fatal(err)
	}
	s.start()
	s.env = append(s.env, "GAIT_HOME="+other)
	s.mustDo("job", "checkpoint", "add", "a", "--summary", "acknowledged")
	if code := s.end(syscall.SIGTERM); code != 0 {
		t.Fatalf("exit %d", code)
	}
	if err := os.RemoveAll(s.root); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(old, s.root); err != nil {
		t.Fatal(err)
	}
	if code, said := s.run("job", "status", "a", "--json"); code != 2 || said.ErrorCode != "ledger_rolled_back" {
		t.Errorf("after the ledger was put back: exit %d, %s", code, said.ErrorCode)
	}
}

// closeToOthers removes the modes for other users from the copy that CopyFS made.
func closeToOthers(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o600)
		if e.IsDir() {
			mode = 0o700
		}
		return os.Chmod(path, mode)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A daemon whose root was moved leaves the socket of the next one alone.
func TestDaemonLeavesAnothersSocket(t *testing.T) {
	s := newDaemonRun(t)
	s.start()
	first := *s
	if err := os.Rename(s.root, s.root+"-moved"); err != nil {
		t.Fatal(err)
	}
	s.http.CloseIdleConnections()
	s.env = append(slices.Clone(s.env), "GAIT_HOME="+filepath.Join(t.TempDir(), "home")) // the first one's knows what the root held
	s.start()
	first.end(syscall.SIGTERM)
	s.mustDo("job", "submit", "--id", "a", "--require-daemon")
	if code := s.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit %d", code)
	}
}

// If the token's file is a pipe, the daemon does not wait for it.
func TestTokenIsAFile(t *testing.T) {
	s := newDaemonRun(t)
	pipe := filepath.Join(s.dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	s.launch("--listen", "127.0.0.1:0", "--token-file", pipe)
	if code := s.wait(10 * time.Second); code != 8 {
		t.Errorf("exit %d\n%s", code, s.said)
	}
}

// A client that follows events and reads none does not delay the daemon's end.
func TestDeafFollowerHoldsNothingUp(t *testing.T) {
	s := newDaemonRun(t)
	s.start()
	s.mustDo("job", "submit", "--id", "a")
	for i := range 1000 { // more than a socket holds
		if a, err := s.ask(progressOn("a", fmt.Sprint("r-", i), strings.Repeat("x", 500))); err != nil || a.ErrorCode != "" {
			t.Fatalf("%+v, %v", a, err)
		}
	}
	c, err := net.Dial("unix", s.socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Write([]byte("GET /v1/events?since=-1 HTTP/1.1\r\nHost: gait\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond)
	began := time.Now()
	if code := s.end(syscall.SIGTERM); code != 0 || time.Since(began) > 10*time.Second {
		t.Errorf("exit %d after %s\n%s", code, time.Since(began), s.said)
	}
}

// A daemon whose ledger's directory was replaced writes nothing: it acknowledges no
// event that would be lost, and the new directory stays whole.
func TestLedgerReplacedUnderADaemon(t *testing.T) {
	s := newDaemonRun(t)
	s.start()
	s.mustDo("job", "submit", "--id", "a")
	ledger := filepath.Join(s.root, "ledger")
	if err := os.Rename(ledger, ledger+"-moved"); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(ledger, os.DirFS(ledger+"-moved")); err != nil {
		t.Fatal(err)
	}
	if code, said := s.run("job", "pause", "a", "--json"); code != 1 || said.ErrorCode != "outcome_unknown" {
		t.Errorf("a command exits %d: %s", code, said.ErrorCode)
	}
	if code := s.wait(10 * time.Second); code != 2 || !strings.Contains(s.said.String(), "was replaced while it was open") {
		t.Errorf("the daemon exits %d\n%s", code, s.said)
	}
}

// A daemon that cannot keep the checkpoint outside of the ledger writes nothing, says
// so, and goes on once it can.
func TestDaemonCannotKeepTheOutsideCheckpoint(t *testing.T) {
	s := newDaemonRun(t)
	s.start()
	s.mustDo("job", "submit", "--id", "a")
	dirs, err := filepath.Glob(filepath.Join(s.dir, "home", "ledgers", "*"))
	if err != nil || len(dirs) != 1 {
		t.Fatalf("found %q, %v", dirs, err)
	}
	if err := errors.Join(os.Rename(dirs[0], dirs[0]+"-moved"), os.WriteFile(dirs[0], nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	step := progressOn("a", "r1", "one step")
	for range 3 {
		if a, err := s.ask(step); err != nil || a.ErrorCode != "home_unreadable" || a.Receipt != nil {
			t.Errorf("a command is answered %+v, %v, want home_unreadable", a, err)
		}
		if code, said := s.run("job", "pause", "a", "--json"); code != exitIO || said.ErrorCode != "home_unreadable" {
			t.Errorf("a command exits %d: %s, want home_unreadable", code, said.ErrorCode)
		}
	}
	if err := errors.Join(os.Remove(dirs[0]), os.Rename(dirs[0]+"-moved", dirs[0])); err != nil {
		t.Fatal(err)
	}
	if a, err := s.ask(step); err != nil || a.Replayed || a.Receipt == nil || a.Receipt.Seq != 2 {
		t.Errorf("asked again, a command is answered %+v, %v, want event 2", a, err)
	}
}

// lie replaces the daemon's socket by one that passes requests on, and changes the
// answers at a path.
func (s *daemonRun) lie(path string, change func(body []byte) []byte) {
	s.t.Helper()
	hidden := filepath.Join(s.root, "hidden.sock")
	if err := os.Rename(s.socket, hidden); err != nil {
		s.t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = "http", "gait" },
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", hidden)
		}},
		ModifyResponse: func(r *http.Response) error {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return err
			}
			if r.Request.URL.Path == path {
				body = change(body)
			}
			r.Body = io.NopCloser(bytes.NewReader(body))
			r.ContentLength = int64(len(body))
			r.Header.Set("Content-Length", strconv.Itoa(len(body)))
			return nil
		},
	}
	l, err := net.Listen("unix", s.socket)
	if err != nil {
		s.t.Fatal(err)
	}
	server := &http.Server{Handler: proxy}
	go server.Serve(l)
	s.t.Cleanup(func() { server.Close() })
}

// A client believes a receipt only if the ledger signed it.
func TestDaemonLiesAboutAReceipt(t *testing.T) {
	for name, change := range map[string][2]string{
		"tree size":  {`"tree_size":3`, `"tree_size":4`},
		"revision":   {`"revision":2,"seq"`, `"revision":9,"seq"`},
		"checkpoint": {`"checkpoint":"gait.local/`, `"checkpoint":"gait.other/`},
	} {
		t.Run(name, func(t *testing.T) {
			s := newDaemonRun(t)
			s.start()
			s.mustDo("job", "submit", "--id", "a")
			changed := false
			s.lie("/v1/commands", func(body []byte) []byte {
				out := bytes.Replace(body, []byte(change[0]), []byte(change[1]), 1)
				changed = !bytes.Equal(out, body)
				if !changed {
					t.Logf("%s", body)
				}
				return out
			})
			code, said := s.run("job", "pause", "a", "--json")
			if code == 0 || !changed {
				t.Errorf("exit %d (%s), changed: %t", code, said.ErrorCode, changed)
			}
		})
	}
}

// A client does not ask without end for pages that are empty and not the last.
func TestDaemonSendsEmptyPages(t *testing.T) {
	for line, lie := range map[string][2]string{
		"ledger info --json": {"/v1/jobs", "{\"end\":true,\"more\":true}\n"},
		"job list --json":    {"/v1/jobs/list", `{"more":true,"states":[]}`},
	} {
		t.Run(line, func(t *testing.T) {
			s := newDaemonRun(t)
			s.start()
			s.mustDo("job", "submit", "--id", "a")
			s.lie(lie[0], func([]byte) []byte { return []byte(lie[1]) })
			if code, said := s.run(strings.Fields(line)...); code == 0 || said.ErrorCode != "malformed" {
				t.Errorf("exit %d, %s", code, said.ErrorCode)
			}
		})
	}
}

// However many clients connect, the daemon can open the files of a commit.
func TestConnectionsLeaveFilesForCommits(t *testing.T) {
	s := newDaemonRun(t)
	s.mustDo("job", "submit", "--id", "a")
	cmd := exec.Command("sh", "-c", `ulimit -n 200; exec "$0" serve`, s.path)
	cmd.Dir, cmd.Env = s.dir, s.env
	s.launchAs(cmd)
	s.ready()
	s.ask(progressOn("a", "first", "a connection of our own"))
	for range 300 {
		if c, err := net.Dial("unix", s.socket); err == nil {
			defer c.Close()
		}
	}
	for i := range 20 { // on the first connection
		if a, err := s.ask(progressOn("a", fmt.Sprint("r-", i), "step")); err != nil || a.ErrorCode != "" {
			t.Fatalf("command %d: %+v, %v", i, a, err)
		}
	}
	if code := s.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit %d\n%s", code, s.said)
	}
}
