package proxy_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"gait/commands/mcp/proxy"
	"gait/ledger"
	"gait/projection"
)

// A call that the policy permits reaches the server with its arguments, once, and is settled with
// its result before the client has that.
func TestAllowed(t *testing.T) {
	d, f := newDesk(t, all), &fakeServer{tools: readTool + "," + writeTool}
	s := start(t, d, f, nil)
	has(t, s.list(), `"name":"read"`, `"name":"write"`)
	has(t, s.call("write", `{"path":"a","n":1.50}`), `"id":7`, `"text":"done"`, "!isError")
	ran := f.ran()
	if len(ran) != 1 || !strings.Contains(ran[0], `"params":{"arguments":{"path":"a","n":1.50},"name":"write"}`) {
		t.Errorf("the server was sent %q", ran)
	}
	if is := d.job(); is.Allows != 1 || len(is.Grants) != 0 {
		t.Errorf("%d grants, of which %v are not settled", is.Allows, is.Grants)
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
}

// No policy permits: whatever a client sends, no tool runs.
func TestNothingPassesUnasked(t *testing.T) {
	call := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"write","arguments":{"path":"danger"}}}`
	for name, line := range map[string]string{
		"a call":                       call,
		"of an unknown tool":           `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"danger"}}`,
		"in a batch":                   `[` + call + `]`,
		"in a batch of two":            `[{"jsonrpc":"2.0","id":2,"method":"ping"},` + call + `]`,
		"without an id":                `{"jsonrpc":"2.0","method":"tools/call","params":{"name":"write","arguments":{"path":"danger"}}}`,
		"with the id null":             `{"jsonrpc":"2.0","id":null,"method":"tools/call","params":{"name":"write","arguments":{"path":"danger"}}}`,
		"with an object as id":         `{"jsonrpc":"2.0","id":{},"method":"tools/call","params":{"name":"write","arguments":{"path":"danger"}}}`,
		"with two methods":             `{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":{"name":"write","arguments":{"path":"danger"}}}`,
		"with two methods, reversed":   `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"write","arguments":{"path":"danger"}},"method":"notdanger"}`,
		"with a method in other case":  `{"jsonrpc":"2.0","id":1,"Method":"tools/call","method":"ping2","params":{"name":"write","arguments":{"path":"danger"}}}`,
		"method in upper case":         `{"jsonrpc":"2.0","id":1,"method":"Tools/Call","params":{"name":"write","arguments":{"path":"danger"}}}`,
		"method with a blank":          `{"jsonrpc":"2.0","id":1,"method":" tools/call","params":{"name":"write","arguments":{"path":"danger"}}}`,
		"escaped method":               `{"jsonrpc":"2.0","id":1,"method":"tools\u002fcall","params":{"name":"write","arguments":{"path":"danger"}}}`,
		"with a result":                `{"jsonrpc":"2.0","id":1,"method":"tools/call","result":{},"params":{"name":"write","arguments":{"path":"danger"}}}`,
		"two names":                    `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read","name":"write","arguments":{"path":"danger"}}}`,
		"a name in other case":         `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read","Name":"write","arguments":{"path":"danger"}}}`,
		"two arguments":                `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"write","arguments":{},"arguments":{"path":"danger"}}}`,
		"an argument twice":            `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"write","arguments":{"path":"a","path":"danger"}}}`,
		"an argument in another case":  `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"write","arguments":{"Path":"danger"}}}`,
		"arguments that are no object": `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"write","arguments":["danger"]}}`,
		"parameters in a list":         `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":["write",{"path":"danger"}]}`,
		"no parameters":                `{"jsonrpc":"2.0","id":1,"method":"tools/call"}`,
		"a name that is no text":       `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":{"a":"danger"}}}`,
		"as a task":                    `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"write","arguments":{"path":"danger"},"task":{"ttl":1}}}`,
		"input that nothing asked for": `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"write","arguments":{"path":"danger"},"inputResponses":{}}}`,
		"state from nowhere":           `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"write","arguments":{"path":"danger"},"requestState":"x"}}`,
		"of the new protocol":          `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"write","arguments":{"path":"danger"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}`,
		"a task's result":              `{"jsonrpc":"2.0","id":1,"method":"tasks/result","params":{"taskId":"danger"}}`,
		"input of a task":              `{"jsonrpc":"2.0","id":1,"method":"tasks/update","params":{"taskId":"danger","inputResponses":{}}}`,
		"another method":               `{"jsonrpc":"2.0","id":1,"method":"tools/run","params":{"name":"danger"}}`,
		"another notification":         `{"jsonrpc":"2.0","method":"notifications/danger"}`,
		"an answer to nothing":         `{"jsonrpc":"2.0","id":5,"result":{"danger":1}}`,
		"another version":              `{"jsonrpc":"1.0","id":1,"method":"tools/call","params":{"name":"write","arguments":{"path":"danger"}}}`,
		"two messages on a line":       `{"jsonrpc":"2.0","id":1,"method":"ping"} ` + call,
		"no JSON":                      `danger`,
		"deep":                         strings.Repeat(`{"danger":`, 5000) + "1" + strings.Repeat("}", 5000),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, f := newDesk(t, `forbid (principal, action, resource);`), &fakeServer{tools: readTool + "," + writeTool}
			s := start(t, d, f, nil)
			s.send(line)
			s.send(`{"jsonrpc":"2.0","id":99,"method":"ping"}`) // it is alive after that
			for !strings.Contains(s.next(), `"id":99`) {
			}
			if err := s.close(); err != nil {
				t.Error(err)
			}
			if ran := f.ran(); len(ran) > 0 {
				t.Errorf("the server was sent %q", ran)
			}
			if is := d.job(); is.Allows > 0 {
				t.Errorf("the gate has given %d grants", is.Allows)
			}
		})
	}
}

