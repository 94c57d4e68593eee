package proxy

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"

	"gait/commands"
	"gait/commands/ask"
	"gait/commands/connect"
	"gait/commands/gate"
	"gait/ledger"
	"gait/projection"
)

// listForClient answers tools/list with the tools that the client may see.
func (s *session) listForClient(ctx context.Context, m *jsonrpc.Request, r *request) {
	var p struct {
		Meta map[string]json.RawMessage `json:"_meta"`
	}
	if m.Params != nil && json.Unmarshal(m.Params, &p) != nil {
		s.answer(r, failed(jsonrpc.CodeInvalidParams, "the parameters cannot be read"))
		return
	}
	if err := s.tools.ready(ctx, protocolOf(p.Meta)); err != nil {
		s.o.Log("%v", err)
		s.answer(r, failed(jsonrpc.CodeInternalError, ErrTools.Error()))
		return
	}
	var got *jsonrpc.Response
	if err := s.sendAs(r, m.Method, withoutTasks(m.Params, "_meta", metaCapabilities)); err == nil {
		got = s.await(ctx, r)
	}
	switch {
	case got == nil:
		got = failed(jsonrpc.CodeInternalError, ErrServerEnded.Error())
	case got.Error == nil:
		var err error
		if got.Result, err = s.visible(got.Result); err != nil {
			got = failed(jsonrpc.CodeInternalError, "the server's list of tools cannot be read")
		}
	}
	s.answer(r, got)
}

// visible returns the result of tools/list with those tools alone that the client may see.
func (s *session) visible(list json.RawMessage) (json.RawMessage, error) {
	all, err := members(list)
	if err != nil {
		return nil, err
	}
	var tools []json.RawMessage
	if err := json.Unmarshal(all["tools"], &tools); err != nil {
		return nil, err
	}
	if all["tools"], err = encode(s.tools.shown(tools)); err != nil {
		return nil, err
	}
	return encoded(all), nil
}

// callTool answers tools/call: it asks the gate, and only after an allow the server.
func (s *session) callTool(ctx context.Context, m *jsonrpc.Request, r *request) {
	c, err := readCall(m.Params)
	if err != nil {
		s.answer(r, failed(jsonrpc.CodeInvalidParams, "it has not run: "+err.Error()))
		return
	}
	refused := func(code, words string) {
		s.answer(r, refuse(c, outcome{Verdict: string(ledger.GateBlock), ReasonCode: code, JobID: s.o.Job}, words))
	}
	if err := s.tools.ready(ctx, protocolOf(c.meta)); err != nil {
		s.o.Log("%v", err)
		refused("tools_unknown", wordsTools)
		return
	}
	t, waits, ok := s.tools.find(c.name)
	switch {
	case waits:
		refused("tool_changed", wordsHidden)
		return
	case !ok:
		s.answer(r, failed(jsonrpc.CodeInvalidParams, fmt.Sprintf("unknown tool: %.128q", c.name)))
		return
	}
	if clash := t.clash(c.arguments); clash != "" {
		s.answer(r, failed(jsonrpc.CodeInvalidParams, "it has not run: "+clash))
		return
	}
	on, no := s.permit(ctx, c)
	if no != nil {
		s.answer(r, no)
		return
	}
	if !r.waited() {
		s.o.Log("a call of %s was cancelled before it ran: its grant %s is left open", c.name, on.grant)
		s.forget(r)
		return
	}
	s.answer(r, s.forward(ctx, r, c, t, on))
}

