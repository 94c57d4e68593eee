package hook

import (
	"encoding/json"
	"strings"
)

// The exit codes of a hook. A host takes no other code as an answer.
const (
	ExitAllow = 0
	ExitDeny  = 2
)

// An Answer is what a host is told about a call.
type Answer struct {
	OK     bool   // before a call: it may run; after one: what became of it is on the ledger
	Reason string // why not, in words for the agent; never empty unless OK

	// What else Generic is told.
	Event        Event
	ReasonCode   string
	JobID        string
	Tool, CallID string
	Grant        string
	CheckpointID string // of the decision that the call waits for
}

// An Output is an answer as the host takes it. What is "" is not written.
type Output struct {
	Stdout, Stderr string
	Exit           int

	// Instead is written to standard output if Stderr cannot be written, with the exit code 0:
	// it denies without standard error. It is "" if the exit code says enough.
	Instead string
}

// Output returns an answer in the host's form.
func (h Host) Output(a Answer) Output {
	out := Output{Exit: ExitAllow}
	if !a.OK {
		reason := oneLine(a.Reason)
		if reason == "" {
			reason = "gait gave no answer, and it has not run."
		}
		a.Reason = reason
		out = Output{Stderr: "gait: " + reason + "\n", Exit: ExitDeny}
	}
	switch {
	case h == Generic:
		out.Stdout = a.line()
	case h == Codex && !a.OK && (a.Event == Before || a.Event == ""):
		out.Instead = `{"hookSpecificOutput":{"hookEventName":"PreToolUse","permissionDecision":"deny","permissionDecisionReason":` + string(quoted(a.Reason)) + "}}\n"
	}
	return out
}

// line returns the answer in the form of Generic.
func (a Answer) line() string {
	decision := "deny"
	switch {
	case a.OK && a.Event == Before:
		decision = "allow"
	case a.OK:
		decision = "settled"
	}
	said := struct {
		SchemaVersion string `json:"schema_version"`
		Decision      string `json:"decision"`
		Reason        string `json:"reason,omitempty"`
		ReasonCode    string `json:"reason_code,omitempty"`
		JobID         string `json:"job_id,omitempty"`
		Tool          string `json:"tool,omitempty"`
		CallID        string `json:"call_id,omitempty"`
		Grant         string `json:"grant,omitempty"`
		CheckpointID  string `json:"checkpoint_id,omitempty"`
	}{"1.0.0", decision, a.Reason, a.ReasonCode, a.JobID, a.Tool, a.CallID, a.Grant, a.CheckpointID}
	b, err := json.Marshal(said)
	if err != nil {
		panic("hook: " + err.Error())
	}
	return string(b) + "\n"
}

// oneLine returns a text without what breaks a line or moves a cursor.
func oneLine(s string) string {
	return strings.TrimSpace(strings.Map(func(c rune) rune {
		switch {
		case c == '\n', c == '\t':
			return ' '
		case c < ' ', c >= 0x7f && c < 0xa0:
			return -1
		}
		return c
	}, s))
}