// What an agent is told about a call that did not run.
func TestBlocked(t *testing.T) {
	d := newDesk(t, `permit (principal, action == Action::"mcp:fs/read", resource);
@gait_verdict("require_approval")
permit (principal, action == Action::"mcp:fs/write", resource);`)
	f := &fakeServer{tools: readTool + "," + writeTool + `,{"name":"other"}`}
	s := start(t, d, f, func(o *proxy.Options) { o.AutoResume = true })
	has(t, s.call("other", `{}`), `"isError":true`, "policy_permits_none", `"verdict":"block"`)
	has(t, s.call("other", `{"a":1,"b":[null]}`), `"isError":true`)
	has(t, s.call("write", `{"path":"a"}`), `"isError":true`, "A person has to approve this", `"verdict":"require_approval"`, `"checkpoint_id":"cp_0002"`)
	has(t, s.call("read", `{"path":"a"}`), `"isError":true`, "not_running")
	if ran := f.ran(); len(ran) > 0 {
		t.Errorf("the server was sent %q", ran)
	}
	d.approve()
	has(t, s.call("write", `{"path":"a"}`), `"text":"done"`) // the job is resumed since it was approved
	if ran := f.ran(); len(ran) != 1 {
		t.Errorf("the server was sent %q", ran)
	}
	has(t, s.call("write", `{"path":"a"}`), `"verdict":"require_approval"`) // an approval is used once
	if is := d.job(); is.Status != projection.DecisionNeeded {
		t.Errorf("the job is %s", is.Status)
	}
}

// Without AutoResume the job waits for a person to resume it, too.
func TestNoResume(t *testing.T) {
	d := newDesk(t, `@gait_verdict("require_approval")
permit (principal, action, resource);`)
	f := &fakeServer{tools: writeTool}
	s := start(t, d, f, nil)
	has(t, s.call("write", `{}`), `"verdict":"require_approval"`)
	d.approve()
	has(t, s.call("write", `{}`), "not_running")
	d.resume()
	has(t, s.call("write", `{}`), `"text":"done"`)
}

// A call whose answer never comes may have run: its grant is open, and the gate blocks the same
// call also in the next session.
func TestServerEnds(t *testing.T) {
	d, f := newDesk(t, all), &fakeServer{tools: writeTool}
	s := start(t, d, f, nil)
	f.answers(func(method string, _ json.RawMessage) string {
		if method == "tools/call" {
			s.serverW.Close()
			return "nothing"
		}
		return ""
	})
	has(t, s.call("write", `{"path":"a"}`), `"isError":true`, "server_ended", "may have run already")
	if err := <-s.done; !errors.Is(err, proxy.ErrServerEnded) {
		t.Errorf("the proxy ends with %v", err)
	}
	if is := d.job(); len(is.Grants) != 1 || is.Grants[0].Unknown {
		t.Errorf("the grants are %v", is.Grants)
	}
	again := &fakeServer{tools: writeTool}
	s = start(t, d, again, nil)
	has(t, s.call("write", `{"path":"a"}`), `"isError":true`, "effects_unsettled")
	has(t, s.call("write", `{"path":"b"}`), `"text":"done"`)
	if ran := again.ran(); len(ran) != 1 {
		t.Errorf("the server was sent %q", ran)
	}
}

