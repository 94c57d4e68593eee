package mcp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"gait/commands"
	"gait/commands/connect"
	"gait/commands/mcp"
	"gait/ledger/ledgertest"
	"gait/ledger/root"
)

const policy = `@id("read") permit(principal, action == Action::"read", resource);
@id("pay") @gait_verdict("require_approval") permit(principal, action == Action::"pay", resource);
`

// A desk opens the ledger for each thing that it is asked for.
type desk struct{ connect.Options }

func newDesk(t *testing.T) *desk {
	dir := t.TempDir()
	return &desk{connect.Options{Options: root.Options{
		Dir: filepath.Join(dir, "jobs"), Home: filepath.Join(dir, "home"), Now: ledgertest.Now, Entropy: ledgertest.EntropyOf(t.Name()),
		Mode: root.Once, Create: true, Actor: "worker_1",
	}}}
}

func (d *desk) Do(ctx context.Context, r commands.Request) (commands.Result, error) {
	return d.Bring(ctx, r, func(context.Context, *connect.Ledger, *commands.Request) error { return nil })
}

func (d *desk) Bring(ctx context.Context, r commands.Request, bring func(context.Context, *connect.Ledger, *commands.Request) error) (result commands.Result, err error) {
	if r.Actor == "" {
		r.Actor = d.Actor
	}
	err = connect.With(ctx, d.Options, func(l *connect.Ledger) (err error) {
		if err := bring(ctx, l, &r); err != nil {
			return err
		}
		result, err = l.Do(ctx, r)
		return err
	})
	return result, err
}

func (d *desk) Ask(ctx context.Context, q connect.GateQuestion) (answer commands.GateAnswer, result commands.Result) {
	err := connect.With(ctx, d.Options, func(l *connect.Ledger) (err error) {
		answer, result, err = l.Gate(ctx, q.Named())
		return err
	})
	return commands.AnswerOf(result, err), result
}

func (d *desk) Settle(ctx context.Context, s connect.Settlement) (result commands.Result, err error) {
	err = connect.With(ctx, d.Options, func(l *connect.Ledger) (err error) {
		result, err = l.Settle(ctx, s)
		return err
	})
	return result, err
}

func (d *desk) Read(ctx context.Context, f func(*connect.Ledger) error) error {
	return connect.With(ctx, d.Options, f)
}

// person carries out what no tool does.
func (d *desk) person(t *testing.T, job string, c commands.Command) {
	t.Helper()
	r := commands.Request{JobID: job, Actor: "boss", Reason: "looked at it", Command: c}
	if _, submits := c.(commands.Submit); submits {
		r.Reason = ""
	}
	if _, err := connect.Do(t.Context(), d.Options, r); err != nil {
		t.Fatalf("%T: %v", c, err)
	}
}

func optionsOf(d mcp.Desk) mcp.Options {
	return mcp.Options{
		Desk: d, Actor: "worker_1", Version: "test", Policy: []byte(policy),
		Here: commands.Surroundings{EnvironmentFingerprint: "envfp:a", ProducerVersion: "p"},
	}
}

// connected returns a client of a server.
func connected(t *testing.T, o mcp.Options, client *sdk.ClientOptions) *sdk.ClientSession {
	t.Helper()
	here, there := sdk.NewInMemoryTransports()
	served, err := mcp.New(o).Connect(t.Context(), there, nil)
	if err != nil {
		t.Fatal(err)
	}
	session, err := sdk.NewClient(&sdk.Implementation{Name: "test"}, client).Connect(t.Context(), here, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = session.Close()
		_ = served.Wait()
	})
	return session
}

// An answer is what a tool answered.
type answer struct {
	isError bool
	text    string
	fields  map[string]any
}

func call(t *testing.T, c *sdk.ClientSession, tool, arguments string) answer {
	t.Helper()
	r, err := c.CallTool(t.Context(), &sdk.CallToolParams{Name: tool, Arguments: json.RawMessage(arguments)})
	if err != nil {
		t.Fatalf("%s %s: %v", tool, arguments, err)
	}
	a := answer{isError: r.IsError}
	for _, b := range r.Content {
		if text, ok := b.(*sdk.TextContent); ok {
			a.text += text.Text + "\n"
		}
	}
	a.fields, _ = r.StructuredContent.(map[string]any)
	return a
}

// is fails the test if an answer is not one of some fields.
func (a answer) is(t *testing.T, what string, isError bool, want map[string]any) {
	t.Helper()
	if a.isError != isError {
		t.Errorf("%s: isError is %t: %s", what, a.isError, a.text)
	}
	for k, v := range want {
		if fmt.Sprint(a.fields[k]) != fmt.Sprint(v) {
			t.Errorf("%s: %s is %v, want %v: %s", what, k, a.fields[k], v, a.text)
		}
	}
}

