package mcp

import (
	"bytes"
	"context"
	"encoding/json"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"gait/ledger/jcs"
)

// A tool is one that the server offers.
type tool struct {
	declared *sdk.Tool
	handle   sdk.ToolHandler
}

// A call is one call of a tool.
type call struct {
	*sdk.CallToolRequest

	blocked bool // the answer is no permission, or no success
	text    string
	input   sdk.InputRequestMap // what the client is asked for before it gets an answer
	state   string
}

// newTool returns a tool that takes In and answers with Out. What the client sends is decoded once,
// from the bytes that came: a member that the tool does not know, or that is there twice, is
// refused.
func newTool[In, Out any](name, description string, hints sdk.ToolAnnotations, in, out object, handle func(context.Context, *call, In) (Out, error)) tool {
	closed := false
	hints.OpenWorldHint = &closed
	return tool{
		declared: &sdk.Tool{Name: name, Description: description, Annotations: &hints, InputSchema: in, OutputSchema: out},
		handle: func(ctx context.Context, req *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
			var asked In
			if no := decode(req.Params.Arguments, &asked); no != nil {
				return failed(no), nil
			}
			c := &call{CallToolRequest: req}
			answer, err := handle(ctx, c, asked)
			switch {
			case err != nil:
				return failed(err), nil
			case c.input != nil:
				return &sdk.CallToolResult{InputRequests: c.input, RequestState: c.state}, nil
			}
			return c.result(answer)
		},
	}
}

// decode reads arguments strictly.
func decode(text []byte, into any) error {
	if len(bytes.TrimSpace(text)) == 0 {
		text = []byte("{}")
	}
	if err := jsonv2.Unmarshal(text, into, jsonv2.RejectUnknownMembers(true)); err != nil {
		return &Error{Code: "invalid_arguments", Text: err.Error()}
	}
	return nil
}

// result returns what a call is answered, as JSON and, for clients that show text alone, as text.
func (c *call) result(answer any) (*sdk.CallToolResult, error) {
	b, err := jcs.Marshal(answer)
	if err != nil {
		return failed(err), nil
	}
	content := []sdk.Content{&sdk.TextContent{Text: string(b)}}
	if c.text != "" {
		content = append([]sdk.Content{&sdk.TextContent{Text: c.text}}, content...)
	}
	return &sdk.CallToolResult{Content: content, StructuredContent: json.RawMessage(b), IsError: c.blocked}, nil
}

// failed returns the answer to a call that was not carried out: what went wrong, and its code.
func failed(err error) *sdk.CallToolResult {
	code, text := codeOf(err)
	return &sdk.CallToolResult{IsError: true, Content: []sdk.Content{&sdk.TextContent{Text: text + " (" + code + ")"}}}
}

// An object is a JSON Schema, or a part of one. It is marshaled with sorted names.
type object map[string]any

// schema returns the schema of an object with some members, the names of which that must be there
// come last.
func schema(members object, required ...string) object {
	o := object{"type": "object", "properties": members, "additionalProperties": false}
	if len(required) > 0 {
		o["required"] = required
	}
	return o
}

// answers returns the schema of what a tool answers, to which members can be added later.
func answers(members object, required ...string) object {
	o := schema(members, required...)
	delete(o, "additionalProperties")
	return o
}

func text(description string) object { return object{"type": "string", "description": description} }

func list(of object, description string) object {
	return object{"type": "array", "items": of, "description": description}
}

func anyObject(description string) object {
	return object{"type": "object", "description": description}
}

func anyValue(description string) object { return object{"description": description} }

// raw is a JSON value as it came.
type raw = jsontext.Value