// An error of a tool that may have written leaves its grant open; one that only reads is done.
func TestErrors(t *testing.T) {
	for _, tt := range []struct {
		name, tool, said, want string
		open                   int
	}{
		{"a result that is an error", "write", `"result":{"content":[],"isError":true}`, `"isError":true`, 1},
		{"of one that reads", "read", `"result":{"content":[],"isError":true}`, `"isError":true`, 0},
		{"an error of the protocol", "write", `"error":{"code":-32000,"message":"no"}`, `"code":-32000`, 1},
		{"of one that reads", "read", `"error":{"code":-32000,"message":"no"}`, `"code":-32000`, 0},
		{"a task", "read", `"result":{"task":{"taskId":"t"}}`, "task_unsupported", 1},
		{"a task of the new protocol", "read", `"result":{"resultType":"task","taskId":"t"}`, "task_unsupported", 1},
		{"no object", "read", `"result":[1]`, "answer_unreadable", 1},
	} {
		d, f := newDesk(t, all), &fakeServer{tools: readTool + "," + writeTool}
		f.answer = func(method string, _ json.RawMessage) string {
			if method == "tools/call" {
				return tt.said
			}
			return ""
		}
		s := start(t, d, f, nil)
		has(t, s.call(tt.tool, `{}`), tt.want)
		if is := d.job(); len(is.Grants) != tt.open {
			t.Errorf("%s: %d grants are open, not %d", tt.name, len(is.Grants), tt.open)
		}
	}
}

// Both protocols: the server may ask for input, and the next step of that call, and no other, goes
// on under its grant.
func TestInput(t *testing.T) {
	d, f := newDesk(t, all), &fakeServer{tools: writeTool}
	f.answer = func(method string, params json.RawMessage) string {
		if method == "tools/call" && !strings.Contains(string(params), "inputResponses") {
			return `"result":{"resultType":"input_required","requestState":"s1","inputRequests":{"q":{"method":"elicitation/create"}}}`
		}
		return ""
	}
	s := start(t, d, f, nil)
	step := func(path, rest string) string {
		return s.ask(`{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"write","arguments":{"path":"` + path + `"}` + rest + `}}`)
	}
	has(t, step("a", ""), "input_required")
	has(t, step("b", `,"inputResponses":{"q":{}},"requestState":"s1"`), "input_unknown")
	has(t, step("a", `,"inputResponses":{"q":{}},"requestState":"s2"`), "input_unknown")
	has(t, step("a", `,"inputResponses":{"q":{}},"requestState":"s1"`), `"text":"done"`)
	has(t, step("a", `,"inputResponses":{"q":{}},"requestState":"s1"`), "input_unknown")
	if is := d.job(); is.Allows != 1 || len(is.Grants) != 0 {
		t.Errorf("%d grants, of which %v are open", is.Allows, is.Grants)
	}
}

