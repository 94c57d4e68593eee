package hook

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"gait/ledger"
)

// MaxInput is how many bytes a host may say about one call.
const MaxInput = 16 << 20

// A Host is a program that runs agents, and asks hooks.
type Host string

// The hosts.
const (
	ClaudeCode Host = "claude-code"
	Codex      Host = "codex"
	Generic    Host = "generic" // any other, in the form of the package's doc
)

// Hosts are all hosts.
var Hosts = []Host{ClaudeCode, Codex, Generic}

// An Event says what a host asks or tells.
type Event string

// The events.
const (
	Before Event = "before" // a tool is to be called
	After  Event = "after"  // it returned
	Failed Event = "failed" // it failed
)

// events are the names that hosts other than Generic give to events.
var events = map[string]Event{"PreToolUse": Before, "PostToolUse": After, "PostToolUseFailure": Failed}

// A Call is what a host says about one call of a tool.
type Call struct {
	Event     Event
	Tool      string
	Arguments json.RawMessage
	Target    string // "": none
	CallID    string // the host's own name for the call; "" only of Generic, before a call

	Response    json.RawMessage // what the tool returned, after a call
	Error       string          // why it failed
	Interrupted bool            // a person or the host ended it
}

// An InputError says that what a host said cannot be used.
type InputError struct{ Problem string }

func (e *InputError) Error() string { return "what the host says cannot be used: " + e.Problem }

// Fault returns the error's code, hook_input.
func (*InputError) Fault() ledger.Fault {
	return ledger.Fault{Code: "hook_input", Category: ledger.CategoryInvalid}
}

func badf(format string, args ...any) error { return &InputError{fmt.Sprintf(format, args...)} }

// Parse reads what the host says. It fails with an *InputError.
func (h Host) Parse(b []byte) (Call, error) {
	has, err := members(b)
	if err != nil {
		return Call{}, err
	}
	if h == Generic {
		return parseGeneric(has)
	}
	return parseNamed(has)
}

// parseNamed reads the form of Claude Code and Codex. Members that are not used are not looked at:
// new versions of the hosts add some.
func parseNamed(has object) (Call, error) {
	var c Call
	var name string
	err := has.text("hook_event_name", &name, true)
	if err == nil {
		if c.Event = events[name]; c.Event == "" {
			return c, badf("its event is %.40q; gait answers PreToolUse, PostToolUse and PostToolUseFailure alone", name)
		}
		err = has.text("tool_name", &c.Tool, true)
	}
	if err == nil {
		err = has.text("tool_use_id", &c.CallID, true)
	}
	if err == nil {
		c.Arguments, err = has.object("tool_input")
	}
	if err == nil && c.Event == After {
		c.Response, err = has.any("tool_response")
	}
	if err == nil && c.Event == Failed {
		err = has.text("error", &c.Error, false)
	}
	if err == nil && c.Event == Failed && string(has["is_interrupt"]) != "null" {
		err = has.flag("is_interrupt", &c.Interrupted)
	}
	return c.checked(err)
}

// own are the members of Generic, by event.
var own = map[Event][]string{
	Before: {"event", "tool", "arguments", "target", "call_id"},
	After:  {"event", "tool", "arguments", "target", "call_id", "result"},
	Failed: {"event", "tool", "arguments", "target", "call_id", "error", "interrupted"},
}

func parseGeneric(has object) (Call, error) {
	var c Call
	var name string
	if err := has.text("event", &name, true); err != nil {
		return c, err
	}
	c.Event = Event(name)
	names, known := own[c.Event]
	if !known {
		return c, badf("its event is %.40q, and neither before, after nor failed", name)
	}
	for member := range has {
		if !slices.Contains(names, member) {
			return c, badf("it has another member than %v", names)
		}
	}
	err := has.text("tool", &c.Tool, true)
	if err == nil {
		err = has.text("call_id", &c.CallID, c.Event != Before)
	}
	if err == nil {
		err = has.text("target", &c.Target, false)
	}
	if err == nil {
		c.Arguments, err = has.object("arguments")
	}
	if err == nil && c.Event == After {
		c.Response, err = has.any("result")
	}
	if err == nil {
		err = has.text("error", &c.Error, false)
	}
	if err == nil {
		err = has.flag("interrupted", &c.Interrupted)
	}
	return c.checked(err)
}

