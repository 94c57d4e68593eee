package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"syscall"
	"testing"
)

// A daemon that is killed after it took content and before an event named it leaves no more
// than a file that gc removes; the event that names it is refused, and the client puts it
// again. Content that was asked to be durable at once is there.
func TestKilledBetweenContentAndEvent(t *testing.T) {
	s := newDaemonRun(t)
	s.start()
	if code, _ := s.run("job", "submit", "--id", "a", "--json"); code != 0 {
		t.Fatalf("submit exits %d", code)
	}
	log := strings.Repeat("a log ", 20_000)      // small content would be in memory
	kept := s.putContent("a state", "&keep=now") // and what was put before it
	lost := s.putContent(log, "")
	s.end(syscall.SIGKILL)
	s.start()
	name := func(digest, text string) int {
		body, err := json.Marshal(map[string]any{"verb": "checkpoint add", "job_id": "a", "actor": "w", "arguments": map[string]any{
			"type": "progress", "summary": "s", "attachments": []any{map[string]any{"digest": digest, "role": "log", "size": len(text)}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		r, err := s.http.Post("http://gait/v1/commands", "application/json", strings.NewReader(string(body)))
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		return r.StatusCode
	}
	if got := name(lost, log); got != http.StatusServiceUnavailable {
		t.Errorf("naming what was lost answers %d, want 503", got)
	}
	if got := name(kept, "a state"); got != http.StatusOK {
		t.Errorf("naming what was kept answers %d, want 200", got)
	}
	if again := s.putContent(log, ""); again != lost {
		t.Errorf("the same bytes of the job have the digest %s, and had %s", again, lost)
	}
	if got := name(lost, log); got != http.StatusOK {
		t.Errorf("naming what was put again answers %d, want 200", got)
	}
	out, err := s.command("content", "gc", "--older-than", "0s", "--json").Output()
	if err != nil || !strings.Contains(string(out), `"why":"unfinished"`) {
		t.Errorf("gc = %s, %v, want the file of what was lost", out, err)
	}
	s.end(syscall.SIGTERM)
	if code, _ := s.run("ledger", "verify", "--json"); code != 0 {
		t.Errorf("ledger verify exits %d", code)
	}
}

// putContent puts content of job a and returns its digest.
func (s *daemonRun) putContent(text, query string) string {
	s.t.Helper()
	r, err := s.http.Post("http://gait/v1/job/contents/put?id=a"+query, "application/octet-stream", strings.NewReader(text))
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Body.Close()
	var put struct{ Digest string }
	if err := json.NewDecoder(r.Body).Decode(&put); err != nil || r.StatusCode != http.StatusOK {
		s.t.Fatalf("put answers %d, %v", r.StatusCode, err)
	}
	return put.Digest
}
