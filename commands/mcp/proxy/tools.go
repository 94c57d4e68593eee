package proxy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gait/ledger"
)

// A tool is a tool as its server describes it.
type tool struct {
	name  string
	is    json.RawMessage     // all of the description, with its members in order
	reads bool                // it says that it only reads
	input any                 // the schema of its arguments
	names map[string][]string // of all that the schema has at any depth, by what they are without case
}

// readTool reads the description of a tool.
func readTool(b json.RawMessage) (t tool, err error) {
	var read struct {
		Name        string `json:"name"`
		Annotations struct {
			ReadOnlyHint bool `json:"readOnlyHint"`
		} `json:"annotations"`
		InputSchema any `json:"inputSchema"`
		Execution   struct {
			TaskSupport string `json:"taskSupport"`
		} `json:"execution"`
	}
	if t.is, err = normal(b); err != nil {
		return t, err
	}
	if err := json.Unmarshal(t.is, &read); err != nil {
		return t, err
	}
	if read.Execution.TaskSupport == "required" {
		return t, fmt.Errorf("the tool %.60q runs as a task only", read.Name)
	}
	t.name, t.reads = read.Name, read.Annotations.ReadOnlyHint
	t.input, t.names = read.InputSchema, make(map[string][]string)
	namesIn(t.input, t.names)
	return t, nil
}

// A toolset is the tools of a server by name.
type toolset map[string]tool

// readTools reads descriptions. What is no tool, has no name for the gate or a name that another
// one has is left out, and problems says so.
func readTools(server string, list []json.RawMessage) (tools toolset, problems []error) {
	tools = make(toolset, len(list))
	twice := make(map[string]bool)
	for _, b := range list {
		t, err := readTool(b)
		if err == nil {
			err = ledger.FieldTool.Check(gateName(server, t.name))
		}
		_, known := tools[t.name]
		switch {
		case err != nil:
			problems = append(problems, fmt.Errorf("a tool is hidden: %w", err))
		case known:
			twice[t.name] = true
		default:
			tools[t.name] = t
		}
	}
	for _, name := range slices.Sorted(maps.Keys(twice)) {
		delete(tools, name)
		problems = append(problems, fmt.Errorf("a tool is hidden: %s is listed twice", name))
	}
	return tools, problems
}

// prefix begins the names of tools of MCP servers, at the gate.
const prefix = "mcp:"

// targetName returns what the tools of a server act on, for the gate.
func targetName(server string) string { return prefix + server }

// gateName returns the name of a tool, for the gate.
func gateName(server, name string) string { return prefix + server + "/" + name }

// A record is the tools of a server as they are kept.
type record struct {
	Server string            `json:"server"`
	Tools  []json.RawMessage `json:"tools"`
}

// encode returns the record of tools, in the order of their names.
func (t toolset) encode(server string) (json.RawMessage, error) {
	r := record{Server: server, Tools: []json.RawMessage{}}
	for _, name := range slices.Sorted(maps.Keys(t)) {
		r.Tools = append(r.Tools, t[name].is)
	}
	return encode(r)
}

// readRecord reads a record; ok is false if it is that of another server.
func readRecord(b []byte, server string) (tools toolset, ok bool, err error) {
	var r record
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, false, fmt.Errorf("reading the recorded tools: %w", err)
	}
	if r.Server != server {
		return nil, false, nil
	}
	tools, problems := readTools(server, r.Tools)
	return tools, true, errors.Join(problems...)
}

// A change is a tool that is described in another way than it was recorded.
type change struct {
	Is   json.RawMessage `json:"is"`
	Tool string          `json:"tool"`
	Was  json.RawMessage `json:"was"`
}

// changes returns how the tools of a server differ from those that were recorded. fresh has the
// names of those that were not, which are changes only if askNew says so.
func changes(recorded, current toolset, askNew bool) (changed []change, fresh []string) {
	for _, name := range slices.Sorted(maps.Keys(current)) {
		was, known := recorded[name]
		switch is := current[name]; {
		case known && bytes.Equal(was.is, is.is):
		case known:
			changed = append(changed, change{Is: is.is, Tool: name, Was: was.is})
		default:
			if fresh = append(fresh, name); askNew {
				changed = append(changed, change{Is: is.is, Tool: name, Was: json.RawMessage("null")})
			}
		}
	}
	return changed, fresh
}

// names returns the names of the tools that have changed, for people.
func names(changed []change) string {
	var all []string
	for _, c := range changed {
		all = append(all, c.Tool)
	}
	if len(all) > 5 {
		return fmt.Sprintf("%s and %d more", strings.Join(all[:5], ", "), len(all)-5)
	}
	return strings.Join(all, ", ")
}

// apply returns tools with changes that were approved. Changes of other tools than those, or to
// what is no tool, change nothing.
func (t toolset) apply(changed []change) toolset {
	after := make(toolset, len(t))
	maps.Copy(after, t)
	for _, c := range changed {
		was := json.RawMessage("null")
		if tool, known := after[c.Tool]; known {
			was = tool.is
		}
		is, err := readTool(c.Is)
		if !bytes.Equal(was, c.Was) || err != nil || is.name != c.Tool || !bytes.Equal(is.is, c.Is) {
			return t
		}
		after[c.Tool] = is
	}
	return after
}

// alike reports whether changes are the same.
func alike(a, b []change) bool {
	return slices.EqualFunc(a, b, func(a, b change) bool {
		return a.Tool == b.Tool && bytes.Equal(a.Is, b.Is) && bytes.Equal(a.Was, b.Was)
	})
}

// A changeRecord is what a decision about changes is about.
type changeRecord struct {
	Server string   `json:"server"`
	Tools  []change `json:"tools"`
}

// encodeChanges returns what a decision about changes is about.
func encodeChanges(server string, changed []change) (json.RawMessage, error) {
	return encode(changeRecord{server, changed})
}

// readChanges reads what a decision is about; nil if that is not changes of a server's tools.
func readChanges(b []byte, server string) []change {
	var r changeRecord
	if json.Unmarshal(b, &r) != nil || r.Server != server || len(r.Tools) == 0 {
		return nil
	}
	if again, err := encodeChanges(server, r.Tools); err != nil || !bytes.Equal(again, b) {
		return nil // two readers could read it in two ways
	}
	return r.Tools
}