// checked checks the names of a call, which are never changed to fit.
func (c Call) checked(err error) (Call, error) {
	if err == nil && c.CallID != "" {
		err = ledger.FieldCallID.Check(c.CallID)
	}
	if err == nil {
		err = ledger.FieldTool.Check(c.Tool)
	}
	if err == nil {
		return c, nil
	}
	if _, ok := errors.AsType[*InputError](err); !ok {
		err = badf("%v", err)
	}
	return Call{}, err
}

// Intent returns what the gate is asked: the tool, its arguments and its target, as the host has
// spelled them.
func (c Call) Intent() []byte {
	b := []byte(`{"tool":`)
	b = append(b, quoted(c.Tool)...)
	b = append(append(b, `,"arguments":`...), c.Arguments...)
	if c.Target != "" {
		b = append(append(b, `,"target":`...), quoted(c.Target)...)
	}
	return append(b, '}')
}

// Result returns what became of the call, as JSON to be kept: what the tool returned, or why it
// failed.
func (c Call) Result() []byte {
	if c.Event == After {
		return c.Response
	}
	b := append([]byte(`{"error":`), quoted(c.Error)...)
	if c.Interrupted {
		b = append(b, `,"interrupted":true`...)
	}
	return append(b, '}')
}

// quoted returns a text as JSON.
func quoted(s string) []byte {
	b, err := json.Marshal(s)
	if err != nil {
		panic("hook: " + err.Error())
	}
	return b
}

// An object has the members of a JSON object, as they are spelled.
type object map[string]json.RawMessage

// members reads one JSON object, whose members have different names.
func members(b []byte) (object, error) {
	switch {
	case len(b) == 0:
		return nil, badf("there is nothing")
	case len(b) > MaxInput:
		return nil, badf("it has more than %d MiB", MaxInput>>20)
	case !utf8.Valid(b):
		return nil, badf("it is not UTF-8")
	case !json.Valid(b):
		return nil, badf("it is not JSON, or not all of it is there")
	}
	d := json.NewDecoder(bytes.NewReader(b))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, badf("it is no JSON object")
	}
	has := object{}
	for d.More() {
		key, err := d.Token()
		name, ok := key.(string)
		if err != nil || !ok {
			return nil, badf("it is no JSON object")
		}
		if _, twice := has[name]; twice {
			return nil, badf("it has a member twice")
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return nil, badf("a member cannot be read: %v", err)
		}
		has[name] = value
	}
	if _, err := d.Token(); err != nil {
		return nil, badf("it is no JSON object")
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, badf("something comes after the object")
	}
	return has, nil
}

// text reads a member that is a text, and not empty if it is required.
func (o object) text(name string, into *string, required bool) error {
	raw, ok := o[name]
	if !ok && !required {
		return nil
	}
	if !ok || len(raw) == 0 || raw[0] != '"' || json.Unmarshal(raw, into) != nil {
		return badf("%s is missing or no text", name)
	}
	if *into == "" && name != "error" {
		return badf("%s is empty", name)
	}
	return nil
}

func (o object) flag(name string, into *bool) error {
	if raw, ok := o[name]; ok && (string(raw) == "null" || json.Unmarshal(raw, into) != nil) {
		return badf("%s is neither true nor false", name)
	}
	return nil
}

func (o object) object(name string) (json.RawMessage, error) {
	if raw := o[name]; len(raw) > 0 && raw[0] == '{' {
		return raw, nil
	}
	return nil, badf("%s is missing or no object", name)
}

func (o object) any(name string) (json.RawMessage, error) {
	if raw := o[name]; len(raw) > 0 {
		return raw, nil
	}
	return nil, badf("%s is missing", name)
}
