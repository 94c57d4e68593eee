package proxy_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"gait/commands"
	"gait/ledger"
)

// asks is a server whose tool asks for input before it does anything.
func asks() *fakeServer {
	return &fakeServer{tools: writeTool, answer: func(method string, params json.RawMessage) string {
		if method == "tools/call" && !strings.Contains(string(params), "inputResponses") {
			return `"result":{"resultType":"input_required","requestState":"s1","inputRequests":{"q":{"method":"elicitation/create"}}}`
		}
		return ""
	}}
}

// nextStep brings the input that asks has asked for.
func (s *session) nextStep() string {
	s.t.Helper()
	return s.ask(`{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"write","arguments":{},"inputResponses":{"q":{}},"requestState":"s1"}}`)
}

// as carries out a command as an actor.
func (d *desk) as(actor, reason string, c commands.Command) {
	d.t.Helper()
	if _, err := d.Do(context.Background(), commands.Request{JobID: jobID, Actor: actor, Reason: reason, Command: c}); err != nil {
		d.t.Fatal(err)
	}
}

// A call that was asked for input goes on only while what has permitted it holds.
func TestNextStepIsJudged(t *testing.T) {
	grantOf := func(d *desk) string { return d.job().Grants[0].ID }
	for _, tt := range []struct {
		name, want string
		between    func(d *desk)
	}{
		{"an emergency stop", "emergency_stopped", func(d *desk) { d.as("boss", "a leak", commands.Stop{}) }},
		{"a cancel", "not_running", func(d *desk) { d.as("boss", "enough", commands.Cancel{}) }},
		{"a pause", "not_running", func(d *desk) { d.as("boss", "lunch", commands.Pause{}) }},
		{"settled as not done", commands.CodeGrantSettled, func(d *desk) {
			d.as("boss", "it was not", commands.GateSettle{Grant: grantOf(d), Outcome: ledger.EffectNotDone})
		}},
		{"settled as done", commands.CodeGrantSettled, func(d *desk) {
			d.as("boss", "it was", commands.GateSettle{Grant: grantOf(d), Outcome: ledger.EffectDone})
		}},
		{"unknown", "effects_unsettled", func(d *desk) {
			d.as("boss", "who knows", commands.GateSettle{Grant: grantOf(d), Outcome: ledger.EffectUnknown})
		}},
		{"a lease of another worker", "effects_unsettled", func(d *desk) {
			d.as("agent_2", "", commands.LeaseTake{Worker: "w2", TTL: 60})
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			d, f := newDesk(t, all), asks()
			s := start(t, d, f, nil)
			has(t, s.call("write", `{}`), "input_required")
			tt.between(d)
			has(t, s.nextStep(), `"id":4`, `"isError":true`, tt.want, "It has not gone on")
			if ran := f.ran(); len(ran) != 1 {
				t.Errorf("the server was sent %q", ran)
			}
		})
	}
}

// What another actor has settled while the tool ran is not called open.
func TestSettledMeanwhile(t *testing.T) {
	d, f := newDesk(t, all), &fakeServer{tools: writeTool}
	f.answer = func(method string, _ json.RawMessage) string {
		if method == "tools/call" {
			d.as("boss", "it hangs", commands.GateSettle{Grant: d.job().Grants[0].ID, Outcome: ledger.EffectNotDone})
		}
		return ""
	}
	s := start(t, d, f, nil)
	has(t, s.call("write", `{}`), `"text":"done"`)
	has(t, s.logged(), "another actor has said before", "!left open")
}
