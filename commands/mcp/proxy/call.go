package proxy

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gait/ledger"
)

// A toolCall is a call of a tool, as its client asks for it.
type toolCall struct {
	name      string
	arguments json.RawMessage            // nil: none
	meta      map[string]json.RawMessage // nil: none
	responses json.RawMessage            // to what the server has asked before; nil: none
	state     json.RawMessage            // of the server, from before; nil: none
	callID    string                     // the client's name for it; may be ""
	trace     string                     // a traceparent; may be ""
}

// callMembers are what the parameters of a call may have.
var callMembers = []string{"_meta", "arguments", "inputResponses", "name", "requestState"}

// readCall reads the parameters of a call. Whatever could be read in another way is an error.
func readCall(params json.RawMessage) (c toolCall, err error) {
	all, err := members(params)
	if err != nil {
		return c, err
	}
	if _, ok := all["task"]; ok {
		return c, errors.New("a call as a task is not taken: call the tool without it")
	}
	for name := range all {
		if !slices.Contains(callMembers, name) {
			return c, fmt.Errorf("%.60q is no parameter of a call", name)
		}
	}
	if c.name = text(all["name"]); c.name == "" {
		return c, errors.New("the name of the tool is missing")
	}
	c.responses, c.state = all["inputResponses"], all["requestState"]
	if b, ok := all["arguments"]; ok {
		c.arguments = b
		if _, err := members(b); err != nil {
			return c, fmt.Errorf("the arguments: %w", err)
		}
	}
	if b, ok := all["_meta"]; ok {
		if c.meta, err = members(b); err != nil {
			return c, fmt.Errorf("_meta: %w", err)
		}
		if t := text(c.meta[metaTrace]); ledger.FieldTrace.Check(t) == nil {
			c.trace = t
		}
		if id, ok := c.meta[metaCallID]; ok {
			c.callID = text(id)
			if err := ledger.FieldCallID.Check(c.callID); err != nil || strings.HasPrefix(c.callID, "intent:") {
				return c, fmt.Errorf("%s: it is no name for a call", metaCallID)
			}
		}
	}
	return c, nil
}

// intent returns what the gate is asked about.
func (c toolCall) intent(server string) ([]byte, error) {
	arguments := c.arguments
	if arguments == nil {
		arguments = json.RawMessage("{}")
	}
	return encode(struct {
		Tool      string          `json:"tool"`
		Arguments json.RawMessage `json:"arguments"`
		Target    string          `json:"target"`
	}{gateName(server, c.name), arguments, targetName(server)})
}

// params returns what the server is sent.
func (c toolCall) params() json.RawMessage {
	all := map[string]json.RawMessage{"name": encoded1(c.name)}
	for name, b := range map[string]json.RawMessage{"arguments": c.arguments, "inputResponses": c.responses, "requestState": c.state} {
		if b != nil {
			all[name] = b
		}
	}
	if c.meta != nil {
		meta := make(map[string]json.RawMessage, len(c.meta))
		for name, b := range c.meta {
			if !strings.HasPrefix(name, "gait/") {
				meta[name] = b
			}
		}
		all["_meta"] = withoutTasks(encoded(meta), metaCapabilities)
	}
	return encoded(all)
}

// encoded1 returns a string as JSON.
func encoded1(s string) json.RawMessage {
	b, err := encode(s)
	if err != nil {
		panic("proxy: encoding a string: " + err.Error())
	}
	return b
}

// same returns what the calls have in common that are steps of one.
func (c toolCall) same(state json.RawMessage) string {
	return string(encoded1(c.name)) + "\n" + string(c.arguments) + "\n" + string(state)
}

// modern reports whether the call is one of the protocol of 2026-07-28 or later.
func (c toolCall) modern() bool { return c.meta[metaVersion] != nil }

// protocolOf returns the members of _meta that say in which protocol a request is made; nil if
// none do.
func protocolOf(meta map[string]json.RawMessage) json.RawMessage {
	if meta[metaVersion] == nil {
		return nil
	}
	all := make(map[string]json.RawMessage)
	for _, name := range []string{metaVersion, metaClient, metaCapabilities} {
		if b, ok := meta[name]; ok {
			all[name] = b
		}
	}
	return encoded(all)
}
