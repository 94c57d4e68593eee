package daemon_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gait/commands"
	"gait/commands/daemon"
	"gait/ledger"
)

// A token's holder asks the gate as itself, and in the role of a worker.
func TestGateTokens(t *testing.T) {
	s := serveGated(t, "j1")
	ask := func(role, actor string) gateSaid {
		b := []byte(strings.Replace(question("j1", "read", 1, ""), "worker_1", actor, 1))
		status, text := s.sendProved(t, role, "/v1/gate", b)
		return readSaid(t, status, text)
	}
	for role, want := range map[string]string{"worker": "policy_permits", "operator": "token_role", "approver": "token_role", "auditor": "token_role"} {
		if a := ask(role, "reviewer_1"); a.Reason != want || *a.OK != (want == "policy_permits") || (a.Verdict == "allow") != *a.OK {
			t.Errorf("a token of role %s: answered %d %s, want %s", role, a.status, a.text, want)
		}
	}
	wantSaid(t, "as another actor", ask("worker", "worker_1"), "block", "token_actor")
	for role, want := range map[string]int{"operator": 409, "worker": 409, "approver": 403, "auditor": 403} {
		status, b := s.sendProved(t, role, "/v1/gate/01J9ZQ6F8Z3V5X7Y9A0B1C2D3E/settle", []byte(`{"job_id":"j1","actor":"reviewer_1","outcome":"done"}`))
		if a := readSaid(t, status, b); status != want || *a.OK {
			t.Errorf("settling with a token of role %s: answered %d %s, want %d", role, status, b, want)
		}
	}
}

// sendProved sends a body with a token of a role.
func (s *testServer) sendProved(t *testing.T, role, path string, b []byte) (int, []byte) {
	t.Helper()
	status, text, err := s.clientOf(t, role).Post(t.Context(), path, b)
	if err != nil {
		t.Fatal(err)
	}
	return status, text
}

// Requests that are turned away before they are read get a block too.
func TestGateTurnsAway(t *testing.T) {
	s := serveGated(t, "j1")
	for name, tt := range map[string]struct {
		door          daemon.Door
		authorization string
		want          int
		code          string
	}{
		"no token":      {door: daemon.Door{Bearer: strings.Repeat("t", 32), Address: "127.0.0.1:80"}, want: 401, code: "token_invalid"},
		"another token": {door: daemon.Door{Bearer: strings.Repeat("t", 32), Address: "127.0.0.1:80"}, authorization: "Bearer allow", want: 401, code: "token_invalid"},
		"another host":  {door: daemon.Door{Bearer: strings.Repeat("t", 32), Address: "127.0.0.1:81"}, authorization: "Bearer " + strings.Repeat("t", 32), want: 403, code: "foreign_request"},
	} {
		h := &http.Server{Handler: s.open}
		if err := s.server.Guard(h, tt.door); err != nil {
			t.Fatal(err)
		}
		q := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:80/v1/gate", strings.NewReader(question("j1", "read", 1, "")))
		q.Header.Set("Content-Type", "application/json")
		q.Header.Set("Authorization", tt.authorization)
		w := httptest.NewRecorder()
		h.Handler.ServeHTTP(w, q)
		a := readSaid(t, w.Code, w.Body.Bytes())
		wantSaid(t, name, a, "block", tt.code)
		if a.status != tt.want {
			t.Errorf("%s: answered %d, want %d", name, a.status, tt.want)
		}
	}
}

// A client with a token asks the gate in one request, and believes no answer that is not signed.
func TestGateWithAToken(t *testing.T) {
	s := serveGated(t, "j1")
	ask := daemon.GateQuestion{JobID: "j1", Actor: "reviewer_1", Tool: "read", RequestID: "r1", Intent: []byte(intentOf("read", 1))}
	c := s.clientOf(t, "worker")
	reply, err := c.Gate(t.Context(), ask)
	if err != nil || commands.AnswerOf(reply.Result, err).Verdict != ledger.GateAllow || reply.Proof.Checkpoint == nil {
		t.Fatalf("Gate = %+v, %v, want an allow with its proof", reply, err)
	}
	if err := commands.CheckGate(reply.Request, reply.Result.Event); err != nil {
		t.Errorf("the answer is not the one to the question: %v", err)
	}
	for what, change := range map[string]func(*commands.Request){
		"job":        func(r *commands.Request) { r.JobID = "j2" },
		"actor":      func(r *commands.Request) { r.Actor = "worker_1" },
		"request id": func(r *commands.Request) { r.RequestID = "r2" },
		"verb":       func(r *commands.Request) { r.Command = commands.Pause{} },
		"tool":       evalWith(func(c *commands.GateEval) { c.Tool = "pay" }),
		"intent":     evalWith(func(c *commands.GateEval) { c.Intent.Digest[0]++ }),
		"call":       evalWith(func(c *commands.GateEval) { c.CallID = "c1" }),
		"policy":     evalWith(func(c *commands.GateEval) { c.Policy = ledger.Hash{1} }),
		"fact":       evalWith(func(c *commands.GateEval) { c.Facts.NotDoneExit = 75 }),
	} {
		other := reply.Request
		change(&other)
		if err := commands.CheckGate(other, reply.Result.Event); faultOf(err) != "ledger_corrupt" || !strings.Contains(err.Error(), what) {
			t.Errorf("the answer to a question with another %s: %v, want ledger_corrupt", what, err)
		}
	}
	honest := c.HTTP.Transport
	c.HTTP.Transport = unsignedGate{honest}
	ask.RequestID = "r2"
	reply, err = c.Gate(t.Context(), ask)
	if a := commands.AnswerOf(reply.Result, err); a.Verdict != ledger.GateBlock || a.ReasonCode != "outcome_unknown" {
		t.Errorf("an answer without a signature: %+v, %v, want a block, outcome_unknown", a, err)
	}
}

func evalWith(change func(*commands.GateEval)) func(*commands.Request) {
	return func(r *commands.Request) {
		c := r.Command.(commands.GateEval)
		change(&c)
		r.Command = c
	}
}

// An unsignedGate drops the signatures of the gate's answers.
type unsignedGate struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (u unsignedGate) RoundTrip(q *http.Request) (*http.Response, error) {
	res, err := u.RoundTripper.RoundTrip(q)
	if err == nil && q.URL.Path == "/v1/gate" {
		res.Trailer = nil
	}
	return res, err
}