// Neither end is told that the other can do tasks.
func TestTasksAreHidden(t *testing.T) {
	d, f := newDesk(t, all), &fakeServer{tools: readTool + `,{"name":"long","execution":{"taskSupport":"required"}}`}
	f.answer = func(method string, _ json.RawMessage) string {
		if method == "initialize" || method == "server/discover" {
			return `"result":{"capabilities":{"tools":{},"tasks":{"list":{}},"extensions":{"io.modelcontextprotocol/tasks":{},"x/y":{}}}}`
		}
		return ""
	}
	s := start(t, d, f, nil)
	has(t, s.ask(`{"jsonrpc":"2.0","id":"a","method":"initialize","params":{"capabilities":{"tasks":{},"roots":{}}}}`), `"id":"a"`, `"tools":{}`, `"x/y":{}`, "!tasks")
	const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"extensions":{"io.modelcontextprotocol/tasks":{}}}}`
	has(t, s.ask(`{"jsonrpc":"2.0","id":"b","method":"server/discover","params":{`+meta+`}}`), `"tools":{}`, "!tasks")
	has(t, s.list(), `"read"`, `!"long"`)
	has(t, s.ask(`{"jsonrpc":"2.0","id":"c","method":"tools/call","params":{"name":"read",`+meta+`}}`), `"text":"done"`)
	for _, line := range f.lines() {
		has(t, line, "!tasks")
	}
}

// A client that names its calls has each done once, and gets the recorded result again.
func TestCallID(t *testing.T) {
	d, f := newDesk(t, all), &fakeServer{tools: writeTool}
	f.answer = func(method string, _ json.RawMessage) string {
		if method == "tools/call" {
			return `"result":{"content":[{"type":"text","text":"number 1"}]}`
		}
		return ""
	}
	s := start(t, d, f, nil)
	call := func(id string) string {
		return s.ask(`{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"write","_meta":{"gait/call-id":` + id + `,"progressToken":1}}}`)
	}
	has(t, call(`"c1"`), "number 1")
	has(t, call(`"c1"`), "number 1", "!isError")
	if ran := f.ran(); len(ran) != 1 || !strings.Contains(ran[0], `"_meta":{"progressToken":1}`) {
		t.Errorf("the server was sent %q", ran)
	}
	for _, id := range []string{`1`, `""`, `"a b"`, `"intent:1"`} {
		has(t, call(id), `"code":-32602`)
	}
}

// What passes is passed as it is, in both directions; what is not known is refused.
func TestPasses(t *testing.T) {
	d, f := newDesk(t, all), &fakeServer{tools: readTool}
	s := start(t, d, f, nil)
	has(t, s.ask(`{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"a<b","_meta":{"progressToken":"p"},"future":[1.0]}}`), `"id":1`)
	last := f.lines()[len(f.lines())-1]
	has(t, last, `"params":{"uri":"a<b","_meta":{"progressToken":"p"},"future":[1.0]}`)
	f.say(`{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"<&>"}}`)
	has(t, s.next(), `"data":"<&>"`)
	f.say(`{"jsonrpc":"2.0","id":41,"method":"sampling/createMessage","params":{}}`)
	has(t, s.next(), `"id":41`, "sampling/createMessage")
	s.send(`{"jsonrpc":"2.0","id":41,"result":{"role":"assistant"}}`)
	f.say(`a line for people`)
	f.say(`{"jsonrpc":"2.0","method":"notifications/unknown"}`)
	f.say(`{"jsonrpc":"2.0","id":12345,"result":{}}`)
	f.say(`{"jsonrpc":"2.0","id":42,"method":"tools/call","params":{}}`)
	has(t, s.ask(`{"jsonrpc":"2.0","id":2,"method":"unknown/method"}`), `"id":2`, `-32601`)
	has(t, s.ask(`{"jsonrpc":"2.0","id":3,"method":"ping"}`), `"id":3`)
	lines := strings.Join(f.lines(), "\n")
	has(t, lines, `{"jsonrpc":"2.0","id":41,"result":{"role":"assistant"}}`, `"id":42,"error":{"code":-32601`, "!unknown/method")
}

// A cancelled call that the server does not answer any more does not keep its place for ever.
func TestCancelled(t *testing.T) {
	d, f := newDesk(t, all), &fakeServer{tools: writeTool}
	f.answer = func(method string, _ json.RawMessage) string {
		if method == "tools/call" {
			return "nothing"
		}
		return ""
	}
	s := start(t, d, f, func(o *proxy.Options) { o.Grace = 50 * time.Millisecond })
	s.send(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"write"}}`)
	for len(f.ran()) == 0 {
		time.Sleep(time.Millisecond)
	}
	has(t, s.ask(`{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"write","arguments":{"b":1}}}`), `"code":-32600`)
	s.send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}`)
	for !strings.Contains(s.logged(), "left open") {
		time.Sleep(time.Millisecond)
	}
	f.answers(nil)
	has(t, s.call("write", `{"again":1}`), `"text":"done"`)
	if is := d.job(); len(is.Grants) != 1 {
		t.Errorf("the grants are %v", is.Grants)
	}
}

// A job that was resumed under another policy than the operator's runs nothing.
func TestOtherPolicy(t *testing.T) {
	d, f := newDesk(t, all), &fakeServer{tools: writeTool}
	s := start(t, d, f, func(o *proxy.Options) { o.Policy = ledger.Hash{1} })
	has(t, s.call("write", `{}`), "policy_mismatch", `"isError":true`)
	if ran := f.ran(); len(ran) > 0 {
		t.Errorf("the server was sent %q", ran)
	}
	s.close()
	s = start(t, d, f, func(o *proxy.Options) { o.Policy = d.job().PolicyDigest })
	has(t, s.call("write", `{}`), `"text":"done"`)
}

// What a client says that is no call of a tool cannot be read as one by another reader.
func FuzzClient(f *testing.F) {
	for _, line := range []string{
		`{"jsonrpc":"2.0","id":1,"method":"ping"}`, `{"jsonrpc":"2.0","id":"a","method":"tools/list","params":{}}`,
		`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"write","arguments":{"path":"a"},"_meta":{}}}`,
		`[{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}]`, `{"jsonrpc":"2.0","id":1.5,"result":{}}`,
	} {
		f.Add(line)
	}
	d := newDesk(f, "forbid (principal, action, resource);")
	f.Fuzz(func(t *testing.T, line string) {
		if strings.ContainsAny(line, "\n") {
			t.Skip()
		}
		server := &fakeServer{tools: readTool + "," + writeTool}
		s := start(t, d, server, func(o *proxy.Options) { o.Grace = time.Second })
		s.send(line)
		if err := s.close(); err != nil {
			t.Error(err)
		}
		for _, line := range server.lines() {
			var m map[string]json.RawMessage
			if err := json.Unmarshal([]byte(line), &m); err != nil {
				t.Errorf("the server was sent %q: %v", line, err)
			}
			for name, value := range m {
				if strings.EqualFold(name, "method") && (name != "method" || strings.EqualFold(string(value), `"tools/call"`)) {
					t.Errorf("the server was sent %q", line)
				}
			}
		}
	})
}
