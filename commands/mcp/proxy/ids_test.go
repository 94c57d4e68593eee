package proxy_test

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"gait/commands/mcp/proxy"
)

// A client gets its ids back as it has spelt them, whatever they are, and so does a server.
func TestIDs(t *testing.T) {
	d, f := newDesk(t, all), &fakeServer{tools: writeTool}
	s := start(t, d, f, nil)
	for i, id := range []string{"1", "0", "-1", "1.5", "1.0", "1e3", "1152921504606846977", "123456789012345678901234567890", `""`, `"1"`, `"gait:1"`, `"a\u0062"`, `"<é>"`} {
		want := `"id":` + id + `,`
		has(t, s.ask(`{"jsonrpc":"2.0","id":`+id+`,"method":"ping"}`), want)
		has(t, s.ask(fmt.Sprintf(`{"jsonrpc":"2.0","id":%s,"method":"tools/call","params":{"name":"write","arguments":{"n":%d}}}`, id, i)), want, `"text":"done"`)
		has(t, s.ask(`{"jsonrpc":"2.0","id":`+id+`,"method":"no/method"}`), want, "-32601")
		f.say(`{"jsonrpc":"2.0","id":` + id + `,"method":"roots/list"}`)
		has(t, s.next(), want, "roots/list")
		s.send(`{"jsonrpc":"2.0","id":` + id + `,"result":{"roots":[]}}`)
		has(t, s.ask(`{"jsonrpc":"2.0","id":9,"method":"ping"}`), `"id":9`)
		lines := f.lines()
		has(t, lines[len(lines)-2], want, `"roots":[]`)
	}
	seen := make(map[string]bool)
	for _, line := range f.lines() {
		var m struct {
			ID     json.RawMessage
			Method string
		}
		if err := json.Unmarshal([]byte(line), &m); err != nil || m.Method != "" && (seen[string(m.ID)] || !strings.HasPrefix(string(m.ID), `"gait:`)) {
			t.Errorf("the server was sent %s %v", line, err)
		}
		seen[string(m.ID)] = m.Method != ""
	}
}

// An answer that comes after its call was given up is not taken for that to the next call with the
// same id.
func TestIDAgain(t *testing.T) {
	d, f := newDesk(t, all), &fakeServer{tools: writeTool}
	late := ""
	f.answer = func(method string, _ json.RawMessage) string {
		if method == "tools/call" {
			return "nothing"
		}
		return ""
	}
	s := start(t, d, f, func(o *proxy.Options) { o.Grace = 20 * time.Millisecond })
	s.send(`{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"write","arguments":{"n":1}}}`)
	for len(f.ran()) == 0 {
		time.Sleep(time.Millisecond)
	}
	s.send(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":5,"reason":"late"}}`)
	for !strings.Contains(s.logged(), "left open") {
		time.Sleep(time.Millisecond)
	}
	lines := f.lines()
	var first struct{ ID string }
	for _, line := range lines {
		if strings.Contains(line, "tools/call") {
			if err := json.Unmarshal([]byte(line), &first); err != nil {
				t.Fatal(err)
			}
		}
	}
	has(t, lines[len(lines)-1], `"params":{"reason":"late","requestId":"`+first.ID+`"}`)
	late = `{"jsonrpc":"2.0","id":"` + first.ID + `","result":{"content":[{"type":"text","text":"the first"}]}}`
	s.send(`{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"write","arguments":{"n":2}}}`)
	for len(f.ran()) < 2 {
		time.Sleep(time.Millisecond)
	}
	f.say(late)
	has(t, s.ask(`{"jsonrpc":"2.0","id":6,"method":"ping"}`), `"id":6`)
	if is := d.job(); len(is.Grants) != 2 {
		t.Errorf("the grants are %v", is.Grants)
	}
}

// An answer to a call that the server was not sent yet is not taken for one.
func TestEarlyAnswer(t *testing.T) {
	d, f := newDesk(t, all), &fakeServer{tools: writeTool}
	f.answer = func(method string, _ json.RawMessage) string {
		if method == "tools/list" {
			f.say(`{"jsonrpc":"2.0","id":"gait:1","result":{"content":[{"type":"text","text":"early"}]}}`) // the call's
		}
		return ""
	}
	s := start(t, d, f, nil)
	has(t, s.call("write", `{}`), `"text":"done"`, "!early")
	if ran := f.ran(); len(ran) != 1 {
		t.Errorf("the server was sent %q", ran)
	}
}

// Notifications of a subscription have the id by which the client knows it.
func TestSubscription(t *testing.T) {
	d, f := newDesk(t, all), &fakeServer{tools: writeTool}
	f.answer = func(method string, _ json.RawMessage) string {
		if method == "subscriptions/listen" {
			f.say(`{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":"gait:1"}}}`)
			return `"result":{"_meta":{"io.modelcontextprotocol/subscriptionId":"gait:1"}}`
		}
		return ""
	}
	s := start(t, d, f, nil)
	has(t, s.ask(`{"jsonrpc":"2.0","id":77,"method":"subscriptions/listen","params":{}}`), "acknowledged", `"io.modelcontextprotocol/subscriptionId":77`)
	has(t, s.next(), `"id":77`, `"io.modelcontextprotocol/subscriptionId":77`)
}

// A session ends when its client leaves, also if the server reads nothing.
func TestDeafServer(t *testing.T) {
	d := newDesk(t, all)
	clientR, clientW := io.Pipe()
	serverR, serverW := io.Pipe() // never read
	fromServerR, fromServerW := io.Pipe()
	t.Cleanup(func() { serverR.Close(); fromServerW.Close() })
	done := make(chan error, 1)
	go func() {
		o := proxy.Options{Job: jobID, Actor: "agent_1", Server: "fs", Fingerprint: "envfp:test", Grace: 50 * time.Millisecond, Patience: 100 * time.Millisecond, Log: func(string, ...any) {}}
		done <- proxy.Run(t.Context(), d, o, proxy.Ends{ClientIn: clientR, ClientOut: io.Discard, ServerIn: serverW, ServerOut: fromServerR})
	}()
	for i := range 40 {
		fmt.Fprintf(clientW, `{"jsonrpc":"2.0","id":%d,"method":"resources/read","params":{"uri":"%s"}}`+"\n", i, strings.Repeat("x", 60_000))
	}
	fmt.Fprintln(clientW, `{"jsonrpc":"2.0","id":90,"method":"tools/list"}`)
	clientW.Close()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Fatal("the session does not end")
	}
}

// An answer that two readers could read in two ways settles nothing.
func TestTwoWays(t *testing.T) {
	for _, said := range []string{`"result":{"content":[],"isError":true,"IsError":false}`, `"result":null`, `"result":{"content":[],"ISERROR":true}`, `"result":{"content":[],"isError":"true"}`} {
		d, f := newDesk(t, all), &fakeServer{tools: writeTool}
		f.answer = func(method string, _ json.RawMessage) string {
			if method == "tools/call" {
				return said
			}
			return ""
		}
		s := start(t, d, f, nil)
		has(t, s.call("write", `{}`), `"isError":true`, "!IsError", "!ISERROR")
		if is := d.job(); len(is.Grants) != 1 {
			t.Errorf("after %s the grants are %v", said, is.Grants)
		}
	}
	d, f := newDesk(t, all), &fakeServer{tools: writeTool}
	f.answer = func(method string, _ json.RawMessage) string {
		if method == "tools/call" {
			return `"result":{"content":[]},"error":{"code":-1,"message":"both"}`
		}
		return ""
	}
	s := start(t, d, f, nil)
	has(t, s.call("write", `{}`), `"code":-1`, "!result")
}
