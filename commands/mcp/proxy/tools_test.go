package proxy_test

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"gait/commands/connect"
	"gait/commands/mcp/proxy"
	"gait/projection"
)

// other returns the description of a tool.
func other(name, description string) string {
	return `{"name":"` + name + `","description":"` + description + `","inputSchema":{"type":"object"}}`
}

// What a server says of its tools is recorded once; after that, tools that are new are hidden, and
// so is one that is described in another way, until that is approved.
func TestChangedTools(t *testing.T) {
	d, f := newDesk(t, all), &fakeServer{tools: readTool + "," + writeTool}
	s := start(t, d, f, nil)
	has(t, s.list(), `"description":"reads"`, `"description":"writes"`)
	if err := s.close(); err != nil {
		t.Fatal(err)
	}

	evil := strings.Replace(readTool, "reads", "reads <evil>", 1)
	f = &fakeServer{tools: evil + "," + writeTool + "," + other("more", "new")}
	s = start(t, d, f, nil)
	has(t, s.list(), `"write"`, `!"read"`, `!"more"`)
	has(t, s.call("read", `{}`), "tool_changed", `"isError":true`)
	has(t, s.call("more", `{}`), "unknown tool")
	has(t, s.call("write", `{}`), "not_running") // a decision stops the job
	if ran := f.ran(); len(ran) > 0 {
		t.Errorf("the server was sent %q", ran)
	}
	is := d.job()
	if len(is.Decisions) != 1 || is.Status != projection.DecisionNeeded {
		t.Fatalf("the job is %s, with the decisions %v", is.Status, is.Decisions)
	}
	var subject []byte
	d.with(func(l *connect.Ledger) error {
		r, err := l.KeptContent(t.Context(), jobID, is.Decisions[0].Subject.Digest)
		if err != nil {
			return err
		}
		defer r.Close()
		subject, err = io.ReadAll(r)
		return err
	})
	want := `{"server":"fs","tools":[{"is":{"annotations":{"readOnlyHint":true},"description":"reads <evil>","inputSchema":{"properties":{"path":{}},"type":"object"},"name":"read"},` +
		`"tool":"read","was":{"annotations":{"readOnlyHint":true},"description":"reads","inputSchema":{"properties":{"path":{}},"type":"object"},"name":"read"}}]}`
	if string(subject) != want {
		t.Errorf("the decision is about %s, want %s", subject, want)
	}
	s.close()

	s = start(t, d, &fakeServer{tools: evil + "," + writeTool}, nil) // what is asked for is not asked for again
	has(t, s.list(), `"write"`, `!"read"`)
	d.approve()
	has(t, s.list(), `"write"`, `!"read"`)
	d.resume()
	has(t, s.list(), `"write"`, "reads <evil>")
	has(t, s.call("read", `{}`), `"text":"done"`)
	s.close()
	s = start(t, d, &fakeServer{tools: evil + "," + writeTool}, nil)
	has(t, s.list(), `"write"`, "reads <evil>")
	if is := d.job(); len(is.Decisions) != 0 {
		t.Errorf("decisions are asked for: %v", is.Decisions)
	}
	s.close()

	s = start(t, d, &fakeServer{tools: readTool + "," + writeTool}, nil) // back again is another change
	has(t, s.list(), `"write"`, `!"read"`)
	d.approve()
	d.resume()
	has(t, s.list(), `"description":"reads"`)
	s.close()
	s = start(t, d, &fakeServer{tools: evil + "," + writeTool}, nil) // an old approval does not count
	has(t, s.list(), `"write"`, `!"read"`)
}

// What was approved in the place of a change is not what the server has.
func TestAmendedChange(t *testing.T) {
	d := newDesk(t, all)
	s := start(t, d, &fakeServer{tools: other("a", "1")}, nil)
	has(t, s.list(), `"a"`)
	s.close()
	s = start(t, d, &fakeServer{tools: other("a", "2")}, func(o *proxy.Options) { o.AutoResume = true })
	has(t, s.list(), `!"a"`)
	d.amend(`{"server":"fs","tools":[]}`)
	has(t, s.list(), `!"a"`)
	if is := d.job(); is.Status != projection.Running {
		t.Errorf("the job is %s", is.Status)
	}
}

// With AskNew, a new tool is a change; with AutoResume, an approval is enough.
func TestNewTools(t *testing.T) {
	d := newDesk(t, all)
	ask := func(o *proxy.Options) { o.AskNew, o.AutoResume = true, true }
	s := start(t, d, &fakeServer{tools: other("a", "1")}, ask)
	has(t, s.list(), `"a"`)
	f := &fakeServer{tools: other("a", "1") + "," + other("b", "2")}
	s.close()
	s = start(t, d, f, ask)
	has(t, s.list(), `"a"`, `!"b"`)
	d.approve()
	has(t, s.call("b", `{}`), `"text":"done"`)
	has(t, s.list(), `"a"`, `"b"`)
}

