package mcp_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gait/commands/mcp"
)

// What an agent can have its client send ends no server: a request that is too deep, or says something
// twice, is answered with an error of its own, and the next one is carried out.
func TestBrokenRequestsAreAnswered(t *testing.T) {
	const head = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}
{"jsonrpc":"2.0","method":"notifications/initialized"}
`
	const tail = `{"jsonrpc":"2.0","id":99,"method":"tools/list"}` + "\n"
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	call := func(id, arguments string) string {
		return `{"method":"tools/call","params":{"name":"gate_check","arguments":` + arguments + `},"jsonrpc":"2.0","id":` + id + `}`
	}
	for name, tt := range map[string]struct{ line, id string }{
		"deep":                 {call("2", `{"a":`+deep(1000)+`}`), "2"},
		"deeper":               {call("2", `{"a":`+deep(9000)+`}`), "2"},
		"deepest":              {call("2", `{"a":`+deep(200000)+`}`), "2"},
		"deep, id first":       {`{"id":"x\"y","method":"tools/call","params":` + deep(9000) + `}`, `"x\"y"`},
		"not closed":           {`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"arguments":` + strings.Repeat("[", 9000), "2"},
		"a member twice":       {`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"job_status","name":"job_complete","arguments":{}}}`, "2"},
		"twice in arguments":   {call("2", `{"a":1,"a":2}`), "2"},
		"half of a surrogate":  {call("2", `{"a":"\ud800"}`), "2"},
		"an id with a part":    {call("1.5", `{}`), "null"},
		"a long id":            {call("12345678901234567890", `{}`), "null"},
		"an id that is a word": {call("true", `{}`), "null"},
		"another version":      {`{"jsonrpc":"1.0","id":2,"method":"tools/list"}`, "2"},
		"two in a line":        {tail[:len(tail)-1] + " " + call("2", `{}`), "99"},
	} {
		var out bytes.Buffer
		if err := mcp.Serve(t.Context(), optionsOf(newDesk(t)), strings.NewReader(head+tt.line+"\n\n"+tail), &out); err != nil {
			t.Errorf("%s: the server ends with %v", name, err)
		}
		if want := fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"error":{"code":-32600,`, tt.id); strings.Count(out.String(), want) != 1 {
			t.Errorf("%s: answered %.600s, want %s", name, out.String(), want)
		}
		if !strings.Contains(out.String(), `"tools":[`) {
			t.Errorf("%s: the next request is not answered", name)
		}
	}
	for name, line := range map[string]string{"an answer that is too deep": `{"jsonrpc":"2.0","id":1,"result":` + deep(9000) + `}`, "a broken notification": `{"jsonrpc":"2.0","method":"x","method":"y"}`} {
		var out bytes.Buffer
		if err := mcp.Serve(t.Context(), optionsOf(newDesk(t)), strings.NewReader(head+line+"\n"+tail), &out); err != nil || strings.Contains(out.String(), `"error"`) || !strings.Contains(out.String(), `"tools":[`) {
			t.Errorf("%s: answered %.600s, %v", name, out.String(), err)
		}
	}
	for name, line := range map[string]string{"text": "hello", "a list": `[{"jsonrpc":"2.0","id":2,"method":"tools/list"}]`, "a number": "7", "a long line": `{"a":"` + strings.Repeat("x", 17<<20)} {
		if err := mcp.Serve(t.Context(), optionsOf(newDesk(t)), strings.NewReader(line+"\n"), new(bytes.Buffer)); !errors.Is(err, mcp.ErrMessage) {
			t.Errorf("%s: %v, want ErrMessage", name, err)
		}
	}
}

// Over HTTP the same requests are refused, and a name of the host that the SDK does not know is none
// of its business.
func TestHandlerReadsOneThing(t *testing.T) {
	d := newDesk(t)
	h := mcp.Handler(func(*http.Request) (mcp.Options, error) { return optionsOf(d), nil })
	s := httptest.NewServer(h)
	defer s.Close()
	post := func(host, body string) (int, string) {
		q, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		q.Host = host
		q.Header.Set("Content-Type", "application/json")
		q.Header.Set("Accept", "application/json, text/event-stream")
		r, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		var b bytes.Buffer
		if _, err := b.ReadFrom(r.Body); err != nil {
			t.Fatal(err)
		}
		return r.StatusCode, b.String()
	}
	const list = `{"jsonrpc":"2.0","id":2,"method":"tools/list"}`
	for _, host := range []string{"", "gait.example:7070", "127.0.0.1", "[2001:db8::1]:7070"} {
		if code, said := post(host, list); code != http.StatusOK || !strings.Contains(said, "job_submit") {
			t.Errorf("as %q: answered %d %.200s", host, code, said)
		}
	}
	for body, want := range map[string]int{
		`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"job_status","name":"job_submit","arguments":{}}}`: http.StatusBadRequest,
		`{"jsonrpc":"2.0","id":1.5,"method":"tools/list"}`:                                                                 http.StatusBadRequest,
		strings.Repeat("[", 9000):         http.StatusBadRequest,
		"":                                http.StatusBadRequest,
		strings.Repeat(" ", 5<<20) + list: http.StatusRequestEntityTooLarge,
	} {
		if code, said := post("", body); code != want {
			t.Errorf("%.100s: answered %d %.200s, want %d", body, code, said, want)
		}
	}
}
