package daemon_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gait/commands"
	"gait/commands/daemon"
)

// The token of agents opens one path, as one worker, and nothing else, however the path is spelt. The
// user's own is known there as what it is.
func TestAgentsToken(t *testing.T) {
	s := serve(t)
	s.do(t, submit("j1"))
	var seen *http.Request
	open := http.NewServeMux()
	open.HandleFunc("/agents", func(_ http.ResponseWriter, q *http.Request) { seen = q })
	open.Handle("/", s.open)
	own, agents := strings.Repeat("o", 32), strings.Repeat("a", 32)
	door := daemon.Door{
		Address: "127.0.0.1:80", Bearer: own,
		Agents: daemon.Agents{Token: agents, Path: "/agents", Holder: daemon.Holder{Actor: "agent_1", Role: "worker"}},
	}
	h := &http.Server{Handler: open}
	if err := s.server.Guard(h, door); err != nil {
		t.Fatal(err)
	}
	ask := func(method, path, token string) int {
		q := httptest.NewRequest(method, "http://127.0.0.1:80"+path, strings.NewReader("{}"))
		q.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		h.Handler.ServeHTTP(w, q)
		return w.Code
	}
	for _, path := range []string{"/v1/commands", "/v1/gate", "/v1/jobs", "/v1/events", "/v1/challenge", "/healthz", "/metrics", "/", "/agents/", "//agents", "/agents/../v1/jobs", "/Agents", "/agents%2f"} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodHead} {
			if code := ask(method, path, agents); code != http.StatusForbidden || seen != nil {
				t.Errorf("%s %s with the token of agents: answered %d, want 403", method, path, code)
			}
		}
	}
	if ask(http.MethodPost, "/agents", agents); seen == nil {
		t.Fatal("the token of agents does not open its path")
	}
	if by, ok := daemon.HolderOf(seen.Context()); !ok || by.Actor != "agent_1" || daemon.ByBearer(seen.Context()) {
		t.Errorf("the holder is %+v, %t", by, ok)
	}
	for _, r := range []commands.Request{
		{JobID: "j1", Actor: "boss", Command: commands.GateSettle{}},
		{JobID: "j1", Actor: "agent_1", Command: commands.Approve{}},
		{JobID: "j1", Actor: "agent_1", Command: commands.Resume{}},
		{JobID: "j1", Actor: "agent_1", Command: commands.Cancel{}},
	} {
		if daemon.MayIssue(seen.Context(), r) == nil {
			t.Errorf("an agent may issue %T as %s", r.Command, r.Actor)
		}
	}
	seen = nil
	if ask(http.MethodPost, "/agents", own); seen == nil || !daemon.ByBearer(seen.Context()) {
		t.Error("the user's own token is not known as such")
	}
	if code := ask(http.MethodGet, "/agents", ""); code != http.StatusUnauthorized {
		t.Errorf("without a token: answered %d", code)
	}
}
