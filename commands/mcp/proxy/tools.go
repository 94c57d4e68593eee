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
	is    json.RawMessage // all of the description, with its members in order
	reads bool            // it says that it only reads
	takes []string        // the names of its arguments
}

// readTool reads the description of a tool.
func readTool(b json.RawMessage) (t tool, err error) {
	var read struct {
		Name        string `json:"name"`
		Annotations struct {
			ReadOnlyHint bool `json:"readOnlyHint"`
		} `json:"annotations"`
		InputSchema struct {
			Properties map[string]json.RawMessage `json:"properties"`
		} `json:"inputSchema"`
		Execution struct {
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
	t.takes = slices.Sorted(maps.Keys(read.InputSchema.Properties))
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

// apply returns the recorded tools with changes that were approved.
func (t toolset) apply(changed []change, current toolset) toolset {
	after := maps.Clone(t)
	for _, c := range changed {
		after[c.Tool] = current[c.Tool]
	}
	return after
}

// clash says which argument of a call a server that ignores case could take for another one; ""
// if there is none.
func (t tool) clash(arguments map[string]json.RawMessage) string {
	given := slices.Sorted(maps.Keys(arguments))
	for i, name := range given {
		for _, other := range append(slices.Clone(t.takes), given[:i]...) {
			if name != other && strings.EqualFold(name, other) && !slices.Contains(t.takes, name) {
				return fmt.Sprintf("the argument %.60q could be taken for %.60q", name, other)
			}
		}
	}
	return ""
}