// permit returns what a call runs under, or the answer to one that does not run.
func (s *session) permit(ctx context.Context, c toolCall) (on step, no *jsonrpc.Response) {
	if c.responses != nil || c.state != nil {
		return s.nextStep(ctx, c)
	}
	intent, err := c.intent(s.o.Server)
	if err != nil {
		return on, failed(jsonrpc.CodeInvalidParams, "it has not run: "+err.Error())
	}
	q := connect.GateQuestion{
		JobID: s.o.Job, Tool: gateName(s.o.Server, c.name), Intent: intent, CallID: c.callID, Lease: s.o.Lease, Trace: c.trace,
		Policy: s.o.Policy, Facts: commands.GateFacts{EnvironmentFingerprint: s.o.Fingerprint},
	}
	a, _ := s.desk.Ask(ctx, q)
	if a.Verdict != ledger.GateAllow && a.ReasonCode == gate.CodeNotRunning && s.resume(ctx) {
		a, _ = s.desk.Ask(ctx, q)
	}
	if ask.Allows(a, q.Tool, q.CallID) {
		return step{a.Grant, a.PolicyDigest}, nil
	}
	if a.Verdict == ledger.GateAllow { // it is no whole answer to this call
		a = commands.GateAnswer{Verdict: ledger.GateBlock, ReasonCode: gate.CodeInternal}
	}
	if a.ReasonCode == gate.CodeAlreadyDone && a.Result != nil {
		if b, err := s.kept(ctx, *a.Result); err == nil && isResult(b) {
			return on, &jsonrpc.Response{Result: b}
		}
	}
	amended := ""
	if a.Amended != nil {
		if b, err := s.kept(ctx, *a.Amended); err == nil {
			amended = string(b)
		}
	}
	return on, blocked(c, s.o.Job, a, amended)
}

// kept returns content of the job.
func (s *session) kept(ctx context.Context, c ledger.Content) (b []byte, err error) {
	err = s.desk.Read(ctx, func(l *connect.Ledger) (err error) {
		b, err = readContent(ctx, l, s.o.Job, c)
		return err
	})
	return b, err
}

// isResult reports whether what was recorded of a call is a result of a tool.
func isResult(b []byte) bool {
	all, err := members(b)
	return err == nil && all["content"] != nil
}

// forward sends an allowed call to the server, waits for the answer, and settles the grant.
func (s *session) forward(ctx context.Context, r *request, c toolCall, t tool, on step) *jsonrpc.Response {
	grant := on.grant
	lost := func(code, words string) *jsonrpc.Response {
		s.o.Log("the grant %s of %s is left open: %s", grant, c.name, code)
		return refuse(c, outcome{Verdict: string(ledger.GateAllow), ReasonCode: code, JobID: s.o.Job, Grant: grant}, words)
	}
	if err := s.sendAs(r, methodToolsCall, c.params()); err != nil {
		return lost("server_ended", wordsEnded)
	}
	got := s.await(ctx, r)
	if got == nil {
		return lost("server_ended", wordsEnded)
	}
	var is result
	if got.Error == nil {
		var err error
		if is, err = readResult(got.Result); err != nil {
			return lost("answer_unreadable", wordsUnread)
		}
	}
	switch {
	case got.Error != nil:
		if t.reads {
			s.settle(ctx, c, grant, encodedError(got.Error))
		} else {
			s.o.Log("%s has ended with an error: its grant %s is left open", c.name, grant)
		}
	case is.Task != nil, is.ResultType != "" && is.ResultType != "complete" && is.ResultType != "input_required":
		return lost("task_unsupported", wordsTask)
	case is.ResultType == "input_required":
		s.expect(c.same(is.State), on)
	case is.IsError && !t.reads:
		s.o.Log("%s has answered with an error: its grant %s is left open", c.name, grant)
	default:
		s.settle(ctx, c, grant, got.Result)
	}
	return got
}

// encodedError returns an error of the protocol as JSON.
func encodedError(err error) json.RawMessage {
	b, failed := encode(map[string]error{"error": err})
	if failed != nil {
		return json.RawMessage(`{"error":{}}`)
	}
	return b
}

// settleWithin is how long it may take to record what became of a call.
const settleWithin = time.Minute

// settle records that a call was done, and what it was answered.
func (s *session) settle(ctx context.Context, c toolCall, grant string, result json.RawMessage) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleWithin)
	defer cancel()
	b, err := encode(result) // in one line, as it was sent on
	if err == nil {
		_, err = s.desk.Settle(ctx, connect.Settlement{
			JobID: s.o.Job, Grant: grant, Outcome: ledger.EffectDone, Result: bytes.NewReader(b), MediaType: "application/json", Lease: s.o.Lease, Trace: c.trace,
		})
	}
	switch f, _ := ledger.FaultOf(err); {
	case err == nil:
	case f.Code == string(projection.GrantNotFound):
		s.o.Log("%s was done, though another actor has said before what became of its grant %s: a person has to look at that", c.name, grant)
	default:
		s.o.Log("%s was done, but its grant %s is left open: %v", c.name, grant, err)
	}
}
