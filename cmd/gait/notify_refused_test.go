package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A notifyDaemon is a daemon whose log is read once it ended.
type notifyDaemon struct {
	*testDaemon

	t   *testing.T
	log *bytes.Buffer
}

func (b builtGait) serveNotifying(t *testing.T, args ...string) notifyDaemon {
	t.Helper()
	cmd, log := b.command(append([]string{"serve", "--json"}, args...)...), new(bytes.Buffer)
	cmd.Stderr = log
	d, err := startDaemon(cmd)
	if err != nil {
		t.Fatal(err, log)
	}
	t.Cleanup(func() { _ = d.cmd.Process.Kill(); _ = d.cmd.Wait() })
	return notifyDaemon{d, t, log}
}

// get returns what the daemon answers on its socket.
func (d notifyDaemon) get(path string) string {
	d.t.Helper()
	var said struct{ Path string }
	if err := json.Unmarshal([]byte(d.ready), &said); err != nil {
		d.t.Fatal(err)
	}
	client := http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", said.Path)
	}}}
	res, err := client.Get("http://gait" + path)
	if err != nil {
		d.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		d.t.Fatalf("%s: %d, %v", path, res.StatusCode, err)
	}
	return string(body)
}

// A webhook that refuses what an agent wrote is told of what comes after it, of an emergency stop at once; the log
// of a quiet daemon, its metrics and /readyz say what was set aside; and none of them has the URL's path
// or query.
func TestNotifyRefused(t *testing.T) {
	b := newGait(t)
	got := make(chan string, 100)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		if strings.Contains(string(body), "<script>") {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		got <- string(body)
	}))
	t.Cleanup(hook.Close)
	b.run("job", "submit", "--id", "a", "--json")
	d := b.serveNotifying(t, "--quiet", "--notify", hook.URL+"/services/secret?token=secret")
	b.run("job", "checkpoint", "add", "a", "--type", "decision-needed", "--summary", "<script>x</script>", "--required-action", "decide", "--actor", "worker", "--json")
	b.run("job", "pause", "a", "--reason", "r", "--actor", "boss", "--json")
	b.run("job", "stop", "a", "--actor", "boss", "--json")
	for _, want := range []string{"gait.job.emergency_stop_acknowledged", "gait.job.paused"} {
		if body := takeText(t, got); !strings.Contains(body, want) {
			t.Errorf("the webhook was told %s, want %s", body, want)
		}
	}
	ready, metrics := d.get("/readyz"), d.get("/metrics")
	if !strings.HasPrefix(ready, "ok\nwarning: --notify "+hook.URL+" (") || !strings.Contains(ready, "set aside: 1,") {
		t.Errorf("/readyz says %s", ready)
	}
	if !strings.Contains(metrics, `result="set_aside",target="`+hook.URL+`"} 1`) {
		t.Errorf("the metrics do not count it: %s", metrics)
	}
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	if log := d.log.String(); strings.Count(log, "set aside") != 1 || strings.Contains(log+ready+metrics, "secret") {
		t.Errorf("the log of the daemon: %s", log)
	}
}

// A cursor that cannot be kept ends nothing, is shown, and is kept when it can be.
func TestNotifyCursorLost(t *testing.T) {
	b := newGait(t)
	got := make(chan string, 100)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		got <- string(body)
	}))
	t.Cleanup(hook.Close)
	b.run("job", "submit", "--id", "a", "--json")
	d := b.serveNotifying(t, "--notify", hook.URL)
	var cursors []string
	waitFor(t, "the cursor", func() (ok bool) {
		cursors, _ = filepath.Glob(filepath.Join(b.dir, "home", "ledgers", "*", "notify", "*"))
		return len(cursors) == 1
	})
	dir := filepath.Dir(cursors[0])
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil { // no directory can be made there
		t.Fatal(err)
	}
	for _, verb := range []string{"pause", "resume", "pause"} {
		b.run("job", verb, "a", "--reason", "r", "--actor", "boss", "--json")
	}
	takeText(t, got)
	takeText(t, got)
	waitFor(t, "/readyz to warn", func() bool { return strings.Contains(d.get("/readyz"), "is not kept") })
	if !strings.Contains(d.get("/metrics"), "gait_notify_cursor_unkept{") {
		t.Error("the metrics lack it")
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "/readyz to warn no more", func() bool { return d.get("/readyz") == "ok\n" })
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(cursors[0]); err != nil || strings.TrimSpace(string(text)) != "5" {
		t.Errorf("the cursor is %q, %v", text, err)
	}
}

func takeText(t *testing.T, from <-chan string) string {
	t.Helper()
	select {
	case text := <-from:
		return text
	case <-time.After(2 * time.Minute):
		t.Fatal("the webhook was not told")
		return ""
	}
}
