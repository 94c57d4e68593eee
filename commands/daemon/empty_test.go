package daemon_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gait/commands"
	"gait/commands/daemon"
)

// An empty text is no id, and never means all of them, or a new one: not in a query,
// and not in a command.
func TestEmptyTexts(t *testing.T) {
	s := serve(t)
	s.do(t, submit("j1"))
	size := s.Log.Head().Size
	for _, route := range daemon.Routes() {
		words, body := strings.Fields(route), ""
		if words[0] == strings.ToLower(http.MethodPost) {
			body = "x"
		}
		for _, name := range words[2:] {
			wantEmpty(t, s, words[1]+"?"+name+"=", body, name+" is empty")
		}
	}
	for _, needs := range []string{"/v1/job id", "/v1/job/head id", "/v1/job/events id", "/v1/ledger/event seq", "/v1/ledger/file name"} {
		path, name, _ := strings.Cut(needs, " ")
		wantEmpty(t, s, path, "", name+" is missing")
	}
	for _, field := range []string{"verb", "job_id", "actor", "reason", "request_id", "trace"} {
		body := map[string]any{"verb": "submit", "job_id": "j2", "actor": "w", "request_id": "r", "arguments": map[string]any{}}
		body[field] = ""
		wantEmpty(t, s, "/v1/commands", encoded(t, body), field+" is empty")
	}
	all := []commands.Command{
		commands.Submit{},
		commands.Import{},
		commands.AddCheckpoint{},
		commands.Approve{},
		commands.Deny{},
		commands.Resume{},
		commands.Pause{},
		commands.Stop{},
		commands.Cancel{},
		commands.CommitIndex{},
		commands.EraseContent{},
		commands.AddActor{},
		commands.RevokeActor{},
		commands.SetAuthority{},
		commands.GateEval{},
		commands.GateSettle{},
		commands.LeaseTake{},
		commands.LeaseRenew{},
		commands.LeaseRelease{},
		commands.EndAttempt{},
	}
	var verbs []string
	for _, c := range all {
		verbs = append(verbs, c.Verb())
		for _, f := range reflect.VisibleFields(reflect.TypeOf(c)) {
			name, left, _ := strings.Cut(f.Tag.Get("json"), ",")
			if f.Type.Kind() != reflect.String || left != "omitempty" {
				continue
			}
			body := map[string]any{"verb": c.Verb(), "job_id": "j1", "actor": "w", "arguments": map[string]any{name: ""}}
			wantEmpty(t, s, "/v1/commands", encoded(t, body), name+" is empty")
		}
	}
	if slices.Sort(verbs); !slices.Equal(verbs, commands.Verbs()) {
		t.Errorf("tried %q, want every verb", verbs)
	}
	if s.Log.Head().Size != size {
		t.Error("a request with an empty text wrote an event")
	}
}

// wantEmpty requires that a request, with a body or without one, is refused for a name
// without a value.
func wantEmpty(t *testing.T, s *testServer, path, body, want string) {
	t.Helper()
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	status, b, _ := s.get(t, method, path, body)
	var e struct {
		Text string `json:"error"`
		Code string `json:"error_code"`
		Hint string `json:"hint"`
	}
	if err := json.Unmarshal(b, &e); err != nil || status != http.StatusBadRequest || e.Code != "invalid_usage" || e.Text != want || e.Hint == "" {
		t.Errorf("%s %s %s is answered %d %s, want 400, invalid_usage, %q and a hint", method, path, body, status, b, want)
	}
}

func encoded(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