// A server may change its tools in a session, and say so or not.
func TestChangesInASession(t *testing.T) {
	d, f := newDesk(t, all), &fakeServer{tools: other("a", "1") + "," + other("b", "1")}
	s := start(t, d, f, nil)
	has(t, s.list(), `"a"`, `"b"`)
	f.answers(func(method string, _ json.RawMessage) string {
		if method == "tools/list" {
			return `"result":{"tools":[` + other("a", "evil") + `,` + other("b", "1") + `],"future":1}`
		}
		return ""
	})
	has(t, s.list(), `!"a"`, `"b"`, `"future":1`) // unsaid: it is found out when it is shown
	has(t, s.call("a", `{}`), "tool_changed")
	d.approve()
	d.resume()
	has(t, s.list(), `evil`, `"b"`)
	f.answers(func(method string, _ json.RawMessage) string {
		if method == "tools/list" {
			return `"result":{"tools":[` + other("b", "1") + `]}`
		}
		return ""
	})
	f.say(`{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}`)
	has(t, s.next(), "list_changed")
	has(t, s.call("a", `{}`), "unknown tool") // it is gone
	if ran := f.ran(); len(ran) > 0 {
		t.Errorf("the server was sent %q", ran)
	}
}

// A server that says that its tools have changed while it is asked for them does not hold up itself.
func TestChangesWhileListed(t *testing.T) {
	d, f := newDesk(t, all), &fakeServer{tools: other("a", "1")}
	s := start(t, d, f, nil)
	f.answers(func(method string, _ json.RawMessage) string {
		if method == "tools/list" {
			f.say(`{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}`)
		}
		return ""
	})
	s.send(`{"jsonrpc":"2.0","id":8,"method":"tools/list"}`)
	has(t, s.next(), "list_changed")
	has(t, s.next(), "list_changed")
	has(t, s.next(), `"name":"a"`)
}

// Names that stand for two tools, or for none at the gate, are hidden.
func TestHostileLists(t *testing.T) {
	d := newDesk(t, all)
	f := &fakeServer{tools: other("a", "1") + "," + other("a", "2") + "," + other("b", "1") + `,{"name":"b\u0000"},{"name":""},{"name":7},{},[],"x",` +
		other(strings.Repeat("l", 200), "1") + "," + other("mcp:../x y", "1") + "," + other("c", "1")}
	s := start(t, d, f, nil)
	has(t, s.list(), `!"a"`, `"b"`, `"c"`, `!llll`, `!null`, `!x y`)
	has(t, s.call("a", `{}`), "unknown tool")
	has(t, s.logged(), "a is listed twice")
}

// A server that cannot list its tools in order runs none.
func TestUnlistedTools(t *testing.T) {
	big := other("a", strings.Repeat("x", 9<<20))
	for name, said := range map[string]string{
		"endless":      `"result":{"tools":[],"nextCursor":"x"}`,
		"an error":     `"error":{"code":-1,"message":"no"}`,
		"no list":      `"result":{"tools":{"a":1}}`,
		"no result":    `"result":7`,
		"nothing":      "nothing",
		"too large":    `"result":{"tools":[` + big + `]}`,
		"many":         `"result":{"tools":[` + strings.Repeat(`{},`, 1001) + `{}]}`,
		"not a cursor": `"result":{"tools":[],"nextCursor":{}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, f := newDesk(t, all), &fakeServer{}
			f.answer = func(method string, _ json.RawMessage) string {
				if method == "tools/list" {
					return said
				}
				return ""
			}
			s := start(t, d, f, func(o *proxy.Options) { o.Patience = 3 * time.Second })
			has(t, s.call("a", `{}`), "tools_unknown", `"isError":true`)
			has(t, s.list(), `"error"`)
			if ran := f.ran(); len(ran) > 0 {
				t.Errorf("the server was sent %q", ran)
			}
			if is := d.job(); is.Allows > 0 || is.Checkpoints > 0 {
				t.Errorf("there are %d grants and %d checkpoints", is.Allows, is.Checkpoints)
			}
		})
	}
}

// A line that is too long ends the session, and no call is taken for done.
func TestHugeLine(t *testing.T) {
	d, f := newDesk(t, all), &fakeServer{tools: writeTool}
	s := start(t, d, f, nil)
	f.answers(func(method string, _ json.RawMessage) string {
		if method == "tools/call" {
			return `"result":{"content":[{"type":"text","text":"` + strings.Repeat("x", 17<<20) + `"}]}`
		}
		return ""
	})
	has(t, s.call("write", `{}`), "server_ended", `"isError":true`)
	if is := d.job(); len(is.Grants) != 1 {
		t.Errorf("the grants are %v", is.Grants)
	}
}

// Many calls at once are each asked and answered once; beyond the bound they are refused.
func TestManyCalls(t *testing.T) {
	d, f := newDesk(t, all), &fakeServer{tools: writeTool}
	s := start(t, d, f, nil)
	s.list()
	const calls = 100
	for i := range calls {
		s.send(fmt.Sprintf(`{"jsonrpc":"2.0","id":%d,"method":"tools/call","params":{"name":"write","arguments":{"n":%d}}}`, i+100, i))
	}
	done, busy := 0, 0
	for range calls {
		switch line := s.next(); {
		case strings.Contains(line, `"text":"done"`):
			done++
		case strings.Contains(line, "too_many_calls"):
			busy++
		default:
			t.Errorf("a call was answered %.300s", line)
		}
	}
	if is := d.job(); done+busy != calls || int(is.Allows) != done || len(f.ran()) != done || done < 64 {
		t.Errorf("of %d calls %d were done and %d refused, with %d grants; %d reached the server", calls, done, busy, is.Allows, len(f.ran()))
	}
}
