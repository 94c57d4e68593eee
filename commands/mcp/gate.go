package mcp

import (
	"bytes"
	"cmp"
	"context"
	"fmt"

	"gait/commands"
	"gait/commands/ask"
	"gait/commands/connect"
	"gait/ledger"
	"gait/ledger/jcs"
	"gait/projection"
)

// A gateAnswer is what the gate answers, as the tool shows it.
type gateAnswer struct {
	JobID        string   `json:"job_id"`
	Tool         string   `json:"tool"`
	CallID       string   `json:"call_id,omitempty"`
	Verdict      string   `json:"verdict"`
	ReasonCode   string   `json:"reason_code"`
	Grant        string   `json:"grant,omitempty"` // of an allow
	CheckpointID string   `json:"checkpoint_id,omitempty"`
	Outcome      string   `json:"outcome,omitempty"`
	Unsettled    []string `json:"unsettled,omitempty"`
}

type gateMembers struct {
	JobID     string `json:"job_id"`
	Tool      string `json:"tool"`
	Arguments raw    `json:"arguments"`
	Target    string `json:"target"`
	CallID    string `json:"call_id"`
	Once      bool   `json:"once"`
}

// gate asks the gate. A client that has answered where the decision is made is told again that an
// approval is needed: nothing but the gate allows, and it is asked once for each call of the tool.
func (s *server) gate(ctx context.Context, c *call, in gateMembers) (a gateAnswer, err error) {
	id, err := s.job(in.JobID)
	if err != nil {
		return a, err
	}
	if cp, again := c.answered(id); again {
		c.blocked, c.text = true, s.words(id, cp)
		return gateAnswer{
			JobID: id, Tool: in.Tool, CallID: in.CallID, Verdict: string(ledger.GateRequireApproval), ReasonCode: "policy_requires_approval", CheckpointID: cp,
		}, nil
	}
	intent, err := intentOf(in)
	if err != nil {
		return a, err
	}
	said, _ := s.Desk.Ask(ctx, connect.GateQuestion{
		JobID: id, Actor: s.Actor, Tool: in.Tool, Intent: intent, CallID: in.CallID, Once: in.Once, Lease: s.Lease(id),
	})
	a = gateAnswer{
		JobID: id, Tool: in.Tool, CallID: cmp.Or(said.CallID, in.CallID), Verdict: string(said.Verdict), ReasonCode: said.ReasonCode,
		CheckpointID: said.CheckpointID, Outcome: string(said.Outcome), Unsettled: said.Unsettled,
	}
	if ask.Allows(said, in.Tool, in.CallID) {
		a.Grant = said.Grant
		return a, nil
	}
	c.blocked, c.text = true, ask.Words(said)
	switch {
	case said.Verdict == ledger.GateRequireApproval:
		c.text += "\n" + s.words(id, said.CheckpointID)
		s.show(ctx, c, id, said.CheckpointID, "may the tool "+in.Tool+" run?")
	case said.Verdict != ledger.GateBlock: // an allow without a grant, or of another call
		a.Verdict = string(ledger.GateBlock)
	}
	return a, nil
}

// intentOf returns the intent of what a tool was asked for. The arguments stay as they came.
func intentOf(in gateMembers) ([]byte, error) {
	if len(in.Arguments) == 0 || in.Arguments.Kind() != '{' {
		return nil, &Error{Code: "invalid_arguments", Text: "arguments: it takes an object with the arguments of the tool"}
	}
	b := append(jcs.AppendString([]byte(`{"tool":`), in.Tool), `,"arguments":`...)
	b = append(b, in.Arguments...)
	if in.Target != "" {
		b = jcs.AppendString(append(b, `,"target":`...), in.Target)
	}
	return append(b, '}'), nil
}

type settleMembers struct {
	JobID   string `json:"job_id"`
	Grant   string `json:"grant"`
	Outcome string `json:"outcome"`
	Result  raw    `json:"result"`
}

// settle says that what a grant permitted was done, while it is open. One that is unknown is for
// people: the job is settled as it was read, so that no other actor has said so meanwhile.
func (s *server) settle(ctx context.Context, _ *call, in settleMembers) (a jobAnswer, err error) {
	id, err := s.job(in.JobID)
	if err != nil {
		return a, err
	}
	if in.Outcome != "" && in.Outcome != string(ledger.EffectDone) {
		return a, &Error{Code: "invalid_outcome", Text: fmt.Sprintf("outcome %.40q: only what was done is settled here; leave the grant open, and a person finds out", in.Outcome)}
	}
	c := commands.GateSettle{Grant: in.Grant, Outcome: ledger.EffectDone}
	result, err := s.asRead(ctx, commands.Request{JobID: id, Lease: s.Lease(id), Command: c}, func(l *connect.Ledger, j projection.Job, r *commands.Request) error {
		g, found := j.Grant(in.Grant)
		if g.Unknown {
			return &Error{Code: "no_open_grant", Text: "it is not known what became of grant " + g.ID + ", and a person settles it: you cannot"}
		}
		c := c
		if found && in.Result != nil {
			put, err := l.PutContent(ctx, id, connect.Upload{MediaType: mediaJSON, Bytes: bytes.NewReader(in.Result)})
			if err != nil {
				return fmt.Errorf("keeping what the tool answered: %w", err)
			}
			c.Result = put.Content
		}
		r.Command = c
		return nil
	})
	return recorded(result), err
}
