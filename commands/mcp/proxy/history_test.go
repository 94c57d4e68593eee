package proxy_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"gait/commands"
	"gait/commands/connect"
	"gait/commands/mcp/proxy"
	"gait/ledger"
	"gait/projection"
)

// add adds a checkpoint that names content: as its subject if it is a decision, else attached.
func (d *desk) add(actor string, kind ledger.CheckpointType, mediaType, text string) {
	d.t.Helper()
	d.with(func(l *connect.Ledger) error {
		put, err := l.PutContent(context.Background(), jobID, connect.Upload{Name: "mcp-tools.json", MediaType: mediaType, Bytes: strings.NewReader(text)})
		if err != nil {
			return err
		}
		c := commands.AddCheckpoint{Type: kind, Summary: "x"}
		if kind == ledger.CheckpointDecisionNeeded {
			c.RequiredAction, c.Subject = "look", put.Content
		} else {
			c.Attachments = []ledger.Attachment{{Content: put.Content, Role: ledger.AttachArtifact}}
		}
		_, err = l.Do(context.Background(), commands.Request{JobID: jobID, Actor: actor, Command: c})
		return err
	})
}

const (
	toolsType  = "application/vnd.gait.mcp-tools+json"
	changeType = "application/vnd.gait.mcp-tools-changed+json"
)

// described is a description as it is recorded.
func described(name, description string) string {
	return `{"description":"` + description + `","inputSchema":{"type":"object"},"name":"` + name + `"}`
}

// After the first record, tools change by an approval only: no record that is attached later
// counts, by any actor.
func TestForgedRecord(t *testing.T) {
	for _, actor := range []string{"agent_1", "agent_2"} {
		d := newDesk(t, all)
		s := start(t, d, &fakeServer{tools: other("a", "1")}, nil)
		has(t, s.list(), `"a"`)
		s.close()
		d.add(actor, ledger.CheckpointProgress, toolsType, `{"server":"fs","tools":[`+described("a", "evil")+`,`+described("b", "1")+`]}`)
		f := &fakeServer{tools: other("a", "evil") + "," + other("b", "1")}
		s = start(t, d, f, nil)
		has(t, s.list(), `!"a"`, `!"b"`)
		has(t, s.call("a", `{}`), "tool_changed")
		has(t, s.call("b", `{}`), "unknown tool")
		if ran := f.ran(); len(ran) > 0 {
			t.Errorf("the server was sent %q", ran)
		}
	}
}

// A record that another actor has made before the proxy did is worth nothing, and then the first
// tools need an approval.
func TestForgedFirstRecord(t *testing.T) {
	d := newDesk(t, all)
	d.add("agent_2", ledger.CheckpointProgress, toolsType, `{"server":"fs","tools":[`+described("a", "1")+`]}`)
	f := &fakeServer{tools: other("a", "1")}
	s := start(t, d, f, nil)
	has(t, s.list(), `!"a"`)
	has(t, s.call("a", `{}`), "tool_changed")
	d.approve()
	d.resume()
	has(t, s.call("a", `{}`), `"text":"done"`)
	s.close()
	s = start(t, d, f, nil)
	has(t, s.list(), `"a"`)
}

// A decision that says of a tool that it was what it was not changes nothing, when it is approved.
func TestLyingChange(t *testing.T) {
	d := newDesk(t, all)
	s := start(t, d, &fakeServer{tools: other("a", "1")}, nil)
	has(t, s.list(), `"a"`)
	s.close()
	d.add("agent_2", ledger.CheckpointDecisionNeeded, changeType, `{"server":"fs","tools":[{"is":`+described("a", "evil")+`,"tool":"a","was":`+described("a", "evi1")+`}]}`)
	d.approve()
	d.resume()
	s = start(t, d, &fakeServer{tools: other("a", "evil")}, nil)
	has(t, s.list(), `!"a"`)
	has(t, s.call("a", `{}`), "tool_changed")
}

// Descriptions that are other ones each time ask for one decision in a session; when that was
// made, the tools that have not changed are called again.
func TestEverChanging(t *testing.T) {
	d, f := newDesk(t, all), &fakeServer{tools: other("pay", "v0") + "," + other("get", "1")}
	s := start(t, d, f, func(o *proxy.Options) { o.AutoResume = true })
	has(t, s.list(), `"pay"`, `"get"`)
	n := 0
	f.answers(func(method string, _ json.RawMessage) string {
		if method == "tools/list" {
			n++
			return `"result":{"tools":[` + other("pay", fmt.Sprint("v", n)) + `,` + other("get", "1") + `]}`
		}
		return ""
	})
	for range 70 {
		has(t, s.list(), `!"pay"`, `"get"`)
	}
	if is := d.job(); len(is.Decisions) != 1 {
		t.Fatalf("%d decisions are open", len(is.Decisions))
	}
	d.approve()
	for range 3 {
		has(t, s.call("get", `{}`), `"text":"done"`)
		has(t, s.call("pay", `{}`), "tool_changed")
	}
	if is := d.job(); len(is.Decisions) != 0 || is.Status != projection.Running {
		t.Errorf("the job is %s and waits for %v", is.Status, is.Decisions)
	}
}

// If no decision can be asked for, what has changed is hidden, and the rest is there.
func TestNoMoreDecisions(t *testing.T) {
	d, f := newDesk(t, all), &fakeServer{tools: other("a", "1") + "," + other("b", "1")}
	s := start(t, d, f, nil)
	has(t, s.list(), `"a"`, `"b"`)
	s.close()
	for range ledger.MaxOpenDecisions {
		d.as("agent_1", "", commands.AddCheckpoint{Type: ledger.CheckpointDecisionNeeded, Summary: "x", RequiredAction: "y"})
	}
	s = start(t, d, &fakeServer{tools: other("a", "evil") + "," + other("b", "1")}, nil)
	has(t, s.list(), `!"a"`, `"b"`)
	has(t, s.logged(), "no decision could be asked for")
}
