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
)

// listForClient answers tools/list with the tools that the client may see.
func (s *session) listForClient(ctx context.Context, m *jsonrpc.Request, r *request) {
	var p struct {
		Meta map[string]json.RawMessage `json:"_meta"`
	}
	if m.Params != nil && json.Unmarshal(m.Params, &p) != nil {
		s.answer(failed(m.ID, jsonrpc.CodeInvalidParams, "the parameters cannot be read"))
		return
	}
	if err := s.tools.ready(ctx, protocolOf(p.Meta)); err != nil {
		s.o.Log("%v", err)
		s.answer(failed(m.ID, jsonrpc.CodeInternalError, ErrTools.Error()))
		return
	}
	if err := s.toServer(&jsonrpc.Request{ID: m.ID, Method: m.Method, Params: withoutTasks(m.Params, "_meta", metaCapabilities)}); err != nil {
		return
	}
	got := s.await(ctx, r)
	switch {
	case got == nil:
		got = failed(m.ID, jsonrpc.CodeInternalError, ErrServerEnded.Error())
	case got.Error == nil:
		var err error
		if got.Result, err = s.visible(got.Result); err != nil {
			got = failed(m.ID, jsonrpc.CodeInternalError, "the server's list of tools cannot be read")
		}
	}
	s.answer(&jsonrpc.Response{ID: m.ID, Result: got.Result, Error: got.Error})
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
		s.answer(failed(m.ID, jsonrpc.CodeInvalidParams, "it has not run: "+err.Error()))
		return
	}
	refused := func(code, words string) {
		s.answer(refuse(m.ID, c, outcome{Verdict: string(ledger.GateBlock), ReasonCode: code, JobID: s.o.Job}, words))
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
		s.answer(failed(m.ID, jsonrpc.CodeInvalidParams, fmt.Sprintf("unknown tool: %.128q", c.name)))
		return
	}
	if clash := t.clash(c.named); clash != "" {
		s.answer(failed(m.ID, jsonrpc.CodeInvalidParams, "it has not run: "+clash))
		return
	}
	grant, no := s.permit(ctx, m.ID, c)
	if no != nil {
		s.answer(no)
		return
	}
	if !r.waited() {
		s.o.Log("a call of %s was cancelled before it ran: its grant %s is left open", c.name, grant)
		s.forget(m.ID)
		return
	}
	s.answer(s.forward(ctx, m.ID, r, c, t, grant))
}

// permit returns the grant that a call runs under, or the answer to one that does not run.
func (s *session) permit(ctx context.Context, id jsonrpc.ID, c toolCall) (grant string, no *jsonrpc.Response) {
	if c.responses != nil || c.state != nil {
		if grant := s.nextStep(c); grant != "" {
			return grant, nil
		}
		return "", refuse(id, c, outcome{Verdict: string(ledger.GateBlock), ReasonCode: "input_unknown", JobID: s.o.Job}, wordsInput)
	}
	intent, err := c.intent(s.o.Server)
	if err != nil {
		return "", failed(id, jsonrpc.CodeInvalidParams, "it has not run: "+err.Error())
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
		return a.Grant, nil
	}
	if a.Verdict == ledger.GateAllow { // it is no whole answer to this call
		a = commands.GateAnswer{Verdict: ledger.GateBlock, ReasonCode: gate.CodeInternal}
	}
	if a.ReasonCode == gate.CodeAlreadyDone && a.Result != nil {
		if b, err := s.kept(ctx, *a.Result); err == nil && isResult(b) {
			return "", &jsonrpc.Response{ID: id, Result: b}
		}
	}
	amended := ""
	if a.Amended != nil {
		if b, err := s.kept(ctx, *a.Amended); err == nil {
			amended = string(b)
		}
	}
	return "", blocked(id, c, s.o.Job, a, amended)
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

// nextStep returns the grant of the call that the server has asked for input, once; "" if there is none.
func (s *session) nextStep(c toolCall) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := c.same(c.state)
	grants := s.goingOn[key]
	if len(grants) == 0 {
		return ""
	}
	if s.goingOn[key] = grants[1:]; len(grants) == 1 {
		delete(s.goingOn, key)
	}
	return grants[0]
}

// forward sends an allowed call to the server, waits for the answer, and settles the grant.
func (s *session) forward(ctx context.Context, id jsonrpc.ID, r *request, c toolCall, t tool, grant string) *jsonrpc.Response {
	lost := func(code, words string) *jsonrpc.Response {
		s.o.Log("the grant %s of %s is left open: %s", grant, c.name, code)
		return refuse(id, c, outcome{Verdict: string(ledger.GateAllow), ReasonCode: code, JobID: s.o.Job, Grant: grant}, words)
	}
	if err := s.server.send(&jsonrpc.Request{ID: id, Method: methodToolsCall, Params: c.params()}); err != nil {
		return lost("server_ended", wordsEnded)
	}
	got := s.await(ctx, r)
	if got == nil {
		return lost("server_ended", wordsEnded)
	}
	var is result
	if got.Error == nil && json.Unmarshal(got.Result, &is) != nil {
		return lost("answer_unreadable", wordsUnread)
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
		s.mu.Lock()
		key := c.same(is.State)
		s.goingOn[key] = append(s.goingOn[key], grant)
		s.mu.Unlock()
	case is.IsError && !t.reads:
		s.o.Log("%s has answered with an error: its grant %s is left open", c.name, grant)
	default:
		s.settle(ctx, c, grant, got.Result)
	}
	return &jsonrpc.Response{ID: id, Result: got.Result, Error: got.Error}
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
	if err != nil {
		s.o.Log("%s was done, but its grant %s is left open: %v", c.name, grant, err)
	}
}
