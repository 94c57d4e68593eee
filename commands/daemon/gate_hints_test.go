package daemon_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gait/commands/daemon"
)

// A plainAnswer is what a caller without a client reads of an error.
type plainAnswer struct {
	Text   string `json:"error"`
	Detail string `json:"detail"`
	Hint   string `json:"hint"`
}

func readPlain(t *testing.T, text []byte) (a plainAnswer) {
	t.Helper()
	if err := json.Unmarshal(text, &a); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return a
}

// What is wrong with a question is said in one line, and in the words of the interface.
func TestGateErrorsSayWhat(t *testing.T) {
	s := serveGated(t, "j1")
	asked := question("j1", "read", 1, "")
	without := func(text string) string { return strings.Replace(asked, text, "", 1) }
	settled := `{"job_id":"j1","actor":"worker_1","outcome":"done"}`
	const settle = "/v1/gate/01J9ZQ6F8Z3V5X7Y9A0B1C2D3E/settle"
	for _, tt := range []struct{ path, body, want string }{
		{"/v1/gate", "", "an object was expected, and the text ends"},
		{"/v1/gate", "allow", "an object was expected: invalid character"},
		{"/v1/gate", "[]", "an object was expected"},
		{"/v1/gate", strings.TrimSuffix(asked, "}"), "the end of the object was expected, and the text ends"},
		{"/v1/gate", without(`"job_id":"j1",`), "job_id is missing"},
		{"/v1/gate", without(`"actor":"worker_1",`), "actor is missing"},
		{"/v1/gate", without(`"tool":"read",`), "tool is missing"},
		{"/v1/gate", without(`,"intent":` + intentOf("read", 1)), "intent is missing"},
		{"/v1/gate", strings.Replace(asked, `"tool":"read"`, `"tool":""`, 1), "tool is empty"},
		{settle, "", "an object was expected, and the text ends"},
		{settle, strings.Replace(settled, `"job_id":"j1",`, "", 1), "job_id is missing"},
		{settle, strings.Replace(settled, `"actor":"worker_1",`, "", 1), "actor is missing"},
		{settle, strings.Replace(settled, `,"outcome":"done"`, "", 1), "outcome is missing"},
		{"/v1/commands", "", "an object was expected, and the text ends"},
	} {
		a := readPlain(t, s.sendJSON(t, tt.path, "application/json", tt.body).text)
		if !strings.Contains(a.Text, tt.want) || a.Detail != "" && a.Detail != a.Text || strings.ContainsAny(a.Text+a.Detail, "\r\n") {
			t.Errorf("%s %.80q: %q, detail %q, want %q in one line", tt.path, tt.body, a.Text, a.Detail, tt.want)
		}
	}
}

// A header that is missing is named, and a token that is not to be sent is not asked for.
func TestGateHintsForPlainHTTP(t *testing.T) {
	s := serveGated(t, "j1")
	if a := readPlain(t, s.sendJSON(t, "/v1/gate", "", question("j1", "read", 1, "")).text); !strings.Contains(a.Hint, "Content-Type: application/json") {
		t.Errorf("the hint for a body without a type is %q", a.Hint)
	}
	h := &http.Server{Handler: s.open}
	if err := s.server.Guard(h, daemon.Door{Bearer: strings.Repeat("t", 32), Address: "127.0.0.1:80"}); err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.Handler.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "http://127.0.0.1:80/v1/gate", strings.NewReader(question("j1", "read", 1, ""))))
	a := readPlain(t, w.Body.Bytes())
	for _, want := range []string{"daemon's own token file", "serve token add", "never sent"} {
		if !strings.Contains(a.Hint, want) {
			t.Errorf("the hint without a token is %q, want %q in it", a.Hint, want)
		}
	}
}
