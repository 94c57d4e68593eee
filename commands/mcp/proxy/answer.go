package proxy

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"

	"gait/commands"
	"gait/commands/ask"
)

// What an agent is told by the proxy itself.
const (
	wordsHidden = "This tool is described in another way than before. A person has to approve that first, and it has not run. Stop here and wait. (tool_changed)"
	wordsTools  = "It has not run, since the tools of this server could not be compared with those that were recorded. Try once more, and then stop. (tools_unknown)"
	wordsInput  = "It has not run: it brings input that no call has asked for. Call the tool without it. (input_unknown)"
	wordsNotOn  = "It has not gone on: what has permitted it does not hold any more, and the server was not sent this input. Stop here; a person has to find out what it did before that."
	wordsBusy   = "It has not run: too many calls are running. Wait for them. (too_many_calls)"
	wordsEnded  = "The server ended before it answered. It may have run already. Do not try again: a person has to find out first. (server_ended)"
	wordsTask   = "The server has begun a task instead of answering. It may be running. Do not try again: a person has to find out first. (task_unsupported)"
	wordsUnread = "The server's answer cannot be read. It may have run already. Do not try again: a person has to find out first. (answer_unreadable)"
)

// An outcome is what programs are told about a call that did not run, or whose answer is not
// there.
type outcome struct {
	Verdict      string `json:"verdict"`
	ReasonCode   string `json:"reason_code"`
	JobID        string `json:"job_id"`
	CheckpointID string `json:"checkpoint_id,omitempty"`
	Grant        string `json:"grant,omitempty"`
}

// A refusal is the result of a call that did not run, or whose answer is not there.
type refusal struct {
	Content    []textContent      `json:"content"`
	IsError    bool               `json:"isError"`
	ResultType string             `json:"resultType,omitempty"`
	Meta       map[string]outcome `json:"_meta,omitempty"`
}

type textContent struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// refuse answers a call with an error that is meant for the agent.
func refuse(c toolCall, o outcome, words ...string) *jsonrpc.Response {
	r := refusal{IsError: true, Meta: map[string]outcome{metaAnswer: o}}
	for _, w := range words {
		if w != "" {
			r.Content = append(r.Content, textContent{"text", w})
		}
	}
	if c.modern() {
		r.ResultType = "complete"
	}
	b, err := encode(r)
	if err != nil {
		return failed(jsonrpc.CodeInternalError, "it has not run")
	}
	return &jsonrpc.Response{Result: b}
}

// outcomeOf returns what programs are told about an answer of the gate.
func outcomeOf(job string, a commands.GateAnswer) outcome {
	return outcome{Verdict: string(a.Verdict), ReasonCode: a.ReasonCode, JobID: job, CheckpointID: a.CheckpointID, Grant: a.Grant}
}

// where says to people what an answer of the gate is about.
func where(job string, a commands.GateAnswer) string {
	if a.CheckpointID == "" {
		return ""
	}
	return "It is decision " + a.CheckpointID + " of job " + job + "."
}

// blocked answers a call that the gate has not allowed.
func blocked(c toolCall, job string, a commands.GateAnswer, amended string) *jsonrpc.Response {
	if amended != "" {
		amended = "Approved was: " + amended
	}
	return refuse(c, outcomeOf(job, a), ask.Words(a), amended, where(job, a))
}

// A result is what the answer to a call says of how it ended.
type result struct {
	IsError    bool            `json:"isError"`
	ResultType string          `json:"resultType"`
	Task       json.RawMessage `json:"task"`
	State      json.RawMessage `json:"requestState"`
}

// resultMembers are those that a reader who ignores case could take for others.
var resultMembers = []string{"isError", "resultType", "task", "requestState"}

// readResult reads a result. One that two readers could read in two ways is an
// error.
func readResult(b json.RawMessage) (is result, err error) {
	all, err := members(b)
	if err != nil {
		return is, err
	}
	for name := range all {
		for _, known := range resultMembers {
			if name != known && strings.EqualFold(name, known) {
				return is, fmt.Errorf("%.60q could be taken for %s", name, known)
			}
		}
	}
	return is, json.Unmarshal(b, &is)
}