// An agent does a job from its submission to its end, and a person does what is for people.
func TestTools(t *testing.T) {
	d := newDesk(t)
	c := connected(t, optionsOf(d), nil)
	call(t, c, "job_submit", `{"job_id": "j1", "labels": {"queue": "a"}, "input": {"n": 1}}`).is(t, "submit", false, map[string]any{"job_id": "j1", "status": "running"})
	call(t, c, "checkpoint_add", `{"job_id": "j1", "summary": "half", "progress": {"done": 1, "total": 2}, "state": {"at": 1.50}}`).
		is(t, "checkpoint", false, map[string]any{"checkpoint_id": "cp_0001", "last_checkpoint": "half"})

	read := `{"job_id": "j1", "tool": "read", "arguments": {"path": "a"}, "call_id": "c1"}`
	allowed := call(t, c, "gate_check", read)
	allowed.is(t, "allow", false, map[string]any{"verdict": "allow", "reason_code": "policy_permits"})
	call(t, c, "gate_check", read).is(t, "again", true, map[string]any{"verdict": "block", "reason_code": "effects_unsettled", "grant": nil})
	grant, _ := allowed.fields["grant"].(string)
	call(t, c, "effect_settle", `{"job_id": "j1", "grant": "`+grant+`", "outcome": "unknown"}`).is(t, "unknown", true, nil)
	call(t, c, "effect_settle", `{"job_id": "j1", "grant": "`+grant+`", "result": {"bytes": 1}}`).is(t, "settle", false, map[string]any{"unsettled": nil})
	call(t, c, "gate_check", read).is(t, "once more", true, map[string]any{"verdict": "block", "reason_code": "already_done"})
	call(t, c, "gate_check", `{"job_id": "j1", "tool": "drop", "arguments": {}}`).is(t, "forbidden", true, map[string]any{"verdict": "block", "reason_code": "policy_permits_none"})

	pay := `{"job_id": "j1", "tool": "pay", "arguments": {"amount": 12345678901234}, "once": true}`
	call(t, c, "gate_check", pay).is(t, "pay", true, map[string]any{"verdict": "require_approval", "checkpoint_id": "cp_0002"})
	call(t, c, "gate_check", pay).is(t, "pay again", true, map[string]any{"verdict": "block", "reason_code": "not_running"})
	d.person(t, "j1", commands.Approve{CheckpointID: "cp_0002"})
	policyOf := commands.Resume{EnvironmentFingerprint: "envfp:a"}
	if err := d.Read(t.Context(), func(l *connect.Ledger) error {
		j, err := l.Job(t.Context(), "j1")
		policyOf.PolicyDigest = j.PolicyDigest
		return err
	}); err != nil {
		t.Fatal(err)
	}
	d.person(t, "j1", policyOf)
	paid := call(t, c, "gate_check", pay)
	paid.is(t, "paid", false, map[string]any{"verdict": "allow", "reason_code": "approved"})
	call(t, c, "job_complete", `{"job_id": "j1", "summary": "done"}`).is(t, "too early", true, nil)
	call(t, c, "effect_settle", fmt.Sprintf(`{"job_id": "j1", "grant": %q}`, paid.fields["grant"])).is(t, "settle", false, nil)
	call(t, c, "job_complete", `{"job_id": "j1", "summary": "done"}`).is(t, "complete", false, map[string]any{"status": "completed"})
	call(t, c, "job_status", `{"job_id": "j1"}`).is(t, "status", false, map[string]any{"status": "completed", "last_checkpoint": "done"})
}

// No tool does what is for people, and each says what it does.
func TestToolsAreDeclared(t *testing.T) {
	c := connected(t, optionsOf(newDesk(t)), nil)
	r, err := c.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, tool := range r.Tools {
		names = append(names, tool.Name)
		for _, never := range []string{"approve", "deny", "resume", "actor", "policy", "reason"} {
			b, _ := json.Marshal(tool.InputSchema) //nolint:errcheck // it was JSON
			if strings.Contains(string(b), `"`+never+`":`) {
				t.Errorf("%s takes %s: %s", tool.Name, never, b)
			}
		}
		if tool.OutputSchema == nil || tool.Annotations == nil || tool.Annotations.OpenWorldHint == nil || tool.Annotations.ReadOnlyHint != (tool.Name == "job_status") {
			t.Errorf("%s is declared as %+v", tool.Name, tool)
		}
	}
	slices.Sort(names)
	if !slices.Equal(names, mcp.ToolNames) {
		t.Errorf("the tools are %q, want %q", names, mcp.ToolNames)
	}
}

