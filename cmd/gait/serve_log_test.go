package main

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A logLine is a line of a log in JSON.
type logLine struct {
	Time, Level, Msg, Verb, Job, Code, Path string
	Status                                  int
	Seq                                     *int64
}

// linesOf reads a log in JSON: every line is an object.
func linesOf(t *testing.T, log string) (lines []logLine) {
	t.Helper()
	for text := range strings.Lines(log) {
		var l logLine
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if _, err := time.Parse(time.RFC3339Nano, l.Time); err != nil || l.Level == "" || l.Msg == "" {
			t.Errorf("%s has no time, level or msg: %v", text, err)
		}
		lines = append(lines, l)
	}
	return lines
}

func has(lines []logLine, is func(logLine) bool) bool { return slices.ContainsFunc(lines, is) }

// At debug the log has each request and command, and never a secret nor the text of a
// command.
func TestLogInJSON(t *testing.T) {
	s := newDaemonRun(t)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address, file := free.Addr().String(), filepath.Join(s.dir, "token")
	free.Close()
	s.launch("--log-format", "json", "--log-level", "debug", "--listen", address, "--token-file", file)
	s.ready()
	s.mustDo("job", "submit", "--id", "a", "--label", "team=s3cret-label", "--identity", "s3cret-identity")
	s.mustDo("job", "checkpoint", "add", "a", "--summary", "s3cret-summary", "--request-id", "s3cret-request")
	s.mustDo("job", "pause", "a", "--reason", "s3cret-reason")
	s.run("job", "pause", "a", "--reason", "s3cret-reason", "--json") // refused
	token, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, bearer := range []string{strings.TrimSpace(string(token)), "s3cret-guess"} {
		q, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/v1/job?id=s3cret-job", nil)
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set("Authorization", "Bearer "+bearer)
		r, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
	}
	if code := s.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit %d", code)
	}
	log := s.said.String()
	lines := linesOf(t, log)
	for name, is := range map[string]func(logLine) bool{
		"when it serves": func(l logLine) bool { return l.Level == "INFO" && l.Msg == "serving" && l.Path == s.socket },
		"a command": func(l logLine) bool {
			return l.Level == "DEBUG" && l.Verb == "pause" && l.Job == "a" && l.Code == "ok" && l.Seq != nil
		},
		"a refusal":            func(l logLine) bool { return l.Verb == "pause" && l.Code == "invalid_transition" },
		"a request":            func(l logLine) bool { return l.Level == "DEBUG" && l.Path == "/v1/commands" && l.Status == 200 },
		"a request over TCP":   func(l logLine) bool { return l.Path == "/v1/job" && l.Status == 404 },
		"what was turned away": func(l logLine) bool { return l.Path == "turned away" && l.Status == 401 },
		"the new ledger":       func(l logLine) bool { return l.Level == "WARN" && strings.HasPrefix(l.Msg, "created the ledger") },
		"that it stops":        func(l logLine) bool { return l.Level == "INFO" && l.Msg == "stopping" },
		"that it stopped":      func(l logLine) bool { return l.Level == "INFO" && l.Msg == "stopped" },
	} {
		if !has(lines, is) {
			t.Errorf("the log lacks %s:\n%s", name, log)
		}
	}
	if strings.Contains(log, "s3cret") || strings.Contains(log, strings.TrimSpace(string(token))) {
		t.Errorf("the log holds a secret:\n%s", log)
	}
}

// What is not asked for is not logged.
func TestLogLevels(t *testing.T) {
	for _, tt := range []struct {
		args   []string
		levels []string // logged
		prints bool     // that it serves
	}{
		{[]string{}, []string{"INFO", "WARN"}, true},
		{[]string{"--log-level", "warn"}, []string{"WARN"}, true},
		{[]string{"--log-level", "error"}, nil, true},
		{[]string{"--quiet"}, nil, false},
	} {
		s := newDaemonRun(t)
		cmd := s.command(append([]string{"serve", "--log-format", "json"}, tt.args...)...)
		printed := &sharedBuffer{}
		cmd.Stdout = printed
		s.launchAs(cmd)
		s.ready()
		s.mustDo("job", "submit", "--id", "a")
		if code := s.end(syscall.SIGTERM); code != 0 {
			t.Errorf("%v: exit %d", tt.args, code)
		}
		var levels []string
		for _, l := range linesOf(t, s.said.String()) {
			levels = append(levels, l.Level)
		}
		slices.Sort(levels)
		if levels = slices.Compact(levels); !slices.Equal(levels, tt.levels) {
			t.Errorf("%v logs %v, want %v", tt.args, levels, tt.levels)
		}
		if (printed.String() != "") != tt.prints {
			t.Errorf("%v prints %q", tt.args, printed)
		}
	}
}

// Why a daemon ends is in its log, at error, whatever the level: a fault while it
// serves, and before that.
func TestLogOfFaults(t *testing.T) {
	s := newDaemonRun(t)
	s.launch("--log-format", "json", "--quiet")
	s.ready()
	s.mustDo("job", "submit", "--id", "a")
	if code, said := s.run("serve", "--log-format", "json", "--json"); code != exitIO || said.ErrorCode != "daemon_running" {
		t.Errorf("a second daemon exits %d: %s", code, said.ErrorCode)
	}
	second := s.command("serve", "--log-format", "json")
	var said strings.Builder
	second.Stderr = &said
	if second.Run() == nil || !has(linesOf(t, said.String()), func(l logLine) bool { return l.Level == "ERROR" && l.Code == "daemon_running" }) {
		t.Errorf("a second daemon logs %s", said.String())
	}
	moved := filepath.Join(s.root, "moved")
	if err := os.Rename(filepath.Join(s.root, "ledger"), moved); err != nil {
		t.Fatal(err)
	}
	s.run("job", "pause", "a", "--json")
	if code := s.wait(10 * time.Second); code != exitVerify {
		t.Errorf("exit %d", code)
	}
	if lines := linesOf(t, s.said.String()); len(lines) != 1 || lines[0].Level != "ERROR" || lines[0].Code != "ledger_missing" {
		t.Errorf("the log is %s", s.said)
	}
}

// What a name in the log holds reaches no terminal as a command.
func TestLogIsPlain(t *testing.T) {
	for _, format := range logFormats {
		var b strings.Builder
		a := &app{console: console{stderr: &b}}
		a.startLog(logFlags{format: format})
		a.log.Warn("\x1b[2J \u009b2J \u202e \U000e0041 \xff é")
		a.log.flush()
		got := b.String()
		if strings.ContainsFunc(strings.TrimSuffix(got, "\n"), unprintable) || strings.Count(got, "\n") != 1 || !strings.Contains(got, "é") {
			t.Errorf("as %s it is %q", format, got)
		}
		if format != "json" {
			continue
		}
		var line logLine
		if err := json.Unmarshal([]byte(got), &line); err != nil || line.Msg != "\x1b[2J \u009b2J \u202e \U000e0041 \ufffd é" {
			t.Errorf("it reads back as %q, %v", line.Msg, err)
		}
	}
}