// What is not well formed, or about another job, is refused, and nothing is written.
func TestHostileCalls(t *testing.T) {
	d := newDesk(t)
	d.person(t, "j1", commands.Submit{EnvironmentFingerprint: "envfp:a", ProducerVersion: "p"})
	d.person(t, "j2", commands.Submit{EnvironmentFingerprint: "envfp:a", ProducerVersion: "p"})
	o := optionsOf(d)
	o.JobID = "j1"
	c := connected(t, o, nil)
	before := size(t, d)
	for _, tt := range []struct{ tool, arguments, says string }{
		{"job_status", `{"job_id": "j2"}`, "other_job"},
		{"job_status", `{"job_id": "j1", "actor": "boss"}`, "invalid_arguments"},
		{"job_status", `{"job_id": "j1", "job_id": "j1"}`, "invalid_arguments"},
		{"job_status", `{"job_id": 1}`, "invalid_arguments"},
		{"job_status", `[]`, "invalid_arguments"},
		{"checkpoint_add", `{"summary": ""}`, "invalid_summary"},
		{"checkpoint_add", `{"summary": "x", "type": "completed"}`, "invalid_type"},
		{"checkpoint_add", `{"summary": "x", "type": "decision-needed"}`, "invalid_type"},
		{"checkpoint_add", `{"summary": "` + strings.Repeat("x", 2000) + `"}`, "invalid_summary"},
		{"ask_decision", `{"summary": "x"}`, "invalid_required_action"},
		{"gate_check", `{"tool": "read"}`, "invalid_arguments"},
		{"gate_check", `{"tool": "read", "arguments": []}`, "invalid_arguments"},
		{"gate_check", `{"tool": "read", "arguments": {"a": 1, "a": 2}}`, "invalid_arguments"},
		{"effect_settle", `{"grant": "01M8RKSJF74B1GTB700M3AWXBK", "outcome": "not_done"}`, "invalid_outcome"},
		{"job_complete", `{"job_id": "", "summary": "x", "reason": "y"}`, "invalid_arguments"},
	} {
		a := call(t, c, tt.tool, tt.arguments)
		if !a.isError || !strings.Contains(a.text, tt.says) || strings.Contains(a.text, "gait ") {
			t.Errorf("%s %s: isError %t, %s; want %s", tt.tool, tt.arguments, a.isError, a.text, tt.says)
		}
	}
	for _, tool := range []string{"job_submit", "job_approve", ""} {
		if r, err := c.CallTool(t.Context(), &sdk.CallToolParams{Name: tool, Arguments: map[string]any{}}); err == nil {
			t.Errorf("the tool %q of a server for one job answers %+v", tool, r)
		}
	}
	for _, uri := range []string{"gait://jobs/j2", "gait://jobs/j1/secrets", "gait://jobs/j1/events?from=0", "gait://jobs/..%2Fj1", "gait://jobs/j1/content/00", "file:///etc/passwd", "gait://jobs/"} {
		if r, err := c.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: uri}); err == nil {
			t.Errorf("%s reads as %+v", uri, r)
		}
	}
	if after := size(t, d); after != before {
		t.Errorf("%d events became %d", before, after)
	}
}

func size(t *testing.T, d *desk) (n int64) {
	t.Helper()
	if err := d.Read(t.Context(), func(l *connect.Ledger) error { n = l.Log.Head().Size; return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

// Resources show the job, its events and its content.
func TestResources(t *testing.T) {
	d := newDesk(t)
	c := connected(t, optionsOf(d), nil)
	call(t, c, "job_submit", `{"job_id": "j1"}`)
	call(t, c, "checkpoint_add", `{"job_id": "j1", "summary": "half", "state": {"at":1.50}}`)
	read := func(uri string) string {
		t.Helper()
		r, err := c.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: uri})
		if err != nil || len(r.Contents) != 1 {
			t.Fatalf("%s: %v", uri, err)
		}
		return r.Contents[0].Text
	}
	if text := read("gait://jobs/j1"); !strings.Contains(text, `"schema_id"`) || !strings.Contains(text, `"half"`) {
		t.Errorf("the job reads as %s", text)
	}
	lines := strings.Split(strings.TrimSpace(read("gait://jobs/j1/events?from=2")), "\n")
	if len(lines) != 1 || !strings.Contains(lines[0], "half") {
		t.Fatalf("the events from 2 on read as %q", lines)
	}
	_, digest, _ := strings.Cut(lines[0], `"digest":"`)
	digest, _, _ = strings.Cut(digest, `"`)
	if text := read("gait://jobs/j1/content/" + digest); text != `{"at":1.50}` {
		t.Errorf("the content reads as %s", text)
	}
}
